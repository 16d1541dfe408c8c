"""The matrix unit: integers throughout, and exact as docs/numerics.md defines it."""

import numpy as np
from numpy.typing import NDArray

from hdl.config import Config
from hdl.number_formats import Denormals, Format, checked_format

from .formats import bf16_from_cfloat8, checked_bias
from .fp32 import FP32_INFINITY, FP32_NAN, Bf16, Fp32

#: What an operand can be.
OPERAND_FORMATS = (Format.BF16, Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2)

#: The kinds of an accumulator element. NaN is both infinities, so what an element becomes is the OR of all it has met.
FINITE, POSITIVE_INFINITY, NEGATIVE_INFINITY, NAN = 0, 1, 2, 3
_SPECIAL_BITS = np.array([0, FP32_INFINITY, 1 << 31 | FP32_INFINITY, FP32_NAN])

#: Bits of a digit of an anchor, and the weight of the lowest bit of the sum at anchor 0, as a power of two.
DIGIT = 16
LOWEST = -284

#: An aligned sum outside [-UPPER, UPPER) moves the anchor up a digit; one inside [-LOWER, LOWER) may move it down.
UPPER = 1 << 50
LOWER = 1 << 33

#: Digits below the anchor from which on a product of a group, and a sum or a group as a whole, are dropped.
PRODUCT_REACH = 3
SUM_REACH = 4


def matrix_operand(register: bytes, shape: tuple[int, int], code: int, *, bias: int = 0,
                   denormals: Denormals = Denormals.TESLA, half: int = 0) -> Bf16:
    """A or B as BF16, from the vector register that holds it.

    Parameters
    ----------
    register : bytes
        The lowest byte first.
    shape : (int, int)
        (M, K) or (K, N).
    code : int
        Its `Format`, one of `OPERAND_FORMATS`.
    bias, denormals, half
        Of CFloat8: the bias, the rule for denormals, and the half of the operand's bytes that it fills.

    Raises
    ------
    ValueError
        If the format is none of a matrix operand, the bias is above 63, or the half is not 0 or 1.
    """
    if checked_format(code) not in OPERAND_FORMATS:
        raise ValueError(f"a matrix operand cannot be {Format(code).name}; it can be "
                         + ", ".join(form.name for form in OPERAND_FORMATS))
    if half not in (0, 1):
        raise ValueError(f"the half of a register must be 0 or 1, not {half!r}")
    count = shape[0] * shape[1]
    if code == Format.BF16:
        return np.frombuffer(register, np.uint16, count).reshape(shape)
    codes = np.frombuffer(register, np.uint8, count, offset=half * count).reshape(shape)
    return bf16_from_cfloat8(codes, code, bias=int(checked_bias(bias)), denormals=denormals)


class _Operand:
    """A BF16 array taken apart: sign, significand m with that sign, exponent E, and who is zero, infinite or NaN."""

    def __init__(self, bits: Bf16):
        wide = bits.astype(np.int64)
        exponent, fraction = wide >> 7 & 0xFF, wide & 0x7F
        self.negative = wide >> 15 == 1
        magnitude = fraction | np.where(exponent > 0, 0x80, 0)
        self.significand = np.where(self.negative, -magnitude, magnitude)
        self.exponent = np.maximum(exponent, 1)
        self.zero = magnitude == 0
        self.infinite = (exponent == 0xFF) & (fraction == 0)
        self.nan = (exponent == 0xFF) & (fraction != 0)
        self.special = exponent == 0xFF


