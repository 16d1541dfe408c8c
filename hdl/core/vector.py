"""The vector unit: FP32 lanes, conversion and broadcast."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import Fp32, maximum_number, to_bf16
from ..arith.fp32 import WIDTH, Adder, Multiplier
from ..arith.round import Rounder, unrounded_layout
from ..config import Config
from ..isa import Vector
from ..verilog import Block
from .result import ResultQueue, vector_result_layout


def request_layout(config: Config) -> data.StructLayout:
    """An operation: vs1 and vs2 in `a` and `b`, the low words of rs1 and rs2 in `x1` and `x2`."""
    return data.StructLayout({
        "function": Vector,
        "thread": config.thread_bits,
        "destination": 5,
        "a": config.vector_bits,
        "b": config.vector_bits,
        "x1": 32,
        "x2": 32,
    })


class VectorLane(wiring.Component):
    """One FP32 lane. Latency 4 cycles for every function: align or multiply; add; count zeros; shift.

    Members
    -------
    function : In(Vector)
    a, b : In(Fp32)
    x : In(32)
        What `Vector.BROADCAST` gives.
    o : Out(32)
        The result; of `Vector.CVT_BF16`, a in BF16 in the low half and b in the high half.
    """

    LATENCY = Adder.LATENCY + 1 + Rounder.LATENCY

    def __init__(self):
        super().__init__({"function": In(Vector), "a": In(Fp32), "b": In(Fp32), "x": In(32), "o": Out(32)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.adder = adder = Adder()
        m.submodules.multiplier = multiplier = Multiplier()
        m.submodules.rounder = rounder = Rounder(width=WIDTH)

        function = [self.function, *(Signal(Vector, reset_less=True) for _ in range(self.LATENCY))]
        for before, after in pairwise(function):
            m.d.sync += after.eq(before)

        # Rounded results.
        unrounded = Signal(unrounded_layout(WIDTH), reset_less=True)
        m.d.comb += [
            adder.a.eq(self.a),
            adder.b.eq(self.b),
            multiplier.a.eq(self.a),
            multiplier.b.eq(self.b),
            rounder.i.eq(unrounded),
        ]
        m.d.sync += unrounded.eq(Mux(function[Adder.LATENCY] == Vector.ADD, adder.o, multiplier.o))

        # The others take one stage and wait for them.
        simple = [Signal(32, reset_less=True) for _ in range(self.LATENCY)]
        with m.Switch(self.function):
            with m.Case(Vector.MAX):
                m.d.sync += simple[0].eq(maximum_number(self.a, self.b))
            with m.Case(Vector.CVT_BF16):
                m.d.sync += simple[0].eq(Cat(to_bf16(self.a), to_bf16(self.b)))
            with m.Default():
                m.d.sync += simple[0].eq(self.x)
        for before, after in pairwise(simple):
            m.d.sync += after.eq(before)

        rounds = (function[-1] == Vector.ADD) | (function[-1] == Vector.MUL)
        m.d.comb += self.o.eq(Mux(rounds, rounder.o, simple[-1]))
        return m


class VectorUnit(wiring.Component):
    """One operation a cycle; its result is offered 5 cycles after the request was taken.

    ``request.ready`` depends on registers alone; it is low only while results that nobody takes fill the queue.

    Parameters
    ----------
    config : Config

    Members
    -------
    request : In(stream of request_layout(config))
    room : Out(1)
        The unit will also take the operation behind the one that it is given in this cycle.
    result : Out(stream of vector_result_layout(config))
        In the order of the requests.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "request": In(stream.Signature(request_layout(config))),
            "result": Out(stream.Signature(vector_result_layout(config))),
            "room": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        request = self.request.payload
        lanes = self.config.lanes

        body = VectorLane()
        words = []
        for index in range(lanes):
            m.submodules[f"lane{index}"] = lane = Block(module="d1_vector_lane", body=body)
            m.d.comb += [
                lane.function.eq(request.function),
                lane.a.eq(request.a.word_select(index, 32)),
                lane.b.eq(request.b.word_select(index, 32)),
                lane.x.eq(request.x1 if index < lanes // 2 else request.x2),
            ]
            words.append(lane.o)

        # The rest of an operation travels beside the lanes.
        entered = data.StructLayout({
            "valid": 1, "convert": 1, "thread": self.config.thread_bits, "destination": 5})
        stages = [Signal(entered, name=f"stage{index}") for index in range(VectorLane.LATENCY + 1)]
        first, last = stages[0], stages[-1]
        m.d.comb += [
            first.valid.eq(self.request.valid & self.request.ready),
            first.convert.eq(request.function == Vector.CVT_BF16),
            first.thread.eq(request.thread),
            first.destination.eq(request.destination),
        ]
        for before, after in pairwise(stages):
            m.d.sync += after.eq(before)

        # A conversion packs the halves that come from vs1 below those that come from vs2.
        halves = [word[:16] for word in words] + [word[16:] for word in words]
        m.submodules.queue = queue = ResultQueue(config=self.config, latency=VectorLane.LATENCY)
        m.d.comb += [
            queue.enter.eq(first.valid),
            self.request.ready.eq(queue.ready),
            self.room.eq(queue.room),
            queue.i.valid.eq(last.valid),
            queue.i.payload.thread.eq(last.thread),
            queue.i.payload.destination.eq(last.destination),
            queue.i.payload.data.eq(Mux(last.convert, Cat(halves), Cat(words))),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.result))
        return m
