"""The arithmetic of docs/numerics.md on NumPy arrays of bit patterns.

FP32 values are ``uint32``, BF16 values ``uint16``; the other formats are unsigned integers of any kind, and say so.
"""

from .convert import Converted, convert
from .estimates import estimate
from .floats import float_operation
from .formats import bf16_from_cfloat8, checked_bias, decode
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
from .matrix import (
    FINITE,
    LOWER,
    NAN,
    NEGATIVE_INFINITY,
    OPERAND_FORMATS,
    POSITIVE_INFINITY,
    UPPER,
    AccumulatorTile,
    matmul,
    matrix_operand,
)
from .stochastic import advanced, loaded, seeded

__all__ = [
    "BF16_INFINITY",
    "BF16_NAN",
    "FINITE",
    "FP32_INFINITY",
    "FP32_NAN",
    "LOWER",
    "NAN",
    "NEGATIVE_INFINITY",
    "OPERAND_FORMATS",
    "POSITIVE_INFINITY",
    "UPPER",
    "AccumulatorTile",
    "Bf16",
    "Converted",
    "Fp32",
    "advanced",
    "bf16_from_cfloat8",
    "bf16_from_fp32",
    "bf16_from_values",
    "checked_bias",
    "convert",
    "decode",
    "estimate",
    "float_operation",
    "fp32_from_bf16",
    "integer_operation",
    "loaded",
    "matmul",
    "matrix_operand",
    "seeded",
]
