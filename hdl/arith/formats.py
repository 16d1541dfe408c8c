"""The floating-point formats of docs/numerics.md, and numbers taken apart."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Mux, Value, unsigned
from amaranth.lib import data

#: An `Fp32` or a `Bf16`; what `Signal` makes of them is a view, too.
View = data.View | Value

#: The only NaN that an operation gives, and +Inf.
FP32_NAN = 0x7FC00000
BF16_NAN = 0x7FC0
FP32_INFINITY = 0x7F800000

#: The biased exponent of infinities and NaNs; that of 1.0.
EXPONENT_MAX = 0xFF
BIAS = 127


class Fp32(data.Struct):
    """IEEE 754 binary32."""

    fraction: unsigned(23)
    exponent: unsigned(8)
    sign: unsigned(1)


class Bf16(data.Struct):
    """The upper half of an FP32."""

    fraction: unsigned(7)
    exponent: unsigned(8)
    sign: unsigned(1)


class Flags(data.Struct):
    """What an operation has to say about its operands and its result."""

    invalid: unsigned(1)
    denormal: unsigned(1)
    overflow: unsigned(1)
    underflow: unsigned(1)


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number taken apart: (-1)^sign x significand x 2^(exponent - 127 - fraction bits), unless infinite or NaN.

    Attributes
    ----------
    sign : Value, 1
    exponent : Value, unsigned(8)
        Biased; that of a subnormal is 1, as its weight is.
    significand : Value
        The fraction below the bit that the format hides.
    zero, infinite, nan : Value, 1
        At most one is set.
    """

    sign: Value
    exponent: Value
    significand: Value
    zero: Value
    infinite: Value
    nan: Value


def unpack(value: View) -> Number:
    """Take an `Fp32` or a `Bf16` apart, combinationally."""
    normal = value.exponent.any()
    special = value.exponent == EXPONENT_MAX
    fraction = value.fraction.any()
    return Number(
        sign=value.sign,
        exponent=Cat(value.exponent[0] | ~normal, value.exponent[1:]),
        significand=Cat(value.fraction, normal),
        zero=~normal & ~fraction,
        infinite=special & ~fraction,
        nan=special & fraction,
    )


def maximum_number(a: View, b: View) -> Value:
    """IEEE 754-2019 maximumNumber of two `Fp32`: -0 < +0, the other operand if one is NaN, canonical if both are."""
    a_nan, b_nan = unpack(a).nan, unpack(b).nan
    a_less = Mux(a.sign ^ b.sign, a.sign, (magnitude(a) < magnitude(b)) ^ a.sign)
    return Mux(a_nan & b_nan, FP32_NAN, Mux(a_nan | a_less & ~b_nan, b.as_value(), a.as_value()))


def to_bf16(value: View) -> Value:
    """An `Fp32` rounded to the nearest BF16, ties to even; overflow carries into an infinity by itself."""
    bits = value.as_value()
    rounded = (bits + 0x7FFF + bits[16])[16:32]
    return Mux(unpack(value).nan, BF16_NAN, rounded)


def magnitude(value: View) -> Value:
    """All bits but the sign; they order absolute values as integers."""
    return Cat(value.fraction, value.exponent)
