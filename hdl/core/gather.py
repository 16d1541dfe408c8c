"""The gather engine: words from anywhere in the SRAM to the lanes of a vector register, and back; padded loads."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import SRAM_BASE, Config, bits_for_count
from ..isa import Cause
from ..mem.port import MemoryPort
from ..queue import Queue
from .layouts import FAILURE, TILE, offset_bits
from .lsu import is_store
from .slot import outside
from .tile import Tile

#: Bytes of a lane.
WORD = 4

#: Reads on their way through the SRAM.
READS = 4


def request_layout(config: Config) -> data.StructLayout:
    """An access for each lane whose first byte's bit of `mask` is set.

    Lane i is at `base` + lane i of `offsets`, or at `base` + i x `stride`. `data` is what a scatter stores. Of a padded
    load `stride` has the place, see `hdl.core.tile.Tile`.
    """
    return data.StructLayout({
        "thread": config.thread_bits,
        "function": isa.Gather,
        "mask": config.vector_bytes,
        "base": 64,
        "stride": 64,
        "tile": TILE,
        "offsets": config.vector_bits,
        "data": config.vector_bits,
    })


def answer_layout(config: Config) -> data.StructLayout:
    """The gathered register, or ``failed``: a lane could not be accessed."""
    return data.StructLayout({"thread": config.thread_bits, "failed": 1, "line": config.vector_bits})


class Gather(wiring.Component):
    """Carries out one request at a time, a lane each cycle if the SRAM takes it; a padded load reads up to two lines.

    The answer comes when all lanes have been done: after a cycle for each lane and 4 more, if the SRAM does not let it
    wait, and 2 more of a padded load. Between an answer and the next request nothing changes, so that the clock may
    stop. The first lane, in their order, that is outside the SRAM, crosses a line or reads an uncorrectable word fails,
    no lane behind it stores; the same holds for lines.

    Members
    -------
    request : In(stream of request_layout(config))
    memory : Out(MemoryPort)
    answer : Out(stream of answer_layout(config))
    failures : Out
        Each thread's last failure.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "request": In(stream.Signature(request_layout(config))),
            "memory": Out(MemoryPort(config)),
            "answer": Out(stream.Signature(answer_layout(config))),
            "failures": Out(data.ArrayLayout(FAILURE, config.threads)),
        })

    def elaborate(self, platform):
        m = Module()
        config, port = self.config, self.memory.request
        lane_bits, place_bits = bits_for_count(config.lanes), config.line_offset_bits
        at_work, failed, wrong = Signal(), Signal(), Signal()
        held = Signal(request_layout(config), reset_less=True)
        failure = Signal(FAILURE, reset_less=True)
        store, padded = is_store(held.function), held.function == isa.Gather.PADDED
        m.submodules.tile = tile = Tile(config=config)
        m.d.comb += [
            tile.shape.eq(held.tile),
            tile.base.eq(held.base),
            tile.place.eq(held.stride),
            tile.mask.eq(held.mask),
        ]

        # Addresses, a lane or a line after the other. Strides are added up, wanted or not.
        following, distance = Signal(range(config.lanes + 1)), Signal(64, reset_less=True)
        waits, lane, address = Signal(), Signal(lane_bits), Signal(64, reset_less=True)
        strided = held.function.matches(isa.Gather.STRIDED, isa.Gather.STRIDED_STORE)
        takes, more, prepared = Signal(), Signal(), Signal(2)
        m.d.comb += [
            self.request.ready.eq(~at_work),
            more.eq((following != Mux(padded, 2, config.lanes)) & ~failed),
        ]
        with m.If(at_work & more & (~waits | takes) & (prepared[1] | ~padded)):
            m.d.sync += [
                following.eq(following + 1),
                distance.eq(distance + held.stride),
                waits.eq(Mux(padded, tile.wanted.word_select(following[0], config.vector_bytes).any(),
                             held.mask.bit_select(following << 2, 1))),
                lane.eq(following),
                address.eq(Mux(padded, tile.lines[following[0]], held.base + Mux(
                    strided, distance, held.offsets.word_select(following, 8 * WORD)))),
            ]
        with m.Elif(takes | failed):
            m.d.sync += waits.eq(0)
        register = Array(Signal(8 * WORD, name=f"word_{index}", reset_less=True) for index in range(config.lanes))
        m.d.sync += prepared.eq(Cat(1, prepared))
        with m.If(self.request.valid & self.request.ready):
            m.d.sync += [
                held.eq(self.request.payload),
                at_work.eq(1),
                failed.eq(0),
                wrong.eq(0),
                prepared.eq(0),
                following.eq(0),
                distance.eq(0),
                *(kept.eq(0) for kept in register),
            ]

        # The access to the one that waits.
        m.submodules.reads = reads = Queue(
            shape=data.StructLayout({"lane": lane_bits, "offset": offset_bits(config)}), depth=READS)
        beyond, crosses = Signal(), Signal()
        word, turned = Signal(8 * WORD), Signal(8 * WORD)
        m.d.comb += [
            beyond.eq(outside(config, address, Mux(padded, config.vector_bytes, WORD))),
            crosses.eq(~padded & (address[:place_bits] > config.vector_bytes - WORD)),
            port.valid.eq(waits & ~beyond & ~crosses & ~failed & (store | reads.i.ready)),
            takes.eq(port.valid & port.ready),
            word.eq(held.data.word_select(lane, 8 * WORD)),
            turned.eq((Cat(word, word) << (address[:2] << 3))[8 * WORD:]),
            port.payload.line.eq(address[place_bits:]),
            port.payload.write.eq(store),
            port.payload.mask.eq(Mux(padded, tile.wanted.word_select(lane[0], config.vector_bytes),
                                     ((1 << WORD) - 1) << address[:place_bits])),
            port.payload.data.eq(turned.replicate(config.lanes)),
            reads.i.valid.eq(takes & ~store),
            reads.i.payload.lane.eq(lane),
            reads.i.payload.offset.eq(address),
        ]
        with m.If(waits & (beyond | crosses) & ~failed):
            m.d.sync += [
                failed.eq(1),
                failure.address.eq(address),
                failure.cause.eq(Mux(
                    beyond, Mux(store, Cause.STORE_ACCESS, Cause.LOAD_ACCESS),
                    Mux(store, Cause.STORE_MISALIGNED, Cause.LOAD_MISALIGNED))),
            ]

        # What has been read. It is of a lane before the one that waits, so its error counts more.
        read = reads.o.payload
        m.d.comb += reads.o.ready.eq(self.memory.response.valid)
        with m.If(self.memory.response.valid):
            line = self.memory.response.payload
            with m.If(~padded):
                m.d.sync += register[read.lane].eq(line >> (read.offset[:place_bits] << 3))
            with m.Elif(read.lane[0]):
                m.d.sync += Cat(register).eq(line)
            with m.Else():
                m.d.sync += held.data.eq(line)
            with m.If(self.memory.error & ~wrong):
                m.d.sync += [
                    failed.eq(1),
                    wrong.eq(1),
                    failure.cause.eq(Cause.HARDWARE_ERROR),
                    failure.address.eq(SRAM_BASE + read.offset),
                ]
        # A padded load's bytes, out of two lines that follow each other.
        both, answer = Cat(held.data, *register), self.answer
        piece = (both >> (tile.offset << 3))[:config.vector_bits]
        bytes_inside = Cat(Mux(inside, piece.word_select(byte, 8), 0) for byte, inside in enumerate(tile.inside))
        m.d.comb += [
            answer.valid.eq(at_work & ~more & ~waits & (reads.level == 0)),
            answer.payload.thread.eq(held.thread),
            answer.payload.failed.eq(failed),
            answer.payload.line.eq(Mux(padded, bytes_inside, Cat(register))),
        ]
        with m.If(answer.valid & answer.ready):
            m.d.sync += [at_work.eq(0), Array(self.failures)[held.thread].eq(failure)]
        return m
