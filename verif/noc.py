"""Packets and links, for benches."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import cocotb
from amaranth.lib import data
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from hdl.config import Config
from hdl.noc.packet import CLASSES, Coordinate, Header, flit_layout

HEADER = data.Layout.cast(Header)
COORDINATE = data.Layout.cast(Coordinate)

PERIOD_NS = 10


@dataclass(frozen=True, kw_only=True)
class Packet:
    """A packet; ``op`` is a number, since benches send unknown ones too."""

    destination: tuple[int, int] = (0, 0)
    source: tuple[int, int] = (0, 0)
    op: int
    tag: int = 0
    size: int = 0
    address: int = 0
    signal: int = 0
    born: int = 0
    payload: int = 0

    @property
    def traffic_class(self) -> int:
        return self.op >> 3

    def but(self, **changes) -> "Packet":
        return replace(self, **changes)


class Codec:
    """Packets to and from the bits of a flit, as the hardware's layout has them."""

    def __init__(self, config: Config):
        layout = flit_layout(config)
        self.payload_offset = layout["payload"].offset
        self.header_offset = layout["header"].offset

    def pack(self, packet: Packet) -> int:
        bits = packet.payload << self.payload_offset
        for name, field in HEADER:
            value = getattr(packet, str(name))
            if isinstance(value, tuple):
                value = value[0] << COORDINATE["x"].offset | value[1] << COORDINATE["y"].offset
            bits |= value << self.header_offset + field.offset
        return bits

    def unpack(self, bits: int) -> Packet:
        values = {}
        for name, field in HEADER:
            value = bits >> self.header_offset + field.offset & (1 << field.width) - 1
            if field.shape is Coordinate:
                value = tuple(value >> COORDINATE[part].offset & (1 << COORDINATE[part].width) - 1 for part in "xy")
            values[name] = value
        return Packet(payload=bits >> self.payload_offset, **values)


def fields_of(layout: data.Layout, bits: int) -> dict[str, int]:
    """The fields of a packed structure."""
    return {str(name): bits >> field.offset & (1 << field.width) - 1 for name, field in layout}


class Agent(Protocol):
    """Something of a bench that acts in every cycle."""

    def drive(self) -> None:
        """Set the inputs of this cycle."""

    def sample(self) -> None:
        """Look at what the clock edge at the end of this cycle will see."""


class Stage:
    """The clock of a bench and the agents that it drives. ``now`` counts cycles since reset."""

    def __init__(self, dut, agents: list[Agent]):
        self.dut = dut
        self.agents = agents
        self.now = 0

    async def start(self) -> None:
        """Start the clock and reset."""
        self.dut.rst.value = 1
        cocotb.start_soon(Clock(self.dut.clk, PERIOD_NS, unit="ns", impl="gpi").start())
        for _ in range(3):
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def step(self) -> None:
        """One cycle."""
        for agent in self.agents:
            agent.drive()
        await ReadOnly()
        for agent in self.agents:
            agent.sample()
        await FallingEdge(self.dut.clk)
        self.now += 1

    async def cycles(self, count: int) -> None:
        for _ in range(count):
            await self.step()

    async def until(self, condition: Callable[[], bool], *, limit: int, what: str) -> None:
        """Step until `condition`, which has to come within `limit` cycles."""
        for _ in range(limit):
            if condition():
                return
            await self.step()
        raise AssertionError(f"{what}: not within {limit} cycles")


class Port:
    """Signals of a port by their names in the signature: ``Port(dut, "inputs__0").valid``."""

    def __init__(self, dut, prefix: str):
        self.dut = dut
        self.prefix = prefix

    def __getattr__(self, name: str):
        handle = getattr(self.dut, f"{self.prefix}__{name}")
        setattr(self, name, handle)
        return handle


class StreamSource:
    """Drives a stream of integers; calls `on_taken` with each that is taken."""

    def __init__(self, port: Port, on_taken: Callable[[int], object]):
        self.port = port
        self.on_taken = on_taken
        self.waiting: deque[int] = deque()
        self.rate = 1.0
        self.offered = False
        self.taken = False
        port.valid.value = 0

    def drive(self) -> None:
        if self.taken or not self.offered:
            offered = bool(self.waiting) and random.random() < self.rate
            if offered != self.offered:
                self.port.valid.value = self.offered = offered
            if offered:
                self.port.payload.value = self.waiting[0]
        self.taken = False

    def sample(self) -> None:
        self.taken = self.offered and bool(int(self.port.ready.value))
        if self.taken:
            self.on_taken(self.waiting.popleft())


class LinkSource:
    """Drives a link: in each cycle, with probability `rate`, offers the oldest packet of a class.

    `on_taken` is called with each packet that the link takes. With `polite`, a packet is only offered if there is room.
    """

    def __init__(self, port: Port, codec: Codec, *, on_taken: Callable[[Packet], object] = lambda packet: None):
        self.port = port
        self.codec = codec
        self.on_taken = on_taken
        self.rate = 1.0
        self.polite = False
        self.waiting: tuple[deque[Packet], ...] = tuple(deque() for _ in range(CLASSES))
        self.offered: int | None = None
        port.valid.value = 0

    def send(self, packet: Packet) -> None:
        self.waiting[packet.traffic_class].append(packet)

    def drive(self) -> None:
        room = int(self.port.ready.value) if self.polite else (1 << CLASSES) - 1
        classes = [c for c in range(CLASSES) if self.waiting[c] and room >> c & 1]
        previous = self.offered
        self.offered = random.choice(classes) if classes and random.random() < self.rate else None
        if self.offered is not None:
            self.port.valid.value = 1 << self.offered
            self.port.flit.value = self.codec.pack(self.waiting[self.offered][0])
        elif previous is not None:
            self.port.valid.value = 0

    def sample(self) -> None:
        if self.offered is not None and int(self.port.ready.value) >> self.offered & 1:
            self.on_taken(self.waiting[self.offered].popleft())


