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
from .list_sender import PullSender, PushSender
from .merge import Merge
from .outlet import Outlet
from .packet import BORN_BITS, Coordinate, flit_layout
from .reports import ErrorLog, Report
from .server import Server

#: Packets of threads that can wait for the mesh, of each class.
THREAD_PACKETS = 2


class NetworkStatus(data.Struct):
    """Node registers that the interface keeps; see docs/architecture.md."""

    packets_in: unsigned(64)
    latency_sum: unsigned(64)
    errors: unsigned(64)
    first_error: Report


class NetworkInterface(wiring.Component):
    """Serves the packets that the mesh brings and sends answers, lists and the threads' packets into the mesh.

    A packet is checked in the cycle after it came and served in the second one, if nothing is in front of it. With an
    SRAM that answers in the next cycle, a DATA leaves 5 cycles after its READ came, the answer to an ATOMIC 6, others
    4. A list moves one line a cycle.

    **Deadlock freedom** is in docs/architecture.md; the facts are visible in the parts. Packets of class 1 wait for the
    SRAM and for each other (`Server`); a request is taken when there is room for its answer (`Server`); a request
    leaves only if it holds a place for its answer (`PullSender`, and `hdl.core.remote` for the threads); classes wait
    in queues of their own (`Ingress`, `Outlet`).

    **Order.** Packets of one source, destination and class are served in order: a PUT's data is in the SRAM before its
    semaphore, or that of a SIGNAL behind it, is posted, and a request is served after the reads of those before.

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
    overflow : In(2)
        For a post of a thread and one of `post`: its semaphore is at 65,535, and it is refused.
    ask, tell : In(stream)
        Packets of this node's threads, of class 0 with the thread's number as tag, and of class 1; ``source`` and
        ``born`` are filled in.
    awaiting : In(threads)
        Threads that wait for an answer.
    answer : Out(stream)
        Their answers.
    push, pull : In(stream)
        Addresses of list descriptors, from this node's threads; they must be whole lines of the SRAM.
    status : Out(NetworkStatus)
    """

    def __init__(self, *, config: Config):
        self.config = config
        flit = flit_layout(config)
        super().__init__({
            "position": In(Coordinate),
            "cycle": In(BORN_BITS),
            "mesh_in": In(Link(config)),
            "mesh_out": Out(Link(config)),
            "read": Out(MemoryPort(config)),
            "write": Out(MemoryPort(config)),
            "control": Out(ControlBus()),
            "post": Out(stream.Signature(config.semaphore_bits, always_ready=True)),
            "overflow": In(2),
            "ask": In(stream.Signature(flit)),
            "tell": In(stream.Signature(flit)),
            "awaiting": In(config.threads),
            "answer": Out(stream.Signature(flit, always_ready=True)),
            "push": In(stream.Signature(32)),
            "pull": In(stream.Signature(32)),
            "status": Out(NetworkStatus),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        flit = flit_layout(config)
        m.submodules.ingress = ingress = Ingress(config=config)
        m.submodules.server = server = Server(config=config)
        m.submodules.pushes = pushes = ListEngine(config=config, pull=False)
        m.submodules.push_sender = push_sender = PushSender(config=config)
        m.submodules.pulls = pulls = ListEngine(config=config, pull=True)
        m.submodules.pull_sender = pull_sender = PullSender(config=config)
        m.submodules.ask = ask = Queue(shape=flit, depth=THREAD_PACKETS)
        m.submodules.tell = tell = Queue(shape=flit, depth=THREAD_PACKETS)
        m.submodules.commands = commands = Merge(shape=command_layout(config), count=4)
        m.submodules.egress = egress = Egress(config=config)
        m.submodules.requests = requests = Merge(shape=flit, count=2)
        m.submodules.others = others = Merge(shape=flit, count=2)
        m.submodules.outlet = outlet = Outlet(config=config)
        m.submodules.posts = posts = Merge(shape=config.semaphore_bits, count=3)
        m.submodules.log = log = ErrorLog(count=5 + len(self.overflow))
        m.d.comb += [
            *(part.position.eq(self.position) for part in (server, pushes, pulls, outlet)),
            *(part.cycle.eq(self.cycle) for part in (ingress, outlet)),
        ]

        # Packets in.
        wiring.connect(m, wiring.flipped(self.mesh_in), ingress.mesh_in)
        for traffic_class, packets in enumerate(ingress.packets):
            wiring.connect(m, packets, server.packets[traffic_class])
        wiring.connect(m, server.write, wiring.flipped(self.write))
        wiring.connect(m, server.control, wiring.flipped(self.control))

        # Answers to own requests.
        wiring.connect(m, server.answer, wiring.flipped(self.answer))
        wiring.connect(m, server.pulled, pull_sender.answer)
        m.d.comb += [
            server.awaiting.eq(self.awaiting),
            pull_sender.tag.eq(server.pulled.payload.header.tag),
            server.pull_awaited.eq(pull_sender.awaited),
            server.pull_line.eq(pull_sender.line),
        ]

        # Lists.
        wiring.connect(m, wiring.flipped(self.push), pushes.push)
        wiring.connect(m, wiring.flipped(self.pull), pulls.push)
        wiring.connect(m, pushes.moves, push_sender.moves)
        wiring.connect(m, pulls.moves, pull_sender.moves)
        m.d.comb += pulls.failed.eq(pull_sender.failed)

        # What is read from the SRAM: answers and lists in turn.
        wiring.connect(m, server.reply, commands.i[0])
        wiring.connect(m, push_sender.commands, commands.i[1])
        for number, engine in enumerate((pushes, pulls)):
            command = commands.i[2 + number]
            m.d.comb += [
                command.valid.eq(engine.fetch.valid),
                engine.fetch.ready.eq(command.ready),
                command.payload.kind.eq(Kind.FETCH),
                command.payload.line.eq(engine.fetch.payload),
                command.payload.header.tag.eq(number),
                engine.fetched.valid.eq(egress.fetched.valid & (egress.fetched.payload.tag == number)),
                engine.fetched.payload.eq(egress.fetched.payload.fetched),
            ]
        wiring.connect(m, commands.o, egress.commands)
        wiring.connect(m, egress.read, wiring.flipped(self.read))

        # Packets out.
        wiring.connect(m, wiring.flipped(self.ask), ask.i)
        wiring.connect(m, wiring.flipped(self.tell), tell.i)
        wiring.connect(m, ask.o, requests.i[0])
        wiring.connect(m, pull_sender.requests, requests.i[1])
        wiring.connect(m, egress.packets, others.i[0])
        wiring.connect(m, tell.o, others.i[1])
        wiring.connect(m, requests.o, outlet.packets[0])
        wiring.connect(m, others.o, outlet.packets[1])
        wiring.connect(m, outlet.mesh_out, wiring.flipped(self.mesh_out))

        # Semaphores, errors and counters.
        wiring.connect(m, server.post, posts.i[0])
        wiring.connect(m, egress.done, posts.i[1])
        wiring.connect(m, pull_sender.post, posts.i[2])
        wiring.connect(m, posts.o, wiring.flipped(self.post))
        for number, part in enumerate((server, pushes, pulls, pull_sender, egress)):
            wiring.connect(m, part.report, log.i[number])
        for number, overflow in enumerate(self.overflow, 5):
            m.d.comb += [log.i[number].valid.eq(overflow), log.i[number].payload.code.eq(ErrorCode.OVERFLOW)]
        m.d.comb += [
            self.status.packets_in.eq(ingress.packets_in),
            self.status.latency_sum.eq(ingress.latency_sum),
            self.status.errors.eq(log.errors),
            self.status.first_error.eq(log.first),
        ]
        return m
