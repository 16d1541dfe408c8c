"""How far a sum of the matrix unit is from the exact one: searched for, and beside a chain of FP32 FMAs."""

import numpy as np
from numpy.typing import NDArray

from sim.numerics import AccumulatorTile, Bf16
from sim.numerics.matrix import LOWEST

#: The documented bound: after n steps of K products the error is below n K 2^-30 B.
BOUND = 2.0 ** -30

#: Weight of a product's lowest bit at exponent sum 0, as a power of two.
_PRODUCT_LOWEST = -268


def _integers(a: Bf16, b: Bf16) -> NDArray[np.object_]:
    """Exact products of finite BF16, in units of 2^-284."""
    def parts(bits: Bf16):
        wide = bits.astype(np.int64)
        exponent = wide >> 7 & 0xFF
        magnitude = wide & 0x7F | np.where(exponent > 0, 0x80, 0)
        return np.where(wide >> 15 == 1, -magnitude, magnitude), np.maximum(exponent, 1)

    (left, left_exponent), (right, right_exponent) = parts(a), parts(b)
    shift = (left_exponent + right_exponent + _PRODUCT_LOWEST - LOWEST).astype(object)
    return (left * right).astype(object) << shift


def errors(a: Bf16, b: Bf16) -> NDArray[np.float64]:
    """Each chain's largest error after a step, before it is read, as a share of the documented bound.

    Parameters
    ----------
    a, b : uint16 array [chains, steps, K]
        Finite BF16.
    """
    chains, steps, depth = a.shape
    tile = AccumulatorTile(chains, 1)
    exact, largest = np.zeros(chains, object), np.ones(chains, object)
    worst = np.zeros(chains)
    for step in range(steps):
        products = _integers(a[:, step], b[:, step])
        tile.step_each(a[:, step, :, None], b[:, step, :, None])
        exact = exact + products.sum(axis=1)
        largest = np.maximum(largest, np.maximum(np.abs(exact), np.abs(products).max(axis=1)))
        held = tile.sum[:, 0].astype(object) << (16 * tile.anchor[:, 0]).astype(object)
        share = np.array([(abs(int(h) - int(e)) << 30) / ((step + 1) * depth * int(most))
                          for h, e, most in zip(held, exact, largest, strict=True)])
        worst = np.maximum(worst, share)
    return worst


def search(rng: np.random.Generator, *, depth: int, steps: int, chains: int, rounds: int) -> float:
    """The largest share of the bound that random chains and hill climbing from the best of them find."""
    def normal(shape: tuple[int, ...], center: NDArray[np.int64]) -> Bf16:
        exponent = np.clip(center + rng.integers(-40, 41, shape), 1, 254)
        return (rng.integers(0, 2, shape) << 15 | exponent << 7 | rng.integers(0, 128, shape)).astype(np.uint16)

    shape = chains, steps, depth
    a, b = (normal(shape, rng.integers(60, 190, (chains, 1, 1))) for _ in range(2))
    best = errors(a, b)
    for _ in range(rounds):
        order = np.argsort(best)[::-1][:chains // 8]
        parents = rng.choice(order, chains)
        changed = []
        for side in (a, b):
            child = side[parents]
            where = rng.random(shape) < 1 / steps
            flips = np.where(rng.random(shape) < 0.5, 1 << rng.integers(0, 16, shape), rng.integers(0, 128, shape))
            moved = np.where(where, child ^ flips, child).astype(np.int64)
            exponent = np.clip(moved >> 7 & 0xFF, 1, 254)
            changed.append((moved & 0x807F | exponent << 7).astype(np.uint16))
        found = errors(*changed)
        pool, sides = np.concatenate([best, found]), [
            np.concatenate([old, new]) for old, new in zip((a, b), changed, strict=True)]
        kept = np.argsort(pool)[::-1][:chains]
        best, (a, b) = pool[kept], (side[kept] for side in sides)
    return float(best.max())


def beside_fma(rng: np.random.Generator, *, depth: int, steps: int, chains: int, spread: int,
               cancelling: bool) -> tuple[float, float]:
    """Mean relative error of the matrix unit and of FP32 FMAs on the same chains, against their largest partial sum.

    Exponents lie in `spread` binary orders; `cancelling` chains end by taking their first half away but for the last
    bits. An FMA is computed in FP64 and rounded to FP32.
    """
    shape = chains, steps, depth
    a, b = ((rng.integers(0, 2, shape) << 15 | rng.integers(127 - spread // 2, 128 + spread // 2, shape) << 7
             | rng.integers(0, 128, shape)).astype(np.uint16) for _ in range(2))
    if cancelling:
        half = steps // 2
        a[:, half:2 * half] = a[:, :half] ^ 0x8000 ^ (rng.random((chains, half, depth)) < 0.05)
        b[:, half:2 * half] = b[:, :half]
    tile = AccumulatorTile(chains, 1)
    exact, largest = np.zeros(chains, object), np.ones(chains, object)
    chain = np.zeros(chains, np.float32)
    values = [(side.astype(np.uint32) << 16).view(np.float32).astype(np.float64) for side in (a, b)]
    for step in range(steps):
        tile.step_each(a[:, step, :, None], b[:, step, :, None])
        exact = exact + _integers(a[:, step], b[:, step]).sum(axis=1)
        largest = np.maximum(largest, np.abs(exact))
        for k in range(depth):
            chain = (chain + values[0][:, step, k] * values[1][:, step, k]).astype(np.float32)

    def mean(results: NDArray[np.float32]) -> float:
        return float(np.mean([abs(_exactly(float(value)) - int(e)) / int(most)
                              for value, e, most in zip(results, exact, largest, strict=True)]))

    return mean(tile.read()[:, 0].view(np.float32)), mean(chain)


def _exactly(value: float) -> int:
    numerator, denominator = value.as_integer_ratio()
    return (numerator << -LOWEST) // denominator
