"""One router: any traffic on all links, checked flit by flit."""

# pyright: reportAttributeAccessIssue=none

import os
import random
from collections import deque
from functools import partial

import cocotb

from hdl.config import PRESETS
from hdl.memory_map import ROUTE_BITS, ROUTES_PER_REGISTER
from hdl.noc.packet import CLASSES, Op
from hdl.noc.routing import NEIGHBOURS, Side
from verif.noc import Codec, HopSink, HopSource, LinkSink, LinkSource, Packet, Port, Stage

CONFIG = PRESETS[os.environ["CONFIG"]].with_mesh(columns=int(os.environ["COLUMNS"]), rows=int(os.environ["ROWS"]))
HERE = (5, 7)
DEPTH = CONFIG.fifo_depth


def x_first(destination: tuple[int, int]) -> Side:
    """The way along the row, then along the column."""
    (x, y), (here_x, here_y) = destination, HERE
    if x != here_x:
        return Side.EAST if x > here_x else Side.WEST
    if y != here_y:
        return Side.SOUTH if y > here_y else Side.NORTH
    return Side.LOCAL


class Bench:
    """The router with a source and a sink at every side, and a scoreboard that knows every flit that is inside."""

    def __init__(self, dut):
        self.dut = dut
        codec = Codec(CONFIG)
        self.sources: dict[Side, HopSource | LinkSource] = {
            side: HopSource(Port(dut, f"inputs__{side.value}"), codec, depth=DEPTH, on_sent=partial(self.enter, side))
            for side in NEIGHBOURS}
        self.sources[Side.LOCAL] = LinkSource(Port(dut, "local_in"), codec, on_taken=partial(self.enter, Side.LOCAL))
        self.sinks: dict[Side, HopSink | LinkSink] = {
            side: HopSink(Port(dut, f"outputs__{side.value}"), codec, depth=DEPTH, on_packet=partial(self.leave, side))
            for side in NEIGHBOURS}
        self.sinks[Side.LOCAL] = LinkSink(Port(dut, "local_out"), codec, on_packet=partial(self.leave, Side.LOCAL))
        self.stage = Stage(dut, [*self.sources.values(), *self.sinks.values(), self])
        self.inside: dict[tuple[Side, int, Side], deque[tuple[int, Packet]]] = {
            (came, c, out): deque() for came in Side for c in range(CLASSES) for out in Side}
        self.sent: list[tuple[int, Side, Side, Packet]] = []  # cycles inside, from, to
        self.neighbours = (1 << len(NEIGHBOURS)) - 1
        self.table: dict[tuple[int, int], Side] | None = None
        self.left_now = self.to_node_before = self.refused_now = self.refused_before = 0

    def drive(self):
        self.left_now = self.refused_now = 0

    def sample(self):
        """The strobes, a cycle late, say which outputs sent a flit and which inputs refused one."""
        to_node = self.left_now & 1 << Side.LOCAL
        assert int(self.dut.flits.value) == self.left_now & ~to_node | self.to_node_before
        assert int(self.dut.refused.value) == self.refused_before
        self.to_node_before, self.refused_before = to_node, self.refused_now

    async def start(self):
        dut = self.dut
        dut.position.value = HERE[0] | HERE[1] << 7
        dut.neighbours.value = self.neighbours
        for name in ("by_table", "write", "row", "group", "routes"):
            getattr(dut, f"settings__{name}").value = 0
        await self.stage.start()

    async def set_table(self, table: dict[tuple[int, int], Side]) -> None:
        """Load a routing table, and use it."""
        settings = Port(self.dut, "settings")
        settings.write.value = 1
        for y in range(CONFIG.rows + 1):
            for start in range(0, CONFIG.columns, ROUTES_PER_REGISTER):
                settings.row.value = y
                settings.group.value = start // ROUTES_PER_REGISTER
                settings.routes.value = sum(table.get((start + x, y), 0).value << ROUTE_BITS * x
                                            for x in range(ROUTES_PER_REGISTER) if (start + x, y) in table)
                await self.stage.step()
        settings.write.value = 0
        settings.by_table.value = 1
        self.table = table

    def route(self, destination: tuple[int, int], came_from: Side) -> tuple[Side, bool]:
        """Where a flit has to leave, and whether its way was refused."""
        wanted = x_first(destination) if self.table is None else self.table.get(destination, Side.LOCAL)
        if wanted is not Side.LOCAL and (wanted is came_from or not self.neighbours >> wanted & 1):
            return Side.LOCAL, True
        return wanted, False

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
            if self.route((x, y), came_from)[0] is out:
                return x, y

    def send(self, came_from: Side, out: Side, traffic_class: int) -> None:
        destination = self.destination(came_from, out)
        self.sources[came_from].send(self.packet(came_from, destination=destination, traffic_class=traffic_class))

    def enter(self, side: Side, packet: Packet) -> None:
        out, refused = self.route(packet.destination, side)
        self.refused_now |= refused << side.value
        self.inside[side, packet.traffic_class, out].append((self.stage.now, packet))

    def leave(self, out: Side, packet: Packet) -> None:
        self.left_now |= 1 << out.value
        came_from = Side(packet.source[0])
        waiting = self.inside[came_from, packet.traffic_class, out]
        assert waiting, f"{packet} left by {out.name} and should not"
        entered, expected = waiting.popleft()
        assert packet == expected, f"by {out.name} left\n{packet}\nand not\n{expected}"
        assert self.stage.now - entered >= latency(came_from, out)
        self.sent.append((self.stage.now - entered, came_from, out, packet))

    async def drain(self) -> None:
        """Let everything out; nothing may be left."""
        for sink in self.sinks.values():
            sink.rates = [1.0] * CLASSES
        await self.stage.until(
            lambda: not any(map(len, self.inside.values()))
            and not any(any(source.waiting) for source in self.sources.values()),
            limit=20000, what="the router empties")


