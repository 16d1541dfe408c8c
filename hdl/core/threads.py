"""What each thread is doing and where: state, pc, retired instructions, and the host's hold on them."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import SRAM_BASE, Config, bits_for_count
from ..memory_map import THREAD_BLOCK, State, ThreadRegister
from ..noc.control_bus import ControlBus
from .csr import TRAP_REPORT

#: Bits of a count of instructions that hold more than retire in a cycle.
_LOW_BITS = 3


class Threads(wiring.Component):
    """Runs, stops and steers the threads.

    Members
    -------
    control : In(ControlBus)
        The threads' blocks of control registers.
    steps : In(threads), following : In
        The thread has executed instructions; the address of the next one.
    traps, stops : In(threads)
        It has trapped; and has no handler.
    away : In(threads)
        It has begun an access that is not to be done twice; it is halted when that has ended.
    waits, waiting, granted : In(threads)
        Strobe: the thread executes a `sem.wait`. It waits. Strobe: it has its semaphore.
    retired : In
        For each thread, instructions that it retires in this cycle, `sem.wait` left out.
    reports : In
        Each thread's last trap.
    pcs : Out
        Each thread's next instruction to be executed.
    running : Out(threads)
        Started, and neither halted nor stopped by a trap.
    started, halted : Out(threads)
        Strobes: the host starts the thread, or lets it execute one instruction of its program; the host halts it, or
        that one instruction has been executed. What was fetched for it is void.
    cancels : Out(threads)
        Strobe: if the thread has no access under way, it is started or halted; known earlier than whether it has.
    restarted : Out(threads)
        Strobe: the host starts a thread that a trap had stopped.
    given : Out(threads)
        Strobe: the host lets it execute an instruction that is not in its program. What was fetched is void, too.
    single, injects : Out(threads), words : Out
        It executes one instruction alone; the one given, which `words` has.
    data_writes : Out(threads), data : In
        Strobe: the host writes the thread's DATA, which is a CSR; what that is.
    instret : Out
        Instructions retired, those that the host gave left out.
    """

    def __init__(self, *, config: Config):
        self.config = config
        count = config.threads
        super().__init__({
            "control": In(ControlBus()),
            "steps": In(count),
            "following": In(data.ArrayLayout(64, count)),
            "traps": In(count),
            "stops": In(count),
            "away": In(count),
            "waits": In(count),
            "waiting": In(count),
            "granted": In(count),
            "retired": In(data.ArrayLayout(range(config.issue_width + 1), count)),
            "reports": In(data.ArrayLayout(TRAP_REPORT, count)),
            "pcs": Out(data.ArrayLayout(64, count), init=[SRAM_BASE] * count),
            "running": Out(count),
            "started": Out(count),
            "restarted": Out(count),
            "halted": Out(count),
            "cancels": Out(count),
            "given": Out(count),
            "single": Out(count),
            "injects": Out(count),
            "words": Out(data.ArrayLayout(32, count)),
            "data_writes": Out(count),
            "data": In(data.ArrayLayout(64, count)),
            "instret": Out(data.ArrayLayout(unsigned(64), count)),
        })

    def elaborate(self, platform):
        m = Module()
        trapped, ended = Signal(self.config.threads), Signal(self.config.threads)
        register = self.control.address[:bits_for_count(THREAD_BLOCK)]
        block = self.control.address[bits_for_count(THREAD_BLOCK):]
        for thread in range(self.config.threads):
            addressed = self.control.valid & (block == thread)
            written = addressed & self.control.write
            report = self.reports[thread]
            state = Signal(State, name=f"state_{thread}")
            with m.If(trapped[thread]):
                m.d.comb += state.eq(State.TRAPPED)
            with m.Elif(self.running[thread]):
                m.d.comb += state.eq(Mux(self.waiting[thread], State.WAITING, State.RUNNING))

            with m.If(self.steps[thread] & (self.traps[thread] | ~self.injects[thread])):
                m.d.sync += self.pcs[thread].eq(self.following[thread])
            # How many retire is known late, what carries into the upper bits before it.
            low, high = self.instret[thread][:_LOW_BITS], self.instret[thread][_LOW_BITS:]
            counted = Signal(_LOW_BITS + 1, name=f"counted_{thread}")
            m.d.comb += counted.eq(low + Mux(
                self.injects[thread], 0, self.retired[thread] + self.granted[thread]))
            m.d.sync += self.instret[thread].eq(Cat(
                counted[:_LOW_BITS], Mux(counted[_LOW_BITS], high + 1, high)))

            commands = written & (register == ThreadRegister.STATE)
            halts = commands & ~self.control.write_data[0] & self.running[thread]
            ends = (self.retired[thread] != 0) | self.granted[thread] | self.traps[thread]
            stops = self.running[thread] & (ended[thread] | halts)
            m.d.comb += self.halted[thread].eq(stops & ~self.away[thread])
            m.d.sync += ended[thread].eq(self.running[thread] & ~self.halted[thread] & (
                ended[thread] | halts | (self.single[thread] & ends)))
            with m.If(self.halted[thread]):
                m.d.sync += self.running[thread].eq(0)
                # What still waits for its semaphore is to be executed again.
                with m.If(self.injects[thread]):
                    pass
                with m.Elif(self.waits[thread]):
                    m.d.sync += self.pcs[thread].eq(self.pcs[thread])
                with m.Elif(self.waiting[thread] & ~self.granted[thread]):
                    m.d.sync += self.pcs[thread].eq(self.pcs[thread] - 4)
            with m.If(self.stops[thread]):
                m.d.sync += [self.running[thread].eq(0), trapped[thread].eq(1)]

            m.d.comb += [
                self.started[thread].eq(commands & (self.control.write_data[:2] != 0) & ~self.running[thread]),
                self.cancels[thread].eq(self.started[thread] | self.given[thread] | stops),
                self.restarted[thread].eq(self.started[thread] & trapped[thread]),
                self.given[thread].eq(written & (register == ThreadRegister.INSTRUCTION) & ~self.running[thread]),
                self.data_writes[thread].eq(written & (register == ThreadRegister.DATA)),
            ]
            with m.If(self.started[thread] | self.given[thread]):
                m.d.sync += [
                    self.running[thread].eq(1),
                    trapped[thread].eq(0),
                    self.single[thread].eq(self.given[thread] | self.control.write_data[1]),
                    self.injects[thread].eq(self.given[thread]),
                    self.words[thread].eq(self.control.write_data),
                ]
            with m.If(written & (register == ThreadRegister.PC) & ~self.running[thread]):
                m.d.sync += self.pcs[thread].eq(self.control.write_data & ((1 << 64) - 4))

            with m.If(addressed):
                with m.Switch(register):
                    for offset, value in {
                        ThreadRegister.PC: self.pcs[thread], ThreadRegister.STATE: state,
                        ThreadRegister.CAUSE: report.cause, ThreadRegister.EPC: report.pc,
                        ThreadRegister.TVAL: report.value, ThreadRegister.INSTRET: self.instret[thread],
                        ThreadRegister.DATA: self.data[thread],
                    }.items():
                        with m.Case(offset):
                            m.d.comb += self.control.read_data.eq(value)
        return m
