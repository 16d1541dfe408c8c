"""Accesses of threads to other nodes, atomics, and accesses that the gather engine carries out."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..noc.packet import Op, flit_layout
from .gather import answer_layout


class Remote(wiring.Component):
    """Sends the threads' packets, hands gathers to the engine, and holds a place for the answer to a thread's request.

    An access that is answered takes two turns in the execute stage. In the first its packet is sent, or not even that
    if the way is not free, and the thread goes back to the same instruction and waits. In the second, once it has been
    answered, the instruction ends: it retires, its data being here, or traps. A posted packet takes one turn, if the
    way is free.

    Members
    -------
    packet : In(stream of flits)
        Of the executing instruction, its thread as tag; the class is its operation's. If it is not ready, the thread
        waits until it is worth while to try again.
    gathers : In(1), gather_ready : In(1), gather : Out(1)
        The packet is none, but stands for a request to the gather engine; the engine takes one; it is given it.
    gathered : In(stream), gathering : Out(threads)
        The engine's answer; threads that wait for one.
    drained : In(threads)
        The thread's local accesses have been done.
    cancel : In(threads)
        The host starts or halts the thread, which is not ``away``; it no longer wants to try again.
    may_tell : Out(threads)
        A posted packet of the thread would be taken.
    waiting, away : Out(threads)
        Must not issue. An access of the thread has begun and does not end in this cycle.
    answered, failed : Out(threads)
        The thread's request has been answered; with an ERROR.
    finish, load : In(threads)
        Strobe: what was answered has been used, or is not wanted; its line is still needed, until ``loaded``.
    loaded : In(threads)
        Strobe.
    line_threads : In, lines : Out
        For each group, a thread, and the line that its answer brought.
    ask, tell : Out(stream of flits), answer : In(stream of flits), awaiting : Out(threads)
        To and from the network interface.
    """

    def __init__(self, *, config: Config):
        self.config = config
        threads = config.threads
        flit = flit_layout(config)
        super().__init__({
            "packet": In(stream.Signature(flit)),
            "gathers": In(1),
            "gather_ready": In(1),
            "gather": Out(1),
            "gathered": In(stream.Signature(answer_layout(config))),
            "drained": In(threads),
            "cancel": In(threads),
            "gathering": Out(threads),
            "may_tell": Out(threads),
            "waiting": Out(threads),
            "away": Out(threads),
            "answered": Out(threads),
            "failed": Out(threads),
            "finish": In(threads),
            "load": In(threads),
            "loaded": In(threads),
            "line_threads": In(data.ArrayLayout(config.thread_bits, config.groups)),
            "lines": Out(data.ArrayLayout(config.vector_bits, config.groups)),
            "ask": Out(stream.Signature(flit)),
            "tell": Out(stream.Signature(flit)),
            "answer": In(stream.Signature(flit, always_ready=True)),
            "awaiting": Out(threads),
        })

    def elaborate(self, platform):
        m = Module()
        threads = self.config.threads
        loading = Signal(threads)  # the line is still needed
        parked = Signal(threads)  # waits to try again
        parked_tell, parked_gather = Signal(threads), Signal(threads)  # with a posted packet; with a gather

        # A thread's packet or gather. One that asks needs the thread's place for the answer.
        header = self.packet.payload.header
        thread, tells = Signal(threads), header.op.as_value()[3]
        place = ~(self.awaiting | self.gathering | self.answered | loading)
        may_ask = Mux(self.ask.ready, place & self.drained, 0)
        may_gather = Mux(self.gather_ready, place & self.drained, 0)
        goes = self.packet.valid & self.packet.ready
        m.d.comb += [
            self.may_tell.eq(Mux(self.tell.ready, self.drained, 0)),
            thread.eq(1 << header.tag[:self.config.thread_bits]),
            self.packet.ready.eq((Mux(self.gathers, may_gather, Mux(tells, self.may_tell, may_ask)) & thread).any()),
            self.ask.valid.eq(goes & ~self.gathers & ~tells),
            self.tell.valid.eq(goes & ~self.gathers & tells),
            self.gather.eq(goes & self.gathers),
            self.ask.payload.eq(self.packet.payload),
            self.tell.payload.eq(self.packet.payload),
        ]
        tries = Mux(self.packet.valid, thread, 0)
        refused = Mux(self.packet.ready, 0, tries)
        m.d.sync += [
            parked.eq(((parked & ~tries) | refused) & ~self.cancel),
            parked_tell.eq(Mux(tells, parked_tell | tries, parked_tell & ~tries)),
            parked_gather.eq(Mux(self.gathers, parked_gather | tries, parked_gather & ~tries)),
        ]

        # Its answer; that of the engine waits for one of the mesh.
        answer, gathered = self.answer.payload, self.gathered.payload
        from_mesh = Mux(self.answer.valid, 1 << answer.header.tag[:self.config.thread_bits], 0)
        from_engine = Mux(self.gathered.valid & self.gathered.ready, 1 << gathered.thread, 0)
        answers = from_mesh | from_engine
        refuses = Mux(answer.header.op == Op.ERROR, from_mesh, 0) | Mux(gathered.failed, from_engine, 0)
        asks, asks_engine = Mux(self.ask.valid, thread, 0), Mux(self.gather, thread, 0)
        m.d.sync += [
            self.awaiting.eq((self.awaiting & ~from_mesh) | asks),
            self.gathering.eq((self.gathering & ~from_engine) | asks_engine),
            self.answered.eq((self.answered & ~self.finish) | answers),
            self.failed.eq((self.failed & ~(asks | asks_engine)) | refuses),
            loading.eq((loading & ~self.loaded) | (self.load & self.finish)),
        ]
        m.submodules.lines = lines = Memory(shape=self.config.vector_bits, depth=threads, init=[])
        write = lines.write_port()
        worth_while = (parked_gather & may_gather) | (~parked_gather & (
            (~parked_tell & may_ask) | (parked_tell & self.may_tell)))
        m.d.comb += [
            self.gathered.ready.eq(~self.answer.valid),
            write.en.eq(answers.any()),
            write.addr.eq(Mux(self.answer.valid, answer.header.tag, gathered.thread)),
            write.data.eq(Mux(self.answer.valid, answer.payload, gathered.line)),
            self.waiting.eq(self.awaiting | self.gathering | (parked & ~worth_while)),
            self.away.eq(self.awaiting | self.gathering | (self.answered & ~self.finish) | asks | asks_engine),
        ]
        for thread_number, line in zip(self.line_threads, self.lines, strict=True):
            read = lines.read_port(domain="comb")
            m.d.comb += [read.addr.eq(thread_number), line.eq(read.data)]
        return m
