"""The vector unit against the golden model, and its rounding against Berkeley SoftFloat."""

import os
import random
from collections import Counter
from itertools import product
from math import ceil

import cocotb
import numpy as np
import softfloatpy as softfloat

from hdl.config import PRESETS
from hdl.core.vector import VectorUnit, request_layout
from hdl.core.vector_conversion import Conversion
from hdl.isa import BY_NAME, INSTRUCTIONS, CsrNumber, Instruction, Unit, Vector
from hdl.number_formats import WIDTHS, Denormals, Format, Rounding
from sim import numerics
from sim.assembler import Operands
from sim.machine import MAKERS
from sim.mesh import Mesh
from sim.numerics import Fp32
from verif.noc import Port
from verif.vector.unit import Operation, pack
from verif.vector.unit import Unit as UnitBench

CONFIG = PRESETS[os.environ["CONFIG"]]
LAYOUT = request_layout(CONFIG)
LANES = CONFIG.lanes

#: Cycles from a request to its result at the queue, and from a request to the next.
LATENCY, INTERVAL = VectorUnit(config=CONFIG).latency, CONFIG.vector_interval

#: The rows of the table that the unit carries out.
ROWS = [row for row in INSTRUCTIONS if row.unit is Unit.VECTOR and row.is_in(CONFIG)]

#: Boundary values of FP32: zeros, subnormals, around powers of two and halfway between BF16 numbers, the largest,
#: infinities and NaNs.
CORNERS = np.array([sign << 31 | bits for sign in (0, 1) for bits in (
    0x00000000, 0x00000001, 0x00000002, 0x003FFFFF, 0x00400000, 0x007FFFFF, 0x00800000, 0x00800001, 0x00FFFFFF,
    0x01000000, 0x0C800000, 0x1F800000, 0x20000000, 0x33000000, 0x33800000, 0x33800001, 0x34000000, 0x3EFFFFFF,
    0x3F000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3F808000, 0x3F818000, 0x3F808001, 0x3FFFFFFF, 0x40000000,
    0x4B7FFFFF, 0x4B800000, 0x5F800000, 0x7E7FFFFF, 0x7F000000, 0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, 0x7F800000,
    0x7F800001, 0x7FC00000, 0x7FFFFFFF)], np.uint32)

Pair = tuple[Fp32, Fp32]


def bits_of(lanes: np.ndarray) -> int:
    return int.from_bytes(lanes.tobytes(), "little")


def random_conversion(*, stochastic: bool | None = None) -> dict[str, int]:
    modes = list(Rounding) if stochastic is None else [Rounding(stochastic)]
    return {"source": random.choice(list(Format)), "target": random.choice(list(Format)),
            "source_bias": random.randrange(64), "target_bias": random.randrange(64),
            "denormals": random.choice(list(Denormals)), "rounding": random.choice(modes)}


def of_softfloat(function, *operands: np.ndarray) -> np.ndarray:
    """SoftFloat's results, element by element."""
    def one(*bits: int) -> int:
        numbers = (softfloat.Float32.from_bytes(value.to_bytes(4, "big")) for value in bits)
        return int.from_bytes(function(*numbers).to_bytes(), "big")

    return np.array([one(*bits) for bits in zip(*(operand.tolist() for operand in operands), strict=True)])


#: What SoftFloat can say.
SOFTFLOAT = {"vadd.s": softfloat.f32_add, "vsub.s": softfloat.f32_sub, "vmul.s": softfloat.f32_mul}


def check_with_softfloat(row: Instruction, a: Fp32, b: Fp32, expected: np.ndarray) -> None:
    """The model's result, which the hardware must give, is SoftFloat's but for the payload of NaNs."""
    if row.name == "vcvt.bf16.s":
        theirs = of_softfloat(softfloat.f32_to_bf16, np.concatenate([a, b]))
        theirs = np.where((theirs & 0x7FFF) > numerics.BF16_INFINITY, numerics.BF16_NAN, theirs)
    elif row.name in SOFTFLOAT:
        theirs = of_softfloat(SOFTFLOAT[row.name], a, b)
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


