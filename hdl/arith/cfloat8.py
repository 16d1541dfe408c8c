"""CFloat8 as BF16, which is exact: what a multiplier of BF16 needs to take CFloat8 operands."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..number_formats import BIAS_BITS, Denormals
from .formats import Bf16


class Cfloat8Decoder(wiring.Component):
    """A CFloat8 number as BF16. Combinational.

    Members
    -------
    i : In(8)
    wide : In(1)
        0: `i` is CFloat8_1_4_3; 1: CFloat8_1_5_2, which has the wider exponent.
    bias : In(6)
    denormals : In(Denormals)
    o : Out(Bf16)
        Exactly `i`: a normal number, or a zero with the sign of `i`.
    denormal : Out(1)
        `i` is a denormal.
    """

    def __init__(self):
        super().__init__({
            "i": In(8), "wide": In(1), "bias": In(BIAS_BITS), "denormals": In(Denormals),
            "o": Out(Bf16), "denormal": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        exponent = Mux(self.wide, self.i[2:7], self.i[3:7])
        fraction = Mux(self.wide, Cat(Const(0, 1), self.i[:2]), self.i[:3])
        normal = exponent.any()

        # A denormal's highest bit becomes the hidden one; what is below it goes to the top of the fraction.
        power = Signal(signed(6))
        below = Signal(3)
        m.d.comb += [power.eq(exponent), below.eq(fraction)]
        with m.If(~normal):
            for place, leading in enumerate(("1--", "01-", "001"), start=1):
                with m.If(fraction.matches(leading)):
                    m.d.comb += [power.eq((self.denormals == Denormals.IEEE) - place), below.eq(fraction << place)]

        # 127 - bias is a 1 above the complement of the bias.
        m.d.comb += [
            self.o.sign.eq(self.i[7]),
            self.denormal.eq(~normal & fraction.any()),
        ]
        with m.If(normal | self.denormal):
            m.d.comb += [
                self.o.exponent.eq(Cat(~self.bias, Const(1, 1)) + power),
                self.o.fraction.eq(Cat(Const(0, 4), below)),
            ]
        return m
