"""The accumulators of one matrix element: steps 3 to 5 of docs/numerics.md, every cycle on any of them."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import bits_for_count
from .dot_product import DIGIT, Group, Special, total_bits
from .onehot import select

#: Bits of S, and the bits k for which a sum outside +-2^k moves a digit down, or one inside moves up.
SUM_BITS = 52
UPPER = 50
LOWER = 34

#: From so many digits on, a shift to the right leaves only the sign.
SIGN_ONLY = 4

#: Where a shift by no digits is among those of S, which start at -1.
UNMOVED = 1


class State(data.Struct):
    """An accumulator before step 4, the renormalisation, of the last step that it took.

    Renormalising is left to whoever uses the accumulator next: for the following step it is part of the alignment,
    which keeps it out of the loop. So the value is ``sum`` x 2^(16 ``anchor`` - 284), but a sum that is `above` has yet
    to lose its lowest digit.
    """

    sum: signed(SUM_BITS)
    anchor: unsigned(6)
    special: Special

    @property
    def above(self) -> Value:
        """S < -2^50 or S >= 2^50."""
        return self.sum[UPPER] ^ self.sum[-1]

    @property
    def below(self) -> Value:
        """-2^34 <= S < 2^34."""
        signs = self.sum[LOWER:]
        return signs.all() | ~signs.any()


class _Alignment(data.Struct):
    """How S and T are shifted before they are added, one-hot, in digits to the right; and their common anchor."""

    sum: unsigned(SIGN_ONLY + 2)  # -1, 0, 1, 2, 3, or down to the sign
    total: unsigned(SIGN_ONLY + 1)  # 0, 1, 2, 3, or down to the sign
    anchor: unsigned(6)


def _onehot(value: Value, first: int, last: int) -> Value:
    """One bit for each of `first` to `last`; what is lower counts as `first`, what is greater as `last`."""
    return Cat(value <= first, *(value == choice for choice in range(first + 1, last)), value >= last)


def _is_zero_sum(x: Value, y: Value) -> Value:
    """Whether x + y = 0 at their width, without adding."""
    return (x ^ y) == Cat(Const(0, 1), (x | y)[:-1])


def _right(value: Value, digits: int) -> Value:
    """A two's-complement value shifted right by whole digits, as `SUM_BITS` bits."""
    moved = Cat(Const(0, DIGIT), value) if digits < 0 else value[DIGIT * digits:]
    return Cat(moved, value[-1].replicate(SUM_BITS))[:SUM_BITS]


class Accumulators(wiring.Component):
    """Adds a group to one of several accumulators, every cycle.

    Stage 1 fetches the accumulator as the step before leaves it and chooses how to align S and T; T is given at its
    end. Stage 2 adds and writes back. The loop from a step to the next on the same accumulator is one cycle: align,
    add, choose the next alignment.

    Parameters
    ----------
    count : int
        Accumulators.
    depth : int
        Products of a group.

    Members
    -------
    index : In
        The accumulator. An empty group leaves it as it is.
    clear : In(1)
        Make it 0 instead; the group must be empty and without specials.
    group : In(Group)
    total : In(signed)
        T of the group that was given one cycle before.
    state : Out(State)
        The accumulator given one cycle before, if its group was empty and it was not cleared.
    """

    def __init__(self, *, count: int, depth: int):
        if type(count) is not int or count < 1:
            raise ValueError(f"there must be 1 accumulator or more, not {count!r}")
        self.count = count
        super().__init__({
            "index": In(bits_for_count(count)),
            "clear": In(1),
            "group": In(Group),
            "total": In(signed(total_bits(depth))),
            "state": Out(State),
        })

    def elaborate(self, platform):
        m = Module()
        group = self.group

        # 1. Fetch.
        m.submodules.states = states = Memory(shape=State, depth=self.count, init=[])
        read, write = states.read_port(domain="comb"), states.write_port()
        index = Signal.like(self.index, reset_less=True)
        result, fetched = Signal(State), Signal(State)
        same = self.index == index
        m.d.sync += index.eq(self.index)
        m.d.comb += [
            read.addr.eq(self.index),
            fetched.eq(Mux(same, result, read.data)),
        ]

        # What renormalising it depends on. A result's sum x + y comes late, so this looks at x and y instead: bits of
        # the sum are all equal if they are all 0 or all 1, given the carry from below.
        x, y = Signal(SUM_BITS), Signal(SUM_BITS)
        x_high, y_high = x[LOWER:], y[LOWER:]
        carry = (x[:LOWER] + y[:LOWER])[LOWER]
        result_below = (x_high ^ y_high).all() | Mux(
            carry, _is_zero_sum(~x_high, ~y_high), _is_zero_sum(x_high, y_high))
        zero = Mux(same, _is_zero_sum(x, y), read.data.sum == 0)
        above = Mux(same, result.above, read.data.above)
        below = Mux(same, result_below, read.data.below)

        # Renormalising moves S by -1, 0 or 1 digits to the right and its anchor likewise. All three ways to go on from
        # there are ready before it is known which it is. No anchor gets below 0, since the group's is not.
        ahead = Signal(signed(7))
        m.d.comb += ahead.eq(group.anchor - fetched.anchor)
        renormalised = {}
        for move in (-1, 0, 1):
            renormalised[move] = alignment = Signal(_Alignment, name=f"alignment_{move + 1}")
            m.d.comb += [
                alignment.sum.eq(Cat(Const(0, move + 1), _onehot(ahead, move, SIGN_ONLY))),
                alignment.total.eq(_onehot(ahead, move - SIGN_ONLY, move)[::-1]),
                alignment.anchor.eq(Mux(ahead > move, group.anchor, fetched.anchor + move)),
            ]
        alignment = Signal(_Alignment)
        with m.If(self.clear):
            m.d.comb += alignment.eq(0)
        with m.Elif(group.empty):
            m.d.comb += [alignment.sum.eq(1 << UNMOVED), alignment.anchor.eq(fetched.anchor)]
        with m.Elif(zero):
            m.d.comb += [alignment.total.eq(1), alignment.anchor.eq(group.anchor)]
        with m.Elif(above):
            m.d.comb += alignment.eq(renormalised[1])
        with m.Elif(below):
            m.d.comb += alignment.eq(renormalised[-1])
        with m.Else():
            m.d.comb += alignment.eq(renormalised[0])

        aligned = Signal(_Alignment, reset_less=True)
        state = Signal(State, reset_less=True)
        m.d.sync += [
            aligned.eq(alignment),
            state.sum.eq(fetched.sum),
            state.anchor.eq(alignment.anchor),
            state.special.eq(Mux(self.clear, 0, fetched.special.as_value() | group.special.as_value())),
        ]
        m.d.comb += self.state.eq(state)

        # 2. Add.
        m.d.comb += [
            x.eq(select(aligned.sum, [_right(state.sum, digits) for digits in range(-1, SIGN_ONLY + 1)])),
            y.eq(select(aligned.total, [_right(self.total, digits) for digits in range(SIGN_ONLY + 1)])),
            result.sum.eq(x + y),
            result.anchor.eq(state.anchor),
            result.special.eq(state.special),
            write.addr.eq(index),
            write.data.eq(result),
            write.en.eq(1),
        ]
        return m
