"""Instructions that are issued alone: CSRs, the thread itself, lists and semaphores."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from ..isa import Cause, File, System, Unit
from ..memory_map import Descriptor
from ..noc.address import is_node
from ..noc.packet import Coordinate
from .csr import OPERAND_FORMATS, TRAP_REPORT, Csrs, entry_layout
from .layouts import TILE, operation_layout
from .semaphores import COUNT_BITS
from .slot import outside
from .vector_conversion import Conversion


class Special(wiring.Component):
    """Executes the one such instruction of a cycle, and keeps the CSRs.

    Members
    -------
    position : In(Coordinate), cycle : In(64), instret : In
        For the CSRs.
    operation : In
        The instruction; its units are those of `hdl.core.issue.ALONE`.
    entries : In
        For each group, the trap that one of its threads takes.
    restarted : In(threads)
        Strobe: the thread, which a trap had stopped, starts anew; the trap is forgotten.
    data_writes : In(threads), data : In(64), datas : Out
        The host writes the thread's DATA; what. What each thread's is.
    result : Out(64)
        What a CSR instruction reads, or a `sem.try` finds.
    trap : Out(1), cause : Out(Cause), trap_value : Out(64)
        It cannot be executed.
    returns : Out(1), resume : Out(64)
        It is an mret, to there.
    flushes : Out(1)
        It is a fence.i.
    waits : Out(1)
        It is a `sem.wait`.
    handlers, reports, conversions, operands, tiles : Out
        Of each thread, as `Csrs`.
    push, pull : Out(stream)
        To the list engines, which are ready.
    signals : Out(1)
        It is a post to another node, if it does not trap.
    post, post_index, wait, wait_index, wait_amount, tries, take : Out, taken : In
        To and from the semaphores.
    """

    def __init__(self, *, config: Config):
        self.config = config
        threads = config.threads
        super().__init__({
            "position": In(Coordinate),
            "cycle": In(64),
            "instret": In(data.ArrayLayout(64, threads)),
            "operation": In(operation_layout(config)),
            "entries": In(data.ArrayLayout(entry_layout(config), config.groups)),
            "restarted": In(threads),
            "data_writes": In(threads),
            "data": In(64),
            "datas": Out(data.ArrayLayout(64, threads)),
            "result": Out(64),
            "trap": Out(1),
            "cause": Out(Cause),
            "trap_value": Out(64),
            "returns": Out(1),
            "resume": Out(64),
            "flushes": Out(1),
            "waits": Out(1),
            "handlers": Out(data.ArrayLayout(64, threads)),
            "reports": Out(data.ArrayLayout(TRAP_REPORT, threads)),
            "conversions": Out(data.ArrayLayout(Conversion, threads)),
            "operands": Out(data.ArrayLayout(OPERAND_FORMATS, threads)),
            "tiles": Out(data.ArrayLayout(TILE, threads)),
            "push": Out(stream.Signature(32)),
            "pull": Out(stream.Signature(32)),
            "signals": Out(1),
            "post": Out(1),
            "post_index": Out(config.semaphore_bits),
            "wait": Out(threads),
            "wait_index": Out(config.semaphore_bits),
            "wait_amount": Out(COUNT_BITS),
            "tries": Out(1),
            "take": Out(1),
            "taken": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        operation = self.operation
        instruction = operation.instruction
        control, immediate = instruction.control, instruction.value
        x1, x2 = operation.x1, operation.x2

        def runs(unit: Unit, *functions):
            return (control.unit == unit) & Cat(control.function == function for function in functions).any()

        # CSRs.
        m.submodules.csrs = csrs = Csrs(config=config)
        is_csr = control.unit == Unit.CSR
        names_source = instruction.word[15:20] != 0
        done = Signal()
        m.d.comb += [
            csrs.position.eq(self.position),
            csrs.thread.eq(operation.thread),
            csrs.number.eq(immediate[:12]),
            csrs.function.eq(control.function),
            csrs.operand.eq(Mux(control.rs1_file == File.NONE, immediate[12:17], x1)),
            csrs.writes.eq((control.function == isa.Csr.WRITE) | names_source),
            csrs.cycle.eq(self.cycle),
            csrs.retired.eq(self.instret[operation.thread]),
            csrs.clear.eq(self.restarted),
            csrs.data_writes.eq(self.data_writes),
            csrs.data.eq(self.data),
            self.datas.eq(csrs.datas),
            csrs.entries.eq(self.entries),
            csrs.access.eq(done & is_csr),
            csrs.mret.eq(self.returns),
            self.resume.eq(csrs.resume),
            self.handlers.eq(csrs.handlers),
            self.reports.eq(csrs.reports),
            self.conversions.eq(csrs.conversions),
            self.operands.eq(csrs.operands),
            self.tiles.eq(csrs.tiles),
        ]

        # Semaphores and lists.
        posts, waits, tries = (runs(Unit.SEMAPHORE, function) for function in isa.Semaphore)
        remote = posts & x1[48]
        number = Mux(posts, x1[:32], x1)
        lists = control.unit == Unit.LIST

        # Traps; a later rule wins over an earlier one.
        for condition, cause, value in (
            (lists & (x1[:config.line_offset_bits] != 0), Cause.STORE_MISALIGNED, x1),
            (lists & outside(config, x1, Descriptor.size(config)), Cause.STORE_ACCESS, x1),
            (remote & ~is_node(config, x1[32:40], x1[40:48]), Cause.STORE_ACCESS, x1),
            ((posts | waits | tries) & (number >= config.semaphores), Cause.SEMAPHORE_RANGE, x1),
            (runs(Unit.SYSTEM, System.ECALL), Cause.ECALL, 0),
            (runs(Unit.SYSTEM, System.EBREAK), Cause.BREAKPOINT, 0),
            (is_csr & ~csrs.exists, Cause.ILLEGAL, instruction.word),
        ):
            with m.If(condition):
                m.d.comb += [self.trap.eq(operation.valid), self.cause.eq(cause), self.trap_value.eq(value)]

        m.d.comb += [
            done.eq(operation.valid & ~self.trap),
            self.returns.eq(done & runs(Unit.SYSTEM, System.MRET)),
            self.flushes.eq(done & runs(Unit.SYSTEM, System.FENCE_I)),
            self.waits.eq(done & waits),
            self.push.valid.eq(done & runs(Unit.LIST, isa.List.PUSH)),
            self.push.payload.eq(x1),
            self.pull.valid.eq(done & runs(Unit.LIST, isa.List.PULL)),
            self.pull.payload.eq(x1),
            self.signals.eq(remote),
            self.post.eq(done & posts & ~remote),
            self.post_index.eq(x1),
            self.wait.eq(self.waits << operation.thread),
            self.wait_index.eq(x1),
            self.wait_amount.eq(x2),
            self.tries.eq(tries),
            self.take.eq(done & tries),
            self.result.eq(Mux(is_csr, csrs.value, self.taken)),
        ]
        return m
