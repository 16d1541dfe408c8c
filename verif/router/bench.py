"""One router: any traffic on all links, checked flit by flit."""

import os
import random
from collections import deque
from functools import partial

import cocotb

from hdl.config import PRESETS
from hdl.noc.packet import CLASSES, Op
from hdl.noc.router import Side
from verif.noc import Codec, LinkSink, LinkSource, Packet, Port, Stage

CONFIG = PRESETS[os.environ["CONFIG"]]
HERE = (5, 7)


def route(destination: tuple[int, int], came_from: Side) -> Side:
    """Where a flit has to leave: along the row first. One that would turn back goes to LOCAL."""
    (x, y), (here_x, here_y) = destination, HERE
    if x != here_x:
        side = Side.EAST if x > here_x else Side.WEST
    elif y != here_y:
        side = Side.SOUTH if y > here_y else Side.NORTH
    else:
        side = Side.LOCAL
    return Side.LOCAL if side is came_from else side


class Bench:
    """The router with a source and a sink at every side, and a scoreboard that knows every flit that is inside."""

    def __init__(self, dut):
        self.dut = dut
        codec = Codec(CONFIG)
        self.sources = {side: LinkSource(Port(dut, f"inputs__{side.value}"), codec, on_taken=partial(self.enter, side))
                        for side in Side}
        self.sinks = {side: LinkSink(Port(dut, f"outputs__{side.value}"), codec, on_packet=partial(self.leave, side))
                      for side in Side}
        self.stage = Stage(dut, [*self.sources.values(), *self.sinks.values(), self])
        self.inside: dict[tuple[Side, int, Side], deque[tuple[int, Packet]]] = {
            (came, c, out): deque() for came in Side for c in range(CLASSES) for out in Side}
        self.sent: list[tuple[int, Side, Side, Packet]] = []  # cycles inside, from, to
        self.left_now = 0

    def drive(self):
        self.left_now = 0

    def sample(self):
        """The strobes say which outputs sent a flit."""
        assert int(self.dut.flits.value) == self.left_now

    async def start(self):
        dut = self.dut
        dut.position.value = HERE[0] | HERE[1] << 7
        await self.stage.start()

    def packet(self, side: Side, *, destination: tuple[int, int], traffic_class: int) -> Packet:
        """A packet of random content. Its source names the input, so that the scoreboard can look it up."""
        def bits(count):
            return random.getrandbits(count)

        op = random.choice((Op.READ, Op.WRITE) if traffic_class == 0 else (Op.DATA, Op.ACK, Op.PUT, Op.SIGNAL)).value
        return Packet(destination=destination, source=(side.value, bits(7)), op=op, tag=bits(6), size=bits(7),
                      address=bits(32), signal=bits(6), born=bits(10), payload=bits(CONFIG.vector_bits))

    def destination(self, came_from: Side, out: Side) -> tuple[int, int]:
        """A destination that lies behind an output."""
        while True:
            x, y = (random.choice((0, here - 1, here, here, here + 1, 127, random.randrange(128))) for here in HERE)
            if route((x, y), came_from) is out:
                return x, y

    def send(self, came_from: Side, out: Side, traffic_class: int) -> None:
        destination = self.destination(came_from, out)
        self.sources[came_from].send(self.packet(came_from, destination=destination, traffic_class=traffic_class))

    def enter(self, side: Side, packet: Packet) -> None:
        out = route(packet.destination, side)
        self.inside[side, packet.traffic_class, out].append((self.stage.now, packet))

    def leave(self, out: Side, packet: Packet) -> None:
        self.left_now |= 1 << out.value
        came_from = Side(packet.source[0])
        waiting = self.inside[came_from, packet.traffic_class, out]
        assert waiting, f"{packet} left by {out.name} and should not"
        entered, expected = waiting.popleft()
        assert packet == expected, f"by {out.name} left\n{packet}\nand not\n{expected}"
        assert self.stage.now > entered
        self.sent.append((self.stage.now - entered, came_from, out, packet))

    async def drain(self) -> None:
        """Let everything out; nothing may be left."""
        for sink in self.sinks.values():
            sink.rates = [1.0] * CLASSES
        await self.stage.until(
            lambda: not any(map(len, self.inside.values()))
            and not any(any(source.waiting) for source in self.sources.values()),
            limit=20000, what="the router empties")


