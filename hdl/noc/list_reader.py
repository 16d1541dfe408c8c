"""The descriptors of a list engine: those in its queue, and the chains that begin with them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config, bits_for_count
from ..memory_map import CHAIN_LIMIT, DESCRIPTOR_FIELDS, Descriptor, ErrorCode, descriptor_lines
from ..queue import Queue
from .address import in_sram, line_of
from .reports import Report


def list_layout(config: Config) -> data.StructLayout:
    """A descriptor as it lies in the SRAM, and where; see docs/architecture.md.

    The descriptor has a field ``reserved`` if it has reserved bytes, which depends on the size of a line.
    """
    fields = dict(DESCRIPTOR_FIELDS)
    if reserved := Descriptor.size(config) * 8 - sum(fields.values()):
        fields["reserved"] = reserved
    return data.StructLayout({"address": 32, "descriptor": data.StructLayout(fields)})


def fetched_layout(config: Config) -> data.StructLayout:
    """A line of the SRAM that a list engine has asked for; of one with an ``error`` nothing may be used."""
    return data.StructLayout({"line": config.vector_bits, "error": 1})


class ListReader(wiring.Component):
    """Fetches one descriptor after the other, line by line. A chain ends at one that cannot be read.

    Members
    -------
    push : In(stream)
        Addresses of first descriptors, which must be whole lines of the SRAM.
    fetch : Out(stream), fetched : In(stream)
        Lines of the SRAM to read, and what is in them. Whoever reads them reports errors.
    o : Out(stream of list_layout(config))
        A descriptor; the next one is fetched after it has been taken.
    refused : In(1)
        With the descriptor that is taken: its chain ends here.
    report : Out(stream)
        A chain that cannot go on.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "push": In(stream.Signature(32)),
            "fetch": Out(stream.Signature(config.line_bits)),
            "fetched": In(stream.Signature(fetched_layout(config), always_ready=True)),
            "o": Out(stream.Signature(list_layout(config))),
            "refused": In(1),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.queue = queue = Queue(shape=32, depth=config.list_queue)
        wiring.connect(m, wiring.flipped(self.push), queue.i)

        address, descriptor = Signal(32), Signal(list_layout(config)["descriptor"].shape)
        last_piece = descriptor_lines(config) - 1
        piece = Signal(bits_for_count(last_piece + 1))  # lines of the descriptor that are there
        length = Signal(range(CHAIN_LIMIT + 1))  # descriptors of the chain, with this one
        following = descriptor.next
        misplaced = following[:config.line_offset_bits].any() | ~in_sram(config, following) | ~in_sram(
            config, following + (Descriptor.size(config) - 1))
        m.d.comb += [
            self.fetch.payload.eq(line_of(config, address) + piece),
            self.o.payload.address.eq(address),
            self.o.payload.descriptor.eq(descriptor),
            self.report.payload.address.eq(following),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += queue.o.ready.eq(1)
                with m.If(queue.o.valid):
                    m.d.sync += [address.eq(queue.o.payload), length.eq(1)]
                    m.next = "FETCH"

            with m.State("FETCH"):
                m.d.comb += self.fetch.valid.eq(1)
                with m.If(self.fetch.ready):
                    m.next = "RECEIVE"

            with m.State("RECEIVE"), m.If(self.fetched.valid):
                m.d.sync += [
                    descriptor.eq(Cat(descriptor.as_value(), self.fetched.payload.line)[config.vector_bits:]),
                    piece.eq(Mux(piece == last_piece, 0, piece + 1)),
                ]
                m.next = "FETCH"
                with m.If(piece == last_piece):
                    m.next = "OFFER"
                with m.If(self.fetched.payload.error):
                    m.d.sync += piece.eq(0)
                    m.next = "IDLE"

            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
                    with m.If(~self.refused & (following != 0)):
                        with m.If(misplaced):
                            m.d.comb += [self.report.valid.eq(1), self.report.payload.code.eq(ErrorCode.ADDRESS)]
                        with m.Elif(length == CHAIN_LIMIT):
                            m.d.comb += [self.report.valid.eq(1), self.report.payload.code.eq(ErrorCode.CHAIN)]
                        with m.Else():
                            m.d.sync += [address.eq(following), length.eq(length + 1)]
                            m.next = "FETCH"
        return m
