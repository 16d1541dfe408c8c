"""Fair choice among requesters."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Arbiter(wiring.Component):
    """Grants one of `count` requesters, combinationally.

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
            raise ValueError(f"an arbiter needs at least 1 requester, not {count!r}")
        self.count = count
        super().__init__({"requests": In(count), "grant": Out(count), "advance": In(1)})


class RoundRobin(Arbiter):
    """Whoever is granted goes to the back of the line.

    A requester that keeps asking is granted after at most ``count - 1`` others.
    """

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


class LeastRecent(Arbiter):
    """Grants the one that was granted least recently, in few gates.

    A requester that keeps asking, or asks time and again, is granted after at most ``count - 1`` others, each
    of them once.
    """

    def __init__(self, *, count: int):
        super().__init__(count=count)
        #: before[i][j] with i < j: i was granted less recently than j.
        self.before = [{j: Signal(name=f"before_{i}_{j}", init=1) for j in range(i + 1, count)} for i in range(count)]

    def elaborate(self, platform):
        m = Module()
        for i in range(self.count):
            rivals = Cat(self.requests[j] & (self.before[j][i] if j < i else ~self.before[i][j])
                         for j in range(self.count) if j != i)
            m.d.comb += self.grant[i].eq(self.requests[i] & ~rivals.any())
            for j, before in self.before[i].items():
                with m.If(self.advance & self.grant[i]):
                    m.d.sync += before.eq(0)
                with m.If(self.advance & self.grant[j]):
                    m.d.sync += before.eq(1)
        return m
