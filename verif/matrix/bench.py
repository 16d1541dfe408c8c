"""The matrix unit against the golden model: any mixture of functions on all accumulators."""

import os
import random
from math import ceil

import cocotb
import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data

from hdl.config import PRESETS
from hdl.core.matrix import MatrixUnit, read_layout, request_layout
from hdl.core.matrix_operand import OperandFormat
from hdl.core.matrix_serial import SerialMatrixUnit
from hdl.isa import Matrix
from sim.numerics import OPERAND_FORMATS, AccumulatorTile, Bf16
from verif.matrix.operands import Operands, numbers, register, single
from verif.noc import Port
from verif.vector.unit import Operation, Unit, pack

CONFIG = PRESETS[os.environ["CONFIG"]]
#: Whether it is the serial unit; cycles from a read to its result at the queue, and from a function to the next.
SERIAL = os.environ.get("SERIAL") == "1"
LATENCY = SerialMatrixUnit(config=CONFIG).latency if SERIAL else MatrixUnit.LATENCY
INTERVAL = CONFIG.matrix_interval if SERIAL else 1

LAYOUT, FORMAT = request_layout(CONFIG), data.Layout.cast(OperandFormat)
FORMAT_BITS = Shape.cast(OperandFormat).width
M, N, K = CONFIG.matrix

#: Formats that the unit takes.
FORMATS = OPERAND_FORMATS if os.environ.get("CFLOAT8", "1") == "1" else OPERAND_FORMATS[:1]

#: Every accumulator of every thread.
ACCUMULATORS = [(thread, index) for thread in range(CONFIG.threads) for index in range(CONFIG.accumulators)]


def packed(numbers: np.ndarray) -> int:
    """An array as the bits of a vector register, the first element lowest."""
    return int.from_bytes(numbers.tobytes(), "little")


