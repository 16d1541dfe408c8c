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
from .decode import fields, is_unit, mask_of
from .issue import (
    changes_matrix,
    gathers,
    is_vector,
    loads,
    multiplies_divides,
    reads_matrix,
    writes_sram,
)
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


def masked(operation):
    """As hardware: a load or store is under a predicate."""
    return operation.instruction.control.masked & is_unit(operation.instruction.control, Unit.MEMORY)


class Dispatch(wiring.Component):
    """Combinational: issue gives each unit at most one operation a cycle, and the units are ready.

    Members
    -------
    operations, accesses, vectors : In
        What executes, what it accesses, and its vector registers.
    done : In(slots)
        Which of them have been executed.
    threads, indices : Out, masks : In
        For each group, the predicate of its load or store, of which one at most is under a predicate; the last mask is
        that of the one that takes vectors.
    conversions, operands : In
        Each thread's formats.
    loads, stores : Out(stream) of each group, muldiv, vector, matrix, matrix_read : Out(stream)
        Operations.
    voids : Out(groups)
        The group's load is not done. Loads are offered before that is known, other operations only if they are done.
    store_first : Out(groups)
        Of the group's load and store of this cycle, the store is the older one.
    accesses_begun : Out
        For each thread, how many accesses of the SRAM begin.
    load : Out(threads)
        Strobe: the thread loads what another node, or the gather engine, has answered.
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
            "loads": Out(stream.Signature(lsu.load_layout(config), always_ready=True)).array(config.groups),
            "stores": Out(stream.Signature(lsu.store_layout(config), always_ready=True)).array(config.groups),
            "voids": Out(config.groups),
            "store_first": Out(config.groups),
            "muldiv": Out(stream.Signature(muldiv.request_layout(config), always_ready=True)),
            "vector": Out(stream.Signature(vector.request_layout(config))),
            "matrix": Out(stream.Signature(matrix.request_layout(config))),
            "matrix_read": Out(stream.Signature(matrix.read_layout(config))),
            "accesses_begun": Out(data.ArrayLayout(range(3), config.threads)),
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
        operations = [self.operations[slot] for slot in slots]
        return Cat(each.valid & ~each.off & uses(each.instruction.control) for each in operations)

    def _chosen(self, m, uses, port, slots):
        """The one operation of the slots for a unit, which is offered there if it is done."""
        operation = Signal(operation_layout(self.config), name=f"{uses.__name__}_operation")
        m.d.comb += [
            operation.eq(select(self._users(uses, slots), [self.operations[slot].as_value() for slot in slots])),
            port.valid.eq(self._done(uses, slots)),
            port.payload.thread.eq(operation.thread),
        ]
        return operation

    def _done(self, uses, slots):
        """The one operation of the slots for a unit is done."""
        return (self._users(uses, slots) & Cat(self.done[slot] for slot in slots)).any()

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
        """The group's load and its store, of which one at most is under a predicate."""
        config = self.config
        load, store = self.loads[group], self.stores[group]
        loading, loads_done = self._chosen(m, loads, load, slots), self._done(loads, slots)
        storing = self._chosen(m, writes_sram, store, slots)
        loaded, stored = self._access(m, loads, slots), self._access(m, writes_sram, slots)
        offset_bits = config.line_offset_bits
        control = loading.instruction.control
        function = Signal(isa.Memory, name=f"load_function_{group}")
        m.d.comb += [
            self.threads[group].eq(Mux(masked(storing), storing.thread, loading.thread)),
            self.indices[group].eq(Mux(
                masked(storing), mask_of(storing.instruction), mask_of(loading.instruction))),
            self.store_first[group].eq(Cat(
                stores & ~self._users(loads, slots[:place]).any()
                for place, stores in enumerate(self._users(writes_sram, slots))).any()),
        ]
        m.d.comb += [load.valid.eq(self._users(loads, slots).any()), self.voids[group].eq(~loads_done)]

        m.d.comb += function.eq(control.function)
        with m.If(is_unit(control, Unit.ATOMIC)):
            m.d.comb += function.eq(Mux(control.word, isa.Memory.LW, isa.Memory.LD))
        with m.Elif(gathers(control)):
            m.d.comb += function.eq(isa.Memory.VLD)
        m.d.comb += [
            load.payload.destination.eq(fields(loading.instruction)[0]),
            load.payload.function.eq(function),
            load.payload.remote.eq(loaded.asks),
            load.payload.line.eq(loaded.address[offset_bits:]),
            load.payload.offset.eq(loaded.address),
            *self._bytes(load, group, loading, function, loaded.address[:offset_bits]),
        ]

        # A store of another node has been done, and there is nothing to do for one of no bytes, which is not known to
        # be off if its predicate has been computed in the cycle before.
        with m.If(stored.flat | (masked(storing) & ~self.masks[group].any())):
            m.d.comb += store.valid.eq(0)
        function = storing.instruction.control.function
        m.d.comb += [
            store.payload.line.eq(stored.address[offset_bits:]),
            *self._bytes(store, group, storing, function, stored.address[:offset_bits]),
            store.payload.data.eq(stored_line(config, storing.instruction.control, stored.word, self.vectors)),
        ]
        for thread in range(group, config.threads, config.groups):
            loads_here = loads_done & (loading.thread == thread)
            m.d.comb += [
                self.load[thread].eq(loads_here & loaded.asks),
                self.accesses_begun[thread].eq(
                    (loads_here & ~loaded.asks) + (store.valid & (storing.thread == thread))),
            ]

    def _access(self, m, uses, slots):
        """What the one operation of the slots for a unit accesses."""
        access = Signal(access_layout(self.config), name=f"{uses.__name__}_access")
        m.d.comb += access.eq(select(self._users(uses, slots), [self.accesses[slot].as_value() for slot in slots]))
        return access

    def _bytes(self, port, group, operation, function, offset):
        """The bytes of its line, and of the next one, that an access is to."""
        size = self.config.vector_bytes
        of_vector = Mux(masked(operation), self.masks[group], (1 << size) - 1)
        wanted = Mux(lsu.is_vector(function), of_vector, lsu.bytes_of(function, offset))
        return port.payload.mask.eq(wanted), port.payload.beyond.eq(wanted[size:])
