"""The two links of a router: to its node's network interface, and to another router."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, Signature

from ..config import Config
from .packet import CLASSES, flit_layout


class Link(Signature):
    """A link between a router and its node, seen from the sender: a ready for each traffic class.

    At most one bit of ``valid`` is set: a flit of that class is offered. It is taken in the cycle in which the same bit
    of ``ready`` is set, too. ``ready`` does not depend on ``valid``.

    Flits are `flit_layout(config)`, if no other `flit` is given.
    """

    def __init__(self, config: Config, *, flit: data.StructLayout | None = None):
        super().__init__({
            "valid": Out(CLASSES),
            "ready": In(CLASSES),
            "flit": Out(flit_layout(config) if flit is None else flit),
        })


class Hop(Signature):
    """A link between two routers, seen from the sender, which knows what room there is and never has to ask.

    The receiver holds `depth` flits in slots. The sender says which slot a flit goes into, and the receiver says when a
    slot is free again. Slot c is kept for class c; slots from `CLASSES` on are for any class. Everything comes from
    registers on both sides.

    Members
    -------
    slot : Out(depth)
        One-hot: a flit comes, and goes into this slot. 0: none comes.
    flit : Out
    freed : In(depth)
        Strobes: these slots are free again, from this cycle on.
    """

    def __init__(self, *, flit: data.StructLayout, depth: int):
        super().__init__({
            "slot": Out(depth),
            "flit": Out(flit),
            "freed": In(depth),
        })


def class_of(flit: data.View) -> Value:
    """The traffic class of a flit: the top bit of its operation."""
    return Value.cast(flit.header.op)[-1]


def usable(free: Value, *, traffic_class: int) -> Value:
    """The free slots that a flit of a class may go into."""
    shared = (1 << len(free)) - (1 << CLASSES)
    return (free & (shared | 1 << traffic_class))[:len(free)]


def choose(free: Value, *, traffic_class: int) -> Value:
    """The free slot that a flit of a class is to go into, one-hot: its class's own if it can, 0 if there is none."""
    usable_now = usable(free, traffic_class=traffic_class)
    return (usable_now & (~usable_now + 1))[:len(free)]


class Slots(wiring.Component):
    """The sender's side of a `Hop`: which slots of the receiver are free.

    A slot can be filled again two cycles after the flit that was in it has left the sender.

    Members
    -------
    freed : In(depth)
        The link's.
    leaves : In(CLASSES)
        At most one bit: a flit of this class is sent; only if there is a slot.
    slots : Out(depth), one for each class
        The slot that it goes into, one-hot, or 0.
    room : Out(CLASSES)
        There is one: known earlier than which.
    free : Out(depth)
        Slots that were free before `freed` came.
    """

    def __init__(self, *, depth: int):
        self.depth = depth
        super().__init__({
            "freed": In(depth),
            "leaves": In(CLASSES),
            "slots": Out(depth).array(CLASSES),
            "room": Out(CLASSES),
            "free": Out(depth, init=(1 << depth) - 1),
        })
        #: A class may go into one of those that are `free`.
        self.some = Signal(CLASSES, init=-1)

    def elaborate(self, platform):
        m = Module()
        free, taken, left = Signal(self.depth), Signal(self.depth), Signal(self.depth)
        m.d.comb += free.eq(self.free | self.freed)
        for c in range(CLASSES):
            m.d.comb += [
                self.slots[c].eq(choose(free, traffic_class=c)),
                self.room[c].eq(self.some[c] | usable(self.freed, traffic_class=c).any()),
            ]
            with m.If(self.leaves[c]):
                m.d.comb += taken.eq(self.slots[c])
            m.d.sync += self.some[c].eq(usable(left, traffic_class=c).any())
        m.d.comb += left.eq(free & ~taken)
        m.d.sync += self.free.eq(left)
        return m
