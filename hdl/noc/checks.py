"""What packets ask of a node, and whether they may."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import Atomic
from ..memory_map import ErrorCode
from .address import in_control, in_sram
from .packet import PULL_TAG, Coordinate, Header, Op, flit_layout


def checked_layout(config: Config) -> data.StructLayout:
    """A packet, ``error``, which is why it cannot be served, or 0, and what it asks for, nothing if there is an error.

    ``reads`` and ``writes`` a line of the SRAM, or the bytes of ``mask``; ``atomic``; ``control``, an access to the
    control registers; ``posts``. ``answers`` says that it is an answer, whether it has an error or not, since only who
    serves it knows whether somebody waits for it. One that ``writes`` is a pull's, which knows the line.
    """
    return data.StructLayout({
        "header": Header, "payload": config.vector_bits, "error": ErrorCode, "reads": 1, "writes": 1,
        "mask": config.vector_bytes, "atomic": 1, "control": 1, "posts": 1, "answers": 1})


class Checks(wiring.Component):
    """Holds one packet, checked, from the cycle after it was taken; takes the next one when it goes: one a cycle.

    Members
    -------
    position : In(Coordinate)
        Where the node stands.
    i : In(stream)
        Packets.
    o : Out(stream of checked_layout(config))
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "i": In(stream.Signature(flit_layout(config))),
            "o": Out(stream.Signature(checked_layout(config))),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        header = self.i.payload.header

        # What it asks for.
        writes, atomic, answers, pulled = Signal(), Signal(), Signal(), Signal()
        accesses, posts, to_sram, to_control = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            writes.eq((header.op == Op.WRITE) | (header.op == Op.PUT)),
            atomic.eq((header.op == Op.ATOMIC) & (header.signal <= max(Atomic))),
            answers.eq((header.op == Op.DATA) | (header.op == Op.ACK) | (header.op == Op.ERROR)),
            pulled.eq((header.op == Op.DATA) & (header.tag >= PULL_TAG)),
            accesses.eq((header.op == Op.READ) | writes | atomic),
            posts.eq((header.op == Op.SIGNAL) | ((header.op == Op.PUT) & header.signal.any())),
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

        # Hold it.
        ok = error == ErrorCode.NONE
        every_byte = Const((1 << config.vector_bytes) - 1, config.vector_bytes)
        held = Signal(checked_layout(config), reset_less=True)
        m.d.comb += [self.i.ready.eq(~self.o.valid | self.o.ready), self.o.payload.eq(held)]
        with m.If(self.i.ready):
            m.d.sync += [
                self.o.valid.eq(self.i.valid),
                held.header.eq(header),
                held.payload.eq(self.i.payload.payload),
                held.error.eq(error),
                held.reads.eq(ok & (header.op == Op.READ) & to_sram),
                held.writes.eq(ok & ((writes & to_sram) | pulled)),
                held.mask.eq(Mux(pulled, every_byte, (every_byte << offset) & ~(every_byte << end))),
                held.atomic.eq(ok & atomic),
                held.control.eq(ok & to_control),
                held.posts.eq(ok & posts),
                held.answers.eq(answers),
            ]
        return m
