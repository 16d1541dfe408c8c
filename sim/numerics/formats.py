"""Numbers of every format as `float64`, in which each of them is exact."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hdl.number_formats import BIAS_LIMIT, FLOATS, INTEGERS, Denormals, FloatFields, Format, checked_format

from .fp32 import Bf16

Codes = NDArray[np.integer]
Biases = NDArray[np.int64] | np.int64


def checked_bias(bias: ArrayLike) -> NDArray[np.int64]:
    """A bias, or an array of them, as int64; a ValueError quotes one that is not from 0 to 63."""
    values = np.asarray(bias)
    wrong = (values < 0) | (values > BIAS_LIMIT)
    if not np.issubdtype(values.dtype, np.integer) or wrong.any():
        quoted = values[wrong].flat[0] if wrong.any() else bias
        raise ValueError(f"a bias must be an integer from 0 to {BIAS_LIMIT}, not {quoted!r}")
    return values.astype(np.int64)


def decode(codes: Codes, code: int, *, bias: ArrayLike = 0,
           denormals: Denormals = Denormals.TESLA) -> NDArray[np.float64]:
    """The numbers that bit patterns of a format stand for.

    Parameters
    ----------
    codes : integer array
        Bit patterns, as unsigned numbers.
    code : int
        Their `Format`.
    bias : int or integer array that broadcasts
        Of the formats that have a run-time bias; the others ignore it.
    denormals : Denormals
        For the same formats.

    Raises
    ------
    ValueError
        If the format is undefined or a bias is above 63.
    """
    form, biases, rule = checked_format(code), checked_bias(bias), Denormals(denormals)
    bits = _fields(codes)
    if form in INTEGERS:
        half = 1 << INTEGERS[form] - 1
        return ((bits ^ half) - half).astype(np.float64)
    fields = FLOATS[form]
    magnitude = bits & (1 << fields.exponent_bits + fields.fraction_bits) - 1
    values = magnitudes(magnitude, fields, biases, rule)
    if fields.flushes:
        values = np.where(magnitude < fields.one, 0.0, values)
    if fields.specials:
        values = np.where(magnitude > fields.largest, np.inf, values)
        values = np.where(magnitude > fields.largest + 1, np.nan, values)
    return np.where(is_negative(bits, form), -values, values)


def magnitudes(bits: Codes, fields: FloatFields, bias: Biases, rule: Denormals) -> NDArray[np.float64]:
    """The numbers that exponent and fraction stand for, if denormals are not flushed and the exponent has no limit."""
    exponent, fraction = bits >> fields.fraction_bits, bits & fields.one - 1
    of_denormals = 0 if fields.bias is None and rule is Denormals.TESLA else 1
    power = np.where(exponent == 0, of_denormals, exponent) - (bias if fields.bias is None else fields.bias)
    significand = np.where(exponent == 0, fraction, fields.one + fraction).astype(np.float64)
    return np.ldexp(significand, power - fields.fraction_bits)


def is_negative(codes: Codes, form: Format) -> NDArray[np.bool_]:
    """Whose sign bit is set, zeros and NaNs included."""
    if form in INTEGERS:
        return _fields(codes) >> INTEGERS[form] - 1 & 1 == 1
    fields = FLOATS[form]
    return _fields(codes) >> fields.exponent_bits + fields.fraction_bits & fields.signed == 1


def is_denormal(codes: Codes, form: Format) -> NDArray[np.bool_]:
    """Which are denormals, those that are flushed included."""
    if form in INTEGERS:
        return np.zeros(np.shape(codes), np.bool_)
    fields = FLOATS[form]
    magnitude = _fields(codes) & (1 << fields.exponent_bits + fields.fraction_bits) - 1
    return (magnitude > 0) & (magnitude < fields.one)


def _fields(codes: Codes) -> NDArray[np.int64]:
    return np.asarray(codes).astype(np.int64)


def bf16_from_cfloat8(codes: Codes, code: int, *, bias: ArrayLike = 0,
                      denormals: Denormals = Denormals.TESLA) -> Bf16:
    """CFloat8 to BF16, which is exact; arguments are those of `decode`."""
    bits = decode(codes, code, bias=bias, denormals=denormals).astype(np.float32).view(np.uint32)
    return (bits >> 16).astype(np.uint16)
