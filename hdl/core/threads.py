"""What each thread is doing and where: state, pc, retired instructions, and the host's hold on them."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import SRAM_BASE, Config, bits_for_count
from ..memory_map import THREAD_BLOCK, State, ThreadRegister
from ..noc.control_bus import ControlBus
from .csr import TRAP_REPORT


class Threads(wiring.Component):
    """Runs, stops and steers the threads.

    Members
    -------
    control : In(ControlBus)
        The threads' blocks of control registers.
    fetched : In(threads)
        The instruction at the thread's pc has been fetched.
    redirect : In(threads), target : In(64)
        The thread's executing instruction jumps; what was fetched behind it is void.
    stop : In(threads)
        The thread's executing instruction, at the target, traps, and the thread has no handler.
    waiting, retired : In(threads)
        The thread waits for a semaphore; strobe: it retires an instruction.
    next_pcs : In
        Address of the thread's oldest instruction that has not been issued.
    reports : In
        Each thread's last trap.
    pcs : Out
        Where to fetch next.
    running : Out(threads)
        Started, and neither halted nor stopped by a trap.
    started, halted : Out(threads)
        Strobes: the host starts or halts the thread; what was fetched for it is void.
    instret : Out
        Instructions retired.
    """

    def __init__(self, *, config: Config):
        self.config = config
        count = config.threads
        super().__init__({
            "control": In(ControlBus()),
            "fetched": In(count),
            "redirect": In(count),
            "target": In(64),
            "stop": In(count),
            "waiting": In(count),
            "retired": In(count),
            "next_pcs": In(data.ArrayLayout(64, count)),
            "reports": In(data.ArrayLayout(TRAP_REPORT, count)),
            "pcs": Out(data.ArrayLayout(64, count), init=[SRAM_BASE] * count),
            "running": Out(count),
            "started": Out(count),
            "halted": Out(count),
            "instret": Out(data.ArrayLayout(unsigned(64), count)),
        })

    def elaborate(self, platform):
        m = Module()
        trapped = Signal(self.config.threads)
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

            with m.If(self.fetched[thread]):
                m.d.sync += self.pcs[thread].eq(self.pcs[thread] + 4)
            with m.If(self.retired[thread]):
                m.d.sync += self.instret[thread].eq(self.instret[thread] + 1)

            # A halt takes the thread back to its oldest instruction that has not been issued or still waits.
            m.d.comb += self.halted[thread].eq(
                written & (register == ThreadRegister.STATE) & ~self.control.write_data[0] & self.running[thread])
            with m.If(self.halted[thread]):
                m.d.sync += [
                    self.running[thread].eq(0),
                    self.pcs[thread].eq(self.next_pcs[thread] - Mux(self.waiting[thread], 4, 0)),
                ]
            with m.If(self.redirect[thread] | self.stop[thread]):
                m.d.sync += self.pcs[thread].eq(self.target)
            with m.If(self.stop[thread]):
                m.d.sync += [self.running[thread].eq(0), trapped[thread].eq(1)]

            m.d.comb += self.started[thread].eq(
                written & (register == ThreadRegister.STATE) & self.control.write_data[0] & ~self.running[thread])
            with m.If(self.started[thread]):
                m.d.sync += [self.running[thread].eq(1), trapped[thread].eq(0)]
            with m.If(written & (register == ThreadRegister.PC) & ~self.running[thread]):
                m.d.sync += self.pcs[thread].eq(self.control.write_data & ((1 << 64) - 4))

            with m.If(addressed):
                with m.Switch(register):
                    for offset, value in {
                        ThreadRegister.PC: self.pcs[thread], ThreadRegister.STATE: state,
                        ThreadRegister.CAUSE: report.cause, ThreadRegister.EPC: report.pc,
                        ThreadRegister.TVAL: report.value, ThreadRegister.INSTRET: self.instret[thread],
                    }.items():
                        with m.Case(offset):
                            m.d.comb += self.control.read_data.eq(value)
        return m
