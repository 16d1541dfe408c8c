"""FP32 and BF16, and conversions between them."""

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
