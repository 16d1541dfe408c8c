"""Proofs about small meshes of the real routers: what docs/mesh.md concludes for any is proved of these directly."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from hdl.config import Config
from hdl.noc.grid import FACING, Broken, Site, connect, neighbour
from hdl.noc.link import class_of
from hdl.noc.packet import CLASSES, Coordinate, Op
from hdl.noc.router import Router
from hdl.noc.routing import NEIGHBOURS, Side
from sim.routing import EDGE, Tables, tables
from verif.formal import router as single
from verif.formal.proof import Proof
from verif.mesh.faults import all_faults

#: What a router looks at.
FLIT = data.StructLayout({"header": data.StructLayout({"destination": Coordinate, "op": Op})})

#: Cycles in which no flit of a class moves, though there are some and all nodes take them.
STUCK = 2

#: Where a flit may come in, and where those to each destination leave.
Ways = dict[tuple[Site, Side], dict[Site, Side]]


def ways(config: Config, links: Mapping[Site, Collection[Side]], made: Tables | None) -> Ways:
    """Every way of every flit, from nodes to anywhere and from the host to any node, by the rules of docs/mesh.md."""
    found: Ways = {}
    anywhere = [(x, y) for x in range(config.columns + 1) for y in range(config.rows + 2)]
    starts = [*product(((site, Side.LOCAL) for site in links), anywhere),
              *product([(neighbour(EDGE, Side.SOUTH), Side.NORTH)], config.coordinates())]
    for (site, side), destination in starts:
        while site in links:
            wanted = _x_first(site, destination) if made is None else made[site].get(destination, Side.LOCAL)
            way = wanted if wanted in links[site] and wanted is not side else Side.LOCAL
            found.setdefault((site, side), {})[destination] = way
            if way is Side.LOCAL:
                break
            site, side = neighbour(site, way), FACING[way][1]
    return found


def _x_first(here: Site, there: Site) -> Side:
    if here[0] != there[0]:
        return Side.EAST if there[0] > here[0] else Side.WEST
    if here[1] != there[1]:
        return Side.SOUTH if there[1] > here[1] else Side.NORTH
    return Side.LOCAL


class MeshProof(wiring.Component):
    """Routers of a mesh with the host at its edge, which takes everything; nodes that send and take as they like.

    It holds that every flit is where its way leads and nowhere else, that links and slots are used by the rules, and
    that no class ever stands still for longer than `STUCK` cycles while nodes take it, whatever the other does.
    """

    def __init__(self, *, config: Config, dead: Collection[Site] = (), broken: Collection[Broken] = (),
                 made: Tables | None = None):
        self.config = config
        self.broken = broken
        self.routers: dict[Site, Any] = {
            site: Router(config=config, flit=FLIT) for site in config.coordinates() if site not in dead}
        self.links = {site: [side for side in NEIGHBOURS if neighbour(site, side) in {*self.routers, EDGE}
                             and frozenset((site, neighbour(site, side))) not in broken] for site in self.routers}
        self.made = made
        self.ways = ways(config, self.links, self.made)
        nodes, depth = len(self.routers), config.fifo_depth
        super().__init__({
            "valid": In(CLASSES).array(nodes), "flit": In(FLIT).array(nodes), "ready": In(CLASSES).array(nodes),
            "host_slot": In(depth), "host_flit": In(FLIT),
        })

    def elaborate(self, platform):
        m = Module()
        connect(m, self.routers, edges=[EDGE], broken=self.broken)
        for index, (site, router) in enumerate(self.routers.items()):
            m.submodules[f"router_{site[0]}_{site[1]}"] = router
            if self.made is not None:
                self._load(m, router, self.made[site])
            valid, flit = self.valid[index], self.flit[index]
            m.d.comb += [
                router.settings.by_table.eq(self.made is not None),
                router.local_in.valid.eq(valid), router.local_in.flit.eq(flit),
                router.local_out.ready.eq(self.ready[index]),
                Assume((valid == 0) | (valid == Value.cast(1) << class_of(flit))),
                Assume((valid == 0) | self._leads(site, Side.LOCAL, flit).any()),
            ]
            for side in NEIGHBOURS:
                single.slots_invariant(m, router.slots[side])
            for side in Side:
                single.pool_invariant(m, router, side)
                single.output_invariant(m, router, side)
                self._places(m, site, side)
        for site, side in product(self.routers, NEIGHBOURS):
            if side not in self.links[site]:
                self._closed(m, self.routers[site], side)
            elif neighbour(site, side) == EDGE:
                self._host(m, self.routers[site], side)
            else:
                self._link(m, site, side)
        for c in range(CLASSES):
            self._moves(m, c)
        return m

    def _load(self, m: Module, router: Router, table: Mapping[Site, Side]) -> None:
        """The router's table is what it is after loading, from the start."""
        routing = router.routing
        rows = [[table.get((x, y), Side.LOCAL) for x in range(self.config.columns)]
                for y in range(self.config.rows + 1)]
        routing.table = [Signal(routing.row, name=f"routes_{y}", init=row) for y, row in enumerate(rows)]
        m.d.comb += [Assert(routing.table[y] == routing.row.const(row)) for y, row in enumerate(rows)]

    def _leads(self, site: Site, side: Side, flit: data.View, way: Value | None = None) -> Value:
        """For each flit that may come in there: it is this one, and `way` is its way."""
        there = flit.header.destination
        return Cat((there.x == x) & (there.y == y) & (1 if way is None else way == 1 << out)
                   for (x, y), out in self.ways.get((site, side), {}).items())

    def _places(self, m: Module, site: Site, side: Side) -> None:
        """Flits in a pool are on their way; what goes to the node is at its end."""
        router = self.routers[site]
        pool = router.pools[side]
        for s in range(pool.depth):
            m.d.comb += Assert(~pool.valid[s] | self._leads(site, side, pool.flits[s], pool.way_of[s]).any())
        if side is Side.LOCAL:
            ends = {there for come, there_is in self.ways.items() if come[0] == site
                    for there, way in there_is.items() if way is Side.LOCAL}
            there = router.local_out.flit.header.destination
            m.d.comb += Assert((router.local_out.valid == 0)
                               | Cat((there.x == x) & (there.y == y) for x, y in ends).any())

    def _link(self, m: Module, site: Site, side: Side) -> None:
        """A slot of the other end is free, or about to be, or full, or has a flit on the link, which is on its way."""
        there, facing = neighbour(site, side), FACING[side][1]
        link, slots = self.routers[site].outputs[side], self.routers[site].slots[side]
        pool = self.routers[there].pools[facing]
        m.d.comb += [
            Assert(slots.free == ~(link.slot | pool.valid | pool.freed)),
            Assert((link.slot & pool.valid) == 0), Assert((link.slot & pool.freed) == 0),
            Assert((pool.valid & pool.freed) == 0), Assert(single.at_most_one(link.slot)),
            *(Assert(~link.slot[c] | (class_of(link.flit) == c)) for c in range(CLASSES)),
            Assert((link.slot == 0) | self._leads(there, facing, link.flit).any()),
        ]

    def _closed(self, m: Module, router: Router, side: Side) -> None:
        """Nothing comes or goes where there is no link."""
        pool = router.pools[side]
        m.d.comb += [Assert(router.outputs[side].slot == 0), Assert(pool.valid == 0), Assert(pool.freed == 0),
                     Assert(router.slots[side].free.all())]

    def _host(self, m: Module, router: Router, side: Side) -> None:
        """The host sends to nodes, and what comes to it is gone a cycle later."""
        freed = Signal(self.config.fifo_depth)
        m.d.sync += freed.eq(router.outputs[side].slot)
        single.neighbour(m, router, side, slot=self.host_slot, flit=self.host_flit, freed=freed)
        site = neighbour(EDGE, Side.SOUTH)
        m.d.comb += [
            Assume((self.host_slot == 0) | self._leads(site, side, self.host_flit).any()),
            Assert((router.outputs[side].slot & freed) == 0),
            Assert(router.slots[side].free == ~(router.outputs[side].slot | freed)),
        ]

    def _moves(self, m: Module, c: int) -> None:
        """Whenever there are flits of a class and nodes take it, one of them moves soon."""
        routers = self.routers.values()
        waiting = Cat(pool.valid & (pool.classes if c else ~pool.classes) for router in routers
                      for pool in router.pools.values()).any()
        moves = Cat(router.sent[c] for router in routers).any()
        taken = Cat(ready[c] for ready in self.ready).all()
        stuck = Signal(range(STUCK + 2), name=f"stuck_{c}")
        m.d.sync += stuck.eq(Mux(waiting & taken & ~moves, stuck + 1, 0))
        m.d.comb += Assert(stuck <= STUCK)


