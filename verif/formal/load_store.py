"""The load-store unit: a load sees the stores before it and none behind it.

The unit decides by lines and the order in which accesses come, never by data, and treats all lines and bits alike. So
what is proved for one bit of one line, which may be any, holds for all; also for the halves of what reaches into the
next line.
"""

from dataclasses import replace

from amaranth.hdl import Assert, Assume, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.config import ULX3S
from hdl.core.lsu import REQUESTS, LoadStoreUnit, load_layout, store_layout
from verif.formal.proof import Proof

#: Few lines, of two words.
CONFIG = replace(ULX3S, name="PROOF", sram_bytes=4096)


class InOrder(wiring.Component):
    """One bit of one line of memory, and one of the loads of it.

    `content` is what the memory holds, `latest` what it would hold if every access were done when it comes.

    Members
    -------
    loads, stores : In(1), load, store : In, store_first : In(1)
        What comes. The line of a remote load is asked for, too, though nobody uses it.
    void : In(1)
        The load is none.
    read_ready, write_ready : In(1), answers, takes : In(1)
        The SRAM takes a load, a store; a line comes back; results are taken.
    line : In
        The line that is watched, in the first cycle.
    watch : In(1)
        Watch the load that comes.
    """

    def __init__(self):
        super().__init__({
            "loads": In(1), "load": In(load_layout(CONFIG)), "stores": In(1), "store": In(store_layout(CONFIG)),
            "store_first": In(1), "void": In(1), "read_ready": In(1), "write_ready": In(1), "answers": In(1),
            "takes": In(1), "line": In(CONFIG.line_bits), "watch": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.lsu = lsu = LoadStoreUnit(config=CONFIG)
        read, write = lsu.reads.request, lsu.writes.request
        started, held = Signal(), Signal(CONFIG.line_bits)
        line = Mux(started, held, self.line)
        m.d.sync += [started.eq(1), held.eq(line)]
        m.d.comb += [
            *(Assume(~access.line.all()) for access in (self.load, self.store)),  # there is a next line
            Assume(~self.loads | (lsu.loads_waiting < REQUESTS)),
            Assume(~self.stores | (lsu.stores_waiting < REQUESTS)),
            lsu.load.valid.eq(self.loads),
            lsu.load.payload.eq(self.load),
            lsu.store.valid.eq(self.stores),
            lsu.store.payload.eq(self.store),
            lsu.store_first.eq(self.store_first),
            lsu.void.eq(self.void),
            read.ready.eq(self.read_ready),
            write.ready.eq(self.write_ready),
            lsu.reads.response.valid.eq(self.answers),
            lsu.scalar.ready.eq(self.takes),
            lsu.vector.ready.eq(self.takes),
        ]

        # In the order in which accesses come.
        latest, now = Signal(), Signal()
        stored = self.stores & (((self.store.line == line) & self.store.mask[0])
                                | ((self.store.line + 1 == line) & self.store.beyond[0]))
        m.d.comb += now.eq(Mux(stored, self.store.data[0], latest))
        m.d.sync += latest.eq(now)

        # In the order in which they are done.
        content = Signal()
        with m.If(write.valid & write.ready & (write.payload.line == line) & write.payload.mask[0]):
            m.d.sync += content.eq(write.payload.data[0])

        # The load that is watched, or its half, and how many reads are before it.
        most = 2 * (REQUESTS + 1)
        watched, waiting, ahead, expected = Signal(), Signal(range(most)), Signal(range(most)), Signal()
        reaches = self.load.beyond.any()
        is_first, is_rest = self.load.line == line, reaches & (self.load.line + 1 == line)
        comes = self.loads & ~self.void
        begins = self.watch & comes & (is_first | is_rest) & ~watched
        before, value = Signal.like(ahead), Signal()
        reads = read.valid & read.ready & ~lsu.dropped
        m.d.sync += waiting.eq(waiting + Mux(comes, 1 + reaches, 0) - reads)
        m.d.comb += [
            before.eq(Mux(begins, waiting + is_rest, ahead)),
            value.eq(Mux(begins, Mux(self.store_first, now, latest), expected)),
        ]
        m.d.sync += expected.eq(value)
        with m.If(begins | watched):
            m.d.sync += [watched.eq(~(reads & (before == 0))), ahead.eq(before - reads)]
            with m.If(reads & (before == 0)):
                m.d.comb += [Assert(read.payload.line == line), Assert(content == value)]
        return m


PROOFS = (
    Proof(name="load_store_order", component=InOrder, mode="bmc", depth=8, engine="abc", quick=True,
          states="a load sees the stores before it in the program, and none behind it"),
)
