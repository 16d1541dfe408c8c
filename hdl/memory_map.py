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
    reserved: bytes = b""

    _FIELDS = struct.Struct("<QQIIIIHH")

    @classmethod
    def size(cls, config: Config) -> int:
        """Bytes of a descriptor, which are whole lines."""
        return ceil(48 / config.vector_bytes) * config.vector_bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        source, destination, lines, rows, source_stride, destination_stride, signal, done = \
            cls._FIELDS.unpack_from(data)
        return cls(source=source, destination=destination, lines=lines, rows=rows, source_stride=source_stride,
                   destination_stride=destination_stride, signal=signal, done=done,
                   reserved=data[cls._FIELDS.size:])

    def to_bytes(self, config: Config) -> bytes:
        """The descriptor as it lies in the SRAM."""
        fields = self._FIELDS.pack(self.source, self.destination, self.lines, self.rows, self.source_stride,
                                   self.destination_stride, self.signal, self.done)
        return (fields + self.reserved).ljust(self.size(config), b"\0")
