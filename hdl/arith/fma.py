"""Fused multiply-add up to its rounding, which `hdl.arith.round` does."""

from functools import reduce
from itertools import pairwise
from operator import add

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .formats import BIAS, significand_bits
from .multiply import compress, multiplier_shape, product_rows
from .round import unrounded_layout
from .shift import shift_right, spread, trailing_zeros

#: Bits of the frame between the addend at its highest and the product: so far apart, the lower one is only a tail.
GAP = 2

#: Bits of the frame below the product: a subnormal factor leaves the product's top bits 0, and still the sum must keep
#: a guard bit above what is lost of the addend.
BELOW = 2

#: The frame is added in so many parts beside each other.
PARTS = 3


def number_layout(bits: int) -> data.StructLayout:
    """The fields of `formats.Number` that arithmetic needs, for a significand of `bits` bits."""
    return data.StructLayout({"significand": bits, "exponent": 8, "sign": 1, "zero": 1, "infinite": 1, "nan": 1})


def multiplier_layout(bits: int, *, hard: bool) -> data.StructLayout:
    """The same of a multiplier, whose significand comes as `hdl.arith.multiply.multiplier`."""
    fields = {name: field.shape for name, field in number_layout(bits)}
    return data.StructLayout(fields | {"significand": multiplier_shape(bits, hard=hard)})


def frame_bits(bits: int) -> int:
    """Bits in which the product and the addend meet, the lowest of them sticky."""
    return bits + GAP + 2 * bits + BELOW + 1


class _Stage(data.Struct):
    exponent: signed(11)
    product_sign: unsigned(1)  # if one of the two is infinite, both signs are its
    addend_sign: unsigned(1)
    subtract: unsigned(1)
    infinite: unsigned(1)
    nan: unsigned(1)


