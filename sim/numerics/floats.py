"""The float lane: operations on arrays of FP32 (``uint32``) or BF16 (``uint16``) bit patterns, with flags."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hdl.arith.operations import FloatOperation
from hdl.number_formats import Flag

Bits = NDArray[np.unsignedinteger]
Values = NDArray[np.float64]

_OP = FloatOperation

#: Significand bits, the hidden one included, of the format whose patterns have so many bytes.
_PRECISION = {4: 24, 2: 8}


class Result(NamedTuple):
    """Bit patterns of the results, and the `Flag` set that each operation raises, as ``uint8``."""

    bits: Bits
    flags: NDArray[np.uint8]


def float_operation(operation: FloatOperation, a: Bits, b: Bits, c: Bits | None = None) -> Result:
    """One operation of the float lane, element by element.

    Parameters
    ----------
    operation : FloatOperation
    a, b, c : uint32 arrays (FP32) or uint16 arrays (BF16)
        Operands; `c` of the fused operations only.

    Raises
    ------
    TypeError
        If the arrays are not of one of these types, or `c` is missing.
    """
    used = [a, b] if not operation.takes_c else [a, b, c]
    if any(bits is None or bits.dtype != a.dtype or bits.dtype not in (np.uint32, np.uint16) for bits in used):
        types = ", ".join("nothing" if bits is None else str(bits.dtype) for bits in used)
        raise TypeError(f"{operation.name} takes {len(used)} arrays of uint32 or of uint16, not {types}")
    result = _bits_of(operation, a, b) if operation >= _OP.SIGN else None
    if result is not None:
        return Result(result, np.zeros(result.shape, np.uint8))
    operands = [_value(bits) for bits in used if bits is not None]
    nan = np.isnan(operands[0]) | np.isnan(operands[1])
    with np.errstate(all="ignore"):
        if operation < _OP.MIN:
            bits, flags = _rounded(_fused(operation, operands), a.dtype)
        else:
            bits = _compared(operation, a, b, *operands)
            flags = np.where(nan, Flag.INVALID, 0)
    denormal = np.any([(np.abs(value) < 2.0**-126) & (value != 0) for value in operands], axis=0)
    return Result(bits, (flags | np.where(denormal, Flag.DENORMAL, 0)).astype(np.uint8))


def _value(bits: Bits) -> Values:
    """FP32 or BF16 as float64, which is exact."""
    single = bits if bits.dtype.itemsize == 4 else bits.astype(np.uint32) << np.uint32(16)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return single.view(np.float32).astype(np.float64)


def _encoded(values: Values, dtype: np.dtype) -> Bits:
    """Bit patterns of numbers of the format; the canonical NaN."""
    with np.errstate(over="ignore"):
        single = np.where(np.isnan(values), np.uint32(0x7FC00000), values.astype(np.float32).view(np.uint32))
    return single if dtype.itemsize == 4 else (single >> np.uint32(16)).astype(dtype)


def _fused(operation: FloatOperation, operands: list[Values]) -> Values:
    """The exact result rounded to odd in float64: what a rounding to fewer bits makes of it is right.

    The product of two 24-bit significands is exact in float64. Its sum with the addend is not; what rounding it has
    lost is found exactly (Knuth's TwoSum). If it lost something and the last bit is 0, then the neighbour on the side
    of what was lost is the odd one.
    """
    a, b, *c = operands
    match operation:
        case _OP.ADD | _OP.SUB:
            product, addend = a, b
        case _OP.MUL:
            product = a * b
            addend = np.copysign(0.0, product)
        case _:
            product, addend = a * b, c[0]
    if operation in (_OP.NMSUB, _OP.NMADD):
        product = -product
    if operation in (_OP.SUB, _OP.MSUB, _OP.NMADD):
        addend = -addend
    total = product + addend
    back = total - product
    lost = (product - (total - back)) + (addend - back)
    pattern = total.view(np.int64)
    even = (pattern & 1 == 0) & (lost != 0) & np.isfinite(lost)
    outwards = (lost > 0) == (total > 0)
    return (pattern + np.where(even, np.where(outwards, 1, -1), 0)).view(np.float64)


def _rounded(values: Values, dtype: np.dtype) -> tuple[Bits, NDArray]:
    """Nearest, ties to even, at the format's precision and least exponent; and the flags of that."""
    precision = _PRECISION[dtype.itemsize]
    _, exponent = np.frexp(values)
    unit = np.maximum(exponent - precision, -126 - precision + 1)
    result = np.ldexp(np.rint(np.ldexp(values, -unit)), unit)
    finite = np.isfinite(values)
    overflow = finite & (np.abs(result) >= 2.0**128)
    # Below this, rounding to that many bits at any exponent does not reach the least normal number.
    tiny = np.abs(values) < 2.0**-126 * (1 - 2.0**-(precision + 1))
    underflow = tiny & (result != values)
    result[overflow] = np.copysign(np.inf, result[overflow])
    flags = (np.where(np.isnan(values), Flag.INVALID, 0) | np.where(overflow, Flag.OVERFLOW, 0)
             | np.where(underflow, Flag.UNDERFLOW, 0))
    return _encoded(result, dtype), flags


def _compared(operation: FloatOperation, a: Bits, b: Bits, x: Values, y: Values) -> Bits:
    match operation:
        case _OP.MIN | _OP.MAX:
            # IEEE 754 has -0 below +0 here.
            less = (x < y) | (x == y) & np.signbit(x) & ~np.signbit(y)
            first = np.isnan(y) | (less if operation is _OP.MIN else ~less) & ~np.isnan(x)
            return np.where(np.isnan(x) & np.isnan(y), _encoded(x, a.dtype), np.where(first, a, b))
        case _OP.EQ:
            holds = x == y
        case _OP.LT:
            holds = x < y
        case _:
            holds = x <= y
    return np.where(holds, a.dtype.type(-1 % (1 << 8 * a.dtype.itemsize)), a.dtype.type(0))


def _bits_of(operation: FloatOperation, a: Bits, b: Bits) -> Bits:
    sign = a.dtype.type(1 << 8 * a.dtype.itemsize - 1)
    match operation:
        case _OP.SIGN:
            chosen = b
        case _OP.SIGN_NOT:
            chosen = ~b
        case _:
            chosen = a ^ b
    return a & ~sign | chosen & sign
