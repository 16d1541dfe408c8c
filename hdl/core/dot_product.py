"""The exact dot product of K pairs of BF16: steps 1 and 2 of docs/numerics.md, and its specials."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .onehot import select

#: Bits of a digit: anchors count in base 2^16.
DIGIT = 16

#: A product leaves something of itself in the sum if it is less than so many digits below the group's anchor.
REACH = 3

#: Bits of a product shifted within its digit, and of the same as it enters the sum.
SHIFTED_BITS = 16 + DIGIT - 1
TERM_BITS = SHIFTED_BITS + DIGIT


class Operand(data.Struct):
    """A BF16 taken apart: (-1)^sign x significand x 2^(exponent - 134). Zero if none of the flags is set."""

    significand: unsigned(8)
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


class _Product(data.Struct):
    magnitude: unsigned(16)
    exponent: unsigned(9)
    sign: unsigned(1)
    live: unsigned(1)


class _Term(data.Struct):
    magnitude: unsigned(SHIFTED_BITS)
    sign: unsigned(1)
    below: unsigned(REACH)  # one-hot: digits below the anchor; 0 if the term vanishes


def total_bits(depth: int) -> int:
    """Bits of T, two's complement: the sum of `depth` terms."""
    return TERM_BITS + depth.bit_length()


def greatest(m: Module, values: list[Value]) -> Value:
    """The greatest of unsigned values; a tree."""
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    left, right = greatest(m, values[:middle]), greatest(m, values[middle:])
    value = Signal.like(left, name="greatest")
    m.d.comb += value.eq(Mux(left > right, left, right))
    return value


class DotProduct(wiring.Component):
    """T of a group of K products, in units of 2^(16 g - 284), every cycle. Latency 2 cycles to `group`, 3 to `total`.

    1. Multiply significands, add exponents.
    2. Shift each product within its digit; find the anchor and each product's distance from it.
    3. Align the products by whole digits, negate and add.

    Parameters
    ----------
    depth : int
        Pairs, K: 1, 2, 4 or 8.

    Members
    -------
    multiply : In(1)
        There is a group; otherwise it is empty and T = 0.
    a, b : In(Operand) [depth]
    group : Out(Group)
    total : Out(signed)
    """

    LATENCY = 3

    def __init__(self, *, depth: int):
        if depth not in (1, 2, 4, 8):
            raise ValueError(f"the depth of a dot product must be 1, 2, 4 or 8, not {depth!r}")
        self.depth = depth
        operands = data.ArrayLayout(Operand, depth)
        super().__init__({
            "multiply": In(1),
            "a": In(operands),
            "b": In(operands),
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
            m.d.sync += [
                product.magnitude.eq(a.significand * b.significand),
                product.exponent.eq(a.exponent + b.exponent),
                product.sign.eq(sign),
                product.live.eq(self.multiply & a.live & b.live),
            ]
        special = Signal(Special, reset_less=True)
        m.d.sync += [
            special.positive.eq(self.multiply & Cat(positive).any()),
            special.negative.eq(self.multiply & Cat(negative).any()),
        ]

        # 2.
        digits = [Mux(product.live, product.exponent[4:], 0) for product in products]
        anchor = greatest(m, digits)
        terms = [Signal(_Term, name=f"term{k}", reset_less=True) for k in pairs]
        for product, digit, term in zip(products, digits, terms, strict=True):
            m.d.sync += [
                term.magnitude.eq(product.magnitude << product.exponent[:4]),
                term.sign.eq(product.sign),
                term.below.eq(Cat(product.live & (digit + below == anchor) for below in range(REACH))),
            ]
        group = Signal(Group, reset_less=True)
        m.d.sync += [
            group.anchor.eq(anchor),
            group.empty.eq(~Cat(product.live for product in products).any()),
            group.special.eq(special),
        ]
        m.d.comb += self.group.eq(group)

        # 3. A negative term is its complement plus 1.
        total = Signal(self.total.shape(), reset_less=True)
        addends = []
        for term in terms:
            shifted = term.magnitude
            aligned = select(term.below, [Cat(Const(0, DIGIT), shifted), shifted, shifted[DIGIT:]])
            addends += [(Cat(aligned, Const(0, 1)) ^ term.sign.replicate(TERM_BITS + 1)).as_signed(), term.sign]
        m.d.sync += total.eq(sum(addends))
        m.d.comb += self.total.eq(total)
        return m
