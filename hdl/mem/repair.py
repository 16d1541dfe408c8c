"""Repairs: lines that are read, corrected and written back, whoever wants it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config

#: Width of the interval between two steps of the scrubber.
INTERVAL_BITS = 16


def injection_layout(config: Config) -> data.StructLayout:
    """Bits of a stored word to turn over: one, if both are the same. 0 to 63 are its data, 64 to 71 its check bits."""
    return data.StructLayout({
        "line": config.line_bits,
        "word": range(max(2, config.vector_bytes // 8)),
        "first": 7,
        "second": 7,
    })


class Repairs(wiring.Component):
    """Chooses the next line to repair: that of an injection, one in which a reader found an error, or the scrubber's.

    Members
    -------
    interval : In(16)
        The scrubber takes a line every so many cycles, or later if its bank is busy; 0: it rests.
    injection : In(stream)
        Taken when the bits are stored wrong.
    found : In(stream, always ready)
        Lines in which a reader found a single error. One that comes while another one waits is left to the scrubber.
    request : Out(1), line : Out, flawed : Out(1), taken : In(1)
        The repair to be done, and that a bank does it now.
    injected : In(1)
        Strobe: a bank has stored the flaw of ``injection``.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "interval": In(INTERVAL_BITS),
            "injection": In(stream.Signature(injection_layout(config))),
            "found": In(stream.Signature(config.line_bits, always_ready=True)),
            "request": Out(1),
            "line": Out(config.line_bits),
            "flawed": Out(1),
            "taken": In(1),
            "injected": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        injecting = Signal()
        m.d.comb += self.injection.ready.eq(self.injected)
        with m.If(self.injected):
            m.d.sync += injecting.eq(0)

        waiting, found = Signal(), Signal(self.config.line_bits, reset_less=True)
        with m.If(self.found.valid & ~waiting):
            m.d.sync += [waiting.eq(1), found.eq(self.found.payload)]

        due, scrub = Signal(), Signal(self.config.line_bits)
        pause = Signal(INTERVAL_BITS)
        with m.If(pause == 0):
            m.d.sync += [pause.eq(self.interval), due.eq(self.interval.any())]
        with m.Else():
            m.d.sync += pause.eq(pause - 1)

        m.d.comb += self.flawed.eq(self.injection.valid & ~injecting)
        with m.If(self.flawed):
            m.d.comb += [self.request.eq(1), self.line.eq(self.injection.payload.line)]
            with m.If(self.taken):
                m.d.sync += injecting.eq(1)
        with m.Elif(waiting):
            m.d.comb += [self.request.eq(1), self.line.eq(found)]
            with m.If(self.taken):
                m.d.sync += waiting.eq(0)
        with m.Elif(due):
            m.d.comb += [self.request.eq(1), self.line.eq(scrub)]
            with m.If(self.taken):
                m.d.sync += [
                    due.eq(0),
                    scrub.eq(Mux(scrub == self.config.sram_lines - 1, 0, scrub + 1)),
                ]
        return m
