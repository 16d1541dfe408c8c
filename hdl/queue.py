"""A first-in, first-out queue between two streams."""

from amaranth.hdl import Module, Value
from amaranth.lib import fifo, stream, wiring
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

    Members
    -------
    i : In(stream), o : Out(stream)
    level : Out
        Items held now.
    """

    def __init__(self, *, shape, depth: int):
        if type(depth) is not int or depth < 1:
            raise ValueError(f"a queue's depth must be 1 or more, not {depth!r}")
        self.shape = shape
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        payload = Value.cast(self.o.payload)
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
