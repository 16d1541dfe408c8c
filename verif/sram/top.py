"""The SRAM with all of D1's ports side by side in a few wide signals, which benches drive faster than many."""

# pyright: reportAttributeAccessIssue=none

from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.mem.monitor import ErrorStatus
from hdl.mem.port import request_layout
from hdl.mem.repair import INTERVAL_BITS, injection_layout
from hdl.mem.sram import FivePortSram

READERS, WRITERS, LOCKS = FivePortSram.READERS, FivePortSram.WRITERS, FivePortSram.LOCKS
YIELDING = FivePortSram.YIELDING
PORTS = READERS + WRITERS


class SramPorts(wiring.Component):
    """Members are arrays in the order of `PORTS`, or of `READERS`."""

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "valid": In(len(PORTS)),
            "requests": In(data.ArrayLayout(request_layout(config), len(PORTS))),
            "ready": Out(len(PORTS)),
            "answered": Out(len(READERS)),
            "error": Out(len(READERS)),
            "answers": Out(data.ArrayLayout(config.vector_bits, len(READERS))),
            "scrub_interval": In(INTERVAL_BITS),
            "inject": In(1),
            "flaw": In(injection_layout(config)),
            "injected": Out(1),
            "errors": Out(ErrorStatus),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sram = sram = FivePortSram(config=self.config)
        ports = [getattr(sram, name) for name in PORTS]
        for index, port in enumerate(ports):
            m.d.comb += [
                port.request.valid.eq(self.valid[index]),
                port.request.payload.eq(self.requests[index]),
                port.request.payload.write.eq(PORTS[index] in WRITERS),
            ]
        readers = ports[:len(READERS)]
        m.d.comb += [
            self.ready.eq(Cat(port.request.ready for port in ports)),
            self.answered.eq(Cat(port.response.valid for port in readers)),
            self.error.eq(Cat(port.error for port in readers)),
            self.answers.eq(Cat(port.response.payload for port in readers)),
            sram.scrub_interval.eq(self.scrub_interval),
            sram.injection.valid.eq(self.inject),
            sram.injection.payload.eq(self.flaw),
            self.injected.eq(sram.injection.ready),
            self.errors.eq(sram.errors),
        ]
        return m
