"""The last steps of every FP32 result: normalise, round to nearest even, pack."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .formats import EXPONENT_MAX, FP32_INFINITY, FP32_NAN, Fp32
from .shift import leading_zeros, shift_left

#: Bits of an FP32 significand, the hidden one included.
SIGNIFICAND_BITS = 24

#: The right shift that takes a whole magnitude below the rounding bit: a further one would change nothing.
DEEPEST = SIGNIFICAND_BITS + 1


class Tags(data.Struct):
    """What goes with a magnitude until it is rounded."""

    exponent: signed(11)  # biased, of the magnitude's top bit; any value
    sign: unsigned(1)
    infinite: unsigned(1)
    nan: unsigned(1)


def unrounded_layout(width: int) -> data.StructLayout:
    """(-1)^sign x magnitude x 2^(exponent - 127 - (width - 1)), unless infinite or NaN.

    The magnitude is exact, or its lowest bit is sticky.
    """
    return data.StructLayout({"magnitude": width, "tags": Tags})


class Rounder(wiring.Component):
    """FP32 nearest to an unrounded result, ties to even, subnormals and overflow included.

    Latency 2 cycles: count the leading zeros and limit the shift to what a subnormal allows; shift and decide which way
    to round. The increment follows combinationally. A zero keeps its sign.

    Parameters
    ----------
    width : int
        Bits of the magnitude, 26 or more.

    Members
    -------
    i : In(unrounded_layout(width))
    o : Out(Fp32)
    """

    LATENCY = 2

    def __init__(self, *, width: int):
        if type(width) is not int or width < SIGNIFICAND_BITS + 2:
            raise ValueError(f"a magnitude to be rounded must have {SIGNIFICAND_BITS + 2} bits or more, not {width!r}")
        self.width = width
        super().__init__({"i": In(unrounded_layout(width)), "o": Out(Fp32)})

    def elaborate(self, platform):
        m = Module()

        # The top bit goes to the top, unless its exponent would fall below 1; then that limits the left shift, and a
        # negative limit is a right shift.
        exponent = self.i.tags.exponent
        zeros = leading_zeros(m, self.i.magnitude)
        limit = exponent - 1
        limited = limit < zeros
        shift = Signal(range(DEEPEST + self.width + 1), reset_less=True)
        counted = Signal(unrounded_layout(self.width), reset_less=True)
        m.d.sync += [
            shift.eq(Mux(limited, Mux(limit < -DEEPEST, 0, DEEPEST + limit), DEEPEST + zeros)),
            counted.eq(self.i),
            counted.tags.exponent.eq(Mux(limited, 1, exponent - zeros)),
        ]

        # Without the hidden bit (a subnormal or zero) the exponent field is 0.
        window = Signal(self.width + DEEPEST)
        m.d.comb += window.eq(shift_left(m, Cat(counted.magnitude, Const(0, DEEPEST)), shift))
        kept, rest = window[-SIGNIFICAND_BITS:], window[:-SIGNIFICAND_BITS]
        hidden, tags = kept[-1], counted.tags
        truncated = Signal(Fp32, reset_less=True)
        up = Signal(reset_less=True)
        m.d.sync += [
            truncated.fraction.eq(kept[:-1]),
            truncated.exponent.eq(Mux(hidden, tags.exponent, 0)),
            truncated.sign.eq(tags.sign),
            up.eq(rest[-1] & (rest[:-1].any() | kept[0])),
        ]
        with m.If(tags.nan):
            m.d.sync += [truncated.eq(FP32_NAN), up.eq(0)]
        with m.Elif(tags.infinite | hidden & (tags.exponent >= EXPONENT_MAX)):
            m.d.sync += [truncated.eq(FP32_INFINITY), truncated.sign.eq(tags.sign), up.eq(0)]

        # A carry out of the fraction makes the exponent right, up to infinity.
        exact = truncated.as_value()
        m.d.comb += self.o.eq(Cat((exact[:31] + up)[:31], exact[31]))
        return m
