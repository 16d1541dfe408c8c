"""The table of the estimates: what docs/numerics.md defines, computed exactly enough to be rounded right."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import cache

#: Segments of a section, and digits of the decimal arithmetic: the coefficients need 9 of them.
SEGMENTS = 64
DIGITS = 50

#: Bits below the point of the coefficients of d^0, d^1 and d^2.
FRACTION_BITS = (28, 20, 14)

Function = Callable[[Decimal], Decimal]


def _log2_slope(x: Decimal) -> Decimal:
    """log2(x) / (x - 1)."""
    ln2 = Decimal(2).ln()
    return x.ln() / ln2 / (x - 1) if x != 1 else 1 / ln2


#: The functions of a section by segments, with the value at m = 1 and the growth from there to m = 2 of its argument.
_SECTIONS: tuple[tuple[tuple[range, Function, Decimal, Decimal], ...], ...] = (
    ((range(64), lambda x: 1 / x, Decimal(1), Decimal(1)),),
    ((range(64), lambda x: 1 / x.sqrt(), Decimal(1), Decimal(1)),),
    ((range(64), lambda x: 1 / x.sqrt(), Decimal(2), Decimal(2)),),
    ((range(64), lambda x: (x * Decimal(2).ln()).exp(), Decimal(0), Decimal(1)),),
    ((range(32), _log2_slope, Decimal(1), Decimal(1)), (range(32, 64), _log2_slope, Decimal("0.5"), Decimal("0.5"))),
)


@cache
def table() -> tuple[tuple[int, int, int], ...]:
    """The integers C0, C1 and C2 of every segment, section after section."""
    with localcontext(prec=DIGITS):
        return tuple(_coefficients(function, first, growth, segment)
                     for section in _SECTIONS for segments, function, first, growth in section for segment in segments)


def _coefficients(function: Function, first: Decimal, growth: Decimal, segment: int) -> tuple[int, int, int]:
    """The parabola through the function at the three Chebyshev nodes of a segment, in d, rounded to nearest."""
    middle = first + growth * (2 * segment + 1) / (2 * SEGMENTS)
    reach = Decimal(3).sqrt() / 2 / (2 * SEGMENTS)
    low, centre, high = (function(middle + growth * reach * side) for side in (-1, 0, 1))
    exact = (centre, (high - low) / (2 * reach), (high + low - 2 * centre) / (2 * reach**2))
    c0, c1, c2 = (round(value * 2**bits) for value, bits in zip(exact, FRACTION_BITS, strict=True))
    return c0, c1, c2
