"""The vector unit: FP32 lanes, conversion and broadcast."""

from itertools import pairwise

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.float_lane import FloatLane
from ..arith.formats import Fp32, to_bf16
from ..arith.operations import FloatOperation
from ..clock_gate import gated_domain
from ..config import Config
from ..isa import Vector
from ..number_formats import Format
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


#: What the float lane does for functions of the vector unit; the others do not need it.
OPERATIONS = {Vector.ADD: FloatOperation.ADD, Vector.MUL: FloatOperation.MUL, Vector.MAX: FloatOperation.MAX}


class VectorLane(wiring.Component):
    """One 32-bit lane. Latency 8 cycles for every function, that of the float lane.

    Members
    -------
    function : In(Vector)
    a, b : In(Fp32)
    x : In(32)
        What `Vector.BROADCAST` gives.
    o : Out(32)
        The result; of `Vector.CVT_BF16`, a in BF16 in the low half and b in the high half.
    """

    LATENCY = FloatLane.LATENCY

    def __init__(self):
        super().__init__({"function": In(Vector), "a": In(Fp32), "b": In(Fp32), "x": In(32), "o": Out(32)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.floats = floats = FloatLane()
        m.d.comb += [floats.format.eq(Format.FP32), floats.a.eq(self.a), floats.b.eq(self.b)]
        with m.Switch(self.function):
            for function, operation in OPERATIONS.items():
                with m.Case(function):
                    m.d.comb += floats.operation.eq(operation)

        # The others take one stage and wait.
        simple = [Signal(32, name=f"simple{stage}", reset_less=True) for stage in range(self.LATENCY)]
        computed = Signal(self.LATENCY, reset_less=True)
        m.d.sync += [
            simple[0].eq(Mux(self.function == Vector.CVT_BF16, Cat(to_bf16(self.a), to_bf16(self.b)), self.x)),
            computed.eq(Cat(self.function.matches(*OPERATIONS), computed)),
        ]
        for before, after in pairwise(simple):
            m.d.sync += after.eq(before)
        m.d.comb += self.o.eq(Mux(computed[-1], floats.o, simple[-1]))
        return m


class VectorUnit(wiring.Component):
    """One operation a cycle; its result is offered 9 cycles after the request was taken.

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
            lane = Block(module="d1_vector_lane", body=body)
            m.submodules[f"lane{index}"] = DomainRenamer("gated")(lane)
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
            m.d.gated += after.eq(before)
        gated_domain(m, enable=Cat(stage.valid for stage in stages).any())

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
