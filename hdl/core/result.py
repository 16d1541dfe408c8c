"""How the units that fill vector registers hand over their results."""

from math import ceil

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..queue import Queue


def vector_result_layout(config: Config) -> data.StructLayout:
    """A whole vector register's new value."""
    return data.StructLayout({
        "thread": config.thread_bits,
        "destination": 5,
        "data": config.vector_bits,
    })


class ResultQueue(wiring.Component):
    """Results of a pipeline that cannot stall, kept until they are taken.

    An operation that will give a result takes a credit when it enters the pipeline and gives it back when its result
    leaves the queue, so that there is always room. If results are taken at once, it never holds operations up.

    Parameters
    ----------
    config : Config
    latency : int
        Cycles from `enter` to the result's arrival at `i`.
    interval : int
        Cycles from an operation to the next, at least.

    Members
    -------
    enter : In(1)
        An operation that will give a result enters the pipeline. Only while `ready`.
    ready, room : Out(1)
        There is a credit; there are two, so that one more operation may be on its way. They depend on registers alone.
    i : In(stream, always ready)
        Results that leave the pipeline.
    o : Out(stream)
        Results, from the cycle after they arrived.
    """

    def __init__(self, *, config: Config, latency: int, interval: int = 1):
        if type(latency) is not int or latency < 0:
            raise ValueError(f"a pipeline's latency must be 0 or more cycles, not {latency!r}")
        self.config = config
        #: Credits. A result is in the queue `latency` + 1 cycles after it entered, and its credit back one later; one
        #: more for `room`.
        self.depth = ceil(latency / interval) + 3
        layout = vector_result_layout(config)
        super().__init__({
            "enter": In(1),
            "ready": Out(1),
            "room": Out(1),
            "i": In(stream.Signature(layout, always_ready=True)),
            "o": Out(stream.Signature(layout)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = Queue(shape=vector_result_layout(self.config), depth=self.depth)
        m.d.comb += [
            queue.i.payload.eq(self.i.payload),
            queue.i.valid.eq(self.i.valid),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))

        credits = Signal(range(self.depth + 1), init=self.depth)
        leave = self.o.valid & self.o.ready
        m.d.comb += [self.ready.eq(credits != 0), self.room.eq(credits >= 2)]
        m.d.sync += credits.eq(credits - self.enter + leave)
        return m
