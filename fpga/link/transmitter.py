"""Bytes of a frame from a response."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc import Processor
from amaranth.lib.wiring import In, Out

from .buffer import INDEX_BITS, Reader
from .frame import CRC, CRC_BYTES, END, ESC, ESC_END, ESC_ESC, HEADER_BYTES, Response


class FrameTransmitter(wiring.Component):
    """Sends a response as a frame: header, data and CRC, all of it stuffed, between ENDs.

    Members
    -------
    i : In(stream)
        Header of a response; it is taken with the last byte of its frame.
    content : Out(Reader)
        From the buffer with the data.
    o : Out(stream)
        Bytes for the line.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(Response)),
            "content": Out(Reader),
            "o": Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()
        crc: Any = Processor(CRC)  # amaranth-stubs does not know it
        m.submodules.crc = crc
        header = self.i.payload.as_value()
        # `index` is that of `byte` in its part of the frame; the buffer is asked for the one that comes next.
        index, next_index = Signal(INDEX_BITS), Signal(INDEX_BITS)
        offered, is_end, byte, sent = Signal(), Signal(), Signal(8), Signal()
        m.d.comb += [next_index.eq(index), self.content.index.eq(next_index), crc.data.eq(byte)]
        m.d.sync += index.eq(next_index)

        def go_on(*, last: int, then: str) -> None:
            """The bytes of a part follow each other, and then the next part."""
            with m.If(sent):
                m.d.comb += next_index.eq(index + 1)
                with m.If(index == last):
                    m.d.comb += next_index.eq(0)
                    m.next = then

        with m.FSM():
            with m.State("begin"):
                m.d.comb += [offered.eq(self.i.valid), is_end.eq(1), crc.start.eq(1)]
                go_on(last=0, then="header")
            with m.State("header"):
                m.d.comb += [offered.eq(1), byte.eq(header.word_select(index[:4], 8)), crc.valid.eq(sent)]
                go_on(last=HEADER_BYTES - 1, then="data")
            with m.State("data"):
                m.d.comb += [offered.eq(index != self.i.payload.size), byte.eq(self.content.byte), crc.valid.eq(sent)]
                with m.If(sent):
                    m.d.comb += next_index.eq(index + 1)
                with m.If(~offered):
                    m.d.comb += next_index.eq(0)
                    m.next = "crc"
            with m.State("crc"):
                m.d.comb += [offered.eq(1), byte.eq(crc.crc.word_select(index[:2], 8))]
                go_on(last=CRC_BYTES - 1, then="end")
            with m.State("end"):
                m.d.comb += [offered.eq(1), is_end.eq(1), self.i.ready.eq(sent)]
                go_on(last=0, then="begin")

        # A byte that would mean something else is sent as two.
        special, second = Signal(), Signal()
        m.d.comb += [
            special.eq(~is_end & ((byte == END) | (byte == ESC))),
            self.o.valid.eq(offered),
            sent.eq(offered & self.o.ready & (~special | second)),
        ]
        with m.If(offered & self.o.ready):
            m.d.sync += second.eq(special & ~second)
        with m.If(is_end):
            m.d.comb += self.o.payload.eq(END)
        with m.Elif(~special):
            m.d.comb += self.o.payload.eq(byte)
        with m.Elif(~second):
            m.d.comb += self.o.payload.eq(ESC)
        with m.Else():
            m.d.comb += self.o.payload.eq(Mux(byte == END, ESC_END, ESC_ESC))
        return m
