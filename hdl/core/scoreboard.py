"""Which registers still wait for a late result, and which threads still have loads or stores on their way."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import File

#: Accesses of a thread that can be on their way to the SRAM: the load-store unit and the execute stage hold fewer.
ACCESS_BITS = 4

#: What delivers late integer results to a group: its loads, and multiplication and division.
LATE_SCALARS = 2


def claim_layout(config: Config) -> data.StructLayout:
    """An executing instruction whose result will be late."""
    return data.StructLayout({"valid": 1, "thread": config.thread_bits, "file": File, "register": 5})


class Scoreboard(wiring.Component):
    """Busy bits of every thread's registers.

    An instruction with a late result sets its destination's bit when it goes to its unit; the result clears it. An
    instruction is not issued while a register that it names is busy.

    Members
    -------
    claims : In
        For each slot, see `claim_layout`.
    scalar_done, vector_done : In
        Late results that are written in this cycle: ``valid``, ``thread``, ``destination``; integer ones by group and
        source, the others by port. An integer register is ready at once, a vector register from the next cycle on.
    accesses, performed : In
        For each thread, how many loads and stores of the SRAM go to the load-store unit in this cycle, and how many
        reach the SRAM.
    busy : Out
        For each thread and file (0 integer, 1 vector), 32 bits.
    drained : Out(threads)
        The thread's loads and stores have all reached the SRAM.
    """

    def __init__(self, *, config: Config):
        self.config = config
        done = data.StructLayout({"valid": 1, "thread": config.thread_bits, "destination": 5})
        super().__init__({
            "claims": In(data.ArrayLayout(claim_layout(config), config.slots)),
            "scalar_done": In(data.ArrayLayout(done, config.groups * LATE_SCALARS)),
            "vector_done": In(data.ArrayLayout(done, config.vector_writes)),
            "accesses": In(data.ArrayLayout(range(3), config.threads)),
            "performed": In(data.ArrayLayout(range(3), config.threads)),
            "busy": Out(data.ArrayLayout(data.ArrayLayout(32, 2), config.threads)),
            "drained": Out(config.threads),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        drained = []
        for thread in range(config.threads):
            group = thread % config.groups
            slots, sources = (
                range(group * count, (group + 1) * count) for count in (config.issue_width, LATE_SCALARS))
            x_done = [self.scalar_done[source] for source in sources]
            v_done = [self.vector_done[port] for port in range(config.vector_writes)]
            for index, (file, done) in enumerate(((File.X, x_done), (File.V, v_done))):
                held = Signal(32, name=f"busy_{thread}_{file.name}")
                left, claimed = Signal.like(held), Signal.like(held)
                freed = _registers((each.valid & (each.thread == thread), each.destination) for each in done)
                m.d.comb += [
                    left.eq(held & ~freed),
                    claimed.eq(_registers(
                        (each.valid & (each.thread == thread) & (each.file == file), each.register)
                        for each in (self.claims[slot] for slot in slots))),
                    self.busy[thread][index].eq(left if file is File.X else held),
                ]
                m.d.sync += held.eq(left | claimed)
            under_way = Signal(ACCESS_BITS, name=f"under_way_{thread}")
            m.d.sync += under_way.eq(under_way + self.accesses[thread] - self.performed[thread])
            drained.append(under_way == 0)
        m.d.comb += self.drained.eq(Cat(drained))
        return m


def _registers(numbers):
    """Bits of the registers, of which each counts if its condition holds."""
    bits = 0
    for condition, register in numbers:
        bits = bits | (condition << register)
    return bits
