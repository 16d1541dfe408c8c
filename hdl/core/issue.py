"""Issue: which instructions of which threads go to the execute stage."""

from functools import reduce
from operator import and_, or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..arbiter import RoundRobin
from ..config import Config
from ..isa import File, Unit
from ..onehot import select
from .decode import AT_ONCE, fields, is_unit, mask_of
from .layouts import decoded_layout, operation_layout
from .lsu import is_store

#: Instructions that are issued alone and executed before the next one of their thread is issued: they change what
#: those behind them see other than by registers and memory, or whether they come at all.
ALONE = (Unit.CSR, Unit.SYSTEM, Unit.LIST, Unit.SEMAPHORE, Unit.ATOMIC, Unit.PUT)


def accesses(control):
    """As hardware: whether an instruction is for a load-store unit."""
    return is_unit(control, Unit.MEMORY, Unit.ATOMIC, Unit.PUT, Unit.GATHER)


def stores(control):
    """As hardware: whether an instruction is a store, atomics left out."""
    return is_unit(control, Unit.MEMORY, Unit.PUT, Unit.GATHER) & is_store(control.function)


def writes_sram(control):
    """As hardware: whether an instruction is a store that a load-store unit does, unless it is to another node."""
    return is_unit(control, Unit.MEMORY, Unit.PUT) & is_store(control.function)


def loads(control):
    """As hardware: whether the result of an instruction comes by the load-store unit's loads."""
    return is_unit(control, Unit.MEMORY, Unit.ATOMIC, Unit.GATHER) & ~stores(control)


def multiplies_divides(control):
    """As hardware: whether an instruction is one of RV64M."""
    return control.unit == Unit.MULDIV


def is_vector(control):
    """As hardware: whether an instruction is for the vector unit."""
    return control.unit == Unit.VECTOR


def gathers(control):
    """As hardware: whether an instruction is for the gather engine."""
    return control.unit == Unit.GATHER


def can_be_off(control):
    """As hardware: whether an instruction does nothing under a predicate that has no byte, but trap."""
    return control.masked & stores(control)


def takes_vectors(control):
    """As hardware: whether an instruction gets the vector registers that its fields name."""
    return is_unit(control, Unit.VECTOR, Unit.PREDICATE, Unit.GATHER)


def names_predicates(control):
    """As hardware: whether an instruction reads or writes a predicate."""
    return control.masked | is_unit(control, Unit.PREDICATE)


def reads_matrix(control):
    """As hardware: whether an instruction reads an accumulator."""
    return (control.unit == Unit.MATRIX) & (control.function == isa.Matrix.READ)


def changes_matrix(control):
    """As hardware: whether an instruction changes an accumulator."""
    return (control.unit == Unit.MATRIX) & (control.function != isa.Matrix.READ)


def registers_of(instruction):
    """The register fields of an instruction: the file that each names, and the number."""
    control = instruction.control
    return list(zip((control.rd_file, control.rs1_file, control.rs2_file), fields(instruction), strict=True))


#: Of an instruction that may be issued, what speaks against others beside it. Of the ``shared`` uses there is one a
#: cycle for all groups. ``joins``: it can be issued together with those before it, of which there are some.
TRAITS = data.StructLayout({"loads": 1, "integer": 1, "shared": 6, "joins": 1})

#: No register's file.
_NO_FILE = 7


def traits_of(instruction, off):
    """The traits of an instruction, as hardware, but for ``joins``; of one that is ``off`` there are none."""
    control = instruction.control
    shared = Cat(is_unit(control, *ALONE), *(
        uses(control) for uses in (stores, multiplies_divides, takes_vectors, changes_matrix, reads_matrix)))
    return {
        "loads": loads(control),
        "integer": is_unit(control, Unit.ALU) & ~instruction.constant,
        "shared": Mux(off, 0, shared),
    }


def written_by(instruction):
    """The registers that an instruction writes: the file of each, and the number."""
    control = instruction.control
    destination, source, _ = fields(instruction)
    nothing = (control.rd_file == File.NONE) | (control.rd_file == File.X) & (destination == 0)
    return [
        (Mux(nothing, _NO_FILE, control.rd_file), destination),
        (Mux(control.advances & (source != 0), File.X, _NO_FILE), source),
    ]


def named_again(older, younger):
    """As hardware: for rd, rs1 and rs2, whether an instruction names a register there that the one before it writes."""
    return Cat(Cat((file == written) & (register == number) for written, number in written_by(older)).any()
               for file, register in registers_of(younger))


def chained(before, younger):
    """As hardware: for rs1 and rs2, whether the operand is the result of the first of those issued before it.

    What the first slot's ALU computes reaches the ALUs of the others, comparisons and data to store in its own cycle;
    addresses are too far, and so is what is computed from it.
    """
    first, *others = before
    control = younger.control
    integer = is_unit(control, Unit.ALU) | (is_unit(control, Unit.BRANCH) & (control.function != isa.Branch.JALR))
    stored = is_unit(control, Unit.MEMORY) & is_store(control.function)
    again = reduce(or_, (named_again(other, younger)[1:] for other in others), Const(0, 2))
    return named_again(first, younger)[1:] & ~again & Cat(integer, integer | stored) & is_unit(
        first.control, Unit.ALU).replicate(2)


