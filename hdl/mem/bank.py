"""A bank of the SRAM: single-ported storage behind a buffer that makes whole words of partial writes."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config, bits_for_count
from ..core.onehot import select
from .ecc import CHECK_BITS, DATA_BITS, encode, stored_layout, words_per_line
from .storage import Storage

WORD_BYTES = DATA_BITS // 8


def overlay_layout(config: Config) -> data.StructLayout:
    """Bytes that are newer than the stored ones."""
    return data.StructLayout({"data": config.vector_bits, "mask": config.vector_bytes})


def flaw_layout(config: Config) -> data.StructLayout:
    """Bits to be stored wrong in a word of a line, for tests of the error correction."""
    return data.StructLayout({
        "data": DATA_BITS,
        "check": CHECK_BITS,
        "word": bits_for_count(words_per_line(config)),
    })


def fill_layout(config: Config) -> data.StructLayout:
    """A corrected line for a bank's buffer: its data, the words that could not be corrected, whether others were."""
    return data.StructLayout({
        "data": config.vector_bits,
        "uncorrectable": words_per_line(config),
        "corrected": 1,
    })


class Bank(wiring.Component):
    """Takes one read and one write a cycle.

    A write goes into the buffer, which holds one line, and from there into the storage. A write to the line in the
    buffer joins it there; one to another line waits until the buffer has been written back. Reads see the buffer, this
    cycle's write included.

    Before it is written back, a word of which only some bytes were written has to be filled: the bank asks for it
    (``needs_fill``), the line is read (``fill``) and comes back corrected (``filled``). A word that cannot be corrected
    stays as it is stored, and what was written to some of its bytes is dropped.

    In a cycle the storage does the first of these that there is: the read for a fill; a write-back, if a write waits
    for the buffer and the last choice between a write-back and a read was a read; a read, the readers in turn; a
    write-back.

    A repair is a write of no bytes. It fills the buffer, which is written back if an error was corrected; with a flaw,
    always, and with those bits wrong.

    Parameters
    ----------
    readers, writers : int
        Ports of each kind.
    storage : Storage
        What holds the lines; another one stands in for it in proofs.

    Members
    -------
    read_valid : In(readers), read_row : In, read_taken : Out(readers)
        The line is on ``stored`` and ``overlay`` in the next cycle.
    write_valid : In(writers), write_row, write_mask, write_data : In, write_taken : Out(writers)
    repair : In(1), repair_row : In, repair_flawed : In(1), repair_taken : Out(1)
        Waits until nobody writes and the buffer is empty.
    flaw : In
        Of the repair with a flaw that is under way.
    needs_fill : Out(1), fill_row : Out, fill : In(1)
        The storage is read for it in the cycle of ``fill``; the line is on ``stored`` in the next one.
    coming : In(1), filled : In(1), filling : In
        In the cycles from then on, and in the last of them the corrected line.
    flawed : Out(1)
        Strobe: the repair with a flaw is done.
    stored : Out, overlay : Out
        The line that was read in the last cycle, and the bytes that are newer.
    """

    def __init__(self, *, config: Config, readers: int, writers: int, storage: Storage | None = None):
        self.config = config
        self.readers, self.writers = readers, writers
        self.storage = Storage(config=config) if storage is None else storage
        row = bits_for_count(config.bank_lines)
        super().__init__({
            "read_valid": In(readers),
            "read_row": In(data.ArrayLayout(row, readers)),
            "read_taken": Out(readers),
            "write_valid": In(writers),
            "write_row": In(data.ArrayLayout(row, writers)),
            "write_mask": In(data.ArrayLayout(config.vector_bytes, writers)),
            "write_data": In(data.ArrayLayout(config.vector_bits, writers)),
            "write_taken": Out(writers),
            "repair": In(1),
            "repair_row": In(row),
            "repair_flawed": In(1),
            "repair_taken": Out(1),
            "flaw": In(flaw_layout(config)),
            "needs_fill": Out(1),
            "fill_row": Out(row),
            "fill": In(1),
            "coming": In(1),
            "filled": In(1),
            "filling": In(fill_layout(config)),
            "flawed": Out(1),
            "stored": Out(stored_layout(config)),
            "overlay": Out(overlay_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        words = range(words_per_line(config))
        m.submodules.storage = storage = self.storage
        m.submodules.reader = reader = RoundRobin(count=self.readers)
        m.submodules.writer = writer = RoundRobin(count=self.writers)

        # The buffer: a line, the bytes of it that are there, and what has to happen before it can be written back.
        occupied, repair, flawed = Signal(), Signal(), Signal()
        row = Signal(bits_for_count(config.bank_lines), reset_less=True)
        mask = Signal(config.vector_bytes)
        content = Signal(config.vector_bits, reset_less=True)
        whole = Cat(mask.word_select(word, WORD_BYTES).all() for word in words)
        partial = Cat(mask.word_select(word, WORD_BYTES).any() for word in words) & ~whole
        settled = Signal()
        m.d.comb += [
            self.fill_row.eq(row),
            self.needs_fill.eq(occupied & (repair | partial.any()) & ~self.coming),
            settled.eq(occupied & ~repair & ~partial.any() & ~self.coming),
        ]

        # What the storage does.
        pressed, drained = Signal(), Signal()
        urgent, drain, reads = Signal(), Signal(), Signal()
        m.d.comb += [
            urgent.eq(settled & (pressed | flawed) & ~drained),
            reader.requests.eq(self.read_valid),
            reads.eq(reader.requests.any() & ~self.fill & ~urgent),
            reader.advance.eq(reads),
            self.read_taken.eq(Mux(reads, reader.grant, 0)),
            drain.eq(settled & ~self.fill & ~reads),
            storage.enable.eq(self.fill | drain | reads),
            storage.write.eq(drain),
            storage.words.eq(whole),
            storage.row.eq(Mux(reads, select(reader.grant, [self.read_row[index] for index in range(self.readers)]),
                               row)),
        ]
        with m.If(drain):
            m.d.sync += drained.eq(1)
        with m.Elif(reads):
            m.d.sync += drained.eq(0)
        m.d.comb += storage.i.data.eq(content)
        with m.If(drain):
            for word in words:
                m.d.comb += storage.i.check[word].eq(encode(content.word_select(word, DATA_BITS)))
            with m.If(flawed), m.Switch(self.flaw.word):
                for word in words:
                    with m.Case(word):
                        value = content.word_select(word, DATA_BITS)
                        m.d.comb += [
                            storage.i.data[word].eq(value ^ self.flaw.data),
                            storage.i.check[word].eq(encode(value) ^ self.flaw.check),
                        ]
        m.d.comb += self.flawed.eq(drain & flawed)

        # Fill the buffer: bytes that are not there come from the storage.
        with m.If(drain):
            m.d.sync += [occupied.eq(0), flawed.eq(0)]
        with m.If(self.filled):
            m.d.sync += repair.eq(0)
            for byte in range(config.vector_bytes):
                with m.If(~mask[byte]):
                    m.d.sync += content.word_select(byte, 8).eq(self.filling.data.word_select(byte, 8))

        # Take a write.
        m.d.comb += writer.requests.eq(self.write_valid)
        new_row, new_mask = Signal.like(row), Signal.like(mask)
        take = Signal()
        m.d.comb += [
            new_row.eq(select(writer.grant, [self.write_row[index] for index in range(self.writers)])),
            new_mask.eq(select(writer.grant, [self.write_mask[index] for index in range(self.writers)])),
            take.eq(self.write_valid.any() & (~occupied | drain | (row == new_row))),
            writer.advance.eq(take),
            self.write_taken.eq(Mux(take, writer.grant, 0)),
            self.repair_taken.eq(self.repair & ~self.write_valid.any() & ~occupied),
        ]
        m.d.sync += pressed.eq(self.write_valid.any() & ~take)
        with m.If(take):
            m.d.sync += [occupied.eq(1), row.eq(new_row)]
            for index in range(self.writers):
                with m.If(writer.grant[index]):
                    for byte in range(config.vector_bytes):
                        with m.If(self.write_mask[index][byte]):
                            m.d.sync += content.word_select(byte, 8).eq(self.write_data[index].word_select(byte, 8))
        with m.Elif(self.repair_taken):
            m.d.sync += [occupied.eq(1), row.eq(self.repair_row), repair.eq(1), flawed.eq(self.repair_flawed)]

        # A fill makes every word whole, but for those that cannot be corrected: they keep only what is whole anyway.
        left = Signal.like(mask)
        m.d.comb += left.eq(Mux(drain, 0, mask) | Mux(take, new_mask, 0))
        m.d.sync += mask.eq(left)
        with m.If(self.filled):
            m.d.sync += mask.eq(Cat(
                (~self.filling.uncorrectable[word] | left.word_select(word, WORD_BYTES).all()).replicate(WORD_BYTES)
                for word in words))
            with m.If(~(left.any() | self.filling.corrected | flawed)):
                m.d.sync += [occupied.eq(0), mask.eq(0)]

        # What readers get, in the cycle after the read.
        read_row = Signal.like(row)
        with m.If(storage.enable & ~storage.write):
            m.d.sync += read_row.eq(storage.row)
        m.d.comb += [
            self.stored.eq(storage.o),
            self.overlay.mask.eq(Mux(occupied & (row == read_row), mask, 0)),
            self.overlay.data.eq(content),
        ]
        return m
