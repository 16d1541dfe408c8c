"""The edge port between a host and a link."""

import os
import random
from collections import deque

import cocotb
from cocotb.triggers import FallingEdge, Timer

from hdl.config import PRESETS
from hdl.memory_map import ErrorCode
from hdl.noc.edge import EDGE_X, EDGE_Y
from hdl.noc.packet import BORN_BITS, CLASSES, Op
from verif.noc import PERIOD_NS, Codec, FlitStream, HopSink, HopSource, Packet, Port, Stage

CONFIG = PRESETS[os.environ["CONFIG"]]
EDGE = EDGE_X, EDGE_Y


class Bench:
    """The port with its host and its link, and what has to come out of it."""

    def __init__(self, dut):
        self.dut = dut
        codec = Codec(CONFIG)
        self.host = FlitStream(Port(dut, "i"), Port(dut, "o"), codec, on_taken=self._from_host, on_packet=self._to_host)
        depth = CONFIG.fifo_depth
        self.source = HopSource(Port(dut, "mesh_in"), codec, depth=depth, on_sent=self._from_mesh)
        self.sink = HopSink(Port(dut, "mesh_out"), codec, depth=depth, on_packet=self._to_mesh)
        # A packet passes in one cycle, so the host is looked at before the sink.
        self.stage = Stage(dut, [self.source, self.host, self.sink])
        self.into_mesh: deque[Packet] = deque()
        self.out_of_mesh: deque[tuple[int, Packet]] = deque()
        self.answers: deque[Packet] = deque()
        self.dropped = 0
        self.to_host: list[tuple[int, Packet]] = []

    def _from_host(self, packet: Packet) -> None:
        packet = packet.but(source=EDGE)
        if packet.destination in CONFIG.coordinates():
            self.into_mesh.append(packet.but(born=(self.stage.now - 1) % (1 << BORN_BITS)))
        elif packet.traffic_class == 0:
            self.answers.append(packet.but(op=Op.ERROR.value, destination=EDGE, signal=0,
                                           payload=ErrorCode.DESTINATION.value | packet.address << 32))
        else:
            self.dropped += 1

    def _to_mesh(self, packet: Packet) -> None:
        assert packet == self.into_mesh.popleft()

    def _from_mesh(self, packet: Packet) -> None:
        self.out_of_mesh.append((self.stage.now, packet))

    def _to_host(self, packet: Packet) -> None:
        self.to_host.append((self.stage.now, packet))
        if self.answers and packet == self.answers[0]:
            self.answers.popleft()
            return
        came, expected = self.out_of_mesh.popleft()
        assert packet == expected
        assert self.stage.now > came

    async def finish(self) -> None:
        """Let everything out; nothing may be left."""
        self.host.rates = {"i": 1.0, "o": 1.0}
        self.sink.rates = [1.0] * CLASSES
        await self.stage.until(
            lambda: not any((self.host.sends, *self.source.waiting, self.into_mesh, self.out_of_mesh, self.answers)),
            limit=5000, what="the port empties")
        await self.stage.cycles(2)
        assert int(self.dut.errors.value) == self.dropped


def random_packet(*, to_node: bool) -> Packet:
    def bits(count):
        return random.getrandbits(count)

    nowhere = [(0, 0), (CONFIG.columns, 1), (0, CONFIG.rows + 1), (127, 127), (CONFIG.columns - 1, 0)]
    return Packet(destination=random.choice(CONFIG.coordinates() if to_node else nowhere), source=(bits(7), bits(7)),
                  op=bits(4), tag=bits(6), size=bits(7), address=bits(32), signal=bits(6), born=bits(10),
                  payload=bits(CONFIG.vector_bits))


async def bench(dut) -> Bench:
    made = Bench(dut)
    await made.stage.start()
    return made


@cocotb.test()
async def both_ways_every_cycle(dut):
    """A slot is free again three cycles after it was filled, as between routers; a class has all slots but one."""
    tb = await bench(dut)
    for _ in range(100):
        tb.host.send(random_packet(to_node=True))
        tb.source.send(random_packet(to_node=True).but(op=random.getrandbits(3)))
    began, slots = tb.stage.now, CONFIG.fifo_depth - 1
    await tb.stage.cycles(101)
    assert not tb.host.sends
    expected = [1 + index // slots * max(slots, 3) + index % slots for index in range(100)]
    assert [cycle - began for cycle, _ in tb.to_host] == [cycle for cycle in expected if cycle < 101]
    await tb.finish()


@cocotb.test()
async def requests_to_nowhere_are_answered(dut):
    tb = await bench(dut)
    for op in range(8):
        tb.host.send(random_packet(to_node=False).but(op=op))
        await tb.stage.cycles(2)
        assert tb.to_host.pop()[1].op == Op.ERROR.value
    await tb.finish()
    assert tb.dropped == 0


@cocotb.test()
async def posted_packets_to_nowhere_are_counted(dut):
    tb = await bench(dut)
    tb.sink.rates = [0.0, 1.0]
    tb.host.rates["o"] = 0.0
    for op in range(8, 16):
        tb.host.send(random_packet(to_node=False).but(op=op))
    await tb.stage.cycles(10)
    assert tb.dropped == 8
    await tb.finish()


@cocotb.test()
async def a_request_that_waits_holds_up_no_posted_packet(dut):
    tb = await bench(dut)
    tb.sink.rates = [0.0, 1.0]
    tb.host.source.polite = True
    for _ in range(20):
        tb.host.send(random_packet(to_node=True).but(op=Op.READ.value))
        tb.host.send(random_packet(to_node=True).but(op=Op.PUT.value))
    await tb.stage.cycles(80)
    filled = CONFIG.fifo_depth - 1  # class 0's own slot and the shared ones
    assert [len(waiting) for waiting in tb.host.source.waiting] == [20 - filled, 0]
    await tb.finish()


@cocotb.test()
async def the_count_stays_at_its_limit(dut):
    tb = await bench(dut)
    tb.host.send(random_packet(to_node=False).but(op=Op.PUT.value))
    tb.host.drive()
    tb.sink.drive()
    await Timer((1 << 16) * PERIOD_NS, "ns")
    await FallingEdge(dut.clk)
    assert int(dut.errors.value) == (1 << 16) - 1


@cocotb.test()
async def random_traffic(dut):
    tb = await bench(dut)
    for _ in range(20):
        for _ in range(60):
            tb.host.send(random_packet(to_node=random.random() < 0.7))
            tb.source.send(random_packet(to_node=True))
        tb.source.rate = random.choice((0.2, 0.5, 1.0))
        tb.host.rates = {way: random.choice((0.2, 0.5, 1.0)) for way in "io"}
        tb.sink.rates = [random.choice((0.2, 0.5, 1.0)) for _ in range(CLASSES)]
        await tb.stage.cycles(150)
    await tb.finish()
