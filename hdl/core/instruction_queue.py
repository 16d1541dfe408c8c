"""A thread's decoded instructions, waiting for issue."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Config, bits_for_count
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
    pops : In(issue_width)
        Which of them leave in this cycle: some of the oldest ones.
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
            "pops": In(config.issue_width),
            "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        depth, most = self.config.instruction_queue, self.config.decode_width
        first, held = Signal(range(depth)), Signal(range(depth + 1))
        end = Signal(range(depth))
        m.d.comb += [
            end.eq(first + held),
            self.room.eq(held <= depth - most),
            self.count.eq(held),
        ]
        with m.If(held > self.config.issue_width):
            m.d.comb += self.count.eq(self.config.issue_width)

        # Neighbours are in different memories, so that each memory is written once in a cycle and read once.
        bank_bits = bits_for_count(most) if most > 1 else 0
        pushed, oldest = Array(self.pushed), Array(Signal(self.pushed[0].shape()) for _ in range(most))
        for bank in range(most):
            m.submodules[f"bank_{bank}"] = memory = Memory(shape=self.pushed[0].shape(), depth=depth // most, init=[])
            write, read = memory.write_port(), memory.read_port(domain="comb")
            arrival, place = Signal(bank_bits), Signal(bank_bits)
            m.d.comb += [
                arrival.eq(bank - end),
                write.addr.eq((end + arrival)[bank_bits:]),
                write.data.eq(pushed[arrival]),
                write.en.eq(self.push > arrival),
                place.eq(bank - first),
                read.addr.eq((first + place)[bank_bits:]),
                oldest[bank].eq(read.data),
            ]
        for index in range(self.config.issue_width):
            m.d.comb += self.heads[index].eq(oldest[(first + index)[:bank_bits]])
        # What leaves is known last.
        grown = held + self.push
        m.d.sync += held.eq(grown)
        for index in range(self.config.issue_width):
            with m.If(self.pops[index]):
                m.d.sync += [first.eq(first + index + 1), held.eq(grown - (index + 1))]
        with m.If(self.clear):
            m.d.sync += held.eq(0)
        return m