class Bench(Unit):
    """The unit with the model of its accumulators, which runs ahead as operations are queued."""

    def __init__(self, dut):
        super().__init__(dut, config=CONFIG, layout=LAYOUT)
        self.ways.append((Port(dut, "read"), read_layout(CONFIG)))
        self.pairs = False
        self.tiles = {name: AccumulatorTile(M, N) for name in ACCUMULATORS}
        self.rng = np.random.default_rng(random.getrandbits(64))
        self.operands = Operands(self.rng, rows=M, columns=N, depth=K)
        self.numbers = numbers(self.rng)

    def sample(self):
        super().sample()
        request = next((each.request for each in self.offered if self.way(each) == 0), {})
        taken = bool(self.ways[0][0].ready.value)
        steps = taken and request.get("function") in (Matrix.MULTIPLY, Matrix.START)
        legal = steps and self.legal(request["a_format"]) and self.legal(request["b_format"])
        assert (int(self.dut.step.value), int(self.dut.illegal.value)) == (legal, steps and not legal)

    def way(self, operation):
        return int(operation.request["function"] == Matrix.READ)

    def next(self):
        """With `pairs`, a read and the function behind it, which the read does not see, go together."""
        first = super().next()
        if self.pairs and len(self.waiting) > 1 and self.way(self.waiting[0]) and not self.way(self.waiting[1]):
            first.append(self.waiting[1])
        return first

    @staticmethod
    def legal(bits: int) -> bool:
        return bits >> FORMAT["code"].offset & 0xF in FORMATS

    def _queue(self, function: Matrix, name: tuple[int, int], expected: int | None = None, **fields: int) -> None:
        # Fields that the function does not use hold anything.
        rest = {"part": random.randrange(CONFIG.parts), "destination": random.getrandbits(5),
                "a": random.getrandbits(CONFIG.vector_bits), "b": random.getrandbits(CONFIG.vector_bits),
                "a_format": random.getrandbits(FORMAT_BITS), "b_format": random.getrandbits(FORMAT_BITS)}
        request = {"function": function, "thread": name[0], "accumulator": name[1]} | rest | fields
        self.waiting.append(Operation(request, expected))

    def zero(self, name: tuple[int, int]) -> None:
        self.tiles[name].zero()
        self._queue(Matrix.ZERO, name)

    def multiply(self, name: tuple[int, int], a: Bf16, b: Bf16) -> None:
        self.tiles[name].step(a, b)
        self._queue(Matrix.MULTIPLY, name, a=packed(a), b=packed(b), a_format=0, b_format=0)

    def multiply_formats(self, name: tuple[int, int], a: Bf16, b: Bf16) -> None:
        """A step whose operands may be CFloat8 instead."""
        left, right = (register(self.rng, side, CONFIG.vector_bytes) for side in (a, b))
        function = random.choice((Matrix.MULTIPLY, Matrix.MULTIPLY, Matrix.MULTIPLY, Matrix.START))
        if function == Matrix.START:
            self.tiles[name].zero()
        self.tiles[name].step(left.numbers, right.numbers)
        self._queue(function, name, a=left.bits, b=right.bits,
                    a_format=pack(FORMAT, left.form), b_format=pack(FORMAT, right.form))

    def illegal(self, name: tuple[int, int]) -> None:
        """A step with a format on one side or both that the unit does not take: nothing happens."""
        wrong = [code for code in range(16) if code not in FORMATS]
        codes = [random.choice(wrong), random.choice((*FORMATS, *wrong))]
        random.shuffle(codes)
        a, b = (random.getrandbits(FORMAT_BITS) & ~0xF | code for code in codes)
        self._queue(Matrix.MULTIPLY, name, a_format=a, b_format=b)

    def load(self, name: tuple[int, int]) -> None:
        part = random.randrange(CONFIG.parts)
        values = np.fromiter(self.numbers, np.uint32, CONFIG.lanes)
        rows = values[:CONFIG.rows_per_part * N].reshape(-1, N)
        self.tiles[name].load(rows, row=part * CONFIG.rows_per_part)
        self._queue(Matrix.LOAD, name, part=part, a=packed(values))

    def read(self, name: tuple[int, int], part: int) -> None:
        rows = self.tiles[name].read()[part * CONFIG.rows_per_part:][:CONFIG.rows_per_part]
        self._queue(Matrix.READ, name, packed(rows), part=part)

    def read_all(self, name: tuple[int, int]) -> None:
        for part in range(CONFIG.parts):
            self.read(name, part)

    def mixture(self, count: int, names: list[tuple[int, int]], *, reads: float, others: float) -> None:
        """Random functions with these shares of reads, and of zeros, loads and illegal steps.

        Half of them are on the same accumulator as before.
        """
        name = random.choice(names)
        for _ in range(count):
            name = random.choice((name, random.choice(names)))
            dice = random.random()
            if dice < reads:
                self.read(name, random.randrange(CONFIG.parts))
            elif dice < reads + others:
                random.choice((self.zero, self.illegal, self.load))(name)
            else:
                step = self.multiply_formats if len(FORMATS) > 1 else self.multiply
                step(name, *next(self.operands))


async def bench(dut) -> Bench:
    """After reset, with every accumulator zeroed."""
    made = Bench(dut)
    await made.start()
    for name in ACCUMULATORS:
        made.zero(name)
    await made.finish()
    return made


@cocotb.test()
async def random_functions(dut):
    """All accumulators at once, then few of them, so that chains on one accumulator get long."""
    tb = await bench(dut)
    for names in (ACCUMULATORS, random.sample(ACCUMULATORS, 2), random.sample(ACCUMULATORS, 1)):
        for name in names:
            tb.zero(name)
        tb.offer, tb.take = random.choice((0.5, 1.0)), 1.0
        tb.mixture(2500, names, reads=0.4, others=0.06)
        await tb.finish()
    for name in ACCUMULATORS:
        tb.read_all(name)
    await tb.finish()


@cocotb.test()
async def reads_after_every_step(dut):
    """Sums of one kind of operands, looked at in full after each step."""
    tb = await bench(dut)
    for name in ACCUMULATORS:
        for _ in range(12):
            tb.multiply(name, *next(tb.operands))
            tb.read_all(name)
    await tb.finish()