class LinkSink:
    """Takes what a link sends: in each cycle has room for a class with the probability in `rates`."""

    def __init__(self, port: Port, codec: Codec, *, on_packet: Callable[[Packet], object]):
        self.port = port
        self.codec = codec
        self.on_packet = on_packet
        self.rates = [1.0] * CLASSES
        self.room = 0
        port.ready.value = 0

    def drive(self) -> None:
        room = sum((random.random() < rate) << c for c, rate in enumerate(self.rates))
        if room != self.room:
            self.port.ready.value = self.room = room

    def sample(self) -> None:
        valid = int(self.port.valid.value)
        if not valid:
            return
        assert valid & valid - 1 == 0, f"{self.port.prefix} offers flits of two classes at once"
        if valid & self.room:
            packet = self.codec.unpack(int(self.port.flit.value))
            assert valid == 1 << packet.traffic_class, f"{self.port.prefix}: {packet} came in the other class"
            self.on_packet(packet)


class HopSource:
    """Drives a hop: in each cycle, with probability `rate`, sends the oldest packet of a class that has a slot.

    `on_sent` is called with each packet that is sent.
    """

    def __init__(self, port: Port, codec: Codec, *, depth: int,
                 on_sent: Callable[[Packet], object] = lambda packet: None):
        self.port = port
        self.codec = codec
        self.on_sent = on_sent
        self.rate = 1.0
        self.waiting: tuple[deque[Packet], ...] = tuple(deque() for _ in range(CLASSES))
        self.every = (1 << depth) - 1
        self.free = self.every
        self.sending: Packet | None = None
        port.slot.value = 0

    def send(self, packet: Packet) -> None:
        self.waiting[packet.traffic_class].append(packet)

    def _slot(self, traffic_class: int) -> int:
        usable = self.free & slots_of(traffic_class, self.every)
        return usable & -usable

    def drive(self) -> None:
        classes = [c for c in range(CLASSES) if self.waiting[c] and self._slot(c)]
        previous = self.sending
        self.sending = None
        if classes and random.random() < self.rate:
            c = random.choice(classes)
            slot = self._slot(c)
            self.free &= ~slot
            self.sending = self.waiting[c].popleft()
            self.port.slot.value = slot
            self.port.flit.value = self.codec.pack(self.sending)
        elif previous is not None:
            self.port.slot.value = 0

    def sample(self) -> None:
        if self.sending is not None:
            self.on_sent(self.sending)
        freed = int(self.port.freed.value)
        assert not freed & self.free, f"{self.port.prefix} freed a slot that was free"
        self.free |= freed


class HopSink:
    """Takes what a hop sends, and in each cycle frees each slot with the probability that `rates` has for its class."""

    def __init__(self, port: Port, codec: Codec, *, depth: int, on_packet: Callable[[Packet], object]):
        self.port = port
        self.codec = codec
        self.on_packet = on_packet
        self.rates = [1.0] * CLASSES
        self.every = (1 << depth) - 1
        self.held: dict[int, int] = {}  # class by slot, one-hot
        self.freed = 0
        port.freed.value = 0

    def drive(self) -> None:
        freed = [slot for slot, c in self.held.items() if random.random() < self.rates[c]]
        for slot in freed:
            del self.held[slot]
        if sum(freed) != self.freed:
            self.port.freed.value = self.freed = sum(freed)

    def sample(self) -> None:
        slot = int(self.port.slot.value)
        if not slot:
            return
        packet = self.codec.unpack(int(self.port.flit.value))
        assert slot & slot - 1 == 0 and slot & slots_of(packet.traffic_class, self.every), \
            f"{self.port.prefix}: {packet} came into slot {slot:b}"
        assert slot not in self.held, f"{self.port.prefix}: {packet} came into slot {slot:b}, which was not free"
        self.held[slot] = packet.traffic_class
        self.on_packet(packet)


def slots_of(traffic_class: int, every: int) -> int:
    """The slots of a hop that a class may use: its own, and those that are no class's."""
    return 1 << traffic_class | every >> CLASSES << CLASSES


class FlitStream:
    """The host's end of an edge port: sends packets by its link `i` and takes those of its `o`, each at a rate."""

    def __init__(self, i: Port, o: Port, codec: Codec, *, on_taken: Callable[[Packet], object],
                 on_packet: Callable[[Packet], object]):
        self.source = LinkSource(i, codec, on_taken=on_taken)
        self.o = o
        self.codec = codec
        self.on_packet = on_packet
        self.rates = {"i": 1.0, "o": 1.0}
        self.ready = False
        self.stalled: Packet | None = None
        self.o.ready.value = 0

    def send(self, packet: Packet) -> None:
        self.source.send(packet)

    @property
    def sends(self) -> bool:
        """There are packets that have not been taken yet."""
        return any(self.source.waiting)

    def drive(self) -> None:
        self.source.rate = self.rates["i"]
        self.source.drive()
        self.ready = random.random() < self.rates["o"]
        self.o.ready.value = self.ready

    def sample(self) -> None:
        self.source.sample()
        if not int(self.o.valid.value):
            assert self.stalled is None, "o withdrew a packet"
            return
        packet = self.codec.unpack(int(self.o.payload.value))
        if self.stalled is not None:
            assert packet == self.stalled, "o changed a packet that waited"
        self.stalled = None if self.ready else packet
        if self.ready:
            self.on_packet(packet)
