"""The branch target buffer: where the next instructions are, known when those before are fetched."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Config, bits_for_count
from .layouts import offset_bits, prediction_layout

#: A branch is thought to jump if its 2-bit counter is one of the upper half.
WEAKLY_TAKEN, STRONGLY_TAKEN = 2, 3


def outcome_layout(config: Config) -> data.StructLayout:
    """A branch that has been executed: the words of the SRAM where it is and where it leads to if it jumps."""
    word = offset_bits(config) - 2
    return data.StructLayout({"valid": 1, "always": 1, "taken": 1, "word": word, "target": word})


class Predictor(wiring.Component):
    """Remembers branches, one of those at a place of the windows that share a row, with a 2-bit counter of what it did.

    A prediction is combinational. It may be wrong in any way, since whoever executes the instructions checks it.

    Members
    -------
    words : In
        For each group, the word of the SRAM from which it fetches.
    predictions, last : Out
        For each group: whether a branch between that word and the end of its window is thought to jump, and where to;
        the number in the window of that branch or, if there is none, of the window's last word.
    outcome : In
        A branch that has been executed, learnt from in the next cycle.
    """

    def __init__(self, *, config: Config):
        self.config = config
        word = offset_bits(config) - 2
        super().__init__({
            "words": In(data.ArrayLayout(word, config.groups)),
            "predictions": Out(data.ArrayLayout(prediction_layout(config), config.groups)),
            "last": Out(data.ArrayLayout(range(config.fetch_words), config.groups)),
            "outcome": In(outcome_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        columns = config.fetch_words
        rows = config.branch_targets // columns
        window_bits, row_bits = bits_for_count(config.fetch_words), bits_for_count(rows)
        word_bits = offset_bits(config) - 2
        entry = data.StructLayout({
            "tag": word_bits - window_bits - row_bits, "target": word_bits, "counter": 2})

        def row_of(word):
            return word[window_bits:window_bits + row_bits]

        def tag_of(word):
            return word[window_bits + row_bits:]

        # Learn from one branch a cycle.
        outcome = Signal(outcome_layout(config))
        m.d.sync += outcome.eq(self.outcome)
        memories = []
        for column in range(columns):
            m.submodules[f"column_{column}"] = memory = Memory(shape=entry, depth=rows, init=[])
            memories.append(memory)
            read, write = memory.read_port(domain="comb"), memory.write_port()
            old, new = read.data, write.data
            known = old.tag == tag_of(outcome.word)
            m.d.comb += [
                read.addr.eq(row_of(outcome.word)),
                write.addr.eq(row_of(outcome.word)),
                new.tag.eq(tag_of(outcome.word)),
                new.target.eq(Mux(outcome.taken, outcome.target, old.target)),
                write.en.eq(outcome.valid & (outcome.word[:window_bits] == column) & (outcome.taken | known)),
            ]
            with m.If(outcome.always):
                m.d.comb += new.counter.eq(STRONGLY_TAKEN)
            with m.Elif(~known):
                m.d.comb += new.counter.eq(WEAKLY_TAKEN)
            with m.Elif(outcome.taken):
                m.d.comb += new.counter.eq(Mux(old.counter == STRONGLY_TAKEN, STRONGLY_TAKEN, old.counter + 1))
            with m.Else():
                m.d.comb += new.counter.eq(Mux(old.counter == 0, 0, old.counter - 1))

        # The first branch that jumps counts.
        for group in range(config.groups):
            word, prediction, last = self.words[group], self.predictions[group], self.last[group]
            reached = Signal(columns, name=f"reached_{group}")
            m.d.comb += [
                reached.eq(((1 << columns) - 1) << word[:window_bits]),
                last.eq(config.fetch_words - 1),
            ]
            for column, memory in reversed(list(enumerate(memories))):
                port = memory.read_port(domain="comb")
                m.d.comb += port.addr.eq(row_of(word))
                with m.If((port.data.tag == tag_of(word)) & port.data.counter[1] & reached[column]):
                    m.d.comb += [
                        prediction.taken.eq(1),
                        prediction.target.eq(port.data.target),
                        last.eq(column),
                    ]
        return m
