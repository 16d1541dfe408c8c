"""Scalar accesses that reach into the next line: an access to each of the two."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

#: Bytes of the next line that an access may reach: of 8 at any alignment.
BEYOND_BYTES = 7


class LineCrossing(wiring.Component):
    """Makes two accesses, one after the other, of one that reaches into the next line. Combinational.

    Parameters
    ----------
    shape : data.StructLayout
        An access: among others its ``line``, the ``mask`` of its bytes there, and ``beyond``, that of its bytes among
        the first of the next line.

    Members
    -------
    i, o : stream
        Accesses; those to single lines.
    more : Out(1), rest : Out(1)
        Of what is offered, the other half is to follow; it is the other half.
    void : In(1)
        What is offered does not count, and no other half follows.
    """

    def __init__(self, *, shape: data.StructLayout):
        self.shape = shape
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
            "more": Out(1),
            "rest": Out(1),
            "void": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        access, half = self.i.payload, Signal(self.shape)
        m.d.comb += [
            half.eq(access),
            half.line.eq(access.line + self.rest),
            half.mask.eq(Mux(self.rest, access.beyond, access.mask)),
            self.more.eq(access.beyond.any() & ~self.rest),
            self.o.payload.eq(half),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & ~self.more),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.rest.eq(self.more & ~self.void)
        return m
