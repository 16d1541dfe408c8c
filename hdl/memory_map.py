"""Where things are in a node, as docs/architecture.md says: control registers and the list descriptor."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from math import ceil
from typing import Self

from .config import Config

#: The control region starts here and is 2^CONTROL_BITS bytes long; a register is 8 of them.
CONTROL_BASE = 0x0200_0000
CONTROL_BITS = 15
REGISTER_BYTES = 8

#: Where the blocks of the threads, one after the other, and that of the node start in it.
THREAD_BLOCK = 0x40
NODE_BLOCK = 0x1000

#: The routing table: 4 bits for each destination, a `hdl.noc.routing.Side`, 16 columns of a row in a register, and room
#: for 8 registers in each row.
ROUTE_BLOCK = 0x4000
ROUTE_BITS = 4
ROUTES_PER_REGISTER = 64 // ROUTE_BITS
ROUTE_ROW_BYTES = 8 * REGISTER_BYTES


class State(IntEnum):
    """Values of a thread's STATE register."""

    HALTED = 0
    RUNNING = 1
    WAITING = 2
    TRAPPED = 3


class ThreadRegister(IntEnum):
    """Offsets in a thread's block."""

    PC = 0x00
    STATE = 0x08
    CAUSE = 0x10
    EPC = 0x18
    TVAL = 0x20
    INSTRET = 0x28
    DATA = 0x30
    INSTRUCTION = 0x38


#: Registers that say how a thread is.
STATUS = (ThreadRegister.PC, ThreadRegister.STATE, ThreadRegister.CAUSE, ThreadRegister.EPC, ThreadRegister.TVAL,
          ThreadRegister.INSTRET)


class Command(IntEnum):
    """What can be written to a thread's STATE register."""

    HALT = 0
    START = 1
    STEP = 2


class NodeRegister(IntEnum):
    """Offsets in the node's block."""

    CYCLES = 0x00
    MATRIX_STEPS = 0x08
    VECTOR_OPS = 0x10
    PACKETS_IN = 0x18
    LATENCY_SUM = 0x20
    ERRORS = 0x28
    FIRST_ERROR = 0x30
    FLITS_NORTH = 0x38
    FLITS_SOUTH = 0x40
    FLITS_EAST = 0x48
    FLITS_WEST = 0x50
    FLITS_LOCAL = 0x58
    BUSY_CYCLES = 0x60
    STALL_CYCLES = 0x68
    STALLS_NORTH = 0x70
    STALLS_SOUTH = 0x78
    STALLS_EAST = 0x80
    STALLS_WEST = 0x88
    STALLS_LOCAL = 0x90
    REFUSED_NORTH = 0x98
    REFUSED_SOUTH = 0xA0
    REFUSED_EAST = 0xA8
    REFUSED_WEST = 0xB0
    REFUSED_LOCAL = 0xB8
    ROUTING = 0xC0
    SRAM_CORRECTED = 0x100
    SRAM_UNCORRECTABLE = 0x108
    SRAM_FIRST_CORRECTED = 0x110
    SRAM_FIRST_UNCORRECTABLE = 0x118
    SRAM_SCRUB = 0x120
    SRAM_INJECT = 0x128
    INSTRUCTIONS = 0x130
    INTEGER_OPS = 0x138
    MULDIV_OPS = 0x140
    LOADS = 0x148
    STORES = 0x150
    BRANCHES = 0x158
    MISPREDICTIONS = 0x160
    FETCH_MISSES = 0x168
    SRAM_WAITS_FETCH = 0x170
    SRAM_WAITS_CORE = 0x178
    SRAM_WAITS_MESH = 0x180


class RoutingMode(IntEnum):
    """Values of the node's ROUTING register."""

    X_FIRST = 0
    TABLE = 1


class ErrorCode(IntEnum):
    """Why a packet or a list descriptor was refused; 0 if it was not."""

    NONE = 0
    OP = 1
    ADDRESS = 2
    SIZE = 3
    DESTINATION = 4
    SEMAPHORE = 5
    OVERFLOW = 6
    DESCRIPTOR = 7
    CHAIN = 8
    MEMORY = 9

    @classmethod
    def report(cls, first_error: int) -> str:
        """The FIRST_ERROR register, or the payload of an ERROR packet, in words."""
        return f"{cls(first_error & 15).name} at {first_error >> 32 & 0xFFFF_FFFF:#x}"


#: Most descriptors of a chain of lists.
CHAIN_LIMIT = 256

#: The fields of a list descriptor in their order, and their bits; docs/architecture.md says what they mean.
DESCRIPTOR_FIELDS = {
    "source": 64, "destination": 64, "lines": 32, "rows": 32, "source_stride": 32, "destination_stride": 32,
    "signal": 16, "done": 16, "more_columns": 16, "more_rows": 16, "next": 32, "gather": 32,
}
DESCRIPTOR_BYTES = sum(DESCRIPTOR_FIELDS.values()) // 8

#: Bytes of a number of a `gather`.
GATHER_BYTES = 4


def descriptor_lines(config: Config) -> int:
    """Lines that a descriptor takes."""
    return ceil(DESCRIPTOR_BYTES / config.vector_bytes)


def thread_register(thread: int, register: ThreadRegister) -> int:
    """Local address of a register of a thread."""
    return CONTROL_BASE + THREAD_BLOCK * thread + register


def node_register(register: NodeRegister) -> int:
    """Local address of a register of the node."""
    return CONTROL_BASE + NODE_BLOCK + register


def route_register(*, x: int, y: int) -> int:
    """Local address of the register with the route to (x, y)."""
    return CONTROL_BASE + ROUTE_BLOCK + ROUTE_ROW_BYTES * y + REGISTER_BYTES * (x // ROUTES_PER_REGISTER)


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """A list descriptor; the fields are docs/architecture.md's. `reserved` is what the reserved bytes hold."""

    source: int
    destination: int
    lines: int = 1
    rows: int = 1
    source_stride: int = 0
    destination_stride: int = 0
    signal: int = 0
    done: int = 0
    more_columns: int = 0
    more_rows: int = 0
    next: int = 0
    gather: int = 0
    reserved: bytes = b""

    _FIELDS = struct.Struct("<" + "".join({16: "H", 32: "I", 64: "Q"}[bits] for bits in DESCRIPTOR_FIELDS.values()))

    @classmethod
    def size(cls, config: Config) -> int:
        """Bytes of a descriptor, which are whole lines."""
        return descriptor_lines(config) * config.vector_bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        values = dict(zip(DESCRIPTOR_FIELDS, cls._FIELDS.unpack_from(data), strict=True))
        return cls(**values, reserved=data[DESCRIPTOR_BYTES:])

    def to_bytes(self, config: Config) -> bytes:
        """The descriptor as it lies in the SRAM."""
        fields = self._FIELDS.pack(*(getattr(self, name) for name in DESCRIPTOR_FIELDS))
        return (fields + self.reserved).ljust(self.size(config), b"\0")
