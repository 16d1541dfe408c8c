"""The vector unit against the golden model, and its rounding against Berkeley SoftFloat."""

import os
import random

import cocotb
import numpy as np
import softfloatpy as softfloat

from hdl.config import PRESETS
from hdl.core.vector import OPERATIONS, VectorLane, request_layout
from hdl.isa import Vector
from sim import numerics
from sim.numerics import Fp32
from verif.vector.unit import Operation, Unit

CONFIG = PRESETS[os.environ["CONFIG"]]
LAYOUT = request_layout(CONFIG)
LANES = CONFIG.lanes

#: Boundary values of FP32: zeros, subnormals, around powers of two and halfway between BF16 numbers, the largest,
#: infinities and NaNs.
CORNERS = np.array([sign << 31 | bits for sign in (0, 1) for bits in (
    0x00000000, 0x00000001, 0x00000002, 0x003FFFFF, 0x00400000, 0x007FFFFF, 0x00800000, 0x00800001, 0x00FFFFFF,
    0x01000000, 0x0C800000, 0x1F800000, 0x20000000, 0x33000000, 0x33800000, 0x33800001, 0x34000000, 0x3EFFFFFF,
    0x3F000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3F808000, 0x3F818000, 0x3F808001, 0x3FFFFFFF, 0x40000000,
    0x4B7FFFFF, 0x4B800000, 0x5F800000, 0x7E7FFFFF, 0x7F000000, 0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, 0x7F800000,
    0x7F800001, 0x7FC00000, 0x7FFFFFFF)], np.uint32)

Pair = tuple[Fp32, Fp32]


