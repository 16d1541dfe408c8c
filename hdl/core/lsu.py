"""The load-store unit: pieces of lines between registers and the SRAM."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from ..mem.port import MemoryPort
from ..queue import PassingQueue, Queue
from .access_queue import AccessQueue
from .layouts import scalar_result_layout
from .line_crossing import BEYOND_BYTES, LineCrossing
from .result import vector_result_layout

#: Loads that wait for the SRAM, and as many stores.
REQUESTS = 4

#: Loads on their way between the SRAM and the registers; their lines are buffered, since an answer cannot be refused.
LOADS = 4


def load_layout(config: Config) -> data.StructLayout:
    """A load of some bytes from the `offset` in a line on; its address has been checked.

    `mask` has the bytes of the line that count: others of a vector are loaded as 0. `beyond` has those of the next
    line, to which a scalar may reach. The line of a ``remote`` load is one that another node has sent, or the gather
    engine.
    """
    return data.StructLayout({
        "thread": config.thread_bits,
        "destination": 5,
        "function": isa.Memory,
        "remote": 1,
        "line": config.line_bits,
        "offset": config.line_offset_bits,
        "mask": config.vector_bytes,
        "beyond": BEYOND_BYTES,
    })


def store_layout(config: Config) -> data.StructLayout:
    """A store of those bytes of `data` that `mask` has, and `beyond` in the next line; its address has been checked."""
    return data.StructLayout({
        "thread": config.thread_bits,
        "line": config.line_bits,
        "mask": config.vector_bytes,
        "beyond": BEYOND_BYTES,
        "data": config.vector_bits,
    })


def is_store(function):
    """Of a function of `isa.Memory`, as hardware."""
    return function[3]


def is_vector(function):
    """Of a function of `isa.Memory`, as hardware."""
    return function[:3] == isa.Memory.VLD


def bytes_of(function, offset):
    """As hardware: the bytes of its line, and of the next one, that a scalar access of `isa.Memory` is to."""
    return ((1 << (1 << function[:2])) - 1) << offset


class LoadStoreUnit(wiring.Component):
    """Takes a load and a store a cycle, and does either of them in a cycle.

    Loads are done in order, and so are stores. A store is done after the loads before it, a load after the stores
    before it that are to the same line. (This is total store order; RISC-V's memory model asks for less.)

    A load's result comes 2 cycles after its request at the earliest, the SRAM's latency. Its line is kept until the
    result is taken. The request does not wait for what is known late: that the load is none, or must wait for a store,
    or that its line is not the SRAM's but a remote one. The line that comes is forgotten then.

    What reaches into the next line is done in two cycles, that line last, and each half waits for what either has to
    wait for. Others may see one half without the other.

    Members
    -------
    load, store : In(stream)
        Always taken: whoever sends looks at `loads_waiting` and `stores_waiting`.
    void : In(1)
        The load is none. This is known late.
    store_first : In(1)
        Of the load and the store of this cycle, the store is the older one.
    loads_waiting, stores_waiting : Out
        Those that wait for the SRAM, of at most `REQUESTS` each.
    reads, writes : Out(MemoryPort)
    may_read : Out(1)
        There may be a read in this cycle, said by registers.
    scalar, vector : Out(stream)
        Results of loads.
    performed : Out
        For each thread, how many of its loads and stores have reached the SRAM in the last cycle.
    error : Out(threads), error_address : Out
        Strobe: the load of this thread from there met an uncorrectable error; its result, in the same cycle, is 0.
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
            "void": In(1),
            "store_first": In(1),
            "loads_waiting": Out(range(REQUESTS + 1)),
            "stores_waiting": Out(range(REQUESTS + 1)),
            "reads": Out(MemoryPort(config)),
            "writes": Out(MemoryPort(config)),
            "may_read": Out(1),
            "scalar": Out(stream.Signature(scalar_result_layout(config))),
            "vector": Out(stream.Signature(vector_result_layout(config))),
            "performed": Out(data.ArrayLayout(range(3), config.threads)),
            "error": Out(config.threads),
            "error_address": Out(config.line_offset_bits + config.line_bits),
            "line_thread": Out(config.thread_bits),
            "line": In(config.vector_bits),
            "loaded": Out(config.threads),
        })
        #: The line of this cycle's read will be forgotten.
        self.dropped = Signal()

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.loads = loads = AccessQueue(
            shape=load_layout(config), depth=REQUESTS, others=REQUESTS, passing=True)
        m.submodules.stores = stores = AccessQueue(
            shape=store_layout(config), depth=REQUESTS, others=REQUESTS, passing=False)
        m.submodules.load_halves = load_halves = LineCrossing(shape=load_layout(config))
        m.submodules.store_halves = store_halves = LineCrossing(shape=store_layout(config))
        m.submodules.pending = pending = Queue(
            shape=data.StructLayout({"load": load_layout(config), "more": 1, "rest": 1, "void": 1}), depth=LOADS,
            early=True)
        m.submodules.lines = lines = PassingQueue(
            shape=data.StructLayout({"line": config.vector_bits, "error": 1}), depth=LOADS)

        # What must not be overtaken: accesses to the same line, or those that reach into the next one.
        line, reaches = self.load.payload.line, self.load.payload.beyond.any()
        same = Cat(stores.lines[place] == line for place in range(REQUESTS)) | stores.reaching | reaches.replicate(
            REQUESTS)
        meets = self.store_first & (
            (self.store.payload.line == line) | self.store.payload.beyond.any() | reaches)
        wiring.connect(m, wiring.flipped(self.load), loads.i)
        wiring.connect(m, wiring.flipped(self.store), stores.i)
        m.d.comb += [
            loads.after.eq((stores.held & same) | Mux(meets, stores.enters, 0)),
            loads.blocked.eq((stores.held & same).any() | meets),
            loads.void.eq(self.void),
            stores.after.eq(loads.held | Mux(self.store_first, 0, loads.enters)),
            loads.left.eq(stores.leaves),
            stores.left.eq(loads.leaves),
            self.loads_waiting.eq(loads.level),
            self.stores_waiting.eq(stores.level),
        ]

        # To the SRAM: loads while their lines have room.
        wiring.connect(m, loads.o, load_halves.i)
        wiring.connect(m, stores.o, store_halves.i)
        read, write, load, store = (
            self.reads.request, self.writes.request, load_halves.o.payload, store_halves.o.payload)
        m.d.comb += [
            self.may_read.eq((self.load.valid | (loads.level != 0)) & pending.i.ready),
            read.valid.eq(load_halves.o.valid & pending.i.ready),
            read.payload.line.eq(load.line),
            read.payload.mask.eq(load.mask),
            load_halves.o.ready.eq(pending.i.ready & read.ready),
            pending.i.valid.eq(load_halves.o.valid & read.ready),
            pending.i.payload.load.eq(loads.o.payload),
            pending.i.payload.more.eq(load_halves.more),
            pending.i.payload.rest.eq(load_halves.rest),
            self.dropped.eq(loads.dropped),
            pending.i.payload.void.eq(loads.dropped),
            load_halves.void.eq(loads.dropped),
            write.valid.eq(store_halves.o.valid),
            write.payload.write.eq(1),
            write.payload.line.eq(store.line),
            write.payload.mask.eq(store.mask),
            write.payload.data.eq(store.data),
            store_halves.o.ready.eq(write.ready),
            lines.i.valid.eq(self.reads.response.valid),
            lines.i.payload.line.eq(self.reads.response.payload),
            lines.i.payload.error.eq(self.reads.error),
        ]
        loaded = read.valid & read.ready & ~load_halves.more & ~loads.dropped & ~load.remote
        stored = write.valid & write.ready & ~store_halves.more
        for thread, count in enumerate(self.performed):
            m.d.sync += count.eq((loaded & (load.thread == thread)) + (stored & (store.thread == thread)))

        # To the registers: cut the piece out of the line, or out of two, and extend it.
        load, more, rest, void = (pending.o.payload[name] for name in ("load", "more", "rest", "void"))
        here, line, wrong = Signal(), Signal(config.vector_bits), Signal()
        piece, extended = Signal(64), Signal(64)
        first = Signal(data.StructLayout({"piece": 64, "wrong": 1}), reset_less=True)  # of two
        m.d.comb += [
            here.eq(lines.o.valid),
            line.eq(Mux(load.remote, self.line, lines.o.payload.line)),
            self.line_thread.eq(load.thread),
            wrong.eq((~load.remote & lines.o.payload.error & load.mask.any()) | (rest & first.wrong)),
            piece.eq(line >> (load.offset << 3)),
        ]
        with m.If(here & more):
            m.d.sync += [first.piece.eq(piece), first.wrong.eq(wrong)]
        with m.If(rest):
            below = (8 - load.offset[:3])[:3] << 3
            m.d.comb += piece.eq(first.piece | (line[:8 * BEYOND_BYTES] << below))
        m.d.comb += extended.eq(piece)
        for log_size in range(3):
            bits = 8 << log_size
            with m.If(load.function[:2] == log_size):
                sign = piece[bits - 1] & ~load.function[2]
                m.d.comb += extended.eq(Cat(piece[:bits], sign.replicate(64 - bits)))
        done, gives = Signal(), here & ~more & ~void
        m.d.comb += [  # that something is wrong with a line is known last
            self.scalar.valid.eq(gives & ~is_vector(load.function)),
            self.scalar.payload.thread.eq(load.thread),
            self.scalar.payload.destination.eq(load.destination),
            self.scalar.payload.data.eq(Mux(wrong, 0, extended)),
            self.vector.valid.eq(gives & is_vector(load.function)),
            self.vector.payload.thread.eq(load.thread),
            self.vector.payload.destination.eq(load.destination),
            self.vector.payload.data.eq(Cat(
                Mux(wanted & ~wrong, line.word_select(byte, 8), 0) for byte, wanted in enumerate(load.mask))),
            done.eq((self.scalar.valid & self.scalar.ready) | (self.vector.valid & self.vector.ready)
                    | (here & (more | void))),
            lines.o.ready.eq(done),
            pending.o.ready.eq(done),
            self.error.eq((done & gives & wrong) << load.thread),
            self.error_address.eq(Cat(load.offset, load.line)),
            self.loaded.eq((done & load.remote & ~void) << load.thread),
        ]
        return m
