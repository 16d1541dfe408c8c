"""A stand-in for a tile, small enough to be built into a bitstream in a minute: it sends back what it gets."""

# pyright: reportAttributeAccessIssue=none

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fpga.link.uart import UartReceiver, UartTransmitter


class Echo(wiring.Component):
    def __init__(self, *, divisor: int):
        self.divisor = divisor
        super().__init__({
            "rx": In(1), "tx": Out(1), "heartbeat": Out(1), "link": Out(1), "error": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self.divisor)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            transmitter.i.payload.eq(receiver.o.payload.byte),
            transmitter.i.valid.eq(receiver.o.valid),
            self.heartbeat.eq(1),
            self.link.eq(transmitter.i.ready),
            self.error.eq(receiver.o.payload.broken),
        ]
        return m
