"""The instruction cache: a few lines of the SRAM that the threads share."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config, bits_for_count
from ..mem.port import MemoryPort
from ..onehot import select


class InstructionCache(wiring.Component):
    """`config.fetch_lines` lines for each thread, direct-mapped.

    Lines are not coherent: a store is seen only after ``flush``. A missing line is read from the SRAM, one at a time.
    No other line can take its place before all threads had a turn to fetch from it, so every thread gets on.

    While no thread misses a line, the line behind the last one that was missed is read ahead, and then, when that is
    first used, the one behind it: code that runs straight on finds its lines here, and nothing is read ahead where no
    line was missed. So a line that nobody uses can take another's place at most once for each that was missed.

    Members
    -------
    lines : In, wants : In(threads), hits : Out(threads)
        For each thread, a line of the SRAM; whether it is wanted; whether it is here.
    slots : In, uses : In(groups), data : Out
        For each group, a line that is here, whether it is used, and what it holds.
    errors : Out(groups)
        The line of the group's slot had an uncorrectable memory error.
    flush : In(1)
        Forget all lines.
    miss : Out(1)
        Strobe: a line that a thread waits for is going to be read.
    memory : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "lines": In(data.ArrayLayout(config.line_bits, config.threads)),
            "wants": In(config.threads),
            "hits": Out(config.threads),
            "slots": In(data.ArrayLayout(config.line_bits, config.groups)),
            "uses": In(config.groups),
            "data": Out(data.ArrayLayout(config.vector_bits, config.groups)),
            "errors": Out(config.groups),
            "flush": In(1),
            "miss": Out(1),
            "memory": Out(MemoryPort(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        count = config.threads * config.fetch_lines
        slot_bits = bits_for_count(count)
        wrong = Signal(count)

        m.submodules.lines = lines = Memory(shape=config.vector_bits, depth=count, init=[])
        write = lines.write_port()
        for group in range(config.groups):
            port = lines.read_port(domain="comb")
            m.d.comb += [
                port.addr.eq(self.slots[group]),
                self.data[group].eq(port.data),
                self.errors[group].eq(wrong.bit_select(self.slots[group][:slot_bits], 1)),
            ]

        valid = Signal(count)
        tags = Array(Signal(config.line_bits, name=f"tag_{slot}") for slot in range(count))

        def is_here(line):
            return valid.bit_select(line[:slot_bits], 1) & (tags[line[:slot_bits]] == line)

        m.d.comb += self.hits.eq(Cat(is_here(self.lines[thread]) for thread in range(config.threads)))

        # Read one line at a time: one that is missed or, if there is none, the `following` one, if it is there.
        filling, requested, stale = Signal(), Signal(), Signal()
        line, following = Signal(config.line_bits), Signal(range(config.sram_lines + 1))
        follows, ahead = Signal(), Signal()
        slot = line[:slot_bits]
        m.submodules.misses = misses = RoundRobin(count=config.threads)
        m.d.comb += [
            misses.requests.eq(Mux(filling | self.flush, 0, self.wants & ~self.hits)),
            misses.advance.eq(1),
            self.miss.eq(misses.grant.any()),
            self.memory.request.valid.eq(filling & ~requested),
            self.memory.request.payload.line.eq(line),
            write.addr.eq(slot),
            write.data.eq(self.memory.response.payload),
            write.en.eq(self.memory.response.valid),
        ]
        with m.If(self.memory.request.valid & self.memory.request.ready):
            m.d.sync += requested.eq(1)
        with m.If(~filling):
            m.d.sync += [requested.eq(0), stale.eq(0), follows.eq(0), ahead.eq(~self.miss)]
            with m.If(self.miss):
                m.d.sync += [
                    filling.eq(1),
                    line.eq(select(misses.grant, [self.lines[thread] for thread in range(config.threads)])),
                ]
            with m.Elif(follows & (following != config.sram_lines)):
                m.d.sync += [filling.eq(~is_here(following[:config.line_bits])), line.eq(following)]

        # Lines that have been read ahead and not been used.
        unused = Signal(count)
        for group in range(config.groups):
            used = self.slots[group]
            with m.If(self.uses[group] & unused.bit_select(used[:slot_bits], 1)):
                m.d.sync += [
                    unused.bit_select(used[:slot_bits], 1).eq(0),
                    follows.eq(1),
                    following.eq(used + 1),
                ]
        with m.If(self.memory.response.valid):
            m.d.sync += filling.eq(0)
            with m.If(~stale):
                m.d.sync += [
                    tags[slot].eq(line),
                    valid.bit_select(slot, 1).eq(1),
                    wrong.bit_select(slot, 1).eq(self.memory.error),
                    unused.bit_select(slot, 1).eq(ahead),
                ]
            with m.If(~ahead):
                m.d.sync += [follows.eq(1), following.eq(line + 1)]
        with m.If(self.flush):
            m.d.sync += [valid.eq(0), stale.eq(1), follows.eq(0)]
        return m
