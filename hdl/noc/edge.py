"""The edge port: where the host meets the mesh."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..memory_map import ErrorCode
from ..queue import Queue
from .address import is_node
from .link import Hop, Slots
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
    mesh_in : In(Hop), mesh_out : Out(Hop)
        From and to the NORTH side of node (0, 1). Not from registers: ``freed`` of `mesh_in` depends on ``ready`` of
        `o`, and `mesh_out` on `i`, so that the host's packets wait for nothing.
    errors : Out(16)
        Posted packets dropped since reset; stays at 65,535.
    """

    def __init__(self, *, config: Config):
        self.config = config
        self.flit = flit_layout(config)
        hop = Hop(flit=self.flit, depth=config.fifo_depth)
        super().__init__({
            "i": In(stream.Signature(self.flit)),
            "o": Out(stream.Signature(self.flit)),
            "mesh_in": In(hop),
            "mesh_out": Out(hop),
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
        m.submodules.slots = slots = Slots(depth=self.config.fifo_depth)
        slot = Mux(posted, slots.slots[1], slots.slots[0])
        m.d.comb += slots.freed.eq(self.mesh_out.freed)
        with m.If(is_node(self.config, packet.header.destination.x, packet.header.destination.y)):
            m.d.comb += [
                slots.leaves.eq(Cat(self.i.valid & self.i.ready & ~posted, self.i.valid & self.i.ready & posted)),
                self.mesh_out.slot.eq(Mux(self.i.valid, slot, 0)),
                self.i.ready.eq(slot.any()),
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
        depth = self.config.fifo_depth
        arrived = data.StructLayout({"slot": depth, "flit": self.flit})
        m.submodules.from_mesh = from_mesh = Queue(shape=arrived, depth=depth)
        m.d.comb += [
            from_mesh.i.payload.slot.eq(self.mesh_in.slot),
            from_mesh.i.payload.flit.eq(self.mesh_in.flit),
            from_mesh.i.valid.eq(self.mesh_in.slot.any()),
            to_host.i[0].payload.eq(from_mesh.o.payload.flit),
            to_host.i[0].valid.eq(from_mesh.o.valid),
            from_mesh.o.ready.eq(to_host.i[0].ready),
            self.mesh_in.freed.eq(Mux(from_mesh.o.valid & from_mesh.o.ready, from_mesh.o.payload.slot, 0)),
        ]
        return m
