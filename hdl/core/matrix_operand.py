"""One number of an operand of the matrix unit, of any of its formats, taken apart for the multipliers."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.cfloat8 import Cfloat8Decoder
from ..arith.formats import Bf16, unpack
from ..number_formats import BIAS_BITS, FORMAT_BITS, Denormals, Format
from .dot_product import Operand

#: What an operand of the matrix unit can be.
MATRIX_FORMATS = (Format.BF16, Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2)


class OperandFormat(data.Struct):
    """How the bits of an operand are read."""

    code: unsigned(FORMAT_BITS)  # one of `MATRIX_FORMATS`; any other is illegal
    bias: unsigned(BIAS_BITS)  # of CFloat8
    denormals: Denormals  # of CFloat8
    half: unsigned(1)  # of the register, for CFloat8


class MatrixOperand(wiring.Component):
    """Takes a number apart. Latency 2 cycles: convert to BF16; take it apart and give the significand its sign.

    Parameters
    ----------
    cfloat8 : bool
        It may be CFloat8. If not, all numbers are BF16.

    Members
    -------
    enable : In(1)
        Take a number; otherwise the last one stays.
    format : In(OperandFormat)
    bf16 : In(Bf16)
        The number, if it is BF16.
    halves : In(8) [2]
        The number in each half of the register, if it is CFloat8.
    o : Out(Operand)
    """

    LATENCY = 2

    def __init__(self, *, cfloat8: bool = True):
        self.cfloat8 = cfloat8
        super().__init__({
            "enable": In(1),
            "format": In(OperandFormat),
            "bf16": In(Bf16),
            "halves": In(data.ArrayLayout(8, 2)),
            "o": Out(Operand),
        })

    def elaborate(self, platform):
        m = Module()
        given = self.bf16
        if self.cfloat8:
            m.submodules.decoder = decoder = Cfloat8Decoder()
            form = self.format
            m.d.comb += [
                decoder.i.eq(Mux(form.half, self.halves[1], self.halves[0])),
                decoder.wide.eq(form.code == Format.CFLOAT8_1_5_2),
                decoder.bias.eq(form.bias),
                decoder.denormals.eq(form.denormals),
            ]
            given = Mux(form.code == Format.BF16, self.bf16, decoder.o)
        enabled = Signal()
        m.d.sync += enabled.eq(self.enable)
        converted = Signal(Bf16, reset_less=True)
        with m.If(self.enable):
            m.d.sync += converted.eq(given)

        number = unpack(converted)
        o = Signal(Operand, reset_less=True)
        with m.If(enabled):
            m.d.sync += [
                o.significand.eq(Mux(number.sign, -number.significand, number.significand)),
                o.exponent.eq(number.exponent),
                o.sign.eq(number.sign),
                o.live.eq(~(number.zero | number.infinite | number.nan)),
                o.infinite.eq(number.infinite),
                o.nan.eq(number.nan),
            ]
        m.d.comb += self.o.eq(o)
        return m
