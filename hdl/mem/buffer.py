"""The buffer of a bank: a line that is newer than the stored one."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..arith.shift import spread
from ..config import Config, bits_for_count
from ..onehot import select
from .ecc import DATA_BITS, words_per_line

WORD_BYTES = DATA_BITS // 8


def overlay_layout(config: Config) -> data.StructLayout:
    """Bytes that are newer than the stored ones."""
    return data.StructLayout({"data": config.vector_bits, "mask": config.vector_bytes})


def fill_layout(config: Config) -> data.StructLayout:
    """A corrected line for a bank's buffer: its data, the words that could not be corrected, whether others were."""
    return data.StructLayout({
        "data": config.vector_bits,
        "uncorrectable": words_per_line(config),
        "corrected": 1,
    })


class BankWrites(wiring.Signature):
    """What ports ask a bank to write, seen from them. At most one is taken in a cycle."""

    def __init__(self, config: Config, *, writers: int):
        super().__init__({
            "valid": Out(writers),
            "row": Out(data.ArrayLayout(bits_for_count(config.bank_lines), writers)),
            "mask": Out(data.ArrayLayout(config.vector_bytes, writers)),
            "data": Out(data.ArrayLayout(config.vector_bits, writers)),
            "taken": In(writers),
        })


class Buffer(wiring.Component):
    """Holds one line, of which some bytes are there.

    A write to the line joins it; one to another line waits until it has been written back. The writers take turns.

    Before it is written back, a word of which only some bytes were written has to be filled from the stored line. A
    word that cannot be corrected stays as it is stored, and what was written to some of its bytes is dropped.

    A repair is a write of no bytes. It fills the buffer, which is written back if an error was corrected; with a flaw,
    always.

    Members
    -------
    writes : In(BankWrites)
    repair : In(1), repair_row : In, repair_flawed : In(1), repair_taken : Out(1)
        Waits until nobody writes and the buffer is empty.
    needs_fill : Out(1), fill : In(1), coming : In(1), filled : In(1), filling : In
        The line has to be read (a register); it is; in the cycles from then on, and in the last of them the
        corrected line.
    settled : Out(1), urgent : Out(1), drain : In(1)
        It can be written back; somebody waits for that; it is.
    occupied : Out(1), row : Out, flawed : Out(1), newer : Out, whole : Out
        The line: whether there is one, whether it is to be stored wrong, its bytes, and the words that are whole.
    """

    def __init__(self, *, config: Config, writers: int):
        self.config = config
        self.writers = writers
        row = bits_for_count(config.bank_lines)
        super().__init__({
            "writes": In(BankWrites(config, writers=writers)),
            "repair": In(1),
            "repair_row": In(row),
            "repair_flawed": In(1),
            "repair_taken": Out(1),
            "needs_fill": Out(1),
            "fill": In(1),
            "coming": In(1),
            "filled": In(1),
            "filling": In(fill_layout(config)),
            "settled": Out(1),
            "urgent": Out(1),
            "drain": In(1),
            "occupied": Out(1),
            "row": Out(row),
            "flawed": Out(1),
            "newer": Out(overlay_layout(config)),
            "whole": Out(words_per_line(config)),
        })
        #: It has a line that is to be repaired and has not been filled yet.
        self.repairing = Signal()

    def elaborate(self, platform):
        m = Module()
        words = range(words_per_line(self.config))
        writes, mask = self.writes, self.newer.mask
        m.submodules.writer = writer = RoundRobin(count=self.writers)

        # What means nothing before the first write needs no reset.
        row, content = Signal.like(self.row, reset_less=True), Signal(self.config.vector_bits, reset_less=True)
        m.d.comb += [self.row.eq(row), self.newer.data.eq(content)]

        pressed = Signal()  # in the cycle before, a write waited
        m.d.comb += [
            self.whole.eq(Cat(mask.word_select(word, WORD_BYTES).all() for word in words)),
            self.settled.eq(self.occupied & ~self.needs_fill & ~self.coming),
            self.urgent.eq(pressed | self.flawed),
        ]

        # Fill it: bytes that are not there come from the storage.
        with m.If(self.drain):
            m.d.sync += [self.occupied.eq(0), self.flawed.eq(0)]
        with m.If(self.filled):
            m.d.sync += self.repairing.eq(0)
            for byte in range(self.config.vector_bytes):
                with m.If(~mask[byte]):
                    m.d.sync += content.word_select(byte, 8).eq(self.filling.data.word_select(byte, 8))

        # Take a write.
        take, new_row, new_mask = Signal(), Signal.like(row), Signal.like(mask)
        m.d.comb += [
            writer.requests.eq(writes.valid),
            writer.advance.eq(take),
            new_row.eq(select(writer.grant, [writes.row[index] for index in range(self.writers)])),
            take.eq(writes.valid.any() & (~self.occupied | self.drain | (row == new_row))),
            writes.taken.eq(Mux(take, writer.grant, 0)),
            self.repair_taken.eq(self.repair & ~writes.valid.any() & ~self.occupied),
        ]
        m.d.sync += pressed.eq(writes.valid.any() & ~take)
        with m.If(take):
            m.d.comb += new_mask.eq(select(writer.grant, [writes.mask[index] for index in range(self.writers)]))
            m.d.sync += [self.occupied.eq(1), row.eq(new_row)]
            for index in range(self.writers):
                with m.If(writer.grant[index]):
                    for byte in range(self.config.vector_bytes):
                        with m.If(writes.mask[index][byte]):
                            m.d.sync += content.word_select(byte, 8).eq(writes.data[index].word_select(byte, 8))
        with m.Elif(self.repair_taken):
            m.d.sync += [
                self.occupied.eq(1), row.eq(self.repair_row), self.repairing.eq(1), self.flawed.eq(self.repair_flawed)]

        # A fill makes every word whole, but for those that cannot be corrected: they keep only what is whole anyway.
        left = Signal.like(mask)
        partial = [part.any() & ~part.all() for part in (left.word_select(word, WORD_BYTES) for word in words)]
        m.d.comb += left.eq(Mux(self.drain, 0, mask) | new_mask)
        m.d.sync += [
            mask.eq(left),
            self.needs_fill.eq((Cat(partial).any() | self.repairing | self.repair_taken) & ~self.fill & ~self.coming),
        ]
        with m.If(self.filled):
            m.d.sync += mask.eq(Cat(
                spread(~self.filling.uncorrectable[word] | left.word_select(word, WORD_BYTES).all(), WORD_BYTES)
                for word in words))
            with m.If(~(left.any() | self.filling.corrected | self.flawed)):
                m.d.sync += [self.occupied.eq(0), mask.eq(0)]
        return m
