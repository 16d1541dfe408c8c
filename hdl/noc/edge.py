"""The edge port: where the host meets the mesh."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..memory_map import ErrorCode
from ..queue import Queue
from .address import is_node
from .link import Link
from .merge import Merge
from .packet import BORN_BITS, Op, flit_layout
from .reports import Report

#: Coordinates of the edge port.
EDGE_X, EDGE_Y = 0, 0


class EdgePort(wiring.Component):
    """Carries packets between the host and the mesh; stands at (0, 0), north of node (0, 1).

    A host's packet goes into the mesh in the cycle in which it comes, and from the mesh to the host takes one cycle.
    The host must always take what it is sent in the end; it may send requests and posted packets in any order, but they
    share one stream, so a request that has to wait holds up what comes behind it.

    The port fills in ``source`` and, on the way into the mesh, ``born``. A request to coordinates that no node has is
    answered with an ERROR (DESTINATION), a posted packet to such is dropped and counted. Anything else is checked by
    the node that it goes to.

    Members
    -------
    i : In(stream), o : Out(stream)
        Flits from and to the host.
    mesh_in : In(Link), mesh_out : Out(Link)
        From and to the NORTH side of node (0, 1).
    errors : Out(16)
        Posted packets dropped since reset; stays at 65,535.
    """

    def __init__(self, *, config: Config):
        self.config = config
        self.flit = flit_layout(config)
        super().__init__({
            "i": In(stream.Signature(self.flit)),
            "o": Out(stream.Signature(self.flit)),
            "mesh_in": In(Link(config)),
            "mesh_out": Out(Link(config)),
            "errors": Out(16),
        })

    def elaborate(self, platform):
        m = Module()
        cycle = Signal(BORN_BITS)
        m.d.sync += cycle.eq(cycle + 1)

        packet = Signal(self.flit)
        posted = packet.header.op.as_value()[3]
        m.submodules.to_host = to_host = Merge(shape=self.flit, count=2)
        wiring.connect(m, to_host.o, wiring.flipped(self.o))

        # From the host.
        m.d.comb += [
            packet.eq(self.i.payload),
            packet.header.source.x.eq(EDGE_X),
            packet.header.source.y.eq(EDGE_Y),
            packet.header.born.eq(cycle),
            self.mesh_out.flit.eq(packet),
        ]
        with m.If(is_node(self.config, packet.header.destination.x, packet.header.destination.y)):
            m.d.comb += [
                self.mesh_out.valid.eq(Cat(self.i.valid & ~posted, self.i.valid & posted)),
                self.i.ready.eq(Mux(posted, self.mesh_out.ready[1], self.mesh_out.ready[0])),
            ]
        with m.Elif(posted):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid & ~self.errors.all()):
                m.d.sync += self.errors.eq(self.errors + 1)
        with m.Else():
            m.d.comb += [to_host.i[1].valid.eq(self.i.valid), self.i.ready.eq(to_host.i[1].ready)]

        # A request that the port answers itself.
        report = Signal(Report)
        answer = to_host.i[1].payload
        m.d.comb += [
            report.code.eq(ErrorCode.DESTINATION),
            report.address.eq(packet.header.address),
            answer.header.eq(self.i.payload.header),
            answer.header.destination.eq(packet.header.source),
            answer.header.source.eq(packet.header.source),
            answer.header.op.eq(Op.ERROR),
            answer.header.signal.eq(0),
            answer.payload.eq(report),
        ]

        # From the mesh.
        m.submodules.from_mesh = from_mesh = Queue(shape=self.flit, depth=self.config.fifo_depth)
        m.d.comb += [
            from_mesh.i.payload.eq(self.mesh_in.flit),
            from_mesh.i.valid.eq(self.mesh_in.valid.any()),
            self.mesh_in.ready.eq(from_mesh.i.ready.replicate(len(self.mesh_in.ready))),
        ]
        wiring.connect(m, from_mesh.o, to_host.i[0])
        return m
