"""Does what packets ask of a node."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..mem.port import MemoryPort
from ..memory_map import ErrorCode
from ..queue import Queue
from .address import in_control, in_sram, line_of
from .control_bus import ControlBus
from .egress import Kind, command_layout
from .packet import Coordinate, Op, flit_layout
from .reports import Report


class Server(wiring.Component):
    """Serves one packet each cycle, in order, as soon as the SRAM takes what it writes.

    A packet that cannot be served changes nothing; of several reasons the one with the lowest `ErrorCode` is given.
    Reads of the SRAM are left to the egress. Requests must come only while ``idle``, so that the read of one is done
    before the next one is served; posted packets may come at any time and do not wait for the mesh.

    Members
    -------
    position : In(Coordinate)
        Where the node stands.
    packets : In(stream)
        From the mesh.
    idle : Out(1)
        There is no reply that the egress has not taken yet.
    write : Out(MemoryPort)
    control : Out(ControlBus)
    post : Out(stream)
        Semaphores to post. A PUT's is offered after the SRAM has taken its data.
    reply : Out(stream)
        Commands for the egress, see `hdl.noc.egress.command_layout`.
    report : Out(stream)
        Packets that could not be served.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "packets": In(stream.Signature(flit_layout(config))),
            "idle": Out(1),
            "write": Out(MemoryPort(config)),
            "control": Out(ControlBus()),
            "post": Out(stream.Signature(config.semaphore_bits)),
            "reply": Out(stream.Signature(command_layout(config))),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        header, payload = self.packets.payload.header, self.packets.payload.payload

        # What the packet asks for.
        requests = Signal()
        writes, accesses, posts = Signal(), Signal(), Signal()
        to_sram, to_control = Signal(), Signal()
        m.d.comb += [
            requests.eq(~header.op.as_value()[3]),
            writes.eq((header.op == Op.WRITE) | (header.op == Op.PUT)),
            accesses.eq((header.op == Op.READ) | writes),
            posts.eq((header.op == Op.SIGNAL) | ((header.op == Op.PUT) & header.signal.any())),
            to_sram.eq(accesses & in_sram(config, header.address)),
            to_control.eq(accesses & in_control(header.address)),
        ]

        # Whether it can be served.
        offset = header.address[:config.line_offset_bits]
        end = offset + header.size
        odd_register = (header.size != 8) | header.address[:3].any()
        error = Signal(ErrorCode)
        with m.If(~accesses & ~posts):
            m.d.comb += error.eq(ErrorCode.OP)
        with m.Elif(accesses & ~to_sram & ~to_control):
            m.d.comb += error.eq(ErrorCode.ADDRESS)
        with m.Elif(accesses & ((header.size == 0) | (end > config.vector_bytes) | (to_control & odd_register))):
            m.d.comb += error.eq(ErrorCode.SIZE)
        with m.Elif(header.destination != self.position):
            m.d.comb += error.eq(ErrorCode.DESTINATION)
        with m.Elif(posts & ((header.signal == 0) | (header.signal > config.semaphores))):
            m.d.comb += error.eq(ErrorCode.SEMAPHORE)

        # Serve it. Semaphores wait in a queue, so that a write can start without looking at who else posts.
        m.submodules.post_queue = post_queue = Queue(shape=config.semaphore_bits, depth=2)
        ok, can_post, write_now, served = Signal(), Signal(), Signal(), Signal()
        every_byte = Const((1 << config.vector_bytes) - 1, config.vector_bytes)
        m.d.comb += [
            ok.eq(error == ErrorCode.NONE),
            can_post.eq(~posts | post_queue.i.ready),
            write_now.eq(ok & writes & to_sram),
            self.packets.ready.eq(can_post & (~write_now | self.write.request.ready)),
            served.eq(self.packets.valid & self.packets.ready),

            self.write.request.valid.eq(self.packets.valid & can_post & write_now),
            self.write.request.payload.line.eq(line_of(config, header.address)),
            self.write.request.payload.write.eq(1),
            self.write.request.payload.mask.eq((every_byte << offset) & ~(every_byte << end)),
            self.write.request.payload.data.eq(payload),

            self.control.valid.eq(served & ok & to_control),
            self.control.write.eq(writes),
            self.control.address.eq(header.address),
            self.control.write_data.eq(payload.word_select(offset[3:], 64)),

            post_queue.i.valid.eq(served & ok & posts),
            post_queue.i.payload.eq(header.signal - 1),

            self.report.valid.eq(served & ~ok),
            self.report.payload.code.eq(error),
            self.report.payload.address.eq(header.address),
        ]
        wiring.connect(m, post_queue.o, wiring.flipped(self.post))

        # Answer it.
        answer = self.reply.payload.header
        m.d.comb += self.idle.eq(~self.reply.valid)
        with m.If(self.reply.ready):
            m.d.sync += self.reply.valid.eq(0)
        with m.If(served & requests):
            m.d.sync += [
                self.reply.valid.eq(1),
                self.reply.payload.kind.eq(Mux(ok & ~writes & to_sram, Kind.LINE, Kind.VALUE)),
                self.reply.payload.line.eq(line_of(config, header.address)),
                self.reply.payload.value.eq(Mux(ok, self.control.read_data, self.report.payload)),
                answer.destination.eq(header.source),
                answer.op.eq(Mux(~ok, Op.ERROR, Mux(writes, Op.ACK, Op.DATA))),
                answer.tag.eq(header.tag),
                answer.address.eq(header.address),
                answer.size.eq(header.size),
            ]
        return m
