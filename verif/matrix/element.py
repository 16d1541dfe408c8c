"""One matrix element, bit for bit: the state that it keeps after every step is the model's."""

import os
import random

import cocotb
import numpy as np
from amaranth.lib import data

from hdl.core.accumulator import state_layout
from hdl.core.dot_product import DotProduct, Loaded, Operand
from hdl.core.matrix_element import MatrixElement
from hdl.isa import Matrix
from sim.numerics import FINITE, AccumulatorTile, Bf16
from verif.matrix.operands import Operands, numbers, single
from verif.noc import Stage
from verif.vector.unit import pack

DEPTH, ACCUMULATORS = int(os.environ["DEPTH"]), int(os.environ["ACCUMULATORS"])
SHAPE = 1, 1, DEPTH
OPERAND, LOADED, STATE = data.Layout.cast(Operand), data.Layout.cast(Loaded), state_layout(DEPTH)
OPERAND_BITS = OPERAND.as_shape().width


def unpacked(numbers: Bf16) -> int:
    """The operands of one side as the element takes them."""
    bits = 0
    for index, number in enumerate(numbers.ravel().tolist()):
        exponent, fraction = number >> 7 & 0xFF, number & 0x7F
        special = exponent == 0xFF
        zero = exponent == 0 and fraction == 0
        magnitude = fraction | (exponent > 0) << 7
        fields = {
            "significand": (-magnitude if number >> 15 else magnitude) & 0x1FF, "exponent": max(exponent, 1),
            "sign": number >> 15,
            "live": not special and not zero, "infinite": special and fraction == 0, "nan": special and fraction != 0}
        bits |= pack(OPERAND, fields) << index * OPERAND_BITS
    return bits


def finite_or_special(bits: int) -> tuple[int, ...]:
    """(special, G, S) of docs/numerics.md; of what is not finite, the special alone."""
    def field(name):
        return bits >> STATE[name].offset & (1 << STATE[name].width) - 1

    special, anchor, sum_ = field("special"), field("anchor"), field("sum")
    top = 1 << STATE["sum"].width - 1
    return (special,) if special else (FINITE, anchor, (sum_ ^ top) - top)


class Bench:
    """The element, its model, and what the reads that are under way must give."""

    def __init__(self, dut):
        self.dut = dut
        self.tiles = [AccumulatorTile(1, 1) for _ in range(ACCUMULATORS)]
        self.rng = np.random.default_rng(random.getrandbits(64))
        self.operands = Operands(self.rng, rows=1, columns=1, depth=DEPTH)
        self.numbers = numbers(self.rng)
        self.expected: dict[int, tuple[int, ...]] = {}
        self.loads: dict[int, int] = {}
        self.stage = Stage(dut, [self])

    async def start(self) -> None:
        """Reset, and zero every accumulator."""
        for signal in (self.dut.function, self.dut.accumulator, self.dut.a, self.dut.b, self.dut.loaded):
            signal.value = 0
        await self.stage.start()
        for index in range(ACCUMULATORS):
            await self.zero(index)

    async def zero(self, index: int) -> None:
        self.tiles[index].zero()
        await self._step(Matrix.ZERO, index)

    async def multiply(self, index: int, a: Bf16, b: Bf16) -> None:
        self.tiles[index].step(a, b)
        self.dut.a.value, self.dut.b.value = unpacked(a), unpacked(b)
        await self._step(Matrix.MULTIPLY, index)

    async def load(self, index: int, value: int) -> None:
        """Set it to an FP32, which comes later than the function."""
        tile = self.tiles[index]
        tile.load(np.array([[value]], np.uint32))
        special, anchor, sum_ = (int(array[0, 0]) for array in (tile.special, tile.anchor, tile.sum))
        fields = {"special": special, "anchor": anchor, "sum": sum_ & (1 << LOADED["sum"].width) - 1}
        self.loads[self.stage.now + DotProduct.LOAD_DELAY] = pack(LOADED, fields)
        await self._step(Matrix.LOAD, index)

    async def read(self, index: int) -> None:
        tile = self.tiles[index]
        special, *finite = (int(array[0, 0]) for array in (tile.special, tile.anchor, tile.sum))
        self.expected[self.stage.now + MatrixElement.LATENCY] = (special,) if special else (FINITE, *finite)
        await self._step(Matrix.READ, index)

    async def _step(self, function: Matrix, index: int) -> None:
        self.dut.function.value, self.dut.accumulator.value = function, index
        await self.stage.step()

    async def finish(self) -> None:
        """Until the last read has been checked."""
        await self.stage.cycles(MatrixElement.LATENCY)
        assert not self.expected

    def drive(self):
        """Other inputs are set by the functions above; what nobody loads is anything."""
        self.dut.loaded.value = self.loads.pop(self.stage.now, random.getrandbits(LOADED.size))

    def sample(self):
        if self.stage.now in self.expected:
            state = finite_or_special(int(self.dut.state.value))
            assert state == self.expected.pop(self.stage.now), f"cycle {self.stage.now}: {state}"


async def bench(dut) -> Bench:
    made = Bench(dut)
    await made.start()
    return made


@cocotb.test()
async def random_functions(dut):
    """Mostly on the accumulator of the function before."""
    tb = await bench(dut)
    index = 0
    for _ in range(8000):
        if random.random() < 0.1:
            index = random.randrange(ACCUMULATORS)
        match random.choices(list(Matrix), (5, 60, 40, 5))[0]:
            case Matrix.ZERO:
                await tb.zero(index)
            case Matrix.MULTIPLY:
                await tb.multiply(index, *next(tb.operands))
            case Matrix.READ:
                await tb.read(index)
            case Matrix.LOAD:
                await tb.load(index, next(tb.numbers))
    await tb.finish()


@cocotb.test()
async def bounds_of_renormalisation(dut):
    """Sums of exactly +-2^n, which small products then push to and fro beside the bounds."""
    tb = await bench(dut)
    for sign in (0, 1):
        for power in range(30, 52):
            # The largest power of two that one product gives is 2^45; more takes several of them.
            r = min(power - 30, 15)
            for small_sign in (sign, 1 - sign):
                for digits in (1, 2, 3):
                    await tb.zero(0)
                    for _ in range(1 << power - 30 - r):
                        await tb.multiply(0, *single(SHAPE, 12 * 16 + r, sign=sign))
                    await tb.read(0)
                    for _ in range(3):
                        exponent = (12 - digits) * 16 + random.randrange(16)
                        small = single(SHAPE, exponent, sign=small_sign, fraction=random.randrange(128))
                        await tb.multiply(0, *small)
                        await tb.read(0)
    await tb.finish()
