"""The way of late results into a register file."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..onehot import select
from .layouts import write_layout


class Writeback(wiring.Component):
    """Takes some of several results a cycle, in turn, combinationally.

    Parameters
    ----------
    layout : data.StructLayout
        A result: ``thread``, ``destination``, ``data``.
    sources, ports : int
        How many units deliver results, and how many write ports there are.

    Members
    -------
    results : In(stream) of each source
    free : In(ports)
        Write ports that nobody else uses in this cycle.
    writes : Out
        For each port, what to write. Integer register 0 is written, too; nobody reads it.
    short : Out(1)
        There is a result for which there is no port.
    """

    def __init__(self, *, layout: data.StructLayout, sources: int, ports: int):
        self.sources = sources
        self.ports = ports
        super().__init__({
            "results": In(stream.Signature(layout)).array(sources),
            "free": In(ports, init=(1 << ports) - 1),
            "writes": Out(data.ArrayLayout(write_layout(layout), ports)),
            "short": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        results = [self.results[index] for index in range(self.sources)]

        # In turn, whatever ports there are: which are free is known late.
        behind = Signal(self.sources)  # those after the last one taken
        waiting, following, turns = Cat(result.valid for result in results), behind, []
        for place in range(min(self.sources, self.ports)):
            turn, left, after = (Signal(self.sources, name=f"{name}_{place}") for name in ("turn", "left", "after"))
            first = waiting & following
            choice = Mux(first.any(), first, waiting)
            taken = turn.any() & (sum(self.free) > place)
            m.d.comb += [
                turn.eq(choice & -choice),
                left.eq(waiting & ~turn),
                after.eq(Mux(turn.any(), ~(turn | (turn - 1)), following)),
            ]
            with m.If(taken):
                m.d.sync += behind.eq(after)
            for index, result in enumerate(results):
                with m.If(turn[index] & taken):
                    m.d.comb += result.ready.eq(1)
            waiting, following = left, after
            turns.append(turn)
        m.d.comb += self.short.eq(Cat(result.valid & ~result.ready for result in results).any())

        for port in range(self.ports):
            grant = Signal(self.sources, name=f"grant_{port}")
            before = sum(self.free[:port])
            with m.If(self.free[port]):
                for place, turn in enumerate(turns[:port + 1]):
                    with m.If(before == place):
                        m.d.comb += grant.eq(turn)
            m.d.comb += [
                self.writes[port].valid.eq(grant.any()),
                self.writes[port].result.eq(select(grant, [result.payload.as_value() for result in results])),
            ]
        return m