class FusedMultiplyAdd(wiring.Component):
    """x * y + z, exact but for a sticky bit. Latency 4 cycles.

    1. Multiply, up to three rows that are yet to be added. Find how far apart z and the product are.
    2. Add the rows. Move z.
    3. Add or subtract z: each third with and without a carry.
    4. Choose among the thirds.

    The frame has z at its top and the product below; z moves down to where it belongs. Where that is above the top, z
    stays there, since then the product is less than a quarter of its last bit, wherever it is exactly. So the frame's
    exponent is that of z or a higher one, and never below the least of the format.

    Parameters
    ----------
    format : type
        `Fp32` or `Bf16`.
    hard_multipliers : bool
        See `hdl.config.Config`.

    Members
    -------
    x, z : In(number_layout)
    y : In(multiplier_layout)
    o : Out(unrounded_layout(frame_bits))
        The exponent is 1 or more. 0 x Inf and Inf - Inf are NaN; x - x is +0.
    """

    LATENCY = 4

    def __init__(self, *, format: type[data.Struct], hard_multipliers: bool = False):
        self.bits = significand_bits(format)
        number = number_layout(self.bits)
        super().__init__({
            "x": In(number), "y": In(multiplier_layout(self.bits, hard=hard_multipliers)), "z": In(number),
            "o": Out(unrounded_layout(frame_bits(self.bits)))})

    def elaborate(self, platform):
        m = Module()
        x, y, z, bits = self.x, self.y, self.z, self.bits
        width = frame_bits(bits)

        # 1.
        made = product_rows(m, x.significand, y.significand)
        rows = [Signal(2 * bits, name=f"kept{index}", reset_less=True) for index in range(len(made))]
        m.d.sync += [row.eq(value) for row, value in zip(rows, made, strict=True)]
        top = x.exponent + y.exponent - (BIAS - bits - GAP - 1)
        distance, product_zero = Signal(signed(11), reset_less=True), Signal(reset_less=True)
        addend = Signal(bits, reset_less=True)
        lowest, addend_zero = Signal(range(bits + 1), reset_less=True), Signal(reset_less=True)
        infinite = x.infinite | y.infinite
        sign = x.sign ^ y.sign
        subtract = sign ^ z.sign
        stages = [Signal(_Stage, name=f"stage{index}", reset_less=True) for index in range(3)]
        first, second, third = stages
        m.d.sync += [
            distance.eq(top - z.exponent),
            product_zero.eq(x.zero | y.zero),
            addend.eq(z.significand),
            lowest.eq(trailing_zeros(m, z.significand)),
            addend_zero.eq(~z.significand.any()),
            first.exponent.eq(z.exponent),
            first.product_sign.eq(Mux(z.infinite, z.sign, sign)),
            first.addend_sign.eq(Mux(infinite, sign, z.sign)),
            first.subtract.eq(subtract),
            first.infinite.eq(infinite | z.infinite),
            first.nan.eq(x.nan | y.nan | z.nan | x.infinite & y.zero | x.zero & y.infinite
                         | infinite & z.infinite & subtract),
            second.eq(first),
            third.eq(second),
        ]

        # 2. Whether z loses anything on its way below the product, its lowest bit says.
        frame = width - 1
        product, q, tail = Signal(2 * bits, reset_less=True), Signal(frame, reset_less=True), Signal(reset_less=True)
        stays = product_zero | (distance < 0)
        reach = width.bit_length()
        move = Signal(reach)
        m.d.comb += move.eq(Mux(stays, 0, distance[:reach] | spread(distance[reach:].any(), reach)))
        moved = shift_right(m, Cat(Const(0, frame - bits), addend), move)
        m.d.sync += [
            product.eq(reduce(add, compress(m, rows, 2))),
            q.eq(moved ^ first.subtract.replicate(frame)),
            tail.eq(~addend_zero & (move > lowest + (frame - bits))),
            second.exponent.eq(Mux(stays, first.exponent, first.exponent + distance)),
        ]

        # 3.
        p = Cat(Const(0, BELOW), product, Const(0, frame - BELOW - len(product)))
        bounds = [frame * third // PARTS for third in range(PARTS + 1)]
        sums = []
        for start, stop in pairwise(bounds):
            plain, following = (Signal(stop - start + 1, name=name, reset_less=True) for name in ("plain", "following"))
            m.d.sync += [
                plain.eq(p[start:stop] + q[start:stop]),
                following.eq(_next_sum(p[start:stop], q[start:stop])),
            ]
            sums.append((plain, following))
        lost, cancelled = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            lost.eq(tail),
            cancelled.eq(second.subtract & (p ^ q).all() & ~tail),
        ]

        # 4. P - Z is P + ~Z + 1, and Z - P is ~(P + ~Z). If Z has lost something, 1 more is to be taken away; then Z is
        # less than P.
        positive = Signal()
        m.d.comb += positive.eq(_chosen(sums, 0)[-1])
        increment = third.subtract & positive & ~lost
        negative = third.subtract & ~positive
        total = Signal(frame + 1)
        m.d.comb += total.eq(_chosen(sums, increment))
        unrounded = Signal(unrounded_layout(width), reset_less=True)
        m.d.sync += [
            unrounded.magnitude.eq(Cat(lost, total[:-1] ^ spread(negative, frame))),
            unrounded.tags.exponent.eq(third.exponent),
            unrounded.tags.sign.eq(
                Mux(negative, third.addend_sign, third.product_sign) & ~(cancelled & ~third.infinite)),
            unrounded.tags.infinite.eq(third.infinite),
            unrounded.tags.nan.eq(third.nan),
        ]
        m.d.comb += self.o.eq(unrounded)
        return m


def _chosen(sums: list[tuple[Signal, Signal]], carry: ValueLike) -> Value:
    """The sum of parts that are there without and with a carry, and its own carry on top."""
    parts = []
    for plain, following in sums:
        parts.append(Mux(carry, following[:-1], plain[:-1]))
        carry = Mux(carry, following[-1], plain[-1])
    return Cat(*parts, carry)


def _next_sum(a: Value, b: Value) -> Value:
    """a + b + 1 with its carry, by one adder."""
    return (Cat(Const(1, 1), a) + Cat(Const(1, 1), b))[1:]
