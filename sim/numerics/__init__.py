"""The arithmetic of docs/numerics.md on NumPy arrays of bit patterns.

FP32 values are ``uint32``, BF16 values ``uint16``.
"""

from .floats import Flag, float_operation
from .fp32 import (
    BF16_INFINITY,
    BF16_NAN,
    FP32_INFINITY,
    FP32_NAN,
    Bf16,
    Fp32,
    bf16_from_fp32,
    bf16_from_values,
    fp32_from_bf16,
)
from .integers import integer_operation
from .matrix import FINITE, LOWER, NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY, UPPER, AccumulatorTile, matmul

__all__ = [
    "BF16_INFINITY",
    "BF16_NAN",
    "FINITE",
    "FP32_INFINITY",
    "FP32_NAN",
    "LOWER",
    "NAN",
    "NEGATIVE_INFINITY",
    "POSITIVE_INFINITY",
    "UPPER",
    "AccumulatorTile",
    "Bf16",
    "Flag",
    "Fp32",
    "bf16_from_fp32",
    "bf16_from_values",
    "float_operation",
    "fp32_from_bf16",
    "integer_operation",
    "matmul",
]
