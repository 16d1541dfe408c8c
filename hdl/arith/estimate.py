"""Estimates of 1 / x, 1 / sqrt(x), 2^x and log2(x) in FP32: a parabola from a table."""

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .estimate_table import FRACTION_BITS, SEGMENTS, table
from .formats import BIAS, Flags, Fp32, significand_bits, unpack
from .multiply import booth_digits, booth_layout, booth_rows, compress
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

#: 2^x is 0 or overflows if |x| is 2 to the power of this or more; any integer up to there says so as well.
EXP2_INTEGER = 8

#: The exponent of a number of which only the first bit is seen in fixed point, as the one below the last.
ALL_LOST = BIAS - FRACTION - 2

#: Sections of the table, in it one after the other; that of an odd exponent follows that of an even one.
SECTIONS = len(table()) // SEGMENTS
_SECTION = {_OP.RECIPROCAL: 0, _OP.RECIPROCAL_SQRT: 1, _OP.EXP2: 3, _OP.LOG2: 4}


class _Way(data.Struct):
    """What goes along with an operand, known from the start."""

    sign: unsigned(1)
    infinite: unsigned(1)
    zero: unsigned(1)
    nan: unsigned(1)
    denormal: unsigned(1)
    divided: unsigned(1)  # a finite operand gave an infinity


