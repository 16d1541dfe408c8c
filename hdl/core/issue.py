"""Issue: which instructions of which threads go to the execute stage."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..arbiter import RoundRobin
from ..config import Config
from ..isa import File, Unit
from .decode import fields
from .layouts import decoded_layout, operation_layout
from .lsu import is_store
from .onehot import select

#: Units whose result is written by the execute stage itself, in its own cycle.
AT_ONCE = (Unit.ALU, Unit.BRANCH, Unit.CSR)

#: Instructions that are issued alone and executed before the next one of their thread is issued: they change what
#: those behind them see other than by registers and memory, or whether they come at all.
ALONE = (Unit.CSR, Unit.SYSTEM, Unit.LIST, Unit.SEMAPHORE)


def is_unit(control, *units: Unit):
    """As hardware: whether an instruction is for one of these units."""
    return Cat(control.unit == unit for unit in units).any()


def stores(control):
    """As hardware: whether an instruction is a store."""
    return (control.unit == Unit.MEMORY) & is_store(control.function)


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
        ``executing`` included.
    late_results : In(groups)
        A late integer result cannot be written for want of a port: leave one free.
    executing : In
        What the execute stage holds.
    pops : Out
        For each thread, how many instructions leave.
    issued : Out(slots), threads : Out, instructions : Out
        What goes to the execute stage at the end of the cycle.
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
            "late_results": In(config.groups),
            "executing": In(data.ArrayLayout(operation_layout(config), slots)),
            "pops": Out(data.ArrayLayout(range(width + 1), config.threads)),
            "issued": Out(slots),
            "threads": Out(data.ArrayLayout(config.thread_bits, slots)),
            "instructions": Out(data.ArrayLayout(decoded, slots)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        width = config.issue_width
        ready = []
        for thread in range(config.threads):
            bits = Signal(width, name=f"ready_{thread}")
            m.d.comb += bits.eq(Cat(self._ready(m, thread, place) for place in range(width)))
            ready.append(bits)

        # Each group's thread, and what it could issue.
        candidates: list[list[tuple]] = []
        grants = []
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
            row = []
            for place in range(width):
                slot = group * width + place
                m.d.comb += [
                    self.threads[slot].eq(select(turn.grant, own)),
                    self.instructions[slot].eq(select(turn.grant, [
                        self.heads[thread][place].as_value() for thread in own])),
                ]
                row.append((possible[place], self.instructions[slot]))
            candidates.append(row)

        # The group that is served second gets what the other one leaves.
        alone = [self._bundle(row, []) for row in candidates]
        if config.groups == 1:
            m.d.comb += self.issued.eq(Cat(alone[0]))
        else:
            first = Signal()
            m.d.sync += first.eq(~first & config.fair_threads)
            for group, row in enumerate(candidates):
                others = [instruction for _, instruction in candidates[1 - group]]
                rest = self._bundle(row, list(zip(alone[1 - group], others, strict=True)))
                m.d.comb += self.issued[group * width:(group + 1) * width].eq(
                    Mux(first == group, Cat(alone[group]), Cat(rest)))

        for group, grant in enumerate(grants):
            count = sum(self.issued[group * width + place] for place in range(width))
            for index, thread in enumerate(range(group, config.threads, config.groups)):
                m.d.comb += self.pops[thread].eq(Mux(grant[index], count, 0))
        return m

    def _bundle(self, row, others):
        """Which of a thread's instructions are issued, given those that others issue: each a bit and an instruction."""
        issued = []
        for place, (possible, instruction) in enumerate(row):
            own = [(issued[index], row[index][1]) for index in range(place)]
            go = possible & self._has_room(instruction.control, own, others)
            if place:
                go &= issued[place - 1] & self._independent(row[place - 1][1], instruction)
            issued.append(go)
        return issued

    def _has_room(self, control, own, others):
        """The units take an instruction beside those that its group and the other one issue before it."""
        def count(uses, before):
            return sum((go & uses(other.control) for go, other in before), start=0)

        def one_of(*units: Unit):
            return lambda control: is_unit(control, *units)

        room, before = 1, own + others
        for uses in (one_of(Unit.VECTOR), one_of(Unit.MATRIX), one_of(Unit.MULDIV), one_of(*ALONE), stores):
            if before:
                room &= ~(uses(control) & (count(uses, before) != 0))
        if own:  # each group has a load-store unit of its own
            room &= ~(is_unit(control, Unit.MEMORY) & (count(one_of(Unit.MEMORY), own) != 0))
        if len(before) >= self.config.alus:
            integer = one_of(Unit.ALU, Unit.BRANCH)
            room &= ~(integer(control) & (count(integer, before) >= self.config.alus))
        return room

    @staticmethod
    def _independent(older, younger):
        """An instruction can be issued together with the one before it."""
        destination, *_ = fields(older)
        same = Cat(
            (file == older.control.rd_file) & (register == destination)
            for file, register in zip(
                (younger.control.rd_file, younger.control.rs1_file, younger.control.rs2_file),
                fields(younger), strict=True)).any()
        real = (older.control.rd_file == File.V) | ((older.control.rd_file == File.X) & (destination != 0))
        both_branch = is_unit(older.control, Unit.BRANCH) & is_unit(younger.control, Unit.BRANCH)
        return ~(same & real) & ~both_branch & ~is_unit(older.control, *ALONE) & ~is_unit(younger.control, *ALONE)

    def _ready(self, m, thread, place):
        """Nothing but other instructions of this cycle stands in the way of the instruction at this place."""
        config = self.config
        group = thread % config.groups
        instruction = self.heads[thread][place]
        control = instruction.control
        hazard = Signal(name=f"hazard_{thread}_{place}")
        busy = self.busy[thread]
        executing = [self.executing[group * config.issue_width + index] for index in range(config.issue_width)]
        registers = list(zip((control.rd_file, control.rs1_file, control.rs2_file), fields(instruction), strict=True))
        for file, register in registers:
            with m.If(((file == File.X) & busy[0].bit_select(register, 1))
                      | ((file == File.V) & busy[1].bit_select(register, 1))):
                m.d.comb += hazard.eq(1)

        # What the execute stage is about to do.
        publishes = is_unit(control, Unit.LIST, Unit.SYSTEM) | (
            is_unit(control, Unit.SEMAPHORE) & (control.function == isa.Semaphore.POST))
        for other in executing:
            done = other.instruction
            destination, *_ = fields(done)
            late = ~is_unit(done.control, *AT_ONCE)
            with m.If(other.valid & (other.thread == thread)):
                for file, register in registers:
                    with m.If(late & (file == done.control.rd_file) & (register == destination)
                              & ((file == File.X) | (file == File.V))):
                        m.d.comb += hazard.eq(1)
                with m.If(is_unit(done.control, *ALONE) | (publishes & stores(done.control))):
                    m.d.comb += hazard.eq(1)

        # What tells others of this thread's stores waits until they have reached the SRAM.
        with m.If(publishes & ~self.drained[thread]):
            m.d.comb += hazard.eq(1)
        if place == config.issue_width - 1:
            with m.If(is_unit(control, *AT_ONCE) & self.late_results[group]):
                m.d.comb += hazard.eq(1)
        return (self.active[thread] & (self.counts[thread] > place) & ~hazard
                & self.units[group].bit_select(control.unit, 1))
