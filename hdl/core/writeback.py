"""The way of late results into a register file."""

from amaranth.hdl import Cat, Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from .onehot import select


class Writeback(wiring.Component):
    """Takes one of several results a cycle, in turn, combinationally.

    Parameters
    ----------
    layout : data.StructLayout
        A result: ``thread``, ``destination``, ``data``.
    sources : int
        How many units deliver results.

    Members
    -------
    results : In(stream) of each source
    enable : In(1)
        The register file's write port is free.
    valid : Out(1), result : Out(layout)
        The result to write in this cycle.
    waiting : Out(1)
        There is a result, whether it is written or not.
    """

    def __init__(self, *, layout: data.StructLayout, sources: int):
        self.sources = sources
        super().__init__({
            "results": In(stream.Signature(layout)).array(sources),
            "enable": In(1, init=1),
            "valid": Out(1),
            "result": Out(layout),
            "waiting": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.turn = turn = RoundRobin(count=self.sources)
        results = [self.results[index] for index in range(self.sources)]
        m.d.comb += [
            turn.requests.eq(Cat(result.valid for result in results)),
            turn.advance.eq(self.enable),
            self.waiting.eq(turn.requests.any()),
            self.valid.eq(self.waiting & self.enable),
            self.result.eq(select(turn.grant, [result.payload.as_value() for result in results])),
        ]
        for index, result in enumerate(results):
            m.d.comb += result.ready.eq(turn.grant[index] & self.enable)
        return m
