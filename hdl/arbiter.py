"""Round-robin choice among requesters."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class RoundRobin(wiring.Component):
    """Grants one of `count` requesters, combinationally; whoever is granted goes to the back of the line.

    A requester that keeps asking is granted after at most ``count - 1`` others.

    Members
    -------
    requests : In(count)
    grant : Out(count)
        One-hot, or 0 if there are no requests.
    advance : In(1)
        The grant is used in this cycle.
    """

    def __init__(self, *, count: int):
        if count < 1:
            raise ValueError(f"a round-robin arbiter needs at least 1 requester, not {count!r}")
        self.count = count
        super().__init__({"requests": In(count), "grant": Out(count), "advance": In(1)})

    def elaborate(self, platform):
        m = Module()
        behind = Signal(self.count)  # those after the last one granted
        first = self.requests & behind
        choice = Signal(self.count)
        m.d.comb += [
            choice.eq(self.requests),
            self.grant.eq(choice & (~choice + 1)),
        ]
        with m.If(first.any()):
            m.d.comb += choice.eq(first)
        with m.If(self.advance & self.requests.any()):
            m.d.sync += behind.eq(~(self.grant | (self.grant - 1)))
        return m
