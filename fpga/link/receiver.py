"""Frames from bytes: only whole and good ones come out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc import Processor
from amaranth.lib.wiring import In, Out

from .buffer import Writer
from .frame import CRC, CRC_BYTES, END, ESC, ESC_END, ESC_ESC, HEADER_BYTES, MAX_DATA, Kind, Request
from .uart import Received


class FrameReceiver(wiring.Component):
    """Collects a frame and offers it if it is good; see docs/board.md.

    A frame is offered 1 cycle after its END, and nothing of it changes until it is taken. What comes meanwhile is
    dropped. Between two bytes there must be a cycle at least, as there is on a serial line.

    Members
    -------
    i : In(stream), always ready
        `Received` bytes.
    o : Out(stream)
        Headers of good requests. Their data are what was written to ``content``.
    content : Out(Writer)
        To the buffer of the data.
    dropped : Out(1)
        A frame is dropped in this cycle.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(Received, always_ready=True)),
            "o": Out(stream.Signature(Request)),
            "content": Out(Writer),
            "dropped": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        most = HEADER_BYTES + MAX_DATA + CRC_BYTES
        count = Signal(range(most + 1))
        bad, escaped = Signal(), Signal()
        header = Signal(Request)
        m.submodules.crc = crc = Processor(CRC)

        # Bytes as they were before they were stuffed.
        came, byte = Signal(), Signal(8)
        m.d.comb += byte.eq(self.i.payload.byte)
        with m.If(self.i.valid & (self.i.payload.broken | (self.i.payload.byte != END))):
            m.d.sync += escaped.eq(0)
            with m.If(self.i.payload.broken | self.o.valid):
                m.d.sync += bad.eq(1)
            with m.Elif(escaped):
                with m.Switch(self.i.payload.byte):
                    with m.Case(ESC_END):
                        m.d.comb += [came.eq(1), byte.eq(END)]
                    with m.Case(ESC_ESC):
                        m.d.comb += [came.eq(1), byte.eq(ESC)]
                    with m.Default():
                        m.d.sync += bad.eq(1)
            with m.Elif(self.i.payload.byte == ESC):
                m.d.sync += escaped.eq(1)
            with m.Else():
                m.d.comb += came.eq(1)

        # The first bytes are the header, the others go to the buffer.
        m.d.comb += [
            crc.data.eq(byte),
            crc.valid.eq(came),
            self.content.index.eq(count - HEADER_BYTES),
            self.content.byte.eq(byte),
        ]
        with m.If(came):
            with m.If(count == most):
                m.d.sync += bad.eq(1)
            with m.Else():
                m.d.sync += count.eq(count + 1)
            with m.If(count < HEADER_BYTES):
                m.d.sync += header.eq(Cat(header.as_value()[8:], byte))
            with m.Else():
                m.d.comb += self.content.enable.eq(count != most)

        # The end of a frame.
        size = Mux(header.kind == Kind.WRITE, header.size, 0)
        good = Signal()
        m.d.comb += [
            good.eq(~bad & ~escaped & crc.match_detected & (count == HEADER_BYTES + CRC_BYTES + size)
                    & (header.size <= MAX_DATA) & (header.reserved == 0)),
            self.o.payload.eq(header),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & ~self.i.payload.broken & (self.i.payload.byte == END)):
            m.d.comb += crc.start.eq(1)
            m.d.sync += [count.eq(0), bad.eq(0), escaped.eq(0)]
            with m.If(good):
                m.d.sync += self.o.valid.eq(1)
            with m.Else():
                m.d.comb += self.dropped.eq(bad | escaped | (count != 0))
        return m
