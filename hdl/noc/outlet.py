"""Where packets leave a node for the mesh."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config
from .link import Link
from .packet import BORN_BITS, CLASSES, Coordinate, flit_layout


class Outlet(wiring.Component):
    """Puts the packets of both classes onto one link, combinationally: of those for which there is room, in turn.

    So a class without room never holds up the other.

    Members
    -------
    position : In(Coordinate), cycle : In(BORN_BITS)
        What packets are stamped with in the cycle in which they leave.
    packets : In(stream) of each class
        ``source`` and ``born`` are filled in here.
    mesh_out : Out(Link)
        ``valid`` depends on ``ready``: only a flit that is taken is offered.
    """

    def __init__(self, *, config: Config):
        self.config = config
        self.flit = flit_layout(config)
        super().__init__({
            "position": In(Coordinate),
            "cycle": In(BORN_BITS),
            "packets": In(stream.Signature(self.flit)).array(CLASSES),
            "mesh_out": Out(Link(config)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.turn = turn = RoundRobin(count=CLASSES)
        flit = Signal(self.flit)
        m.d.comb += [
            turn.requests.eq(Cat(packet.valid for packet in self.packets) & self.mesh_out.ready),
            turn.advance.eq(1),
            self.mesh_out.valid.eq(turn.grant),
            self.mesh_out.flit.eq(flit),
            *(packet.ready.eq(turn.grant[c]) for c, packet in enumerate(self.packets)),
        ]
        for c, packet in enumerate(self.packets):
            with m.If(turn.grant[c]):
                m.d.comb += flit.eq(packet.payload)
        m.d.comb += [flit.header.source.eq(self.position), flit.header.born.eq(self.cycle)]
        return m
