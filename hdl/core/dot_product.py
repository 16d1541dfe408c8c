"""The exact dot product of K pairs of BF16: steps 1 and 2 of docs/numerics.md, and its specials."""

from itertools import combinations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.multiply import compress
from ..arith.shift import spread
from ..onehot import select

#: Bits of a digit: anchors count in base 2^16.
DIGIT = 16

#: A product is dropped if it is so many digits below the group's anchor, or more.
REACH = 3

#: Bits of a product, of one shifted within its digit, and of the same as it enters the sum; all two's complement.
PRODUCT_BITS = 17
SHIFTED_BITS = PRODUCT_BITS + DIGIT - 1
TERM_BITS = SHIFTED_BITS + DIGIT

#: Bits of an FP32 loaded, two's complement: see `hdl.core.matrix_loader`.
LOADED_BITS = 50


class Operand(data.Struct):
    """A BF16 taken apart: significand x 2^(exponent - 134) if it is `live`."""

    significand: signed(9)
    exponent: unsigned(8)
    sign: unsigned(1)
    live: unsigned(1)  # finite and not zero
    infinite: unsigned(1)
    nan: unsigned(1)


class Special(data.Struct):
    """What is not finite. NaN is both infinities, so that the special of a sum is the OR of its terms'."""

    positive: unsigned(1)
    negative: unsigned(1)


class Group(data.Struct):
    """What is known of the products before their sum: anchor g, whether none is finite and not zero, specials."""

    anchor: unsigned(5)
    empty: unsigned(1)
    special: Special


class Loaded(data.Struct):
    """An FP32 as the group of a `Matrix.LOAD`: an anchor, S in two's complement, specials."""

    anchor: unsigned(5)
    sum: signed(LOADED_BITS)
    special: Special


class _Product(data.Struct):
    rows: data.ArrayLayout(PRODUCT_BITS, 2)  # whose sum is the product, two's complement
    shift: unsigned(4)
    digit: unsigned(5)  # 0 unless live
    live: unsigned(1)


class _Term(data.Struct):
    value: signed(SHIFTED_BITS)
    below: unsigned(REACH)  # one-hot: digits below the anchor; 0 if the term is dropped


def total_bits(depth: int) -> int:
    """Bits of T, two's complement: the sum of `depth` terms, |T| < `depth` x 2^47, or of an FP32 loaded, below 2^49."""
    return max(TERM_BITS + (depth - 1).bit_length(), LOADED_BITS)


def _greatest(m: Module, values: list[Value]) -> Value:
    """The greatest of unsigned values; every two are compared at once."""
    less = {}
    for low, high in combinations(range(len(values)), 2):
        less[low, high] = lower = Signal(name=f"less{low}_{high}")
        m.d.comb += lower.eq(values[low] < values[high])
    greatest = Cat(Cat(~less[index, other] if index < other else less[other, index]
                       for other in range(len(values)) if other != index).all() for index in range(len(values)))
    return select(greatest, values)


def _multiply(m: Module, a: Value, b: Value, *, hard: bool) -> list[Value]:
    """Two rows whose sum is the product of two significands, modulo 2^`PRODUCT_BITS`."""
    if hard:
        return [(a * b)[:PRODUCT_BITS], Const(0, PRODUCT_BITS)]
    extended = Cat(a, spread(a[-1], PRODUCT_BITS - len(a)))
    rows = [Signal(PRODUCT_BITS, name=f"partial{place}") for place in range(len(b))]
    *positive, negated = rows
    # The top bit of b counts negatively: minus a row is its complement and 1, for which the second row has its lowest
    # bit free.
    top, sign = len(b) - 1, b[-1]
    m.d.comb += [row.eq(Cat(Const(0, place), extended) & spread(bit, PRODUCT_BITS))
                 for place, (row, bit) in enumerate(zip(positive, b[:-1], strict=True))]
    m.d.comb += positive[1][0].eq(sign)
    m.d.comb += negated.eq(Cat(spread(sign, top), ~extended & spread(sign, PRODUCT_BITS)))
    return compress(m, rows, 2)


