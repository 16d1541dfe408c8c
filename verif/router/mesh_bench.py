"""A mesh of routers: what is sent arrives, once, in order, at the right node, and at one cycle a router."""

import os
import random
from collections import defaultdict, deque
from functools import partial

import cocotb

from hdl.config import PRESETS
from hdl.noc.packet import CLASSES, Op
from verif.noc import Codec, LinkSink, LinkSource, Packet, Port, Stage

CONFIG = PRESETS[os.environ["CONFIG"]].with_mesh(columns=int(os.environ["COLUMNS"]), rows=int(os.environ["ROWS"]))
NODES = CONFIG.coordinates()
OPS = (Op.READ.value, Op.PUT.value)


class Bench:
    """A source and a sink at every node."""

    def __init__(self, dut):
        codec = Codec(CONFIG)
        self.sources = {node: LinkSource(Port(dut, f"inputs__{index}"), codec, on_taken=self._enter)
                        for index, node in enumerate(NODES)}
        self.sinks = {node: LinkSink(Port(dut, f"outputs__{index}"), codec, on_packet=partial(self._arrive, node))
                      for index, node in enumerate(NODES)}
        self.stage = Stage(dut, [*self.sources.values(), *self.sinks.values()])
        self.on_the_way: defaultdict[tuple, deque[tuple[int, Packet]]] = defaultdict(deque)
        self.count = 0
        self.arrived: list[tuple[int, Packet]] = []  # latency, packet

    def send(self, source, destination, traffic_class: int) -> None:
        self.sources[source].send(Packet(
            op=OPS[traffic_class], source=source, destination=destination, tag=random.getrandbits(6),
            address=random.getrandbits(32), payload=random.getrandbits(CONFIG.vector_bits)))

    def _enter(self, packet: Packet) -> None:
        self.on_the_way[packet.source, packet.destination, packet.op].append((self.stage.now, packet))
        self.count += 1

    def _arrive(self, node, packet: Packet) -> None:
        assert packet.destination == node
        entered, expected = self.on_the_way[packet.source, packet.destination, packet.op].popleft()
        assert packet == expected
        latency = self.stage.now - entered
        assert latency >= routers_between(packet)
        self.arrived.append((latency, packet))
        self.count -= 1

    async def finish(self) -> None:
        for sink in self.sinks.values():
            sink.rates = [1.0] * CLASSES
        await self.stage.until(
            lambda: not self.count and not any(any(source.waiting) for source in self.sources.values()),
            limit=20000, what="everything arrives")


def routers_between(packet: Packet) -> int:
    """Routers on the way of a packet."""
    (x, y), (to_x, to_y) = packet.source, packet.destination
    return abs(x - to_x) + abs(y - to_y) + 1


async def bench(dut) -> Bench:
    made = Bench(dut)
    await made.stage.start()
    return made


@cocotb.test()
async def one_cycle_a_router(dut):
    tb = await bench(dut)
    for source in NODES:
        for destination in NODES:
            for c in range(CLASSES):
                tb.send(source, destination, c)
                await tb.stage.cycles(CONFIG.columns + CONFIG.rows + 1)
                latency, packet = tb.arrived.pop()
                assert latency == routers_between(packet)


@cocotb.test()
async def random_traffic(dut):
    tb = await bench(dut)
    for _ in range(8):
        for _ in range(400):
            tb.send(random.choice(NODES), random.choice(NODES), random.randrange(CLASSES))
        for source in tb.sources.values():
            source.rate = random.choice((0.1, 0.5, 1.0))
        for sink in tb.sinks.values():
            sink.rates = [random.choice((0.0, 0.3, 1.0)) for _ in range(CLASSES)]
        await tb.stage.cycles(80)
    await tb.finish()
    assert len(tb.arrived) == 8 * 400


@cocotb.test()
async def requests_stand_still_and_answers_flow(dut):
    """With every queue of class 0 full, class 1 runs as if it were alone."""
    tb = await bench(dut)
    for sink in tb.sinks.values():
        sink.rates[0] = 0.0
    for source in NODES:
        for destination in NODES * 3:
            tb.send(source, destination, 0)
    await tb.stage.cycles(100)
    assert not tb.arrived
    for source in tb.sources.values():
        source.polite = True
    for source in NODES:
        tb.send(source, random.choice(NODES), 1)
    await tb.stage.until(lambda: len(tb.arrived) == len(NODES), limit=40, what="class 1 arrives")
    await tb.finish()


@cocotb.test()
async def a_hot_spot_is_shared(dut):
    """All nodes send to one, which is never idle; each gets through."""
    tb = await bench(dut)
    hot = NODES[len(NODES) // 2]
    for source in NODES:
        for _ in range(40):
            tb.send(source, hot, 1)
    count = 40 * len(NODES)
    began = tb.stage.now
    await tb.finish()
    assert tb.stage.now - began <= count + CONFIG.columns + CONFIG.rows
    assert {packet.source for _, packet in tb.arrived[:count // 2]} == set(NODES)
