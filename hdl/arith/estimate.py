"""Estimates of 1 / x, 1 / sqrt(x), 2^x and log2(x) in FP32: a parabola from a table."""

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .estimate_table import FRACTION_BITS, SEGMENTS, table
from .formats import BIAS, Flags, Fp32, significand_bits, unpack
from .multiply import booth_rows, compress
from .operations import EstimateOperation
from .round import Rounder, unrounded_layout
from .shift import leading_zeros, shift_left

_OP = EstimateOperation

#: Bits of a fraction, and of d, what of it is below the segment.
FRACTION = significand_bits(Fp32) - 1
OFFSET = FRACTION - (SEGMENTS - 1).bit_length()

#: Bits of y, C1, C2 and d^2 as it enters the parabola.
Y_BITS, C1_BITS, C2_BITS, SQUARE_BITS = FRACTION_BITS[0] + 1, 22, 14, 16

#: d^2 loses so many low bits, and the sum of the parabola so many to be y.
SQUARE_DROPPED = 18
SUM_DROPPED = FRACTION_BITS[1] + FRACTION - FRACTION_BITS[0]
SUM_BITS = Y_BITS + SUM_DROPPED + 2

#: Bits below the point of t, and of log2(x); bits of its magnitude.
T_FRACTION = FRACTION + 1
LOG_FRACTION = FRACTION_BITS[0] + T_FRACTION
LOG_BITS = LOG_FRACTION + 8

#: 2^x is 0 or overflows if |x| is 2 to the power of this or more.
EXP2_INTEGER = 8

#: Sections of the table; that of an odd exponent follows that of an even one.
_SECTION = {_OP.RECIPROCAL: 0, _OP.RECIPROCAL_SQRT: 1, _OP.EXP2: 3, _OP.LOG2: 4}


class _Way(data.Struct):
    """What goes along with an operand, known from the start."""

    log2: unsigned(1)
    sign: unsigned(1)
    infinite: unsigned(1)
    zero: unsigned(1)
    nan: unsigned(1)
    denormal: unsigned(1)
    divided: unsigned(1)  # a finite operand gave an infinity


