"""Predicates: the threads' registers with a bit for each byte of a vector register, and what computes them."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Config, bits_for_count
from ..isa import PREDICATES, Predicate


class Predicates(wiring.Component):
    """One operation a cycle, combinational but for the write of its result.

    Parameters
    ----------
    config : Config
    reads : int
        Predicates that others look at in a cycle.

    Members
    -------
    write : In(1)
        The operation takes effect: its predicate changes with the next cycle.
    thread, function : In, destination, sources : In
        The operation and the predicates that it names.
    x1 : In(64), vector : In
        Its integer register and its vector register.
    result : Out(64)
        The first source, zero-extended.
    threads, indices : In, masks : Out
        For each read port, a predicate and its bits.
    any : Out
        For each thread, which of its predicates have a byte.
    """

    def __init__(self, *, config: Config, reads: int):
        self.config = config
        index = bits_for_count(PREDICATES)
        super().__init__({
            "write": In(1),
            "thread": In(config.thread_bits),
            "function": In(Predicate),
            "destination": In(index),
            "sources": In(data.ArrayLayout(index, 2)),
            "x1": In(64),
            "vector": In(config.vector_bits),
            "result": Out(64),
            "threads": In(data.ArrayLayout(config.thread_bits, reads)),
            "indices": In(data.ArrayLayout(index, reads)),
            "masks": Out(data.ArrayLayout(config.vector_bytes, reads)),
            "any": Out(data.ArrayLayout(PREDICATES, config.threads)),
        })

    def elaborate(self, platform):
        m = Module()
        size = self.config.vector_bytes
        m.submodules.memory = memory = Memory(shape=size, depth=PREDICATES * self.config.threads, init=[])

        def read(thread, index):
            port = memory.read_port(domain="comb")
            m.d.comb += port.addr.eq(Cat(index, thread))
            return port.data

        a, b = (read(self.thread, source) for source in self.sources)
        new = Signal(size)
        write = memory.write_port()
        m.d.comb += [
            self.result.eq(a),
            write.addr.eq(Cat(self.destination, self.thread)),
            write.en.eq(self.write),
            write.data.eq(new),
            *(mask.eq(read(thread, index))
              for mask, thread, index in zip(self.masks, self.threads, self.indices, strict=True)),
        ]
        holds = Signal(data.ArrayLayout(PREDICATES, self.config.threads), reset_less=True)
        m.d.comb += self.any.eq(holds)
        with m.If(self.write):
            m.d.sync += holds[self.thread].bit_select(self.destination, 1).eq(new.any())
        with m.Switch(self.function):
            for function, value in {
                Predicate.AND: a & b, Predicate.OR: a | b, Predicate.XOR: a ^ b, Predicate.ANDN: a & ~b,
                Predicate.SET: self.x1,
                Predicate.SIGN: Cat(self.vector.word_select(byte, 8)[7] for byte in range(size)),
                Predicate.FIRST: Cat(self.x1 > byte for byte in range(size)),
            }.items():
                with m.Case(function):
                    m.d.comb += new.eq(value)
        return m
