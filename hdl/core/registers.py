"""A register file for some threads."""

from amaranth.hdl import Cat, Module, Shape
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .layouts import write_layout


class RegisterFile(wiring.Component):
    """32 registers for each thread, with combinational reads.

    Parameters
    ----------
    threads, groups : int
        Threads that have registers here, one of so many groups.
    result : data.StructLayout
        What is written: ``thread``, ``destination`` and ``data``, whose width is a register's.
    reads, writes : int
        Ports. No two writes of a cycle may be to one register.

    Members
    -------
    threads, indices : In, data : Out
        For each read port, a register and what it holds.
    writes : In
        For each write port.
    forwards : In(writes)
        For each write port: reads of this cycle see what is, or would be, written. Others see what was before.
    """

    def __init__(self, *, threads: int, groups: int, result: data.StructLayout, reads: int, writes: int):
        self.depth = 32 * threads
        self.group_bits = (groups - 1).bit_length()
        self.width = width = Shape.cast(result["data"].shape).width
        super().__init__({
            "threads": In(data.ArrayLayout(result["thread"].shape, reads)),
            "indices": In(data.ArrayLayout(5, reads)),
            "data": Out(data.ArrayLayout(width, reads)),
            "writes": In(data.ArrayLayout(write_layout(result), writes)),
            "forwards": In(writes),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[])
        for thread, index, value in zip(self.threads, self.indices, self.data, strict=True):
            port = memory.read_port(domain="comb")
            m.d.comb += [port.addr.eq(Cat(index, thread[self.group_bits:])), value.eq(port.data)]
            for write, forward in zip(self.writes, self.forwards, strict=True):
                result = write.result
                with m.If(forward & (result.thread == thread) & (result.destination == index)):
                    m.d.comb += value.eq(result.data)
        for write in self.writes:
            port = memory.write_port()
            m.d.comb += [
                port.en.eq(write.valid),
                port.addr.eq(Cat(write.result.destination, write.result.thread[self.group_bits:])),
                port.data.eq(write.result.data),
            ]
        return m
