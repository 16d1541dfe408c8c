"""What `verif.mesh.model` compiles once and wires many times: a router between registers of the links."""

# pyright: reportAttributeAccessIssue=none

from amaranth.hdl import Cat, ClockDomain, ClockSignal, DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.noc.link import Hop, Link
from hdl.noc.packet import CLASSES, Coordinate, flit_layout
from hdl.noc.router import Router
from hdl.noc.routing import NEIGHBOURS, RouteSettings, Side


class Tile(wiring.Component):
    """A router, with the registers that drive a link at its end instead of its beginning.

    Between tiles that is the same. But what depends on inputs Verilator works out three times a cycle: as they change,
    as the clock rises, and as it falls; so here nothing but registers depends on them, the node's flits excepted.

    What the router gives to its node can be seen a cycle later on ``taken`` (the class, one-hot) and ``flit``;
    ``ready`` is for the cycle after.

    There is no reset: registers begin as after one, and a choice less for each makes the model faster.

    ``idle``: without a flit, a freed slot or one from the node, nothing will ever change, whatever ``ready`` is.
    """

    def __init__(self, *, config: Config):
        self.config = config
        hop = Hop(flit=flit_layout(config), depth=config.fifo_depth)
        super().__init__({
            "position": In(Coordinate),
            "neighbours": In(len(NEIGHBOURS)),
            "settings": In(RouteSettings()),
            "inputs": In(hop).array(len(NEIGHBOURS)),
            "outputs": Out(hop).array(len(NEIGHBOURS)),
            "local_in": In(Link(config)),
            "ready": In(CLASSES),
            "taken": Out(CLASSES),
            "flit": Out(flit_layout(config)),
            "flits": Out(len(Side)),
            "stalls": Out(len(Side)),
            "refused": Out(len(Side)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.domains.router = domain = ClockDomain(reset_less=True)
        m.d.comb += domain.clk.eq(ClockSignal())
        router = Router(config=self.config)
        m.submodules.router = DomainRenamer("router")(router)
        m.d.router += [
            router.position.eq(self.position),
            router.neighbours.eq(self.neighbours),
            *(getattr(router.settings, name).eq(getattr(self.settings, name)) for name in RouteSettings().members),
        ]
        m.d.comb += [
            self.flits.eq(router.flits),
            self.stalls.eq(router.stalls),
            self.refused.eq(router.refused),
        ]
        wiring.connect(m, wiring.flipped(self.local_in), router.local_in)
        busy = [self.taken, router.flits, router.stalls, router.refused,
                *(pool.valid for pool in router.pools.values())]
        for side in NEIGHBOURS:
            comes, goes = self.inputs[side], self.outputs[side]
            m.d.router += [
                router.inputs[side].slot.eq(comes.slot),
                router.inputs[side].flit.eq(comes.flit),
                router.outputs[side].freed.eq(goes.freed),
            ]
            m.d.comb += [
                goes.slot.eq(router.departs[side].slot),
                goes.flit.eq(router.departs[side].flit),
                comes.freed.eq(router.pools[side].frees),
            ]
            busy += [router.inputs[side].slot, router.outputs[side].freed]
        m.d.comb += self.idle.eq(~Cat(busy).any())
        m.d.router += [router.local_out.ready.eq(self.ready), self.taken.eq(router.local_out.valid)]
        with m.If(router.local_out.valid.any()):
            m.d.router += self.flit.eq(router.local_out.flit)
        return m
