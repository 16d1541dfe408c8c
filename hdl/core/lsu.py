"""The load-store unit: aligned pieces of lines between registers and the SRAM."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from ..mem.port import MemoryPort
from ..queue import PassingQueue, Queue
from .layouts import scalar_result_layout
from .result import vector_result_layout

#: Accesses that wait for the SRAM.
REQUESTS = 4

#: Loads on their way between the SRAM and the registers; their lines are buffered, since an answer cannot be refused.
LOADS = 4


def request_layout(config: Config) -> data.StructLayout:
    """An access whose address has been checked; `address` counts from the start of the SRAM.

    A store's `data` stands in the lanes of its address. `mask` has the bytes of a vector access that count: others are
    loaded as 0 and not stored. A `remote` access is a load whose line another node has sent, or the gather engine; its
    `address` gives the place in it.
    """
    return data.StructLayout({
        "thread": config.thread_bits,
        "destination": 5,
        "function": isa.Memory,
        "remote": 1,
        "address": config.line_offset_bits + config.line_bits,
        "mask": config.vector_bytes,
        "data": config.vector_bits,
    })


def is_store(function):
    """Of a function of `isa.Memory`, as hardware."""
    return function[3]


def is_vector(function):
    """Of a function of `isa.Memory`, as hardware."""
    return function[:3] == isa.Memory.VLD


class LoadStoreUnit(wiring.Component):
    """Takes one access a cycle and performs them in order.

    A load's result comes 2 cycles after its request at the earliest: queue, SRAM. Its line is kept until the result is
    taken.

    Members
    -------
    request : In(stream), waiting : Out
        An access; those that wait for the SRAM, of at most `REQUESTS`.
    memory : Out(MemoryPort)
    scalar, vector : Out(stream)
        Results of loads.
    performed : Out(threads)
        Strobe: a load or store of this thread has reached the SRAM.
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
            "request": In(stream.Signature(request_layout(config))),
            "waiting": Out(range(REQUESTS + 1)),
            "memory": Out(MemoryPort(config)),
            "scalar": Out(stream.Signature(scalar_result_layout(config))),
            "vector": Out(stream.Signature(vector_result_layout(config))),
            "performed": Out(config.threads),
            "error": Out(config.threads),
            "error_address": Out(config.line_offset_bits + config.line_bits),
            "line_thread": Out(config.thread_bits),
            "line": In(config.vector_bits),
            "loaded": Out(config.threads),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        offset_bits = config.line_offset_bits

        m.submodules.requests = requests = Queue(shape=request_layout(config), depth=REQUESTS)
        m.submodules.pending = pending = Queue(shape=self._load_layout(), depth=LOADS)
        m.submodules.lines = lines = PassingQueue(
            shape=data.StructLayout({"line": config.vector_bits, "error": 1}), depth=LOADS)
        wiring.connect(m, wiring.flipped(self.request), requests.i)

        m.d.comb += self.waiting.eq(requests.level)

        # To the SRAM: stores at once, loads while their lines have room.
        access = requests.o.payload
        store, offset = is_store(access.function), access.address[:offset_bits]
        mask = Mux(is_vector(access.function), access.mask, ((1 << (1 << access.function[:2])) - 1) << offset)
        go = Signal()
        m.d.comb += [
            go.eq(requests.o.valid & (store | pending.i.ready)),
            self.memory.request.valid.eq(go & ~access.remote),
            self.memory.request.payload.line.eq(access.address[offset_bits:]),
            self.memory.request.payload.write.eq(store),
            self.memory.request.payload.mask.eq(mask),
            self.memory.request.payload.data.eq(access.data),
            requests.o.ready.eq(go & (access.remote | self.memory.request.ready)),
            self.performed.eq((requests.o.ready & ~access.remote) << access.thread),
            pending.i.valid.eq(requests.o.ready & ~store),
            pending.i.payload.thread.eq(access.thread),
            pending.i.payload.destination.eq(access.destination),
            pending.i.payload.function.eq(access.function),
            pending.i.payload.remote.eq(access.remote),
            pending.i.payload.address.eq(access.address),
            pending.i.payload.mask.eq(access.mask),
            lines.i.valid.eq(self.memory.response.valid),
            lines.i.payload.line.eq(Mux(self.memory.error, 0, self.memory.response.payload)),
            lines.i.payload.error.eq(self.memory.error),
        ]

        # To the registers: cut the piece out of the line and extend it.
        load = pending.o.payload
        here, line = Signal(), Signal(config.vector_bits)
        piece, extended = Signal(64), Signal(64)
        m.d.comb += [
            here.eq(Mux(load.remote, pending.o.valid, lines.o.valid)),
            line.eq(Mux(load.remote, self.line, lines.o.payload.line)),
            self.line_thread.eq(load.thread),
            piece.eq(line >> (load.address[:offset_bits] << 3)),
            extended.eq(piece),
        ]
        for log_size in range(3):
            bits = 8 << log_size
            with m.If(load.function[:2] == log_size):
                sign = piece[bits - 1] & ~load.function[2]
                m.d.comb += extended.eq(Cat(piece[:bits], sign.replicate(64 - bits)))
        done, wanted_any = Signal(), Signal()
        m.d.comb += [
            wanted_any.eq(~is_vector(load.function) | load.mask.any()),
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
            self.error.eq((lines.o.ready & lines.o.payload.error & wanted_any) << load.thread),
            self.error_address.eq(load.address),
            self.loaded.eq((done & load.remote) << load.thread),
        ]
        return m

    def _load_layout(self) -> data.StructLayout:
        return data.StructLayout({
            "thread": self.config.thread_bits,
            "destination": 5,
            "function": isa.Memory,
            "remote": 1,
            "address": self.config.line_offset_bits + self.config.line_bits,
            "mask": self.config.vector_bytes,
        })
