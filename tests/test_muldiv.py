"""Integer multiplication and division against Python's integers."""

import numpy as np
import pytest

from hdl.arith.integer_divide import IntegerDivider
from hdl.arith.integer_multiply import IntegerMultiplier
from sim.build import new_seed
from verif import batch

#: Where carries, signs and overflow are.
EDGES = [0, 1, 2, 3, *((1 << bit) + step for bit in (31, 32, 63) for step in (-1, 0, 1)), (1 << 64) - 1]


def operands(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Numbers of all lengths, of either sign."""
    values = rng.integers(0, 1 << 64, rows, np.uint64, endpoint=False) >> rng.integers(0, 64, rows, np.uint64)
    return np.where(rng.random(rows) < 0.5, values, ~values)


def pairs(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    edges = np.array([(a, b) for a in EDGES for b in EDGES], np.uint64)
    return (np.concatenate([edges[:, 0], operands(rng, rows)]), np.concatenate([edges[:, 1], operands(rng, rows)]))


def signed(value: int, is_signed: bool) -> int:
    return value - (value >> 63 << 64 if is_signed else 0)


@pytest.mark.parametrize("hard", [False, True])
def test_products(hard):
    """Of all bits, for operands of either kind; a product stays while nothing follows it."""
    seed = new_seed()
    print(f"replay with SEED={seed}")
    rng = np.random.default_rng(seed)
    unit = batch.build(IntegerMultiplier(hard=hard), name=f"integer_multiplier_{'hard' if hard else 'rows'}", latency=1)
    a, b = pairs(rng, 50_000)
    signed_a, signed_b, enable = (rng.integers(0, 2, len(a)) for _ in range(3))
    enable[0] = 1
    words = unit(a=a, b=b, signed_a=signed_a, signed_b=signed_b, enable=enable)["product"]
    found = [sum(int(word) << 32 * place for place, word in enumerate(row)) for row in words]
    last = np.maximum.accumulate(np.where(enable, np.arange(len(a)), 0))
    expected = [signed(int(a[row]), bool(signed_a[row])) * signed(int(b[row]), bool(signed_b[row])) % (1 << 128)
                for row in last]
    assert found == expected


def test_quotients_and_remainders():
    """As RISC-V has them, those by zero and of the overflow included; they stay until they are released."""
    seed = new_seed()
    print(f"replay with SEED={seed}")
    rng = np.random.default_rng(seed)
    unit = batch.build(IntegerDivider(), name="integer_divider", latency=0)
    a, b = pairs(rng, 400)
    is_signed = rng.integers(0, 2, len(a))
    cycles, rows = 70, len(a)
    start, release = np.zeros((rows, cycles), int), np.zeros((rows, cycles), int)
    start[:, 0], release[:, cycles - 1] = 1, 1
    noise = rng.integers(0, 1 << 64, (2, rows, cycles), np.uint64, endpoint=False)
    noise[0, :, 0], noise[1, :, 0] = a, b
    outputs = unit(start=start.ravel(), release=release.ravel(), a=noise[0].ravel(), b=noise[1].ravel(),
                   is_signed=np.repeat(is_signed, cycles))
    found = {name: values.reshape(rows, cycles) for name, values in outputs.items()}
    assert (found["busy"] == (np.arange(cycles) > 0)).all()
    assert (found["done"] == (np.arange(cycles) >= 65)).all()
    for row in range(rows):
        x, y = (signed(int(value), bool(is_signed[row])) for value in (a[row], b[row]))
        quotient = -1 if y == 0 else (abs(x) // abs(y)) * (-1 if (x < 0) != (y < 0) else 1)
        remainder = x - quotient * y if y else x
        assert (found["quotient"][row, 65:] == quotient % (1 << 64)).all(), (x, y)
        assert (found["remainder"][row, 65:] == remainder % (1 << 64)).all(), (x, y)
