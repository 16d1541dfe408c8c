"""Integer multiply and divide (RV64M)."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import MulDiv as Function
from .layouts import scalar_result_layout

#: Multiplier bits taken each cycle.
MULTIPLY_STEP = 16


def request_layout(config: Config) -> data.StructLayout:
    """What is to be computed, and where the result goes."""
    return data.StructLayout({
        "thread": config.thread_bits,
        "destination": 5,
        "function": Function,
        "word": 1,
        "a": 64,
        "b": 64,
    })


class MulDiv(wiring.Component):
    """One operation at a time, on magnitudes: a quotient or remainder takes 66 cycles, a product 6, or less.

    A product whose first operand fits in 16 bits, sign included, takes 3 cycles, in 32 bits 4.

    Division by zero and overflow give RISC-V's values, which fall out of the restoring algorithm but for the signs.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "request": In(stream.Signature(request_layout(config))),
            "result": Out(stream.Signature(scalar_result_layout(config))),
        })

    def elaborate(self, platform):
        m = Module()
        request = self.request.payload
        function = request.function

        # Operands: sign- or zero-extended words, then magnitudes.
        signed_a = (function != Function.MULHU) & (function != Function.DIVU) & (function != Function.REMU)
        signed_b = signed_a & (function != Function.MULHSU)
        divides = function[2]

        def extend(value, signed):
            return Mux(request.word, Cat(value[:32], (value[31] & signed).replicate(32)), value)

        a, b = extend(request.a, signed_a), extend(request.b, signed_b)
        negative_a, negative_b = a[63] & signed_a, b[63] & signed_b

        # Steps of a product: those of the first operand's upper bits that only repeat the sign are left out.
        most = 64 // MULTIPLY_STEP
        steps = Signal(range(most + 1), init=most)
        needed = Signal.like(steps)
        m.d.comb += needed.eq(most)
        for fewer in (2, 1):
            with m.If(a[fewer * MULTIPLY_STEP - 1:] == negative_a.replicate(65 - fewer * MULTIPLY_STEP)):
                m.d.comb += needed.eq(fewer)

        operation = Signal(request_layout(self.config))
        negate = Signal()  # the result
        divisor = Signal(64)
        high, low = Signal(64), Signal(64)  # the product, or the remainder and the quotient
        count = Signal(range(65))
        done = Signal()  # of a register of its own, since what waits for the result hangs on it
        step = MULTIPLY_STEP
        partial = high + divisor * low[:step]
        trial = Cat(low[63], high) - divisor
        m.d.comb += self.result.valid.eq(done)

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.request.ready.eq(1)
                with m.If(self.request.valid):
                    m.d.sync += [
                        operation.eq(request),
                        divisor.eq(Mux(negative_b, -b, b)),
                        low.eq(Mux(negative_a, -a, a)),
                        high.eq(0),
                        steps.eq(Mux(divides, most, needed)),
                        count.eq(Mux(divides, 64, needed)),
                        # A remainder has the dividend's sign; a quotient by zero is all ones whatever the signs.
                        negate.eq(Mux(function[1] & divides, negative_a,
                                      (negative_a ^ negative_b) & ~(divides & (b == 0)))),
                    ]
                    m.next = "DIVIDE"
                    with m.If(~divides):
                        m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.sync += [Cat(low, high).eq(Cat(low[step:], partial)), count.eq(count - 1)]
                with m.If(count == 1):
                    m.d.sync += done.eq(1)
                    m.next = "DONE"
            with m.State("DIVIDE"):
                # Shift the dividend's next bit into the remainder and subtract the divisor if it fits.
                fits = ~trial[64]
                m.d.sync += [
                    high.eq(Mux(fits, trial[:64], Cat(low[63], high[:63]))),
                    low.eq(Cat(fits, low[:63])),
                    count.eq(count - 1),
                ]
                with m.If(count == 1):
                    m.d.sync += done.eq(1)
                    m.next = "DONE"
            with m.State("DONE"):
                both = Signal(128)
                m.d.comb += both.eq(Cat(low, high))
                with m.Switch(steps):
                    for fewer in (1, 2):
                        with m.Case(fewer):
                            m.d.comb += both.eq(Cat(low, high) >> 64 - fewer * MULTIPLY_STEP)
                product = Mux(negate, -both, both)[:128]
                quotient, remainder = Mux(negate, -low, low)[:64], Mux(negate, -high, high)[:64]
                value = Signal(64)
                with m.Switch(operation.function):
                    with m.Case(Function.MUL):
                        m.d.comb += value.eq(product[:64])
                    with m.Case(Function.MULH, Function.MULHSU, Function.MULHU):
                        m.d.comb += value.eq(product[64:])
                    with m.Case(Function.DIV, Function.DIVU):
                        m.d.comb += value.eq(quotient)
                    with m.Default():
                        m.d.comb += value.eq(remainder)
                m.d.comb += [
                    self.result.payload.thread.eq(operation.thread),
                    self.result.payload.destination.eq(operation.destination),
                    self.result.payload.data.eq(
                        Mux(operation.word, Cat(value[:32], value[31].replicate(32)), value)),
                ]
                with m.If(self.result.ready):
                    m.d.sync += done.eq(0)
                    m.next = "IDLE"
        return m
