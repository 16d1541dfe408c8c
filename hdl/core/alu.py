"""The integer ALU."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..isa import Alu as Function


class Alu(wiring.Component):
    """64-bit arithmetic, logic and shifts, combinational; with ``word`` on 32 bits, the result sign-extended."""

    def __init__(self):
        super().__init__({
            "function": In(Function),
            "word": In(1),
            "a": In(64),
            "b": In(64),
            "result": Out(64),
        })

    def elaborate(self, platform):
        m = Module()
        a, b = self.a, self.b
        arithmetic = self.function == Function.SRA
        shifted = Signal(64)  # the operand of a shift: the low word is extended as the shift is
        amount = Signal(6)
        full = Signal(64)
        m.d.comb += [
            amount.eq(Mux(self.word, b[:5], b[:6])),
            shifted.eq(Mux(self.word, Cat(a[:32], (a[31] & arithmetic).replicate(32)), a)),
        ]
        with m.Switch(self.function):
            with m.Case(Function.ADD):
                m.d.comb += full.eq(a + b)
            with m.Case(Function.SUB):
                m.d.comb += full.eq(a - b)
            with m.Case(Function.SLL):
                m.d.comb += full.eq(shifted << amount)
            with m.Case(Function.SLT):
                m.d.comb += full.eq(a.as_signed() < b.as_signed())
            with m.Case(Function.SLTU):
                m.d.comb += full.eq(a < b)
            with m.Case(Function.XOR):
                m.d.comb += full.eq(a ^ b)
            with m.Case(Function.SRL, Function.SRA):
                m.d.comb += full.eq(Cat(shifted, arithmetic & shifted[63]).as_signed() >> amount)
            with m.Case(Function.OR):
                m.d.comb += full.eq(a | b)
            with m.Case(Function.AND):
                m.d.comb += full.eq(a & b)
        m.d.comb += self.result.eq(Mux(self.word, Cat(full[:32], full[31].replicate(32)), full))
        return m
