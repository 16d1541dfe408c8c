"""Fair choice among requesters."""

from collections.abc import Iterable
from itertools import combinations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
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


class Yielding(Arbiter):
    """Takes turns among some requesters, the eager ones, and among others that yield to them, but not for ever.

    Of E eager and Y yielding requesters, an eager one that keeps asking is granted after at most E - 1 others of its
    kind and one that yields, which has its turn after E grants to eager ones; a yielding one after at most
    Y (E + 1) - 1 grants.

    Parameters
    ----------
    yielding : iterable of int
        Those that yield.
    """

    def __init__(self, *, count: int, yielding: Iterable[int]):
        super().__init__(count=count)
        self.yielding = sorted(set(yielding))
        if not set(self.yielding) < set(range(count)):
            raise ValueError(f"those that yield must be some of 0 to {count - 1}, not all, not {self.yielding!r}")

    def elaborate(self, platform):
        m = Module()
        eager = [index for index in range(self.count) if index not in self.yielding]
        turns = {}
        for name, members in (("eager", eager), ("patient", self.yielding)):
            m.submodules[name] = turns[name] = turn = LeastRecent(count=len(members))
            m.d.comb += turn.requests.eq(Cat(self.requests[index] for index in members))
        asked, waiting = turns["eager"].requests.any(), turns["patient"].requests.any()

        passed = Signal(range(len(eager) + 1))  # grants to eager ones while another one waited
        yields = Signal()
        m.d.comb += [
            yields.eq(asked & ~(waiting & (passed == len(eager)))),
            turns["eager"].advance.eq(self.advance & yields),
            turns["patient"].advance.eq(self.advance & ~yields),
        ]
        with m.If(self.advance):
            m.d.sync += passed.eq(Mux(yields & waiting, passed + 1, 0))
        for index, grant in (*zip(eager, turns["eager"].grant, strict=True),
                             *zip(self.yielding, turns["patient"].grant, strict=True)):
            m.d.comb += self.grant[index].eq(grant & (~yields if index in self.yielding else yields))
        return m


class LeastRecent(Arbiter):
    """Grants the one that was granted least recently, in few gates.

    A requester that keeps asking, or asks time and again, is granted after at most ``count - 1`` others, each
    of them once.

    Parameters
    ----------
    ahead : bool
        ``requests`` are those of the next cycle, and ``grant`` comes from a register.
    """

    def __init__(self, *, count: int, ahead: bool = False):
        super().__init__(count=count)
        self.ahead = ahead
        self._pairs = list(combinations(range(count), 2))
        #: Of each pair, that the first was granted less recently than the second.
        self.order = Signal(len(self._pairs), init=-1)

    def before(self, order: Value, i: int, j: int) -> Value:
        """By an order, i comes before j."""
        return order[self._pairs.index((i, j))] if i < j else ~order[self._pairs.index((j, i))]

    def choice(self, order: Value) -> Value:
        """Whom of the requesters an order grants."""
        rivals = (Cat(self.requests[j] & self.before(order, j, i) for j in range(self.count) if j != i)
                  for i in range(self.count))
        return Cat(request & ~others.any() for request, others in zip(self.requests, rivals, strict=True))

    def elaborate(self, platform):
        m = Module()
        order, used = Signal.like(self.order), Signal(self.count)
        first, second = (Cat(used[pair[place]] for pair in self._pairs) for place in range(2))
        m.d.comb += [
            used.eq(Mux(self.advance, self.grant, 0)),
            order.eq(self.order & ~first | second),
        ]
        m.d.sync += self.order.eq(order)
        if self.ahead:
            m.d.sync += self.grant.eq(self.choice(order))
        else:
            m.d.comb += self.grant.eq(self.choice(self.order))
        return m
