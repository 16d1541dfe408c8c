"""The lanes of docs/numerics.md: the model against SoftFloat, the hardware against the model."""

import numpy as np
import pytest

from hdl.arith.estimate import Estimator
from hdl.arith.float_lane import FloatLane, FloatUnit
from hdl.arith.formats import Flags
from hdl.arith.integer_lane import IntegerLane, IntegerUnit
from hdl.arith.operations import EstimateOperation, FloatOperation, IntegerOperation
from hdl.arith.round import Rounder
from hdl.number_formats import INTEGERS, Flag, Format
from sim import numerics
from sim.build import new_seed
from verif import batch
from verif.numbers import estimates, lanes, softfloat
from verif.numbers.lanes import LAYOUTS


@pytest.fixture
def rng() -> np.random.Generator:
    seed = new_seed()
    print(f"replay with SEED={seed}")
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def float_lane() -> batch.Batch:
    return batch.build(FloatLane(), name="float_lane", latency=FloatLane.LATENCY)


def same_as_softfloat(operation: FloatOperation, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    bits, flags = softfloat.float_operation(operation, a, b, c)
    ours = numerics.float_operation(operation, a, b, c if operation.takes_c else None)
    np.testing.assert_array_equal(ours.bits, bits)
    np.testing.assert_array_equal(ours.flags, flags)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.dtype.__name__)
@pytest.mark.parametrize("operation", [operation for operation in FloatOperation if operation.computes],
                         ids=lambda operation: operation.name)
def test_model_is_softfloats(rng, operation, layout):
    same_as_softfloat(operation, *lanes.corner_triples(layout, step=1 if operation.takes_c else 7))
    same_as_softfloat(operation, *lanes.float_operands(layout, rng, 100_000))


def test_float_lane_is_the_model(rng, float_lane):
    lanes.random_float_vectors(rng, 1_000_000).check(float_lane)


@pytest.mark.parametrize("format", LAYOUTS, ids=lambda format: format.name)
def test_float_lane_on_corners(float_lane, format):
    """Every triple of them in one fused operation, every pair in all others."""
    layout = LAYOUTS[format]
    a, b, c = (lanes.words(np.resize(operand, len(operand) + len(operand) % 2)) for operand in
               lanes.corner_triples(layout))
    pairs = len(lanes.corners(layout))**2
    for operation in FloatOperation:
        rows = slice(None if operation is FloatOperation.MADD else pairs)
        kind = np.full(len(a[rows]), operation, np.uint8)
        lanes.float_vectors(kind, np.full(len(kind), format, np.uint8), a[rows], b[rows], c[rows]).check(float_lane)


@pytest.mark.parametrize("x, y, expected", [
    (1 - 2**-24, 1, Flag.UNDERFLOW),               # a 24-bit number below 2^-126, which FP32 has not
    (18631 * 2.0**-25, 1801, 0),                   # 1 - 2^-25: a tie, which rounds to 2^-126 at any exponent
    (1 + 2**-13, 1 - 2**-13, 0),                   # 1 - 2^-26: inexact, but it does not count as tiny
    (1 + 2**-12, 1 - 2**-12, Flag.UNDERFLOW),      # 1 - 2^-24
    (1, 1, 0),
    (0.75, 1, 0),                                  # subnormal and exact
])
def test_flags_at_the_least_normal_number(x, y, expected):
    """2^-126 x y: tiny is what rounds below 2^-126 to 24 bits and an unbounded exponent."""
    a, b = (np.array([value * 2.0**-63], np.float32).view(np.uint32) for value in (x, y))
    assert numerics.float_operation(FloatOperation.MUL, a, b).flags == expected
    assert softfloat.float_operation(FloatOperation.MUL, a, b, b)[1] == expected


def test_model_refuses_what_it_does_not_take():
    a = np.zeros(4, np.uint32)
    with pytest.raises(TypeError, match="ADD takes 2 arrays of uint32 or of uint16, not uint32, uint16"):
        numerics.float_operation(FloatOperation.ADD, a, a.astype(np.uint16))
    with pytest.raises(TypeError, match="MADD takes 3 arrays of uint32 or of uint16, not uint32, uint32, nothing"):
        numerics.float_operation(FloatOperation.MADD, a, a)
    with pytest.raises(ValueError, match="SoftFloat has no operation SIGN_XOR"):
        softfloat.float_operation(FloatOperation.SIGN_XOR, a, a, a)


def test_hardware_refuses_what_it_cannot_be():
    for unit in (FloatUnit, lambda format: Rounder(width=80, format=format)):
        with pytest.raises(ValueError, match="arithmetic is for Fp32 and Bf16, not 'Flags'"):
            unit(format=Flags)
    with pytest.raises(ValueError, match="the deepest exponent must be 0 or more below the least, not -1"):
        Rounder(width=80, deepest=-1)
    for bits in (0, 12, 64):
        with pytest.raises(ValueError, match=f"an element must have 8, 16 or 32 bits, not {bits!r}"):
            IntegerUnit(bits=bits)


@pytest.fixture(scope="module")
def integer_lane() -> batch.Batch:
    return batch.build(IntegerLane(), name="integer_lane", latency=IntegerLane.LATENCY)


