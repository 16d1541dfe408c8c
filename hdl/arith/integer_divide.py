"""Quotients and remainders of integers."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

BITS = 64


class IntegerDivider(wiring.Component):
    """Restoring division on magnitudes, a bit a cycle: done 65 cycles after `start`.

    Division by zero and overflow give RISC-V's values, which fall out of that but for the signs (unprivileged ISA
    20191213, table 7.1).

    Members
    -------
    start : In(1)
        Strobe, while it is not `busy`.
    a, b : In(64), is_signed : In(1)
        Dividend, divisor, and whether they are two's complement.
    busy, done : Out(1)
        It has begun, and not been released; its results are there.
    quotient, remainder : Out(64)
    release : In(1)
        The results are no longer needed.
    """

    def __init__(self):
        super().__init__({
            "start": In(1), "a": In(BITS), "b": In(BITS), "is_signed": In(1), "release": In(1),
            "busy": Out(1), "done": Out(1), "quotient": Out(BITS), "remainder": Out(BITS),
        })

    def elaborate(self, platform):
        m = Module()
        negative_a, negative_b = self.a[-1] & self.is_signed, self.b[-1] & self.is_signed
        negate_quotient, negate_remainder = Signal(), Signal()
        divisor, high, low = (Signal(BITS, name=name, reset_less=True) for name in ("divisor", "high", "low"))
        count = Signal(range(BITS + 1))

        # Shift the dividend's next bit into the remainder and subtract the divisor if it fits.
        shifted = Cat(low[-1], high)
        trial = shifted - divisor
        fits = ~trial[BITS]
        with m.If(self.start):
            m.d.sync += [
                divisor.eq(Mux(negative_b, -self.b, self.b)),
                low.eq(Mux(negative_a, -self.a, self.a)),
                high.eq(0),
                # A remainder has the dividend's sign; a quotient by zero is all ones whatever the signs.
                negate_quotient.eq((negative_a ^ negative_b) & (self.b != 0)),
                negate_remainder.eq(negative_a),
                count.eq(BITS),
                self.busy.eq(1),
            ]
        with m.Elif(count != 0):
            m.d.sync += [
                high.eq(Mux(fits, trial, shifted)),
                low.eq(Cat(fits, low)),
                count.eq(count - 1),
                self.done.eq(count == 1),
            ]
        with m.Elif(self.release):
            m.d.sync += [self.busy.eq(0), self.done.eq(0)]
        m.d.comb += [
            self.quotient.eq(Mux(negate_quotient, -low, low)),
            self.remainder.eq(Mux(negate_remainder, -high, high)),
        ]
        return m
