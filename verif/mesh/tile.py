"""What `verif.mesh.model` compiles once and wires many times: a router whose node takes flits into a register."""

# pyright: reportAttributeAccessIssue=none

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.noc.link import Hop, Link
from hdl.noc.packet import CLASSES, Coordinate, flit_layout
from hdl.noc.router import Router
from hdl.noc.routing import NEIGHBOURS, RouteSettings, Side


class Tile(wiring.Component):
    """A router. What it gives to its node can be seen a cycle later on ``taken`` (the class, one-hot) and ``flit``."""

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
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.router = router = Router(config=self.config)
        m.d.comb += [
            router.position.eq(self.position),
            router.neighbours.eq(self.neighbours),
            router.local_out.ready.eq(self.ready),
            self.flits.eq(router.flits),
            self.stalls.eq(router.stalls),
            self.refused.eq(router.refused),
        ]
        wiring.connect(m, wiring.flipped(self.settings), router.settings)
        wiring.connect(m, wiring.flipped(self.local_in), router.local_in)
        for side in NEIGHBOURS:
            wiring.connect(m, wiring.flipped(self.inputs[side]), router.inputs[side])
            wiring.connect(m, router.outputs[side], wiring.flipped(self.outputs[side]))
        m.d.sync += self.taken.eq(router.local_out.valid)
        with m.If(router.local_out.valid.any()):
            m.d.sync += self.flit.eq(router.local_out.flit)
        return m
