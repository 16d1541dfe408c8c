"""From FP32 to an accumulator element: what a load of the matrix unit gives."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import Fp32, unpack
from ..arith.shift import shift_left
from .dot_product import LOADED_BITS, Loaded

#: An exponent E is digit (E + OFFSET) div 16; a significand is shifted left by this much and (E + OFFSET) mod 16.
OFFSET = 124
SHIFT = 10


class MatrixLoader(wiring.Component):
    """An FP32 as an accumulator element. Latency 2 cycles: take it apart and negate; shift.

    Members
    -------
    i : In(Fp32)
    o : Out(Loaded)
    """

    LATENCY = 2

    def __init__(self):
        super().__init__({"i": In(Fp32), "o": Out(Loaded)})

    def elaborate(self, platform):
        m = Module()
        number = unpack(self.i)
        value = Signal(signed(25), reset_less=True)
        exponent = Signal(9, reset_less=True)
        special = Signal(2, reset_less=True)
        m.d.sync += [
            value.eq(Mux(number.sign, -number.significand, number.significand)),
            exponent.eq(Mux(number.zero, 0, number.exponent + OFFSET)),
            special.eq(Cat(number.infinite & ~number.sign, number.infinite & number.sign) | number.nan.replicate(2)),
        ]

        extended = Cat(Const(0, SHIFT), value, value[-1].replicate(LOADED_BITS - SHIFT - len(value)))
        o = Signal(Loaded, reset_less=True)
        m.d.sync += [
            o.sum.eq(shift_left(m, extended, exponent[:4])),
            o.anchor.eq(exponent[4:]),
            o.special.eq(special),
        ]
        m.d.comb += self.o.eq(o)
        return m
