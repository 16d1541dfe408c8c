"""What is at both ends of the link: a serial line, on which everything can go wrong, and a model of the edge port."""

import random
from collections import deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer, ValueChange, with_timeout

from fpga.link.frame import (
    END,
    HEADER_BYTES,
    HELLO_BYTES,
    MAX_DATA,
    Kind,
    pack_request,
    unpack_response,
)
from hdl.config import ULX3S
from hdl.memory_map import ErrorCode
from hdl.noc.packet import Op
from verif.noc import Codec, Packet, Port

CONFIG = ULX3S
DIVISOR, PATIENCE, IDENTITY = 5, 4000, bytes(range(0xA0, 0xF0))
PERIOD_NS = 10
BIT_NS = DIVISOR * PERIOD_NS
LINE = CONFIG.vector_bytes


class Mesh:
    """What is behind the edge port: bytes, and refusals where `refused` says so."""

    def __init__(self, dut):
        self.dut = dut
        self.i, self.o = Port(dut, "edge_i"), Port(dut, "edge_o")
        self.codec = Codec(CONFIG)
        self.memory: dict[tuple[tuple[int, int], int], int] = {}
        self.packets: list[Packet] = []
        self.refused: dict[int, ErrorCode] = {}
        self.takes = self.answers = True
        self.i.ready.value = 0
        self.o.valid.value = 0
        cocotb.start_soon(self._serve())

    async def _serve(self) -> None:
        edge = RisingEdge(self.dut.clk)
        while True:
            if not int(self.i.valid.value):
                await ValueChange(self.i.valid)
            for _ in range(random.choice((0, 1, 5))):
                await edge
            while not self.takes:
                await edge
            self.i.ready.value = 1
            await edge
            packet = self.codec.unpack(int(self.i.flit.value))
            assert int(self.i.valid.value) == 1 << packet.traffic_class
            self.i.ready.value = 0
            self.packets.append(packet)
            for _ in range(random.choice((1, 2, 30))):
                await edge
            while not self.answers:
                await edge
            self.o.payload.value = self.codec.pack(self._answer(packet))
            self.o.valid.value = 1
            await edge
            while not int(self.o.ready.value):
                await edge
            self.o.valid.value = 0

    def _answer(self, packet: Packet) -> Packet:
        assert packet.op in (Op.READ.value, Op.WRITE.value)
        offset = packet.address % LINE
        assert 0 < packet.size <= LINE - offset, f"{packet} crosses a line"
        if packet.address in self.refused:
            return packet.but(op=Op.ERROR.value,
                              payload=self.refused[packet.address].value | packet.address << 32)
        place = packet.destination, packet.address - offset
        line = self.memory.get(place, 0)
        if packet.op == Op.READ.value:
            return packet.but(op=Op.DATA.value, payload=line)
        mask = (1 << 8 * packet.size) - 1 << 8 * offset
        self.memory[place] = line & ~mask | packet.payload & mask
        return packet.but(op=Op.ACK.value, payload=random.getrandbits(8 * LINE))


class Bench:
    """The host's end of the line."""

    def __init__(self, dut):
        self.dut = dut
        self.mesh = Mesh(dut)
        self.frames: deque[bytes] = deque()
        self.dropped = self.sequence = 0
        self.resets = 0

    async def start(self) -> None:
        self.dut.rx.value = 1
        self.dut.rst.value = 1
        cocotb.start_soon(Clock(self.dut.clk, PERIOD_NS, unit="ns", impl="gpi").start())
        for _ in range(3):
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        cocotb.start_soon(self._listen())

    async def _listen(self) -> None:
        content = bytearray()
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(BIT_NS // 2, "ns")
            bits = 0
            for bit in range(10):
                bits |= int(self.dut.tx.value) << bit
                if bit < 9:
                    await Timer(BIT_NS, "ns")
            assert bits & 0x201 == 0x200, "a byte without start or stop bit"
            byte = bits >> 1 & 0xFF
            if byte != END:
                content.append(byte)
            elif content:
                self.frames.append(bytes(content))
                content.clear()

    async def send_symbols(self, symbols: list[int]) -> None:
        for symbol in symbols:
            for bit in range(10):
                self.dut.rx.value = symbol >> bit & 1
                await Timer(BIT_NS, "ns")
        self.dut.rx.value = 1

    async def send(self, content: bytes) -> None:
        await self.send_symbols([byte << 1 | 0x200 for byte in content])

    async def bytes_pass(self, count: int) -> None:
        await Timer(10 * BIT_NS * count, "ns")

    async def answer(self) -> tuple[dict[str, int], bytes]:
        """The next response, which has to be good and to say how many frames have been dropped."""
        async def wait():
            while not self.frames:
                await RisingEdge(self.dut.clk)

        await with_timeout(wait(), 10 * BIT_NS * 4 * MAX_DATA, "ns")
        response = unpack_response(self.frames.popleft())
        assert response is not None
        assert response[0]["dropped"] == self.dropped
        return response

    async def request(self, kind: Kind, **fields) -> tuple[dict[str, int], bytes]:
        """Send the next frame and return its response."""
        self.sequence = (self.sequence + 1) % 256
        await self.send(pack_request(sequence=self.sequence, kind=kind, **fields))
        response = await self.answer()
        assert response[0]["sequence"] == self.sequence
        return response

    async def hello(self, session: int = 1) -> None:
        padded = IDENTITY.ljust(MAX_DATA, b"\0")
        for offset in 0, HELLO_BYTES, random.randrange(len(IDENTITY)), MAX_DATA - HELLO_BYTES:
            fields, content = await self.request(Kind.HELLO, address=session, size=offset)
            assert fields["status"] == 0
            assert content == padded[offset:offset + HELLO_BYTES]

    async def silence(self) -> None:
        """Nothing is answered."""
        await self.bytes_pass(2 * HEADER_BYTES)
        assert not self.frames


async def bench(dut) -> Bench:
    made = Bench(dut)
    await made.start()
    return made


def any_place() -> tuple[tuple[int, int], int]:
    return (random.randrange(128), random.randrange(128)), random.randrange((1 << 32) - MAX_DATA)
