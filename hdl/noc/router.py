"""The mesh router: five links in, five out, one cycle a hop."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import LeastRecent, RoundRobin
from ..config import Config
from ..verilog import ALONE
from .link import Hop, Link, Slots, choose, class_of, usable
from .packet import CLASSES, Coordinate, flit_layout
from .pool import Pool
from .routing import NEIGHBOURS, RouteSettings, Routing, Side

#: Flits that wait on their way in from the node: one for each class and one more, so that a class alone never waits.
LOCAL_DEPTH = CLASSES + 1


class Router(wiring.Component):
    """Passes flits on, the way that `hdl.noc.routing.Routing` says.

    A flit that comes in on a side leaves in the same cycle, into the register that drives the next link, if nobody
    waits for its output; if not, it goes into the slot of the input's pool that its sender chose for it. So it takes a
    cycle from register to register. (A flit from the node always waits for a cycle in the pool, and one for the node
    does not stop at a register: the node has queues for it.)

    Each output takes the flits that wait in turn: among the inputs of a class, and between the classes for which there
    is room. So

    * an output sends a flit in every cycle in which there is one that it may send;
    * a class without room never holds up the other;
    * a flit that is the first of its class and way in its pool, and that there is room for, waits for at most
      2 x (inputs - 1) + 1 others.

    With `config.single_reads`, the outputs that flits of the same input leave by wait for each other, in turn, and a
    flit passes only while none of its input leaves.

    (One turn among inputs and classes together would not do: room that comes and goes could pass the same input by for
    ever. Flits that pass without waiting need no turn: they pass only where nobody waits.)

    Parameters
    ----------
    config : Config
        `config.fifo_depth` is the number of slots at each side.
    flit : data.StructLayout
        Default: `flit_layout(config)`. Any other with a ``header`` that has ``destination`` and ``op`` will do.

    Members
    -------
    position, neighbours, settings
        See `hdl.noc.routing.Routing`.
    inputs : In(Hop), outputs : Out(Hop), one for each of `NEIGHBOURS`
    local_in : In(Link), local_out : Out(Link)
        From and to the node. ``ready`` of `local_in` comes from a register; ``valid`` of `local_out` depends on
        ``ready``: only a flit that is taken is offered.
    flits, stalls, refused : Out(len(Side))
        Strobes, a cycle late. Of each `Side`: a flit has left; flits waited and none has left; one has come in on that
        side that went to LOCAL since its way was closed.
    """

    def __init__(self, *, config: Config, flit: data.StructLayout | None = None):
        self.config = config
        self.flit = flit_layout(config) if flit is None else flit
        hop = Hop(flit=self.flit, depth=config.fifo_depth)
        super().__init__({
            "position": In(Coordinate),
            "neighbours": In(len(NEIGHBOURS)),
            "settings": In(RouteSettings()),
            "inputs": In(hop).array(len(NEIGHBOURS)),
            "outputs": Out(hop).array(len(NEIGHBOURS)),
            "local_in": In(Link(config, flit=self.flit)),
            "local_out": Out(Link(config, flit=self.flit)),
            "flits": Out(len(Side)),
            "stalls": Out(len(Side)),
            "refused": Out(len(Side)),
        })
        # What proofs and models speak of.
        self.routing = Routing(config=config)
        self.pools = {side: Pool(flit=self.flit, depth=LOCAL_DEPTH if side is Side.LOCAL else config.fifo_depth,
                                 ways=len(Side), registered=side is not Side.LOCAL, single=config.single_reads)
                      for side in Side}
        self.slots = {side: Slots(depth=config.fifo_depth) for side in NEIGHBOURS}
        #: Outputs that the flit of each slot leaves by, and the flit that comes in.
        self.leaves = {side: [Signal(len(Side), name=f"leaves_{side.name}_{s}{ALONE}") for s in range(pool.depth)]
                       for side, pool in self.pools.items()}
        self.passes = {side: Signal(len(Side), name=f"passes_{side.name}{ALONE}") for side in NEIGHBOURS}
        #: Of each class: outputs that there is room behind, that flits wait for, and that send one now.
        self.room, self.wanted, self.sent = (
            [Signal(len(Side), name=f"{name}_{c}") for c in range(CLASSES)] for name in ("room", "wanted", "sent"))
        #: What the register that drives a link takes.
        self.departs = {side: Signal(data.StructLayout({"slot": config.fifo_depth, "flit": self.flit}),
                                     name=f"departs_{side.name}") for side in NEIGHBOURS}
        self.classes = {side: LeastRecent(count=CLASSES) for side in Side}
        #: Of each input, whose turn it is to take a flit, if one leaves at a time.
        self.picks = {side: RoundRobin(count=len(Side)) for side in Side} if config.single_reads else {}
        self.sources = {side: [source for source in Side if source is not side or side is Side.LOCAL] for side in Side}
        self.turns = {side: [LeastRecent(count=len(self.sources[side]), ahead=True) for _ in range(CLASSES)]
                      for side in Side}

    def elaborate(self, platform):
        m = Module()
        m.submodules.routing = routing = self.routing
        m.d.comb += [
            routing.position.eq(self.position),
            routing.neighbours.eq(self.neighbours),
        ]
        wiring.connect(m, wiring.flipped(self.settings), routing.settings)

        # Flits in. Those from the node choose their slot here.
        for side, pool in self.pools.items():
            m.submodules[f"pool_{side.name}"] = pool
            if side is Side.LOCAL:
                free = [choose(~pool.valid, traffic_class=c) for c in range(CLASSES)]
                m.d.comb += [
                    pool.flit.eq(self.local_in.flit),
                    pool.slot.eq(reduce(or_, (Mux(self.local_in.valid[c], free[c], 0) for c in range(CLASSES)))),
                    self.local_in.ready.eq(Cat(usable(~pool.valid, traffic_class=c).any() for c in range(CLASSES))),
                ]
            else:
                link = self.inputs[side]
                m.d.comb += [pool.flit.eq(link.flit), pool.slot.eq(link.slot), link.freed.eq(pool.freed)]
            m.d.comb += [
                routing.destinations[side].eq(pool.flit.header.destination),
                pool.way.eq(routing.ways[side]),
            ]
            m.d.sync += self.refused[side].eq(routing.refused[side] & pool.slot.any())

        leaves, passes, room, wanted, sent = self.leaves, self.passes, self.room, self.wanted, self.sent
        for c in range(CLASSES):
            m.d.comb += room[c].eq(Cat(*(self.slots[out].room[c] for out in NEIGHBOURS), self.local_out.ready[c]))

        # Those that wait come first: of each class one is chosen ahead, and one of the classes when it is known what
        # room there is.
        for out, classes in self.classes.items():
            m.submodules[f"classes_{out.name}"] = classes
            m.d.comb += classes.requests.eq(Cat(wanted[c][out] & room[c][out] for c in range(CLASSES)))
        can_go, goes = Signal(len(Side)), [Signal(len(Side), name=f"goes_{c}") for c in range(CLASSES)]
        m.d.comb += can_go.eq(Cat(classes.requests.any() for classes in self.classes.values()))
        for c in range(CLASSES):
            m.d.comb += goes[c].eq(Cat(classes.grant[c] for classes in self.classes.values()))
        for side, pool in self.pools.items():
            turns = [goes[c] & Cat(self._turn(out, c, side) for out in Side) for c in range(CLASSES)]
            if self.picks:
                m.submodules[f"pick_{side.name}"] = pick = self.picks[side]
                m.d.comb += [pick.requests.eq(turns[0] | turns[1]), pick.advance.eq(1)]
                turns = [turn & pick.grant for turn in turns]
            m.d.comb += [pool.goes[c].eq(turns[c]) for c in range(CLASSES)]
            for s, leave in enumerate(leaves[side]):
                m.d.comb += leave.eq(pool.requests[s] & Mux(pool.classes[s], pool.goes[1], pool.goes[0]))
            m.d.comb += pool.leaves.eq(Cat(leave.any() for leave in leaves[side]))
        picked = reduce(or_, (pick.grant for pick in self.picks.values())) if self.picks else can_go
        leads = [goes[c] & picked for c in range(CLASSES)] if self.picks else goes
        for out, classes in self.classes.items():
            m.d.comb += classes.advance.eq(picked[out])
            for c, arbiter in enumerate(self.turns[out]):
                m.submodules[f"turns_{out.name}_{c}"] = arbiter
                m.d.comb += [
                    arbiter.requests.eq(Cat(self.pools[side].wanted[c][out] for side in self.sources[out])),
                    arbiter.advance.eq(leads[c][out]),
                ]
                m.d.sync += wanted[c][out].eq(arbiter.requests.any())

        # Where none can go, one may pass.
        coming = {side: Signal(len(Side), name=f"coming_{side.name}") for side in NEIGHBOURS}
        can_pass = {side: Signal(len(Side), name=f"can_pass_{side.name}") for side in NEIGHBOURS}
        for side, way in coming.items():
            pool = self.pools[side]
            first = ~reduce(or_, (can_pass[other] for other in NEIGHBOURS if other < side), Const(0, len(Side)))
            m.d.comb += [
                way.eq(Mux(pool.slot.any(), pool.way, 0)),
                can_pass[side].eq(way & Mux(class_of(pool.flit), room[1], room[0])),
                passes[side].eq(can_pass[side] & first & ~can_go),
                pool.passes.eq(passes[side].any()),
            ]
            if self.picks:
                with m.If(self.picks[side].requests.any()):
                    m.d.comb += can_pass[side].eq(0)
        for c in range(CLASSES):
            passing = (Mux(class_of(self.pools[side].flit) == c, passes[side], 0) for side in NEIGHBOURS)
            m.d.comb += sent[c].eq(reduce(or_, passing, leads[c]))
        m.d.sync += [
            self.flits.eq(sent[0] | sent[1]),
            self.stalls.eq(reduce(or_, (*wanted, *coming.values())) & ~(sent[0] | sent[1])),
        ]

        # What leaves an input, if that is one flit at a time.
        leaving = {side: Signal(self.flit, name=f"leaving_{side.name}") for side in self.picks}
        for side, flit in leaving.items():
            pool = self.pools[side]
            m.d.comb += flit.eq(Mux(pool.passes, pool.flit.as_value(), pool.flits[0].as_value()))

        # Flits out.
        for out in Side:
            through = [side for side in self.sources[out] if side in NEIGHBOURS]
            legs = []
            for side, flit in leaving.items():
                if side in self.sources[out]:
                    leg = Signal(name=f"leg_{side.name}_{out.name}{ALONE}")
                    m.d.comb += leg.eq(self.picks[side].grant[out] | (passes[side][out] if side in through else 0))
                    legs.append((leg, flit))
            if not leaving:
                legs += [(leaves[side][s][out], flit) for side in self.sources[out]
                         for s, flit in enumerate(self.pools[side].flits)]
                legs += [(passes[side][out], self.pools[side].flit) for side in through]
            flit = Signal(self.flit, name=f"flit_{out.name}")
            with m.If(legs[0][0]):
                m.d.comb += flit.eq(legs[0][1])
            for select, leg in legs[1:]:
                with m.Elif(select):
                    m.d.comb += flit.eq(leg)
            valid = Cat(sent[c][out] for c in range(CLASSES))
            if out is Side.LOCAL:
                m.d.comb += [self.local_out.valid.eq(valid), self.local_out.flit.eq(flit)]
            else:
                link, departs = self.outputs[out], self.departs[out]
                m.submodules[f"slots_{out.name}"] = slots = self.slots[out]
                m.d.comb += [
                    slots.freed.eq(link.freed),
                    slots.leaves.eq(valid),
                    departs.flit.eq(flit),
                    departs.slot.eq(reduce(or_, (Mux(valid[c], slots.slots[c], 0) for c in range(CLASSES)))),
                ]
                m.d.sync += [link.flit.eq(departs.flit), link.slot.eq(departs.slot)]
        return m

    def _turn(self, out: Side, c: int, side: Side) -> Value:
        """It is the turn of an input, of those with flits of a class that wait for an output."""
        sources = self.sources[out]
        return self.turns[out][c].grant[sources.index(side)] if side in sources else Const(0, 1)
