"""What a node sends by itself: answers, and the lines of lists, with what the SRAM holds."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import SRAM_BASE, Config
from ..mem.port import MemoryPort
from ..memory_map import ErrorCode
from ..queue import Queue
from .list_reader import fetched_layout
from .packet import Header, Op, flit_layout
from .reports import Report

#: Commands under way: one line a cycle flows as long as the SRAM answers a read within two cycles.
READ_AHEAD = 4


class Kind(enum.Enum, shape=2):
    """What a command asks of the egress.

    A packet with a value or an SRAM line, a line for a list engine, or, at the end of a push, a post or nothing.
    """

    VALUE = 0
    LINE = 1
    FETCH = 2
    DONE = 3


def command_layout(config: Config) -> data.StructLayout:
    """A command for the egress.

    ``header`` goes out but for ``source`` and ``born``; of a FETCH only its ``tag`` counts, of a DONE its ``signal``,
    which is 0 or 1 + the semaphore to post.
    ``value`` is the payload of a VALUE, the same in each 8 bytes; ``line`` the SRAM line of a LINE or FETCH.
    """
    return data.StructLayout({"kind": Kind, "header": Header, "value": 64, "line": config.line_bits})


class Egress(wiring.Component):
    """Carries out commands in their order, one each cycle if SRAM and mesh allow.

    Members
    -------
    commands : In(stream)
        See `command_layout`.
    read : Out(MemoryPort)
    packets : Out(stream)
        Packets of class 1.
    fetched : Out(stream)
        Lines for the list engine that the command's ``tag`` names.
    done : Out(stream)
        Semaphores to post at this node, since everything before has left.
    report : Out(stream)
        Lines that could not be read: what they hold goes nowhere. A READ is answered with ERROR, a PUT is not sent, nor
        is the signal of its list, and a list engine is told.
    """

    def __init__(self, *, config: Config):
        self.config = config
        fetched = data.StructLayout({"tag": 1, "fetched": fetched_layout(config)})
        super().__init__({
            "commands": In(stream.Signature(command_layout(config))),
            "read": Out(MemoryPort(config)),
            "packets": Out(stream.Signature(flit_layout(config))),
            "fetched": Out(stream.Signature(fetched, always_ready=True)),
            "done": Out(stream.Signature(config.semaphore_bits)),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        waiting = data.StructLayout({"kind": Kind, "header": Header, "value": 64, "line": config.line_bits})
        m.submodules.waiting = queue = Queue(shape=waiting, depth=READ_AHEAD)
        m.submodules.lines = lines = Queue(shape=fetched_layout(config), depth=READ_AHEAD)

        # Commands in: a command that needs a line waits until the SRAM has taken its read.
        command = self.commands.payload
        needs_line = (command.kind == Kind.LINE) | (command.kind == Kind.FETCH)
        every_byte = Const((1 << config.vector_bytes) - 1, config.vector_bytes)
        offset = command.header.address[:config.line_offset_bits]
        m.d.comb += [
            self.read.request.payload.mask.eq(Mux(
                command.kind == Kind.LINE,
                (every_byte << offset) & ~(every_byte << (offset + command.header.size)), every_byte)),
            self.read.request.valid.eq(self.commands.valid & queue.i.ready & needs_line),
            self.read.request.payload.line.eq(command.line),
            self.commands.ready.eq(queue.i.ready & (~needs_line | self.read.request.ready)),
            queue.i.valid.eq(self.commands.valid & (~needs_line | self.read.request.ready)),
            *(queue.i.payload[field].eq(command[field]) for field in waiting.members),
            lines.i.valid.eq(self.read.response.valid),
            lines.i.payload.line.eq(Mux(self.read.error, 0, self.read.response.payload)),
            lines.i.payload.error.eq(self.read.error),
        ]

        # Packets out.
        head = queue.o.payload
        flit = Signal(flit_layout(config))
        m.d.comb += [
            flit.header.eq(head.header),
            flit.payload.eq(lines.o.payload.line),
            self.packets.payload.eq(flit),
            self.fetched.payload.tag.eq(head.header.tag),
            self.fetched.payload.fetched.eq(lines.o.payload),
            self.report.valid.eq(lines.o.valid & lines.o.ready & lines.o.payload.error),
            self.report.payload.code.eq(ErrorCode.MEMORY),
            self.report.payload.address.eq(SRAM_BASE + (head.line << config.line_offset_bits)),
            self.done.payload.eq(head.header.signal - 1),
        ]
        lost = Signal()  # a line of the list that has not ended yet
        with m.If(queue.o.valid), m.Switch(head.kind):
            with m.Case(Kind.VALUE):
                m.d.comb += [
                    flit.payload.eq(head.value.replicate(config.vector_bits // 64)),
                    self.packets.valid.eq(1),
                    queue.o.ready.eq(self.packets.ready),
                ]
            with m.Case(Kind.LINE):
                puts = head.header.op == Op.PUT
                unsent = lines.o.payload.error & puts
                m.d.comb += [
                    self.packets.valid.eq(lines.o.valid & ~unsent),
                    lines.o.ready.eq(self.packets.ready | unsent),
                    queue.o.ready.eq(lines.o.valid & lines.o.ready),
                ]
                with m.If(lines.o.payload.error):
                    m.d.comb += [
                        flit.header.op.eq(Op.ERROR),
                        flit.payload.eq(self.report.payload.as_value().replicate(config.vector_bits // 64)),
                    ]
                with m.If(puts & lost):
                    m.d.comb += flit.header.signal.eq(0)
                with m.If(lines.o.valid & unsent):
                    m.d.sync += lost.eq(1)
            with m.Case(Kind.FETCH):
                m.d.comb += [
                    self.fetched.valid.eq(lines.o.valid),
                    lines.o.ready.eq(1),
                    queue.o.ready.eq(lines.o.valid),
                ]
            with m.Case(Kind.DONE):
                m.d.comb += [
                    self.done.valid.eq(head.header.signal.any()),
                    queue.o.ready.eq(self.done.ready | ~self.done.valid),
                ]
                m.d.sync += lost.eq(0)
        return m
