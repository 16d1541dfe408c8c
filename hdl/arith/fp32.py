"""FP32 addition and multiplication up to their rounding, which `hdl.arith.round` does for both."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .formats import BIAS, Fp32, magnitude, unpack
from .round import SIGNIFICAND_BITS, Tags, unrounded_layout
from .shift import shift_right_sticky

#: Bits of an unrounded sum or product: the exact product of two significands.
WIDTH = 2 * SIGNIFICAND_BITS

#: Bits kept below the larger addend: guard, round and sticky.
EXTRA = 3


class Adder(wiring.Component):
    """a + b. Latency 1 cycle: align and order; then, combinationally, add.

    Members
    -------
    a, b : In(Fp32)
    o : Out(unrounded_layout(WIDTH))
    """

    LATENCY = 1

    def __init__(self):
        super().__init__({"a": In(Fp32), "b": In(Fp32), "o": Out(unrounded_layout(WIDTH))})

    def elaborate(self, platform):
        m = Module()
        a, b = unpack(self.a), unpack(self.b)
        width = SIGNIFICAND_BITS + EXTRA

        # Align the one with the smaller exponent, b if they are equal. A shift by nothing does not ask which is larger.
        b_near = a.exponent < b.exponent
        distance, exponent = Signal(8), Signal(8)
        near, far = Signal(width), Signal(width)
        m.d.comb += [
            distance.eq(Mux(b_near, b.exponent - a.exponent, a.exponent - b.exponent)),
            exponent.eq(Mux(b_near, b.exponent, a.exponent)),
            near.eq(Cat(Const(0, EXTRA), Mux(b_near, b.significand, a.significand))),
            far.eq(Cat(Const(0, EXTRA), Mux(b_near, a.significand, b.significand))),
        ]
        shifted = shift_right_sticky(m, far, distance)

        # Order them, so that a difference is not negative; the sign is the larger one's, but x - x = +0.
        a_less = magnitude(self.a) < magnitude(self.b)
        equal = magnitude(self.a) == magnitude(self.b)
        subtract = a.sign ^ b.sign
        swap = a_less & ~b_near
        augend, addend = (Signal(width, reset_less=True) for _ in range(2))
        subtracts = Signal(reset_less=True)
        tags = Signal(Tags, reset_less=True)
        m.d.sync += [
            augend.eq(Mux(swap, shifted, near)),
            addend.eq(Mux(swap, near, shifted)),
            subtracts.eq(subtract),
            tags.exponent.eq(exponent + 1),  # the sum has one more bit above
            tags.sign.eq(Mux(a_less, b.sign, a.sign) & ~(subtract & equal)),
            tags.infinite.eq(a.infinite | b.infinite),
            tags.nan.eq(a.nan | b.nan | a.infinite & b.infinite & subtract),
        ]

        total = Signal(width + 1)
        m.d.comb += [
            total.eq(Mux(subtracts, augend - addend, augend + addend)),
            self.o.magnitude.eq(Cat(Const(0, WIDTH - len(total)), total)),
            self.o.tags.eq(tags),
        ]
        return m


class Multiplier(wiring.Component):
    """a x b. Latency 1 cycle: multiply by each half of b; then, combinationally, add the products.

    Members
    -------
    a, b : In(Fp32)
    o : Out(unrounded_layout(WIDTH))
    """

    LATENCY = 1

    def __init__(self):
        super().__init__({"a": In(Fp32), "b": In(Fp32), "o": Out(unrounded_layout(WIDTH))})

    def elaborate(self, platform):
        m = Module()
        a, b = unpack(self.a), unpack(self.b)
        half = SIGNIFICAND_BITS // 2

        low, high = (Signal(SIGNIFICAND_BITS + half, reset_less=True) for _ in range(2))
        tags = Signal(Tags, reset_less=True)
        m.d.sync += [
            low.eq(a.significand * b.significand[:half]),
            high.eq(a.significand * b.significand[half:]),
            tags.exponent.eq(a.exponent + b.exponent - (BIAS - 1)),
            tags.sign.eq(a.sign ^ b.sign),
            tags.infinite.eq(a.infinite | b.infinite),
            tags.nan.eq(a.nan | b.nan | a.infinite & b.zero | a.zero & b.infinite),
        ]

        m.d.comb += [
            self.o.magnitude.eq(low + (high << half)),
            self.o.tags.eq(tags),
        ]
        return m
