"""The endpoint's protocol: requests leave with a place for their answers, which does not leak, and class 1 is taken.

That is so whatever becomes of requests: answers, which are of class 1, never wait for them.
"""

from dataclasses import replace

from amaranth.hdl import Assert, Assume, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import ULX3S
from hdl.core.gather import answer_layout
from hdl.core.remote import Remote
from hdl.noc.link import Link, class_of
from hdl.noc.list_sender import PullSender
from hdl.noc.list_walker import move_layout
from hdl.noc.outlet import Outlet
from hdl.noc.packet import CLASSES, PULL_SLOTS, PULL_TAG, Coordinate, Op, flit_layout
from hdl.noc.server import Server

from .proof import Proof

CONFIG = replace(
    ULX3S, name="endpoint", accumulators=1, sram_bytes=4096, sram_banks=1, fetch_lines=2, semaphores=2, fifo_depth=2,
    list_queue=1)


def bounded(m: Module, name: str, waits, limit: int) -> Signal:
    """How many cycles `waits` has been true on end, up to `limit` + 1; the assumption or assertion is the caller's."""
    count = Signal(range(limit + 2), name=f"{name}_cycles")
    m.d.sync += count.eq(Mux(waits, Mux(count == limit + 1, count, count + 1), 0))
    return count


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
            "answered": In(1), "gathers": In(1), "gather_ready": In(1), "gathered": In(answer_layout(CONFIG)),
            "gather_ended": In(1), "thread": In(CONFIG.thread_bits),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.remote = remote = Remote(config=CONFIG)
        wiring.connect(m, wiring.flipped(self.packet), remote.packet)
        m.d.comb += [
            *(getattr(remote, name).eq(getattr(self, name))
              for name in ("drained", "cancel", "finish", "load", "loaded", "gathers", "gather_ready")),
            remote.gathered.valid.eq(self.gather_ended),
            remote.gathered.payload.eq(self.gathered),
            remote.ask.ready.eq(self.ask_ready),
            remote.tell.ready.eq(self.tell_ready),
            remote.answer.valid.eq(self.answered),
            remote.answer.payload.eq(self.answer),
        ]
        # A thread's number is its tag; the server hands on an answer only if it is awaited, the gather engine only to
        # what it has been given; only what has been answered ends; a thread that waits executes nothing; the host halts
        # a thread between accesses.
        thread = constant(m, self.thread)
        sender = self.packet.payload.header.tag[:CONFIG.thread_bits]
        receiver = self.answer.header.tag[:CONFIG.thread_bits]
        m.d.comb += [
            Assume(self.packet.payload.header.tag < CONFIG.threads, "a thread's number"),
            Assume(self.answer.header.tag < CONFIG.threads, "a thread's number"),
            Assume(~self.answered | remote.awaiting.bit_select(receiver, 1), "answers are awaited"),
            Assume(~self.gather_ended | remote.gathering.bit_select(self.gathered.thread, 1), "gathers are awaited"),
            Assume(~(self.gathers & self.packet.payload.header.op.as_value()[3]), "a gather is no posted packet"),
            Assume((self.cancel & remote.away) == 0, "halted between accesses"),
            Assume((self.finish & ~remote.answered) == 0, "what ends has been answered"),
            Assume(~self.packet.valid | ~remote.waiting.bit_select(sender, 1), "who waits executes nothing"),
        ]
        under_way, place, answered = Signal(), Signal(), Signal()
        asks = ((remote.ask.valid & self.ask_ready) | remote.gather) & (self.packet.payload.header.tag == thread)
        gathered = self.gather_ended & remote.gathered.ready
        answers = (self.answered & (self.answer.header.tag == thread)) | (gathered & (self.gathered.thread == thread))
        unused = answered & ~self.finish.bit_select(thread, 1)
        m.d.sync += [under_way.eq((under_way & ~answers) | asks), answered.eq(unused | answers)]
        m.d.comb += [
            place.eq(remote.answered.bit_select(thread, 1)),
            Assert((remote.awaiting | remote.gathering).bit_select(thread, 1) == under_way,
                   "a thread waits while its request is under way"),
            Assert(~(remote.awaiting & remote.gathering).bit_select(thread, 1), "at a node or in the engine"),
            Assert(~under_way | remote.waiting.bit_select(thread, 1), "and does not issue"),
            Assert(place == answered, "an answer stays until it has been used"),
            Assert(remote.away.bit_select(thread, 1) == (under_way | asks | unused), "it can be halted behind that"),
            Assert(~(self.answered & gathered), "one line is kept at a time"),
            Assert(~(asks & under_way), "a thread has one request"),
            Assert(~(asks & place), "no request while the last answer is still needed"),
            Assert(~(answers & place), "no answer overwrites another"),
            Assert(~(under_way & place), "an answer or a request, never both"),
        ]
        return m


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


