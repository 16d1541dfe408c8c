"""From a list descriptor to its lines, one after the other."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..memory_map import GATHER_BYTES, ErrorCode
from .address import in_sram, is_node, line_of
from .list_reader import fetched_layout, list_layout
from .packet import Coordinate
from .reports import Report


def move_layout() -> data.StructLayout:
    """A line to move, between local addresses of this node and of another; or the ``end`` of a list, after its lines.

    ``signal`` and ``done`` are 0, or 1 + a semaphore: to be posted with this line (``last``), or at the end.
    """
    return data.StructLayout({
        "end": 1, "last": 1, "node": Coordinate, "source": 32, "destination": 32, "signal": 6, "done": 6})


class ListWalker(wiring.Component):
    """Gives a move in each cycle, but for two between lists and the fetching of a `gather`'s numbers.

    Parameters
    ----------
    config : Config
    pull : bool
        The source is flat and the destination local, not the other way round.

    Members
    -------
    position : In(Coordinate)
        This node, which a flat address without a node means.
    i : In(stream of list_layout(config))
        Taken with the ``end``.
    refused : Out(1)
        The list that is taken broke a rule.
    fetch : Out(stream), fetched : In(stream)
        Lines of the SRAM to read, and what is in them. Numbers that cannot be read end the list; whoever reads them
        reports it.
    abort : In(1)
        End the list, as if it had broken a rule; somebody else reports it.
    o : Out(stream of move_layout())
    report : Out(stream)
        The list breaks a rule.
    """

    def __init__(self, *, config: Config, pull: bool):
        self.config = config
        self.pull = pull
        super().__init__({
            "position": In(Coordinate),
            "i": In(stream.Signature(list_layout(config))),
            "refused": Out(1),
            "fetch": Out(stream.Signature(config.line_bits)),
            "fetched": In(stream.Signature(fetched_layout(config), always_ready=True)),
            "abort": In(1),
            "o": Out(stream.Signature(move_layout())),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        line_bytes, offset_bits = config.vector_bytes, config.line_offset_bits
        descriptor = self.i.payload.descriptor
        reserved = descriptor.reserved if "reserved" in descriptor.shape().members else Const(0)
        far, near = (descriptor.source, descriptor.destination) if self.pull else (
            descriptor.destination, descriptor.source)

        # The next line: addresses, what takes them from the last line of a row to the next row, lines left in the row,
        # rows left, and the node of a broadcast.
        source, destination, source_step, destination_step, left, rows = (Signal(32, name=name) for name in (
            "source", "destination", "source_step", "destination_step", "left", "rows"))
        is_flat = far[48]
        first_x, first_y = Mux(is_flat, far[32:40], self.position.x), Mux(is_flat, far[40:48], self.position.y)
        x, y = Signal(17), Signal(17)
        far_line, near_line = (source, destination) if self.pull else (destination, source)

        # The next number of a gather, and the line that it stands in, once that has been fetched.
        gather_at, numbers, fetched_numbers = Signal(32), Signal(config.vector_bits), Signal(config.vector_bits)
        number = numbers.word_select(gather_at[2:offset_bits], 8 * GATHER_BYTES)
        gathered = descriptor.source[:32] + (number << offset_bits)
        m.d.comb += numbers.eq(fetched_numbers)

        def refuse(code: ErrorCode, address):
            m.d.comb += [
                self.report.valid.eq(1), self.report.payload.code.eq(code), self.report.payload.address.eq(address)]
            m.d.sync += self.refused.eq(1)
            m.next = "END"

        move = self.o.payload
        row_ends = left == 1
        m.d.comb += [
            move.last.eq(row_ends & (rows == 1)),
            move.node.x.eq(x),
            move.node.y.eq(y),
            move.source.eq(source),
            move.destination.eq(destination),
            move.signal.eq(Mux(self.refused, 0, descriptor.signal)),
            move.done.eq(Mux(descriptor.done > config.semaphores, 0, descriptor.done)),
            self.fetch.payload.eq(line_of(config, gather_at)),
        ]
        with m.FSM():
            with m.State("START"):
                aligned = (descriptor.source, descriptor.destination, descriptor.source_stride,
                           descriptor.destination_stride)
                misaligned = Cat(*(step[:offset_bits] for step in aligned), descriptor.gather[:2]).any()
                broadcasts = (descriptor.more_columns != 0) | (descriptor.more_rows != 0)
                bad_broadcast = broadcasts if self.pull else broadcasts & ~is_flat
                back = (descriptor.lines - 1) << offset_bits
                m.d.sync += [
                    source.eq(descriptor.source),
                    destination.eq(descriptor.destination),
                    source_step.eq(descriptor.source_stride - back),
                    destination_step.eq(descriptor.destination_stride - back),
                    left.eq(descriptor.lines),
                    rows.eq(descriptor.rows),
                    x.eq(first_x),
                    y.eq(first_y),
                    gather_at.eq(descriptor.gather),
                    self.refused.eq(0),
                ]
                with m.If(self.i.valid):
                    m.next = "MOVE"
                    with m.If(misaligned | reserved.any() | (descriptor.lines == 0) | (descriptor.rows == 0)
                              | bad_broadcast):
                        refuse(ErrorCode.DESCRIPTOR, self.i.payload.address)
                    with m.Elif((descriptor.signal > config.semaphores) | (descriptor.done > config.semaphores)):
                        refuse(ErrorCode.SEMAPHORE, self.i.payload.address)
                    with m.Elif(descriptor.gather != 0):
                        m.next = "GATHER"

            with m.State("GATHER"):
                with m.If(~in_sram(config, gather_at)):
                    refuse(ErrorCode.ADDRESS, gather_at)
                with m.Else():
                    m.d.comb += self.fetch.valid.eq(1)
                    with m.If(self.fetch.ready):
                        m.next = "GATHERED"

            with m.State("GATHERED"), m.If(self.fetched.valid):
                m.d.comb += numbers.eq(self.fetched.payload.line)
                m.d.sync += [
                    fetched_numbers.eq(self.fetched.payload.line), source.eq(gathered),
                    gather_at.eq(gather_at + GATHER_BYTES)]
                m.next = "MOVE"
                with m.If(self.fetched.payload.error):
                    m.d.sync += self.refused.eq(1)
                    m.next = "END"

            with m.State("MOVE"):
                with m.If(self.abort):
                    m.d.sync += self.refused.eq(1)
                    m.next = "END"
                with m.Elif(far[49:].any()):
                    refuse(ErrorCode.ADDRESS, far_line)
                with m.Elif(is_flat & ~is_node(config, x, y)):
                    refuse(ErrorCode.DESTINATION, far_line)
                with m.Elif(near[32:].any() | ~in_sram(config, near_line)):
                    refuse(ErrorCode.ADDRESS, near_line)
                with m.Elif((~is_flat & far[32:48].any()) | ~in_sram(config, far_line)):
                    refuse(ErrorCode.ADDRESS, far_line)
                with m.Else():
                    m.d.comb += self.o.valid.eq(1)
                    with m.If(self.o.ready):
                        columns_end = x == first_x + descriptor.more_columns
                        nodes_end = columns_end & (y == first_y + descriptor.more_rows)
                        m.d.sync += [
                            x.eq(Mux(columns_end, first_x, x + 1)),
                            y.eq(Mux(nodes_end, first_y, y + columns_end)),
                        ]
                        with m.If(nodes_end):
                            m.d.sync += [
                                source.eq(source + Mux(row_ends, source_step, line_bytes)),
                                destination.eq(destination + Mux(row_ends, destination_step, line_bytes)),
                                left.eq(Mux(row_ends, descriptor.lines, left - 1)),
                                rows.eq(rows - row_ends),
                            ]
                            with m.If(move.last):
                                m.next = "END"
                            with m.Elif(row_ends & (descriptor.gather != 0)):
                                with m.If(gather_at[:offset_bits] == 0):
                                    m.next = "GATHER"
                                with m.Else():
                                    m.d.sync += [source.eq(gathered), gather_at.eq(gather_at + GATHER_BYTES)]

            with m.State("END"):
                m.d.comb += [move.end.eq(1), self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "START"
        return m
