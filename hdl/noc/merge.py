"""Several streams into one."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin


class Merge(wiring.Component):
    """Passes on the items of `count` streams, combinationally, in turn.

    An item that has been offered stays until it is taken; after that, every other stream that has one comes first.

    Parameters
    ----------
    shape : shape-castable
        Shape of an item.
    count : int
        Streams, 1 or more.

    Members
    -------
    i : In(stream), `count` of them
    o : Out(stream)
    """

    def __init__(self, *, shape, count: int):
        self.count = count
        super().__init__({
            "i": In(stream.Signature(shape)).array(count),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.arbiter = arbiter = RoundRobin(count=self.count)
        offered = Signal(self.count)  # one-hot, or 0 if the last item offered was taken
        m.d.comb += [
            arbiter.requests.eq(Mux(offered.any(), offered, Cat(item.valid for item in self.i))),
            arbiter.advance.eq(self.o.ready),
            self.o.valid.eq(arbiter.grant.any()),
        ]
        m.d.sync += offered.eq(Mux(self.o.ready, 0, arbiter.grant))
        for index, item in enumerate(self.i):
            m.d.comb += item.ready.eq(arbiter.grant[index] & self.o.ready)
            with m.If(arbiter.grant[index]):
                m.d.comb += self.o.payload.eq(item.payload)
        return m
