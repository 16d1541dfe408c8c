"""Does what packets ask of a node."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..mem.port import MemoryPort
from ..memory_map import ErrorCode
from ..queue import Queue
from .address import line_of
from .atomic import AtomicUnit
from .checks import Checks
from .control_bus import ControlBus
from .egress import Kind, command_layout
from .merge import Merge
from .packet import CLASSES, PULL_TAG, Coordinate, Op, flit_layout
from .reports import Report

#: Answers that can wait for the egress. One can be made in each cycle: one leaves, one comes, and one has its place
#: kept by a request that is taken.
REPLIES = 3


class Server(wiring.Component):
    """Serves one packet each cycle, the classes in turn, as soon as the SRAM takes what it writes.

    A packet is checked in the cycle in which it is taken, and served from the next one on. One that cannot be served
    changes nothing; of several reasons the one with the lowest `ErrorCode` is given.

    A packet that has been taken does not wait for the mesh, so that it does not stand in the way of class 1. A request
    is taken when there is room for its answer and, unless it is a READ, when the SRAM has taken the reads of the
    requests before, which are left to the egress.

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
    answer : Out(stream), pulled : Out(stream)
        Answers to this node's own requests, as they came: to its threads', and to those of pulls.
    awaiting : In(threads)
        Threads that wait for an answer.
    pull_awaited : In(1), pull_line : In
        A pull waits for an answer with the tag that stands at ``pulled``; the line of the SRAM that it goes to.
    report : Out(stream)
        Packets that could not be served.
    """

    def __init__(self, *, config: Config):
        self.config = config
        flits = stream.Signature(flit_layout(config))
        answers = stream.Signature(flit_layout(config), always_ready=True)
        super().__init__({
            "position": In(Coordinate),
            "packets": In(flits).array(CLASSES),
            "write": Out(MemoryPort(config)),
            "control": Out(ControlBus()),
            "post": Out(stream.Signature(config.semaphore_bits)),
            "reply": Out(stream.Signature(command_layout(config))),
            "answer": Out(answers),
            "pulled": Out(answers),
            "awaiting": In(config.threads),
            "pull_awaited": In(1),
            "pull_line": In(config.line_bits),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.replies = replies = Queue(shape=command_layout(config), depth=REPLIES)
        m.submodules.turn = turn = Merge(shape=flit_layout(config), count=CLASSES)
        m.submodules.checks = checks = Checks(config=config)
        packet, valid = checks.o.payload, checks.o.valid
        header, payload = packet.header, packet.payload
        offset = header.address[:config.line_offset_bits]
        asks = ~header.op.as_value()[3]

        # Take the next packet. Room that it finds stays until it is taken.
        requested, posted = self.packets
        unread = Signal(range(REPLIES + 1))  # lines that the egress has been told to read, and has not
        reading, may_take = valid & packet.reads | unread.any(), Signal()
        m.d.comb += [
            may_take.eq((replies.level + (valid & asks) < REPLIES)
                        & (~reading | (requested.payload.header.op == Op.READ))),
            turn.i[0].payload.eq(requested.payload),
            turn.i[0].valid.eq(requested.valid & may_take),
            requested.ready.eq(turn.i[0].ready),
            checks.position.eq(self.position),
        ]
        wiring.connect(m, wiring.flipped(posted), turn.i[1])
        wiring.connect(m, turn.o, checks.i)

        # Serve it. Semaphores wait in a queue, so that a write can start without looking at who else posts.
        m.submodules.post_queue = post_queue = Queue(shape=config.semaphore_bits, depth=2)
        m.submodules.atomic = unit = AtomicUnit(config=config)
        ok, can_post, write_now, served = Signal(), Signal(), Signal(), Signal()
        of_pull, awaited, arrives = header.tag >= PULL_TAG, Signal(), Signal()
        failed = Signal()  # an atomic access that met an uncorrectable memory error
        error = Signal(ErrorCode)
        request = self.write.request
        m.d.comb += [
            awaited.eq(Mux(of_pull, self.pull_awaited, (self.awaiting >> header.tag)[0])),
            error.eq(Mux(packet.answers & ~awaited, ErrorCode.OP, packet.error)),
            ok.eq(error == ErrorCode.NONE),
            arrives.eq(packet.answers & ok),
            can_post.eq(~packet.posts | post_queue.i.ready),
            write_now.eq(packet.writes & (~packet.answers | self.pull_awaited)),
            checks.o.ready.eq(Mux(packet.atomic, unit.i.ready, can_post & (~write_now | request.ready))),
            served.eq(valid & checks.o.ready),

            request.valid.eq(valid & can_post & write_now),
            request.payload.line.eq(Mux(packet.answers, self.pull_line, line_of(config, header.address))),
            request.payload.write.eq(1),
            request.payload.mask.eq(packet.mask),
            request.payload.data.eq(payload),

            unit.i.valid.eq(valid & packet.atomic),
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
            failed.eq(packet.atomic & unit.failed),

            # It does not wait for the SRAM, so it need not hear of it: not by way of `served`.
            self.control.valid.eq(valid & can_post & packet.control),
            self.control.write.eq((header.op == Op.WRITE) | (header.op == Op.PUT)),
            self.control.address.eq(header.address),
            self.control.write_data.eq(payload.word_select(offset[3:], 64)),

            post_queue.i.valid.eq(served & packet.posts),
            post_queue.i.payload.eq(header.signal - 1),

            # Of answers only a pull's waits for the SRAM.
            self.answer.valid.eq(valid & arrives & ~of_pull),
            self.pulled.valid.eq(served & arrives & of_pull),
            *(answer.payload[field].eq(packet[field])
              for answer in (self.answer, self.pulled) for field in flit_layout(config).members),

            self.report.valid.eq(served & (~ok | failed)),
            self.report.payload.code.eq(Mux(failed, ErrorCode.MEMORY, error)),
            self.report.payload.address.eq(header.address),
        ]
        with m.If(packet.atomic):
            m.d.comb += [request.valid.eq(unit.memory.request.valid), request.payload.eq(unit.memory.request.payload)]
        wiring.connect(m, post_queue.o, wiring.flipped(self.post))

        # Answer it.
        reply = replies.i.payload
        m.d.comb += [
            replies.i.valid.eq(served & asks),
            reply.kind.eq(Mux(packet.reads, Kind.LINE, Kind.VALUE)),
            reply.line.eq(line_of(config, header.address)),
            reply.value.eq(Mux(ok & ~failed, Mux(packet.atomic, unit.old, self.control.read_data),
                               self.report.payload)),
            reply.header.destination.eq(header.source),
            reply.header.op.eq(Mux(~ok | failed, Op.ERROR, Mux(header.op == Op.WRITE, Op.ACK, Op.DATA))),
            reply.header.tag.eq(header.tag),
            reply.header.address.eq(header.address),
            reply.header.size.eq(header.size),
        ]
        m.d.sync += unread.eq(unread + (served & packet.reads)
                              - (replies.o.valid & replies.o.ready & (replies.o.payload.kind == Kind.LINE)))
        wiring.connect(m, replies.o, wiring.flipped(self.reply))
        return m