def joins(older, younger, operands):
    """As hardware: an instruction can be issued together with an older one, whose result reaches these `operands`.

    What a constant one loads is known.
    """
    overwrites = is_unit(older.control, Unit.ALU)
    hindered = (named_again(older, younger) & ~Cat(overwrites, operands)).any()
    predicated = (names_predicates(each.control) for each in (older, younger))
    alone = (is_unit(each.control, *ALONE) for each in (older, younger))
    return (~hindered | older.constant) & ~reduce(and_, predicated) & ~reduce(or_, alone)


class Issue(wiring.Component):
    """Chooses a thread of each group, in turn, and issues up to `config.issue_width` of its instructions in order.

    An instruction is issued when its registers are ready, the execute stage's results of this cycle included, and when
    its unit takes it for sure, so that the execute stage never stalls. The groups share the units; which one is served
    first alternates.

    Members
    -------
    heads, counts : In
        Each thread's oldest decoded instructions and how many there are.
    active : In(threads)
        Threads that may issue.
    busy, drained : In
        From the scoreboard.
    units : In
        For each group, one bit for each `Unit`: it takes one more operation than it has been given, those of
        ``executing`` included. Of memory accesses these are loads.
    stores : In(groups)
        The same of the group's stores.
    predicates : In
        For each thread, which of its predicates have a byte.
    late_results : In(groups)
        A late integer result cannot be written for want of a port: leave one free.
    executing : In
        What the execute stage holds.
    pops : Out
        For each thread, which of its instructions leave: some of the oldest ones.
    issued : Out(slots), threads : Out, instructions : Out, offs : Out(slots)
        What goes to the execute stage at the end of the cycle; see `operation_layout`.
    """

    def __init__(self, *, config: Config):
        self.config = config
        width, slots = config.issue_width, config.slots
        decoded = decoded_layout(config)
        super().__init__({
            "heads": In(data.ArrayLayout(data.ArrayLayout(decoded, width), config.threads)),
            "counts": In(data.ArrayLayout(range(width + 1), config.threads)),
            "active": In(config.threads),
            "busy": In(data.ArrayLayout(data.ArrayLayout(32, 2), config.threads)),
            "drained": In(config.threads),
            "units": In(data.ArrayLayout(len(Unit), config.groups)),
            "stores": In(config.groups),
            "predicates": In(data.ArrayLayout(isa.PREDICATES, config.threads)),
            "late_results": In(config.groups),
            "executing": In(data.ArrayLayout(operation_layout(config), slots)),
            "pops": Out(data.ArrayLayout(width, config.threads)),
            "issued": Out(slots),
            "threads": Out(data.ArrayLayout(config.thread_bits, slots)),
            "instructions": Out(data.ArrayLayout(decoded, slots)),
            "offs": Out(slots),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        width = config.issue_width
        # What competes with what is known before whose turn it is.
        ready, traits, offs = [], [], []
        for thread in range(config.threads):
            bits, off = Signal(width, name=f"ready_{thread}"), Signal(width, name=f"off_{thread}")
            m.d.comb += [
                off.eq(Cat(self._off(thread, place) for place in range(width))),
                bits.eq(Cat(self._ready(m, thread, place, off[place]) for place in range(width))),
            ]
            ready.append(bits)
            offs.append(off)
            traits.append([self._traits(m, thread, place, off[place]) for place in range(width)])

        # Each group's thread, and what it could issue.
        groups, possibles, grants = [], [], []
        for group in range(config.groups):
            own = range(group, config.threads, config.groups)
            m.submodules[f"turn_{group}"] = turn = RoundRobin(count=len(own))
            grants.append(turn.grant)
            possible = Signal(width, name=f"possible_{group}")
            m.d.comb += [
                turn.requests.eq(Cat(ready[thread][0] for thread in own)),
                turn.advance.eq(self.issued[group * width] & config.fair_threads),
                possible.eq(select(turn.grant, [ready[thread] for thread in own])),
            ]
            candidates = []
            for place in range(width):
                slot = group * width + place
                candidate = Signal(TRAITS, name=f"candidate_{slot}")
                m.d.comb += [
                    self.threads[slot].eq(select(turn.grant, own)),
                    self.instructions[slot].eq(select(turn.grant, [
                        self.heads[thread][place].as_value() for thread in own])),
                    self.offs[slot].eq(select(turn.grant, [offs[thread][place] for thread in own])),
                    candidate.eq(select(turn.grant, [traits[thread][place].as_value() for thread in own])),
                ]
                candidates.append(candidate)
            groups.append(candidates)
            possibles.append(possible)

        # The group that is served second gets what the other one leaves.
        alone = [self._bundle(m, possible, candidates, [], [])
                 for possible, candidates in zip(possibles, groups, strict=True)]
        if config.groups == 1:
            m.d.comb += self.issued.eq(Cat(alone[0]))
        else:
            first = Signal()
            m.d.sync += first.eq(~first & config.fair_threads)
            for group, candidates in enumerate(groups):
                rest = self._bundle(m, possibles[group], candidates, alone[1 - group], groups[1 - group])
                m.d.comb += self.issued[group * width:(group + 1) * width].eq(
                    Mux(first == group, Cat(alone[group]), Cat(rest)))

        for group, grant in enumerate(grants):
            for index, thread in enumerate(range(group, config.threads, config.groups)):
                m.d.comb += self.pops[thread].eq(Mux(grant[index], self.issued[group * width:(group + 1) * width], 0))
        return m

    def _off(self, thread, place):
        """The instruction at this place is off; not said of one behind what may be computing its predicate."""
        instruction = self.heads[thread][place]
        computes = Cat(before & is_unit(other.instruction.control, Unit.PREDICATE)
                       for before, other in self._executing(thread)).any()
        return (can_be_off(instruction.control) & ~computes
                & ~self.predicates[thread].bit_select(mask_of(instruction), 1))

    def _executing(self, thread):
        """What the execute stage holds of the thread's group, and for each whether it is the thread's."""
        group, width = thread % self.config.groups, self.config.issue_width
        others = [self.executing[group * width + index] for index in range(width)]
        return [(other.valid & (other.thread == thread), other) for other in others]

    def _traits(self, m, thread, place, off):
        traits = Signal(TRAITS, name=f"traits_{thread}_{place}")
        instruction, before = self.heads[thread][place], [self.heads[thread][index] for index in range(place)]
        m.d.comb += [traits[name].eq(value) for name, value in traits_of(instruction, off).items()]
        if before:
            first, *others = before
            m.d.comb += traits.joins.eq(Cat(
                joins(first, instruction, chained(before, instruction)),
                *(joins(other, instruction, Const(0, 2)) for other in others)).all())
        return traits

    def _bundle(self, m, possible, candidates, taken, others):
        """Which of a thread's instructions are issued beside those of the `others` that are `taken`.

        All before it in its group are issued with an instruction, and the others are taken in order, too. So it is
        known early how many of these would be too many.
        """
        issued: list[Signal] = []
        for place, candidate in enumerate(candidates):
            own, go = candidates[:place], Signal()
            refused = self._refused(candidate, own, []) | Cat(
                other & self._refused(candidate, own, others[:index + 1]) for index, other in enumerate(taken)).any()
            m.d.comb += go.eq(possible[place] & ~refused & (issued[-1] & candidate.joins if place else 1))
            issued.append(go)
        return issued

    def _refused(self, candidate, own, others):
        """The units do not take an instruction beside these of its group and these of the other one."""
        before, alus = [*own, *others], self.config.alus
        shared = (candidate.shared & reduce(or_, (other.shared for other in before), 0)).any()
        loads = candidate.loads & Cat(other.loads for other in own).any()  # each group has a load-store unit
        integers = sum(other.integer for other in before) >= alus if len(before) >= alus else 0
        return shared | loads | (candidate.integer & integers)

    def _ready(self, m, thread, place, off):
        """Nothing but other instructions of this cycle stands in the way of the instruction at this place."""
        config = self.config
        group = thread % config.groups
        instruction = self.heads[thread][place]
        control = instruction.control
        hazard = Signal(name=f"hazard_{thread}_{place}")
        busy = self.busy[thread]
        registers = registers_of(instruction)
        for file, register in registers:
            with m.If(((file == File.X) & busy[0].bit_select(register, 1))
                      | ((file == File.V) & busy[1].bit_select(register, 1))):
                m.d.comb += hazard.eq(1)

        # What the execute stage is about to do.
        publishes = is_unit(control, Unit.LIST, Unit.SYSTEM, Unit.ATOMIC) | (
            is_unit(control, Unit.SEMAPHORE) & (control.function == isa.Semaphore.POST))
        for before, other in self._executing(thread):
            done = other.instruction
            destination, *_ = fields(done)
            late = ~is_unit(done.control, *AT_ONCE)
            with m.If(before):
                for file, register in registers:
                    with m.If(late & (file == done.control.rd_file) & (register == destination)
                              & ((file == File.X) | (file == File.V))):
                        m.d.comb += hazard.eq(1)
                with m.If(is_unit(done.control, *ALONE) | (publishes & accesses(done.control))):
                    m.d.comb += hazard.eq(1)

        # What tells others of this thread's accesses waits until they have reached the SRAM.
        with m.If(publishes & ~self.drained[thread]):
            m.d.comb += hazard.eq(1)
        if place == config.issue_width - 1:
            with m.If(instruction.writes & self.late_results[group]):
                m.d.comb += hazard.eq(1)
        room = off | Mux(stores(control), self.stores[group], self.units[group].bit_select(control.unit, 1))
        return self.active[thread] & (self.counts[thread] > place) & ~hazard & room
