"""The edge port: where the host meets the mesh."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..memory_map import ErrorCode
from ..queue import Queue
from .address import is_node
from .link import Hop, Link, Slots
from .merge import Merge
from .packet import BORN_BITS, Op, flit_layout
from .reports import Report

#: Coordinates of the edge port.
EDGE_X, EDGE_Y = 0, 0


class EdgePort(wiring.Component):
    """Carries packets between the host and the mesh; stands at (0, 0), north of node (0, 1).

    A host's packet goes into the mesh in the cycle in which it comes, and from the mesh to the host takes one cycle.
    Each class of the host's packets has a ``ready`` of its own, so a request that has to wait holds up no posted
    packet; a host that has only one stream must keep to as many requests under way as it can hold back. The host must
    always take what it is sent in the end.

    The port fills in ``source`` and, on the way into the mesh, ``born``. A request to coordinates that no node has is
    answered with an ERROR (DESTINATION), a posted packet to such is dropped and counted. Anything else is checked by
    the node that it goes to.

    Members
    -------
    i : In(Link), o : Out(stream)
        Flits from and to the host.
    mesh_in : In(Hop), mesh_out : Out(Hop)
        From and to the NORTH side of node (0, 1), from registers: what the host does reaches no other logic of the mesh
        in the same cycle.
    errors : Out(16)
        Posted packets dropped since reset; stays at 65,535.
    """

    def __init__(self, *, config: Config):
        self.config = config
        self.flit = flit_layout(config)
        hop = Hop(flit=self.flit, depth=config.fifo_depth)
        super().__init__({
            "i": In(Link(config)),
            "o": Out(stream.Signature(self.flit)),
            "mesh_in": In(hop),
            "mesh_out": Out(hop),
            "errors": Out(16),
        })

    def elaborate(self, platform):
        m = Module()
        cycle = Signal(BORN_BITS, init=-1)  # as the nodes count: they leave reset a cycle later
        m.d.sync += cycle.eq(cycle + 1)

        packet = Signal(self.flit)
        offered = self.i.valid
        m.submodules.to_host = to_host = Merge(shape=self.flit, count=2)
        wiring.connect(m, to_host.o, wiring.flipped(self.o))

        # From the host. `ready` must not depend on `valid`: an answer of the port's own waits in a queue.
        m.submodules.answers = answers = Queue(shape=self.flit, depth=self.config.fifo_depth)
        m.submodules.slots = slots = Slots(depth=self.config.fifo_depth)
        room = slots.room
        m.d.sync += [
            self.mesh_out.slot.eq(Mux(slots.leaves[0], slots.slots[0], Mux(slots.leaves[1], slots.slots[1], 0))),
            self.mesh_out.flit.eq(packet),
        ]
        m.d.comb += [
            slots.freed.eq(self.mesh_out.freed),
            packet.eq(self.i.flit),
            packet.header.source.x.eq(EDGE_X),
            packet.header.source.y.eq(EDGE_Y),
            packet.header.born.eq(cycle),
            self.i.ready.eq(room & Cat(answers.i.ready, 1)),
        ]
        with m.If(is_node(self.config, packet.header.destination.x, packet.header.destination.y)):
            m.d.comb += slots.leaves.eq(offered & room & Cat(answers.i.ready, 1))
        with m.Else():
            m.d.comb += answers.i.valid.eq(offered[0] & room[0])
            with m.If(offered[1] & room[1] & ~self.errors.all()):
                m.d.sync += self.errors.eq(self.errors + 1)

        # A request that the port answers itself.
        report = Signal(Report)
        answer = answers.i.payload
        m.d.comb += [
            report.code.eq(ErrorCode.DESTINATION),
            report.address.eq(packet.header.address),
            answer.header.eq(self.i.flit.header),
            answer.header.destination.eq(packet.header.source),
            answer.header.source.eq(packet.header.source),
            answer.header.op.eq(Op.ERROR),
            answer.header.signal.eq(0),
            answer.payload.eq(report),
        ]
        wiring.connect(m, answers.o, to_host.i[1])

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
        ]
        m.d.sync += self.mesh_in.freed.eq(Mux(from_mesh.o.valid & from_mesh.o.ready, from_mesh.o.payload.slot, 0))
        return m
