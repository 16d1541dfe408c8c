"""The floating-point formats of docs/numerics.md, and numbers taken apart."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Mux, Value, unsigned
from amaranth.lib import data

#: An `Fp32` or a `Bf16`; what `Signal` makes of them is a view, too.
View = data.View | Value

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


def significand_bits(format: type[data.Struct]) -> int:
    """Bits of a significand of `Fp32` or `Bf16`, the hidden one included; any other format is refused."""
    if format not in (Fp32, Bf16):
        name = getattr(format, "__name__", format)
        raise ValueError(f"arithmetic is for Fp32 and Bf16, not {name!r}: convert others")
    return data.Layout.cast(format)["fraction"].width + 1


def infinity(format: type[data.Struct]) -> int:
    """+Inf of `Fp32` or `Bf16`."""
    return EXPONENT_MAX << significand_bits(format) - 1


def nan(format: type[data.Struct]) -> int:
    """The only NaN that an operation on `Fp32` or `Bf16` gives."""
    return infinity(format) | 1 << significand_bits(format) - 2


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
    zero, subnormal, infinite, nan : Value, 1
        At most one is set.
    """

    sign: Value
    exponent: Value
    significand: Value
    zero: Value
    subnormal: Value
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
        subnormal=~normal & fraction,
        infinite=special & ~fraction,
        nan=special & fraction,
    )


def to_bf16(value: View) -> Value:
    """An `Fp32` rounded to the nearest BF16, ties to even; overflow carries into an infinity by itself."""
    bits = value.as_value()
    rounded = (bits + 0x7FFF + bits[16])[16:32]
    return Mux(unpack(value).nan, nan(Bf16), rounded)


def magnitude(value: View) -> Value:
    """All bits but the sign; they order absolute values as integers."""
    return Cat(value.fraction, value.exponent)