def latency(came: Side, out: Side) -> int:
    """Cycles in the router, if nothing is in the way."""
    return (came is Side.LOCAL) + (out is not Side.LOCAL)


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
            taken, was_from, was_out, _ = tb.sent.pop()
            assert (taken, was_from, was_out) == (latency(came, out), came, out)


@cocotb.test()
async def random_traffic(dut):
    tb = await bench(dut)
    for _ in range(12):
        for source in tb.sources.values():
            source.rate = random.choice((0.1, 0.5, 1.0))
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
        assert tb.stage.now - began == 100 + max(latency(came, out) for came, out in opposite.items())


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
        assert tb.stage.now - began <= count + 2


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
async def everybody_gets_a_turn(dut):
    """With all inputs busy, nobody waits long. (verif.formal.router has the bound; sources here take random turns.)."""
    tb = await bench(dut)
    for out in Side:
        rivals = [(came, c) for came in Side if (came, out) in PAIRS for c in range(CLASSES)]
        waited = dict.fromkeys(rivals, 0)
        tb.sent.clear()
        while len(tb.sent) < 20 * len(rivals):
            for came, c in rivals:
                while len(tb.sources[came].waiting[c]) < 2:
                    tb.send(came, out, c)
            before = len(tb.sent)
            await tb.stage.step()
            for _, came, _, packet in tb.sent[before:]:
                waited[came, packet.traffic_class] = -1
                if before > 4 * len(rivals):
                    for rival in rivals:
                        waited[rival] += 1
                        assert waited[rival] < 4 * len(rivals), f"{rival} waited for {waited[rival]} others"
        await tb.drain()


@cocotb.test()
async def a_table_says_the_way(dut):
    tb = await bench(dut)
    places = [(x, y) for y in range(CONFIG.rows + 1) for x in range(CONFIG.columns)]
    await tb.set_table({place: random.choice(list(Side)) for place in places})
    for _ in range(3):
        for place in places:
            for side in Side:
                tb.sources[side].send(tb.packet(side, destination=place, traffic_class=random.randrange(CLASSES)))
        await tb.stage.cycles(100)
        await tb.drain()
    outside = [(CONFIG.columns, 1), (0, CONFIG.rows + 1), (127, 127)]
    for place in outside:
        assert tb.route(place, Side.NORTH) == (Side.LOCAL, False)
        tb.sources[Side.NORTH].send(tb.packet(Side.NORTH, destination=place, traffic_class=1))
    await tb.drain()


@cocotb.test()
async def closed_ways_lead_to_the_node(dut):
    tb = await bench(dut)
    for side in NEIGHBOURS:
        tb.neighbours = 0b1111 & ~(1 << side)
        dut.neighbours.value = tb.neighbours
        for came in Side:
            for _ in range(10):
                here_x, here_y = HERE
                destination = random.choice(
                    ((here_x - 1, 0), (here_x + 1, 0), (here_x, here_y - 1), (here_x, 99), HERE))
                tb.sources[came].send(tb.packet(came, destination=destination, traffic_class=random.randrange(CLASSES)))
        await tb.stage.cycles(20)
        await tb.drain()
        await tb.stage.cycles(2)


@cocotb.test()
async def a_waiting_output_counts_a_stall(dut):
    tb = await bench(dut)
    for sink in tb.sinks.values():
        sink.rates = [0.0] * CLASSES
    for _ in range(DEPTH + 1):
        tb.send(Side.WEST, Side.EAST, 1)
    await tb.stage.cycles(2 * DEPTH + 4)
    for _ in range(5):
        await tb.stage.step()
        assert int(dut.stalls.value) == 1 << Side.EAST
    await tb.drain()
    await tb.stage.cycles(3)
    assert int(dut.stalls.value) == 0
