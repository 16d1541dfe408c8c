"""Numbers of every format as `float64`, in which each of them is exact."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hdl.number_formats import BIAS_LIMIT, FLOATS, INTEGERS, Denormals, checked_format

from .fp32 import Bf16

Codes = NDArray[np.integer]


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
    form, biases = checked_format(code), checked_bias(bias)
    bits = np.asarray(codes).astype(np.int64)
    if form in INTEGERS:
        half = 1 << INTEGERS[form] - 1
        return ((bits ^ half) - half).astype(np.float64)
    fields = FLOATS[form]
    exponent = bits >> fields.fraction_bits & (1 << fields.exponent_bits) - 1
    fraction = bits & (1 << fields.fraction_bits) - 1
    negative = bits >> fields.bits - 1 & 1 if fields.signed else np.zeros_like(bits)

    one = 1 << fields.fraction_bits
    bumped = fields.bias is not None or Denormals(denormals) is Denormals.IEEE
    power = np.where(exponent == 0, int(bumped), exponent) - (biases if fields.bias is None else fields.bias)
    significand = np.where(exponent == 0, 0 if fields.flushes else fraction, one + fraction)
    values = np.ldexp(significand.astype(np.float64), power - fields.fraction_bits)
    if fields.specials:
        special = exponent == (1 << fields.exponent_bits) - 1
        values = np.where(special, np.where(fraction == 0, np.inf, np.nan), values)
    return np.where(negative == 1, -values, values)


def bf16_from_cfloat8(codes: Codes, code: int, *, bias: ArrayLike = 0,
                      denormals: Denormals = Denormals.TESLA) -> Bf16:
    """CFloat8 to BF16, which is exact; arguments are those of `decode`."""
    bits = decode(codes, code, bias=bias, denormals=denormals).astype(np.float32).view(np.uint32)
    return (bits >> 16).astype(np.uint16)
