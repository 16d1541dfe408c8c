"""Accesses that wait for the SRAM, and for those before them that they must not overtake."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class AccessQueue(wiring.Component):
    """Like `hdl.queue.Queue`, of loads beside one of stores, or the other way round.

    Accesses leave in the order in which they came. One that comes names the places of the other queue that have to be
    left before it: it is held back until they are.

    Parameters
    ----------
    shape : data.StructLayout
        An access, with ``line``.
    depth, others : int
        Places here, a power of two, and in the other queue.
    passing : bool
        While the queue is empty, an access that nothing holds back is offered in the cycle in which it comes.

    Members
    -------
    i : In(stream), after : In(others)
        An access; what it waits for. It is taken for sure: whoever sends looks at `level`.
    left : In(others)
        Places of the other queue that are left in this cycle.
    o : Out(stream)
        The oldest access, if nothing holds it back.
    level : Out
    enters, leaves : Out(depth)
        The place that is taken, and the one that is left, in this cycle.
    held : Out(depth), lines : Out
        Places that are taken, and the line of each.
    """

    def __init__(self, *, shape: data.StructLayout, depth: int, others: int, passing: bool):
        if type(depth) is not int or depth < 2 or depth & (depth - 1):
            raise ValueError(f"the depth of a queue of accesses must be a power of two from 2, not {depth!r}")
        self.shape, self.depth, self.passing = shape, depth, passing
        super().__init__({
            "i": In(stream.Signature(shape, always_ready=True)),
            "after": In(others),
            "left": In(others),
            "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
            "enters": Out(depth),
            "leaves": Out(depth),
            "held": Out(depth),
            "lines": Out(data.ArrayLayout(shape["line"].shape, depth)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.accesses = accesses = Memory(shape=self.shape, depth=self.depth, init=[])
        write, read = accesses.write_port(), accesses.read_port(domain="comb")
        first, end = Signal(range(self.depth)), Signal(range(self.depth))
        waits = Array(Signal.like(self.after, name=f"waits_{place}") for place in range(self.depth))
        empty, passes, leaves = self.level == 0, Signal(), Signal()
        m.d.comb += [
            read.addr.eq(first),
            self.o.valid.eq(~empty & ~waits[first].any()),
            self.o.payload.eq(read.data),
            leaves.eq(~empty & self.o.valid & self.o.ready),
            self.leaves.eq(leaves << first),
        ]
        if self.passing:
            with m.If(empty):
                m.d.comb += [
                    self.o.valid.eq(self.i.valid & ~self.after.any()),
                    self.o.payload.eq(self.i.payload),
                    passes.eq(self.o.valid & self.o.ready),
                ]
        m.d.comb += [
            write.en.eq(self.i.valid & ~passes),
            write.addr.eq(end),
            write.data.eq(self.i.payload),
            self.enters.eq(write.en << end),
        ]
        m.d.sync += [
            first.eq(first + leaves),
            end.eq(end + write.en),
            self.level.eq(self.level + write.en - leaves),
            self.held.eq((self.held & ~self.leaves) | self.enters),
        ]
        for place in range(self.depth):
            m.d.sync += waits[place].eq(Mux(self.enters[place], self.after, waits[place]) & ~self.left)
            with m.If(self.enters[place]):
                m.d.sync += self.lines[place].eq(self.i.payload.line)
        return m
