"""From an accumulator element to FP32: what `mread` gives."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import BIAS, Fp32
from ..arith.round import Rounder, unrounded_layout
from .accumulator import SUM_BITS, State
from .dot_product import DIGIT

#: The lowest bit of S at anchor 0 weighs 2^LOWEST.
LOWEST = -284


class MatrixReader(wiring.Component):
    """Rounds the state of an accumulator element. Latency 4 cycles: renormalise and take the magnitude; round.

    Members
    -------
    state : In(State)
    o : Out(Fp32)
    """

    LATENCY = 1 + Rounder.LATENCY

    def __init__(self):
        super().__init__({"state": In(State), "o": Out(Fp32)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.rounder = rounder = Rounder(width=SUM_BITS)
        state, special = self.state, self.state.special
        sign = state.sum[-1]

        # Renormalisation downwards changes no value; upwards it drops a digit.
        low, high = state.sum[:DIGIT], state.sum[DIGIT:]
        renormalised = Signal(SUM_BITS)
        unrounded = Signal(unrounded_layout(SUM_BITS), reset_less=True)
        m.d.comb += renormalised.eq(Cat(Mux(state.above, 0, low), high))
        m.d.sync += [
            unrounded.magnitude.eq(Mux(sign, -renormalised, renormalised)),
            unrounded.tags.exponent.eq((state.anchor << 4) + (LOWEST + BIAS + SUM_BITS - 1)),
            unrounded.tags.sign.eq(Mux(special.as_value().any(), special.negative, sign)),
            unrounded.tags.infinite.eq(special.as_value().any()),
            unrounded.tags.nan.eq(special.as_value().all()),
        ]
        m.d.comb += [rounder.i.eq(unrounded), self.o.eq(rounder.o)]
        return m
