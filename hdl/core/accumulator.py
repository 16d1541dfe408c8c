"""The accumulators of one matrix element: steps 3 to 5 of docs/numerics.md, every cycle on any of them."""

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import bits_for_count
from ..onehot import select
from .dot_product import DIGIT, Group, Special, total_bits

#: An aligned sum outside +-2^UPPER moves a digit down, one inside +-2^LOWER may move up.
UPPER = 50
LOWER = 33

#: A value that is moved so many digits down, or more, is dropped.
REACH = 4


def sum_bits(depth: int) -> int:
    """Bits of S, two's complement: |S| is below 2^50 + 2 `depth` x 2^47 before it is renormalised."""
    return 52 if depth <= 4 else 53


def state_layout(depth: int) -> data.StructLayout:
    """An element that adds `depth` products a step: G, S and what is not finite."""
    return data.StructLayout({"sum": signed(sum_bits(depth)), "anchor": 6, "special": Special})


class _Alignment(data.Struct):
    """How S and T are shifted before they are added, one-hot, in digits to the right; and their common anchor.

    S has yet to be renormalised if it is the sum of the step before, so that it may go a digit to the left, or one
    more to the right.
    """

    sum: unsigned(REACH + 2)  # from 1 digit to the left on; 0 if it is dropped
    total: unsigned(REACH)
    anchor: unsigned(6)


def _shifts(ahead: Value) -> Value:
    """One bit for each number of digits to the right; less than 0 counts as 0."""
    return Cat(ahead <= 0, *(ahead == digits for digits in range(1, REACH)))


def _is_zero_sum(x: Value, y: Value) -> Value:
    """Whether x + y = 0 at their width, without adding."""
    return (x ^ y) == Cat(Const(0, 1), (x | y)[:-1])


def _all_equal(bits: Value) -> Value:
    return bits.all() | ~bits.any()


def _aligned(value: Value, shift: Value, *, width: int, left: int = 0) -> Value:
    """A two's-complement value shifted right by a one-hot number of digits, from -`left` on; 0 if there is none."""
    extended = Cat(Const(0, left * DIGIT), value, value[-1].replicate(width + len(shift) * DIGIT - len(value)))
    return select(shift, [extended[DIGIT * digits:][:width] for digits in range(len(shift))])


