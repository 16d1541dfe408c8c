"""The last steps of every result: normalise, round to nearest even, pack."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .formats import EXPONENT_MAX, Flags, Fp32, nan, significand_bits
from .shift import leading_zeros, shift_left, trailing_zeros


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
    """The number of a format that is nearest to an unrounded result, ties to even, subnormals and overflow included.

    Latency 3 cycles: count zeros, at the top as far as a subnormal may be shifted; shift; round and pack.
    A zero keeps its sign.

    Parameters
    ----------
    width : int
        Bits of the magnitude, two more than the format's significand or more.
    format : type
        `Fp32` or `Bf16`.
    deepest : int
        How far below the least normal exponent the magnitude's top bit may be. What is deeper counts as this deep,
        which changes nothing if it is 1 more than the significand's bits, the default.

    Members
    -------
    i : In(unrounded_layout(width))
    o : Out(format)
    flags : Out(Flags)
        As in docs/numerics.md; invalid if the result is NaN. Denormal is 0, since operands are not known here.
    """

    LATENCY = 3

    def __init__(self, *, width: int, format: type[data.Struct] = Fp32, deepest: int | None = None):
        bits = significand_bits(format)
        if type(width) is not int or width < bits + 2:
            raise ValueError(f"a magnitude to be rounded must have {bits + 2} bits or more, not {width!r}")
        if deepest is not None and (type(deepest) is not int or deepest < 0):
            raise ValueError(f"the deepest exponent must be 0 or more below the least, not {deepest!r}")
        self.width = width
        self.format = format
        self.deepest = bits + 1 if deepest is None else deepest
        super().__init__({"i": In(unrounded_layout(width)), "o": Out(format), "flags": Out(Flags)})

    def elaborate(self, platform):
        m = Module()
        bits = significand_bits(self.format)

        # The highest bit goes to the top, unless its exponent would fall below 1. The place whose exponent is 1, where
        # the shift then ends, is found as if its bit were set.
        exponent = self.i.tags.exponent
        width = self.width + self.deepest
        least = Cat(*(exponent == place - self.deepest for place in range(width, 1, -1)), exponent <= 1 - self.deepest)
        magnitude = Cat(self.i.magnitude, Const(0, self.deepest))
        found = Signal(width)
        m.d.comb += found.eq(magnitude | least)
        shift, lowest = (Signal(range(width + 1), name=name, reset_less=True) for name in ("shift", "lowest"))
        counted = Signal(unrounded_layout(self.width), reset_less=True)
        m.d.sync += [
            shift.eq(leading_zeros(m, found)),
            lowest.eq(trailing_zeros(m, magnitude)),
            counted.eq(self.i),
        ]

        # Two bits more than a significand stay; that others below are set, the place of the lowest one says.
        window, rest = Signal(bits + 2, reset_less=True), Signal(reset_less=True)
        tags = Signal(Tags, reset_less=True)
        m.d.sync += [
            window.eq(shift_left(m, Cat(counted.magnitude, Const(0, self.deepest)), shift)[-len(window):]),
            rest.eq(lowest + shift < width - len(window)),
            tags.eq(counted.tags),
            tags.exponent.eq(counted.tags.exponent + self.deepest - shift),
        ]

        # Without the hidden bit (a subnormal or zero) the exponent field is 0. A carry out of the fraction makes the
        # exponent right, up to infinity.
        below, guard, kept = window[0], window[1], window[2:]
        hidden, fraction = kept[-1], kept[:-1]
        inexact = guard | below | rest
        field = Mux(hidden, tags.exponent[:8], 0)
        up = guard & (below | rest | kept[0])
        ones = fraction.all()
        special = tags.nan | tags.infinite
        large = hidden & (tags.exponent >= EXPONENT_MAX)
        # Tiny, rounded as if there were no least exponent: with one bit more, which carries if the fraction, that bit
        # and the next one are all 1.
        tiny = ~hidden & ~(ones & guard & below)

        result = Signal(self.format, reset_less=True)
        invalid, overflow, underflow = (
            Signal(name=name, reset_less=True) for name in ("invalid", "overflow", "underflow"))
        m.d.sync += [
            result.sign.eq(tags.sign),
            result.exponent.eq(Mux(up & ones, field + 1, field)),
            result.fraction.eq(Mux(up, fraction + 1, fraction)),
            invalid.eq(tags.nan),
            overflow.eq(~special & (large | up & ones & (field == EXPONENT_MAX - 1))),
            underflow.eq(~special & tiny & inexact),
        ]
        with m.If(tags.nan):
            m.d.sync += result.eq(nan(self.format))
        with m.Elif(tags.infinite | large):
            m.d.sync += [result.exponent.eq(EXPONENT_MAX), result.fraction.eq(0)]
        m.d.comb += [
            self.o.eq(result),
            self.flags.invalid.eq(invalid),
            self.flags.overflow.eq(overflow),
            self.flags.underflow.eq(underflow),
        ]
        return m
