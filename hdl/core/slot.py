"""What every issue slot has for itself: integer results, branches, addresses, and the traps of these."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import SRAM_BASE, Config
from ..isa import Cause, Unit
from ..noc.address import is_node
from . import lsu
from .alu import Alu
from .layouts import FAILURE, offset_bits, operation_layout

#: Signed and unsigned comparisons of the branches, by function.
_LESS = {isa.Branch.BLT: True, isa.Branch.BGE: True, isa.Branch.BLTU: False, isa.Branch.BGEU: False}


def outside(config: Config, address, size):
    """As hardware: some of the bytes are not in the SRAM."""
    return (address[31:] != SRAM_BASE >> 31) | (address[:31] + size > config.sram_bytes)


def course_layout() -> data.StructLayout:
    """Where an instruction leads to, by itself.

    ``jumps``: it is a jump or a taken branch; `target` is where a branch or jump leads to, `link` what is behind it.
    ``strays``: the prediction was wrong. ``trap``: it cannot be executed, for that `cause` and with that `value`.
    """
    return data.StructLayout({
        "jumps": 1, "target": 64, "link": 64, "strays": 1, "trap": 1, "cause": Cause, "value": 64,
    })


def access_layout(config: Config) -> data.StructLayout:
    """What an instruction accesses: `size` bytes at the `address`.

    `word` is a scalar store's data in the lanes of its address. ``flat``: the address is that of a node; ``asks``: a
    node, or the gather engine, has to answer.
    """
    return data.StructLayout({
        "address": 64, "size": range(config.vector_bytes + 1), "word": 64, "flat": 1, "asks": 1,
    })


class Slot(wiring.Component):
    """Looks at one instruction, combinationally.

    Members
    -------
    operation : In
    before : In(64)
        Result of the group's first slot, for operands that are chained: of the ALU, of comparisons, data to store.
    result : Out(64)
        Of the ALU, the link of a jump, or the advanced address.
    course, access : Out
    answered, refused : In(1)
        The thread's request to another node, or to the gather engine, has been answered; it failed.
    failure : In(FAILURE)
        Why the gather engine's did.
    load_error : In(1), load_error_address : In
        A load of the thread has met an uncorrectable memory error there, an offset in the SRAM.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "operation": In(operation_layout(config)),
            "before": In(64),
            "result": Out(64),
            "course": Out(course_layout()),
            "access": Out(access_layout(config)),
            "answered": In(1),
            "refused": In(1),
            "failure": In(FAILURE),
            "load_error": In(1),
            "load_error_address": In(offset_bits(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        instruction = self.operation.instruction
        control, pc = instruction.control, instruction.pc
        x1, x2 = self.operation.x1, self.operation.x2
        a, b = (Mux(chained, self.before, value)
                for chained, value in zip(self.operation.chained, (x1, x2), strict=True))
        immediate = instruction.value
        jumps, strays, flat, asks = Signal(), Signal(), Signal(), Signal()
        advanced, target, link, address, word = (
            Signal(64, name=name) for name in ("advanced", "target", "link", "address", "word"))
        size = Signal.like(self.access.size)
        m.d.comb += advanced.eq(x1 + immediate)

        # Integer results.
        m.submodules.alu = alu = Alu()
        m.d.comb += [
            alu.function.eq(control.function),
            alu.word.eq(control.word),
            alu.b.eq(Mux(control.immediate, immediate, b)),
            link.eq(pc + 4),
        ]
        with m.Switch(control.unit):
            with m.Case(Unit.BRANCH):
                m.d.comb += self.result.eq(link)
            with m.Case(Unit.MEMORY):
                m.d.comb += self.result.eq(advanced)
            with m.Default():
                m.d.comb += self.result.eq(alu.result)
        with m.Switch(control.source):
            with m.Case(isa.Source.RS1):
                m.d.comb += alu.a.eq(a)
            with m.Case(isa.Source.PC):
                m.d.comb += alu.a.eq(pc)

        # Branches.
        taken = Signal()
        m.d.comb += target.eq(pc + immediate)
        with m.Switch(control.function):
            with m.Case(isa.Branch.BEQ):
                m.d.comb += taken.eq(a == b)
            with m.Case(isa.Branch.BNE):
                m.d.comb += taken.eq(a != b)
            with m.Case(isa.Branch.JAL):
                m.d.comb += taken.eq(1)
            with m.Case(isa.Branch.JALR):
                m.d.comb += [taken.eq(1), target.eq((x1 + immediate) & ~1)]
            for branch, signed in _LESS.items():
                with m.Case(branch):
                    less = a.as_signed() < b.as_signed() if signed else a < b
                    m.d.comb += taken.eq(less ^ (branch.value & 1))
        prediction = instruction.prediction
        predicted = SRAM_BASE | Cat(Const(0, 2), prediction.target)
        m.d.comb += [
            jumps.eq((control.unit == Unit.BRANCH) & taken),
            strays.eq(Mux(prediction.taken, ~jumps | (target != predicted), jumps)),
        ]

        # Addresses. Those of other nodes are flat; atomics take the same way, to this node if the address is local.
        atomic, puts = control.unit == Unit.ATOMIC, control.unit == Unit.PUT
        gathers = (control.unit == Unit.GATHER) & ~self.operation.off
        accesses = (control.unit == Unit.MEMORY) | puts | atomic
        store = atomic | lsu.is_store(control.function)
        m.d.comb += [
            address.eq(Mux(control.bare, x1, advanced)),
            size.eq(1 << control.function[:2]),
            flat.eq(accesses & ~control.masked & address[48]),
            asks.eq((flat & ~puts) | atomic | gathers),
            word.eq((Cat(b, b) << (address[:3] << 3))[64:128]),
        ]
        with m.If(atomic):
            m.d.comb += size.eq(Mux(control.word, 4, 8))
        with m.Elif(lsu.is_vector(control.function)):
            m.d.comb += size.eq(config.vector_bytes)
        beyond = Mux(flat, address[49:].any() | ~is_node(config, address[32:40], address[40:48]),
                     outside(config, address, size))
        vector = lsu.is_vector(control.function)
        misaligned = Mux(atomic, (address[:3] & (size - 1)).any(), (flat | vector) & (
            (address[:config.line_offset_bits] + size) > config.vector_bytes))
        failed = self.answered & self.refused
        refused = accesses & asks & failed

        # Traps; a later rule wins over an earlier one.
        for condition, cause, value in (
            (jumps & target[1], Cause.FETCH_MISALIGNED, target),
            (gathers & failed, self.failure.cause, self.failure.address),
            (refused, Cause.LOAD_ACCESS, address),
            (refused & store, Cause.STORE_ACCESS, address),
            (accesses & misaligned, Cause.LOAD_MISALIGNED, address),
            (accesses & misaligned & store, Cause.STORE_MISALIGNED, address),
            (accesses & beyond, Cause.LOAD_ACCESS, address),
            (accesses & beyond & store, Cause.STORE_ACCESS, address),
            (~control.legal, Cause.ILLEGAL, instruction.word),
            (instruction.fault, Cause.FETCH_ACCESS, pc),
            (instruction.error, Cause.HARDWARE_ERROR, pc),
            (self.load_error, Cause.HARDWARE_ERROR, SRAM_BASE + self.load_error_address),
        ):
            with m.If(condition):
                m.d.comb += [self.course.trap.eq(1), self.course.cause.eq(cause), self.course.value.eq(value)]

        # Put together here: no member is computed from others of the same structure, which tools take for a circle.
        m.d.comb += [
            *(self.course[name].eq(value) for name, value in {
                "jumps": jumps, "target": target, "link": link, "strays": strays}.items()),
            *(self.access[name].eq(value) for name, value in {
                "address": address, "size": size, "word": word, "flat": flat, "asks": asks}.items()),
        ]
        return m
