"""The execute stage: finishes scalar instructions, hands the others to their units, takes traps."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from ..isa import File, Unit
from ..noc.packet import Op, flit_layout
from ..onehot import select
from . import gather, lsu, matrix, muldiv, vector
from .decode import fields, mask_of
from .issue import (
    ALONE,
    AT_ONCE,
    accesses,
    changes_matrix,
    gathers,
    is_unit,
    is_vector,
    multiplies_divides,
    reads_matrix,
    stores,
    takes_vectors,
)
from .layouts import (
    FAILURE,
    offset_bits,
    operation_layout,
    retired_layout,
    scalar_result_layout,
    write_layout,
)
from .predicates import Predicates
from .predictor import outcome_layout
from .scoreboard import claim_layout
from .slot import Slot
from .special import Special


def vectors_layout(config: Config) -> data.StructLayout:
    """Vector registers that the instructions of a cycle need, at most one of each kind."""
    return data.StructLayout({
        "vector": data.ArrayLayout(config.vector_bits, 3),
        "matrix": data.ArrayLayout(config.vector_bits, 2),
        "store": config.vector_bits,
    })


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
    claims, access : Out
        For the scoreboard.
    packet : Out(stream of flits), gathers : Out(1), may_tell, answered, refused : In(threads),
    finish, load : Out(threads)
        See `hdl.core.remote.Remote`.
    gather : Out, failures : In
        What the gather engine is to do, if the packet stands for that; each thread's last failure there.
    memories : Out(stream) of each group, muldiv, vector, matrix, matrix_read : Out(stream)
        Operations for the units, which are ready.
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
            "access": Out(threads),
            "packet": Out(stream.Signature(flit_layout(config))),
            "may_tell": In(threads),
            "gathers": Out(1),
            "gather": Out(gather.request_layout(config)),
            "failures": In(data.ArrayLayout(FAILURE, threads)),
            "answered": In(threads),
            "refused": In(threads),
            "finish": Out(threads),
            "load": Out(threads),
            "memories": Out(stream.Signature(lsu.request_layout(config))).array(config.groups),
            "muldiv": Out(stream.Signature(muldiv.request_layout(config))),
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
                part.answered.eq(self.answered.bit_select(operation.thread, 1)),
                part.refused.eq(self.refused.bit_select(operation.thread, 1)),
                part.failure.eq(self.failures[operation.thread]),
                part.load_error.eq(load_errors.bit_select(operation.thread, 1)),
                part.load_error_address.eq(load_error_addresses[operation.thread]),
            ]
            slots.append(part)
            alone.append(operation.valid & is_unit(operation.instruction.control, *ALONE) if slot % width == 0 else 0)
            is_special.append(alone[-1] & ~part.trap)
        m.d.comb += [
            special.operation.eq(select(
                Cat(alone[::width]), [operation.as_value() for operation in operations[::width]])),
            special.operation.valid.eq(Cat(is_special).any()),
        ]

        # In order: what is behind an instruction that leaves the predicted way is void.
        done, strays = Signal(config.slots), self.strays
        sends = Signal(config.slots)
        waits_for_nobody = 1
        handlers = Array(special.handlers[thread] for thread in range(config.threads))
        for group in range(config.groups):
            own = range(group * width, (group + 1) * width)
            thread = operations[own[0]].thread
            entry = special.entries[group]
            goes_on = 1
            leaves, stops, steps, finishes = (
                Signal(name=f"{name}_{group}") for name in ("leaves", "stops", "steps", "finishes"))
            following = Signal(64, name=f"following_{group}")
            m.d.comb += entry.thread.eq(thread)
            for slot in own:
                part, operation = slots[slot], operations[slot]
                trapped, left, away, back = (
                    Signal(name=f"{name}_{slot}") for name in ("trapped", "left", "away", "back"))
                here = is_special[slot]
                executes = operation.valid & goes_on
                m.d.comb += [
                    trapped.eq(executes & (part.trap | (here & special.trap))),
                    away.eq(executes & ~trapped & Mux(
                        part.asks, ~part.answered, part.flat | (here & special.signals))),
                    sends[slot].eq(away & waits_for_nobody),
                    back.eq(away & (part.asks | ~(sends[slot] & self.may_tell.bit_select(thread, 1)))),
                    done[slot].eq(executes & ~trapped & ~back),
                    strays[slot].eq(done[slot] & part.strays),
                    left.eq(trapped | back | strays[slot] | (here & (special.returns | special.flushes))),
                ]
                waits_for_nobody &= ~away
                with m.If(executes):
                    m.d.comb += [
                        steps.eq(1),
                        leaves.eq(left),
                        following.eq(Mux(part.jumps, part.target, part.link)),
                    ]
                with m.If(here & special.returns):
                    m.d.comb += following.eq(special.resume)
                with m.If(back):
                    m.d.comb += following.eq(operation.instruction.pc)
                with m.If(trapped):
                    m.d.comb += [
                        entry.valid.eq(1),
                        entry.pc.eq(operation.instruction.pc),
                        entry.cause.eq(Mux(here & special.trap, special.cause, part.cause)),
                        entry.value.eq(Mux(here & special.trap, special.trap_value, part.trap_value)),
                        following.eq(handlers[thread]),
                    ]
                    with m.If(handlers[thread] == 0):
                        m.d.comb += [stops.eq(1), leaves.eq(0), following.eq(operation.instruction.pc)]
                # The access that was answered, unless somebody has put another instruction in its place meanwhile.
                with m.If(part.answered & (done[slot] | trapped)):
                    m.d.comb += finishes.eq(1)
                # What is behind an access to a node is void even if its packet leaves; posted ones are issued alone.
                goes_on &= ~(trapped | away | part.strays | (here & (special.returns | special.flushes)))
            count = sum(done[slot] for slot in own) - (is_special[own[0]] & special.waits)
            for index in range(group, config.threads, config.groups):
                chosen = thread == index
                m.d.comb += [
                    self.leaves[index].eq(leaves & chosen),
                    self.stops[index].eq(stops & chosen),
                    self.traps[index].eq(entry.valid & chosen),
                    self.steps[index].eq(steps & chosen),
                    self.finish[index].eq(finishes & chosen),
                    self.following[index].eq(following),
                    self.retired[index].eq(Mux(chosen, count, 0)),
                ]
        m.d.comb += self.flush.eq(special.flushes)

        m.submodules.predicates = predicates = Predicates(config=config, reads=config.groups + 1)
        self._predicates(m, operations, done, vectors, predicates)
        self._results(m, operations, slots, done, predicates)
        self._learn(m, operations, slots, done, strays)
        self._units(m, operations, slots, done, vectors, predicates)
        self._send(m, operations, slots, sends, vectors, predicates)
        return m

    def _predicates(self, m, operations, done, vectors, predicates):
        """The one instruction of a cycle that takes vectors may compute a predicate, or be under one."""
        takes = Cat(each.valid & takes_vectors(each.instruction.control) for each in operations)
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
            result = at_once & (control.rd_file == File.X) & ~is_zero
            m.d.comb += [
                self.keeps[slot].eq(operation.valid & (result | (control.advances & (source != 0)))),
                write.valid.eq(done[slot] & self.keeps[slot]),
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
                shown.writes.eq(done[slot] & result),
                shown.value.eq(write.result.data),
            ]

    def _learn(self, m, operations, slots, done, strays):
        """One branch of a cycle, rather one that was predicted wrongly."""
        branches = Signal(self.config.slots)
        for slot, operation in enumerate(operations):
            instruction = operation.instruction
            m.d.comb += branches[slot].eq(done[slot] & (
                is_unit(instruction.control, Unit.BRANCH) | instruction.prediction.taken))
        for wanted in (branches, strays):
            for slot in reversed(range(self.config.slots)):
                instruction = operations[slot].instruction
                control = instruction.control
                always = (control.function == isa.Branch.JAL) | (control.function == isa.Branch.JALR)
                with m.If(wanted[slot]):
                    m.d.comb += [
                        self.outcome.valid.eq(1),
                        self.outcome.always.eq(always & (control.unit == Unit.BRANCH)),
                        self.outcome.taken.eq(slots[slot].jumps),
                        self.outcome.word.eq(instruction.pc[2:offset_bits(self.config)]),
                        self.outcome.target.eq(slots[slot].target[2:offset_bits(self.config)]),
                    ]

    def _units(self, m, operations, slots, done, vectors, predicates):
        """What the units get: issue gives each user at most one operation a cycle."""
        width = self.config.issue_width
        every = range(self.config.slots)
        users = [(multiplies_divides, self.muldiv, every), (is_vector, self.vector, every),
                 (changes_matrix, self.matrix, every), (reads_matrix, self.matrix_read, every)]
        users += [(accesses, self.memories[group], every[group * width:(group + 1) * width])
                  for group in range(self.config.groups)]
        for uses, port, own in users:
            chosen = Cat(operations[slot].valid & uses(operations[slot].instruction.control) for slot in own)
            operation = Signal(operation_layout(self.config), name=f"{uses.__name__}_operation")
            control = operation.instruction.control
            destination, source1, source2 = fields(operation.instruction)
            m.d.comb += [
                operation.eq(select(chosen, [operations[slot].as_value() for slot in own])),
                port.valid.eq((chosen & Cat(done[slot] for slot in own)).any()),
                port.payload.thread.eq(operation.thread),
            ]
            if uses is not changes_matrix:
                m.d.comb += port.payload.destination.eq(destination)
            if uses is reads_matrix:
                m.d.comb += [port.payload.accumulator.eq(source1), port.payload.part.eq(source2)]
                continue
            m.d.comb += port.payload.function.eq(control.function)
            if uses is accesses:
                group = own.start // width
                m.d.comb += [
                    predicates.threads[group].eq(operation.thread),
                    predicates.indices[group].eq(mask_of(operation.instruction)),
                    port.payload.mask.eq(Mux(control.masked & is_unit(control, Unit.MEMORY),
                                             predicates.masks[group], (1 << self.config.vector_bytes) - 1)),
                    port.payload.address.eq(select(chosen, [slots[slot].address for slot in own])),
                    port.payload.data.eq(self._store_data(
                        control, select(chosen, [slots[slot].word for slot in own]), vectors)),
                    port.payload.remote.eq(select(chosen, [slots[slot].asks for slot in own])),
                ]
                with m.If(is_unit(control, Unit.ATOMIC)):
                    m.d.comb += port.payload.function.eq(Mux(control.word, isa.Memory.LW, isa.Memory.LD))
                with m.Elif(gathers(control)):
                    m.d.comb += port.payload.function.eq(isa.Memory.VLD)
                # A store of another node, a scatter, and a packet that nobody answers, have been done.
                away = select(chosen, [slots[slot].flat for slot in own]) | gathers(control)
                with m.If(away & stores(control)):
                    m.d.comb += port.valid.eq(0)
                with m.If(port.valid & port.payload.remote):
                    m.d.comb += self.load.bit_select(operation.thread, 1).eq(1)
                with m.If(port.valid & ~port.payload.remote):
                    m.d.comb += self.access.bit_select(operation.thread, 1).eq(1)
            elif uses is multiplies_divides:
                m.d.comb += [
                    port.payload.word.eq(control.word),
                    port.payload.a.eq(operation.x1),
                    port.payload.b.eq(operation.x2),
                ]
            elif uses is is_vector:
                m.d.comb += [
                    port.payload.lanes.eq(control.lanes),
                    port.payload.number.eq(control.number),
                    *(port.payload[name].eq(vectors.vector[index]) for index, name in enumerate(("c", "a", "b"))),
                    port.payload.x1.eq(operation.x1),
                    port.payload.x2.eq(operation.x2),
                    port.payload.quarter.eq(source2),
                    port.payload.reduces.eq(control.reduces),
                    port.payload.mask.eq(predicates.masks[-1]),
                    port.payload.conversion.eq(self.special.conversions[operation.thread]),
                ]
            else:
                formats = self.special.operands[operation.thread]
                m.d.comb += [
                    port.payload.a.eq(vectors.matrix[0]),
                    port.payload.b.eq(vectors.matrix[1]),
                    port.payload.accumulator.eq(destination),
                    port.payload.part.eq(source2),
                ]
                if self.config.cfloat8:
                    with m.If(control.formatted):
                        m.d.comb += [
                            port.payload.a_format.eq(Cat(formats.a.as_value(), control.halves[0])),
                            port.payload.b_format.eq(Cat(formats.b.as_value(), control.halves[1])),
                        ]

    def _store_data(self, control, word, vectors):
        """What a store writes: scalars are repeated, so that they stand in any lane."""
        return Mux(lsu.is_vector(control.function) & ~is_unit(control, Unit.ATOMIC),
                   vectors.store, word.replicate(self.config.vector_bits // 64))

    def _send(self, m, operations, slots, sends, vectors, predicates):
        """The packet of one slot to a node, or what the gather engine is to do."""
        operation = Signal(operation_layout(self.config), name="sender")
        control = operation.instruction.control
        address, word = Signal(64), Signal(64)
        signals = is_unit(control, Unit.SEMAPHORE)
        flat = select(sends, [part.flat for part in slots])
        packet, header = self.packet.payload, self.packet.payload.header
        m.d.comb += [
            operation.eq(select(sends, [each.as_value() for each in operations])),
            address.eq(Mux(signals, operation.x1, select(sends, [part.address for part in slots]))),
            word.eq(select(sends, [part.word for part in slots])),
            self.packet.valid.eq(sends.any()),
            packet.payload.eq(self._store_data(control, word, vectors)),
            header.destination.eq(self.special.position),
            header.tag.eq(operation.thread),
            self.gathers.eq(gathers(control)),
            self.gather.thread.eq(operation.thread),
            self.gather.function.eq(control.function),
            self.gather.mask.eq(predicates.masks[-1]),
            self.gather.tile.eq(self.special.tiles[operation.thread]),
            self.gather.base.eq(operation.x1),
            self.gather.stride.eq(operation.x2),
            self.gather.offsets.eq(vectors.vector[2]),
            self.gather.data.eq(vectors.vector[0]),
            header.size.eq(select(sends, [part.size for part in slots])),
            header.address.eq(address),
        ]
        with m.Switch(control.unit):
            with m.Case(Unit.SEMAPHORE):
                m.d.comb += [header.op.eq(Op.SIGNAL), header.signal.eq(operation.x1[:6] + 1)]
            with m.Case(Unit.PUT):
                m.d.comb += header.op.eq(Op.PUT)
            with m.Case(Unit.ATOMIC):
                m.d.comb += [
                    header.op.eq(Op.ATOMIC),
                    header.signal.eq(control.function),
                    packet.payload.eq(Cat(operation.x2, operation.x3)),
                ]
            with m.Default():
                m.d.comb += header.op.eq(Mux(stores(control), Op.WRITE, Op.READ))
        with m.If(signals | flat):
            m.d.comb += [header.destination.x.eq(address[32:40]), header.destination.y.eq(address[40:48])]
