"""A thread's decoded instructions, waiting for issue."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from .layouts import decoded_layout


class InstructionQueue(wiring.Component):
    """Takes up to `config.decode_width` instructions a cycle and gives up to `config.issue_width`.

    Members
    -------
    pushed : In, push : In
        Instructions, the oldest first, and how many of them come in this cycle; only while there is ``room``.
    room : Out(1)
        Whatever comes in one cycle fits.
    heads : Out, count : Out
        The oldest instructions, and how many of these there are.
    pop : In
        How many of them leave in this cycle.
    clear : In(1)
        Forget all, also what comes in this cycle.
    """

    def __init__(self, *, config: Config):
        self.config = config
        decoded = decoded_layout(config)
        super().__init__({
            "pushed": In(data.ArrayLayout(decoded, config.decode_width)),
            "push": In(range(config.decode_width + 1)),
            "room": Out(1),
            "heads": Out(data.ArrayLayout(decoded, config.issue_width)),
            "count": Out(range(config.issue_width + 1)),
            "pop": In(range(config.issue_width + 1)),
            "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        depth, most = self.config.instruction_queue, self.config.decode_width
        places = Array(Signal(decoded_layout(self.config), name=f"place_{index}") for index in range(depth))
        first, held = Signal(range(depth)), Signal(range(depth + 1))
        end = Signal(range(depth))
        m.d.comb += [
            end.eq(first + held),
            self.room.eq(held <= depth - most),
            self.count.eq(held),
            *(self.heads[index].eq(places[(first + index)[:len(first)]]) for index in range(self.config.issue_width)),
        ]
        with m.If(held > self.config.issue_width):
            m.d.comb += self.count.eq(self.config.issue_width)
        for index in range(most):
            with m.If(self.push > index):
                m.d.sync += places[(end + index)[:len(end)]].eq(self.pushed[index])
        m.d.sync += [
            first.eq(first + self.pop),
            held.eq(held + self.push - self.pop),
        ]
        with m.If(self.clear):
            m.d.sync += held.eq(0)
        return m