@cocotb.test()
async def stalled_results_are_kept(dut):
    tb = await bench(dut)
    for tb.take in (0.05, 0.3, 0.8):
        for tb.offer in (0.3, 1.0):
            tb.mixture(120, ACCUMULATORS, reads=0.5, others=0.05)
            await tb.finish()


@cocotb.test()
async def long_chains_grow(dut):
    """The largest products, hundreds of times, then taken away again: the anchor goes up and comes down."""
    tb = await bench(dut)
    name = random.choice(ACCUMULATORS)
    largest, small = np.full((M, K), 0x7F7F, np.uint16), np.full((K, N), 0x7F7F, np.uint16)
    for sign in (0, 0x8000):
        for _ in range(300):
            tb.multiply(name, largest ^ np.uint16(sign), small)
        tb.read_all(name)
    tb.multiply(name, np.full((M, K), 0x0001, np.uint16), np.full((K, N), 0x0080, np.uint16))
    tb.read_all(name)
    await tb.finish()


@cocotb.test()
async def reads_round_what_renormalisation_leaves(dut):
    """Sums next to the middle between two FP32 numbers, whose last digit renormalisation drops before the rounding."""
    tb = await bench(dut)
    name, digit = random.choice(ACCUMULATORS), 12 * 16
    for sign in (0, 1):
        for halves in (1, 3):
            for last in (-1, 0, 1):
                # +-(2^50 + halves x 2^26 + last), beyond 2^50 in the last step.
                tb.zero(name)
                terms = ((digit + 15, 31), (digit - 4, halves), (digit - 30, abs(last)), (digit + 15, 1))
                for exponent, count in terms:
                    negative = sign ^ (last < 0 and exponent == digit - 30)
                    for _ in range(count):
                        tb.multiply(name, *single(CONFIG.matrix, exponent, sign=negative))
                tb.read_all(name)
    await tb.finish()


@cocotb.test()
async def takes_one_function_every_interval(dut):
    """Reads whose results are taken at once never wait, and every read takes as long."""
    tb = await bench(dut)
    tb.mixture(500, ACCUMULATORS, reads=1.0, others=0.0)
    tb.mixture(500, ACCUMULATORS, reads=0.3, others=0.1)
    taken, refused = tb.taken, tb.refused
    await tb.stage.cycles(1000)
    assert (tb.taken - taken, tb.refused - refused) == (1000 // INTERVAL, 1000 - 1000 // INTERVAL)
    await tb.finish()
    assert set(tb.latencies) == {LATENCY + 1}


@cocotb.test()
async def reads_and_functions_go_together(dut):
    """A read and the function behind it in one cycle, on one accumulator or two."""
    tb = await bench(dut)
    tb.pairs = True
    tb.mixture(1500, random.sample(ACCUMULATORS, 3), reads=0.5, others=0.1)
    operations = len(tb.waiting)
    began, refused = tb.stage.now, tb.refused
    await tb.stage.until(lambda: not tb.waiting, limit=operations * INTERVAL, what="all are taken")
    cycles = tb.stage.now - began
    assert cycles < 0.9 * operations * INTERVAL
    assert tb.refused - refused == cycles - ceil(cycles / INTERVAL)
    await tb.finish()


@cocotb.test()
async def only_reads_need_credits(dut):
    """While nobody takes results, steps go on until the reads have used up their credits, and then nothing is lost."""
    tb = await bench(dut)
    tb.take = 0.0
    tb.mixture(50, ACCUMULATORS, reads=0.0, others=0.0)
    for _ in range(30):
        tb.read_all(ACCUMULATORS[0])
    tb.mixture(50, ACCUMULATORS, reads=0.5, others=0.0)
    began = tb.taken
    await tb.stage.cycles(200 * INTERVAL)
    assert tb.taken - began == 50 + ceil(LATENCY / INTERVAL) + 3
    tb.take = 1.0
    await tb.finish()
