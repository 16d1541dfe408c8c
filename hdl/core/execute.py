"""The execute stage: finishes scalar instructions, hands the others to their units, takes traps."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import SRAM_BASE, Config
from ..isa import Cause, File, System, Unit
from ..memory_map import Descriptor
from ..noc.address import is_node
from ..noc.packet import Coordinate, Op, flit_layout
from . import lsu, matrix, muldiv, vector
from .alu import Alu
from .csr import TRAP_REPORT, Csrs
from .decode import fields
from .layouts import operation_layout, scalar_result_layout, write_layout
from .semaphores import COUNT_BITS

#: Signed and unsigned comparisons of the branches, by function.
_LESS = {isa.Branch.BLT: True, isa.Branch.BGE: True, isa.Branch.BLTU: False, isa.Branch.BGEU: False}


class Execute(wiring.Component):
    """One instruction a cycle, in the cycle after its issue.

    It retires, or traps, or stalls the stage until its unit takes it, or its thread goes back to it and waits for
    another node's answer. All checks are made here, so every trap is precise: the thread has issued nothing behind this
    instruction yet.

    Members
    -------
    position : In(Coordinate), cycle : In(64), instret : In
        For the CSRs.
    issued : In(1), operation : In
        What is issued in this cycle.
    started : In(threads)
        Strobe: the thread starts anew; its last trap is forgotten.
    load_error : In(threads), load_error_address : In
        Strobe: a load of the thread has met an uncorrectable memory error there, an offset in the SRAM; the thread's
        next instruction traps.
    stall : Out(1)
        Nothing can be issued in this cycle.
    write : Out
        Result for an integer register: ``valid`` and a scalar result.
    redirect : Out(threads), target : Out(64)
        The thread goes on at the target.
    stop : Out(threads)
        The thread has trapped without a handler; the target is where.
    flush : Out(threads)
        Forget the fetched instructions (``fence.i``).
    retired : Out(threads)
        One-hot; a `sem.wait` retires when it is granted, not here.
    reports : Out
        Last trap of each thread.
    claim, claim_register, access : Out
        For the scoreboard.
    memory, muldiv, vector, matrix, push, pull : Out(stream)
        Operations for the units and the list engines.
    packet : Out(stream of flits), answered, refused : In(threads), finish : Out(threads), load : Out(1)
        See `hdl.core.remote.Remote`.
    post, post_index, wait, wait_index, wait_amount : Out
        For the semaphores.
    """

    def __init__(self, *, config: Config):
        self.config = config
        threads = config.threads
        super().__init__({
            "position": In(Coordinate),
            "cycle": In(64),
            "instret": In(data.ArrayLayout(64, threads)),
            "issued": In(1),
            "operation": In(operation_layout(config)),
            "started": In(threads),
            "load_error": In(threads),
            "load_error_address": In(config.line_offset_bits + config.line_bits),
            "stall": Out(1),
            "write": Out(write_layout(scalar_result_layout(config))),
            "redirect": Out(threads),
            "target": Out(64),
            "stop": Out(threads),
            "flush": Out(threads),
            "retired": Out(threads),
            "reports": Out(data.ArrayLayout(TRAP_REPORT, threads)),
            "current": Out(operation_layout(config)),
            "claim": Out(1),
            "access": Out(threads),
            "memory": Out(stream.Signature(lsu.request_layout(config))),
            "muldiv": Out(stream.Signature(muldiv.request_layout(config))),
            "vector": Out(stream.Signature(vector.request_layout(config))),
            "matrix": Out(stream.Signature(matrix.request_layout(config))),
            "push": Out(stream.Signature(32)),
            "pull": Out(stream.Signature(32)),
            "packet": Out(stream.Signature(flit_layout(config))),
            "answered": In(threads),
            "refused": In(threads),
            "finish": Out(threads),
            "load": Out(1),
            "post": Out(1),
            "post_index": Out(config.semaphore_bits),
            "wait": Out(threads),
            "wait_index": Out(config.semaphore_bits),
            "wait_amount": Out(COUNT_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        valid = Signal()
        operation = self.current
        instruction = operation.instruction
        control, immediate, pc = instruction.control, instruction.value, instruction.pc
        x1, x2 = operation.x1, operation.x2
        destination, _, _ = fields(instruction)
        thread = Signal(config.threads)
        m.d.comb += thread.eq(1 << operation.thread)
        with m.If(~self.stall):
            m.d.sync += [valid.eq(self.issued), operation.eq(self.operation)]

        def runs(unit: Unit, *functions):
            return (control.unit == unit) & Cat(control.function == function for function in functions).any()

        trap, cause, trap_value = Signal(), Signal(Cause), Signal(64)

        def trap_if(condition, why: Cause, value):
            with m.If(condition):
                m.d.comb += [trap.eq(1), cause.eq(why), trap_value.eq(value)]

        # Integer results and branches.
        m.submodules.alu = alu = Alu()
        m.d.comb += [
            alu.function.eq(control.function),
            alu.word.eq(control.word),
            alu.b.eq(Mux(control.immediate, immediate, x2)),
        ]
        with m.Switch(control.source):
            with m.Case(isa.Source.RS1):
                m.d.comb += alu.a.eq(x1)
            with m.Case(isa.Source.PC):
                m.d.comb += alu.a.eq(pc)
        taken, target = self._branch(m, control.function, x1, x2, pc, immediate)
        jumps = (control.unit == Unit.BRANCH) & taken

        # Addresses. Those of other nodes are flat; atomics take the same way, to this node if the address is local.
        memory_function = control.function
        atomic, puts = control.unit == Unit.ATOMIC, control.unit == Unit.PUT
        accesses = (control.unit == Unit.MEMORY) | puts | atomic
        store = Mux(atomic, 1, lsu.is_store(memory_function))
        is_vector = ~atomic & lsu.is_vector(memory_function)
        address = Signal(64)
        size = Signal(range(config.vector_bytes + 1))
        m.d.comb += [
            address.eq(x1 + Mux(atomic, 0, immediate)),
            size.eq(Mux(atomic, Mux(control.word, 4, 8),
                        Mux(is_vector, config.vector_bytes, 1 << memory_function[:2]))),
        ]
        flat = address[48]
        x, y = address[32:40], address[40:48]
        outside = Mux(flat, address[49:].any() | ~is_node(config, x, y), self._outside(address, size))
        crosses = Mux(atomic, (address[:3] & (size - 1)).any(),
                      (address[:config.line_offset_bits] + size) > config.vector_bytes)
        asks = (accesses & flat & ~puts) | atomic
        answered = asks & (self.answered & thread).any()
        refused = answered & (self.refused & thread).any()

        # CSRs.
        m.submodules.csrs = csrs = Csrs(config=config)
        is_csr = control.unit == Unit.CSR
        has_immediate = control.rs1_file == File.NONE
        source = Mux(has_immediate, immediate[12:17], x1)
        names_source = instruction.word[15:20] != 0
        m.d.comb += [
            csrs.position.eq(self.position),
            csrs.thread.eq(operation.thread),
            csrs.number.eq(immediate[:12]),
            csrs.function.eq(control.function),
            csrs.operand.eq(source),
            csrs.writes.eq((control.function == isa.Csr.WRITE) | names_source),
            csrs.cycle.eq(self.cycle),
            csrs.retired.eq(self.instret[operation.thread]),
            csrs.clear.eq(self.started),
            self.reports.eq(csrs.reports),
        ]

        # Semaphores and lists.
        posts, waits = runs(Unit.SEMAPHORE, isa.Semaphore.POST), runs(Unit.SEMAPHORE, isa.Semaphore.WAIT)
        remote = posts & x1[48]
        no_such_node = ~is_node(config, x1[32:40], x1[40:48])
        number = Mux(waits, x1, x1[:32])
        lists = control.unit == Unit.LIST

        # Traps; a later rule wins over an earlier one.
        trap_if(jumps & target[1], Cause.FETCH_MISALIGNED, target)
        trap_if(refused, Cause.LOAD_ACCESS, address)
        trap_if(refused & store, Cause.STORE_ACCESS, address)
        trap_if(accesses & crosses, Cause.LOAD_MISALIGNED, address)
        trap_if(accesses & crosses & store, Cause.STORE_MISALIGNED, address)
        trap_if(accesses & outside, Cause.LOAD_ACCESS, address)
        trap_if(accesses & outside & store, Cause.STORE_ACCESS, address)
        trap_if(lists & (x1[:config.line_offset_bits] != 0), Cause.STORE_MISALIGNED, x1)
        trap_if(lists & self._outside(x1, Descriptor.size(config)), Cause.STORE_ACCESS, x1)
        trap_if(remote & no_such_node, Cause.STORE_ACCESS, x1)
        trap_if((posts | waits) & (number >= config.semaphores), Cause.SEMAPHORE_RANGE, x1)
        trap_if(runs(Unit.SYSTEM, System.ECALL), Cause.ECALL, 0)
        trap_if(runs(Unit.SYSTEM, System.EBREAK), Cause.BREAKPOINT, 0)
        trap_if(~control.legal | (is_csr & ~csrs.exists), Cause.ILLEGAL, instruction.word)
        trap_if(instruction.fetch_fault, Cause.FETCH_ACCESS, pc)
        trap_if(instruction.fetch_error, Cause.HARDWARE_ERROR, pc)
        load_errors = Signal(config.threads)
        addresses = Array(Signal.like(self.load_error_address, name=f"load_error_{index}", reset_less=True)
                          for index in range(config.threads))
        trap_if((load_errors & thread).any(), Cause.HARDWARE_ERROR, SRAM_BASE + addresses[operation.thread])
        m.d.sync += load_errors.eq(
            (load_errors & ~Mux(csrs.trap, thread, 0) & ~self.started) | self.load_error)
        for index, address_of_thread in enumerate(addresses):
            with m.If(self.load_error[index] & ~load_errors[index]):
                m.d.sync += address_of_thread.eq(self.load_error_address)

        # To the units; the stage stalls until they take the operation.
        works = Signal()
        m.d.comb += works.eq(valid & ~trap)
        to_memory = (accesses & ~asks & ~(puts & flat)) | (answered & (atomic | ~store))
        for goes, port in (
            (to_memory, self.memory), (control.unit == Unit.MULDIV, self.muldiv),
            (control.unit == Unit.VECTOR, self.vector), (control.unit == Unit.MATRIX, self.matrix),
            (runs(Unit.LIST, isa.List.PUSH), self.push), (runs(Unit.LIST, isa.List.PULL), self.pull),
        ):
            with m.If(works & goes):
                m.d.comb += [port.valid.eq(1), self.stall.eq(~port.ready)]
        data = self._store_data(operation, address, is_vector)
        self._operands(m, operation, address, data)
        m.d.comb += [
            self.memory.payload.remote.eq(asks),
            self.push.payload.eq(x1),
            self.pull.payload.eq(x1),
            self.post.eq(works & posts & ~remote),
            self.post_index.eq(x1),
            self.wait.eq(Mux(works & waits, thread, 0)),
            self.wait_index.eq(x1),
            self.wait_amount.eq(x2),
        ]
        with m.If(atomic):
            m.d.comb += self.memory.payload.function.eq(Mux(control.word, isa.Memory.LW, isa.Memory.LD))

        # To other nodes. Until there is an answer, or room for a posted packet, the thread comes back here.
        tells = (puts & flat) | remote
        comes_back = Signal()
        header = self.packet.payload.header
        m.d.comb += [
            self.packet.valid.eq(works & ((asks & ~answered) | tells)),
            comes_back.eq(self.packet.valid & ~(tells & self.packet.ready)),
            header.destination.eq(self.position),
            header.tag.eq(operation.thread),
            header.size.eq(size),
            header.address.eq(address),
            self.packet.payload.payload.eq(data),
        ]
        with m.If(remote):
            m.d.comb += [header.op.eq(Op.SIGNAL), header.signal.eq(x1[:6] + 1), header.address.eq(x1)]
        with m.Elif(puts):
            m.d.comb += header.op.eq(Op.PUT)
        with m.Elif(atomic):
            m.d.comb += [header.op.eq(Op.ATOMIC), header.signal.eq(control.function),
                         self.packet.payload.payload.eq(Cat(x2, operation.x3))]
        with m.Else():
            m.d.comb += header.op.eq(Mux(store, Op.WRITE, Op.READ))
        with m.If(remote | flat):
            m.d.comb += [header.destination.x.eq(Mux(remote, x1[32:40], x)),
                         header.destination.y.eq(Mux(remote, x1[40:48], y))]

        # Retire, or trap.
        done = works & ~self.stall & ~comes_back
        link = pc + 4
        late = Cat(control.unit == unit for unit in (
            Unit.MEMORY, Unit.ATOMIC, Unit.MULDIV, Unit.VECTOR, Unit.MATRIX)).any()
        is_zero = (control.rd_file == File.X) & (destination == 0)
        m.d.comb += [
            self.retired.eq(Mux(done & ~waits, thread, 0)),
            self.write.valid.eq(done & ~late & (control.rd_file == File.X) & ~is_zero),
            self.write.result.thread.eq(operation.thread),
            self.write.result.destination.eq(destination),
            self.claim.eq(done & late & ~is_zero),
            self.access.eq(Mux(done & to_memory & ~asks, thread, 0)),
            self.finish.eq(Mux(answered & (done | (valid & trap)), thread, 0)),
            self.load.eq(done & to_memory),
            self.flush.eq(Mux(done & runs(Unit.SYSTEM, System.FENCE_I), thread, 0)),
            csrs.access.eq(done & is_csr),
            csrs.mret.eq(done & runs(Unit.SYSTEM, System.MRET)),
            csrs.trap.eq(valid & trap),
            csrs.cause.eq(cause),
            csrs.trap_pc.eq(pc),
            csrs.trap_value.eq(trap_value),
        ]
        with m.Switch(control.unit):
            with m.Case(Unit.ALU):
                m.d.comb += self.write.result.data.eq(alu.result)
            with m.Case(Unit.BRANCH):
                m.d.comb += self.write.result.data.eq(link)
            with m.Case(Unit.CSR):
                m.d.comb += self.write.result.data.eq(csrs.value)
        with m.If(csrs.trap):
            with m.If(csrs.handler == 0):
                m.d.comb += [self.stop.eq(thread), self.target.eq(pc)]
            with m.Else():
                m.d.comb += [self.redirect.eq(thread), self.target.eq(csrs.handler)]
        with m.Elif(comes_back):
            m.d.comb += [self.redirect.eq(thread), self.target.eq(pc)]
        with m.Elif(done & jumps):
            m.d.comb += [self.redirect.eq(thread), self.target.eq(target)]
        with m.Elif(csrs.mret):
            m.d.comb += [self.redirect.eq(thread), self.target.eq(csrs.resume)]
        with m.Elif(self.flush.any()):
            m.d.comb += [self.redirect.eq(thread), self.target.eq(link)]
        return m

    def _outside(self, address, size):
        """Some of the bytes are not in the SRAM."""
        return (address[31:] != SRAM_BASE >> 31) | (address[:31] + size > self.config.sram_bytes)

    @staticmethod
    def _branch(m, function, x1, x2, pc, immediate):
        """Whether a branch jumps, and where to."""
        taken, target = Signal(), Signal(64)
        m.d.comb += target.eq(pc + immediate)
        with m.Switch(function):
            with m.Case(isa.Branch.BEQ):
                m.d.comb += taken.eq(x1 == x2)
            with m.Case(isa.Branch.BNE):
                m.d.comb += taken.eq(x1 != x2)
            with m.Case(isa.Branch.JAL):
                m.d.comb += taken.eq(1)
            with m.Case(isa.Branch.JALR):
                m.d.comb += [taken.eq(1), target.eq((x1 + immediate) & ~1)]
            for branch, signed in _LESS.items():
                with m.Case(branch):
                    less = x1.as_signed() < x2.as_signed() if signed else x1 < x2
                    m.d.comb += taken.eq(less ^ (branch.value & 1))
        return taken, target

    def _store_data(self, operation, address, is_vector):
        """What a store writes, in the lanes of its address: 64 bits are repeated, so that they stand in any lane."""
        rotated = (Cat(operation.x2, operation.x2) << (address[:3] << 3))[64:128]
        return Mux(is_vector, operation.v2, rotated.replicate(self.config.vector_bits // 64))

    def _operands(self, m, operation, address, data):
        """What the units get."""
        instruction = operation.instruction
        control = instruction.control
        destination, source1, source2 = fields(instruction)
        for port in (self.memory, self.muldiv, self.vector, self.matrix):
            m.d.comb += [
                port.payload.thread.eq(operation.thread),
                port.payload.destination.eq(destination),
                port.payload.function.eq(control.function),
            ]
        for port in (self.vector, self.matrix):
            m.d.comb += [port.payload.a.eq(operation.v1), port.payload.b.eq(operation.v2)]
        m.d.comb += [
            self.memory.payload.address.eq(address),
            self.memory.payload.data.eq(data),
            self.muldiv.payload.word.eq(control.word),
            self.muldiv.payload.a.eq(operation.x1),
            self.muldiv.payload.b.eq(operation.x2),
            self.vector.payload.x1.eq(operation.x1),
            self.vector.payload.x2.eq(operation.x2),
            self.matrix.payload.accumulator.eq(
                Mux(control.rs1_file == File.ACCUMULATOR, source1, destination)),
            self.matrix.payload.part.eq(source2),
        ]
