"""The draws of stochastic rounding."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Bits of a draw, and of a lane's state.
DRAW_BITS = 32


def advanced(m: Module, state: Value) -> Value:
    """The state that follows: xorshift32 with the triple (13, 17, 5)."""
    for shifted in (lambda x: x << 13, lambda x: x >> 17, lambda x: x << 5):
        step = Signal(DRAW_BITS)
        m.d.comb += step.eq(state ^ shifted(state)[:DRAW_BITS])
        state = step
    return state


class Generator(wiring.Component):
    """A xorshift32 generator for each lane; docs/numerics.md specifies it.

    Parameters
    ----------
    init : sequence of int
        The states after reset, a lane each, 1 to 2^32 - 1; `sim.numerics.seeded` makes good ones.

    Members
    -------
    advance : In(1)
        The draws that `state` shows have been used: step on to the next.
    load : In(1)
        Take the states of `i` instead, next cycle; 0 becomes 1.
    i : In(32 * lanes)
    state : Out(32 * lanes)
        Lane 0 lowest: what to save, and the draws of this cycle.
    """

    def __init__(self, *, init):
        for value in init:
            if not 0 < value < 1 << DRAW_BITS:
                raise ValueError(f"a lane's first state must be from 1 to 2^{DRAW_BITS} - 1, not {value!r}")
        if not len(init):
            raise ValueError("a generator needs at least one lane")
        self.init = tuple(int(value) for value in init)
        width = DRAW_BITS * len(self.init)
        super().__init__({"advance": In(1), "load": In(1), "i": In(width), "state": Out(width)})

    def elaborate(self, platform):
        m = Module()
        states = []
        for lane, init in enumerate(self.init):
            state = Signal(DRAW_BITS, init=init, name=f"state{lane}")
            loaded = self.i.word_select(lane, DRAW_BITS)
            with m.If(self.load):
                m.d.sync += state.eq(Mux(loaded.any(), loaded, 1))
            with m.Elif(self.advance):
                m.d.sync += state.eq(advanced(m, state))
            states.append(state)
        m.d.comb += self.state.eq(Cat(states))
        return m
