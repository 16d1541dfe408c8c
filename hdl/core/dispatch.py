"""Hands executed instructions to the units that they are for."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config, bits_for_count
from ..isa import Unit
from ..onehot import select
from . import lsu, matrix, muldiv, vector
from .csr import OPERAND_FORMATS
from .decode import fields, mask_of
from .issue import accesses, changes_matrix, gathers, is_unit, is_vector, multiplies_divides, reads_matrix, stores
from .layouts import operation_layout
from .slot import access_layout
from .vector_conversion import Conversion


def vectors_layout(config: Config) -> data.StructLayout:
    """Vector registers that the instructions of a cycle need, at most one of each kind."""
    return data.StructLayout({
        "vector": data.ArrayLayout(config.vector_bits, 3),
        "matrix": data.ArrayLayout(config.vector_bits, 2),
        "store": config.vector_bits,
    })


def stored_line(config: Config, control, word, vectors):
    """What a store writes, as hardware: scalars are repeated, so that they stand in any lane."""
    return Mux(lsu.is_vector(control.function) & ~is_unit(control, Unit.ATOMIC),
               vectors.store, word.replicate(config.vector_bits // 64))


class Dispatch(wiring.Component):
    """Combinational: issue gives each unit at most one operation a cycle, and the units are ready.

    Members
    -------
    operations, accesses, vectors : In
        What executes, what it accesses, and its vector registers.
    done : In(slots)
        Which of them have been executed.
    threads, indices : Out, masks : In
        For each group, the predicate of its load or store; the last mask is that of the one that takes vectors.
    conversions, operands : In
        Each thread's formats.
    memories : Out(stream) of each group, muldiv, vector, matrix, matrix_read : Out(stream)
        Operations.
    access, load : Out(threads)
        Strobes: the thread accesses the SRAM; it loads what another node, or the gather engine, has answered.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "operations": In(data.ArrayLayout(operation_layout(config), config.slots)),
            "accesses": In(data.ArrayLayout(access_layout(config), config.slots)),
            "vectors": In(vectors_layout(config)),
            "done": In(config.slots),
            "threads": Out(data.ArrayLayout(config.thread_bits, config.groups)),
            "indices": Out(data.ArrayLayout(bits_for_count(isa.PREDICATES), config.groups)),
            "masks": In(data.ArrayLayout(config.vector_bytes, config.groups + 1)),
            "conversions": In(data.ArrayLayout(Conversion, config.threads)),
            "operands": In(data.ArrayLayout(OPERAND_FORMATS, config.threads)),
            "memories": Out(stream.Signature(lsu.request_layout(config))).array(config.groups),
            "muldiv": Out(stream.Signature(muldiv.request_layout(config))),
            "vector": Out(stream.Signature(vector.request_layout(config))),
            "matrix": Out(stream.Signature(matrix.request_layout(config))),
            "matrix_read": Out(stream.Signature(matrix.read_layout(config))),
            "access": Out(config.threads),
            "load": Out(config.threads),
        })

    def elaborate(self, platform):
        m = Module()
        slots, width = range(self.config.slots), self.config.issue_width
        self._muldiv(m, self._chosen(m, multiplies_divides, self.muldiv, slots))
        self._vector(m, self._chosen(m, is_vector, self.vector, slots))
        self._matrix(m, self._chosen(m, changes_matrix, self.matrix, slots))
        self._matrix_read(m, self._chosen(m, reads_matrix, self.matrix_read, slots))
        for group in range(self.config.groups):
            self._memory(m, group, slots[group * width:(group + 1) * width])
        return m

    def _users(self, uses, slots):
        """Which of the slots hold an instruction for a unit."""
        return Cat(self.operations[slot].valid & uses(self.operations[slot].instruction.control) for slot in slots)

    def _chosen(self, m, uses, port, slots):
        """The one operation of the slots for a unit, which is offered there if it is done."""
        users = self._users(uses, slots)
        operation = Signal(operation_layout(self.config), name=f"{uses.__name__}_operation")
        m.d.comb += [
            operation.eq(select(users, [self.operations[slot].as_value() for slot in slots])),
            port.valid.eq((users & Cat(self.done[slot] for slot in slots)).any()),
            port.payload.thread.eq(operation.thread),
        ]
        return operation

    def _muldiv(self, m, operation):
        control = operation.instruction.control
        m.d.comb += [
            self.muldiv.payload.destination.eq(fields(operation.instruction)[0]),
            self.muldiv.payload.function.eq(control.function),
            self.muldiv.payload.word.eq(control.word),
            self.muldiv.payload.a.eq(operation.x1),
            self.muldiv.payload.b.eq(operation.x2),
        ]

    def _vector(self, m, operation):
        control, request = operation.instruction.control, self.vector.payload
        destination, _, quarter = fields(operation.instruction)
        m.d.comb += [
            request.destination.eq(destination),
            request.function.eq(control.function),
            request.lanes.eq(control.lanes),
            request.number.eq(control.number),
            *(request[name].eq(self.vectors.vector[index]) for index, name in enumerate(("c", "a", "b"))),
            request.x1.eq(operation.x1),
            request.x2.eq(operation.x2),
            request.quarter.eq(quarter),
            request.reduces.eq(control.reduces),
            request.mask.eq(self.masks[-1]),
            request.conversion.eq(self.conversions[operation.thread]),
        ]

    def _matrix(self, m, operation):
        control, request = operation.instruction.control, self.matrix.payload
        accumulator, _, part = fields(operation.instruction)
        formats = self.operands[operation.thread]
        m.d.comb += [
            request.function.eq(control.function),
            request.a.eq(self.vectors.matrix[0]),
            request.b.eq(self.vectors.matrix[1]),
            request.accumulator.eq(accumulator),
            request.part.eq(part),
        ]
        if self.config.cfloat8:
            with m.If(control.formatted):
                m.d.comb += [
                    request.a_format.eq(Cat(formats.a.as_value(), control.halves[0])),
                    request.b_format.eq(Cat(formats.b.as_value(), control.halves[1])),
                ]

    def _matrix_read(self, m, operation):
        destination, accumulator, part = fields(operation.instruction)
        m.d.comb += [
            self.matrix_read.payload.destination.eq(destination),
            self.matrix_read.payload.accumulator.eq(accumulator),
            self.matrix_read.payload.part.eq(part),
        ]

    def _memory(self, m, group, slots):
        port = self.memories[group]
        operation = self._chosen(m, accesses, port, slots)
        control = operation.instruction.control
        access = Signal(access_layout(self.config), name=f"access_{group}")
        m.d.comb += [
            access.eq(select(self._users(accesses, slots), [self.accesses[slot].as_value() for slot in slots])),
            self.threads[group].eq(operation.thread),
            self.indices[group].eq(mask_of(operation.instruction)),
            port.payload.destination.eq(fields(operation.instruction)[0]),
            port.payload.function.eq(control.function),
            port.payload.mask.eq(Mux(control.masked & is_unit(control, Unit.MEMORY),
                                     self.masks[group], (1 << self.config.vector_bytes) - 1)),
            port.payload.address.eq(access.address),
            port.payload.data.eq(stored_line(self.config, control, access.word, self.vectors)),
            port.payload.remote.eq(access.asks),
        ]
        with m.If(is_unit(control, Unit.ATOMIC)):
            m.d.comb += port.payload.function.eq(Mux(control.word, isa.Memory.LW, isa.Memory.LD))
        with m.Elif(gathers(control)):
            m.d.comb += port.payload.function.eq(isa.Memory.VLD)
        # A store of another node, a scatter, and a packet that nobody answers, have been done.
        with m.If((access.flat | gathers(control)) & stores(control)):
            m.d.comb += port.valid.eq(0)
        for strobe, condition in (self.load, access.asks), (self.access, ~access.asks):
            with m.If(port.valid & condition):
                m.d.comb += strobe.bit_select(operation.thread, 1).eq(1)