def result(function: Vector, a: Fp32, b: Fp32, x1: int, x2: int) -> np.ndarray:
    """What the model says: uint32 lanes, or uint16 for a conversion."""
    match function:
        case Vector.ADD | Vector.MUL | Vector.MAX:
            return numerics.float_operation(OPERATIONS[function], a, b).bits
        case Vector.CVT_BF16:
            return numerics.bf16_from_fp32(np.concatenate([a, b]))
        case Vector.BROADCAST:
            return np.repeat(np.array([x1, x2], np.uint32), LANES // 2)


def of_softfloat(function, *operands: np.ndarray) -> np.ndarray:
    """SoftFloat's results, element by element."""
    def one(*bits: int) -> int:
        numbers = (softfloat.Float32.from_bytes(value.to_bytes(4, "big")) for value in bits)
        return int.from_bytes(function(*numbers).to_bytes(), "big")

    return np.array([one(*bits) for bits in zip(*(operand.tolist() for operand in operands), strict=True)])


def check_with_softfloat(function: Vector, a: Fp32, b: Fp32, expected: np.ndarray) -> None:
    """The model's result, which the hardware must give, is SoftFloat's but for the payload of NaNs."""
    if function is Vector.CVT_BF16:
        theirs = of_softfloat(softfloat.f32_to_bf16, np.concatenate([a, b]))
        theirs = np.where((theirs & 0x7FFF) > numerics.BF16_INFINITY, numerics.BF16_NAN, theirs)
    elif function in (Vector.ADD, Vector.MUL):
        theirs = of_softfloat({Vector.ADD: softfloat.f32_add, Vector.MUL: softfloat.f32_mul}[function], a, b)
        theirs = np.where((theirs & 0x7FFFFFFF) > numerics.FP32_INFINITY, numerics.FP32_NAN, theirs)
    else:
        return
    np.testing.assert_array_equal(expected, theirs)


def anything(rng: np.random.Generator) -> Pair:
    a, b = rng.integers(0, 1 << 32, (2, LANES), np.uint32)
    return a, b


def with_exponent(numbers: Fp32, exponent: np.ndarray) -> Fp32:
    return numbers & np.uint32(0x807FFFFF) | exponent.astype(np.uint32) << np.uint32(23)


def near(rng: np.random.Generator) -> Pair:
    """Exponents close to each other and few fraction bits: sums cancel, tie and carry."""
    exponent = rng.integers(30, 254, LANES)
    apart = np.clip(exponent + rng.integers(-30, 31, LANES), 0, 254)
    sign = rng.integers(0, 2, (2, LANES)) << 31
    fraction = rng.integers(0, 1 << 23, (2, LANES)) & -1 << rng.integers(0, 24, (2, LANES))
    fraction ^= np.where(rng.random((2, LANES)) < 0.3, 0x7FFFFF, 0)
    a, b = (sign | np.stack([exponent, apart]) << 23 | fraction).astype(np.uint32)
    return a, b


def tiny(rng: np.random.Generator) -> Pair:
    """Products and sums around the subnormals."""
    exponent = rng.integers(0, 127, LANES)
    other = np.clip(127 + rng.integers(-30, 4, LANES) - exponent, 0, 254)
    a, b = anything(rng)
    return with_exponent(a, exponent), with_exponent(b, other)


def huge(rng: np.random.Generator) -> Pair:
    """Products around the overflow."""
    exponent = rng.integers(127, 255, LANES)
    other = np.clip(381 + rng.integers(-3, 3, LANES) - exponent, 0, 254)
    a, b = anything(rng)
    return with_exponent(a, exponent), with_exponent(b, other)


class Bench(Unit):
    """The unit and a supply of requests with the model's results."""

    def __init__(self, dut):
        super().__init__(dut, config=CONFIG, layout=LAYOUT)
        self.rng = np.random.default_rng(random.getrandbits(64))

    def queue(self, function: Vector, a: Fp32, b: Fp32) -> np.ndarray:
        """Queue a request; returns the lanes of its expected result."""
        x1, x2 = random.getrandbits(32), random.getrandbits(32)
        lanes = result(function, a, b, x1, x2)
        a_bits, b_bits, expected = (int.from_bytes(array.tobytes(), "little") for array in (a, b, lanes))
        request = {"function": function, "thread": random.randrange(CONFIG.threads),
                   "destination": random.getrandbits(5), "a": a_bits, "b": b_bits, "x1": x1, "x2": x2}
        self.waiting.append(Operation(request, expected))
        return lanes

    def queue_random(self, count: int) -> None:
        for _ in range(count):
            kind = random.choice((anything, near, near, tiny, huge))
            self.queue(random.choice(list(Vector)), *kind(self.rng))


async def bench(dut) -> Bench:
    made = Bench(dut)
    await made.start()
    return made


@cocotb.test()
async def boundary_values(dut):
    """All pairs of boundary values in every function."""
    tb = await bench(dut)
    a, b = (grid.ravel() for grid in np.meshgrid(CORNERS, CORNERS))
    a, b = (np.pad(side, (0, -len(side) % LANES)).reshape(-1, LANES) for side in (a, b))
    for function in Vector:
        lanes = [tb.queue(function, *pair) for pair in zip(a, b, strict=True)]
        if function is Vector.CVT_BF16:
            check_with_softfloat(function, CORNERS, CORNERS, numerics.bf16_from_fp32(np.tile(CORNERS, 2)))
        else:
            check_with_softfloat(function, a.ravel(), b.ravel(), np.concatenate(lanes))
    await tb.finish()


@cocotb.test()
async def random_values(dut):
    tb = await bench(dut)
    for kind in (anything, near, tiny, huge):
        for function in (Vector.ADD, Vector.MUL, Vector.MAX, Vector.CVT_BF16):
            for count in range(6400 // LANES):
                a, b = kind(tb.rng)
                lanes = tb.queue(function, a, b)
                if count % 8 == 0:
                    check_with_softfloat(function, a, b, lanes)
    await tb.finish()


@cocotb.test()
async def stalled_results_are_kept(dut):
    tb = await bench(dut)
    for tb.take in (0.05, 0.3, 0.8):
        for tb.offer in (0.3, 1.0):
            tb.queue_random(100)
            await tb.finish()


@cocotb.test()
async def takes_one_operation_every_cycle(dut):
    """Operations whose results are taken at once never wait, and all of them take as long."""
    tb = await bench(dut)
    tb.queue_random(1000)
    await tb.stage.cycles(1000)
    assert (tb.taken, tb.refused) == (1000, 0)
    await tb.finish()
    assert set(tb.latencies) == {VectorLane.LATENCY + 1}


@cocotb.test()
async def waits_when_the_queue_is_full(dut):
    tb = await bench(dut)
    tb.take = 0.0
    tb.queue_random(50)
    await tb.stage.cycles(100)
    assert tb.taken == VectorLane.LATENCY + 2
    tb.take = 1.0
    await tb.finish()
