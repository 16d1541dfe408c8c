"""What moves the lines of lists: pushes send them, pulls ask for them."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Config
from .address import line_of
from .egress import Kind, command_layout
from .list_walker import move_layout
from .packet import PULL_SLOTS, PULL_TAG, Op, flit_layout
from .reports import Report


class PushSender(wiring.Component):
    """Makes commands for the egress of a push's moves, combinationally.

    Members
    -------
    moves : In(stream of move_layout())
    commands : Out(stream)
        A PUT for each line and, at the end, a DONE.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "moves": In(stream.Signature(move_layout())),
            "commands": Out(stream.Signature(command_layout(config))),
        })

    def elaborate(self, platform):
        m = Module()
        move, command = self.moves.payload, self.commands.payload
        m.d.comb += [
            self.commands.valid.eq(self.moves.valid),
            self.moves.ready.eq(self.commands.ready),
            command.kind.eq(Mux(move.end, Kind.DONE, Kind.LINE)),
            command.line.eq(line_of(self.config, move.source)),
            command.header.destination.eq(move.node),
            command.header.op.eq(Op.PUT),
            command.header.size.eq(self.config.vector_bytes),
            command.header.address.eq(move.destination),
            command.header.signal.eq(Mux(move.end, move.done, Mux(move.last, move.signal, 0))),
        ]
        return m


class PullSender(wiring.Component):
    """Asks for a pull's lines; each has a slot, and with it a place for its answer, until that has come.

    Members
    -------
    moves : In(stream of move_layout())
    requests : Out(stream)
        READ packets.
    tag : In(6), awaited : Out(1), line : Out
        For any tag: a slot of it waits for an answer; where in the SRAM the line belongs.
    waiting : Out(PULL_SLOTS)
        Slots that wait.
    answer : In(stream)
        Answers to the READs; their lines have been written.
    failed : Out(1)
        A line of this list was answered with ERROR.
    post : Out(stream)
        Semaphores to post at the end of a list.
    report : Out(stream)
        The first ERROR of a list.
    """

    def __init__(self, *, config: Config):
        self.config = config
        flit = flit_layout(config)
        super().__init__({
            "moves": In(stream.Signature(move_layout())),
            "requests": Out(stream.Signature(flit)),
            "tag": In(6),
            "awaited": Out(1),
            "line": Out(config.line_bits),
            "waiting": Out(PULL_SLOTS),
            "answer": In(stream.Signature(flit, always_ready=True)),
            "failed": Out(1),
            "post": Out(stream.Signature(config.semaphore_bits)),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        move, request = self.moves.payload, self.requests.payload.header
        slot = Signal(range(PULL_SLOTS))  # the next to be used
        m.submodules.lines = lines = Memory(shape=config.line_bits, depth=PULL_SLOTS, init=[])
        write, read = lines.write_port(), lines.read_port(domain="comb")

        # Ask, if the slot is free.
        asked, answered = Signal(), Signal()
        m.d.comb += [
            self.requests.valid.eq(self.moves.valid & ~move.end & ~self.waiting.bit_select(slot, 1)),
            request.destination.eq(move.node),
            request.op.eq(Op.READ),
            request.tag.eq(PULL_TAG + slot),
            request.size.eq(config.vector_bytes),
            request.address.eq(move.source),
            asked.eq(self.requests.valid & self.requests.ready),
            write.en.eq(asked),
            write.addr.eq(slot),
            write.data.eq(line_of(config, move.destination)),
        ]
        with m.If(asked):
            m.d.sync += slot.eq(slot + 1)

        # Answers free their slots.
        header, refused = self.answer.payload.header, Signal()
        m.d.comb += [
            read.addr.eq(self.tag),
            self.line.eq(read.data),
            self.awaited.eq((self.tag >= PULL_TAG) & self.waiting.bit_select(self.tag[:len(slot)], 1)),
            answered.eq(self.answer.valid),
            refused.eq(answered & (header.op == Op.ERROR)),
            self.report.valid.eq(refused & ~self.failed),
            self.report.payload.eq(self.answer.payload.payload),
        ]
        m.d.sync += self.waiting.eq((self.waiting & ~(answered << header.tag[:len(slot)])) | (asked << slot))
        with m.If(refused):
            m.d.sync += self.failed.eq(1)

        # The end, once every answer has come.
        signal = Mux(self.failed, 0, move.signal)
        with m.FSM():
            with m.State("MOVE"):
                with m.If(move.end):
                    with m.If(self.moves.valid & (self.waiting == 0)):
                        m.next = "DONE"
                with m.Else():
                    m.d.comb += self.moves.ready.eq(asked)
            for state, semaphore, then in (("DONE", move.done, "SIGNAL"), ("SIGNAL", signal, "MOVE")):
                with m.State(state):
                    m.d.comb += [self.post.valid.eq(semaphore != 0), self.post.payload.eq(semaphore - 1)]
                    with m.If(self.post.ready | (semaphore == 0)):
                        m.next = then
                        if state == "SIGNAL":
                            m.d.comb += self.moves.ready.eq(1)
                            m.d.sync += self.failed.eq(0)
        return m
