"""The atomic unit of a node."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import Atomic
from ..mem.port import MemoryPort


def atomic_layout(config: Config) -> data.StructLayout:
    """An aligned access: of 32 bits if ``word``, else 64, at a byte of a line; ``expected`` is for `Atomic.CAS`."""
    return data.StructLayout({
        "function": Atomic, "word": 1, "line": config.line_bits, "offset": config.line_offset_bits, "operand": 64,
        "expected": 64})


class AtomicUnit(wiring.Component):
    """Reads, computes and writes, one access at a time, with the line locked in between: 4 cycles at least.

    Members
    -------
    i : In(stream of atomic_layout(config))
        Taken when the result has been written.
    old : Out(64)
        What the access found, when ``i`` is taken; 32 bits stand in both halves.
    failed : Out(1)
        It could not be read, and has not been changed; when ``i`` is taken.
    memory : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(atomic_layout(config))),
            "old": Out(64),
            "failed": Out(1),
            "memory": Out(MemoryPort(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        access, request = self.i.payload, self.memory.request
        both, old = Signal(64), Signal(64)  # the aligned 8 bytes as they were; and the part that is meant
        m.d.comb += [
            old.eq(Mux(access.word, both.word_select(access.offset[2], 32).replicate(2), both)),
            self.old.eq(old),
        ]
        new = self._result(m, old)
        size = Mux(access.word, 4, 8)
        m.d.comb += [
            request.payload.line.eq(access.line),
            request.payload.mask.eq(Mux(self.failed, 0, ((1 << size) - 1) << access.offset)),
            request.payload.data.eq(Mux(access.word, new[:32].replicate(2), new).replicate(config.vector_bits // 64)),
        ]
        with m.FSM():
            with m.State("READ"):
                m.d.comb += [request.valid.eq(self.i.valid), request.payload.lock.eq(1)]
                with m.If(request.valid & request.ready):
                    m.d.sync += self.failed.eq(0)
                    m.next = "ANSWER"
            with m.State("ANSWER"), m.If(self.memory.response.valid):
                m.d.sync += both.eq(self.memory.response.payload.word_select(access.offset[3:], 64))
                m.d.sync += self.failed.eq(self.memory.error)
                m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += [request.valid.eq(1), request.payload.write.eq(1), self.i.ready.eq(request.ready)]
                with m.If(request.ready):
                    m.next = "READ"
        return m

    def _result(self, m, old):
        """The new value; of 32 bits, it is in the low half."""
        access = self.i.payload
        operand, result = access.operand, Signal(64)

        def ordered(value, signed):
            """The value as an unsigned number of the same order; 32 bits in the high half."""
            high = Mux(access.word, Cat(Const(0, 32), value[:32]), value)
            return Cat(high[:63], high[63] ^ signed)

        signed = (access.function == Atomic.MIN) | (access.function == Atomic.MAX)
        largest = (access.function == Atomic.MAX) | (access.function == Atomic.MAXU)
        operand_is_larger = Signal()
        m.d.comb += operand_is_larger.eq(ordered(operand, signed) > ordered(old, signed))
        different = old ^ access.expected
        same = ~different[:32].any() & (access.word | ~different[32:].any())
        with m.Switch(access.function):
            with m.Case(Atomic.ADD):
                m.d.comb += result.eq(old + operand)
            with m.Case(Atomic.SWAP):
                m.d.comb += result.eq(operand)
            with m.Case(Atomic.CAS):
                m.d.comb += result.eq(Mux(same, operand, old))
            with m.Case(Atomic.XOR):
                m.d.comb += result.eq(old ^ operand)
            with m.Case(Atomic.OR):
                m.d.comb += result.eq(old | operand)
            with m.Case(Atomic.AND):
                m.d.comb += result.eq(old & operand)
            with m.Default():
                m.d.comb += result.eq(Mux(operand_is_larger == largest, operand, old))
        return result
