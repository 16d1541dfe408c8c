"""The list engine: bulk transfers that run beside the threads."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config, bits_for_count
from ..memory_map import ErrorCode
from ..queue import Queue
from .address import in_sram, is_node, line_of
from .egress import Kind, command_layout
from .packet import Coordinate, Op
from .reports import Report

#: Bytes of a descriptor that have to be fetched at least; a fetch is whole lines.
DESCRIPTOR_BYTES = 48


def descriptor_lines(config: Config) -> int:
    """Lines that a descriptor takes."""
    return -(-DESCRIPTOR_BYTES // config.vector_bytes)


def descriptor_layout(config: Config) -> data.StructLayout:
    """A descriptor as it lies in the SRAM; see docs/architecture.md."""
    fields = {"source": 64, "destination": 64, "lines": 32, "rows": 32, "source_stride": 32, "destination_stride": 32,
              "signal": 16, "done": 16}
    return data.StructLayout({
        **fields, "reserved": descriptor_lines(config) * config.vector_bits - sum(fields.values())})


class ListEngine(wiring.Component):
    """Works through descriptors in order: makes the commands that send each line, one a cycle, and at the end a DONE.

    A descriptor is fetched by commands, too, so it is read after the lines before it.

    Members
    -------
    position : In(Coordinate)
        Where the node stands; a destination without a node means this one.
    push : In(stream)
        Addresses of descriptors, which must be whole lines of the SRAM.
    commands : Out(stream)
        For the egress, see `hdl.noc.egress.command_layout`.
    fetched : In(stream)
        The lines of FETCH commands.
    report : Out(stream)
        Descriptors that were refused, with the address of the line that breaks a rule or, if the descriptor itself
        does, the descriptor's.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "push": In(stream.Signature(32)),
            "commands": Out(stream.Signature(command_layout(config))),
            "fetched": In(stream.Signature(config.vector_bits, always_ready=True)),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        line_bytes = config.vector_bytes
        m.submodules.queue = queue = Queue(shape=32, depth=config.list_queue)
        wiring.connect(m, wiring.flipped(self.push), queue.i)

        # While lines move, source and destination are those of the next line, and the strides are what takes them from
        # the last line of a row to the first of the next.
        descriptor = Signal(descriptor_layout(config))
        last_piece = descriptor_lines(config) - 1
        piece = Signal(bits_for_count(last_piece + 1))  # lines of the descriptor that are there
        left = Signal(32)  # lines of the row that have not moved yet

        def refuse(code: ErrorCode, address):
            m.d.comb += [
                self.report.valid.eq(1), self.report.payload.code.eq(code), self.report.payload.address.eq(address)]

        command = self.commands.payload
        source, destination = descriptor.source[:32], descriptor.destination[:32]
        is_global = descriptor.destination[48]
        with m.FSM():
            with m.State("FETCH"):
                m.d.comb += [
                    command.kind.eq(Kind.FETCH),
                    command.line.eq(line_of(config, queue.o.payload) + piece),
                    self.commands.valid.eq(queue.o.valid),
                ]
                with m.If(self.commands.valid & self.commands.ready):
                    m.next = "RECEIVE"

            with m.State("RECEIVE"), m.If(self.fetched.valid):
                m.d.sync += [
                    descriptor.eq(Cat(descriptor.as_value(), self.fetched.payload)[config.vector_bits:]),
                    piece.eq(Mux(piece == last_piece, 0, piece + 1)),
                ]
                m.next = "FETCH"
                with m.If(piece == last_piece):
                    m.next = "CHECK"

            with m.State("CHECK"):
                steps = (source, destination, descriptor.source_stride, descriptor.destination_stride)
                misaligned = Cat(step[:config.line_offset_bits] for step in steps).any()
                back = (descriptor.lines - 1) << config.line_offset_bits
                m.d.sync += [
                    left.eq(descriptor.lines),
                    descriptor.source_stride.eq(descriptor.source_stride - back),
                    descriptor.destination_stride.eq(descriptor.destination_stride - back),
                ]
                m.next = "MOVE"
                with m.If(misaligned | descriptor.reserved.any() | (descriptor.lines == 0) | (descriptor.rows == 0)):
                    refuse(ErrorCode.DESCRIPTOR, queue.o.payload)
                    m.next = "FINISH"
                with m.Elif((descriptor.signal > config.semaphores) | (descriptor.done > config.semaphores)):
                    refuse(ErrorCode.SEMAPHORE, queue.o.payload)
                    m.next = "FINISH"

            with m.State("MOVE"):
                x, y = descriptor.destination[32:40], descriptor.destination[40:48]
                row_ends = left == 1
                ends = row_ends & (descriptor.rows == 1)
                with m.If(descriptor.destination[49:].any()):
                    refuse(ErrorCode.ADDRESS, destination)
                with m.Elif(is_global & ~is_node(config, x, y)):
                    refuse(ErrorCode.DESTINATION, destination)
                with m.Elif(descriptor.source[32:].any() | ~in_sram(config, source)):
                    refuse(ErrorCode.ADDRESS, source)
                with m.Elif((~is_global & Cat(x, y).any()) | ~in_sram(config, destination)):
                    refuse(ErrorCode.ADDRESS, destination)
                with m.Else():
                    m.d.comb += self.commands.valid.eq(1)

                m.d.comb += [
                    command.kind.eq(Kind.LINE),
                    command.line.eq(line_of(config, source)),
                    command.header.destination.eq(self.position),
                    command.header.op.eq(Op.PUT),
                    command.header.size.eq(line_bytes),
                    command.header.address.eq(destination),
                    command.header.signal.eq(Mux(ends, descriptor.signal, 0)),
                ]
                with m.If(is_global):
                    m.d.comb += [command.header.destination.x.eq(x), command.header.destination.y.eq(y)]

                with m.If(self.commands.ready):
                    m.d.sync += [
                        source.eq(source + Mux(row_ends, descriptor.source_stride, line_bytes)),
                        destination.eq(destination + Mux(row_ends, descriptor.destination_stride, line_bytes)),
                        left.eq(Mux(row_ends, descriptor.lines, left - 1)),
                        descriptor.rows.eq(descriptor.rows - row_ends),
                    ]
                with m.If(self.report.valid | (self.commands.ready & ends)):
                    m.next = "FINISH"

            with m.State("FINISH"):
                posts = (descriptor.done != 0) & (descriptor.done <= config.semaphores)
                m.d.comb += [
                    command.kind.eq(Kind.DONE),
                    command.header.signal.eq(descriptor.done),
                    self.commands.valid.eq(posts),
                ]
                with m.If(self.commands.ready | ~posts):
                    m.d.comb += queue.o.ready.eq(1)
                    m.next = "FETCH"
        return m