PAIRS = [(came, out) for came in Side for out in Side if came is not out or out is Side.LOCAL]


async def bench(dut) -> Bench:
    made = Bench(dut)
    await made.start()
    return made


@cocotb.test()
async def crosses_in_one_cycle(dut):
    tb = await bench(dut)
    for came, out in PAIRS:
        for c in range(CLASSES):
            tb.send(came, out, c)
            await tb.stage.cycles(4)
            latency, was_from, was_out, _ = tb.sent.pop()
            assert (latency, was_from, was_out) == (1, came, out)


@cocotb.test()
async def random_traffic(dut):
    tb = await bench(dut)
    for _ in range(12):
        for source in tb.sources.values():
            source.rate = random.choice((0.1, 0.5, 1.0))
            source.polite = random.random() < 0.5
        for sink in tb.sinks.values():
            sink.rates = [random.choice((0.0, 0.2, 0.7, 1.0)) for _ in range(CLASSES)]
        for _ in range(200):
            came, out = random.choice(PAIRS)
            tb.send(came, out, random.randrange(CLASSES))
        await tb.stage.cycles(150)
    await tb.drain()
    assert len(tb.sent) == 12 * 200


@cocotb.test()
async def every_link_is_busy_every_cycle(dut):
    tb = await bench(dut)
    opposite = {Side.NORTH: Side.SOUTH, Side.SOUTH: Side.NORTH, Side.EAST: Side.WEST, Side.WEST: Side.EAST,
                Side.LOCAL: Side.LOCAL}
    for c in range(CLASSES):
        for came, out in opposite.items():
            for _ in range(100):
                tb.send(came, out, c)
        began = tb.stage.now
        await tb.drain()
        assert tb.stage.now - began == 101


@cocotb.test()
async def a_wanted_output_never_rests(dut):
    tb = await bench(dut)
    for out in Side:
        for came in Side:
            if (came, out) in PAIRS:
                for c in range(CLASSES):
                    for _ in range(30):
                        tb.send(came, out, c)
        count = sum(len(queue) for source in tb.sources.values() for queue in source.waiting)
        began = tb.stage.now
        await tb.drain()
        assert tb.stage.now - began == count + 1


@cocotb.test()
async def classes_do_not_block_each_other(dut):
    tb = await bench(dut)
    for blocked in range(CLASSES):
        for came, out in PAIRS:
            for _ in range(6):
                tb.send(came, out, blocked)
        for sink in tb.sinks.values():
            sink.rates[blocked] = 0.0
        await tb.stage.cycles(50)
        tb.sent.clear()
        flowing = 1 - blocked
        for came, out in PAIRS:
            for _ in range(10):
                tb.send(came, out, flowing)
        await tb.stage.until(lambda: len(tb.sent) == 10 * len(PAIRS), limit=400, what=f"class {flowing} flows")
        assert {packet.traffic_class for *_, packet in tb.sent} == {flowing}
        await tb.drain()


@cocotb.test()
async def nobody_starves(dut):
    """With room for a class that comes and goes, each input gets its turn."""
    tb = await bench(dut)
    for period in (1, 2, 3):
        for out in Side:
            rivals = [(came, c) for came in Side if (came, out) in PAIRS for c in range(CLASSES)]
            waited = dict.fromkeys(rivals, 0)
            tb.sent.clear()
            cycle = 0
            bound = len(rivals) - 1
            for source in tb.sources.values():
                source.polite = True
            while len(tb.sent) < 12 * len(rivals):
                for came, c in rivals:
                    while len(tb.sources[came].waiting[c]) < 2:
                        tb.send(came, out, c)
                room = [1.0 if cycle % period == 0 else 0.0, 1.0]
                tb.sinks[out].rates = room
                before = len(tb.sent)
                await tb.stage.step()
                for _, came, _, packet in tb.sent[before:]:
                    waited[came, packet.traffic_class] = -1
                    if cycle > 10:
                        for rival in rivals:
                            waited[rival] += room[rival[1]] == 1.0
                            assert waited[rival] <= bound, f"{rival} waited for {waited[rival]} others"
                cycle += 1
            await tb.drain()
