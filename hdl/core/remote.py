"""Accesses of threads to other nodes, and atomics."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..noc.packet import Op, flit_layout


class Remote(wiring.Component):
    """Sends the threads' packets and holds a place for the answer to each thread's one request.

    An access that is answered takes two turns in the execute stage. In the first its packet is sent, or not even that
    if the way is not free, and the thread goes back to the same instruction and waits. In the second, once it has been
    answered, the instruction ends: it retires, its data being here, or traps. A posted packet takes one turn, if the
    way is free.

    Members
    -------
    packet : In(stream of flits)
        Of the executing instruction, its thread as tag; the class is its operation's. If it is not ready, the thread
        waits until it is worth while to try again.
    drained : In(threads)
        The thread's local accesses have been done.
    cancel : In(threads)
        The host starts or halts the thread. Its answer is taken and forgotten; until then the thread waits.
    waiting : Out(threads)
        Must not issue.
    answered, failed : Out(threads)
        The thread's request has been answered; with an ERROR.
    finish : In(threads), load : In(1)
        Strobe: the answered instruction ends; its line is still needed, until ``loaded``.
    loaded : In(threads)
        Strobe.
    line_thread : In, line : Out
        The line that a thread's answer brought.
    ask, tell : Out(stream of flits), answer : In(stream of flits), awaiting : Out(threads)
        To and from the network interface.
    """

    def __init__(self, *, config: Config):
        self.config = config
        threads = config.threads
        flit = flit_layout(config)
        super().__init__({
            "packet": In(stream.Signature(flit)),
            "drained": In(threads),
            "cancel": In(threads),
            "waiting": Out(threads),
            "answered": Out(threads),
            "failed": Out(threads),
            "finish": In(threads),
            "load": In(1),
            "loaded": In(threads),
            "line_thread": In(config.thread_bits),
            "line": Out(config.vector_bits),
            "ask": Out(stream.Signature(flit)),
            "tell": Out(stream.Signature(flit)),
            "answer": In(stream.Signature(flit, always_ready=True)),
            "awaiting": Out(threads),
        })

    def elaborate(self, platform):
        m = Module()
        threads = self.config.threads
        loading, forgotten = Signal(threads), Signal(threads)  # the line is still needed; nobody waits for the answer
        parked, parked_tell = Signal(threads), Signal(threads)  # waits to try again; with a posted packet

        # A thread's packet. One that asks needs the thread's place for the answer.
        header = self.packet.payload.header
        thread, tells = Signal(threads), header.op.as_value()[3]
        place = ~(self.awaiting | self.answered | loading)
        may_ask = Mux(self.ask.ready, place & self.drained, 0)
        may_tell = Mux(self.tell.ready, self.drained, 0)
        m.d.comb += [
            thread.eq(1 << header.tag[:self.config.thread_bits]),
            self.packet.ready.eq((Mux(tells, may_tell, may_ask) & thread).any()),
            self.ask.valid.eq(self.packet.valid & self.packet.ready & ~tells),
            self.tell.valid.eq(self.packet.valid & self.packet.ready & tells),
            self.ask.payload.eq(self.packet.payload),
            self.tell.payload.eq(self.packet.payload),
        ]
        tries = Mux(self.packet.valid, thread, 0)
        refused = Mux(self.packet.ready, 0, tries)
        m.d.sync += [
            parked.eq(((parked & ~tries) | refused) & ~self.cancel),
            parked_tell.eq(Mux(tells, parked_tell | tries, parked_tell & ~tries)),
        ]

        # Its answer.
        answers = Mux(self.answer.valid, 1 << self.answer.payload.header.tag[:self.config.thread_bits], 0)
        refuses = Mux(self.answer.payload.header.op == Op.ERROR, answers, 0)
        asks = Mux(self.ask.valid, thread, 0)
        m.d.sync += [
            self.awaiting.eq((self.awaiting & ~answers) | asks),
            forgotten.eq((forgotten | self.cancel) & (self.awaiting & ~answers | asks)),
            self.answered.eq(((self.answered & ~self.finish) | (answers & ~forgotten)) & ~self.cancel),
            self.failed.eq((self.failed & ~asks) | refuses),
            loading.eq((loading & ~self.loaded) | Mux(self.load, self.finish, 0)),
        ]
        m.submodules.lines = lines = Memory(shape=self.config.vector_bits, depth=threads, init=[])
        write, read = lines.write_port(), lines.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.answer.valid),
            write.addr.eq(self.answer.payload.header.tag),
            write.data.eq(self.answer.payload.payload),
            read.addr.eq(self.line_thread),
            self.line.eq(read.data),
            self.waiting.eq(self.awaiting | (parked & ~((may_ask & ~parked_tell) | (may_tell & parked_tell)))),
        ]
        return m
