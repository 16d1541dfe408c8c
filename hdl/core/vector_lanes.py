"""The lanes of the vector unit that compute: for each kind a row of blocks behind a clock gate of its own."""

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.estimate import Estimator
from ..arith.float_lane import FloatLane, FloatUnit
from ..arith.formats import Fp32
from ..arith.integer_lane import IntegerLane
from ..clock_gate import gated_domain
from ..config import Config
from ..number_formats import FORMAT_BITS
from ..verilog import Block

#: Bits of a lane.
LANE = 32

FUNCTION_BITS = 5


def words(config: Config, register) -> list:
    """The lanes of a register."""
    return [register.word_select(lane, LANE) for lane in range(config.lanes)]


def gated_lanes(m: Module, *, valid, latency: int):
    """Make the domain ``gated``, which ticks while an operation is under way; return what places a block in it."""
    under_way = Signal(latency)
    m.d.sync += under_way.eq(Cat(valid, under_way))
    gated_domain(m, enable=valid | under_way.any())
    return DomainRenamer("gated")


def kept(m: Module, value, *, name: str) -> Signal:
    """The value in the next cycle."""
    signal = Signal.like(value, name=name, reset_less=True)
    m.d.gated += signal.eq(value)
    return signal


class FloatLanes(wiring.Component):
    """Float operations, of FP32 alone if the configuration has no BF16 lanes.

    The first words of the registers go through the lanes at once, those behind them in the cycles behind. An operation
    comes every `Config.vector_interval` cycles at most, and the whole result leaves with its last words, `latency`
    cycles after the operation came: 8, and 1 less than the interval.

    Members
    -------
    valid : In(1)
        An operation comes.
    function : In(FloatOperation), number : In(4)
        What to do with what: a `Format` code.
    a, b, c : In, o : Out
        Vector registers.
    """

    def __init__(self, *, config: Config):
        self.config = config
        self.latency = FloatLane.LATENCY + config.vector_interval - 1
        register = config.vector_bits
        super().__init__({
            "valid": In(1), "function": In(FUNCTION_BITS), "number": In(FORMAT_BITS),
            "a": In(register), "b": In(register), "c": In(register), "o": Out(register),
        })

    def elaborate(self, platform):
        m = Module()
        both = self.config.bf16_lanes
        gated = gated_lanes(m, valid=self.valid, latency=self.latency)
        hard = self.config.hard_multipliers
        body = FloatLane(hard_multipliers=hard) if both else FloatUnit(format=Fp32, hard_multipliers=hard)
        width = self.config.float_lanes * LANE
        function, number, a, b, c = self.function, self.number, self.a, self.b, self.c
        if self.config.vector_interval > 1:
            function, number = self._in_turn(m, function, 0), self._in_turn(m, number, 0)
            a, b, c = (self._in_turn(m, register, width) for register in (a, b, c))
            earlier = Signal(len(self.o) - width, reset_less=True)
            m.d.gated += earlier.eq(self.o[width:])
            m.d.comb += self.o[:-width].eq(earlier)
        for index in range(self.config.float_lanes):
            lane = Block(module="d1_float_lane", body=body)
            m.submodules[f"lane{index}"] = gated(lane)
            m.d.comb += [
                lane.operation.eq(function),
                *([lane.format.eq(number)] if both else []),
                lane.a.eq(a.word_select(index, LANE)),
                lane.b.eq(b.word_select(index, LANE)),
                lane.c.eq(c.word_select(index, LANE)),
                self.o[-width:].word_select(index, LANE).eq(lane.o),
            ]
        return m

    def _in_turn(self, m: Module, given: Signal, width: int) -> Signal:
        """What an operation comes with, and in the cycles behind it the same, shifted by so many bits each time."""
        now = Signal(len(given), name=f"{given.name}_now")
        later = Signal(len(given) - width, name=f"{given.name}_later", reset_less=True)
        m.d.comb += now.eq(Mux(self.valid, given, later))
        m.d.gated += later.eq(now[width:])
        return now


class IntegerLanes(wiring.Component):
    """Integer operations. Latency 4 cycles: keep the operands; the lanes.

    Members are those of `FloatLanes`, without ``c``; the function is an `IntegerOperation`.
    """

    LATENCY = 1 + IntegerLane.LATENCY

    def __init__(self, *, config: Config):
        self.config = config
        register = config.vector_bits
        super().__init__({
            "valid": In(1), "function": In(FUNCTION_BITS), "number": In(FORMAT_BITS),
            "a": In(register), "b": In(register), "o": Out(register),
        })

    def elaborate(self, platform):
        m = Module()
        gated = gated_lanes(m, valid=self.valid, latency=self.LATENCY)
        function, number = kept(m, self.function, name="operation"), kept(m, self.number, name="format")
        a, b = kept(m, self.a, name="operand_a"), kept(m, self.b, name="operand_b")
        body = IntegerLane()
        for index in range(self.config.lanes):
            lane = Block(module="d1_integer_lane", body=body)
            m.submodules[f"lane{index}"] = gated(lane)
            m.d.comb += [
                lane.operation.eq(function),
                lane.format.eq(number),
                lane.a.eq(a.word_select(index, LANE)),
                lane.b.eq(b.word_select(index, LANE)),
                self.o.word_select(index, LANE).eq(lane.o),
            ]
        return m


class EstimateLanes(wiring.Component):
    """Estimates in FP32. Latency 16 cycles: keep the operand; the lanes.

    Members
    -------
    valid : In(1)
        An operation comes.
    function : In(EstimateOperation)
    a : In, o : Out
        Vector registers.
    """

    LATENCY = 1 + Estimator.LATENCY

    def __init__(self, *, config: Config):
        self.config = config
        register = config.vector_bits
        super().__init__({"valid": In(1), "function": In(FUNCTION_BITS), "a": In(register), "o": Out(register)})

    def elaborate(self, platform):
        m = Module()
        gated = gated_lanes(m, valid=self.valid, latency=self.LATENCY)
        function, a = kept(m, self.function, name="operation"), kept(m, self.a, name="operand_a")
        body = Estimator()
        for index in range(self.config.lanes):
            lane = Block(module="d1_estimator", body=body)
            m.submodules[f"lane{index}"] = gated(lane)
            m.d.comb += [
                lane.operation.eq(function),
                lane.x.eq(a.word_select(index, LANE)),
                self.o.word_select(index, LANE).eq(lane.o),
            ]
        return m
