"""The list engines of the golden model, from docs/architecture.md."""

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from hdl.config import ADDRESS_BITS, GLOBAL_FLAG, SRAM_BASE
from hdl.memory_map import CHAIN_LIMIT, GATHER_BYTES, Descriptor, ErrorCode

if TYPE_CHECKING:
    from .machine import Node

M32 = (1 << 32) - 1


class Refused(Exception):
    """A list breaks a rule."""

    def __init__(self, code: ErrorCode, address: int):
        super().__init__(code, address)
        self.code = code
        self.address = address


def carry_out(node: "Node", address: int, *, pull: bool) -> None:
    """Carry out a chain of lists of a node.

    Parameters
    ----------
    address : int
        Of the first descriptor, which is whole lines of the node's SRAM.
    pull : bool
        Fetch lines from other nodes instead of sending them there.
    """
    try:
        for _ in range(CHAIN_LIMIT):
            start = address - SRAM_BASE
            _read(node, address, Descriptor.size(node.config))
            descriptor = Descriptor.from_bytes(bytes(node.sram[start:start + Descriptor.size(node.config)]))
            try:
                _carry_out(node, descriptor, address, pull)
            finally:
                if 0 < descriptor.done <= node.config.semaphores:
                    node.post(descriptor.done - 1)
            if pull and descriptor.signal:
                node.post(descriptor.signal - 1)
            if not descriptor.next:
                return
            address = descriptor.next
            if address % node.config.vector_bytes or not node.holds(address, Descriptor.size(node.config)):
                raise Refused(ErrorCode.ADDRESS, address)
        raise Refused(ErrorCode.CHAIN, address)
    except Refused as refused:
        node.error(refused.code, refused.address)


def _carry_out(node: "Node", descriptor: Descriptor, address: int, pull: bool) -> None:
    """One list; what is at this node is near, what is at the other far."""
    _check(node, descriptor, address, pull)
    size = node.config.vector_bytes
    far, near = (descriptor.source, descriptor.destination) if pull else (descriptor.destination, descriptor.source)
    first = (far >> 32 & 0xFF, far >> 40 & 0xFF) if far & GLOBAL_FLAG else (node.x, node.y)
    spread = list(product(range(descriptor.more_rows + 1), range(descriptor.more_columns + 1)))
    lost = False
    for source, destination, last in _lines(node, descriptor):
        far_line, near_line = (source, destination) if pull else (destination, source)
        for south, east in spread:
            other = _node(node, far, far_line, (first[0] + east, first[1] + south))
            if near >> 32 or not node.holds(near_line, size):
                raise Refused(ErrorCode.ADDRESS, near_line)
            if (far >> 32 and not far & GLOBAL_FLAG) or not other.holds(far_line, size):
                raise Refused(ErrorCode.ADDRESS, far_line)
            sender, receiver = (other, node) if pull else (node, other)
            if sender.is_wrong(source - SRAM_BASE, size):
                sender.error(ErrorCode.MEMORY, source)
                if pull:
                    raise Refused(ErrorCode.MEMORY, source)
                lost = True
                continue
            receiver.store(destination - SRAM_BASE, bytes(sender.sram[source - SRAM_BASE:source - SRAM_BASE + size]))
            if last and not pull and not lost and descriptor.signal:
                other.post(descriptor.signal - 1)


def _read(node: "Node", address: int, size: int) -> None:
    """What a list engine reads for itself, lines as a whole: none may have an uncorrectable error."""
    line = node.config.vector_bytes
    for at in range(address, address + size, line):
        if node.is_wrong(at - SRAM_BASE, line):
            raise Refused(ErrorCode.MEMORY, at)


def _check(node: "Node", descriptor: Descriptor, address: int, pull: bool) -> None:
    """What is checked before the first line."""
    aligned = (descriptor.source, descriptor.destination, descriptor.source_stride, descriptor.destination_stride)
    broadcasts = descriptor.more_columns or descriptor.more_rows
    if any(descriptor.reserved) or not descriptor.lines or not descriptor.rows or descriptor.gather % GATHER_BYTES \
            or any(value % node.config.vector_bytes for value in aligned) \
            or (broadcasts and (pull or not descriptor.destination & GLOBAL_FLAG)):
        raise Refused(ErrorCode.DESCRIPTOR, address)
    if max(descriptor.signal, descriptor.done) > node.config.semaphores:
        raise Refused(ErrorCode.SEMAPHORE, address)


def _lines(node: "Node", descriptor: Descriptor) -> Iterator[tuple[int, int, bool]]:
    """Local addresses of each line, modulo 2^32, at its source and its destination, and whether it is the last."""
    size = node.config.vector_bytes
    for row in range(descriptor.rows):
        offset = row * descriptor.source_stride
        if descriptor.gather:
            at = descriptor.gather + GATHER_BYTES * row & M32
            if not node.holds(at, GATHER_BYTES):
                raise Refused(ErrorCode.ADDRESS, at)
            _read(node, at // size * size, size)
            offset = size * int.from_bytes(node.sram[at - SRAM_BASE:at - SRAM_BASE + GATHER_BYTES], "little")
        for line in range(descriptor.lines):
            yield (descriptor.source + offset + line * size & M32,
                   descriptor.destination + row * descriptor.destination_stride + line * size & M32,
                   row == descriptor.rows - 1 and line == descriptor.lines - 1)


def _node(node: "Node", far: int, line: int, coordinates: tuple[int, int]) -> "Node":
    """The node that a flat address means."""
    if far >> ADDRESS_BITS:
        raise Refused(ErrorCode.ADDRESS, line)
    if not far & GLOBAL_FLAG:
        return node
    if coordinates not in node.mesh.nodes:
        raise Refused(ErrorCode.DESTINATION, line)
    return node.mesh.nodes[coordinates]
