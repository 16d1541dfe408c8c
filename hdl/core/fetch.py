"""Instruction fetch: every thread keeps a few lines of instructions."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import SRAM_BASE, Config, bits_for_count
from ..mem.port import MemoryPort
from .onehot import select


class Fetch(wiring.Component):
    """Gives one instruction word a cycle to one of the threads that want one.

    Each thread has `config.fetch_lines` direct-mapped lines of its own. A line that is missing is read from the SRAM,
    one at a time; meanwhile the other threads go on. Lines are not coherent: a store is seen only after ``flush``.

    Members
    -------
    pcs : In
        Each thread's next instruction address.
    wants : In(threads)
        Threads that can take an instruction.
    flush : In(threads)
        Forget the lines of these threads.
    chosen : Out(threads)
        One-hot: the thread that gets ``word`` in this cycle.
    word : Out(32)
    fault : Out(1)
        The thread's pc is outside the SRAM; ``word`` means nothing.
    error : Out(1)
        The thread's line has an uncorrectable error; ``word`` means nothing.
    memory : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "pcs": In(data.ArrayLayout(64, config.threads)),
            "wants": In(config.threads),
            "flush": In(config.threads),
            "chosen": Out(config.threads),
            "word": Out(32),
            "fault": Out(1),
            "error": Out(1),
            "memory": Out(MemoryPort(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        slot_bits = bits_for_count(config.fetch_lines)
        first_bit, offset_bits = config.line_offset_bits, config.line_offset_bits + config.line_bits

        m.submodules.lines = lines = Memory(
            shape=config.vector_bits, depth=config.threads * config.fetch_lines, init=[])
        read, write = lines.read_port(domain="comb"), lines.write_port()

        def line_of(pc):
            return pc[first_bit:offset_bits]

        # Where is each thread's next instruction?
        valid = [Signal(config.fetch_lines, name=f"valid_{thread}") for thread in range(config.threads)]
        wrong = [Signal(config.fetch_lines, name=f"wrong_{thread}") for thread in range(config.threads)]
        hits, faults, errors = [], [], []
        tags = []
        for thread in range(config.threads):
            pc = self.pcs[thread]
            thread_tags = Array(Signal(config.line_bits, name=f"tag_{thread}_{slot}")
                                for slot in range(config.fetch_lines))
            tags.append(thread_tags)
            slot = line_of(pc)[:slot_bits]
            hits.append(valid[thread].bit_select(slot, 1) & (thread_tags[slot] == line_of(pc)))
            errors.append(wrong[thread].bit_select(slot, 1))
            faults.append((pc[31:] != SRAM_BASE >> 31) | (pc[:31] >= config.sram_bytes))

        # Give a word to one thread that has its line, or learns that it never will.
        m.submodules.choice = choice = RoundRobin(count=config.threads)
        pc = select(choice.grant, [self.pcs[thread] for thread in range(config.threads)])
        thread = select(choice.grant, range(config.threads))[:config.thread_bits]
        m.d.comb += [
            choice.requests.eq(self.wants & (Cat(hits) | Cat(faults)) & ~self.flush),
            choice.advance.eq(1),
            self.chosen.eq(choice.grant),
            self.fault.eq((choice.grant & Cat(faults)).any()),
            self.error.eq((choice.grant & Cat(errors) & ~Cat(faults)).any()),
            read.addr.eq(Cat(line_of(pc)[:slot_bits], thread)),
            self.word.eq(read.data.word_select(pc[2:first_bit], 32)),
        ]

        # Read one missing line at a time.
        filling, requested, stale = Signal(), Signal(), Signal()
        fill_thread, fill_line = Signal(config.threads), Signal(config.line_bits)
        m.submodules.misses = misses = RoundRobin(count=config.threads)
        m.d.comb += [
            misses.requests.eq(Mux(filling, 0, self.wants & ~Cat(hits) & ~Cat(faults) & ~self.flush)),
            misses.advance.eq(1),
            self.memory.request.valid.eq(filling & ~requested),
            self.memory.request.payload.line.eq(fill_line),
        ]
        with m.If(misses.grant.any()):
            missing_pc = select(misses.grant, [self.pcs[thread] for thread in range(config.threads)])
            m.d.sync += [
                filling.eq(1),
                requested.eq(0),
                stale.eq(0),
                fill_thread.eq(misses.grant),
                fill_line.eq(line_of(missing_pc)),
            ]
        with m.If((fill_thread & self.flush).any()):
            m.d.sync += stale.eq(1)
        with m.If(self.memory.request.valid & self.memory.request.ready):
            m.d.sync += requested.eq(1)
        m.d.comb += [
            write.addr.eq(Cat(fill_line[:slot_bits],
                              select(fill_thread, range(config.threads))[:config.thread_bits])),
            write.data.eq(self.memory.response.payload),
        ]
        with m.If(self.memory.response.valid):
            m.d.sync += filling.eq(0)
            m.d.comb += write.en.eq(1)
            for thread in range(config.threads):
                with m.If(fill_thread[thread] & ~stale):
                    m.d.sync += [
                        tags[thread][fill_line[:slot_bits]].eq(fill_line),
                        valid[thread].bit_select(fill_line[:slot_bits], 1).eq(1),
                        wrong[thread].bit_select(fill_line[:slot_bits], 1).eq(self.memory.error),
                    ]

        for thread in range(config.threads):
            with m.If(self.flush[thread]):
                m.d.sync += valid[thread].eq(0)
        return m
