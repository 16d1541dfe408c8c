"""Where packets come out of the mesh into a node."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..queue import Queue
from .link import Link
from .packet import BORN_BITS, CLASSES, flit_layout


class Ingress(wiring.Component):
    """Queues the packets of each class. A packet can be handed on in the cycle after it came.

    Members
    -------
    mesh_in : In(Link)
    packets : Out(stream) of each class
    cycle : In(BORN_BITS)
        Cycles since reset.
    packets_in, latency_sum : Out(64)
        Packets delivered and the sum of their latencies since reset. A latency is the number of cycles from the one in
        which the packet left its sender to the one in which it came here: 1 for each router.
    """

    def __init__(self, *, config: Config):
        self.config = config
        self.flit = flit_layout(config)
        super().__init__({
            "mesh_in": In(Link(config)),
            "packets": Out(stream.Signature(self.flit)).array(CLASSES),
            "cycle": In(BORN_BITS),
            "packets_in": Out(64),
            "latency_sum": Out(64),
        })

    def elaborate(self, platform):
        m = Module()
        for c in range(CLASSES):
            m.submodules[f"queue_{c}"] = queue = Queue(shape=self.flit, depth=self.config.fifo_depth)
            m.d.comb += [
                queue.i.payload.eq(self.mesh_in.flit),
                queue.i.valid.eq(self.mesh_in.valid[c]),
                self.mesh_in.ready[c].eq(queue.i.ready),
            ]
            wiring.connect(m, queue.o, wiring.flipped(self.packets[c]))

        latency = Signal(BORN_BITS)
        m.d.comb += latency.eq(self.cycle - self.mesh_in.flit.header.born)
        with m.If((self.mesh_in.valid & self.mesh_in.ready).any()):
            m.d.sync += [
                self.packets_in.eq(self.packets_in + 1),
                self.latency_sum.eq(self.latency_sum + latency),
            ]
        return m
