"""A bank of the SRAM: single-ported storage behind a buffer that makes whole words of partial writes."""

from collections.abc import Iterable

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin, Yielding
from ..config import Config, bits_for_count
from ..onehot import select
from .buffer import BankWrites, Buffer, fill_layout, overlay_layout
from .ecc import CHECK_BITS, DATA_BITS, encode, stored_layout, words_per_line
from .storage import Storage


def flaw_layout(config: Config) -> data.StructLayout:
    """Bits to be stored wrong in a word of a line, for tests of the error correction."""
    return data.StructLayout({
        "data": DATA_BITS,
        "check": CHECK_BITS,
        "word": bits_for_count(words_per_line(config)),
    })


class BankReads(wiring.Signature):
    """What ports ask a bank to read, seen from them. At most one is taken in a cycle."""

    def __init__(self, config: Config, *, readers: int):
        super().__init__({
            "valid": Out(readers),
            "row": Out(data.ArrayLayout(bits_for_count(config.bank_lines), readers)),
            "taken": In(readers),
        })


class Bank(wiring.Component):
    """Takes one read and one write a cycle.

    A write goes into the `hdl.mem.buffer.Buffer`, and from there into the storage. Reads see the buffer, this cycle's
    write included. If the buffer has to be filled, the bank asks for it (``needs_fill``), the line is read (``fill``)
    and comes back corrected (``filled``).

    In a cycle the storage does the first of these that there is: the read for a fill; a write-back, if a write waits
    for the buffer and the last choice between a write-back and a read was a read; a read, the readers in turn, but for
    those that yield (`hdl.arbiter.Yielding`); a write-back.

    Parameters
    ----------
    readers, writers : int
        Ports of each kind.
    yielding : iterable of int
        Readers that yield to the others.
    storage : Storage
        What holds the lines; another one stands in for it in proofs.

    Members
    -------
    reads : In(BankReads)
        The line is on ``stored`` and ``overlay`` in the cycle after it was taken.
    writes : In(BankWrites)
    repair : In(1), repair_row : In, repair_flawed : In(1), repair_taken : Out(1)
        See `hdl.mem.buffer.Buffer`.
    flaw : In
        What the repair with a flaw that is under way stores wrong.
    flawed : Out(1)
        Strobe: it is done.
    needs_fill : Out(1), fill_row : Out, fill : In(1)
        From registers, since who gets the fill goes through all banks. The storage is read for it in the cycle of
        ``fill``; the line is on ``stored`` in the next one.
    coming : In(1), filled : In(1), filling : In
        In the cycles from then on, and in the last of them the corrected line.
    stored : Out, overlay : Out
        The line that was read in the last cycle, and the bytes that are newer.
    """

    def __init__(self, *, config: Config, readers: int, writers: int, yielding: Iterable[int] = (),
                 storage: Storage | None = None):
        self.config = config
        self.readers, self.writers = readers, writers
        self.yielding = tuple(yielding)
        self.storage = Storage(config=config) if storage is None else storage
        self.buffer = Buffer(config=config, writers=writers)
        row = bits_for_count(config.bank_lines)
        super().__init__({
            "reads": In(BankReads(config, readers=readers)),
            "writes": In(BankWrites(config, writers=writers)),
            "repair": In(1),
            "repair_row": In(row),
            "repair_flawed": In(1),
            "repair_taken": Out(1),
            "flaw": In(flaw_layout(config)),
            "flawed": Out(1),
            "needs_fill": Out(1),
            "fill_row": Out(row),
            "fill": In(1),
            "coming": In(1),
            "filled": In(1),
            "filling": In(fill_layout(config)),
            "stored": Out(stored_layout(config)),
            "overlay": Out(overlay_layout(config)),
        })
        #: The row that was read last.
        self.read_row = Signal(row, reset_less=True)

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = storage = self.storage
        m.submodules.buffer = buffer = self.buffer
        m.submodules.reader = reader = (
            Yielding(count=self.readers, yielding=self.yielding) if self.yielding else RoundRobin(count=self.readers))

        wiring.connect(m, wiring.flipped(self.writes), buffer.writes)
        m.d.comb += [
            buffer.repair.eq(self.repair),
            buffer.repair_row.eq(self.repair_row),
            buffer.repair_flawed.eq(self.repair_flawed),
            self.repair_taken.eq(buffer.repair_taken),
            self.needs_fill.eq(buffer.needs_fill),
            self.fill_row.eq(buffer.row),
            buffer.fill.eq(self.fill),
            buffer.coming.eq(self.coming),
            buffer.filled.eq(self.filled),
            buffer.filling.eq(self.filling),
        ]

        # What the storage does.
        drained, drain, may_read, reads = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            reader.requests.eq(self.reads.valid),
            may_read.eq(~self.fill & ~(buffer.settled & buffer.urgent & ~drained)),
            reads.eq(self.reads.valid.any() & may_read),
            reader.advance.eq(reads),
            self.reads.taken.eq(Mux(may_read, reader.grant, 0)),
            drain.eq(buffer.settled & ~self.fill & ~reads),
            buffer.drain.eq(drain),
            storage.enable.eq(self.fill | drain | reads),
            storage.write.eq(drain),
            storage.words.eq(buffer.whole),
            storage.row.eq(Mux(reads, select(reader.grant, [self.reads.row[index] for index in range(self.readers)]),
                               buffer.row)),
        ]
        with m.If(drain):
            m.d.sync += drained.eq(1)
        with m.Elif(reads):
            m.d.sync += drained.eq(0)

        # What is written back, with the flaw. (Check bits are guarded for the sake of simulators, not by `drain`, which
        # comes late.)
        content = buffer.newer.data
        m.d.comb += [storage.i.data.eq(content), self.flawed.eq(drain & buffer.flawed)]
        with m.If(buffer.settled):
            for word in range(words_per_line(self.config)):
                value, check = content.word_select(word, DATA_BITS), Signal(CHECK_BITS, name=f"check_{word}")
                m.d.comb += [check.eq(encode(value)), storage.i.check[word].eq(check)]
                with m.If(buffer.flawed & (self.flaw.word == word)):
                    m.d.comb += [
                        storage.i.data[word].eq(value ^ self.flaw.data),
                        storage.i.check[word].eq(check ^ self.flaw.check),
                    ]

        # What readers get, in the cycle after the read.
        with m.If(storage.enable & ~storage.write):
            m.d.sync += self.read_row.eq(storage.row)
        m.d.comb += [
            self.stored.eq(storage.o),
            self.overlay.mask.eq(Mux(buffer.occupied & (buffer.row == self.read_row), buffer.newer.mask, 0)),
            self.overlay.data.eq(content),
        ]
        return m
