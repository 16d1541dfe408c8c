"""The endpoint's protocol: answers always sink, requests are answered, credits do not leak.

What docs/architecture.md concludes from these for a mesh needs two facts more: the SRAM's arbitration is fair, which is
assumed here with a bound, and routers drain each class by itself.
"""

from amaranth.hdl import Assert, Assume, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.core.remote import Remote
from hdl.mem.port import MemoryPort
from hdl.noc.link import Link
from hdl.noc.list_sender import PullSender
from hdl.noc.list_walker import move_layout
from hdl.noc.outlet import Outlet
from hdl.noc.packet import CLASSES, PULL_SLOTS, PULL_TAG, Op, flit_layout
from hdl.noc.server import REPLIES, Server

from .proof import Proof

CONFIG = Config(
    name="endpoint", threads=2, issue_width=1, vector_bytes=16, matrix=(2, 2, 2), accumulators=1, sram_bytes=4096,
    sram_banks=1, fetch_lines=2, semaphores=2, fifo_depth=2, list_queue=1, columns=2, rows=2)

#: Cycles for which the SRAM may let a request wait, and cycles from a read to its answer, at most.
SRAM_WAITS, SRAM_ANSWERS = 3, 2

#: Cycles for which a packet of class 1 waits at the server at most, under these: for an atomic in front of it, and for
#: its own write.
SERVER_WAITS = 3 * (SRAM_WAITS + 1) + SRAM_ANSWERS + 4


def bounded(m: Module, name: str, waits, limit: int) -> Signal:
    """How many cycles `waits` has been true on end, up to `limit` + 1; the assumption or assertion is the caller's."""
    count = Signal(range(limit + 2), name=f"{name}_cycles")
    m.d.sync += count.eq(Mux(waits, Mux(count == limit + 1, count, count + 1), 0))
    return count


def holds(m: Module, offer, payload, taken) -> None:
    """Assume that what a stream offers stays until it is taken."""
    before, value, was_taken = Signal(), Signal.like(payload.as_value()), Signal()
    m.d.sync += [before.eq(offer), value.eq(payload.as_value()), was_taken.eq(taken)]
    m.d.comb += Assume(~before | was_taken | (offer & (payload.as_value() == value)), "an offer stays")


def constant(m: Module, value: Signal) -> Signal:
    """Assume that an input keeps its value, whichever it is."""
    before, started = Signal.like(value), Signal(name=f"{value.name}_started")
    m.d.sync += [before.eq(value), started.eq(1)]
    m.d.comb += Assume(~started | (value == before), "constant")
    return value


