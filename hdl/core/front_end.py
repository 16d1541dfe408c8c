"""The front end: fetch, decode, and a queue of decoded instructions for each thread."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config, bits_for_count
from ..mem.port import MemoryPort
from ..onehot import select
from .decode import Decoder, is_constant, writes_at_once
from .fetch import Fetch
from .instruction_queue import InstructionQueue
from .layouts import decoded_layout, window_layout
from .predictor import outcome_layout


class FrontEnd(wiring.Component):
    """From the SRAM to instructions that can be issued, along the predicted way of each thread's program.

    Fetch and decode take a cycle each. Every group decodes up to `config.decode_width` instructions of one of its
    threads a cycle, in turn.

    Members
    -------
    running, single, injects, words, restart, targets, flush, outcome, miss, memory
        As `Fetch`.
    heads, counts : Out, pops : In
        For each thread, as `InstructionQueue`.
    """

    def __init__(self, *, config: Config):
        self.config = config
        threads, width = config.threads, config.issue_width
        super().__init__({
            "running": In(threads),
            "single": In(threads),
            "injects": In(threads),
            "words": In(data.ArrayLayout(32, threads)),
            "restart": In(threads),
            "targets": In(data.ArrayLayout(64, threads)),
            "flush": In(1),
            "outcome": In(outcome_layout(config)),
            "miss": Out(1),
            "memory": Out(MemoryPort(config)),
            "heads": Out(data.ArrayLayout(data.ArrayLayout(decoded_layout(config), width), threads)),
            "counts": Out(data.ArrayLayout(range(width + 1), threads)),
            "pops": In(data.ArrayLayout(width, threads)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        threads, groups, width = config.threads, config.groups, config.decode_width
        m.submodules.fetch = fetch = Fetch(config=config)
        wiring.connect(m, fetch.memory, wiring.flipped(self.memory))
        m.d.comb += [
            fetch.running.eq(self.running),
            fetch.single.eq(self.single),
            fetch.injects.eq(self.injects),
            fetch.words.eq(self.words),
            fetch.restart.eq(self.restart),
            fetch.targets.eq(self.targets),
            fetch.flush.eq(self.flush),
            fetch.outcome.eq(self.outcome),
            self.miss.eq(fetch.miss),
        ]
        queues = []
        for thread in range(threads):
            m.submodules[f"queue_{thread}"] = queue = InstructionQueue(config=config)
            queues.append(queue)
            m.d.comb += [
                self.heads[thread].eq(queue.heads),
                self.counts[thread].eq(queue.count),
                queue.pops.eq(self.pops[thread]),
                queue.clear.eq(self.restart[thread]),
            ]

        window_bits = bits_for_count(config.fetch_words)
        for group in range(groups):
            own = range(group, threads, groups)
            m.submodules[f"turn_{group}"] = turn = RoundRobin(count=len(own))
            window = Signal(window_layout(config), name=f"window_{group}")
            count = Signal(range(width + 1), name=f"count_{group}")
            decoded = Signal(data.ArrayLayout(decoded_layout(config), width), name=f"decoded_{group}")
            m.d.comb += [
                turn.requests.eq(Cat((fetch.windows[thread].count != 0) & queues[thread].room for thread in own)),
                turn.advance.eq(1),
                window.eq(select(turn.grant, [fetch.windows[thread].as_value() for thread in own])),
                count.eq(Mux(window.count > width, width, window.count)),
            ]
            for index in range(width):
                m.submodules[f"decoder_{group}_{index}"] = decoder = Decoder(config=config)
                number = (window.pc[2:2 + window_bits] + index)[:window_bits]
                instruction = decoded[index]
                m.d.comb += [
                    decoder.word.eq(window.words[number]),
                    instruction.pc.eq(window.pc + 4 * index),
                    instruction.word.eq(decoder.word),
                    instruction.fault.eq(window.fault),
                    instruction.error.eq(window.error),
                    instruction.control.eq(Mux(window.fault | window.error, 0, decoder.control.as_value())),
                    instruction.value.eq(decoder.value),
                    instruction.constant.eq(is_constant(instruction)),
                    instruction.writes.eq(writes_at_once(instruction)),
                    instruction.prediction.target.eq(window.prediction.target),
                    instruction.prediction.taken.eq(window.prediction.taken & (window.count == index + 1)),
                ]
            for grant, thread in zip(turn.grant, own, strict=True):
                m.d.comb += [
                    queues[thread].pushed.eq(decoded),
                    queues[thread].push.eq(Mux(grant, count, 0)),
                    fetch.taken[thread].eq(Mux(grant, count, 0)),
                ]
        return m
