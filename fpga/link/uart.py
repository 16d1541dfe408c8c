"""Bytes on a serial line: 8 data bits, low bit first, no parity, 1 stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

#: Fewest clock cycles of a bit: the receiver still samples in the inner half of each.
MIN_DIVISOR = 4


def check_divisor(divisor: int) -> int:
    """The cycles of a bit, or a ValueError."""
    if type(divisor) is not int or divisor < MIN_DIVISOR:
        raise ValueError(f"a bit takes at least {MIN_DIVISOR} clock cycles, not {divisor!r}")
    return divisor


class Received(data.Struct):
    """A byte from the line; ``broken`` if its stop bit was not there."""

    byte: unsigned(8)
    broken: unsigned(1)


class UartReceiver(wiring.Component):
    """Samples each bit in its middle. A start bit that is gone by its middle was a glitch.

    A byte is given out in the middle of its stop bit, so that the sender's clock may be off by 4 %.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit, 4 or more.

    Members
    -------
    rx : In(1)
        The line; need not be synchronous.
    o : Out(stream), always ready
        `Received` bytes.
    """

    def __init__(self, *, divisor: int):
        self.divisor = check_divisor(divisor)
        super().__init__({
            "rx": In(1, init=1),
            "o": Out(stream.Signature(Received, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, rx, init=1)
        timer, sampled, byte = Signal(range(self.divisor)), Signal(range(10)), Signal(8)
        m.d.comb += self.o.payload.eq(Cat(byte, ~rx))
        with m.FSM():
            with m.State("idle"):
                m.d.sync += [timer.eq(self.divisor // 2 - 1), sampled.eq(0)]
                with m.If(~rx):
                    m.next = "bits"
            with m.State("bits"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self.divisor - 1), sampled.eq(sampled + 1)]
                    with m.If(sampled == 9):
                        m.d.comb += self.o.valid.eq(1)
                        with m.If(rx):
                            m.next = "idle"
                        with m.Else():
                            m.next = "broken"
                    with m.Else():
                        m.d.sync += byte.eq(Cat(byte[1:], rx))
                    with m.If((sampled == 0) & rx):
                        m.next = "idle"
            with m.State("broken"):
                with m.If(rx):
                    m.next = "idle"
        return m


class UartTransmitter(wiring.Component):
    """Sends a byte in 10 bits, one after the other without a gap.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit, 4 or more.

    Members
    -------
    i : In(stream)
        Bytes.
    tx : Out(1)
        The line.
    """

    def __init__(self, *, divisor: int):
        self.divisor = check_divisor(divisor)
        super().__init__({
            "i": In(stream.Signature(8)),
            "tx": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        timer, left, rest = Signal(range(self.divisor)), Signal(range(10)), Signal(9)
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [self.tx.eq(rest[0]), rest.eq(rest[1:]), left.eq(left - 1), timer.eq(self.divisor - 1)]
        with m.Else():
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                stop_bit = Const(1, 1)
                m.d.sync += [self.tx.eq(0), rest.eq(Cat(self.i.payload, stop_bit)), left.eq(9),
                             timer.eq(self.divisor - 1)]
        return m
