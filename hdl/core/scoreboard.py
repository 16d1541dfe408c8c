"""Which registers still wait for a late result, and which threads still have loads or stores on their way."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import File

#: Accesses of a thread that can be on their way to the SRAM: the load-store unit and the execute stage hold fewer.
ACCESS_BITS = 3


class Scoreboard(wiring.Component):
    """Busy bits of every thread's registers.

    An instruction with a late result sets its destination's bit when it goes to its unit; the result clears it. An
    instruction is not issued while a register that it names is busy.

    Members
    -------
    claim : In(1), claim_thread : In, claim_file : In(File), claim_register : In(5)
        The executing instruction's result will be late.
    scalar_done, vector_done : In
        A late result is written: ``valid``, ``thread``, ``destination``.
    access, performed : In(threads)
        Strobes: a load or store of the SRAM goes to the load-store unit; one has reached the SRAM.
    busy : Out
        For each thread and file (0 integer, 1 vector), 32 bits.
    drained : Out(threads)
        The thread's loads and stores have all reached the SRAM.
    """

    def __init__(self, *, config: Config):
        self.config = config
        done = data.StructLayout({"valid": 1, "thread": config.thread_bits, "destination": 5})
        super().__init__({
            "claim": In(1),
            "claim_thread": In(config.thread_bits),
            "claim_file": In(File),
            "claim_register": In(5),
            "scalar_done": In(done),
            "vector_done": In(done),
            "access": In(config.threads),
            "performed": In(config.threads),
            "busy": Out(data.ArrayLayout(data.ArrayLayout(32, 2), config.threads)),
            "drained": Out(config.threads),
        })

    def elaborate(self, platform):
        m = Module()
        drained = []
        for thread in range(self.config.threads):
            for index, (file, done) in enumerate(((File.X, self.scalar_done), (File.V, self.vector_done))):
                busy = self.busy[thread][index]
                claimed = self.claim & (self.claim_thread == thread) & (self.claim_file == file)
                freed = done.valid & (done.thread == thread)
                m.d.sync += busy.eq(
                    (busy & ~(freed << done.destination)) | (claimed << self.claim_register))
            accesses = Signal(ACCESS_BITS, name=f"accesses_{thread}")
            m.d.sync += accesses.eq(accesses + self.access[thread] - self.performed[thread])
            drained.append(accesses == 0)
        m.d.comb += self.drained.eq(Cat(drained))
        return m
