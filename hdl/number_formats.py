"""The number formats of docs/numerics.md: their codes, their fields, and the ways to round; no hardware."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

#: Widths of the fields by which instructions name a format, a rounding and a bias; not every code is defined.
FORMAT_BITS = 4
ROUNDING_BITS = 2
BIAS_BITS = 6

#: The largest run-time bias.
BIAS_LIMIT = (1 << BIAS_BITS) - 1


class Format(IntEnum):
    """Format codes; all others are undefined."""

    BF16 = 0
    CFLOAT8_1_4_3 = 1
    CFLOAT8_1_5_2 = 2
    SHP = 3
    UHP = 4
    FP32 = 5
    INT8 = 8
    INT16 = 9
    INT32 = 10


class Rounding(IntEnum):
    """Rounding codes; all others are reserved."""

    NEAREST = 0     # ties to even
    STOCHASTIC = 1  # away from zero with a probability


class Denormals(IntEnum):
    """What a denormal of a format with a run-time bias is multiplied by."""

    TESLA = 0  # 2^-bias, as the whitepaper has it
    IEEE = 1   # 2^(1 - bias), as in IEEE 754


class Flag(IntFlag):
    """What an operation reports besides its result; the whitepaper's four."""

    INVALID = 1
    DENORMAL = 2
    OVERFLOW = 4
    UNDERFLOW = 8


@dataclass(frozen=True, kw_only=True)
class FloatFields:
    """A floating-point format: sign, if it is signed, exponent and fraction, from the top.

    Attributes
    ----------
    bias : int or None
        None: chosen at run time, 0 to `BIAS_LIMIT`.
    specials : bool
        An exponent of all ones means Inf or NaN. If not, it is one like any other.
    flushes : bool
        Denormals count as zero.
    """

    exponent_bits: int
    fraction_bits: int
    bias: int | None
    signed: bool = True
    specials: bool = False
    flushes: bool = False

    @property
    def bits(self) -> int:
        return self.signed + self.exponent_bits + self.fraction_bits

    @property
    def one(self) -> int:
        """The hidden bit of a significand, and the exponent's lowest bit in a code."""
        return 1 << self.fraction_bits

    @property
    def nan(self) -> int:
        """The canonical NaN of a format with `specials`."""
        return self.largest + 1 + self.one // 2

    @property
    def largest(self) -> int:
        """Exponent and fraction of the largest finite number."""
        return (1 << self.exponent_bits + self.fraction_bits) - 1 - self.specials * self.one


FLOATS = {
    Format.BF16: FloatFields(exponent_bits=8, fraction_bits=7, bias=127, specials=True),
    Format.CFLOAT8_1_4_3: FloatFields(exponent_bits=4, fraction_bits=3, bias=None),
    Format.CFLOAT8_1_5_2: FloatFields(exponent_bits=5, fraction_bits=2, bias=None),
    Format.SHP: FloatFields(exponent_bits=5, fraction_bits=10, bias=None),
    Format.UHP: FloatFields(exponent_bits=6, fraction_bits=10, bias=31, signed=False, specials=True, flushes=True),
    Format.FP32: FloatFields(exponent_bits=8, fraction_bits=23, bias=127, specials=True),
}

#: Two's complement integers, by their bits.
INTEGERS = {Format.INT8: 8, Format.INT16: 16, Format.INT32: 32}


#: Bits of a number.
WIDTHS = {form: INTEGERS[form] if form in INTEGERS else FLOATS[form].bits for form in Format}


def checked_format(code: int) -> Format:
    """The format of a code; a ValueError quotes one that is undefined."""
    try:
        return Format(code)
    except ValueError:
        known = ", ".join(f"{known.value} {known.name}" for known in Format)
        raise ValueError(f"format code {code!r} is undefined; there are {known}") from None


def checked_rounding(code: int) -> Rounding:
    """The rounding of a code; a ValueError quotes one that is reserved."""
    try:
        return Rounding(code)
    except ValueError:
        known = ", ".join(f"{known.value} {known.name}" for known in Rounding)
        raise ValueError(f"rounding code {code!r} is reserved; there are {known}") from None
