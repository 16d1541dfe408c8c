"""Carries out requests, each once, at the edge port of a mesh."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.noc.link import Link
from hdl.noc.packet import Op, flit_layout
from hdl.noc.reports import Report

from .buffer import INDEX_BITS, Reader, Writer
from .frame import HELLO_BYTES, MAX_DATA, Kind, Request, Response, Status

#: The traffic class of READ and WRITE.
REQUEST = 0

#: Cycles for which RESET holds the mesh in reset.
RESET_CYCLES = 16


class Executor(wiring.Component):
    """Decides by docs/board.md what a request gets: a new response, the last one again, or nothing.

    Data go to and from packets a byte a cycle. One packet is under way at a time.

    Parameters
    ----------
    config : Config
    identity : bytes
        What HELLO is answered with, 64 bytes at a time; up to 1,024, zeros follow.
    patience : int
        Cycles to wait for the answer to a packet.

    Members
    -------
    requests : In(stream)
        Headers of good frames; one is taken when its response has been sent.
    request_data : Out(Reader)
    responses : Out(stream)
        Headers of responses.
    response_data : Out(Writer)
        Only written while no response is offered.
    dropped : In(16)
        Frames dropped so far.
    out_of_turn : Out(1)
        A request is dropped in this cycle.
    edge_i : Out(Link), edge_o : In(stream)
        To ``i`` and from ``o`` of the edge port.
    mesh_reset : Out(1)
    """

    def __init__(self, *, config: Config, identity: bytes, patience: int):
        if not 0 < len(identity) <= MAX_DATA:
            raise ValueError(f"what a board is must be said in 1 to {MAX_DATA} bytes, not {len(identity)}")
        if type(patience) is not int or patience < 1:
            raise ValueError(f"patience must be 1 cycle or more, not {patience!r}")
        self.config = config
        self.identity = identity
        self.patience = patience
        super().__init__({
            "requests": In(stream.Signature(Request)),
            "request_data": Out(Reader),
            "responses": Out(stream.Signature(Response)),
            "response_data": Out(Writer),
            "dropped": In(16),
            "out_of_turn": Out(1),
            "edge_i": Out(Link(config)),
            "edge_o": In(stream.Signature(flit_layout(config))),
            "mesh_reset": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        request = self.requests.payload
        response = Signal(Response)
        m.d.comb += self.responses.payload.eq(response)

        # The position in the data that are read or written. A buffer is asked for the byte that comes next.
        done, next_done = Signal(INDEX_BITS), Signal(INDEX_BITS)
        m.submodules.identity = identity = Memory(shape=unsigned(8), depth=MAX_DATA, init=self.identity)
        identity_read = identity.read_port()
        m.d.comb += [
            next_done.eq(done),
            self.request_data.index.eq(next_done),
            identity_read.addr.eq(next_done + request.size),
            self.response_data.index.eq(done),
        ]
        m.d.sync += done.eq(next_done)

        # The packet under way, and its answer. Until an answer is here, the next packet has to wait.
        packet, owed = Signal(flit_layout(config)), Signal()
        line = packet.payload
        answer = self.edge_o.payload
        report = Report(answer.payload[:Report.as_shape().size])
        answered = Signal()
        m.d.comb += [
            self.edge_i.flit.eq(packet),
            self.edge_o.ready.eq(1),
            answered.eq(self.edge_o.valid & ((answer.header.op == Op.DATA) | (answer.header.op == Op.ACK)
                                             | (answer.header.op == Op.ERROR))),
        ]
        with m.If(self.edge_i.ready[REQUEST]):
            m.d.sync += self.edge_i.valid.eq(0)
        with m.If(answered):
            m.d.sync += owed.eq(0)

        # The piece of the data that the packet carries: up to the end of its line.
        address, left, step = Signal(32), Signal(INDEX_BITS), Signal(config.line_offset_bits + 1)
        room = config.vector_bytes - address[:config.line_offset_bits]
        size, lane = Signal(config.line_offset_bits + 1), Signal(config.line_offset_bits)
        m.d.comb += [
            size.eq(Mux(left < room, left, room)),
            lane.eq(address[:config.line_offset_bits] + step),
        ]
        timer = Signal(range(max(self.patience, RESET_CYCLES) + 1))
        m.d.sync += timer.eq(timer + 1)

        session = Signal(32)
        begins = (request.kind == Kind.HELLO) & (request.address != 0) & (request.address != session)
        in_session = session != 0

        def end_with(status) -> None:
            m.d.sync += response.status.eq(status)
            m.next = "respond"

        with m.FSM():
            with m.State("idle"):
                m.d.comb += next_done.eq(0)
                m.d.sync += [
                    response.dropped.eq(self.dropped),
                    address.eq(request.address),
                    left.eq(request.size),
                    timer.eq(0),
                ]
                with m.If(self.requests.valid):
                    with m.If(begins | (in_session & (request.sequence == (response.sequence + 1)[:8]))):
                        m.d.sync += [
                            response.sequence.eq(request.sequence),
                            response.address.eq(request.address),
                            response.status.eq(0),
                            response.size.eq(0),
                        ]
                        with m.Switch(request.kind):
                            with m.Case(Kind.HELLO):
                                m.d.sync += session.eq(Mux(begins, request.address, session))
                                m.next = "hello"
                            with m.Case(Kind.READ, Kind.WRITE):
                                m.next = "piece"
                            with m.Case(Kind.RESET):
                                m.next = "reset"
                            with m.Default():
                                end_with(Status.KIND)
                    with m.Elif(in_session & (request.sequence == response.sequence)):
                        m.next = "respond"
                    with m.Else():
                        m.d.comb += [self.out_of_turn.eq(1), self.requests.ready.eq(1)]

            with m.State("hello"):
                m.d.comb += [
                    next_done.eq(done + 1),
                    self.response_data.byte.eq(identity_read.data),
                    self.response_data.enable.eq(1),
                ]
                with m.If(done == HELLO_BYTES - 1):
                    m.d.sync += response.size.eq(HELLO_BYTES)
                    m.next = "respond"

            with m.State("reset"):
                m.d.comb += self.mesh_reset.eq(1)
                m.d.sync += [self.edge_i.valid.eq(0), owed.eq(0)]
                with m.If(timer == RESET_CYCLES):
                    m.next = "respond"

            with m.State("piece"):
                m.d.sync += step.eq(0)
                with m.If(left == 0):
                    m.d.sync += response.size.eq(Mux(request.kind == Kind.READ, request.size, 0))
                    m.next = "respond"
                with m.Elif(~owed):
                    m.d.sync += [
                        packet.header.destination.eq(request.node),
                        packet.header.op.eq(Mux(request.kind == Kind.READ, Op.READ, Op.WRITE)),
                        packet.header.address.eq(address),
                        packet.header.size.eq(size),
                    ]
                    with m.If(request.kind == Kind.READ):
                        m.next = "send"
                    with m.Else():
                        m.next = "fill"
                with m.Elif(timer == self.patience):
                    end_with(Status.NO_ANSWER)

            with m.State("fill"):
                m.d.comb += next_done.eq(done + 1)
                m.d.sync += [line.word_select(lane, 8).eq(self.request_data.byte), step.eq(step + 1)]
                with m.If(step == size - 1):
                    m.next = "send"

            with m.State("send"):
                m.d.sync += [self.edge_i.valid.eq(1 << REQUEST), owed.eq(1), step.eq(0), timer.eq(0)]
                m.next = "wait"

            with m.State("wait"):
                with m.If(answered):
                    m.d.sync += line.eq(answer.payload)
                    with m.If(answer.header.op == Op.ERROR):
                        m.d.sync += response.address.eq(report.address)
                        end_with(report.code)
                    with m.Elif(request.kind == Kind.READ):
                        m.next = "drain"
                    with m.Else():
                        m.next = "advance"
                with m.Elif(timer == self.patience):
                    m.d.sync += response.address.eq(address)
                    end_with(Status.NO_ANSWER)

            with m.State("drain"):
                m.d.comb += [
                    next_done.eq(done + 1),
                    self.response_data.byte.eq(line.word_select(lane, 8)),
                    self.response_data.enable.eq(1),
                ]
                m.d.sync += step.eq(step + 1)
                with m.If(step == size - 1):
                    m.next = "advance"

            with m.State("advance"):
                m.d.sync += [address.eq(address + size), left.eq(left - size), timer.eq(0)]
                m.next = "piece"

            with m.State("respond"):
                m.d.comb += self.responses.valid.eq(1)
                with m.If(self.responses.ready):
                    m.d.comb += self.requests.ready.eq(1)
                    m.next = "idle"
        return m