def passes(number: int) -> int:
    """How often a reduction of such numbers goes through the lanes."""
    return (CONFIG.vector_bits // WIDTHS[Format(number)]).bit_length() - 1


class Bench(UnitBench):
    """The unit, and a node of the golden model that executes the same instructions."""

    #: Registers of the model that hold the operands.
    A, B, C = 1, 2, 3

    #: Its predicate.
    MASK = 4

    def __init__(self, dut):
        super().__init__(dut, config=CONFIG, layout=LAYOUT)
        self.results.append(Port(dut, "estimate"))
        self.rng = np.random.default_rng(random.getrandbits(64))
        self.node = Mesh(CONFIG).nodes[0, 1]

    def out(self, operation: Operation) -> tuple[int, int]:
        request = operation.request
        times = passes(request["number"]) if request["reduces"] else 1
        return int(request["lanes"] == Vector.ESTIMATE), times * LATENCY

    def queue(self, row: Instruction, a: Fp32, b: Fp32, *, conversion: dict[str, int] | None = None,
              quarter: int | None = None, thread: int | None = None) -> bytes:
        """Queue a request; returns its expected result."""
        model = self.node.threads[random.randrange(CONFIG.threads) if thread is None else thread]
        quarter = random.randrange(4) if quarter is None else quarter
        code = pack(Conversion.as_shape(), random_conversion() if conversion is None else conversion)
        c = self.rng.integers(0, 1 << 32, LANES, np.uint32) if random.random() < 0.5 else random.choice((a, b))
        x1, x2 = random.getrandbits(32), random.getrandbits(32)
        model.csrs[CsrNumber.VFORMAT] = code
        model.p[self.MASK] = mask = random.getrandbits(CONFIG.vector_bytes)
        model.x[self.A], model.x[self.B] = x1, x2
        for register, lanes in ((self.A, a), (self.B, b), (self.C, c)):
            model.v[register] = lanes.tobytes()
        fields = Operands(rd=self.C, rs1=self.A, rs2=quarter if "quarter" in row.operands else self.B, csr=0, imm=0,
                          mask=self.MASK)
        operation = MAKERS[row.name](model, row, fields, 0)
        assert operation is not None
        operation()
        result = model.v[self.C]
        self.waiting.append(Operation({
            "lanes": row.lanes or 0, "function": row.function, "number": row.number or 0, "thread": model.index,
            "destination": random.getrandbits(5), "a": bits_of(a), "b": bits_of(b), "c": bits_of(c), "x1": x1, "x2": x2,
            "quarter": quarter, "reduces": row.reduces, "mask": mask, "conversion": code},
            int.from_bytes(result, "little")))
        return result

    def queue_random(self, count: int, rows: list[Instruction] = ROWS) -> None:
        for _ in range(count):
            kind = random.choice((anything, near, near, tiny, huge))
            self.queue(random.choice(rows), *kind(self.rng))


async def bench(dut) -> Bench:
    made = Bench(dut)
    await made.start()
    return made


@cocotb.test()
async def boundary_values(dut):
    """Boundary values in every function: all pairs, once in every lane."""
    tb = await bench(dut)
    a, b = (grid.ravel() for grid in np.meshgrid(CORNERS, CORNERS))
    a, b = (np.pad(side, (0, -len(side) % LANES)).reshape(-1, LANES) for side in (a, b))
    for row in ROWS:
        if row.number in (None, Format.FP32):
            lanes = b"".join(tb.queue(row, *pair) for pair in zip(a, b, strict=True))
            if row.name in SOFTFLOAT:
                check_with_softfloat(row, a.ravel(), b.ravel(), np.frombuffer(lanes, np.uint32))
    check_with_softfloat(BY_NAME["vcvt.bf16.s"], CORNERS, CORNERS, numerics.bf16_from_fp32(np.tile(CORNERS, 2)))
    await tb.finish()


@cocotb.test()
async def random_values(dut):
    tb = await bench(dut)
    for kind, row in product((anything, near, tiny, huge), ROWS):
        for count in range(3200 // LANES // 4):
            a, b = kind(tb.rng)
            result = np.frombuffer(tb.queue(row, a, b), np.uint16 if row.name == "vcvt.bf16.s" else np.uint32)
            if count % 8 == 0:
                check_with_softfloat(row, a, b, result)
    await tb.finish()


@cocotb.test(skip=not CONFIG.conversions)
async def every_conversion(dut):
    """Every pair of formats in every quarter and both roundings, the threads' generators in turn."""
    tb = await bench(dut)
    seen: Counter[int] = Counter()
    for thread in range(CONFIG.threads):
        tb.queue(BY_NAME["vseed"], *anything(tb.rng), thread=thread)
    for source, target, stochastic, quarter in product(Format, Format, (False, True), range(4)):
        conversion = random_conversion(stochastic=stochastic) | {"source": source, "target": target}
        thread = random.randrange(CONFIG.threads)
        seen[thread] += 1
        tb.queue(BY_NAME["vcvt"], *random.choice((anything, near, tiny, huge))(tb.rng), conversion=conversion,
                 quarter=quarter, thread=thread)
    for thread in range(CONFIG.threads):
        tb.queue(BY_NAME["vseed"], np.zeros(LANES, np.uint32), np.zeros(LANES, np.uint32), thread=thread)
        tb.queue(BY_NAME["vseed"], *anything(tb.rng), thread=thread)
    assert len(seen) == CONFIG.threads
    await tb.finish()


@cocotb.test()
async def stalled_results_are_kept(dut):
    tb = await bench(dut)
    for tb.take in (0.05, 0.3, 0.8):
        for tb.offer in (0.3, 1.0):
            tb.queue_random(100)
            await tb.finish()


@cocotb.test()
async def takes_one_operation_every_interval(dut):
    """Operations whose results are taken at once never wait, and all of a kind take as long; reductions apart."""
    tb = await bench(dut)
    tb.queue_random(1000, [row for row in ROWS if not row.reduces])
    await tb.stage.cycles(1000)
    assert (tb.taken, tb.refused) == (1000 // INTERVAL, 1000 - 1000 // INTERVAL)
    await tb.finish()
    expected = {LATENCY + 1} | ({VectorUnit.ESTIMATE_LATENCY + 1} if CONFIG.estimates else set())
    assert set(tb.latencies) == expected


@cocotb.test()
async def reductions_go_through_the_lanes_again(dut):
    """Each takes the lanes' time for every halving; what comes meanwhile is done beside them."""
    tb = await bench(dut)
    reductions = [row for row in ROWS if row.reduces]
    for row in reductions:
        tb.queue(row, *anything(tb.rng))
        await tb.finish()
        assert row.number is not None
        assert tb.latencies[-1] == LATENCY * passes(row.number) + 1
    before = tb.taken, tb.refused
    for _ in range(100):
        tb.queue_random(1, reductions)
        tb.queue_random(5)
    await tb.finish()
    assert tb.taken - before[0] == 600
    assert tb.refused > before[1]
    tb.take, tb.offer = 0.2, 0.9
    tb.queue_random(300, reductions)
    await tb.finish()


@cocotb.test()
async def waits_when_the_queue_is_full(dut):
    tb = await bench(dut)
    for slow, latency in ((False, LATENCY), (True, VectorUnit.ESTIMATE_LATENCY)):
        rows = [row for row in ROWS if (row.lanes is Vector.ESTIMATE) == slow and not row.reduces]
        if not rows:
            continue
        before, tb.take = tb.taken, 0.0
        tb.queue_random(50, rows)
        await tb.stage.cycles(100)
        assert tb.taken - before == ceil(latency / INTERVAL) + 3
        tb.take = 1.0
        await tb.finish()
