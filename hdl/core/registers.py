"""A register file for all threads."""

from amaranth.hdl import Cat, Module, Shape
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Config
from .layouts import write_layout


class RegisterFile(wiring.Component):
    """32 registers for each thread, two or three combinational reads and one write a cycle.

    A write is seen by reads from the next cycle on.

    Parameters
    ----------
    result : data.StructLayout
        What is written: ``thread``, ``destination`` and ``data``, whose width is a register's.
    reads : int
        Members ``index1``, ``data1`` and so on.
    """

    def __init__(self, *, config: Config, result: data.StructLayout, reads: int = 2):
        self.config = config
        self.reads = range(1, reads + 1)
        self.width = width = Shape.cast(result["data"].shape).width
        super().__init__({
            "thread": In(config.thread_bits),
            **{f"index{number}": In(5) for number in self.reads},
            **{f"data{number}": Out(width) for number in self.reads},
            "write": In(write_layout(result)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=32 * self.config.threads, init=[])
        for number in self.reads:
            port = memory.read_port(domain="comb")
            m.d.comb += [
                port.addr.eq(Cat(getattr(self, f"index{number}"), self.thread)),
                getattr(self, f"data{number}").eq(port.data),
            ]
        port = memory.write_port()
        m.d.comb += [
            port.en.eq(self.write.valid),
            port.addr.eq(Cat(self.write.result.destination, self.write.result.thread)),
            port.data.eq(self.write.result.data),
        ]
        return m
