"""The network interface: a node's end of the mesh."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..mem.port import MemoryPort
from ..memory_map import ErrorCode
from ..queue import Queue
from .control_bus import ControlBus
from .egress import Egress, Kind, command_layout
from .ingress import Ingress
from .link import Link
from .list_engine import ListEngine
from .merge import Merge
from .packet import BORN_BITS, Coordinate, Op
from .reports import ErrorLog, Report
from .server import Server


def signal_layout() -> data.StructLayout:
    """A post for another node; the semaphore's number is checked there."""
    return data.StructLayout({"destination": Coordinate, "semaphore": 6})


class NetworkStatus(data.Struct):
    """Node registers that the interface keeps; see docs/architecture.md."""

    packets_in: unsigned(64)
    latency_sum: unsigned(64)
    errors: unsigned(64)
    first_error: Report


class NetworkInterface(wiring.Component):
    """Serves the packets that the mesh brings and sends answers, lists and posts into the mesh.

    A packet is served in the cycle after it came, if nothing is in front of it. A DATA leaves 4 cycles after its READ
    came (the SRAM answering in the next cycle), other answers 3. A list moves one line a cycle.

    **Deadlock freedom.** Four facts, each visible in the parts:

    1. A packet of class 1 waits for the SRAM and the semaphores only, which serve everybody in turn. Its queue in the
       ingress is its own, nothing that the server does with it needs room in the egress, and a request is handed to the
       server only when the reply register is empty, so that it never stands in the way.
    2. The egress sends class 1 only, so it waits for room in class 1 only.
    3. A request waits for packets of class 1 and for the egress only.
    4. Routers keep the classes apart and route X first, then Y, so the queues of one class cannot wait for each other
       in a circle. The host's packets turn from the column of its link into a row, but nothing else uses that link.

    By 1 and 4 the class 1 queues of the mesh always drain, whatever class 0 does. So by 2 every egress does, and by 3
    and 4 the class 0 queues do. The host has to take what it is sent.

    **Order.** Packets of one source, destination and class are served in order: a PUT's data is in the SRAM before its
    semaphore, or that of a SIGNAL behind it, is posted, and a request is served after the read of the one before.

    Members
    -------
    position : In(Coordinate)
        Where the node stands; constant.
    cycle : In(BORN_BITS)
        Cycles since reset.
    mesh_in : In(Link), mesh_out : Out(Link)
        From and to the router's LOCAL side.
    read, write : Out(MemoryPort)
        The mesh's ports of the SRAM.
    control : Out(ControlBus)
    post : Out(stream)
        Semaphores to post.
    post_overflow : In(1)
        A semaphore of this node is at 65,535 and has been posted in this cycle, by the mesh or by a thread.
    signal : In(stream)
        Posts of this node's threads for other nodes, see `signal_layout`.
    push : In(stream)
        Addresses of list descriptors, from this node's threads; they must be whole lines of the SRAM.
    status : Out(NetworkStatus)
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "cycle": In(BORN_BITS),
            "mesh_in": In(Link(config)),
            "mesh_out": Out(Link(config)),
            "read": Out(MemoryPort(config)),
            "write": Out(MemoryPort(config)),
            "control": Out(ControlBus()),
            "post": Out(stream.Signature(config.semaphore_bits)),
            "post_overflow": In(1),
            "signal": In(stream.Signature(signal_layout())),
            "push": In(stream.Signature(32)),
            "status": Out(NetworkStatus),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.ingress = ingress = Ingress(config=config)
        m.submodules.server = server = Server(config=config)
        m.submodules.lists = lists = ListEngine(config=config)
        m.submodules.signals = signals = Queue(shape=signal_layout(), depth=2)
        m.submodules.commands = commands = Merge(shape=command_layout(config), count=3)
        m.submodules.egress = egress = Egress(config=config)
        m.submodules.posts = posts = Merge(shape=config.semaphore_bits, count=2)
        m.submodules.log = log = ErrorLog(count=3)
        m.d.comb += [
            *(part.position.eq(self.position) for part in (server, lists, egress)),
            *(part.cycle.eq(self.cycle) for part in (ingress, egress)),
        ]

        # Packets in.
        wiring.connect(m, wiring.flipped(self.mesh_in), ingress.mesh_in)
        wiring.connect(m, ingress.packets, server.packets)
        wiring.connect(m, server.write, wiring.flipped(self.write))
        wiring.connect(m, server.control, wiring.flipped(self.control))
        m.d.comb += ingress.take_requests.eq(server.idle)

        # Packets out: answers, lists and signals in turn.
        wiring.connect(m, wiring.flipped(self.push), lists.push)
        wiring.connect(m, wiring.flipped(self.signal), signals.i)
        wiring.connect(m, server.reply, commands.i[0])
        wiring.connect(m, lists.commands, commands.i[1])
        signal, command = signals.o.payload, commands.i[2].payload
        m.d.comb += [
            commands.i[2].valid.eq(signals.o.valid),
            signals.o.ready.eq(commands.i[2].ready),
            command.kind.eq(Kind.VALUE),
            command.header.destination.eq(signal.destination),
            command.header.op.eq(Op.SIGNAL),
            command.header.signal.eq(signal.semaphore + 1),
        ]
        wiring.connect(m, commands.o, egress.commands)
        wiring.connect(m, egress.read, wiring.flipped(self.read))
        wiring.connect(m, egress.fetched, lists.fetched)
        wiring.connect(m, egress.mesh_out, wiring.flipped(self.mesh_out))

        # Semaphores, errors and counters.
        wiring.connect(m, server.post, posts.i[0])
        wiring.connect(m, egress.done, posts.i[1])
        wiring.connect(m, posts.o, wiring.flipped(self.post))
        wiring.connect(m, server.report, log.i[0])
        wiring.connect(m, lists.report, log.i[1])
        m.d.comb += [
            log.i[2].valid.eq(self.post_overflow),
            log.i[2].payload.code.eq(ErrorCode.OVERFLOW),
            self.status.packets_in.eq(ingress.packets_in),
            self.status.latency_sum.eq(ingress.latency_sum),
            self.status.errors.eq(log.errors),
            self.status.first_error.eq(log.first),
        ]
        return m
