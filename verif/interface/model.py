"""What a network interface has to do, from docs/architecture.md; knows nothing of time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from hdl.config import GLOBAL_FLAG, SRAM_BASE, Config
from hdl.isa import Atomic
from hdl.memory_map import CHAIN_LIMIT, CONTROL_BASE, CONTROL_BITS, Descriptor, ErrorCode
from hdl.noc.packet import Op
from sim.atomic import atomic
from verif.noc import Packet

ANSWERS = (Op.DATA.value, Op.ACK.value, Op.ERROR.value)


@dataclass(frozen=True)
class Refusal:
    """An error and the address it names."""

    code: ErrorCode
    address: int

    @property
    def word(self) -> int:
        """Payload of an ERROR packet, and FIRST_ERROR."""
        return self.code.value | (self.address & 0xFFFF_FFFF) << 32


class Unsent(Refusal):
    """A line of a push that cannot be read. The list goes on without it, and without its signal."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """A line of a list: from the source to the destination, of which one is local and the other the node's."""

    node: tuple[int, int]
    source: int
    destination: int
    signal: int


@dataclass(frozen=True)
class Post:
    """A semaphore of this node to post at the end of a list."""

    semaphore: int
    is_signal: bool = False


class Node:
    """SRAM and control registers of a node, and what packets and lists do to them.

    `awaits` says whether the node waits for an answer with a tag.
    """

    def __init__(self, config: Config, position: tuple[int, int], awaits: Callable[[int], bool] = lambda tag: False):
        self.config = config
        self.position = position
        self.awaits = awaits
        self.sram = bytearray(config.sram_bytes)
        self.registers: dict[int, int] = {}
        self.wrong: set[int] = set()  # addresses of lines that cannot be read

    def in_sram(self, address: int) -> bool:
        return SRAM_BASE <= address < SRAM_BASE + len(self.sram)

    def refusal(self, packet: Packet) -> Refusal | None:
        """Why a packet cannot be served."""
        line = self.config.vector_bytes
        is_atomic = packet.op == Op.ATOMIC.value and packet.signal in set(Atomic)
        accesses = is_atomic or packet.op in (Op.READ.value, Op.WRITE.value, Op.PUT.value)
        answers = packet.op in ANSWERS and self.awaits(packet.tag)
        in_control = not is_atomic and packet.address >> CONTROL_BITS == CONTROL_BASE >> CONTROL_BITS
        posts = packet.op == Op.SIGNAL.value or (packet.op == Op.PUT.value and packet.signal)
        if not accesses and packet.op != Op.SIGNAL.value and not answers:
            code = ErrorCode.OP
        elif accesses and not self.in_sram(packet.address) and not in_control:
            code = ErrorCode.ADDRESS
        elif accesses and (not 1 <= packet.size <= line - packet.address % line
                           or (in_control and (packet.size, packet.address % 8) != (8, 0))
                           or (is_atomic and (packet.size not in (4, 8) or packet.address % packet.size))):
            code = ErrorCode.SIZE
        elif packet.destination != self.position:
            code = ErrorCode.DESTINATION
        elif posts and not 1 <= packet.signal <= self.config.semaphores:
            code = ErrorCode.SEMAPHORE
        else:
            return None
        return Refusal(code, packet.address)

    def unread(self, packet: Packet) -> Refusal | None:
        """Why a good READ gets no data."""
        line = packet.address // self.config.vector_bytes * self.config.vector_bytes
        return Refusal(ErrorCode.MEMORY, line) if packet.op == Op.READ.value and line in self.wrong else None

    def lanes(self, packet: Packet) -> int:
        """Which bits of the payload a packet means."""
        return (1 << 8 * packet.size) - 1 << packet.address % self.config.vector_bytes * 8

    def write(self, packet: Packet) -> None:
        """The write of a good WRITE or PUT."""
        lane = packet.address % self.config.vector_bytes
        data = (packet.payload >> lane * 8).to_bytes(self.config.vector_bytes, "little")[:packet.size]
        if self.in_sram(packet.address):
            start = packet.address - SRAM_BASE
            self.sram[start:start + packet.size] = data
        else:
            self.registers[packet.address - CONTROL_BASE] = int.from_bytes(data, "little")

    def answer(self, packet: Packet) -> Packet:
        """Serve a request."""
        reply = Packet(op=Op.ERROR.value, destination=packet.source, source=self.position, tag=packet.tag,
                       size=packet.size, address=packet.address)
        if refusal := self.refusal(packet):
            return reply.but(payload=refusal.word)
        if packet.op == Op.WRITE.value:
            self.write(packet)
            return reply.but(op=Op.ACK.value)
        if packet.op == Op.ATOMIC.value:
            old, _ = self.atomic(packet)
            self.write(self.atomic_write(packet))
            return reply.but(op=Op.DATA.value, payload=self._everywhere(old, packet.size))
        if refusal := self.unread(packet):
            return reply.but(payload=refusal.word)
        if self.in_sram(packet.address):
            start = packet.address - SRAM_BASE
            data = int.from_bytes(self.sram[start:start + packet.size], "little")
        else:
            data = self.registers.get(packet.address - CONTROL_BASE, 0)
        return reply.but(op=Op.DATA.value, payload=data << packet.address % self.config.vector_bytes * 8)

    def atomic(self, packet: Packet) -> tuple[int, int]:
        """The old and the new value of a good ATOMIC."""
        start = packet.address - SRAM_BASE
        old = int.from_bytes(self.sram[start:start + packet.size], "little")
        operands = packet.payload & (1 << 64) - 1, packet.payload >> 64 & (1 << 64) - 1
        return old, atomic(Atomic(packet.signal), 8 * packet.size, old, *operands)

    def atomic_write(self, packet: Packet) -> Packet:
        """The write that a good ATOMIC does."""
        _, new = self.atomic(packet)
        return packet.but(op=Op.WRITE.value, payload=new << packet.address % self.config.vector_bytes * 8)

    def _everywhere(self, value: int, size: int) -> int:
        return int.from_bytes(value.to_bytes(size, "little") * (self.config.vector_bytes // size), "little")

    # Lists

    def chain(self, address: int, *, pull: bool) -> Iterator[Move | Refusal | Post]:
        """What happens when a list is pushed, or pulled: lines, then what is posted at this node."""
        for _ in range(CHAIN_LIMIT):
            start, end = address - SRAM_BASE, address - SRAM_BASE + Descriptor.size(self.config)
            if wrong := self.wrong.intersection(range(address, SRAM_BASE + end)):
                yield Refusal(ErrorCode.MEMORY, min(wrong))
                return
            descriptor = Descriptor.from_bytes(bytes(self.sram[start:end]))
            refused = lost = False
            for event in self._list(descriptor, address, pull):
                if isinstance(event, Move) and not pull and event.source in self.wrong:
                    lost = True
                    yield Unsent(ErrorCode.MEMORY, event.source)
                elif isinstance(event, Move):
                    yield replace(event, signal=0) if lost else event
                else:
                    refused = True
                    yield event
                    break
            if 0 < descriptor.done <= self.config.semaphores:
                yield Post(descriptor.done - 1)
            if refused:
                return
            if pull and descriptor.signal:
                yield Post(descriptor.signal - 1, is_signal=True)
            if descriptor.next == 0:
                return
            address = descriptor.next
            if address % self.config.vector_bytes or not self.in_sram(address) \
                    or not self.in_sram(address + Descriptor.size(self.config) - 1):
                yield Refusal(ErrorCode.ADDRESS, address)
                return
        yield Refusal(ErrorCode.CHAIN, address)

    def _list(self, descriptor: Descriptor, address: int, pull: bool) -> Iterator[Move | Refusal]:
        """The lines of a list in their order, up to what is wrong with it."""
        size = self.config.vector_bytes
        far, near = (descriptor.source, descriptor.destination) if pull else (
            descriptor.destination, descriptor.source)
        flat = bool(far & GLOBAL_FLAG)
        aligned = (descriptor.source, descriptor.destination, descriptor.source_stride, descriptor.destination_stride)
        broadcast = descriptor.more_columns or descriptor.more_rows
        if any(value % size for value in aligned) or descriptor.gather % 4 or any(descriptor.reserved) \
                or 0 in (descriptor.lines, descriptor.rows) or (broadcast and (pull or not flat)):
            yield Refusal(ErrorCode.DESCRIPTOR, address)
            return
        if max(descriptor.signal, descriptor.done) > self.config.semaphores:
            yield Refusal(ErrorCode.SEMAPHORE, address)
            return
        x, y = (far >> 32 & 0xFF, far >> 40 & 0xFF) if flat else self.position
        for row in range(descriptor.rows):
            offset = row * descriptor.source_stride
            if descriptor.gather:
                at = descriptor.gather + 4 * row & 0xFFFF_FFFF
                if not self.in_sram(at):
                    yield Refusal(ErrorCode.ADDRESS, at)
                    return
                if at // size * size in self.wrong:
                    yield Refusal(ErrorCode.MEMORY, at // size * size)
                    return
                offset = size * int.from_bytes(self.sram[at - SRAM_BASE:at - SRAM_BASE + 4], "little")
            for line in range(descriptor.lines):
                source = descriptor.source + offset + line * size & 0xFFFF_FFFF
                target = descriptor.destination + row * descriptor.destination_stride + line * size & 0xFFFF_FFFF
                far_line, near_line = (source, target) if pull else (target, source)
                last = line == descriptor.lines - 1 and row == descriptor.rows - 1
                for node in ((x + column, y + south) for south in range(descriptor.more_rows + 1)
                             for column in range(descriptor.more_columns + 1)):
                    if far >> 49:
                        yield Refusal(ErrorCode.ADDRESS, far_line)
                    elif flat and node not in self.config.coordinates():
                        yield Refusal(ErrorCode.DESTINATION, far_line)
                    elif near >> 32 or not self.in_sram(near_line):
                        yield Refusal(ErrorCode.ADDRESS, near_line)
                    elif (not flat and far >> 32) or not self.in_sram(far_line):
                        yield Refusal(ErrorCode.ADDRESS, far_line)
                    else:
                        yield Move(node=node, source=source, destination=target, signal=last * descriptor.signal)
                        continue
                    return

    def put(self, move: Move) -> Packet:
        """The packet of a push's line."""
        start = move.source - SRAM_BASE
        size = self.config.vector_bytes
        return Packet(op=Op.PUT.value, destination=move.node, source=self.position, size=size, address=move.destination,
                      signal=move.signal, payload=int.from_bytes(self.sram[start:start + size], "little"))