class Slots(wiring.Component):
    """The slots of pulls: whatever is asked and answered, a slot waits exactly while its request is under way."""

    def __init__(self):
        flit = flit_layout(CONFIG)
        super().__init__({
            "moves": In(stream.Signature(move_layout())), "ready": In(1), "answer": In(flit), "answered": In(1),
            "post_ready": In(1), "slot": In(range(PULL_SLOTS)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sender = sender = PullSender(config=CONFIG)
        wiring.connect(m, wiring.flipped(self.moves), sender.moves)
        m.d.comb += [
            sender.requests.ready.eq(self.ready),
            sender.answer.valid.eq(self.answered),
            sender.answer.payload.eq(self.answer),
            sender.tag.eq(self.answer.header.tag),
            sender.post.ready.eq(self.post_ready),
        ]
        # The server hands on an answer only if its slot waits.
        m.d.comb += Assume(~self.answered | sender.awaited, "answers are awaited")

        slot, under_way = constant(m, self.slot), Signal()
        request = sender.requests.payload.header
        asks = sender.requests.valid & self.ready & (request.tag == PULL_TAG + slot)
        answers = self.answered & (self.answer.header.tag == PULL_TAG + slot)
        m.d.sync += under_way.eq((under_way & ~answers) | asks)
        m.d.comb += [
            Assert(sender.waiting.bit_select(slot, 1) == under_way, "a slot waits while its request is under way"),
            Assert(~(asks & under_way), "a slot has one request"),
            Assert(~sender.requests.valid | (request.op == Op.READ), "only requests"),
        ]
        return m


class Threads(wiring.Component):
    """The threads' requests: one under way for each thread at most, and a place for its answer while it is."""

    def __init__(self):
        flit, threads = flit_layout(CONFIG), CONFIG.threads
        super().__init__({
            "packet": In(stream.Signature(flit)), "drained": In(threads), "cancel": In(threads), "finish": In(threads),
            "load": In(1), "loaded": In(threads), "ask_ready": In(1), "tell_ready": In(1), "answer": In(flit),
            "answered": In(1), "thread": In(CONFIG.thread_bits),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.remote = remote = Remote(config=CONFIG)
        wiring.connect(m, wiring.flipped(self.packet), remote.packet)
        m.d.comb += [
            *(getattr(remote, name).eq(getattr(self, name))
              for name in ("drained", "cancel", "finish", "load", "loaded")),
            remote.ask.ready.eq(self.ask_ready),
            remote.tell.ready.eq(self.tell_ready),
            remote.answer.valid.eq(self.answered),
            remote.answer.payload.eq(self.answer),
        ]
        # A thread's number is its tag; the server hands on an answer only if it is awaited; only what has been answered
        # ends; a thread that waits executes nothing.
        thread = constant(m, self.thread)
        sender = self.packet.payload.header.tag[:CONFIG.thread_bits]
        receiver = self.answer.header.tag[:CONFIG.thread_bits]
        m.d.comb += [
            Assume(self.packet.payload.header.tag < CONFIG.threads, "a thread's number"),
            Assume(self.answer.header.tag < CONFIG.threads, "a thread's number"),
            Assume(~self.answered | remote.awaiting.bit_select(receiver, 1), "answers are awaited"),
            Assume((self.finish & ~remote.answered) == 0, "what ends has been answered"),
            Assume(~self.packet.valid | ~remote.waiting.bit_select(sender, 1), "who waits executes nothing"),
        ]
        under_way, place = Signal(), Signal()
        asks = remote.ask.valid & self.ask_ready & (remote.ask.payload.header.tag == thread)
        answers = self.answered & (self.answer.header.tag == thread)
        m.d.sync += under_way.eq((under_way & ~answers) | asks)
        m.d.comb += [
            place.eq(remote.answered.bit_select(thread, 1)),
            Assert(remote.awaiting.bit_select(thread, 1) == under_way, "a thread waits while its request is under way"),
            Assert(~(asks & under_way), "a thread has one request"),
            Assert(~(asks & place), "no request while the last answer is still needed"),
            Assert(~(answers & place), "no answer overwrites another"),
            Assert(~(under_way & place), "an answer or a request, never both"),
        ]
        return m


class Sinks(wiring.Component):
    """The server with an SRAM that lets it wait for a bounded time, and anything else around it."""

    def __init__(self, *, replies: bool):
        self.replies = replies
        flits = stream.Signature(flit_layout(CONFIG))
        super().__init__({
            "packets": In(flits).array(CLASSES), "memory": Out(MemoryPort(CONFIG)), "reply_ready": In(1),
            "post_ready": In(1), "control_data": In(64), "awaited": In(1), "pull_line": In(CONFIG.line_bits),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.server = server = Server(config=CONFIG)
        for traffic_class, packets in enumerate(self.packets):
            wiring.connect(m, wiring.flipped(packets), server.packets[traffic_class])
            holds(m, packets.valid, packets.payload, packets.valid & packets.ready)
            m.d.comb += Assume(packets.payload.header.op.as_value()[3] == traffic_class, "its class")
        wiring.connect(m, server.write, wiring.flipped(self.memory))
        m.d.comb += [
            server.position.y.eq(1),
            server.reply.ready.eq(self.reply_ready),
            server.post.ready.eq(self.post_ready),
            server.control.read_data.eq(self.control_data),
            server.awaited.eq(self.awaited),
            server.pull_line.eq(self.pull_line),
        ]

        # The SRAM and the semaphores make nobody wait for ever, and a read is answered, once.
        request, response = self.memory.request, self.memory.response
        reading = Signal()
        m.d.sync += reading.eq((reading & ~response.valid) | (request.valid & request.ready & ~request.payload.write))
        m.d.comb += [
            Assume(bounded(m, "sram", request.valid & ~request.ready, SRAM_WAITS) <= SRAM_WAITS, "bounded"),
            Assume(bounded(m, "read", reading & ~response.valid, SRAM_ANSWERS) <= SRAM_ANSWERS, "bounded"),
            Assume(bounded(m, "post", server.post.valid & ~self.post_ready, 2) <= 2, "bounded"),
            Assume(~response.valid | reading, "only reads are answered"),
        ]
        if self.replies:
            self._answered(m, server)
        else:
            waits = bounded(m, "posted", self.packets[1].valid & ~self.packets[1].ready, SERVER_WAITS)
            m.d.comb += Assert(waits <= SERVER_WAITS, "class 1 waits for a bounded time")
        return m

    def _answered(self, m, server):
        """Replies come one for each request, in order, and no request is taken without room for its reply."""
        served, replied = Signal(range(16)), Signal(range(16))
        tags = Signal(16 * 6)
        taken = self.packets[0].valid & self.packets[0].ready
        leaves = server.reply.valid & self.reply_ready
        m.d.sync += [served.eq(served + taken), replied.eq(replied + leaves)]
        with m.If(taken):
            m.d.sync += tags.word_select(served, 6).eq(self.packets[0].payload.header.tag)
        outstanding = (served - replied)[:4]
        m.d.comb += [
            Assert(outstanding <= REPLIES, "no more requests than places for replies"),
            Assert(server.reply.valid == (outstanding != 0), "what is served is answered, and nothing else"),
            Assert(~server.reply.valid | (server.reply.payload.header.tag == tags.word_select(replied, 6)),
                   "in order, with the request's tag"),
        ]


class Leaves(wiring.Component):
    """The outlet: a class that has room leaves in one of two cycles."""

    def __init__(self):
        flits = stream.Signature(flit_layout(CONFIG))
        super().__init__({"packets": In(flits).array(CLASSES), "mesh": Out(Link(CONFIG))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.outlet = outlet = Outlet(config=CONFIG)
        wiring.connect(m, outlet.mesh_out, wiring.flipped(self.mesh))
        for traffic_class, packets in enumerate(self.packets):
            wiring.connect(m, wiring.flipped(packets), outlet.packets[traffic_class])
            could = packets.valid & self.mesh.ready[traffic_class]
            waits = bounded(m, f"class_{traffic_class}", could & ~packets.ready, 1)
            m.d.comb += [
                Assert(waits <= 1, "a class with room waits for one packet of the other"),
                Assert(packets.ready == (self.mesh.valid & self.mesh.ready)[traffic_class], "taken when it leaves"),
            ]
        m.d.comb += Assert((self.mesh.valid & (self.mesh.valid - 1)) == 0, "one packet at a time")
        return m


PROOFS = (
    Proof(name="endpoint_slots", mode="prove", depth=2, quick=True, component=Slots,
          states="A slot of a pull waits for an answer exactly while its request is under way, has one request at a "
                 f"time and is used again after the answer: credits neither leak nor double ({PULL_SLOTS} slots)"),
    Proof(name="endpoint_threads", mode="prove", depth=2, quick=True, component=Threads,
          states="A thread has one request under way at most, and a free place for its answer while it has; halting "
                 f"and starting it at any time included ({CONFIG.threads} threads)"),
    Proof(name="endpoint_outlet", mode="prove", depth=2, quick=True, component=Leaves,
          states="A packet whose class has room waits for at most one packet of the other class"),
    Proof(name="endpoint_sinks", mode="prove", depth=SERVER_WAITS + 4, component=lambda: Sinks(replies=False),
          states=f"The server takes a packet of class 1 within {SERVER_WAITS} cycles, whatever requests and replies "
                 f"do, if the SRAM lets it wait for {SRAM_WAITS} cycles and answers within {SRAM_ANSWERS}"),
    Proof(name="endpoint_replies", mode="bmc", depth=14, component=lambda: Sinks(replies=True),
          states="Each request served is answered once, in order and with its tag; never more than "
                 f"{REPLIES} replies wait"),
)
