"""Integer multiply and divide (RV64M)."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.integer_divide import IntegerDivider
from ..arith.integer_multiply import IntegerMultiplier
from ..config import Config
from ..isa import MulDiv as Function
from ..queue import PassingQueue
from .layouts import scalar_result_layout

#: Operations under way, of which a division counts as all.
PLACES = 2


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


def divides(function):
    """As hardware: a quotient or remainder is asked for."""
    return function[2]


def places(function):
    """As hardware: what an operation takes of `PLACES`."""
    return Mux(divides(function), PLACES, 1)


class MulDiv(wiring.Component):
    """The result of a product can be taken in the cycle after its request, that of a division 65 cycles after it.

    Members
    -------
    request : In(stream)
        Always taken: whoever sends looks at `waiting`.
    result : Out(stream)
    waiting : Out
        Places that operations take, of `PLACES`, until their results leave.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "request": In(stream.Signature(request_layout(config), always_ready=True)),
            "result": Out(stream.Signature(scalar_result_layout(config))),
            "waiting": Out(range(PLACES + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        request = self.request.payload
        function = request.function
        division = divides(function)
        m.submodules.multiplier = multiplier = IntegerMultiplier(hard=config.hard_multipliers)
        m.submodules.divider = divider = IntegerDivider()
        m.submodules.results = results = PassingQueue(shape=scalar_result_layout(config), depth=PLACES)

        # Of words the upper halves count in divisions alone: a product's low half does not hang on them.
        signed_a = (function != Function.MULHU) & (function != Function.DIVU) & (function != Function.REMU)
        signed_b = signed_a & (function != Function.MULHSU)
        whole = [
            Mux(request.word, Cat(value[:32], (value[31] & signed).replicate(32)), value)
            for value, signed in ((request.a, signed_a), (request.b, signed_b))]
        multiplied = Signal()
        m.d.sync += multiplied.eq(self.request.valid & ~division)
        m.d.comb += [
            multiplier.a.eq(request.a),
            multiplier.b.eq(request.b),
            multiplier.signed_a.eq(signed_a),
            multiplier.signed_b.eq(signed_b),
            multiplier.enable.eq(self.request.valid & ~division),
            divider.start.eq(self.request.valid & division),
            divider.a.eq(whole[0]),
            divider.b.eq(whole[1]),
            divider.is_signed.eq(signed_a),
            divider.release.eq(results.i.ready),
        ]

        # What became of them: a division is the last request for as long as it lasts.
        held = Signal(data.StructLayout({
            "thread": config.thread_bits, "destination": 5, "function": Function, "word": 1}), reset_less=True)
        value = Signal(64)
        with m.If(self.request.valid):
            m.d.sync += [held[name].eq(request[name]) for name in held.shape().members]
        with m.Switch(held.function):
            with m.Case(Function.MUL):
                m.d.comb += value.eq(multiplier.product[:64])
            with m.Case(Function.MULH, Function.MULHSU, Function.MULHU):
                m.d.comb += value.eq(multiplier.product[64:])
            with m.Case(Function.DIV, Function.DIVU):
                m.d.comb += value.eq(divider.quotient)
            with m.Default():
                m.d.comb += value.eq(divider.remainder)
        m.d.comb += [
            results.i.valid.eq(multiplied | divider.done),
            results.i.payload.thread.eq(held.thread),
            results.i.payload.destination.eq(held.destination),
            results.i.payload.data.eq(Mux(held.word, Cat(value[:32], value[31].replicate(32)), value)),
            self.waiting.eq(Mux(divider.busy, PLACES, results.level + multiplied)),
        ]
        wiring.connect(m, results.o, wiring.flipped(self.result))
        return m
