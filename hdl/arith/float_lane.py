"""The float lane: every operation of `FloatOperation` on one FP32 or two BF16."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..number_formats import FORMAT_BITS, Format
from .fma import FusedMultiplyAdd, frame_bits, multiplier_layout, number_layout
from .formats import BIAS, Bf16, Flags, Fp32, Number, magnitude, nan, significand_bits, unpack
from .multiply import multiplier
from .operations import FloatOperation
from .round import Rounder
from .shift import spread

#: Operations that go through the multiply-add, and those of it that negate the product and the addend.
ARITHMETIC = [operation for operation in FloatOperation if operation < FloatOperation.MIN]
NEGATES_PRODUCT = (FloatOperation.NMSUB, FloatOperation.NMADD)
NEGATES_ADDEND = (FloatOperation.SUB, FloatOperation.MSUB, FloatOperation.NMADD)


class FloatUnit(wiring.Component):
    """Every float operation in one format. Latency 8 cycles: choose operands; multiply-add; round.

    Parameters
    ----------
    format : type
        `Fp32` or `Bf16`.
    hard_multipliers : bool
        See `hdl.config.Config`.

    Members
    -------
    operation : In(FloatOperation)
    a, b, c : In(format)
    o : Out(format)
        The result; of a comparison, all bits 1 or 0; of an undefined operation, 0.
    flags : Out(Flags)
    """

    LATENCY = 1 + FusedMultiplyAdd.LATENCY + Rounder.LATENCY

    def __init__(self, *, format: type[data.Struct], hard_multipliers: bool = False):
        significand_bits(format)  # refuses what is neither
        self.format = format
        self.hard_multipliers = hard_multipliers
        super().__init__({
            "operation": In(FloatOperation),
            "a": In(format), "b": In(format), "c": In(format),
            "o": Out(format), "flags": Out(Flags),
        })

    def elaborate(self, platform):
        m = Module()
        bits = significand_bits(self.format)
        m.submodules.fma = fma = FusedMultiplyAdd(format=self.format, hard_multipliers=self.hard_multipliers)
        m.submodules.rounder = rounder = Rounder(width=frame_bits(bits), format=self.format, deepest=0)
        m.d.comb += rounder.i.eq(fma.o)

        # Operands: a * 1 + b, a * b + a zero of the product's sign, or a * b + c.
        operation, a, b, c = self.operation, unpack(self.a), unpack(self.b), unpack(self.c)
        adds = operation.matches(FloatOperation.ADD, FloatOperation.SUB)
        fused = operation.matches(*(operation for operation in FloatOperation if operation.takes_c))
        number, hard = number_layout(bits), self.hard_multipliers
        x, z = (Signal(number, name=name, reset_less=True) for name in "xz")
        factor, y = Signal(number), Signal(multiplier_layout(bits, hard=hard), reset_less=True)
        m.d.comb += _take(factor, b)
        m.d.sync += [
            *_take(x, a), x.sign.eq(a.sign ^ operation.matches(*NEGATES_PRODUCT)),
            *(y[name].eq(factor[name]) for name, _ in number if name != "significand"),
            y.significand.eq(multiplier(m, factor.significand, hard=hard)),
            *_take(z, c), z.sign.eq(c.sign ^ operation.matches(*NEGATES_ADDEND)),
        ]
        with m.If(adds):
            m.d.comb += factor.eq(number.const({"significand": 1 << bits - 1, "exponent": BIAS}))
            m.d.sync += [*_take(z, b), z.sign.eq(b.sign ^ operation.matches(*NEGATES_ADDEND))]
        with m.Elif(~fused):
            m.d.sync += [z.eq(number.const({"exponent": 1, "zero": 1})), z.sign.eq(a.sign ^ b.sign)]
        m.d.comb += [fma.x.eq(x), fma.y.eq(y), fma.z.eq(z)]

        # The others are done at once and wait for these.
        unordered = a.nan | b.nan
        both_zero = a.zero & b.zero
        less = Signal()  # -0 < +0
        equal = Signal()
        m.d.comb += [
            less.eq(Mux(a.sign ^ b.sign, a.sign, (magnitude(self.a) < magnitude(self.b)) ^ a.sign & ~equal)),
            equal.eq(self.a.as_value() == self.b.as_value()),
        ]
        chosen = Signal.like(self.a.as_value())
        simple = [Signal.like(chosen, name=f"simple{stage}", reset_less=True) for stage in range(self.LATENCY)]
        width = len(chosen)
        with m.Switch(operation):
            for choice, takes_a in ((FloatOperation.MIN, less), (FloatOperation.MAX, ~less)):
                with m.Case(choice):
                    m.d.comb += chosen.eq(Mux(b.nan | takes_a & ~a.nan, self.a, self.b))
                    with m.If(a.nan & b.nan):
                        m.d.comb += chosen.eq(nan(self.format))
            with m.Case(FloatOperation.EQ):
                m.d.comb += chosen.eq(spread((equal | both_zero) & ~unordered, width))
            with m.Case(FloatOperation.LT):
                m.d.comb += chosen.eq(spread(less & ~both_zero & ~unordered, width))
            with m.Case(FloatOperation.LE):
                m.d.comb += chosen.eq(spread((less | equal | both_zero) & ~unordered, width))
            for choice, sign in ((FloatOperation.SIGN, b.sign), (FloatOperation.SIGN_NOT, ~b.sign),
                                 (FloatOperation.SIGN_XOR, a.sign ^ b.sign)):
                with m.Case(choice):
                    m.d.comb += chosen.eq(Cat(magnitude(self.a), sign))
        m.d.sync += simple[0].eq(chosen)

        # What is known of the operands from the start, and who gives the result.
        entry = data.StructLayout({"arithmetic": 1, "invalid": 1, "denormal": 1})
        stages = [Signal(entry, name=f"stage{stage}", reset_less=True) for stage in range(self.LATENCY)]
        computes = operation.matches(*(operation for operation in FloatOperation if operation.computes))
        m.d.sync += [
            stages[0].arithmetic.eq(operation.matches(*ARITHMETIC)),
            stages[0].invalid.eq(computes & unordered),
            stages[0].denormal.eq(computes & (a.subnormal | b.subnormal | fused & c.subnormal)),
        ]
        for before, after in (*pairwise(simple), *pairwise(stages)):
            m.d.sync += after.eq(before)

        last = stages[-1]
        m.d.comb += [
            self.o.eq(Mux(last.arithmetic, rounder.o, simple[-1])),
            self.flags.invalid.eq(Mux(last.arithmetic, rounder.flags.invalid, last.invalid)),
            self.flags.denormal.eq(last.denormal),
            self.flags.overflow.eq(last.arithmetic & rounder.flags.overflow),
            self.flags.underflow.eq(last.arithmetic & rounder.flags.underflow),
        ]
        return m


def _take(target: data.View, number: Number) -> list:
    return [target[name].eq(getattr(number, name)) for name, _ in target.shape()]


class FloatLane(wiring.Component):
    """One FP32 or two BF16 every cycle, every operation with the same latency of 8 cycles.

    Each format has datapaths of its own width, so that a result is rounded once, to its own precision.

    Parameters
    ----------
    hard_multipliers : bool
        See `hdl.config.Config`.

    Members
    -------
    operation : In(FloatOperation)
    format : In(4)
        Code of `Format.FP32` or `Format.BF16`.
    a, b, c : In(32)
        Operands; the lower BF16 in the lower half.
    o : Out(32)
    flags : Out(Flags)
        Of two BF16: what either raises.
    illegal : Out(1)
        The operation or the format is none of these. The result is 0, and invalid the only flag.
    """

    LATENCY = FloatUnit.LATENCY

    def __init__(self, *, hard_multipliers: bool = False):
        self.hard_multipliers = hard_multipliers
        super().__init__({
            "operation": In(FloatOperation), "format": In(FORMAT_BITS),
            "a": In(32), "b": In(32), "c": In(32),
            "o": Out(32), "flags": Out(Flags), "illegal": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        hard = self.hard_multipliers
        m.submodules.single = single = FloatUnit(format=Fp32, hard_multipliers=hard)
        m.submodules.low = low = FloatUnit(format=Bf16, hard_multipliers=hard)
        m.submodules.high = high = FloatUnit(format=Bf16, hard_multipliers=hard)
        for unit, part in ((single, slice(0, 32)), (low, slice(0, 16)), (high, slice(16, 32))):
            m.d.comb += [
                unit.operation.eq(self.operation),
                unit.a.eq(self.a[part]), unit.b.eq(self.b[part]), unit.c.eq(self.c[part]),
            ]

        halves, illegal = (Signal(self.LATENCY, name=name, reset_less=True) for name in ("halves", "illegals"))
        defined = self.operation.matches(*FloatOperation) & self.format.matches(Format.FP32, Format.BF16)
        m.d.sync += [
            halves.eq(Cat(self.format == Format.BF16, halves)),
            illegal.eq(Cat(~defined, illegal)),
        ]
        m.d.comb += self.illegal.eq(illegal[-1])
        with m.If(illegal[-1]):
            m.d.comb += self.flags.invalid.eq(1)
        with m.Elif(halves[-1]):
            m.d.comb += [
                self.o.eq(Cat(low.o, high.o)),
                self.flags.eq(low.flags.as_value() | high.flags.as_value()),
            ]
        with m.Else():
            m.d.comb += [self.o.eq(single.o), self.flags.eq(single.flags)]
        return m
