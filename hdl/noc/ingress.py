"""Where packets come out of the mesh into a node."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..queue import Queue
from .link import Link
from .merge import Merge
from .packet import BORN_BITS, CLASSES, flit_layout


class Ingress(wiring.Component):
    """Queues the packets of each class and hands them on one by one, the classes in turn.

    A packet can be handed on in the cycle after it came.

    Members
    -------
    mesh_in : In(Link)
    packets : Out(stream)
        All packets, in the order in which they are to be served.
    take_requests : In(1)
        Requests (class 0) may be handed on. Must not fall while one is offered.
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
            "packets": Out(stream.Signature(self.flit)),
            "take_requests": In(1),
            "cycle": In(BORN_BITS),
            "packets_in": Out(64),
            "latency_sum": Out(64),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.merge = merge = Merge(shape=self.flit, count=CLASSES)
        for c, allowed in enumerate((self.take_requests, 1)):
            m.submodules[f"queue_{c}"] = queue = Queue(shape=self.flit, depth=self.config.fifo_depth)
            m.d.comb += [
                queue.i.payload.eq(self.mesh_in.flit),
                queue.i.valid.eq(self.mesh_in.valid[c]),
                self.mesh_in.ready[c].eq(queue.i.ready),
                merge.i[c].payload.eq(queue.o.payload),
                merge.i[c].valid.eq(queue.o.valid & allowed),
                queue.o.ready.eq(merge.i[c].ready),
            ]
        wiring.connect(m, merge.o, wiring.flipped(self.packets))

        latency = Signal(BORN_BITS)
        m.d.comb += latency.eq(self.cycle - self.mesh_in.flit.header.born)
        with m.If((self.mesh_in.valid & self.mesh_in.ready).any()):
            m.d.sync += [
                self.packets_in.eq(self.packets_in + 1),
                self.latency_sum.eq(self.latency_sum + latency),
            ]
        return m
