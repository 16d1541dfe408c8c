"""Does what packets ask of a node."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import Atomic
from ..mem.port import MemoryPort
from ..memory_map import ErrorCode
from ..queue import Queue
from .address import in_control, in_sram, line_of
from .atomic import AtomicUnit
from .control_bus import ControlBus
from .egress import Kind, command_layout
from .merge import Merge
from .packet import CLASSES, PULL_TAG, Coordinate, Op, flit_layout
from .reports import Report

#: Answers that can wait for the egress, so that one can be made in each cycle.
REPLIES = 2


class Server(wiring.Component):
    """Serves one packet each cycle, the classes in turn, as soon as the SRAM takes what it writes.

    A packet that cannot be served changes nothing; of several reasons the one with the lowest `ErrorCode` is given.
    Packets of class 1 do not wait for the mesh. A request is looked at when there is room for its answer and, unless it
    is a READ, when the SRAM has taken the reads of the requests before, which are left to the egress.

    Members
    -------
    position : In(Coordinate)
        Where the node stands.
    packets : In(stream) of each class
        From the mesh.
    write : Out(MemoryPort)
        Also reads, for atomics.
    control : Out(ControlBus)
    post : Out(stream)
        Semaphores to post. A PUT's is offered after the SRAM has taken its data.
    reply : Out(stream)
        Commands for the egress, see `hdl.noc.egress.command_layout`.
    answer : Out(stream)
        Answers to this node's own requests, as they came.
    awaited : In(1), pull_line : In
        Somebody waits for an answer with the tag that stands at ``answer``; the line of the SRAM that a pull's goes to.
    report : Out(stream)
        Packets that could not be served.
    """

    def __init__(self, *, config: Config):
        self.config = config
        flits = stream.Signature(flit_layout(config))
        super().__init__({
            "position": In(Coordinate),
            "packets": In(flits).array(CLASSES),
            "write": Out(MemoryPort(config)),
            "control": Out(ControlBus()),
            "post": Out(stream.Signature(config.semaphore_bits)),
            "reply": Out(stream.Signature(command_layout(config))),
            "answer": Out(stream.Signature(flit_layout(config), always_ready=True)),
            "awaited": In(1),
            "pull_line": In(config.line_bits),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # The next packet.
        m.submodules.replies = replies = Queue(shape=command_layout(config), depth=REPLIES)
        m.submodules.turn = turn = Merge(shape=flit_layout(config), count=CLASSES)
        requested, posted = self.packets
        may_serve = replies.i.ready & (~replies.o.valid | (requested.payload.header.op == Op.READ))
        m.d.comb += [
            turn.i[0].payload.eq(requested.payload),
            turn.i[0].valid.eq(requested.valid & may_serve),
            requested.ready.eq(turn.i[0].ready),
        ]
        wiring.connect(m, wiring.flipped(posted), turn.i[1])
        header, payload = turn.o.payload.header, turn.o.payload.payload

        # What it asks for.
        requests, writes, atomic, answers = Signal(), Signal(), Signal(), Signal()
        accesses, posts, pulled = Signal(), Signal(), Signal()
        to_sram, to_control = Signal(), Signal()
        m.d.comb += [
            requests.eq(~header.op.as_value()[3]),
            writes.eq((header.op == Op.WRITE) | (header.op == Op.PUT)),
            atomic.eq((header.op == Op.ATOMIC) & (header.signal <= max(Atomic))),
            answers.eq(((header.op == Op.DATA) | (header.op == Op.ACK) | (header.op == Op.ERROR)) & self.awaited),
            accesses.eq((header.op == Op.READ) | writes | atomic),
            posts.eq((header.op == Op.SIGNAL) | ((header.op == Op.PUT) & header.signal.any())),
            pulled.eq((header.op == Op.DATA) & (header.tag >= PULL_TAG)),
            to_sram.eq(accesses & in_sram(config, header.address)),
            to_control.eq(accesses & ~atomic & in_control(header.address)),
        ]

        # Whether it can be served.
        offset = header.address[:config.line_offset_bits]
        end = offset + header.size
        odd_register = (header.size != 8) | header.address[:3].any()
        odd_atomic = ((header.size != 8) | header.address[:3].any()) & ((header.size != 4) | header.address[:2].any())
        error = Signal(ErrorCode)
        with m.If(~accesses & ~posts & ~answers):
            m.d.comb += error.eq(ErrorCode.OP)
        with m.Elif(accesses & ~to_sram & ~to_control):
            m.d.comb += error.eq(ErrorCode.ADDRESS)
        with m.Elif(accesses & ((header.size == 0) | (end > config.vector_bytes) | (to_control & odd_register)
                                | (atomic & odd_atomic))):
            m.d.comb += error.eq(ErrorCode.SIZE)
        with m.Elif(header.destination != self.position):
            m.d.comb += error.eq(ErrorCode.DESTINATION)
        with m.Elif(posts & ((header.signal == 0) | (header.signal > config.semaphores))):
            m.d.comb += error.eq(ErrorCode.SEMAPHORE)

        # Serve it. Semaphores wait in a queue, so that a write can start without looking at who else posts.
        m.submodules.post_queue = post_queue = Queue(shape=config.semaphore_bits, depth=2)
        m.submodules.atomic = unit = AtomicUnit(config=config)
        ok, can_post, write_now, atomic_now, served = Signal(), Signal(), Signal(), Signal(), Signal()
        unread = Signal()  # an atomic access that met an uncorrectable memory error
        every_byte = Const((1 << config.vector_bytes) - 1, config.vector_bytes)
        request = self.write.request
        m.d.comb += [
            ok.eq(error == ErrorCode.NONE),
            can_post.eq(~posts | post_queue.i.ready),
            write_now.eq(ok & ((writes & to_sram) | pulled)),
            atomic_now.eq(ok & atomic),
            turn.o.ready.eq(Mux(atomic_now, unit.i.ready, can_post & (~write_now | request.ready))),
            served.eq(turn.o.valid & turn.o.ready),

            request.valid.eq(turn.o.valid & can_post & write_now),
            request.payload.line.eq(Mux(pulled, self.pull_line, line_of(config, header.address))),
            request.payload.write.eq(1),
            request.payload.mask.eq(Mux(pulled, every_byte, (every_byte << offset) & ~(every_byte << end))),
            request.payload.data.eq(payload),

            unit.i.valid.eq(turn.o.valid & atomic_now),
            unit.i.payload.function.eq(header.signal),
            unit.i.payload.word.eq(header.size == 4),
            unit.i.payload.line.eq(line_of(config, header.address)),
            unit.i.payload.offset.eq(offset),
            unit.i.payload.operand.eq(payload[:64]),
            unit.i.payload.expected.eq(payload[64:128]),
            unit.memory.request.ready.eq(request.ready),
            unit.memory.response.valid.eq(self.write.response.valid),
            unit.memory.response.payload.eq(self.write.response.payload),
            unit.memory.error.eq(self.write.error),
            unread.eq(atomic_now & unit.failed),

            # It does not wait for the SRAM, so it need not hear of it: not by way of `served`.
            self.control.valid.eq(turn.o.valid & can_post & ok & to_control),
            self.control.write.eq(writes),
            self.control.address.eq(header.address),
            self.control.write_data.eq(payload.word_select(offset[3:], 64)),

            post_queue.i.valid.eq(served & ok & posts),
            post_queue.i.payload.eq(header.signal - 1),

            self.answer.payload.eq(turn.o.payload),
            self.answer.valid.eq(served & ok & answers),

            self.report.valid.eq(served & (~ok | unread)),
            self.report.payload.code.eq(Mux(unread, ErrorCode.MEMORY, error)),
            self.report.payload.address.eq(header.address),
        ]
        with m.If(atomic_now):
            m.d.comb += [request.valid.eq(unit.memory.request.valid), request.payload.eq(unit.memory.request.payload)]
        wiring.connect(m, post_queue.o, wiring.flipped(self.post))

        # Answer it.
        reply = replies.i.payload
        m.d.comb += [
            replies.i.valid.eq(served & requests),
            reply.kind.eq(Mux(ok & (header.op == Op.READ) & to_sram, Kind.LINE, Kind.VALUE)),
            reply.line.eq(line_of(config, header.address)),
            reply.value.eq(Mux(ok & ~unread, Mux(atomic, unit.old, self.control.read_data), self.report.payload)),
            reply.header.destination.eq(header.source),
            reply.header.op.eq(Mux(~ok | unread, Op.ERROR, Mux(header.op == Op.WRITE, Op.ACK, Op.DATA))),
            reply.header.tag.eq(header.tag),
            reply.header.address.eq(header.address),
            reply.header.size.eq(header.size),
        ]
        wiring.connect(m, replies.o, wiring.flipped(self.reply))
        return m