class Estimator(wiring.Component):
    """One estimate every cycle, each with the same latency of 14 cycles.

    1. Count leading zeros.
    2. Normalise. To be an exponent, a number becomes fixed-point.
    3. Choose fraction, section and exponent.
    4. Look the coefficients up; square d.
    5. - 7. The parabola.
    8. - 10. For log2: t times it, plus the exponent.
    11. Magnitude and sign.
    12. - 14. Round.

    Members
    -------
    operation : In(EstimateOperation)
    x : In(Fp32)
    o : Out(Fp32)
    flags : Out(Flags)
    """

    LATENCY = 11 + Rounder.LATENCY

    def __init__(self):
        super().__init__({"operation": In(EstimateOperation), "x": In(Fp32), "o": Out(Fp32), "flags": Out(Flags)})

    def elaborate(self, platform):
        m = Module()
        ways = [Signal(_Way, name=f"way{stage}", reset_less=True) for stage in range(self.LATENCY)]
        for before, after in pairwise(ways):
            m.d.sync += after.eq(before)

        # 1. Special operands have their results now.
        x, operation = unpack(self.x), self.operation
        exp2, log2 = operation == _OP.EXP2, operation == _OP.LOG2
        root = operation == _OP.RECIPROCAL_SQRT
        inverts = (operation == _OP.RECIPROCAL) | root
        way = ways[0]
        operations = [Signal(EstimateOperation, name=f"operation{stage}", reset_less=True) for stage in range(2)]
        significand, exponent = Signal(FRACTION + 1, reset_less=True), Signal(8, reset_less=True)
        negative = Signal(reset_less=True)
        zeros = Signal(range(FRACTION + 2), reset_less=True)
        m.d.sync += [
            way.log2.eq(log2),
            way.sign.eq(x.sign & inverts | x.zero & log2),
            way.infinite.eq(Mux(x.infinite, log2 | exp2 & ~x.sign, x.zero & ~exp2)),
            way.zero.eq(x.infinite & (inverts | exp2 & x.sign)),
            way.nan.eq(x.nan | x.sign & ~x.zero & (root | log2)),
            way.denormal.eq(x.subnormal),
            way.divided.eq(x.zero & ~exp2),
            operations[0].eq(operation),
            negative.eq(x.sign),
            significand.eq(x.significand),
            exponent.eq(x.exponent),
            zeros.eq(leading_zeros(m, x.significand)),
        ]

        # 2. x is significand 2^power / 2^23. In fixed point, with 23 bits below the point and one more to round, its
        # magnitude is the significand moved left by up to 8 bits from where all of it but the first bit is lost.
        fraction = Signal(FRACTION, reset_less=True)
        power = Signal(signed(9), reset_less=True)
        magnitude = Signal(EXP2_INTEGER + FRACTION + 1, reset_less=True)
        huge, is_negative = Signal(reset_less=True), Signal(reset_less=True)
        left = Signal(signed(10))
        m.d.comb += left.eq(exponent - (BIAS - FRACTION - 2))
        shifted = shift_left(m, Cat(significand, Const(0, len(magnitude))), left[:6])
        m.d.sync += [
            operations[1].eq(operations[0]),
            fraction.eq(shift_left(m, significand, zeros)),
            power.eq(exponent - BIAS - zeros),
            magnitude.eq(Mux(left < 0, 0, shifted[FRACTION + 1:])),
            huge.eq(exponent >= BIAS + EXP2_INTEGER),
            is_negative.eq(negative),
        ]

        # 3.
        operation = operations[1]
        fixed = Signal(EXP2_INTEGER + FRACTION + 1)
        m.d.comb += fixed.eq((Cat(magnitude[1:], Const(0, 1)) ^ is_negative.replicate(len(fixed)))
                             + (magnitude[0] ^ is_negative))
        index, offset = Signal(range(len(table())), reset_less=True), Signal(signed(OFFSET + 1), reset_less=True)
        tag = Signal(signed(11), reset_less=True)
        t, powers = Signal(signed(T_FRACTION + 1), reset_less=True), Signal(signed(9), reset_less=True)
        chosen = Signal(FRACTION)
        segment = chosen[OFFSET:]
        section = Signal(3)
        upper_half = fraction[-1]
        m.d.comb += [chosen.eq(fraction), section.eq(0)]
        m.d.sync += tag.eq(-power)
        with m.Switch(operation):
            with m.Case(_OP.RECIPROCAL_SQRT):
                m.d.comb += section.eq(_SECTION[_OP.RECIPROCAL_SQRT] + power[0])
                m.d.sync += tag.eq(-(power >> 1))
            with m.Case(_OP.EXP2):
                m.d.comb += [section.eq(_SECTION[_OP.EXP2]), chosen.eq(fixed[:FRACTION])]
                m.d.sync += tag.eq(Mux(huge, Mux(is_negative, -256, 255), fixed[FRACTION:].as_signed()))
            with m.Case(_OP.LOG2):
                m.d.comb += section.eq(_SECTION[_OP.LOG2])
                m.d.sync += tag.eq(LOG_BITS - LOG_FRACTION - 1)
        m.d.sync += [
            index.eq(Cat(segment, section)),
            offset.eq(chosen[:OFFSET] - (1 << OFFSET - 1)),
            t.eq(Mux(upper_half, Cat(fraction, Const(3, 2)), Cat(Const(0, 1), fraction))),
            powers.eq(power + upper_half),
        ]
        tags = [Signal(signed(11), name=f"tag{stage}", reset_less=True) for stage in range(4, 11)]
        m.d.sync += tags[0].eq(tag + BIAS)
        all_t = [t, *(Signal.like(t, name=f"t{stage}", reset_less=True) for stage in range(4, 8))]
        all_powers = [powers, *(Signal.like(powers, name=f"powers{stage}", reset_less=True) for stage in range(4, 9))]
        for line in (tags, all_t, all_powers):
            for before, after in pairwise(line):
                m.d.sync += after.eq(before)

        # 4.
        c0s = [Signal(Y_BITS, name=f"c0_{stage}", reset_less=True) for stage in (4, 5)]
        c1 = Signal(signed(C1_BITS), reset_less=True)
        c2s = [Signal(C2_BITS, name=f"c2_{stage}", reset_less=True) for stage in (4, 5)]
        d = Signal(signed(OFFSET + 1), reset_less=True)
        even_offset = Cat(offset, offset[-1])
        m.d.sync += d.eq(offset)
        with m.Switch(index):
            for number, coefficients in enumerate(table()):
                with m.Case(number):
                    m.d.sync += [register.eq(value) for register, value in
                                 zip((c0s[0], c1, c2s[0]), coefficients, strict=True)]
        squares = _registered(m, "square", compress(m, booth_rows(m, even_offset, even_offset, 1), 3))

        # 5.
        square = Signal(SQUARE_BITS, reset_less=True)
        total, carry = compress(m, squares, 2)
        wide_c1 = Cat(c1, c1[-1].replicate(SUM_BITS - len(even_offset) - C1_BITS))
        linear = _registered(m, "linear", compress(m, booth_rows(m, wide_c1, Cat(d, d[-1]), 1), 4))
        m.d.sync += [square.eq((total + carry)[SQUARE_DROPPED:]), c0s[1].eq(c0s[0]), c2s[1].eq(c2s[0])]

        # 6. and 7. The square has one bit less below the point than the product with d.
        wide_c2 = Cat(c2s[1], Const(0, SUM_BITS - SQUARE_BITS - C2_BITS))
        quadratic = [Cat(Const(0, 1), row[:-1]) for row in booth_rows(m, wide_c2, square)]
        constant = Cat(Const(0, SUM_DROPPED), c0s[1], Const(0, SUM_BITS - SUM_DROPPED - Y_BITS))
        parabola = _registered(m, "parabola", compress(m, [*quadratic, *linear, constant], 4))
        total, carry = compress(m, parabola, 2)
        ys = [Signal(Y_BITS, name=f"y{stage}", reset_less=True) for stage in range(7, 11)]
        m.d.sync += ys[0].eq((total + carry)[SUM_DROPPED:])
        for before, after in pairwise(ys):
            m.d.sync += after.eq(before)

        # 8. to 10.
        t = all_t[-1]
        even_t = Cat(t, t[-1].replicate(len(t) % 2))
        wide = LOG_BITS + 2
        wide_y = Cat(ys[0], Const(0, wide - len(even_t) - Y_BITS))
        logarithm = _registered(m, "logarithm", compress(m, booth_rows(m, wide_y, even_t, 1), 4))
        integer = Cat(Const(0, LOG_FRACTION), all_powers[-1], all_powers[-1][-1].replicate(wide))[:wide]
        total, carry = _registered(m, "sum", compress(m, [*logarithm, integer], 2))
        value = Signal(signed(wide), reset_less=True)
        m.d.sync += value.eq(total + carry)

        # 11.
        way = ways[9]
        unrounded = Signal(unrounded_layout(LOG_BITS), reset_less=True)
        m.d.sync += [
            unrounded.magnitude.eq(Mux(way.log2, Mux(value < 0, -value, value), ys[-1] << LOG_BITS - Y_BITS)),
            unrounded.tags.exponent.eq(tags[-1]),
            unrounded.tags.sign.eq(Mux(way.log2 & ~way.infinite, value < 0, way.sign)),
            unrounded.tags.infinite.eq(way.infinite),
            unrounded.tags.nan.eq(way.nan),
        ]
        with m.If(way.zero):
            m.d.sync += unrounded.magnitude.eq(0)

        m.submodules.rounder = rounder = Rounder(width=LOG_BITS)
        m.d.comb += [
            rounder.i.eq(unrounded),
            self.o.eq(rounder.o),
            self.flags.invalid.eq(rounder.flags.invalid),
            self.flags.denormal.eq(ways[-1].denormal),
            self.flags.overflow.eq(rounder.flags.overflow | ways[-1].divided),
            self.flags.underflow.eq(rounder.flags.underflow),
        ]
        return m


def _registered(m: Module, name: str, rows: list) -> list[Signal]:
    registers = [Signal(len(row), name=f"{name}{index}", reset_less=True) for index, row in enumerate(rows)]
    m.d.sync += [register.eq(row) for register, row in zip(registers, rows, strict=True)]
    return registers
