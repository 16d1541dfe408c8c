"""Where the data of a frame wait, in block RAM."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import bits_for_count

from .frame import CRC_BYTES, MAX_DATA

#: Bytes, and bits of an index. The CRC behind the data may be in it, too.
BYTES = MAX_DATA + CRC_BYTES
INDEX_BITS = bits_for_count(BYTES)

#: Reading, seen from the reader: `byte` is that at the `index` of the cycle before.
Reader = wiring.Signature({"index": Out(INDEX_BITS), "byte": In(8)})

#: Writing, seen from the writer.
Writer = wiring.Signature({"index": Out(INDEX_BITS), "byte": Out(8), "enable": Out(1)})


class FrameBuffer(wiring.Component):
    """Bytes that one side writes and the other reads.

    Members
    -------
    write : In(Writer), read : In(Reader)
    """

    def __init__(self):
        super().__init__({"write": In(Writer), "read": In(Reader)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=unsigned(8), depth=BYTES, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(self.write.index),
            write.data.eq(self.write.byte),
            write.en.eq(self.write.enable),
            read.addr.eq(self.read.index),
            self.read.byte.eq(read.data),
        ]
        return m
