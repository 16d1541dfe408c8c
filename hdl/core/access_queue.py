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
        An access, with ``line``, and ``beyond``, which is not 0 if it reaches into the next line.
    depth, others : int
        Places here, a power of two, and in the other queue.
    passing : bool
        While the queue is empty, an access is offered in the cycle in which it comes, before it is known whether it is
        ``dropped``.

    Members
    -------
    i : In(stream), after : In(others)
        An access; what it waits for. It is taken for sure: whoever sends looks at `level`.
    blocked : In(1), void : In(1)
        It may have to wait, known earlier than `after`; it is none, known later than all else.
    dropped : Out(1)
        What is offered is void, or blocked and will be offered again: it does not count.
    left : In(others)
        Places of the other queue that are left in this cycle.
    o : Out(stream)
        The oldest access, if nothing holds it back.
    level : Out
    enters, leaves : Out(depth)
        The place that is taken, and the one that is left, in this cycle.
    held : Out(depth), lines : Out, reaching : Out(depth)
        Places that are taken; the line of each, and whether it reaches into the next one.
    """

    def __init__(self, *, shape: data.StructLayout, depth: int, others: int, passing: bool):
        if type(depth) is not int or depth < 2 or depth & (depth - 1):
            raise ValueError(f"the depth of a queue of accesses must be a power of two from 2, not {depth!r}")
        self.shape, self.depth, self.passing = shape, depth, passing
        super().__init__({
            "i": In(stream.Signature(shape, always_ready=True)),
            "after": In(others),
            "blocked": In(1),
            "void": In(1),
            "dropped": Out(1),
            "left": In(others),
            "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
            "enters": Out(depth),
            "leaves": Out(depth),
            "held": Out(depth),
            "lines": Out(data.ArrayLayout(shape["line"].shape, depth)),
            "reaching": Out(depth),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.accesses = accesses = Memory(shape=self.shape, depth=self.depth, init=[])
        write, read = accesses.write_port(), accesses.read_port(domain="comb")
        first, end = Signal(range(self.depth)), Signal(range(self.depth))
        waits = Array(Signal.like(self.after, name=f"waits_{place}") for place in range(self.depth))
        empty, passes, leaves, stays = self.level == 0, Signal(), Signal(), Signal()
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
                    self.o.valid.eq(self.i.valid),
                    self.o.payload.eq(self.i.payload),
                    passes.eq(self.i.valid & self.o.ready & ~self.blocked),
                    self.dropped.eq(self.void | self.blocked),
                ]
        m.d.comb += [
            # Whatever comes is stored; whether it stays is known later.
            stays.eq(self.i.valid & ~passes & ~self.void),
            write.en.eq(self.i.valid),
            write.addr.eq(end),
            write.data.eq(self.i.payload),
            self.enters.eq(stays << end),
        ]
        m.d.sync += [
            first.eq(first + leaves),
            end.eq(end + stays),
            self.level.eq(self.level + stays - leaves),
            self.held.eq((self.held & ~self.leaves) | self.enters),
        ]
        for place in range(self.depth):
            comes = self.i.valid & (end == place)
            m.d.sync += waits[place].eq(Mux(comes, self.after, waits[place]) & ~self.left)
            with m.If(comes):
                m.d.sync += [
                    self.lines[place].eq(self.i.payload.line),
                    self.reaching[place].eq(self.i.payload.beyond.any()),
                ]
        return m
