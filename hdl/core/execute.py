"""The execute stage: finishes scalar instructions, hands the others to their units, takes traps."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from ..isa import File, Unit
from ..noc.packet import flit_layout
from ..onehot import select
from . import gather, lsu, matrix, muldiv, vector
from .commit import Commit
from .decode import AT_ONCE, fields, is_unit, mask_of
from .dispatch import Dispatch, vectors_layout
from .issue import ALONE, stores, takes_vectors
from .layouts import (
    FAILURE,
    offset_bits,
    operation_layout,
    retired_layout,
    scalar_result_layout,
    write_layout,
)
from .outbound import Outbound
from .predicates import Predicates
from .predictor import outcome_layout
from .scoreboard import claim_layout
from .slot import Slot
from .special import Special


class Execute(wiring.Component):
    """One cycle for the instructions of all slots, in the cycle after their issue; it never stalls.

    An instruction retires, or traps, or its thread comes back to it when another node has answered. Where the program
    does not go on as the front end thought it would, what is behind the instruction in its thread is void: the slots
    after it, what is being issued, and the front end's.

    Members
    -------
    issued : In(slots), operations, vectors : In
        What is issued in this cycle (``valid`` is ignored), with its operands.
    void : In(threads)
        What is issued is void.
    executing : Out
        What the stage holds.
    predicates : Out
        For each thread, which of its predicates have a byte.
    special : the ports of `Special` that lead out of the core.
    writes : Out
        For each slot, the result for an integer register.
    keeps : Out(slots)
        The slot's instruction has such a result, known early: also if it turns out not to be executed, since then all
        that is issued behind it is void.
    load_errors : In(threads), load_error_addresses : In
        Strobes: a load of the thread has met an uncorrectable memory error; for each group, its offset in the SRAM.
    traps : Out(threads)
        The thread traps.
    leaves : Out(threads), stops : Out(threads)
        The thread goes on at its `following`, which the front end does not know; it has trapped without a handler.
    steps : Out(threads), following : Out
        The thread has executed something; what follows that.
    retired : Out
        For each thread, how many instructions; a `sem.wait` retires when it is granted, not here.
    flush : Out(1)
        Forget the instruction cache (``fence.i``).
    strays : Out(slots), outcome : Out
        Strobes: an instruction was predicted wrongly. For the branch predictor.
    claims, accesses : Out
        For the scoreboard.
    packet : Out(stream of flits), gathers : Out(1), may_tell, answered, refused : In(threads),
    finish, load : Out(threads)
        See `hdl.core.remote.Remote`.
    gather : Out, failures : In
        What the gather engine is to do, if the packet stands for that; each thread's last failure there.
    loads, stores : Out(stream) of each group, muldiv, vector, matrix, matrix_read : Out(stream)
        Operations for the units, which are ready.
    voids, store_first : Out(groups)
        Of the loads and stores, see `hdl.core.lsu.LoadStoreUnit`.
    retirement : Out
        For each slot, what traces show.
    """

    def __init__(self, *, config: Config):
        self.config = config
        self.special = Special(config=config)
        threads, slots = config.threads, config.slots
        super().__init__({
            "issued": In(slots),
            "operations": In(data.ArrayLayout(operation_layout(config), slots)),
            "vectors": In(vectors_layout(config)),
            "void": In(threads),
            "executing": Out(data.ArrayLayout(operation_layout(config), slots)),
            "predicates": Out(data.ArrayLayout(isa.PREDICATES, threads)),
            "writes": Out(data.ArrayLayout(write_layout(scalar_result_layout(config)), slots)),
            "keeps": Out(slots),
            "load_errors": In(threads),
            "load_error_addresses": In(data.ArrayLayout(offset_bits(config), config.groups)),
            "traps": Out(threads),
            "leaves": Out(threads),
            "stops": Out(threads),
            "steps": Out(threads),
            "following": Out(data.ArrayLayout(64, threads)),
            "retired": Out(data.ArrayLayout(range(config.issue_width + 1), threads)),
            "flush": Out(1),
            "strays": Out(slots),
            "outcome": Out(outcome_layout(config)),
            "claims": Out(data.ArrayLayout(claim_layout(config), slots)),
            "accesses": Out(data.ArrayLayout(range(3), threads)),
            "packet": Out(stream.Signature(flit_layout(config))),
            "may_tell": In(threads),
            "gathers": Out(1),
            "gather": Out(gather.request_layout(config)),
            "failures": In(data.ArrayLayout(FAILURE, threads)),
            "answered": In(threads),
            "refused": In(threads),
            "finish": Out(threads),
            "load": Out(threads),
            "loads": Out(stream.Signature(lsu.load_layout(config), always_ready=True)).array(config.groups),
            "stores": Out(stream.Signature(lsu.store_layout(config), always_ready=True)).array(config.groups),
            "voids": Out(config.groups),
            "store_first": Out(config.groups),
            "muldiv": Out(stream.Signature(muldiv.request_layout(config), always_ready=True)),
            "vector": Out(stream.Signature(vector.request_layout(config))),
            "matrix": Out(stream.Signature(matrix.request_layout(config))),
            "matrix_read": Out(stream.Signature(matrix.read_layout(config))),
            "retirement": Out(data.ArrayLayout(retired_layout(config), slots)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        width = config.issue_width
        m.submodules.special = special = self.special
        vectors = Signal(vectors_layout(config), reset_less=True)
        m.d.sync += vectors.eq(self.vectors)
        restarts = self.leaves | self.stops | self.void
        operations = [self.executing[slot] for slot in range(config.slots)]
        for slot, operation in enumerate(operations):
            m.d.sync += [
                operation.eq(self.operations[slot]),
                operation.valid.eq(self.issued[slot] & ~restarts.bit_select(self.operations[slot].thread, 1)),
            ]

        # The next instruction of a thread whose load met a memory error traps.
        load_errors = Signal(config.threads)
        load_error_addresses = Array(Signal(offset_bits(config), name=f"load_error_{thread}", reset_less=True)
                                     for thread in range(config.threads))
        m.d.sync += load_errors.eq((load_errors & ~self.traps & ~special.restarted) | self.load_errors)
        for thread, address in enumerate(load_error_addresses):
            with m.If(self.load_errors[thread] & ~load_errors[thread]):
                m.d.sync += address.eq(self.load_error_addresses[thread % config.groups])

        # Each slot by itself; the first of a group may have the one special instruction.
        slots, alone, is_special = [], [], []
        for slot, operation in enumerate(operations):
            m.submodules[f"slot_{slot}"] = part = Slot(config=config)
            m.d.comb += [
                part.operation.eq(operation),
                part.refused.eq(self.refused.bit_select(operation.thread, 1)),
                part.failure.eq(self.failures[operation.thread]),
                part.load_error.eq(load_errors.bit_select(operation.thread, 1)),
                part.load_error_address.eq(load_error_addresses[operation.thread]),
            ]
            if slot % width:
                m.d.comb += part.before.eq(slots[slot - slot % width].result)
            if slot % width == 0:  # a thread comes back to what has been answered: it is the first of its instructions
                m.d.comb += part.answered.eq(self.answered.bit_select(operation.thread, 1))
            slots.append(part)
            alone.append(operation.valid & is_unit(operation.instruction.control, *ALONE) if slot % width == 0 else 0)
            is_special.append(alone[-1] & ~part.course.trap)
        m.d.comb += [
            special.operation.eq(select(
                Cat(alone[::width]), [operation.as_value() for operation in operations[::width]])),
            special.operation.valid.eq(Cat(is_special).any()),
        ]

        # In order: what is done, what is void, and where the threads go on.
        done, sends, tries = Signal(config.slots), Signal(config.slots), Signal(config.slots)
        handlers = Array(special.handlers[thread] for thread in range(config.threads))
        may_send = 1
        for group in range(config.groups):
            own = slice(group * width, (group + 1) * width)
            m.submodules[f"commit_{group}"] = commit = Commit(config=config)
            thread, here = operations[own.start].thread, is_special[own.start]
            for candidate, operation, part in zip(commit.candidates, operations[own], slots[own], strict=True):
                m.d.comb += [
                    candidate.valid.eq(operation.valid),
                    candidate.pc.eq(operation.instruction.pc),
                    candidate.course.eq(part.course),
                    candidate.asks.eq(part.access.asks),
                    candidate.sends.eq(part.access.flat),
                ]
            first = commit.candidates[0]
            with m.If(alone[own.start]):
                m.d.comb += first.sends.eq(slots[own.start].access.flat | special.signals)
            with m.If(here & special.trap):
                m.d.comb += [
                    first.course.trap.eq(1),
                    first.course.cause.eq(special.cause),
                    first.course.value.eq(special.trap_value),
                ]
            m.d.comb += [
                commit.thread.eq(thread),
                commit.answered.eq(slots[own.start].answered),
                commit.departs.eq(here & (special.returns | special.flushes)),
                commit.returns.eq(here & special.returns),
                commit.resume.eq(special.resume),
                commit.may_send.eq(may_send),
                commit.may_tell.eq(self.may_tell.bit_select(thread, 1)),
                commit.handler.eq(handlers[thread]),
                special.entries[group].eq(commit.entry),
                done[own].eq(commit.done),
                sends[own].eq(commit.sends),
                tries[own].eq(commit.tries),
                self.strays[own].eq(commit.strays),
            ]
            may_send &= ~commit.away
            count = sum(commit.done) - (here & special.waits)
            for index in range(group, config.threads, config.groups):
                chosen = thread == index
                m.d.comb += [
                    self.leaves[index].eq(commit.leaves & chosen),
                    self.stops[index].eq(commit.stops & chosen),
                    self.traps[index].eq(commit.entry.valid & chosen),
                    self.steps[index].eq(commit.steps & chosen),
                    self.finish[index].eq(commit.finishes & chosen),
                    self.following[index].eq(commit.following),
                    self.retired[index].eq(Mux(chosen, count, 0)),
                ]
        m.d.comb += self.flush.eq(special.flushes)

        m.submodules.predicates = predicates = Predicates(config=config, reads=config.groups + 1)
        self._predicates(m, operations, done, vectors, predicates)
        self._results(m, operations, slots, done, predicates)
        self._learn(m, operations, slots, done)

        # To the units, the other nodes and the gather engine.
        m.submodules.dispatch = dispatch = Dispatch(config=config)
        m.submodules.outbound = outbound = Outbound(config=config)
        for user in dispatch, outbound:
            m.d.comb += [
                user.operations.eq(self.executing),
                *(access.eq(part.access) for access, part in zip(user.accesses, slots, strict=True)),
                user.vectors.eq(vectors),
            ]
        m.d.comb += [
            self.predicates.eq(predicates.any),
            dispatch.done.eq(done),
            dispatch.masks.eq(predicates.masks),
            dispatch.conversions.eq(special.conversions),
            dispatch.operands.eq(special.operands),
            self.accesses.eq(dispatch.accesses_begun),
            self.voids.eq(dispatch.voids),
            self.store_first.eq(dispatch.store_first),
            self.load.eq(dispatch.load),
            outbound.sends.eq(sends.any()),
            outbound.tries.eq(tries),
            outbound.mask.eq(predicates.masks[-1]),
            outbound.position.eq(special.position),
            outbound.tiles.eq(special.tiles),
            self.gathers.eq(outbound.gathers),
            self.gather.eq(outbound.gather),
        ]
        for group in range(config.groups):
            m.d.comb += [
                predicates.threads[group].eq(dispatch.threads[group]),
                predicates.indices[group].eq(dispatch.indices[group]),
            ]
            wiring.connect(m, dispatch.loads[group], wiring.flipped(self.loads[group]))
            wiring.connect(m, dispatch.stores[group], wiring.flipped(self.stores[group]))
        for name in "muldiv", "vector", "matrix", "matrix_read":
            wiring.connect(m, getattr(dispatch, name), wiring.flipped(getattr(self, name)))
        wiring.connect(m, outbound.packet, wiring.flipped(self.packet))
        return m

    def _predicates(self, m, operations, done, vectors, predicates):
        """The one instruction of a cycle that takes vectors may compute a predicate, or be under one."""
        takes = Cat(each.valid & ~each.off & takes_vectors(each.instruction.control) for each in operations)
        operation = Signal(operation_layout(self.config), name="vector_user")
        control = operation.instruction.control
        destination, *sources = fields(operation.instruction)
        m.d.comb += [
            operation.eq(select(takes, [each.as_value() for each in operations])),
            predicates.write.eq((takes & done).any() & is_unit(control, Unit.PREDICATE)
                                & (control.rd_file == File.PREDICATE)),
            predicates.thread.eq(operation.thread),
            predicates.function.eq(control.function),
            predicates.destination.eq(destination),
            *(port.eq(source) for port, source in zip(predicates.sources, sources, strict=True)),
            predicates.x1.eq(operation.x1),
            predicates.vector.eq(vectors.vector[1]),
            predicates.threads[-1].eq(operation.thread),
            predicates.indices[-1].eq(mask_of(operation.instruction)),
        ]

    def _results(self, m, operations, slots, done, predicates):
        """Integer results, claims for late ones, and what traces show."""
        for slot, (operation, part) in enumerate(zip(operations, slots, strict=True)):
            instruction = operation.instruction
            control = instruction.control
            destination, source, _ = fields(instruction)
            write, claim, shown = self.writes[slot], self.claims[slot], self.retirement[slot]
            at_once = is_unit(control, *AT_ONCE)
            is_zero = (control.rd_file == File.X) & (destination == 0)
            m.d.comb += [
                self.keeps[slot].eq(operation.valid & instruction.writes),
                write.valid.eq(done[slot] & self.keeps[slot] & ~self._overwritten(done, slot)),
                write.result.thread.eq(operation.thread),
                write.result.destination.eq(Mux(control.advances, source, destination)),
                write.result.data.eq(Mux(
                    is_unit(control, Unit.CSR, Unit.SEMAPHORE), self.special.result,
                    Mux(control.unit == Unit.PREDICATE, predicates.result, part.result))),
                claim.valid.eq(done[slot] & ~at_once & ~is_zero & ~stores(control)),
                claim.thread.eq(operation.thread),
                claim.file.eq(control.rd_file),
                claim.register.eq(destination),
                shown.valid.eq(done[slot]),
                shown.waits.eq(is_unit(control, Unit.SEMAPHORE) & self.special.waits),
                shown.thread.eq(operation.thread),
                shown.pc.eq(instruction.pc),
                shown.word.eq(instruction.word),
                shown.writes.eq(done[slot] & instruction.writes & ~control.advances),
                shown.value.eq(write.result.data),
            ]

    def _overwritten(self, done, slot):
        """An instruction behind that of the slot, of the same thread, writes the same integer register."""
        width, destination = self.config.issue_width, self.writes[slot].result.destination
        return Cat(done[behind] & self.keeps[behind] & (self.writes[behind].result.destination == destination)
                   for behind in range(slot + 1, slot - slot % width + width)).any()

    def _learn(self, m, operations, slots, done):
        """One branch of a cycle, rather one that was predicted wrongly."""
        branches = Signal(self.config.slots)
        for slot, operation in enumerate(operations):
            instruction = operation.instruction
            m.d.comb += branches[slot].eq(done[slot] & (
                is_unit(instruction.control, Unit.BRANCH) | instruction.prediction.taken))
        for wanted in (branches, self.strays):
            for slot in reversed(range(self.config.slots)):
                instruction = operations[slot].instruction
                control = instruction.control
                always = (control.function == isa.Branch.JAL) | (control.function == isa.Branch.JALR)
                with m.If(wanted[slot]):
                    m.d.comb += [
                        self.outcome.valid.eq(1),
                        self.outcome.always.eq(always & (control.unit == Unit.BRANCH)),
                        self.outcome.taken.eq(slots[slot].course.jumps),
                        self.outcome.word.eq(instruction.pc[2:offset_bits(self.config)]),
                        self.outcome.target.eq(slots[slot].course.target[2:offset_bits(self.config)]),
                    ]