class Accumulators(wiring.Component):
    """Adds a group to one of several accumulators, every cycle.

    1. Fetch the accumulator's anchor.
    2. Fetch the rest, and choose how to align S and T.
    3. Align and add.
    4. Renormalise and write back.

    The loop from a step to the next on the same accumulator is one cycle: it takes the sum as it is, and aligns and
    renormalises it at once.

    Parameters
    ----------
    count : int
        Accumulators.
    depth : int
        Products of a group.
    apart : bool
        None comes again within three cycles, so that what is in the memories is always right.

    Members
    -------
    index : In
        The accumulator, in stage 1.
    fresh : In(1)
        It counts as 0 before the group is added. In stage 2.
    group : In(Group)
        In stage 2. An empty group leaves the accumulator as it is.
    total : In(signed)
        T, in stage 3.
    read_index : In
        An accumulator to read, in stage 1.
    state : Out(state_layout(depth))
        That accumulator, in stage 3, as it is before the group that came with the index is added.
    """

    def __init__(self, *, count: int, depth: int, apart: bool = False):
        if type(count) is not int or count < 1:
            raise ValueError(f"there must be 1 accumulator or more, not {count!r}")
        self.count = count
        self.depth = depth
        self.apart = apart
        super().__init__({
            "index": In(bits_for_count(count)),
            "fresh": In(1),
            "read_index": In(bits_for_count(count)),
            "group": In(Group),
            "total": In(signed(total_bits(depth))),
            "state": Out(state_layout(depth)),
        })

    def elaborate(self, platform):
        m = Module()
        group, layout, width = self.group, state_layout(self.depth), sum_bits(self.depth)

        # What is written in a cycle is not read from its memory in that cycle, so that a word may be a latch that is
        # open while it is written. Each memory has two read ports and one write port.
        index = [Signal.like(self.index, name=f"index{stage}", reset_less=True) for stage in range(3)]
        m.d.sync += [after.eq(before) for before, after in pairwise([self.index, *index])]
        m.submodules.anchors = anchors = Memory(
            shape=layout["anchor"].shape, depth=self.count, init=[], attrs={"ram_style": "latches"})
        without = data.StructLayout({name: layout[name].shape for name in ("sum", "special")})
        m.submodules.rest = rest = Memory(shape=without, depth=self.count, init=[], attrs={"ram_style": "latches"})
        read_anchor, write_anchor = anchors.read_port(domain="comb"), anchors.write_port()
        read, write = rest.read_port(domain="comb"), rest.write_port()

        def is_again(comes: Value, place: Value) -> Value:
            return Const(0) if self.apart else comes == place

        # 1. Fetch the anchor: of the step in stage 3, of that in stage 4, or from the memory.
        anchor, result = Signal(layout["anchor"].shape), Signal(layout)
        fetched = Signal.like(anchor, reset_less=True)
        same, recent = Signal(reset_less=True), Signal(reset_less=True)
        summed, written = is_again(self.index, index[1]), is_again(self.index, index[2])
        m.d.comb += read_anchor.addr.eq(self.index)
        m.d.sync += [
            fetched.eq(select(Cat(summed, ~summed & written, ~summed & ~written),
                              [anchor, result.anchor, read_anchor.data])),
            same.eq(is_again(self.index, index[0])),
            recent.eq(summed),
        ]

        # 2. Fetch the rest; choose the alignment.
        m.d.comb += read.addr.eq(index[0])

        # A result's anchor comes late: how to align to it is worked out for each digit that it may yet move.
        aligned, state, live = Signal(_Alignment, reset_less=True), Signal(layout, reset_less=True), Signal()
        zero, up, down = Signal(), Signal(), Signal()
        base = Mux(same, state.anchor, fetched)
        ahead = Signal(signed(7))
        m.d.comb += ahead.eq(group.anchor - base)
        aligned_for = {}
        for move in (-1, 0, 1):
            aligned_for[move] = choice = Signal(_Alignment, name=f"alignment_{move + 1}")
            m.d.comb += [
                choice.sum.eq(_shifts(ahead - move) << 1 + move),
                choice.total.eq(_shifts(move - ahead)),
                choice.anchor.eq(Mux(ahead > move, group.anchor, base + move)),
            ]
        alignment = Signal(_Alignment)
        with m.If(self.fresh | same & zero):
            m.d.comb += [alignment.total.eq(1), alignment.anchor.eq(group.anchor)]
        with m.Elif(same & up):
            m.d.comb += alignment.eq(aligned_for[1])
        with m.Elif(same & down):
            m.d.comb += alignment.eq(aligned_for[-1])
        with m.Else():
            m.d.comb += alignment.eq(aligned_for[0])
        total = Signal(signed(width))
        older = Signal(without)
        m.d.comb += older.eq(Mux(recent, Cat(result.sum, result.special), read.data.as_value()))
        m.d.sync += [
            aligned.eq(alignment),
            live.eq(~group.empty),
            state.sum.eq(Mux(same, total, older.sum)),
            state.anchor.eq(alignment.anchor),
            state.special.eq(
                Mux(self.fresh, 0, Mux(same, state.special, older.special)) | group.special.as_value()),
        ]

        # The one that is read: of the step in stage 3, which is in stage 4 a cycle later, of that in stage 4, or old.
        read_index, read_same = Signal.like(self.read_index, reset_less=True), Signal(reset_less=True)
        read_recent, is_result = Signal(reset_less=True), Signal(reset_less=True)
        found = Signal(layout, reset_less=True)
        old_anchor, old = anchors.read_port(domain="comb"), rest.read_port(domain="comb")
        m.d.comb += [
            old_anchor.addr.eq(read_index),
            old.addr.eq(read_index),
            self.state.eq(Mux(is_result, result, found)),
        ]
        m.d.sync += [
            read_index.eq(self.read_index),
            read_same.eq(is_again(self.read_index, index[0])),
            read_recent.eq(is_again(self.read_index, index[1])),
            is_result.eq(read_same),
            found.eq(Mux(read_recent, result, Cat(old.data.sum, old_anchor.data, old.data.special))),
        ]

        # 3. Add. Which way to renormalise depends on x, not on the sum, which comes late.
        x, y = Signal(signed(width)), Signal(signed(width))
        m.d.comb += [
            x.eq(_aligned(state.sum, aligned.sum, width=width, left=1)),
            y.eq(_aligned(self.total, aligned.total, width=width)),
            total.eq(x + y),
            zero.eq(_is_zero_sum(x.as_unsigned(), y.as_unsigned())),
            up.eq(live & ~_all_equal(x[UPPER:])),
            down.eq(live & _all_equal(x[LOWER:]) & ~aligned.total[0]),
            anchor.eq(Mux(zero, 0, Mux(up, state.anchor + 1, Mux(down, state.anchor - 1, state.anchor)))),
        ]

        # 4. Renormalise, write back.
        moves = Signal(data.StructLayout({"up": 1, "down": 1}), reset_less=True)
        last = Signal(layout, reset_less=True)
        m.d.sync += [
            moves.up.eq(up),
            moves.down.eq(down),
            last.sum.eq(total),
            last.anchor.eq(anchor),
            last.special.eq(state.special),
        ]
        m.d.comb += [
            result.eq(last),
            result.sum.eq(Mux(moves.up, last.sum >> DIGIT, Mux(moves.down, last.sum << DIGIT, last.sum))),
            write_anchor.addr.eq(index[2]),
            write_anchor.data.eq(result.anchor),
            write_anchor.en.eq(1),
            write.addr.eq(index[2]),
            write.data.sum.eq(result.sum),
            write.data.special.eq(result.special),
            write.en.eq(1),
        ]
        return m
