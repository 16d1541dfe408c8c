"""Multiplication up to the last addition, to be pipelined as its user likes: partial products and carry-save adders."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike

from .shift import spread


def booth_rows(m: Module, x: Value, y: Value, signed: ValueLike = 0) -> list[Value]:
    """Rows, half as many as `y` has bits plus one, whose sum is x * y modulo 2 to the power of both widths together.

    Both are two's complement if `signed` is 1, and `y` has an even number of bits. Radix 4: each pair of bits of `y`,
    with the one below, is a digit from -2 to 2. A negative row is a complement, whose 1 goes to a free place of the
    next row. Instead of a sign extension each row ends with 1 and the inverted sign, which together with the end of the
    first row add up to a multiple of the modulus.
    """
    width = len(x) + len(y)
    signs = Value.cast(signed)
    x = Cat(x, signs & x[-1])
    digits = Cat(Const(0, 1), y, (signs & y[-1]).replicate(2))
    rows: list[Value] = []
    carry = Const(0, 1)
    last = len(y) // 2
    for index in range(last + 1):
        low, middle, high = digits[2 * index:2 * index + 3]
        one, two = low ^ middle, (low == middle) & (middle != high)
        negative = high if index < last else Const(0, 1)  # the last digit is 0 or 1
        multiple = Signal(len(x) + 1, name=f"multiple{index}")
        m.d.comb += multiple.eq(
            (Mux(one, Cat(x, x[-1]), 0) | Mux(two, Cat(Const(0, 1), x), 0)) ^ spread(negative, len(x) + 1))
        sign = multiple[-1]
        end = Cat(sign, sign, ~sign) if index == 0 else Cat(~sign, Const(1, 1))
        below = Const(0, 0) if index == 0 else Cat(Const(0, 2 * index - 2), carry, Const(0, 1))
        row = Signal(width, name=f"row{index}")
        m.d.comb += row.eq(Cat(below, multiple[:-1], end))
        rows.append(row)
        carry = negative
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
