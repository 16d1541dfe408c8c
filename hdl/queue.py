"""First-in, first-out queues between two streams."""

from amaranth.hdl import Module, Mux, Value, unsigned
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Queue(wiring.Component):
    """Holds up to `depth` items; an item can leave in the cycle after it came.

    ``i.ready`` and ``o.valid`` depend on the level alone.

    Parameters
    ----------
    shape : shape-castable
        Shape of an item.
    depth : int
        Items held, 1 or more.
    early : bool
        Whatever is at `i` is stored while there is room, so that ``i.valid``, which says whether it counts, may come
        late in its cycle. The depth must be a power of two from 2.

    Members
    -------
    i : In(stream), o : Out(stream)
    level : Out
        Items held now.
    """

    def __init__(self, *, shape, depth: int, early: bool = False):
        if type(depth) is not int or depth < 1:
            raise ValueError(f"a queue's depth must be 1 or more, not {depth!r}")
        if early and (depth == 1 or depth & depth - 1):
            raise ValueError(f"the depth of an early queue must be a power of two from 2, not {depth!r}")
        self.shape = shape
        self.depth = depth
        self.early = early
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        payload = Value.cast(self.o.payload)
        if self.depth == 1:  # a FIFO of one word would have addresses of no bits
            m.d.comb += [self.i.ready.eq(~self.level), self.o.valid.eq(self.level)]
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += [payload.eq(Value.cast(self.i.payload)), self.level.eq(1)]
            with m.Elif(self.o.ready):
                m.d.sync += self.level.eq(0)
            return m
        if self.early:
            m.submodules.items = items = Memory(shape=unsigned(len(payload)), depth=self.depth, init=[])
            write, read = items.write_port(), items.read_port(domain="comb")
            comes, goes = self.i.valid & self.i.ready, self.o.valid & self.o.ready
            m.d.comb += [
                self.i.ready.eq(self.level != self.depth),
                self.o.valid.eq(self.level != 0),
                write.en.eq(self.i.ready),
                write.data.eq(Value.cast(self.i.payload)),
                payload.eq(read.data),
            ]
            m.d.sync += [
                write.addr.eq(write.addr + comes),
                read.addr.eq(read.addr + goes),
                self.level.eq(self.level + comes - goes),
            ]
            return m
        m.submodules.fifo = items = fifo.SyncFIFO(width=len(payload), depth=self.depth)
        m.d.comb += [
            items.w_data.eq(Value.cast(self.i.payload)),
            items.w_en.eq(self.i.valid),
            self.i.ready.eq(items.w_rdy),
            payload.eq(items.r_data),
            self.o.valid.eq(items.r_rdy),
            items.r_en.eq(self.o.ready),
            self.level.eq(items.level),
        ]
        return m


class PassingQueue(wiring.Component):
    """As `Queue`, but while it is empty an item leaves in the cycle in which it comes, if it is taken.

    ``i.ready`` depends on the level alone.
    """

    def __init__(self, *, shape, depth: int):
        self.queue = Queue(shape=shape, depth=depth)
        super().__init__(self.queue.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = self.queue
        empty = queue.level == 0
        m.d.comb += [
            queue.i.payload.eq(self.i.payload),
            queue.i.valid.eq(self.i.valid & ~(empty & self.o.ready)),
            self.i.ready.eq(queue.i.ready),
            self.o.payload.eq(Mux(empty, Value.cast(self.i.payload), Value.cast(queue.o.payload))),
            self.o.valid.eq(Mux(empty, self.i.valid, queue.o.valid)),
            queue.o.ready.eq(~empty & self.o.ready),
            self.level.eq(queue.level),
        ]
        return m