class Takes(wiring.Component):
    """The server: packets of class 1 are taken within `LIMIT` cycles, though the answers to requests never leave."""

    #: Cycles that the SRAM lets an access and an answer wait, and the semaphores a post.
    ACCESS, ANSWER, POST = 3, 3, 2

    #: An atomic, which reads and writes, and the longest wait: one has just been taken and another one is the next.
    ATOMIC = (ACCESS + 1) + (ANSWER + 1) + (ACCESS + 1)
    LIMIT = 2 * (ATOMIC - 1)

    def __init__(self):
        flits = stream.Signature(flit_layout(CONFIG))
        super().__init__({
            "packets": In(flits).array(CLASSES), "position": In(Coordinate), "reply_ready": In(1),
            "request_ready": In(1), "answered": In(1), "content": In(CONFIG.vector_bits), "failed": In(1),
            "post_ready": In(1), "awaiting": In(CONFIG.threads), "pull_awaited": In(1),
            "pull_line": In(CONFIG.line_bits),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.server = server = Server(config=CONFIG)
        for c, packets in enumerate(self.packets):
            wiring.connect(m, wiring.flipped(packets), server.packets[c])
            before, waits = Signal.like(packets.payload), Signal()
            m.d.sync += [before.eq(packets.payload), waits.eq(packets.valid & ~packets.ready)]
            m.d.comb += [Assume(class_of(packets.payload) == c, "a packet is of its class"),
                         Assume(~waits | (packets.valid & (packets.payload == before)), "what is offered stays")]
        m.d.comb += [
            server.position.eq(self.position),
            server.reply.ready.eq(self.reply_ready),
            server.write.request.ready.eq(self.request_ready),
            server.write.response.valid.eq(self.answered),
            server.write.response.payload.eq(self.content),
            server.write.error.eq(self.failed),
            server.post.ready.eq(self.post_ready),
            server.awaiting.eq(self.awaiting),
            server.pull_awaited.eq(self.pull_awaited),
            server.pull_line.eq(self.pull_line),
        ]
        # The SRAM may answer when nobody has asked: the server does not look then.
        for name, waits, limit in (("access", server.write.request.valid & ~self.request_ready, self.ACCESS),
                                   ("answer", ~self.answered, self.ANSWER),
                                   ("post", server.post.valid & ~self.post_ready, self.POST)):
            m.d.comb += Assume(bounded(m, name, waits, limit) <= limit, f"the {name} is fair")
        posted = self.packets[1]
        waited = bounded(m, "posted", posted.valid & ~posted.ready, self.LIMIT)
        m.d.comb += Assert(waited <= self.LIMIT, "class 1 is taken")
        return m


PROOFS = (
    Proof(name="endpoint_takes", mode="prove", depth=1, engine="pdr", quick=True, component=Takes,
          states=f"A packet of class 1 waits for at most {Takes.LIMIT} cycles, though answers to requests may wait for "
                 f"ever, if an access to the SRAM waits {Takes.ACCESS} at most, its answer {Takes.ANSWER}, and a post "
                 f"{Takes.POST}"),
    Proof(name="endpoint_slots", mode="prove", depth=2, quick=True, component=Slots,
          states="A slot of a pull waits for an answer exactly while its request is under way, has one request at a "
                 f"time and is used again after the answer: credits neither leak nor double ({PULL_SLOTS} slots)"),
    Proof(name="endpoint_threads", mode="prove", depth=2, quick=True, component=Threads,
          states="A thread has one request under way at most, to a node or to the gather engine, and a free place for "
                 f"its answer while it has; halting and starting it between them included ({CONFIG.threads} threads)"),
    Proof(name="endpoint_outlet", mode="prove", depth=2, quick=True, component=Leaves,
          states="A packet whose class has room waits for at most one packet of the other class"),
)
