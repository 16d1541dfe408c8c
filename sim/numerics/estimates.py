"""The estimator: integers throughout, as docs/numerics.md has it."""

import numpy as np
from numpy.typing import NDArray

from hdl.arith.estimate_table import table
from hdl.arith.operations import EstimateOperation
from hdl.number_formats import Flag

from .floats import Result
from .fp32 import FP32_INFINITY, FP32_NAN, Fp32

_OP = EstimateOperation
Integers = NDArray[np.int64]


def estimate(operation: EstimateOperation, x: Fp32) -> Result:
    """One operation of the estimator on FP32 bit patterns, element by element."""
    bits = x.astype(np.int64)
    negative, exponent, fraction = bits >> 31, bits >> 23 & 0xFF, bits & 0x7FFFFF
    nan, infinite = (exponent == 255) & (fraction != 0), (exponent == 255) & (fraction == 0)
    zero = (exponent == 0) & (fraction == 0)
    subnormal = (exponent == 0) & ~zero

    # m = 1 + f / 2^23 and E: a subnormal is normalised.
    significand = np.where(exponent > 0, fraction | 1 << 23, fraction)
    zeros = 24 - _bit_length(significand)
    f = (significand << zeros) & 0x7FFFFF
    power = np.maximum(exponent, 1) - 127 - zeros

    match operation:
        case _OP.RECIPROCAL:
            magnitude, unit, minus = _parabola(0, f), -28 - power, negative
            undefined, to_infinity, to_zero = nan, zero, infinite
        case _OP.RECIPROCAL_SQRT:
            magnitude, unit, minus = _parabola(1 + (power & 1), f), -28 - (power >> 1), negative
            undefined, to_infinity, to_zero = nan | (negative == 1) & ~zero, zero, infinite
        case _OP.EXP2:
            fixed = _fixed_point(negative, exponent, significand)
            magnitude, unit, minus = _parabola(3, fixed & 0x7FFFFF), -28 + (fixed >> 23), np.zeros_like(bits)
            undefined, to_infinity, to_zero = nan, infinite & (negative == 0), infinite & (negative == 1)
        case _:
            upper = f >> 22
            t = np.where(upper == 1, f - (1 << 23), 2 * f)
            value = t * _parabola(4, f) + (power + upper << 52)
            magnitude, unit, minus = np.abs(value), np.full_like(bits, -52), np.where(zero, 1, value < 0)
            undefined, to_infinity, to_zero = nan | (negative == 1) & ~zero, zero | infinite, np.zeros_like(zero)

    result, flags = _rounded(magnitude, unit)
    result = np.where(to_zero, 0, np.where(to_infinity, FP32_INFINITY, result)) | minus << 31
    flags = np.where(to_zero | to_infinity, np.where(zero & (operation != _OP.EXP2), Flag.OVERFLOW, 0), flags)
    result = np.where(undefined, FP32_NAN, result)
    flags = np.where(undefined, Flag.INVALID, flags) | np.where(subnormal, Flag.DENORMAL, 0)
    return Result(result.astype(np.uint32), flags.astype(np.uint8))


def _bit_length(values: Integers) -> Integers:
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _parabola(section: Integers | int, f: Integers) -> Integers:
    """y, in units of 2^-28."""
    c0, c1, c2 = np.moveaxis(np.array(table(), np.int64)[section * 64 + (f >> 17)], -1, 0)
    d = (f & 0x1FFFF) - (1 << 16)
    return (c0 << 15) + c1 * d + 2 * c2 * (d * d >> 18) >> 15


def _fixed_point(negative: Integers, exponent: Integers, significand: Integers) -> Integers:
    """x in units of 2^-23, halves rounded away from zero, and confined to [-256, 256)."""
    shift = 127 - np.maximum(exponent, 1)
    magnitude = np.where(shift > 0, (significand >> np.clip(shift - 1, 0, 62)) + 1 >> 1,
                         significand << np.clip(-shift, 0, 8))
    fixed = np.where(negative == 1, -magnitude, magnitude)
    return np.where(exponent >= 135, np.where(negative == 1, -256 << 23, 255 << 23), fixed)


def _rounded(magnitude: Integers, unit: Integers) -> tuple[NDArray, NDArray]:
    """FP32 bits, without a sign, nearest to magnitude x 2^unit, ties to even; and the flags of that."""
    length = _bit_length(magnitude)
    # Above 2^53 a float64 may have rounded up to the next power of two.
    length = length - ((length > 53) & (magnitude < 1 << np.maximum(length - 1, 0)))
    last = np.maximum(unit + length - 24, -149)
    shift = last - unit
    significand, inexact = _nearest(magnitude, shift)
    result = (last + 149 << 23) + significand
    overflow = result >= FP32_INFINITY
    # The same, rounded to 24 bits without a least exponent.
    free, _ = _nearest(magnitude, length - 24)
    tiny = (magnitude != 0) & (unit + length + (free >> 24) <= -126)
    flags = np.where(overflow, Flag.OVERFLOW, 0) | np.where(tiny & inexact, Flag.UNDERFLOW, 0)
    return np.where(magnitude == 0, 0, np.minimum(result, FP32_INFINITY)), flags


def _nearest(values: Integers, shift: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Values shifted right (left, if negative) and rounded to nearest even; and where that lost something."""
    right = np.clip(shift, 1, 62)
    odd = values >> right & 1
    rounded = values + (1 << right - 1) - 1 + odd >> right
    inexact = (shift > 0) & (values & (1 << right) - 1 != 0)
    return np.where(shift > 0, rounded, values << np.clip(-shift, 0, 62)), inexact
