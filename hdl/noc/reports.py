"""Errors of a node's network interface: what is reported of them, and their registers."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Report(data.Struct):
    """An error and the address it names: the payload of an ERROR packet and the register FIRST_ERROR."""

    code: unsigned(4)  # of `ErrorCode`
    reserved: unsigned(28)
    address: unsigned(32)


class ErrorLog(wiring.Component):
    """The registers ERRORS and FIRST_ERROR.

    Members
    -------
    i : In(stream), `count` of them
        Reports; of those of one cycle, the first in this order counts as the first error.
    errors : Out(64)
        Reports since reset.
    first : Out(Report)
        The first of them, or 0.
    """

    def __init__(self, *, count: int):
        self.count = count
        super().__init__({
            "i": In(stream.Signature(Report, always_ready=True)).array(count),
            "errors": Out(64),
            "first": Out(Report),
        })

    def elaborate(self, platform):
        m = Module()
        # Reports come late in their cycle, so they are added in the next one.
        new, count = Signal(Report), Signal(range(self.count + 1))
        errors, first = Signal.like(self.errors), Signal(Report)
        m.d.sync += [new.eq(0), count.eq(sum(report.valid for report in self.i))]
        for report in reversed(self.i):
            with m.If(report.valid):
                m.d.sync += new.eq(report.payload)
        m.d.comb += [self.errors.eq(errors + count), self.first.eq(Mux(first.code == 0, new, first))]
        m.d.sync += [errors.eq(self.errors), first.eq(self.first)]
        return m
