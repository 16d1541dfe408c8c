"""The load-store unit: aligned pieces of lines between registers and the SRAM."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from ..mem.port import MemoryPort
from ..queue import PassingQueue, Queue
from .access_queue import AccessQueue
from .layouts import scalar_result_layout
from .result import vector_result_layout

#: Loads that wait for the SRAM, and as many stores.
REQUESTS = 4

#: Loads on their way between the SRAM and the registers; their lines are buffered, since an answer cannot be refused.
LOADS = 4


def load_layout(config: Config) -> data.StructLayout:
    """A load of some bytes from the `offset` in a line on; its address has been checked.

    `mask` has the bytes of the line that count: others of a vector are loaded as 0. The line of a ``remote`` load is
    one that another node has sent, or the gather engine.
    """
    return data.StructLayout({
        "thread": config.thread_bits,
        "destination": 5,
        "function": isa.Memory,
        "remote": 1,
        "line": config.line_bits,
        "offset": config.line_offset_bits,
        "mask": config.vector_bytes,
    })


def store_layout(config: Config) -> data.StructLayout:
    """A store of those bytes of `data` that `mask` has; its address has been checked."""
    return data.StructLayout({
        "thread": config.thread_bits,
        "line": config.line_bits,
        "mask": config.vector_bytes,
        "data": config.vector_bits,
    })


def is_store(function):
    """Of a function of `isa.Memory`, as hardware."""
    return function[3]


def is_vector(function):
    """Of a function of `isa.Memory`, as hardware."""
    return function[:3] == isa.Memory.VLD


def bytes_of(function, offset):
    """As hardware: the bytes of its line that a scalar access of `isa.Memory` is to."""
    return ((1 << (1 << function[:2])) - 1) << offset


class LoadStoreUnit(wiring.Component):
    """Takes a load and a store a cycle, and does either of them in a cycle.

    Loads are done in order, and so are stores. A store is done after the loads before it, a load after the stores
    before it that are to the same line. (This is total store order; RISC-V's memory model asks for less.)

    A load's result comes 2 cycles after its request at the earliest, the SRAM's latency. Its line is kept until the
    result is taken.

    Members
    -------
    load, store : In(stream)
        Always taken: whoever sends looks at `loads_waiting` and `stores_waiting`.
    store_first : In(1)
        Of the load and the store of this cycle, the store is the older one.
    loads_waiting, stores_waiting : Out
        Those that wait for the SRAM, of at most `REQUESTS` each.
    reads, writes : Out(MemoryPort)
    scalar, vector : Out(stream)
        Results of loads.
    performed : Out
        For each thread, how many of its loads and stores reach the SRAM in this cycle.
    error : Out(threads), error_address : Out
        Strobe: a load of this thread met an uncorrectable error there; its result, in the same cycle, is 0.
    line_thread : Out, line : In
        The line of the thread's remote load.
    loaded : Out(threads)
        Strobe: that line is no longer needed.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "load": In(stream.Signature(load_layout(config), always_ready=True)),
            "store": In(stream.Signature(store_layout(config), always_ready=True)),
            "store_first": In(1),
            "loads_waiting": Out(range(REQUESTS + 1)),
            "stores_waiting": Out(range(REQUESTS + 1)),
            "reads": Out(MemoryPort(config)),
            "writes": Out(MemoryPort(config)),
            "scalar": Out(stream.Signature(scalar_result_layout(config))),
            "vector": Out(stream.Signature(vector_result_layout(config))),
            "performed": Out(data.ArrayLayout(range(3), config.threads)),
            "error": Out(config.threads),
            "error_address": Out(config.line_offset_bits + config.line_bits),
            "line_thread": Out(config.thread_bits),
            "line": In(config.vector_bits),
            "loaded": Out(config.threads),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.loads = loads = AccessQueue(
            shape=load_layout(config), depth=REQUESTS, others=REQUESTS, passing=True)
        m.submodules.stores = stores = AccessQueue(
            shape=store_layout(config), depth=REQUESTS, others=REQUESTS, passing=False)
        m.submodules.pending = pending = Queue(shape=load_layout(config), depth=LOADS)
        m.submodules.lines = lines = PassingQueue(
            shape=data.StructLayout({"line": config.vector_bits, "error": 1}), depth=LOADS)

        # What must not be overtaken.
        line = self.load.payload.line
        same = Cat(stores.lines[place] == line for place in range(REQUESTS))
        meets = self.store_first & (self.store.payload.line == line)
        wiring.connect(m, wiring.flipped(self.load), loads.i)
        wiring.connect(m, wiring.flipped(self.store), stores.i)
        m.d.comb += [
            loads.after.eq((stores.held & same) | Mux(meets, stores.enters, 0)),
            stores.after.eq(loads.held | Mux(self.store_first, 0, loads.enters)),
            loads.left.eq(stores.leaves),
            stores.left.eq(loads.leaves),
            self.loads_waiting.eq(loads.level),
            self.stores_waiting.eq(stores.level),
        ]

        # To the SRAM: loads while their lines have room.
        read, write, load, store = self.reads.request, self.writes.request, loads.o.payload, stores.o.payload
        m.d.comb += [
            read.valid.eq(loads.o.valid & pending.i.ready & ~load.remote),
            read.payload.line.eq(load.line),
            read.payload.mask.eq(load.mask),
            loads.o.ready.eq(pending.i.ready & (load.remote | read.ready)),
            pending.i.valid.eq(loads.o.valid & (load.remote | read.ready)),
            pending.i.payload.eq(load),
            write.valid.eq(stores.o.valid),
            write.payload.write.eq(1),
            write.payload.line.eq(store.line),
            write.payload.mask.eq(store.mask),
            write.payload.data.eq(store.data),
            stores.o.ready.eq(write.ready),
            lines.i.valid.eq(self.reads.response.valid),
            lines.i.payload.line.eq(Mux(self.reads.error, 0, self.reads.response.payload)),
            lines.i.payload.error.eq(self.reads.error),
            *(count.eq((read.valid & read.ready & (load.thread == thread))
                       + (write.valid & write.ready & (store.thread == thread)))
              for thread, count in enumerate(self.performed)),
        ]

        # To the registers: cut the piece out of the line and extend it.
        load = pending.o.payload
        here, line = Signal(), Signal(config.vector_bits)
        piece, extended = Signal(64), Signal(64)
        m.d.comb += [
            here.eq(Mux(load.remote, pending.o.valid, lines.o.valid)),
            line.eq(Mux(load.remote, self.line, lines.o.payload.line)),
            self.line_thread.eq(load.thread),
            piece.eq(line >> (load.offset << 3)),
            extended.eq(piece),
        ]
        for log_size in range(3):
            bits = 8 << log_size
            with m.If(load.function[:2] == log_size):
                sign = piece[bits - 1] & ~load.function[2]
                m.d.comb += extended.eq(Cat(piece[:bits], sign.replicate(64 - bits)))
        done = Signal()
        m.d.comb += [
            self.scalar.valid.eq(here & ~is_vector(load.function)),
            self.scalar.payload.thread.eq(load.thread),
            self.scalar.payload.destination.eq(load.destination),
            self.scalar.payload.data.eq(extended),
            self.vector.valid.eq(here & is_vector(load.function)),
            self.vector.payload.thread.eq(load.thread),
            self.vector.payload.destination.eq(load.destination),
            self.vector.payload.data.eq(Cat(
                Mux(wanted, line.word_select(byte, 8), 0) for byte, wanted in enumerate(load.mask))),
            done.eq((self.scalar.valid & self.scalar.ready) | (self.vector.valid & self.vector.ready)),
            lines.o.ready.eq(done & ~load.remote),
            pending.o.ready.eq(done),
            self.error.eq((lines.o.ready & lines.o.payload.error & load.mask.any()) << load.thread),
            self.error_address.eq(Cat(load.offset, load.line)),
            self.loaded.eq((done & load.remote) << load.thread),
        ]
        return m