def connected(config: Config) -> Iterator[tuple[list[Site], list[Broken]]]:
    """Every set of dead nodes and broken links that leaves all live ones connected to the host."""
    for dead, broken in all_faults(config):
        with suppress(ValueError):
            tables(config=config, dead=dead, broken=broken)
            yield dead, broken


def config_of(columns: int, rows: int, *, depth: int = 3) -> Config:
    return single.config_of(depth).with_mesh(columns=columns, rows=rows)


def _proof(name: str, config: Config, *, dead: Sequence[Site] = (), broken: Sequence[Broken] = (),
           by_table: bool = False, quick: bool = False) -> Proof:
    made = tables(config=config, dead=dead, broken=broken) if by_table else None
    routing = "X first" if made is None else \
        f"tables, dead are {list(dead)}, broken {[sorted(link) for link in broken]}"
    return Proof(
        name=name, mode="prove", depth=STUCK + 1, engine="abc", quick=quick, timeout=7200,
        component=partial(MeshProof, config=config, dead=dead, broken=broken, made=made),
        states=f"in a mesh of {config.columns} x {config.rows} routers every flit keeps to its way, no slot is lost or "
               f"filled twice, and of a class that all nodes take a flit moves in one of {STUCK + 1} cycles, if there "
               f"are any, whatever the other class does ({config.fifo_depth} slots; {routing})")


PROOFS = (
    _proof("mesh_2x2", config_of(2, 2), quick=True),
    _proof("mesh_2x2_4_slots", config_of(2, 2, depth=4)),
    *(_proof(f"mesh_2x2_tables_{index}", config_of(2, 2), dead=dead, broken=broken, by_table=True)
      for index, (dead, broken) in enumerate(connected(config_of(2, 2)))),
    _proof("mesh_3x3", config_of(3, 3)),
    _proof("mesh_3x3_tables", config_of(3, 3), dead=[(1, 2)], broken=[frozenset({(1, 3), (2, 3)})], by_table=True),
)
