"""The vector unit: float, integer and conversion lanes, estimates, and moves between lanes."""

from itertools import pairwise

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import Fp32, to_bf16
from ..clock_gate import gated_domain
from ..config import Config
from ..isa import Move, Vector
from ..number_formats import FORMAT_BITS, Format, Rounding
from .result import ResultQueue, vector_result_layout
from .vector_conversion import Conversion, ConversionLanes, Generators
from .vector_lanes import FUNCTION_BITS, LANE, EstimateLanes, FloatLanes, IntegerLanes, words

#: Transposes: bits of a number; whether a matrix that is not square is higher than wide.
_TRANSPOSES = {Move.TRANSPOSE_BYTES: (8, True), Move.TRANSPOSE_HALVES: (16, True),
               Move.TRANSPOSE_HALVES_BACK: (16, False), Move.TRANSPOSE_WORDS: (32, True)}


def request_layout(config: Config) -> data.StructLayout:
    """An operation: vs1, vs2 and the old vd in `a`, `b` and `c`, the low words of rs1 and rs2 in `x1` and `x2`.

    If it ``reduces``, it is applied to all numbers of vs1. `mask` is a predicate, for `Move.MERGE`.
    """
    return data.StructLayout({
        "lanes": Vector,
        "function": FUNCTION_BITS,
        "number": FORMAT_BITS,
        "thread": config.thread_bits,
        "destination": 5,
        "a": config.vector_bits,
        "b": config.vector_bits,
        "c": config.vector_bits,
        "x1": LANE,
        "x2": LANE,
        "quarter": 2,
        "reduces": 1,
        "mask": config.vector_bytes,
        "conversion": Conversion,
    })


def _goes_on(stage):
    """As hardware: this is a reduction whose neighbours, numbers of the smallest distance, have not been joined yet."""
    nearest = Mux(stage.number.matches(Format.FP32, Format.INT32), 2, Mux(stage.number == Format.INT8, 0, 1))
    return stage.valid & stage.reduces & (stage.distance != nearest)


def _exchanged(register, distance):
    """Bytes whose numbers differ in the bit `distance` alone in each other's place."""
    size = len(register) // 8
    return Array(Cat(register.word_select(byte ^ 1 << bit, 8) for byte in range(size))
                 for bit in range((size - 1).bit_length()))[distance]


