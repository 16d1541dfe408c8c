"""Counters that share a memory and an adder, where a register for each would be large."""

from collections.abc import Mapping

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .config import bits_for_count


class Counters(wiring.Component):
    """Adds up strobes. What is read is exact: everything up to the cycle before.

    The memory takes over what has been added up for one counter in each cycle, in turn. After a reset it takes a round
    until it holds anything; a counter whose turn has not come is 0 until then.

    Parameters
    ----------
    bits : int
        Bits of a counter, which starts at 0 again after that.
    widths : mapping of str to int
        Bits of each counter's strobe, by its name; two counters or more.

    Members
    -------
    strobes : In
        By those names: what is added in this cycle.
    index : In, value : Out(bits)
        A counter's number in `widths`, and what it holds.
    """

    def __init__(self, *, bits: int, widths: Mapping[str, int]):
        if len(widths) < 2:
            raise ValueError(f"there must be 2 counters or more to share a memory, not {len(widths)}")
        self.bits = bits
        self.widths = dict(widths)
        super().__init__({
            "strobes": In(data.StructLayout(self.widths)),
            "index": In(bits_for_count(len(widths))),
            "value": Out(bits),
        })

    def elaborate(self, platform):
        m = Module()
        count = len(self.widths)
        m.submodules.memory = memory = Memory(shape=self.bits, depth=count, init=[])
        old, looked_up, write = memory.read_port(domain="comb"), memory.read_port(domain="comb"), memory.write_port()
        turn, first_round = Signal(range(count)), Signal(init=1)
        m.d.sync += turn.eq(turn + 1)
        with m.If(turn == count - 1):
            m.d.sync += [turn.eq(0), first_round.eq(0)]

        added = []
        for number, (name, width) in enumerate(self.widths.items()):
            since = Signal(range(count * ((1 << width) - 1) + 1), name=f"{name}_since")
            m.d.sync += since.eq(Mux(turn == number, 0, since) + self.strobes[name])
            added.append(since)
        m.d.comb += [
            old.addr.eq(turn),
            write.addr.eq(turn),
            write.en.eq(1),
            write.data.eq(Mux(first_round, 0, old.data) + Array(added)[turn]),
            looked_up.addr.eq(self.index),
            self.value.eq(Mux(first_round & (self.index >= turn), 0, looked_up.data) + Array(added)[self.index]),
        ]
        return m