class Estimator(wiring.Component):
    """One estimate every cycle, each with the same latency of 15 cycles.

    1. Count leading zeros.
    2. Normalise. To be an exponent, a number becomes fixed-point.
    3. Choose fraction, section and exponent.
    4. Look up the segment's coefficients in each section.
    5. Choose those of the section; square d.
    6. - 8. The parabola y.
    9. - 11. The result's magnitude and sign: t y plus an integer; but for log2, 1 y + 0.
    12. Take the magnitude.
    13. - 15. Round.

    Members
    -------
    operation : In(EstimateOperation)
    x : In(Fp32)
    o : Out(Fp32)
    flags : Out(Flags)
    """

    LATENCY = 12 + Rounder.LATENCY

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
        significand, left = Signal(FRACTION + 1, reset_less=True), Signal(signed(9), reset_less=True)
        negative, huge = Signal(reset_less=True), Signal(reset_less=True)
        zeros = Signal(range(FRACTION + 2), reset_less=True)
        m.d.sync += [
            way.sign.eq(x.sign & inverts | x.zero & log2),
            way.infinite.eq(Mux(x.infinite, log2 | exp2 & ~x.sign, x.zero & ~exp2)),
            way.zero.eq(x.infinite & (inverts | exp2 & x.sign)),
            way.nan.eq(x.nan | x.sign & ~x.zero & (root | log2)),
            way.denormal.eq(x.subnormal),
            way.divided.eq(x.zero & ~exp2),
            operations[0].eq(operation),
            negative.eq(x.sign),
            significand.eq(x.significand),
            left.eq(x.exponent - ALL_LOST),
            huge.eq(x.exponent >= BIAS + EXP2_INTEGER),
            zeros.eq(leading_zeros(m, x.significand)),
        ]

        # 2. x is significand 2^power / 2^23. In fixed point, with 23 bits below the point and one more to round, its
        # magnitude is the significand moved left by up to 8 bits from where all of it but the first bit is lost.
        fraction = Signal(FRACTION, reset_less=True)
        power = Signal(signed(9), reset_less=True)
        magnitude = Signal(EXP2_INTEGER + FRACTION + 1, reset_less=True)
        is_negative = Signal(reset_less=True)
        shifted = shift_left(m, Cat(significand, Const(0, len(magnitude))), left[:6])
        m.d.sync += [
            operations[1].eq(operations[0]),
            fraction.eq(shift_left(m, significand, zeros)),
            power.eq(left - (BIAS - ALL_LOST) - zeros),
            magnitude.eq(Mux(left < 0, 0, shifted[FRACTION + 1:])),
            is_negative.eq(negative),
        ]
        with m.If(huge):
            m.d.sync += magnitude.eq(Cat(Const(0, FRACTION + 1), Const(-1, EXP2_INTEGER)))

        # 3.
        operation = operations[1]
        fixed = Signal(EXP2_INTEGER + FRACTION + 1)
        whole = Cat(magnitude[1:], Const(0, 1))
        m.d.comb += fixed.eq(Mux(is_negative, ~whole + ~magnitude[0], whole + magnitude[0]))
        section, segment = Signal(range(SECTIONS), reset_less=True), Signal(range(SEGMENTS), reset_less=True)
        d = Signal(signed(OFFSET + 1), reset_less=True)
        tag = Signal(signed(11), reset_less=True)
        t, powers = Signal(signed(T_FRACTION + 2), reset_less=True), Signal(signed(9), reset_less=True)
        chosen = Signal(FRACTION)
        upper_half = fraction[-1]
        m.d.comb += chosen.eq(fraction)
        m.d.sync += [
            section.eq(_SECTION[_OP.RECIPROCAL]),
            segment.eq(chosen[OFFSET:]),
            d.eq(chosen[:OFFSET] - (1 << OFFSET - 1)),
            tag.eq(-power),
            t.eq(Mux(ways[1].zero, 0, 1 << T_FRACTION)),
            powers.eq(0),
        ]
        with m.Switch(operation):
            with m.Case(_OP.RECIPROCAL_SQRT):
                m.d.sync += [section.eq(_SECTION[_OP.RECIPROCAL_SQRT] + power[0]), tag.eq(-(power >> 1))]
            with m.Case(_OP.EXP2):
                m.d.comb += chosen.eq(fixed[:FRACTION])
                m.d.sync += [section.eq(_SECTION[_OP.EXP2]), tag.eq(fixed[FRACTION:].as_signed())]
            with m.Case(_OP.LOG2):
                m.d.sync += [
                    section.eq(_SECTION[_OP.LOG2]),
                    tag.eq(0),
                    t.eq(Mux(upper_half, Cat(fraction, Const(-1, 3)), Cat(Const(0, 1), fraction))),
                    powers.eq(power + upper_half),
                ]
        tags = [Signal(signed(11), name=f"tag{stage}", reset_less=True) for stage in range(4, 12)]
        m.d.sync += tags[0].eq(tag + (BIAS + LOG_BITS - LOG_FRACTION - 1))
        all_t = [t, *(Signal.like(t, name=f"t{stage}", reset_less=True) for stage in range(4, 8))]
        factor = Signal(booth_layout(len(t)), reset_less=True)
        m.d.sync += factor.eq(booth_digits(m, all_t[-1], 1))
        all_powers = [powers, *(Signal.like(powers, name=f"powers{stage}", reset_less=True) for stage in range(4, 10))]
        for line in (tags, all_t, all_powers):
            for before, after in pairwise(line):
                m.d.sync += after.eq(before)

        # 4.
        names = "c0", "c1", "c2"
        coefficients = data.StructLayout(dict(zip(names, (Y_BITS, signed(C1_BITS), C2_BITS), strict=True)))
        found = Signal(data.ArrayLayout(coefficients, SECTIONS), reset_less=True)
        low, high = segment[:3], segment[3:]
        with m.Switch(high):
            for upper in range(SEGMENTS >> len(low)):
                with m.Case(upper), m.Switch(low):
                    for lower in range(1 << len(low)):
                        with m.Case(lower):
                            entries = table()[upper << len(low) | lower::SEGMENTS]
                            m.d.sync += found.eq(Cat(coefficients.const(dict(zip(names, entry, strict=True)))
                                                     for entry in entries))
        found_in, found_d = Signal.like(section, reset_less=True), Signal.like(d, reset_less=True)
        digits = [Signal(booth_layout(len(d)), name=f"digits{stage}", reset_less=True) for stage in (4, 5)]
        m.d.sync += [found_in.eq(section), found_d.eq(d), digits[0].eq(booth_digits(m, d, 1)), digits[1].eq(digits[0])]

        # 5.
        c = Signal(coefficients, reset_less=True)
        with m.Switch(found_in):
            for index in range(SECTIONS):
                with m.Case(index):
                    m.d.sync += c.eq(found[index])
        squares = _registered(m, "square", compress(m, booth_rows(m, found_d, digits[0], 1), 3))

        # 6.
        square, c2 = Signal(SQUARE_BITS, reset_less=True), Signal(C2_BITS, reset_less=True)
        total, carry = compress(m, squares, 2)
        constant = Cat(Const(0, SUM_DROPPED), c.c0, Const(0, SUM_BITS - SUM_DROPPED - Y_BITS))
        wide_c1 = Cat(c.c1, c.c1[-1].replicate(SUM_BITS - len(d) - C1_BITS))
        linear = _registered(m, "linear", compress(m, [constant, *booth_rows(m, wide_c1, digits[1], 1)], 4))
        m.d.sync += [square.eq((total + carry)[SQUARE_DROPPED:]), c2.eq(c.c2)]

        # 7. and 8. The square has one bit less below the point than the product with d.
        wide_c2 = Cat(c2, Const(0, SUM_BITS - SQUARE_BITS - C2_BITS))
        quadratic = [Cat(Const(0, 1), row[:-1]) for row in booth_rows(m, wide_c2, booth_digits(m, square))]
        parabola = _registered(m, "parabola", compress(m, [*quadratic, *linear], 4))
        total, carry = compress(m, parabola, 2)
        y = Signal(Y_BITS, reset_less=True)
        m.d.sync += y.eq((total + carry)[SUM_DROPPED:])

        # 9. to 11.
        wide = LOG_BITS + 2
        wide_y = Cat(y, Const(0, wide - len(t) - Y_BITS))
        product = _registered(m, "product", compress(m, booth_rows(m, wide_y, factor), 5))
        integer = Cat(Const(0, LOG_FRACTION), all_powers[-1], all_powers[-1][-1].replicate(wide))[:wide]
        total, carry = _registered(m, "sum", compress(m, [*product, integer], 2))
        value = Signal(signed(wide), reset_less=True)
        m.d.sync += value.eq(total + carry)

        # 12.
        way, sign = ways[10], value[-1]
        unrounded = Signal(unrounded_layout(LOG_BITS), reset_less=True)
        m.d.sync += [
            unrounded.magnitude.eq(Mux(sign, -value, value)),
            unrounded.tags.exponent.eq(tags[-1]),
            unrounded.tags.sign.eq(way.sign | sign),
            unrounded.tags.infinite.eq(way.infinite),
            unrounded.tags.nan.eq(way.nan),
        ]

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