def _transposed(register, *, bits: int, tall: bool):
    """A matrix of numbers of so many bits, row by row, transposed: square or, if it cannot be, `tall` or wide."""
    count = len(register) // bits
    short = 1 << (count.bit_length() - 1) // 2
    rows, columns = (count // short, short) if tall else (short, count // short)
    return Cat(register.word_select(row * columns + column, bits) for column in range(columns) for row in range(rows))


class VectorUnit(wiring.Component):
    """One operation every `Config.vector_interval` cycles.

    Results are offered `latency` + 1 cycles after the request was taken and in the order of the requests; those of
    estimates, among themselves, 17 cycles after. A reduction takes `latency` cycles for each halving and 1 more.
    ``request.ready`` depends on registers alone; besides between operations it is low only while a reduction goes
    through the lanes again, as long as an operation each time, and while results that nobody takes fill a queue.

    Parameters
    ----------
    config : Config
        No operation comes for lanes that it does not have.

    Members
    -------
    request : In(stream of request_layout(config))
    room : Out(1)
        The unit will also take the operation behind the one that it is given in this cycle; if operations are more
        than a cycle apart, one in the next cycle unless it is given one in this.
    result, estimate : Out(stream of vector_result_layout(config))
    """

    #: Cycles from an estimate's request to its result at the queue.
    ESTIMATE_LATENCY = EstimateLanes.LATENCY

    def __init__(self, *, config: Config):
        self.config = config
        self.floats = FloatLanes(config=config)
        #: The same of all others: 8, and 1 less than the interval.
        self.latency = self.floats.latency
        results = stream.Signature(vector_result_layout(config))
        super().__init__({
            "request": In(stream.Signature(request_layout(config))),
            "room": Out(1),
            "result": Out(results),
            "estimate": Out(results),
        })

    def elaborate(self, platform):
        m = Module()
        config, request, interval = self.config, self.request.payload, self.config.vector_interval
        taken, estimates = self.request.valid & self.request.ready, request.lanes == Vector.ESTIMATE
        converts = (request.lanes == Vector.MOVE) & (request.function == Move.CONVERT)

        # What goes along with an operation. A reduction that has not come to an end goes through the lanes once more.
        entry = data.StructLayout({
            "valid": 1, "lanes": Vector, "function": FUNCTION_BITS, "number": FORMAT_BITS, "converts": 1,
            "reduces": 1, "distance": range(config.line_offset_bits), "thread": config.thread_bits, "destination": 5})
        stages = [Signal(entry, name=f"stage{index}") for index in range(self.latency + 1)]
        first, last, again = stages[0], stages[-1], Signal()
        m.d.comb += again.eq(_goes_on(last))
        with m.If(again):
            m.d.comb += [first.eq(last), first.distance.eq(last.distance - 1)]
        with m.Else():
            m.d.comb += [
                first.valid.eq(taken & ~estimates),
                first.converts.eq(converts),
                first.distance.eq(config.line_offset_bits - 1),
                *(first[name].eq(request[name])
                  for name in ("lanes", "function", "number", "reduces", "thread", "destination")),
            ]
        for before, after in pairwise(stages):
            m.d.moves += after.eq(before)
        gated_domain(m, enable=Cat(stage.valid for stage in stages).any(), name="moves")
        result, a, b = (Signal(config.vector_bits, name=name) for name in ("result_line", "a", "b"))
        m.d.comb += [
            a.eq(Mux(again, result, request.a)),
            b.eq(Mux(first.reduces, _exchanged(a, first.distance), request.b)),
        ]

        # Each kind of lanes; those that are faster than the float lanes wait in the line of the moves.
        m.submodules.floats = floats = self.floats
        computing: list[tuple[FloatLanes | IntegerLanes, Vector]] = [(floats, Vector.FLOAT)]
        m.d.comb += floats.c.eq(request.c)
        draws = self._draws(m, taken, converts)
        line = [self._moved(m, draws)]
        for stage in range(1, self.latency + 1):
            line.append(Signal(config.vector_bits, name=f"line{stage}", reset_less=True))
            m.d.moves += line[stage].eq(line[stage - 1])
        if config.integer_lanes:
            m.submodules.integers = integers = IntegerLanes(config=config)
            computing.append((integers, Vector.INTEGER))
            with m.If(stages[integers.LATENCY].lanes == Vector.INTEGER):
                m.d.moves += line[integers.LATENCY + 1].eq(integers.o)
        for lanes, kind in computing:
            m.d.comb += [
                lanes.valid.eq(first.valid & (first.lanes == kind)),
                lanes.function.eq(first.function),
                lanes.number.eq(first.number),
                lanes.a.eq(a),
                lanes.b.eq(b),
            ]
        if config.conversions:
            m.submodules.conversions = conversions = ConversionLanes(config=config)
            m.d.comb += [
                conversions.valid.eq(taken & converts),
                conversions.draws.eq(draws),
                conversions.old.eq(line[conversions.LATENCY]),
                *(getattr(conversions, name).eq(request[name]) for name in ("conversion", "quarter", "a")),
            ]
            with m.If(stages[conversions.LATENCY].converts):
                m.d.moves += line[conversions.LATENCY + 1].eq(conversions.o)

        m.submodules.queue = queue = ResultQueue(config=config, latency=self.latency, interval=interval)
        m.d.comb += [
            result.eq(Mux(last.lanes == Vector.FLOAT, floats.o, line[-1])),
            queue.enter.eq(first.valid & ~again),
            queue.i.valid.eq(last.valid & ~again),
            queue.i.payload.thread.eq(last.thread),
            queue.i.payload.destination.eq(last.destination),
            queue.i.payload.data.eq(result),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.result))
        slow = self._estimate(m, taken & estimates) if config.estimates else queue
        if interval == 1:
            busy, will_be_busy = again, _goes_on(stages[-2])
        else:
            left = Signal(range(interval))  # cycles in which the lanes still have words to take
            with m.If(first.valid):
                m.d.sync += left.eq(interval - 1)
            with m.Elif(left != 0):
                m.d.sync += left.eq(left - 1)
            # An operation's words must not meet those of a reduction that comes back meanwhile.
            busy, will_be_busy = Signal(), Signal()
            m.d.comb += [
                busy.eq((left != 0) | Cat(_goes_on(stage) for stage in stages[-interval:]).any()),
                will_be_busy.eq((left > 1) | Cat(_goes_on(stage) for stage in stages[-interval - 1:]).any()),
            ]
        m.d.comb += [
            self.request.ready.eq(queue.ready & slow.ready & ~busy),
            self.room.eq(queue.room & slow.room & ~will_be_busy),
        ]
        return m

    def _draws(self, m, taken, converts):
        """The states of the thread's generators."""
        if not self.config.conversions:
            return 0
        request = self.request.payload
        m.submodules.generators = generators = Generators(config=self.config)
        m.d.comb += [
            generators.thread.eq(request.thread),
            generators.seeds.eq(request.a),
            generators.seed.eq(taken & (request.lanes == Vector.MOVE) & (request.function == Move.SEED)),
            generators.advance.eq(taken & converts & (request.conversion.rounding == Rounding.STOCHASTIC)),
        ]
        return generators.states

    def _moved(self, m, draws):
        """What moves give; of a conversion, what the destination held."""
        request, lanes = self.request.payload, self.config.lanes
        a, b = words(self.config, request.a), words(self.config, request.b)
        moved = Signal(self.config.vector_bits)
        with m.Switch(request.function):
            with m.Case(Move.CVT_BF16):
                m.d.comb += moved.eq(Cat(to_bf16(data.View(Fp32, word)) for word in (*a, *b)))
            with m.Case(Move.BROADCAST):
                m.d.comb += moved.eq(Cat([request.x1] * (lanes // 2), [request.x2] * (lanes // 2)))
            with m.Case(Move.SELECT):
                m.d.comb += moved.eq((request.c & request.a) | (~request.c & request.b))
            with m.Case(Move.SHUFFLE):
                m.d.comb += moved.eq(Cat(Array(a)[word[:(lanes - 1).bit_length()]] for word in b))
            with m.Case(Move.SEED):
                m.d.comb += moved.eq(draws)
            with m.Case(Move.MERGE):
                m.d.comb += moved.eq(Cat(
                    Mux(chosen, request.a.word_select(byte, 8), request.c.word_select(byte, 8))
                    for byte, chosen in enumerate(request.mask)))
            for function, (bits, tall) in _TRANSPOSES.items():
                with m.Case(function):
                    m.d.comb += moved.eq(_transposed(request.a, bits=bits, tall=tall))
            with m.Default():
                m.d.comb += moved.eq(request.c)
        return moved

    def _estimate(self, m, valid):
        """The estimates' own way; return their queue."""
        config, request = self.config, self.request.payload
        m.submodules.estimates = estimates = EstimateLanes(config=config)
        m.submodules.slow_queue = queue = ResultQueue(config=config, latency=self.ESTIMATE_LATENCY)
        entry = data.StructLayout({"valid": 1, "thread": config.thread_bits, "destination": 5})
        stages = [Signal(entry, name=f"slow_stage{index}") for index in range(self.ESTIMATE_LATENCY + 1)]
        for before, after in pairwise(stages):
            m.d.sync += after.eq(before)
        last = stages[-1]
        m.d.comb += [
            stages[0].valid.eq(valid),
            stages[0].thread.eq(request.thread),
            stages[0].destination.eq(request.destination),
            estimates.valid.eq(valid),
            estimates.function.eq(request.function),
            estimates.a.eq(request.a),
            queue.enter.eq(valid),
            queue.i.valid.eq(last.valid),
            queue.i.payload.thread.eq(last.thread),
            queue.i.payload.destination.eq(last.destination),
            queue.i.payload.data.eq(estimates.o),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.estimate))
        return queue
