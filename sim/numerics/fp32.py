"""FP32 and BF16: arithmetic by NumPy's `float32`, which is IEEE 754, with every NaN made the canonical one."""

import numpy as np
from numpy.typing import NDArray

Bf16 = NDArray[np.uint16]
Fp32 = NDArray[np.uint32]

FP32_NAN = 0x7FC00000
FP32_INFINITY = 0x7F800000
BF16_NAN = 0x7FC0
BF16_INFINITY = 0x7F80


def _is_nan(bits: Fp32) -> NDArray[np.bool_]:
    return (bits & 0x7FFFFFFF) > FP32_INFINITY


def _canonical(values: NDArray[np.float32]) -> Fp32:
    return np.where(np.isnan(values), np.uint32(FP32_NAN), values.view(np.uint32))


def fp32_add(a: Fp32, b: Fp32) -> Fp32:
    """a + b, rounded to nearest even."""
    with np.errstate(all="ignore"):
        return _canonical(a.view(np.float32) + b.view(np.float32))


def fp32_mul(a: Fp32, b: Fp32) -> Fp32:
    """a x b, rounded to nearest even."""
    with np.errstate(all="ignore"):
        return _canonical(a.view(np.float32) * b.view(np.float32))


def fp32_max(a: Fp32, b: Fp32) -> Fp32:
    """IEEE 754-2019 maximumNumber: -0 < +0; the other operand if one is NaN; the canonical NaN if both are."""
    # Flipping all bits of a negative number, and the sign of a positive one, makes the bit patterns ascend.
    a_key, b_key = (np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)) for bits in (a, b))
    result = np.where(_is_nan(b) | ~_is_nan(a) & (a_key >= b_key), a, b)
    return np.where(_is_nan(a) & _is_nan(b), np.uint32(FP32_NAN), result)


def bf16_from_fp32(bits: Fp32) -> Bf16:
    """FP32 to BF16, rounded to nearest even; overflow gives an infinity."""
    half_below_odd = np.uint32(0x7FFF) + (bits >> 16 & 1)
    # A NaN may wrap around here; it is replaced.
    rounded = (bits + half_below_odd) >> 16
    return np.where(_is_nan(bits), np.uint32(BF16_NAN), rounded).astype(np.uint16)


def fp32_from_bf16(bits: Bf16) -> Fp32:
    """BF16 to FP32, which is exact."""
    return bits.astype(np.uint32) << np.uint32(16)


def bf16_from_values(values: object) -> Bf16:
    """BF16 bits of numbers, rounded to FP32 first (which numbers of FP32 do not notice)."""
    return bf16_from_fp32(np.asarray(values, np.float32).view(np.uint32))
