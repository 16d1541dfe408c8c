"""The code of an SRAM word: 64 data bits and 8 check bits, single error corrected, double error detected."""

from itertools import combinations

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config

DATA_BITS, CHECK_BITS = 64, 8
CODE_BITS = DATA_BITS + CHECK_BITS


def _columns() -> tuple[int, ...]:
    threes = sorted(sum(1 << row for row in rows) for rows in combinations(range(CHECK_BITS), 3))
    five = 0b11111
    fives = sorted((five << turn | five >> CHECK_BITS - turn) & 0xFF for turn in range(CHECK_BITS))
    return (*threes, *fives)


#: Which check bits each data bit takes part in (Hsiao's odd-weight columns); docs/memory.md has the rule.
COLUMNS = _columns()


def encode(word: Value) -> Value:
    """The check bits of a word."""
    # Bit by bit: of a word and a mask, Yosys makes pieces that Verilator puts together again for each check bit.
    rows = ([bit for bit, column in enumerate(COLUMNS) if column >> row & 1] for row in range(CHECK_BITS))
    return Cat(Cat(word[bit] for bit in row).xor() for row in rows)


class Code(data.Struct):
    """A word as it is stored."""

    data: unsigned(DATA_BITS)
    check: unsigned(CHECK_BITS)


class Decoder(wiring.Component):
    """Corrects a word. Combinational.

    Members
    -------
    i : In(Code)
        As stored.
    o : Out(64)
        With a single error corrected; meaningless with an uncorrectable one.
    corrected : Out(1), uncorrectable : Out(1)
        A single error was there, in a data bit or a check bit; a double error was there, or one of more bits that does
        not look like a single one.
    """

    def __init__(self):
        super().__init__({
            "i": In(Code),
            "o": Out(DATA_BITS),
            "corrected": Out(1),
            "uncorrectable": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        syndrome, flips = Signal(CHECK_BITS), Signal(DATA_BITS)
        m.d.comb += [syndrome.eq(encode(self.i.data) ^ self.i.check), self.o.eq(self.i.data ^ flips)]
        with m.Switch(syndrome):
            with m.Case(0):
                pass
            for bit, column in enumerate(COLUMNS):
                with m.Case(column):
                    m.d.comb += [flips.eq(1 << bit), self.corrected.eq(1)]
            with m.Case(*(1 << row for row in range(CHECK_BITS))):
                m.d.comb += self.corrected.eq(1)
            with m.Default():
                m.d.comb += self.uncorrectable.eq(1)
        return m


def words_per_line(config: Config) -> int:
    """Coded words of a line."""
    return config.vector_bits // DATA_BITS


def stored_layout(config: Config) -> data.StructLayout:
    """A line as it is stored: its data, and the check bits of each of its words."""
    return data.StructLayout({
        "data": data.ArrayLayout(DATA_BITS, words_per_line(config)),
        "check": data.ArrayLayout(CHECK_BITS, words_per_line(config)),
    })
