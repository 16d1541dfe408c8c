"""The packet: one flit, a header and a line. Its layout exists here and nowhere else.

What each operation does is in `docs/architecture.md`; hardware, testbenches and host links all use these layouts.
"""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum

from ..config import COORDINATE_BITS, Config

#: Packet latency is measured with time stamps modulo 2^10 cycles.
BORN_BITS = 10

#: Traffic classes; each has its own buffers in every router.
CLASSES = 2

#: Lines of a pull that can be under way. A node's own requests have the tag of what waits for the answer: a thread's
#: number, or PULL_TAG + a slot.
PULL_SLOTS = 32
PULL_TAG = 32


class Op(enum.Enum, shape=4):
    """What a packet asks or answers. The top bit is the traffic class."""

    READ = 0
    WRITE = 1
    ATOMIC = 2
    DATA = 8
    ACK = 9
    ERROR = 10
    PUT = 11
    SIGNAL = 12


class Coordinate(data.Struct):
    """Column and row of a node, or of the host's edge port in row 0."""

    x: unsigned(COORDINATE_BITS)
    y: unsigned(COORDINATE_BITS)


class Header(data.Struct):
    """Routing and meaning of a packet.

    ``address`` is a local address of the destination's node, ``size`` counts bytes (1 to the line), ``tag`` comes back
    in the answer, ``signal`` is 0 or 1 + a semaphore, of an ATOMIC its `hdl.isa.Atomic`, ``born`` the injection cycle
    modulo 2^10.
    """

    destination: Coordinate
    source: Coordinate
    op: Op
    tag: unsigned(6)
    size: unsigned(7)
    address: unsigned(32)
    signal: unsigned(6)
    born: unsigned(BORN_BITS)


def flit_layout(config: Config) -> data.StructLayout:
    """A header and a line."""
    return data.StructLayout({"header": Header, "payload": config.vector_bits})
