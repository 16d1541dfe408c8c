"""The flits that wait at an input of a router."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..onehot import select
from .link import class_of
from .packet import CLASSES


def one(bits: Value) -> Value:
    """Exactly one of them is set."""
    return reduce(or_, (bits == 1 << index for index in range(len(bits))))


class Pool(wiring.Component):
    """Holds up to `depth` flits in slots. Any of them may leave, all at once or, with ``single``, one a cycle.

    Only, a flit waits for those of its class and way that came before it, so packets of one source, destination and
    class stay in order. Slot c holds class c only; see `hdl.noc.link.Hop`.

    Parameters
    ----------
    flit : data.StructLayout
        A header with ``destination`` and ``op``, and whatever else.
    depth, ways : int
        Slots, and outputs of the router.
    registered : bool
        ``slot`` and ``flit`` come from registers, so that as an ASIC flits can be in latches, which are open in the
        second half of the cycle in which a flit comes.
    single : bool
        At most one of ``leaves`` is set at a time: all of ``flits`` are the one that leaves.

    Members
    -------
    slot : In(depth)
        One-hot: ``flit`` comes into this slot, which is free; or 0.
    flit : In, way : In(ways)
        The flit, and the output that it has to leave by, one-hot.
    passes : In(1)
        It leaves in this very cycle.
    leaves : In(depth)
        The flits of these slots leave.
    goes : In(ways), one for each class
        The outputs that those of the class leave by.
    flits : Out, one for each slot
    classes : Out(depth)
        Traffic class of each.
    requests : Out(ways), one for each slot
        The output that the slot's flit may leave by now, one-hot, or 0. From a register.
    wanted : Out(ways), one for each class
        Outputs that a flit of the class may leave by in the next cycle.
    valid : Out(depth)
        Slots that hold a flit.
    freed : Out(depth)
        Slots that were left in the cycle before.
    """

    def __init__(self, *, flit: data.StructLayout, depth: int, ways: int, registered: bool, single: bool = False):
        if depth < CLASSES:
            raise ValueError(f"a pool needs a slot for each of {CLASSES} classes, not {depth!r}")
        self.depth = depth
        self.ways = ways
        self.single = single
        self.attrs = {"ram_style": "latches"} if registered else {}
        super().__init__({
            "slot": In(depth),
            "flit": In(flit),
            "way": In(ways),
            "passes": In(1),
            "leaves": In(depth),
            "goes": In(ways).array(CLASSES),
            "flits": Out(flit).array(depth),
            "classes": Out(depth),
            "requests": Out(ways).array(depth),
            "wanted": Out(ways).array(CLASSES),
            "valid": Out(depth),
            "freed": Out(depth),
        })
        #: waits[s][r]: the flit of slot s comes after that of slot r, if there is one.
        self.waits = [Signal(depth, name=f"waits_{s}") for s in range(depth)]
        self.way_of = [Signal(ways, name=f"way_of_{s}") for s in range(depth)]
        #: Slots that are left now.
        self.frees = Signal(depth)

    def elaborate(self, platform):
        m = Module()
        new_class = class_of(self.flit)
        shared = Signal(self.depth)
        same, stays, enters = Signal(self.depth), Signal(self.depth), Signal(self.depth)
        m.d.comb += [
            self.classes.eq(Cat(*range(CLASSES), shared[CLASSES:])),
            stays.eq(self.valid & ~self.leaves),
            enters.eq(self.slot & ~self.passes.replicate(self.depth)),
            self.frees.eq(self.leaves | self.slot & self.passes.replicate(self.depth)),
        ]
        m.d.sync += [
            self.valid.eq(stays | enters),
            self.freed.eq(self.frees),
        ]

        # Of a class and way the first may leave, so there is one if there is any; and one leaves at a time.
        held = [Signal(self.ways, name=f"held_{c}") for c in range(CLASSES)]  # ways of those that stay
        for c in range(CLASSES):
            some = more = Const(0, self.ways)
            for s in range(self.depth):
                way = Mux(self.valid[s] & (self.classes[s] == c), self.way_of[s], 0)
                some, more = some | way, more | some & way
            m.d.comb += [
                held[c].eq(some & ~self.goes[c] | more),
                self.wanted[c].eq(held[c] | Mux(enters.any() & (new_class == c), self.way, 0)),
            ]
        waits_for_held = (self.way & Mux(new_class, held[1], held[0])).any()

        for s in range(self.depth):
            moves = (self.way_of[s] & Mux(self.classes[s], self.goes[1], self.goes[0])).any()
            ahead = self.waits[s] & self.valid
            with m.If(self.slot[s]):
                m.d.sync += self.requests[s].eq(Mux(enters[s] & ~waits_for_held, self.way, 0))
            with m.Elif(moves):
                m.d.sync += self.requests[s].eq(Mux(self.valid[s] & one(ahead), self.way_of[s], 0))
            m.d.comb += same[s].eq((self.way_of[s] & self.way).any() & (self.classes[s] == new_class))
            if not self.single:
                m.submodules[f"flit_{s}"] = flit = Memory(shape=self.flit.shape(), depth=1, init=[], attrs=self.attrs)
                write, read = flit.write_port(), flit.read_port(domain="comb")
                m.d.comb += [write.data.eq(self.flit), write.en.eq(self.slot[s]), self.flits[s].eq(read.data)]
            with m.If(self.slot[s]):
                m.d.sync += [
                    self.way_of[s].eq(self.way),
                    self.waits[s].eq(same & ~self.slot),
                    shared[s].eq(new_class),
                ]
            with m.Else():
                m.d.sync += self.waits[s].eq(self.waits[s] & ~self.slot)
        if self.single:
            m.submodules.flits = flits = Memory(shape=self.flit.shape(), depth=self.depth, init=[])
            write, read = flits.write_port(), flits.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(select(self.slot, range(self.depth))),
                write.data.eq(self.flit),
                write.en.eq(self.slot.any()),
                read.addr.eq(select(self.leaves, range(self.depth))),
                *(flit.eq(read.data) for flit in self.flits),
            ]
        return m
