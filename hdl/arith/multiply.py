"""Multiplication, to be pipelined as its user likes.

Up to the last addition, by partial products and carry-save adders; or, where the target has multipliers of its own
(`hdl.config.Config.hard_multipliers`), as a product that is left to them. `multiplier` and `product_rows` choose.
"""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value, ValueLike, unsigned
from amaranth.lib import data

from .shift import spread


class BoothDigit(data.Struct):
    """A digit from -2 to 2, which tells how to take a multiple."""

    one: unsigned(1)
    two: unsigned(1)
    negative: unsigned(1)


def multiplier_shape(bits: int, *, hard: bool) -> ShapeLike:
    """Shape of an unsigned multiplier of an even number of bits, as `multiplier` gives it."""
    return unsigned(bits) if hard else booth_layout(bits)


def multiplier(m: Module, y: Value, *, hard: bool) -> Value | data.View:
    """`y`, unsigned, as `product_rows` takes it."""
    return y if hard else booth_digits(m, y)


def product_rows(m: Module, x: Value, y: Value | data.View) -> list[Value]:
    """At most three rows whose sum is `x`, unsigned, times a `multiplier`, modulo 2^(bits of both)."""
    return compress(m, booth_rows(m, x, y), 3) if isinstance(y, data.View) else [x * y]


def booth_layout(bits: int) -> data.ArrayLayout:
    """The digits of a multiplier that has an even number of bits, the lowest first."""
    return data.ArrayLayout(BoothDigit, bits // 2 + 1)


def booth_digits(m: Module, y: Value, signed: ValueLike = 0) -> data.View:
    """`y`, which is two's complement if `signed` is 1, in radix 4: each digit is a pair of its bits with the one below.

    In registers they spare a multiplication its first gates.
    """
    extended = Cat(Const(0, 1), y, (Value.cast(signed) & y[-1]).replicate(2))
    digits = Signal(booth_layout(len(y)))
    last = len(y) // 2
    for index in range(last + 1):
        low, middle, high = extended[2 * index:2 * index + 3]
        m.d.comb += [
            digits[index].one.eq(low ^ middle),
            digits[index].two.eq((low == middle) & (middle != high)),
            digits[index].negative.eq(high if index < last else 0),  # the last digit is 0 or 1
        ]
    return digits


def booth_rows(m: Module, x: Value, digits: data.View, signed: ValueLike = 0) -> list[Value]:
    """Rows, one for each digit of a multiplier, whose sum is x times it, modulo 2 to the power of both widths together.

    `x` is two's complement if `signed` is 1. A negative row is a complement, whose 1 goes to a free place of the next
    row. Instead of a sign extension each row ends with 1 and the inverted sign, which together with the end of the
    first row add up to a multiple of the modulus.
    """
    count = digits.shape().length
    width = len(x) + 2 * (count - 1)
    x = Cat(x, Value.cast(signed) & x[-1])
    rows: list[Value] = []
    carry = Const(0, 1)
    for index in range(count):
        digit = digits[index]
        multiple = Signal(len(x) + 1, name=f"multiple{index}")
        m.d.comb += multiple.eq(
            (Mux(digit.one, Cat(x, x[-1]), 0) | Mux(digit.two, Cat(Const(0, 1), x), 0))
            ^ spread(digit.negative, len(x) + 1))
        sign = multiple[-1]
        end = Cat(sign, sign, ~sign) if index == 0 else Cat(~sign, Const(1, 1))
        below = Const(0, 0) if index == 0 else Cat(Const(0, 2 * index - 2), carry, Const(0, 1))
        row = Signal(width, name=f"row{index}")
        m.d.comb += row.eq(Cat(below, multiple[:-1], end))
        rows.append(row)
        carry = digit.negative
    return rows


def compress(m: Module, rows: Sequence[Value], count: int) -> list[Value]:
    """At most `count` rows (2 or more) with the same sum, modulo their width: levels of carry-save adders."""
    level = 0
    while len(rows) > count:
        whole = len(rows) // 3 * 3
        following: list[Value] = []
        for index in range(0, whole, 3):
            a, b, c = rows[index:index + 3]
            total, carry = (Signal(len(a), name=f"{name}{level}_{index // 3}") for name in ("total", "carry"))
            m.d.comb += [total.eq(a ^ b ^ c), carry.eq(Cat(Const(0, 1), a & b | c & (a ^ b)))]
            following += [total, carry]
        rows = [*following, *rows[whole:]]
        level += 1
    return list(rows)
