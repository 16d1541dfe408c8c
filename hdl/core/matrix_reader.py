"""From an accumulator element to FP32: what `mread` gives."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import BIAS, EXPONENT_MAX, Fp32, infinity, nan
from ..arith.shift import leading_zeros, shift_left
from .accumulator import state_layout, sum_bits
from .dot_product import DIGIT

#: The lowest bit of S at anchor 0 weighs 2^LOWEST.
LOWEST = -284

#: Bits of an FP32 significand, and the weight of the lowest bit of a subnormal's hidden one as a power of two.
SIGNIFICAND_BITS = 24
NORMAL = -126

#: The lowest anchor at which S has a bit that weighs 2^NORMAL; FP32 sees at most a digit of what is below.
FIRST_NORMAL = 7


class _Tags(data.Struct):
    sign: unsigned(1)
    infinite: unsigned(1)
    nan: unsigned(1)
    exponent: signed(11)  # biased, of the magnitude's top bit
    sticky: unsigned(1)  # bits that are not zero have been lost


class MatrixReader(wiring.Component):
    """Rounds the state of an accumulator element. Latency 5 cycles.

    1. Magnitude.
    2. Shift it by whole digits, until its top digit is not zero.
    3. Shift it within the digit, until its top bit is set.
    4. Decide which way to round.
    5. Round.

    A subnormal's shift ends early, at the bit that weighs 2^-126: it is found as if it were set.

    Parameters
    ----------
    depth : int
        Products that the element adds in a step.

    Members
    -------
    state : In(state_layout(depth))
    o : Out(Fp32)
    """

    LATENCY = 5

    def __init__(self, *, depth: int):
        self.depth = depth
        super().__init__({"state": In(state_layout(depth)), "o": Out(Fp32)})

    def elaborate(self, platform):
        m = Module()
        width = sum_bits(self.depth)
        state, anchor, special = self.state, self.state.anchor, self.state.special
        tags = [Signal(_Tags, name=f"tags{stage}", reset_less=True) for stage in range(3)]

        # 1. The bit that weighs 2^-126 is at the same place of digit 7, 8 or 9 of S, and so in the digits of the
        # magnitude as counted from its top.
        magnitude = Signal(width, reset_less=True)
        deep, vanished = Signal(reset_less=True), Signal(reset_less=True)
        marks = Signal(3, reset_less=True)
        sign = state.sum[-1]
        m.d.sync += [
            magnitude.eq((state.sum ^ sign.replicate(width)) + sign),
            deep.eq(anchor == FIRST_NORMAL - 1),
            vanished.eq(anchor < FIRST_NORMAL - 1),
            marks.eq(Cat(anchor <= FIRST_NORMAL, *(anchor == FIRST_NORMAL + later for later in (1, 2)))),
            tags[0].sign.eq(Mux(special.as_value().any(), special.negative, sign)),
            tags[0].infinite.eq(special.as_value().any()),
            tags[0].nan.eq(special.as_value().all()),
            tags[0].exponent.eq(
                Cat(Const(0, 4), Mux(anchor < FIRST_NORMAL, FIRST_NORMAL, anchor)) + (LOWEST + BIAS + width - 1)),
        ]

        # 2. What is below the first normal anchor is moved up to it, and so to the right.
        placed = Signal(width)
        m.d.comb += placed.eq(Mux(vanished, 0, Mux(deep, magnitude[DIGIT:], magnitude)))
        lost = vanished & magnitude.any() | deep & magnitude[:DIGIT].any()
        tops = [placed[max(width - DIGIT * (digit + 1), 0):width - DIGIT * digit].any() for digit in range(3)]
        here = [top | mark for top, mark in zip(tops, marks, strict=True)]
        digits = Signal(2)
        with m.If(here[0]):
            m.d.comb += digits.eq(0)
        with m.Elif(here[1]):
            m.d.comb += digits.eq(1)
        with m.Elif(here[2]):
            m.d.comb += digits.eq(2)
        with m.Else():
            m.d.comb += digits.eq(3)
        coarse, marked = Signal(width, reset_less=True), Signal(reset_less=True)
        shifted = Array([Cat(Const(0, DIGIT * digit), placed)[:width] for digit in range(4)])
        m.d.sync += [
            coarse.eq(shifted[digits]),
            marked.eq(Array([*marks, 0])[digits]),
            tags[1].eq(tags[0]),
            tags[1].exponent.eq(tags[0].exponent - Cat(Const(0, 4), digits)),
            tags[1].sticky.eq(lost),
        ]

        # 3.
        mark = 1 << NORMAL - LOWEST - DIGIT * FIRST_NORMAL - (width - DIGIT)
        zeros = leading_zeros(m, coarse[-DIGIT:] | Mux(marked, mark, 0))
        fine = Signal(width, reset_less=True)
        m.d.sync += [
            fine.eq(shift_left(m, coarse, zeros[:4])),
            tags[2].eq(tags[1]),
            tags[2].exponent.eq(tags[1].exponent - zeros),
        ]

        # 4. Without the hidden bit (a subnormal or zero) the exponent field is 0.
        kept, rest = fine[-SIGNIFICAND_BITS:], fine[:-SIGNIFICAND_BITS]
        hidden, last = kept[-1], tags[2]
        truncated = Signal(Fp32, reset_less=True)
        up = Signal(reset_less=True)
        m.d.sync += [
            truncated.fraction.eq(kept[:-1]),
            truncated.exponent.eq(Mux(hidden, last.exponent, 0)),
            truncated.sign.eq(last.sign),
            up.eq(rest[-1] & (rest[:-1].any() | last.sticky | kept[0])),
        ]
        with m.If(last.nan):
            m.d.sync += [truncated.eq(nan(Fp32)), up.eq(0)]
        with m.Elif(last.infinite | hidden & (last.exponent >= EXPONENT_MAX)):
            m.d.sync += [truncated.eq(infinity(Fp32)), truncated.sign.eq(last.sign), up.eq(0)]

        # 5. A carry out of the fraction makes the exponent right, up to infinity.
        exact = truncated.as_value()
        rounded = Signal(Fp32, reset_less=True)
        m.d.sync += rounded.eq(Cat((exact[:31] + up)[:31], exact[31]))
        m.d.comb += self.o.eq(rounded)
        return m
