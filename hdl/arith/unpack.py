"""Numbers of any format taken apart into one common form."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..number_formats import BIAS_BITS, FLOATS, FORMAT_BITS, INTEGERS, Denormals

#: Bits of the widest pattern and of a magnitude that holds any number's significand, and -2^31.
WIDTH = 32


class Unpacked(data.Struct):
    """(-1)^sign x magnitude x 2^(exponent - 31), exact, unless infinite or NaN.

    The magnitude's top bit is set but for denormals, integers and zero.
    """

    magnitude: unsigned(WIDTH)
    exponent: signed(9)
    sign: unsigned(1)
    infinite: unsigned(1)
    nan: unsigned(1)
    denormal: unsigned(1)  # the operand was one, be it that it counts as zero
    undefined: unsigned(1)  # there is no format of that code


class Unpacker(wiring.Component):
    """Takes a bit pattern apart. Combinational.

    Members
    -------
    i : In(32)
        The pattern, in the low bits; higher ones are ignored.
    format : In(4)
        A `Format` code.
    bias : In(6)
        For the formats that have one at run time.
    denormals : In(Denormals)
    o : Out(Unpacked)
    """

    def __init__(self):
        super().__init__({
            "i": In(WIDTH), "format": In(FORMAT_BITS), "bias": In(BIAS_BITS), "denormals": In(Denormals),
            "o": Out(Unpacked),
        })

    def elaborate(self, platform):
        m = Module()
        sign, special = Signal(), Signal()
        exponent, bias = Signal(8), Signal(7)
        below = Signal(WIDTH - 1)  # the fraction, below the hidden bit
        bumps, flushes = Signal(), Signal()  # what a denormal is: E = 1 and not 0; zero
        integer = Signal(signed(WIDTH))
        is_integer = Signal()
        with m.Switch(self.format):
            for code, fields in FLOATS.items():
                with m.Case(code):
                    fraction = self.i[:fields.fraction_bits]
                    field = self.i[fields.fraction_bits:][:fields.exponent_bits]
                    m.d.comb += [
                        sign.eq(self.i[fields.bits - 1] if fields.signed else 0),
                        exponent.eq(field),
                        below.eq(Cat(Const(0, WIDTH - 1 - fields.fraction_bits), fraction)),
                        bias.eq(self.bias if fields.bias is None else fields.bias),
                        bumps.eq((self.denormals == Denormals.IEEE) if fields.bias is None else 1),
                        flushes.eq(fields.flushes),
                        special.eq(field.all() if fields.specials else 0),
                    ]
            for code, bits in INTEGERS.items():
                with m.Case(code):
                    m.d.comb += [is_integer.eq(1), integer.eq(self.i[:bits].as_signed()), sign.eq(integer[-1])]
            with m.Default():
                m.d.comb += self.o.undefined.eq(1)

        normal, fraction = exponent.any(), below.any()
        denormal = ~normal & fraction
        m.d.comb += [
            self.o.sign.eq(sign),
            self.o.infinite.eq(special & ~fraction),
            self.o.nan.eq(special & fraction),
            self.o.denormal.eq(denormal),
        ]
        with m.If(is_integer):
            m.d.comb += [
                self.o.magnitude.eq((integer ^ sign.replicate(WIDTH)) + sign),
                self.o.exponent.eq(WIDTH - 1),
            ]
        with m.Else():
            m.d.comb += [
                self.o.magnitude.eq(Mux(denormal & flushes, 0, Cat(below, normal))),
                self.o.exponent.eq(Cat(exponent[0] | ~normal & bumps, exponent[1:]) - bias),
            ]
        return m
