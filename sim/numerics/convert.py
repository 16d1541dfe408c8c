"""Conversions between all formats, as docs/numerics.md has them: neighbours and distances, exact in `float64`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hdl.number_formats import (
    FLOATS,
    INTEGERS,
    Denormals,
    Flag,
    FloatFields,
    Rounding,
    checked_format,
    checked_rounding,
)

from .formats import Codes, checked_bias, decode, is_denormal, is_negative, magnitudes

#: Beyond the largest integer of all, and still exact.
_FAR = 2.0 ** 40


class Converted(NamedTuple):
    """Bit patterns, and the `Flag` bits of each."""

    codes: NDArray[np.uint32]
    flags: NDArray[np.uint8]


def convert(codes: Codes, source: int, target: int, *, source_bias: ArrayLike = 0, target_bias: ArrayLike = 0,
            denormals: Denormals = Denormals.TESLA, rounding: int = Rounding.NEAREST,
            draws: ArrayLike = 0) -> Converted:
    """Convert bit patterns of format `source` to format `target`.

    Parameters
    ----------
    codes : integer array
        Bit patterns, as unsigned numbers.
    source, target : int
        `Format` codes.
    source_bias, target_bias : int or integer array that broadcasts
        Of operand and result, if their formats have one.
    denormals : Denormals
        Of both.
    rounding : int
        A `Rounding` code.
    draws : int or uint32 array that broadcasts
        For stochastic rounding.

    Raises
    ------
    ValueError
        If a format is undefined, a rounding reserved, or a bias above 63.
    """
    source, target = checked_format(source), checked_format(target)
    mode, rule = checked_rounding(rounding), Denormals(denormals)
    values = decode(codes, source, bias=source_bias, denormals=rule)
    negative = is_negative(codes, source)
    draws = np.asarray(draws).astype(np.float64)
    if target in INTEGERS:
        patterns, flags = _to_integer(values, negative, INTEGERS[target], mode, draws)
    else:
        patterns, flags = _to_float(values, negative, FLOATS[target], checked_bias(target_bias), rule, mode, draws)
    flags |= np.where(np.isnan(values), Flag.INVALID, 0) | np.where(is_denormal(codes, source), Flag.DENORMAL, 0)
    return Converted(patterns.astype(np.uint32), flags.astype(np.uint8))


def _goes_up(size: NDArray, low: NDArray, high: NDArray, odd: NDArray, mode: Rounding, draws: NDArray) -> NDArray:
    """Which magnitudes round to their upper neighbour."""
    lost, gap = size - low, high - low
    if mode is Rounding.STOCHASTIC:
        return lost * 2.0 ** 32 > draws * gap
    return (2 * lost > gap) | (2 * lost == gap) & odd


def _to_integer(values: NDArray, negative: NDArray, bits: int, mode: Rounding, draws: NDArray) -> tuple:
    size = np.minimum(np.where(np.isnan(values), _FAR, np.abs(values)), _FAR)
    low = np.floor(size)
    rounded = low + _goes_up(size, low, low + 1, low % 2 == 1, mode, draws)
    below = negative & ~np.isnan(values)
    limit = 2.0 ** (bits - 1) - ~below
    whole = np.where(below, -1, 1) * np.minimum(rounded, limit).astype(np.int64)
    return whole & (1 << bits) - 1, np.where(rounded > limit, Flag.INVALID, 0)


def _to_float(values: NDArray, negative: NDArray, fields: FloatFields, bias: NDArray[np.int64], rule: Denormals,
              mode: Rounding, draws: NDArray) -> tuple:
    finite = np.isfinite(values)
    size = np.where(finite, np.abs(values), 0.0)
    low = _floor(size, fields, bias, rule)
    lower, upper = (magnitudes(code, fields, bias, rule) for code in (low, low + 1))
    rounded = low + _goes_up(size, lower, upper, low % 2 == 1, mode, draws)
    smallest = magnitudes(np.asarray(fields.one), fields, bias, rule)
    flushed = (rounded < fields.one) if fields.flushes else np.zeros_like(finite)
    code = np.where(flushed, 0, rounded)

    limit = smallest if mode is Rounding.STOCHASTIC else smallest * (1 - 0.25 / fields.one)
    tiny = (size < limit) & ((size != lower) | flushed & (size > 0))
    overflow = (rounded > fields.largest) | np.isinf(values) & (not fields.specials)
    infinite = np.isinf(values) | overflow
    invalid = np.zeros_like(finite)
    if not fields.signed:
        invalid = negative & (values < 0)
        code, infinite, overflow, tiny = (np.where(negative, 0, each) for each in (code, infinite, overflow, tiny))
    if fields.specials:
        code = np.where(infinite == 1, fields.largest + 1, code)
        code = np.where(np.isnan(values), fields.nan, code)
    else:
        code = np.where((infinite == 1) | np.isnan(values), fields.largest, code)
    signs = negative & ~(np.isnan(values) & fields.specials) & fields.signed
    flags = (np.where(invalid, Flag.INVALID, 0) | np.where(overflow, Flag.OVERFLOW, 0)
             | np.where(tiny, Flag.UNDERFLOW, 0))
    return code | signs.astype(np.int64) << fields.bits - 1, flags


def _floor(size: NDArray, fields: FloatFields, bias: NDArray[np.int64], rule: Denormals) -> NDArray[np.int64]:
    """The code of the largest magnitude that is not above `size`, with no limit to the exponent."""
    _, power = np.frexp(size)
    scale = fields.bias if fields.bias is not None else bias
    exponent = np.where(size == 0, 0, power - 1 + scale)
    normal = exponent >= 1
    significand = np.floor(np.ldexp(size, np.where(normal, fields.fraction_bits + 1 - power, 0))).astype(np.int64)
    lowest = magnitudes(np.asarray(1), fields, bias, rule)
    denormal = np.minimum(np.floor(np.where(normal, 0.0, size) / lowest).astype(np.int64), fields.one - 1)
    return np.where(normal, significand + (exponent - 1 << fields.fraction_bits), denormal)