class DotProduct(wiring.Component):
    """T of a group of K products, in units of 2^(16 g - 284), every cycle. Latency 3 cycles to `group`, 4 to `total`.

    1. Multiply significands, to two rows each; add exponents.
    2. Add the rows and shift each product within its digit; find the anchor and each product's distance from it.
    3. Align the products by whole digits; compress them to two rows.
    4. Add the rows.

    Parameters
    ----------
    depth : int
        Pairs, K: 1, 2, 4 or 8.
    hard_multipliers : bool
        See `hdl.config.Config`.

    Members
    -------
    multiply : In(1)
        There is a group; otherwise it is empty and T = 0,
    load : In(1)
        but for what is loaded.
    a, b : In(Operand) [depth]
    loaded : In(Loaded)
        Taken `LOAD_DELAY` cycles after `load`.
    group : Out(Group)
    total : Out(signed)
    """

    LATENCY = 4

    #: Cycles from `load` to `loaded`.
    LOAD_DELAY = 2

    def __init__(self, *, depth: int, hard_multipliers: bool = False):
        if depth not in (1, 2, 4, 8):
            raise ValueError(f"the depth of a dot product must be 1, 2, 4 or 8, not {depth!r}")
        self.depth = depth
        self.hard_multipliers = hard_multipliers
        operands = data.ArrayLayout(Operand, depth)
        super().__init__({
            "multiply": In(1),
            "load": In(1),
            "a": In(operands),
            "b": In(operands),
            "loaded": In(Loaded),
            "group": Out(Group),
            "total": Out(signed(total_bits(depth))),
        })

    def elaborate(self, platform):
        m = Module()
        pairs = range(self.depth)

        # 1. A zero is what is neither live nor infinite nor NaN.
        products = [Signal(_Product, name=f"product{k}", reset_less=True) for k in pairs]
        positive, negative = [], []
        for k, product in enumerate(products):
            a, b = self.a[k], self.b[k]
            sign = a.sign ^ b.sign
            infinite = a.infinite | b.infinite
            nan = a.nan | b.nan | a.infinite & ~(b.live | b.infinite) | b.infinite & ~(a.live | a.infinite)
            positive.append(nan | infinite & ~sign)
            negative.append(nan | infinite & sign)
            exponent = a.exponent + b.exponent
            live = self.multiply & a.live & b.live
            m.d.sync += [
                product.rows.eq(Cat(_multiply(m, a.significand, b.significand, hard=self.hard_multipliers))),
                product.shift.eq(exponent[:4]),
                product.digit.eq(Mux(live, exponent[4:], 0)),
                product.live.eq(live),
            ]
        special = Signal(Special, reset_less=True)
        m.d.sync += [
            special.positive.eq(self.multiply & Cat(positive).any()),
            special.negative.eq(self.multiply & Cat(negative).any()),
        ]

        # 2.
        anchor = Signal(5)
        m.d.comb += anchor.eq(_greatest(m, [product.digit for product in products]))
        terms = [Signal(_Term, name=f"term{k}", reset_less=True) for k in pairs]
        for product, term in zip(products, terms, strict=True):
            m.d.sync += [
                term.value.eq((product.rows[0] + product.rows[1])[:PRODUCT_BITS].as_signed() << product.shift),
                term.below.eq(Cat(product.live & (product.digit + below == anchor) for below in range(REACH))),
            ]
        found = Signal(Group, reset_less=True)
        m.d.sync += [
            found.anchor.eq(anchor),
            found.empty.eq(~Cat(product.live for product in products).any()),
            found.special.eq(special),
        ]

        # 3. What is loaded meets a sum of 0.
        width = len(self.total)
        rows = [select(term.below, (
            Cat(moved, moved[-1].replicate(width - len(moved)))
            for moved in (Cat(Const(0, DIGIT), term.value), term.value[:], term.value[DIGIT:]))) for term in terms]
        load = Signal(self.LOAD_DELAY, reset_less=True)
        loaded = Signal(Loaded)
        m.d.sync += load.eq(Cat(self.load, load))
        m.d.comb += loaded.eq(Mux(load[-1], self.loaded, 0))
        compressed = [Signal(width, name=f"row{index}", reset_less=True) for index in range(2)]
        first, *second = compress(m, rows, 2)
        group = Signal(Group, reset_less=True)
        m.d.sync += [
            compressed[0].eq(first | loaded.sum),
            compressed[1].eq(Cat(second)),
            group.anchor.eq(found.anchor | loaded.anchor),
            group.empty.eq(found.empty),
            group.special.eq(found.special.as_value() | loaded.special.as_value()),
        ]
        m.d.comb += self.group.eq(group)

        # 4.
        total = Signal(self.total.shape(), reset_less=True)
        m.d.sync += total.eq(compressed[0] + compressed[1])
        m.d.comb += self.total.eq(total)
        return m