def integer_result(operation: IntegerOperation, a: int, b: int, bits: int) -> int:
    """docs/numerics.md on Python integers; `a` and `b` are bit patterns."""
    modulus = 1 << bits
    signed = [value - modulus * (value >> bits - 1) for value in (a, b)]
    name = operation.name
    x, y = (a, b) if name.endswith("U") or name in ("SLL", "SRL") else signed
    low, high = (0, modulus - 1) if name.endswith("U") else (-modulus // 2, modulus // 2 - 1)
    plain = {
        "ADD": x + y, "SUB": x - y, "MUL": x * y, "MULH": x * y // modulus,
        "SLL": x << b % bits, "SRL": x >> b % bits, "SRA": x >> b % bits, "AND": a & b, "OR": a | b, "XOR": a ^ b,
        "EQ": -(x == y), "LT": -(x < y), "LE": -(x <= y), "MIN": min(x, y), "MAX": max(x, y),
        "ADDS": min(max(x + y, low), high), "SUBS": min(max(x - y, low), high),
    }
    return plain[name.removesuffix("U")] % modulus


@pytest.mark.parametrize("bits", INTEGERS.values())
def test_integer_model_is_the_page(rng, bits):
    bounds = [0, 1, 2, 7, 8, 31, 32]
    values = [*bounds, *(1 << bits - 1) + np.array([-2, -1, 0, 1]), *(1 << bits) - np.array([1, 2, 9, 32])]
    values += rng.integers(0, 1 << bits, 30).tolist()
    kind = np.dtype(f"u{bits // 8}")
    a, b = (grid.ravel() for grid in np.meshgrid(np.array(values, kind), np.array(values, kind)))
    for operation in IntegerOperation:
        expected = [integer_result(operation, x, y, bits) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        np.testing.assert_array_equal(numerics.integer_operation(operation, a, b), np.array(expected, kind))


def test_integer_lane_on_every_pair_of_bytes(integer_lane):
    every = np.arange(1 << 16, dtype=np.uint32)
    a, b = (lanes.words(half.astype(np.uint8)) for half in (every & 0xFF, every >> 8))
    for operation in IntegerOperation:
        kind, format = (np.full(len(a), code, np.uint8) for code in (operation, Format.INT8))
        lanes.integer_vectors(kind, format, a, b).check(integer_lane)


def test_integer_lane_is_the_model(rng, integer_lane):
    lanes.random_integer_vectors(rng, 1_000_000).check(integer_lane)


def test_integer_model_refuses_what_it_does_not_take():
    with pytest.raises(TypeError, match="takes two arrays of uint8, of uint16 or of uint32, not uint64, uint64"):
        numerics.integer_operation(IntegerOperation.ADD, *np.zeros((2, 1), np.uint64))


@pytest.fixture(scope="module")
def estimator() -> batch.Batch:
    return batch.build(Estimator(), name="estimator", latency=Estimator.LATENCY)


@pytest.mark.parametrize("operation", EstimateOperation, ids=lambda operation: operation.name)
def test_estimates_keep_their_error(operation):
    worst = max(estimates.ulps(operation, x, numerics.estimate(operation, x).bits).max()
                for x in estimates.operands(operation, stride=61))
    assert worst <= estimates.LIMITS[operation]


def test_estimator_is_the_model(rng, estimator):
    for operation in EstimateOperation:
        x = np.concatenate([*estimates.operands(operation, stride=499), estimates.SPECIAL,
                            rng.integers(0, 1 << 32, 100_000, np.uint32)])
        estimates.vectors(operation, x).check(estimator)


@pytest.mark.parametrize("operation, x, expected, flags", [
    (EstimateOperation.RECIPROCAL, 0x80000000, 0xFF800000, Flag.OVERFLOW),
    (EstimateOperation.RECIPROCAL, 0xFF800000, 0x80000000, 0),
    (EstimateOperation.RECIPROCAL, 0x00200000, 0x7F7FFFFE, Flag.DENORMAL),
    (EstimateOperation.RECIPROCAL_SQRT, 0x80000000, 0xFF800000, Flag.OVERFLOW),
    (EstimateOperation.RECIPROCAL_SQRT, 0xBF800000, 0x7FC00000, Flag.INVALID),
    (EstimateOperation.RECIPROCAL_SQRT, 0x7F800000, 0x00000000, 0),
    (EstimateOperation.EXP2, 0x80000000, 0x3F800000, 0),
    (EstimateOperation.EXP2, 0xC2FE0000, 0x00400000, Flag.UNDERFLOW),      # 2^-127, which y only comes close to
    (EstimateOperation.EXP2, 0x43000000, 0x7F800000, Flag.OVERFLOW),       # 2^128
    (EstimateOperation.EXP2, 0xC3960000, 0x00000000, Flag.UNDERFLOW),      # 2^-300
    (EstimateOperation.EXP2, 0xFF800000, 0x00000000, 0),
    (EstimateOperation.LOG2, 0x00000000, 0xFF800000, Flag.OVERFLOW),
    (EstimateOperation.LOG2, 0x3F800000, 0x00000000, 0),
    (EstimateOperation.LOG2, 0x00000001, 0xC3150000, Flag.DENORMAL),       # -149
    (EstimateOperation.LOG2, 0xBF800000, 0x7FC00000, Flag.INVALID),
    (EstimateOperation.LOG2, 0x7F800001, 0x7FC00000, Flag.INVALID),
], ids=str)
def test_special_estimates(operation, x, expected, flags):
    result = numerics.estimate(operation, np.array([x], np.uint32))
    assert (hex(result.bits[0]), result.flags[0]) == (hex(expected), flags)


def test_powers_of_two_are_exact():
    integers = np.arange(-126, 128)
    powers, x = integers.astype(np.float32).view(np.uint32), (integers + 127 << 23).astype(np.uint32)
    np.testing.assert_array_equal(numerics.estimate(EstimateOperation.EXP2, powers).bits, x)
    np.testing.assert_array_equal(numerics.estimate(EstimateOperation.LOG2, x).bits, powers)
