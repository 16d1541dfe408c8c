"""Proofs about the router. docs/mesh.md says how they are put together, and what follows for a mesh.

What a flit says besides its destination and class is never looked at, so a payload of 1 bit stands for any.
"""

from dataclasses import replace
from functools import partial, reduce
from itertools import combinations, permutations
from operator import or_

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from hdl.arbiter import LeastRecent
from hdl.config import SIM
from hdl.memory_map import ROUTE_BITS, ROUTES_PER_REGISTER
from hdl.noc.link import Slots, class_of, usable
from hdl.noc.packet import CLASSES, Coordinate, Op
from hdl.noc.pool import Pool
from hdl.noc.router import Router
from hdl.noc.routing import NEIGHBOURS, RouteSettings, Routing, Side
from verif.formal.proof import Proof

#: A header and 1 bit.
FLIT = data.StructLayout({"header": data.StructLayout({"destination": Coordinate, "op": Op}), "payload": 1})


def at_most_one(bits: Value) -> Value:
    return (bits & (bits - 1))[:len(bits)] == 0


class Arbiter(wiring.Component):
    """Grants one of those that ask; each waits for others at most count - 1 times."""

    def __init__(self, *, count: int, ahead: bool):
        self.count = count
        self.ahead = ahead
        super().__init__({"requests": In(count), "advance": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.arbiter = arbiter = LeastRecent(count=self.count, ahead=self.ahead)
        asked = Signal(self.count)
        m.d["sync" if self.ahead else "comb"] += asked.eq(self.requests)
        m.d.comb += [
            arbiter.requests.eq(self.requests),
            arbiter.advance.eq(self.advance),
        ]
        arbiter_invariant(m, arbiter, asked)
        for i in range(self.count):
            waited = Signal(range(self.count + 1), name=f"waited_{i}")
            with m.If(self.advance & asked[i]):
                m.d.sync += waited.eq(Mux(arbiter.grant[i], 0, waited + 1))
            m.d.comb += Assert(waited + rank(arbiter, i) <= self.count - 1)
        return m


def rank(arbiter: LeastRecent, i: int) -> Value:
    """How many come before i."""
    return sum((arbiter.before(arbiter.order, j, i) for j in range(arbiter.count) if j != i), Value.cast(0))


def arbiter_invariant(m: Module, arbiter: LeastRecent, asked: Value) -> None:
    """Who is before whom is an order; of those who ask, one is granted, and no other that asks is before it."""
    def before(i: int, j: int) -> Value:
        return arbiter.before(arbiter.order, i, j)

    m.d.comb += [
        *(Assert(~(before(i, j) & before(j, k) & before(k, i))) for i, j, k in permutations(range(arbiter.count), 3)),
        Assert(at_most_one(arbiter.grant)),
        Assert(arbiter.grant.any() == asked.any()),
        Assert((arbiter.grant & ~asked) == 0),
        *(Assert(~(arbiter.grant[i] & asked[j] & before(j, i))) for i, j in permutations(range(arbiter.count), 2)),
    ]


class Ways(wiring.Component):
    """What `Routing` says, against the rules of docs/mesh.md, for one destination and one entry of the table."""

    def __init__(self):
        self.config = SIM.with_mesh(columns=3, rows=2)
        super().__init__({
            "position": In(Coordinate), "neighbours": In(4), "settings": In(RouteSettings()),
            "destination": In(Coordinate), "x": In(2), "y": In(2),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.routing = routing = Routing(config=self.config)
        wiring.connect(m, wiring.flipped(self.settings), routing.settings)
        m.d.comb += [routing.position.eq(self.position), routing.neighbours.eq(self.neighbours)]

        # The entry that was last written for (x, y), which stay what they are.
        x, y, first = Signal(2), Signal(2), Signal(init=1)
        entry = Signal(3, init=Side.LOCAL)
        m.d.sync += [x.eq(self.x), y.eq(self.y), first.eq(0)]
        m.d.comb += [Assume(first | ((x == self.x) & (y == self.y))),
                     Assume((self.x < self.config.columns) & (self.y <= self.config.rows))]
        settings = self.settings
        with m.If(settings.write & (settings.row == self.y) & (settings.group == self.x // ROUTES_PER_REGISTER)):
            m.d.sync += entry.eq(settings.routes.word_select(self.x, ROUTE_BITS))

        for column in range(self.config.columns):
            for row in range(self.config.rows + 1):
                with m.If((self.x == column) & (self.y == row)):
                    m.d.comb += Assert(entry == routing.table[row][column])

        here, there = self.position, self.destination
        x_first = Signal(3)
        with m.If(there.x > here.x):
            m.d.comb += x_first.eq(Side.EAST)
        with m.Elif(there.x < here.x):
            m.d.comb += x_first.eq(Side.WEST)
        with m.Elif(there.y > here.y):
            m.d.comb += x_first.eq(Side.SOUTH)
        with m.Elif(there.y < here.y):
            m.d.comb += x_first.eq(Side.NORTH)
        with m.Else():
            m.d.comb += x_first.eq(Side.LOCAL)
        outside = (there.x >= self.config.columns) | (there.y > self.config.rows)
        is_entry = (there.x == self.x) & (there.y == self.y)
        for side in Side:
            wanted, known = Signal(3, name=f"wanted_{side}"), Signal(name=f"known_{side}")
            m.d.comb += [
                routing.destinations[side].eq(there),
                known.eq(~settings.by_table | outside | is_entry),
                wanted.eq(Mux(settings.by_table, Mux(outside, Side.LOCAL, entry), x_first)),
            ]
            way = routing.ways[side]
            m.d.comb += [Assert(way.any()), Assert(at_most_one(way))]
            goes = (wanted < Side.LOCAL) & (self.neighbours >> wanted)[0] & (wanted != side)
            with m.If(known & goes):
                m.d.comb += [Assert(way == Value.cast(1) << wanted), Assert(~routing.refused[side])]
            with m.Elif(known):
                m.d.comb += [Assert(way == 1 << Side.LOCAL), Assert(routing.refused[side] == (wanted < Side.LOCAL))]
        return m


class Tracked:
    """A flit that comes in on a side at some time, and where it is: nowhere yet, in the pool, on a link, or gone."""

    def __init__(self, m: Module, router: Router, *, side: Side, pick: Value, name: str):
        pool = router.pools[side]
        self.side = side
        self.flit = Signal(FLIT, name=f"{name}_flit")
        self.way = Signal(len(Side), name=f"{name}_way")
        self.slot = Signal(pool.depth, name=f"{name}_slot")
        self.seen = Signal(name=f"{name}_seen")
        self.in_pool = Signal(name=f"{name}_in_pool")
        self.on_link = Signal(name=f"{name}_on_link")
        self.comes = Signal(name=f"{name}_comes")
        self.leaves = Signal(len(Side), name=f"{name}_leaves")
        passes = router.passes[side] if side in NEIGHBOURS else Signal(len(Side), name=f"{name}_passes")
        from_pool = Signal(len(Side), name=f"{name}_from_pool")
        for s in range(pool.depth):
            with m.If(self.in_pool & self.slot[s]):
                m.d.comb += from_pool.eq(router.leaves[side][s])
        m.d.comb += [
            self.comes.eq(pick & pool.slot.any() & ~self.seen),
            self.leaves.eq(from_pool | Mux(self.comes, passes, 0)),
        ]
        self.gone = self.seen & ~self.in_pool & ~self.on_link
        self.way_now = way = Mux(self.comes, pool.way, self.way)
        self.class_now = Mux(self.comes, class_of(pool.flit), class_of(self.flit))
        flit = Mux(self.comes, Value.cast(pool.flit), Value.cast(self.flit))
        with m.If(self.comes):
            m.d.sync += [self.seen.eq(1), self.flit.eq(pool.flit), self.way.eq(pool.way), self.slot.eq(pool.slot)]
        m.d.sync += [
            self.in_pool.eq((self.comes | self.in_pool) & ~self.leaves.any()),
            self.on_link.eq(self.leaves.any() & ~self.leaves[Side.LOCAL]),
        ]
        # It is where it should be, unchanged, leaves by its way and no other, and is seen there.
        m.d.comb += [
            Assert((self.leaves & ~way) == 0),
            Assert(~(self.in_pool & self.on_link)),
            Assert(self.seen | ~(self.in_pool | self.on_link)),
        ]
        with m.If(self.leaves[Side.LOCAL]):
            m.d.comb += [
                Assert(Value.cast(router.local_out.flit) == flit),
                Assert(router.local_out.valid == Value.cast(1) << self.class_now),
            ]
        for out in NEIGHBOURS:
            with m.If(self.on_link & self.way[out]):
                m.d.comb += [Assert(router.outputs[out].slot.any()),
                             Assert(Value.cast(router.outputs[out].flit) == Value.cast(self.flit))]
        with m.If(self.in_pool | self.on_link):
            m.d.comb += [
                Assert(self.way.any()),
                Assert(at_most_one(self.way)),
                Assert(~self.way[Side.LOCAL] | ~self.on_link),
            ]
        with m.If(self.in_pool):
            m.d.comb += [Assert(self.slot.any()), Assert(at_most_one(self.slot))]
            for s in range(pool.depth):
                with m.If(self.slot[s]):
                    m.d.comb += [
                        Assert(pool.valid[s]),
                        Assert(Value.cast(pool.flits[s]) == Value.cast(self.flit)),
                        Assert(pool.way_of[s] == self.way),
                        Assert(pool.classes[s] == class_of(self.flit)),
                    ]


def neighbour(m: Module, router: Router, side: Side, *, slot: Signal, flit: data.View, freed: Signal) -> None:
    """The neighbour on a side: sends into slots that are free and its flit's class may use, frees what is taken."""
    depth = router.config.fifo_depth
    link_in, link_out = router.inputs[side], router.outputs[side]
    pool = router.pools[side]

    # Its flits for us. No slot is lost: each is free, or holds a flit, or is about to be told free.
    free = Signal(depth, init=(1 << depth) - 1, name=f"free_at_{side.name}")
    m.d.sync += free.eq(free & ~slot | link_in.freed)
    m.d.comb += [
        link_in.slot.eq(slot), link_in.flit.eq(flit),
        Assume(at_most_one(slot)), Assume((slot & ~free) == 0),
        *(Assume(~slot[c] | (class_of(flit) == c)) for c in range(CLASSES)),
        Assert(free == ~(pool.valid | pool.freed)),
        Assert((pool.valid & pool.freed) == 0),
    ]

    # Our flits for it.
    taken = Signal(depth, name=f"taken_at_{side.name}")
    m.d.sync += taken.eq(taken & ~freed | link_out.slot)
    m.d.comb += [
        link_out.freed.eq(freed),
        Assume((freed & ~taken) == 0),
        Assert(at_most_one(link_out.slot)),
        Assert((link_out.slot & taken) == 0),
        Assert(router.slots[side].free == ~(taken | link_out.slot)),
        *(Assert(~link_out.slot[c] | (class_of(link_out.flit) == c)) for c in range(CLASSES)),
    ]
    slots_invariant(m, router.slots[side])


def slots_invariant(m: Module, slots: Slots) -> None:
    """What the sender knows beforehand of the slots that are free."""
    m.d.comb += [Assert(slots.some[c] == usable(slots.free, traffic_class=c).any()) for c in range(CLASSES)]


def pool_invariant(m: Module, router: Router, side: Side) -> None:
    """What holds of a pool at all times."""
    pool = router.pools[side]
    for s in range(pool.depth):
        blocked = (pool.waits[s] & pool.valid).any()
        m.d.comb += [
            Assert(pool.requests[s] == Mux(pool.valid[s] & ~blocked, pool.way_of[s], 0)),
            Assert(~pool.waits[s][s]),
            Assert(~pool.valid[s] | (at_most_one(pool.way_of[s]) & pool.way_of[s].any())),
            Assert(~pool.valid[s] | (pool.classes[s] == class_of(pool.flits[s]))),
        ]
        if side is not Side.LOCAL:
            m.d.comb += Assert(~pool.valid[s] | ~pool.way_of[s][side])
    for r, s in combinations(range(pool.depth), 2):
        both = pool.valid[r] & pool.valid[s]
        alike = (pool.way_of[r] == pool.way_of[s]) & (pool.classes[r] == pool.classes[s])
        m.d.comb += Assert(~both | (alike == (pool.waits[r][s] ^ pool.waits[s][r])))
        m.d.comb += Assert(~both | ~(pool.waits[r][s] & pool.waits[s][r]))
    for r, s, t in permutations(range(pool.depth), 3):
        all_three = pool.valid[r] & pool.valid[s] & pool.valid[t]
        m.d.comb += Assert(~(all_three & pool.waits[r][s] & pool.waits[s][t] & pool.waits[t][r]))


def wanted(pool: Pool, c: int) -> Value:
    """Outputs that flits of a class may leave by now."""
    return reduce(or_, (Mux(pool.classes[s] == c, pool.requests[s], 0) for s in range(pool.depth)))


def output_invariant(m: Module, router: Router, out: Side) -> None:
    """An output sends one flit, of those that come or wait, if there is one that it may send."""
    leaving = Cat(*(slot[out] for side in router.sources[out] for slot in router.leaves[side]),
                  *(router.passes[side][out] for side in router.sources[out] if side in NEIGHBOURS))
    asked = [Cat(wanted(router.pools[side], c)[out] for side in router.sources[out]) for c in range(CLASSES)]
    wanted_now, room, sent = (Cat(of_class[out] for of_class in signals)
                              for signals in (router.wanted, router.room, router.sent))
    m.d.comb += [
        Assert(at_most_one(leaving)),
        Assert(leaving.any() == sent.any()),
        Assert(at_most_one(sent)),
        Assert((sent & ~room) == 0),
        Assert(~(wanted_now & room).any() | sent.any()),
        Assert(wanted_now == Cat(asked[c].any() for c in range(CLASSES))),
    ]
    arbiter_invariant(m, router.classes[out], wanted_now & room)
    for c in range(CLASSES):
        arbiter_invariant(m, router.turns[out][c], asked[c])


class RouterProof(wiring.Component):
    """A router between neighbours that keep to the rules of `hdl.noc.link.Hop` and nothing else.

    Flits of side `side` are followed: two of the same class and way, one after the other.
    """

    def __init__(self, *, side: Side, depth: int):
        self.side = side
        self.router = Router(config=config_of(depth), flit=FLIT)
        members = {name: member for name, member in self.router.signature.members.items() if member.flow is In}
        super().__init__({
            "position": members["position"], "neighbours": members["neighbours"], "settings": members["settings"],
            **{f"slot_{side}": In(depth) for side in NEIGHBOURS}, **{f"flit_{side}": In(FLIT) for side in NEIGHBOURS},
            **{f"freed_{side}": In(depth) for side in NEIGHBOURS},
            "local_valid": In(CLASSES), "local_flit": In(FLIT), "local_ready": In(CLASSES), "pick": In(2),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.router = router = self.router
        wiring.connect(m, wiring.flipped(self.settings), router.settings)
        m.d.comb += [
            router.position.eq(self.position), router.neighbours.eq(self.neighbours),
            router.local_in.valid.eq(self.local_valid), router.local_in.flit.eq(self.local_flit),
            router.local_out.ready.eq(self.local_ready),
            Assume((self.local_valid == 0) | (self.local_valid == Value.cast(1) << class_of(self.local_flit))),
        ]
        for side in NEIGHBOURS:
            neighbour(m, router, side, **{name: getattr(self, f"{name}_{side}") for name in ("slot", "flit", "freed")})
        for side in Side:
            pool_invariant(m, router, side)
            output_invariant(m, router, side)

        # Two flits of one class and way: the later never overtakes the first.
        first = Tracked(m, router, side=self.side, pick=self.pick[0], name="first")
        later = Tracked(m, router, side=self.side, pick=self.pick[1] & first.seen, name="later")
        alike = Signal()
        m.d.comb += [
            Assert(first.seen | ~later.seen),
            alike.eq((first.way == later.way_now) & (class_of(first.flit) == later.class_now)),
            Assert(~(alike & first.in_pool & later.leaves.any())),
        ]
        pool = router.pools[self.side]
        for s in range(pool.depth):
            with m.If(alike & first.in_pool & later.in_pool & later.slot[s]):
                m.d.comb += Assert((pool.waits[s] & first.slot).any())
        self._turn(m, first)
        return m

    def _turn(self, m: Module, flit: "Tracked") -> None:
        """A flit that may leave, with room for it, waits for at most 2 x (inputs - 1) + 1 others."""
        router = self.router
        pool = router.pools[self.side]
        for out in Side:
            if self.side not in router.sources[out]:
                continue
            inputs = len(router.sources[out])
            index = router.sources[out].index(self.side)
            for c in range(CLASSES):
                waits = Signal(name=f"waits_for_{out.name}_{c}")
                waited = Signal(range(2 * inputs + 1), name=f"waited_for_{out.name}_{c}")
                m.d.comb += waits.eq(flit.in_pool & flit.way[out] & (class_of(flit.flit) == c) & Cat(
                    flit.slot[s] & pool.requests[s].any() for s in range(pool.depth)).any())
                with m.If(waits & router.room[c][out]):
                    m.d.sync += waited.eq(waited + 1)
                before = 2 * rank(router.turns[out][c], index) + rank(router.classes[out], c)
                m.d.comb += Assert(~waits | (waited + before <= 2 * (inputs - 1) + 1))
                m.d.comb += Assert(waits | flit.on_link | flit.gone | (waited == 0))


def config_of(depth: int):
    return replace(SIM, fifo_depth=depth, columns=1, rows=1)


PROOFS = (
    *(Proof(name=f"arbiter_{count}{'_ahead' if ahead else ''}", component=partial(Arbiter, count=count, ahead=ahead),
            mode="prove", depth=2, quick=count == 4,
            states=f"of {count} requesters{', of the cycle before,' if ahead else ''} one is granted, and each waits "
                   f"for others at most {count - 1} times")
      for count in (2, 4, 5) for ahead in (False, True)),
    Proof(name="router_ways", component=Ways, mode="prove", depth=2, quick=True,
          states="every flit gets one way: X first, or as the table says; LOCAL if that is closed or not in the table "
                 "(any position; tables of 3 x 2)"),
    *(Proof(name=f"router_{side.name.lower()}_{depth}", component=partial(RouterProof, side=side, depth=depth),
            mode="prove", depth=1, engine="abc", quick=depth == 4 and side in (Side.NORTH, Side.LOCAL),
            states=f"flits from {side.name}: none is lost, doubled, changed or misrouted; those of a class and way "
                   "stay in order; a flit that may leave waits for at most 2 x (inputs - 1) + 1 others; no slot is "
                   f"lost, none is filled twice ({depth} slots, any neighbours, any tables)")
      for depth in (3, 4) for side in Side),
)
