"""What a network interface has to do, from docs/architecture.md; knows nothing of time."""

from collections.abc import Iterator
from dataclasses import dataclass

from hdl.config import GLOBAL_FLAG, SRAM_BASE, Config
from hdl.memory_map import CONTROL_BASE, CONTROL_BITS, Descriptor, ErrorCode
from hdl.noc.packet import Op
from verif.noc import Packet


@dataclass(frozen=True)
class Refusal:
    """An error and the address it names."""

    code: ErrorCode
    address: int

    @property
    def word(self) -> int:
        """Payload of an ERROR packet, and FIRST_ERROR."""
        return self.code.value | (self.address & 0xFFFF_FFFF) << 32


class Node:
    """SRAM and control registers of a node, and what packets and lists do to them."""

    def __init__(self, config: Config, position: tuple[int, int]):
        self.config = config
        self.position = position
        self.sram = bytearray(config.sram_bytes)
        self.registers: dict[int, int] = {}

    def in_sram(self, address: int) -> bool:
        return SRAM_BASE <= address < SRAM_BASE + len(self.sram)

    def refusal(self, packet: Packet) -> Refusal | None:
        """Why a packet cannot be served."""
        line = self.config.vector_bytes
        accesses = packet.op in (Op.READ.value, Op.WRITE.value, Op.PUT.value)
        in_control = packet.address >> CONTROL_BITS == CONTROL_BASE >> CONTROL_BITS
        posts = packet.op == Op.SIGNAL.value or (packet.op == Op.PUT.value and packet.signal)
        if not accesses and packet.op != Op.SIGNAL.value:
            code = ErrorCode.OP
        elif accesses and not self.in_sram(packet.address) and not in_control:
            code = ErrorCode.ADDRESS
        elif accesses and (not 1 <= packet.size <= line - packet.address % line
                           or (in_control and (packet.size, packet.address % 8) != (8, 0))):
            code = ErrorCode.SIZE
        elif packet.destination != self.position:
            code = ErrorCode.DESTINATION
        elif posts and not 1 <= packet.signal <= self.config.semaphores:
            code = ErrorCode.SEMAPHORE
        else:
            return None
        return Refusal(code, packet.address)

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
        if self.in_sram(packet.address):
            start = packet.address - SRAM_BASE
            data = int.from_bytes(self.sram[start:start + packet.size], "little")
        else:
            data = self.registers.get(packet.address - CONTROL_BASE, 0)
        return reply.but(op=Op.DATA.value, payload=data << packet.address % self.config.vector_bytes * 8)

    def list_packets(self, address: int) -> tuple[list[Packet], Refusal | None, int]:
        """The packets that a list sends, why it is refused, and its `done`, or 0 if that cannot be posted."""
        start = address - SRAM_BASE
        descriptor = Descriptor.from_bytes(bytes(self.sram[start:start + Descriptor.size(self.config)]))
        packets: list[Packet] = []
        refusal = self._descriptor_refusal(descriptor, address)
        if refusal is None:
            for packet in self._lines(descriptor):
                if isinstance(packet, Refusal):
                    refusal = packet
                    break
                packets.append(packet)
            else:
                packets[-1] = packets[-1].but(signal=descriptor.signal)
        return packets, refusal, descriptor.done if descriptor.done <= self.config.semaphores else 0

    def _descriptor_refusal(self, descriptor: Descriptor, address: int) -> Refusal | None:
        aligned = (descriptor.source, descriptor.destination, descriptor.source_stride, descriptor.destination_stride)
        if any(value % self.config.vector_bytes for value in aligned) or any(descriptor.reserved) \
                or 0 in (descriptor.lines, descriptor.rows):
            return Refusal(ErrorCode.DESCRIPTOR, address)
        if max(descriptor.signal, descriptor.done) > self.config.semaphores:
            return Refusal(ErrorCode.SEMAPHORE, address)
        return None

    def _lines(self, descriptor: Descriptor) -> Iterator[Packet | Refusal]:
        """A packet for each line, or the reason why there is none."""
        size = self.config.vector_bytes
        there = descriptor.destination
        node = (there >> 32 & 0xFF, there >> 40 & 0xFF) if there & GLOBAL_FLAG else self.position
        beyond = there >> 49 or (not there & GLOBAL_FLAG and there >> 32)
        for row in range(descriptor.rows):
            for line in range(descriptor.lines):
                source = descriptor.source + row * descriptor.source_stride + line * size & 0xFFFF_FFFF
                target = there + row * descriptor.destination_stride + line * size & 0xFFFF_FFFF
                if there >> 49:
                    yield Refusal(ErrorCode.ADDRESS, target)
                elif node not in (*self.config.coordinates(), self.position):
                    yield Refusal(ErrorCode.DESTINATION, target)
                elif descriptor.source >> 32 or not self.in_sram(source):
                    yield Refusal(ErrorCode.ADDRESS, source)
                elif beyond or not self.in_sram(target):
                    yield Refusal(ErrorCode.ADDRESS, target)
                start = source - SRAM_BASE
                yield Packet(op=Op.PUT.value, destination=node, source=self.position, size=size, address=target,
                             payload=int.from_bytes(self.sram[start:start + size], "little"))
