"""Conversions between all formats: unpack, quantise."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..number_formats import BIAS_BITS, FORMAT_BITS, ROUNDING_BITS, Denormals
from .formats import Flags
from .quantise import Order, Quantiser
from .stochastic import DRAW_BITS
from .unpack import WIDTH, Unpacked, Unpacker


class Converter(wiring.Component):
    """Any format to any other: docs/numerics.md, "Conversions". One conversion a cycle, latency 5 cycles.

    Members
    -------
    i : In(32)
        The operand in the low bits; the others are ignored.
    source, target : In(4)
        `Format` codes of operand and result.
    source_bias, target_bias : In(6)
        Their biases, if the formats have one.
    denormals : In(Denormals)
    rounding : In(2)
        A `Rounding` code.
    draw : In(32)
        For stochastic rounding.
    o : Out(32)
        The result in the low bits, zeros above.
    flags : Out(Flags)
    illegal : Out(1)
        A format code is undefined or the rounding reserved: `o` is 0, `flags` Invalid.
    """

    LATENCY = 1 + Quantiser.LATENCY

    def __init__(self):
        super().__init__({
            "i": In(WIDTH), "source": In(FORMAT_BITS), "source_bias": In(BIAS_BITS),
            "target": In(FORMAT_BITS), "target_bias": In(BIAS_BITS), "denormals": In(Denormals),
            "rounding": In(ROUNDING_BITS), "draw": In(DRAW_BITS),
            "o": Out(WIDTH), "flags": Out(Flags), "illegal": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.unpacker = unpacker = Unpacker()
        m.submodules.quantiser = quantiser = Quantiser()
        number, order = Signal(Unpacked, reset_less=True), Signal(Order, reset_less=True)
        m.d.comb += [
            unpacker.i.eq(self.i),
            unpacker.format.eq(self.source),
            unpacker.bias.eq(self.source_bias),
            unpacker.denormals.eq(self.denormals),
            quantiser.i.eq(number),
            quantiser.order.eq(order),
            self.o.eq(quantiser.o),
            self.flags.eq(quantiser.flags),
            self.illegal.eq(quantiser.illegal),
        ]
        m.d.sync += [
            number.eq(unpacker.o),
            order.target.eq(self.target),
            order.bias.eq(self.target_bias),
            order.denormals.eq(self.denormals),
            order.rounding.eq(self.rounding),
            order.draw.eq(self.draw),
        ]
        return m
