"""Instruction fetch: a window of instructions for one thread of each group in every cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import SRAM_BASE, Config, bits_for_count
from ..mem.port import MemoryPort
from ..onehot import select
from .instruction_cache import InstructionCache
from .layouts import offset_bits, window_layout
from .predictor import Predictor, outcome_layout


class Fetch(wiring.Component):
    """Keeps a window of instructions ready for each thread, and follows the predicted way of the program.

    A thread whose window will be empty can have the next one. Each group gives one to one of its threads, in turn, if
    the instruction cache has the line; if not, the line is fetched meanwhile.

    Members
    -------
    running : In(threads)
        Threads that are to be fetched for.
    single, injects : In(threads), words : In
        After a restart the thread gets one instruction alone; and that one is not fetched, but in `words`.
    restart : In(threads), targets : In
        Forget the thread's window and go on at the thread's target.
    flush : In(1)
        Forget the instruction cache.
    outcome : In
        For the `Predictor`.
    taken : In
        For each thread, how many instructions of its window are taken in this cycle.
    windows : Out
        Each thread's `window_layout`.
    miss : Out(1), memory : Out(MemoryPort)
        Of the `InstructionCache`.
    """

    def __init__(self, *, config: Config):
        self.config = config
        threads = config.threads
        super().__init__({
            "running": In(threads),
            "single": In(threads),
            "injects": In(threads),
            "words": In(data.ArrayLayout(32, threads)),
            "restart": In(threads),
            "targets": In(data.ArrayLayout(64, threads)),
            "flush": In(1),
            "outcome": In(outcome_layout(config)),
            "taken": In(data.ArrayLayout(range(config.decode_width + 1), threads)),
            "windows": Out(data.ArrayLayout(window_layout(config), threads)),
            "miss": Out(1),
            "memory": Out(MemoryPort(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        threads, groups = config.threads, config.groups
        m.submodules.cache = cache = InstructionCache(config=config)
        m.submodules.predictor = predictor = Predictor(config=config)
        wiring.connect(m, cache.memory, wiring.flipped(self.memory))
        pcs = [Signal(64, name=f"pc_{thread}") for thread in range(threads)]
        faults = Signal(threads)
        wants = Signal(threads)
        alone = Signal(threads)  # the single instruction has been given
        m.d.comb += [
            cache.flush.eq(self.flush),
            self.miss.eq(cache.miss),
            predictor.outcome.eq(self.outcome),
            faults.eq(Cat((pc[31:] != SRAM_BASE >> 31) | (pc[:31] >= config.sram_bytes) for pc in pcs)),
            wants.eq(self.running & ~self.injects & ~(self.single & alone) & Cat(
                self.windows[thread].count == self.taken[thread] for thread in range(threads))),
            cache.wants.eq(wants & ~faults),
            *(cache.lines[thread].eq(pc[config.line_offset_bits:]) for thread, pc in enumerate(pcs)),
        ]

        # A group's next window, of one of its threads.
        window_bits = bits_for_count(config.fetch_words)
        for group in range(groups):
            own = range(group, threads, groups)
            m.submodules[f"turn_{group}"] = turn = RoundRobin(count=len(own))
            pc = Signal(64, name=f"group_pc_{group}")
            window = Signal(window_layout(config), name=f"window_{group}")
            fault = (turn.grant & faults[group::groups]).any()
            error = ~fault & cache.errors[group]
            first, last = pc[2:2 + window_bits], predictor.last[group]
            prediction = predictor.predictions[group]
            following = Cat(Const(0, 2 + window_bits), pc[2 + window_bits:] + 1)
            predicted = (SRAM_BASE | Cat(Const(0, 2), prediction.target))
            m.d.comb += [
                turn.requests.eq((wants & (cache.hits | faults))[group::groups]),
                turn.advance.eq(1),
                pc.eq(select(turn.grant, [pcs[thread] for thread in own])),
                predictor.words[group].eq(pc[2:offset_bits(config)]),
                cache.slots[group].eq(pc[config.line_offset_bits:]),
                cache.uses[group].eq(turn.grant.any() & ~fault),
                window.pc.eq(pc),
                window.fault.eq(fault),
                window.error.eq(error),
                window.count.eq(Mux(fault | error, 1, last - first + 1)),
                window.prediction.eq(Mux(fault | error, 0, prediction.as_value())),
                window.words.eq(cache.data[group].word_select(
                    pc[2 + window_bits:config.line_offset_bits], 32 * config.fetch_words)),
            ]
            for grant, thread in zip(turn.grant, own, strict=True):
                held = self.windows[thread]
                with m.If(self.running[thread] & self.injects[thread] & ~alone[thread]):
                    m.d.sync += [
                        held.eq(0),
                        held.pc.eq(pcs[thread]),
                        held.count.eq(1),
                        held.words.eq(Cat([self.words[thread]] * config.fetch_words)),
                        alone[thread].eq(1),
                    ]
                with m.Elif(grant & self.single[thread]):
                    m.d.sync += [
                        held.eq(window),
                        held.count.eq(1),
                        held.prediction.eq(0),
                        alone[thread].eq(1),
                    ]
                with m.Elif(grant):
                    m.d.sync += [
                        held.eq(window),
                        pcs[thread].eq(Mux(window.prediction.taken, predicted, following)),
                    ]
                with m.Else():
                    m.d.sync += [
                        held.pc.eq(held.pc + (self.taken[thread] << 2)),
                        held.count.eq(held.count - self.taken[thread]),
                    ]
                with m.If(self.restart[thread]):
                    m.d.sync += [held.count.eq(0), pcs[thread].eq(self.targets[thread]), alone[thread].eq(0)]
        return m