class AccumulatorTile:
    """A tile of accumulator elements and its step, `mmul.bf16`.

    Parameters
    ----------
    rows, columns : int
        Elements of the tile: an accumulator of the hardware is M x N; a model of a whole product may be larger,
        since elements do not touch each other.

    Attributes
    ----------
    special, anchor, sum : int64 arrays [rows, columns]
        The kind (`FINITE` ...), G and S of each element.
    """

    def __init__(self, rows: int, columns: int):
        self.special = np.zeros((rows, columns), np.int64)
        self.anchor = np.zeros((rows, columns), np.int64)
        self.sum = np.zeros((rows, columns), np.int64)

    def zero(self) -> None:
        """`mzero`."""
        for array in (self.special, self.anchor, self.sum):
            array[...] = 0

    def step(self, a: Bf16, b: Bf16) -> None:
        """Add a x b, one step of the hardware's depth: `a` is [rows, K], `b` is [K, columns]."""
        self.step_each(a[:, :, None], b[None, :, :])

    def step_each(self, a: Bf16, b: Bf16) -> None:
        """A step with pairs of each element's own: `a` and `b` broadcast to [rows, K, columns]."""
        left, right = _Operand(a), _Operand(b)
        negative = left.negative ^ right.negative
        if left.special.any() or right.special.any():
            self._meet_specials(left, right, negative)
        ignored = left.zero | right.zero | left.special | right.special

        exponent = left.exponent + right.exponent
        digit = np.where(ignored, -1, exponent >> 4)
        group = digit.max(axis=1)
        products = left.significand * right.significand << (exponent & 15) + DIGIT
        products = np.where(ignored, 0, _moved_down(products, group[:, None, :] - digit, PRODUCT_REACH))
        total = products.sum(axis=1)

        anchor = np.where(self.sum == 0, group, np.maximum(self.anchor, group))
        aligned = _moved_down(self.sum, anchor - self.anchor, SUM_REACH)
        total = aligned + _moved_down(total, anchor - group, SUM_REACH)
        up = (aligned < -UPPER) | (aligned >= UPPER)
        down = (aligned >= -LOWER) & (aligned < LOWER) & (group < anchor)
        new_sum = np.where(up, total >> DIGIT, np.where(down, total << DIGIT, total))
        new_anchor = np.where(total == 0, 0, anchor + up - down)

        empty = group < 0
        self.sum = np.where(empty, self.sum, new_sum)
        self.anchor = np.where(empty, self.anchor, new_anchor)

    def load(self, values: Fp32, *, row: int = 0) -> None:
        """Set the elements of the rows from `row` on to FP32 `values`, [rows, columns]."""
        wide = values.astype(np.int64)
        exponent, fraction = wide >> 23 & 0xFF, wide & 0x7FFFFF
        magnitude = fraction | np.where(exponent > 0, 1 << 23, 0)
        shifted = np.maximum(exponent, 1) + 124
        total = magnitude << 10 + (shifted & 15)
        special = np.where(wide >> 31 == 1, NEGATIVE_INFINITY, POSITIVE_INFINITY)
        rows = slice(row, row + len(values))
        self.sum[rows] = np.where(wide >> 31 == 1, -total, total)
        self.anchor[rows] = np.where(magnitude == 0, 0, shifted >> 4)
        self.special[rows] = np.where(exponent < 0xFF, FINITE, np.where(fraction == 0, special, NAN))

    def _meet_specials(self, left: _Operand, right: _Operand, negative: NDArray[np.int64]) -> None:
        invalid = left.nan | right.nan | left.infinite & right.zero | left.zero & right.infinite
        kinds = np.where(negative, NEGATIVE_INFINITY, POSITIVE_INFINITY)
        kinds = np.where(left.special | right.special, kinds, FINITE)
        kinds = np.where(invalid, NAN, kinds)
        self.special = self.special | np.bitwise_or.reduce(kinds, axis=1)

    def read(self) -> Fp32:
        """`mread`: every element, rounded once to FP32."""
        magnitude = np.abs(self.sum)
        unit = self.anchor * DIGIT + LOWEST
        # Weight of the result's last bit: 24 bits below the value's top, but never below a subnormal's.
        last = np.maximum(unit + _bit_length(magnitude) - 24, -149)
        rounded = _shifted_to_nearest(magnitude, last - unit)
        # A significand of 2^23 or more carries into the exponent field by itself.
        bits = np.minimum((last + 149 << 23) + rounded, FP32_INFINITY)
        bits = np.where(magnitude == 0, 0, bits) | np.where(self.sum < 0, 1 << 31, 0)
        return np.where(self.special == FINITE, bits, _SPECIAL_BITS[self.special]).astype(np.uint32)


def _moved_down(values: NDArray[np.int64], digits: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
    """Rounded down by so many digits; dropped from `reach` digits on. Less than 0 digits, of what is 0, count as 0."""
    return np.where(digits < reach, values >> np.clip(digits * DIGIT, 0, 63), 0)


def _bit_length(values: NDArray[np.int64]) -> NDArray[np.int64]:
    length = np.zeros_like(values)
    for step in (32, 16, 8, 4, 2, 1):
        large = values >> step > 0
        length += np.where(large, step, 0)
        values = np.where(large, values >> step, values)
    return length + values


def _shifted_to_nearest(values: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Non-negative values below 2^52, shifted right and rounded to nearest even (or, where negative, left)."""
    shift = np.clip(right, 1, 60)
    odd = values >> shift & 1
    rounded = values + (1 << shift - 1) - 1 + odd >> shift
    return np.where(right > 0, rounded, values << np.maximum(-right, 0))


def matmul(a: Bf16, b: Bf16, config: Config) -> Fp32:
    """The product of whole matrices by the steps that the hardware takes: K ascending, `config.k` at a time.

    Parameters
    ----------
    a : uint16 array [rows, depth]
    b : uint16 array [depth, columns]
        BF16 bits. A depth that is not a multiple of `config.k` is padded with +0 in both.

    Returns
    -------
    uint32 array [rows, columns]
        FP32 bits.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"matrices of shapes {a.shape} and {b.shape} cannot be multiplied")
    tile = AccumulatorTile(a.shape[0], b.shape[1])
    padding = -a.shape[1] % config.k
    a, b = np.pad(a, ((0, 0), (0, padding))), np.pad(b, ((0, padding), (0, 0)))
    for start in range(0, a.shape[1], config.k):
        tile.step(a[:, start:start + config.k], b[start:start + config.k])
    return tile.read()
