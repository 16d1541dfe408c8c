"""A mesh under full load from the host and from every node's lists: all is answered, all arrives, nothing hangs."""

import os
import random
from collections import defaultdict, deque

import cocotb
from amaranth.lib import data

from hdl.config import PRESETS, SRAM_BASE, global_address
from hdl.memory_map import Descriptor
from hdl.noc.interface import NetworkStatus
from hdl.noc.packet import Op
from verif.noc import Codec, FlitStream, Packet, Port, Stage, StreamSource, fields_of

CONFIG = PRESETS[os.environ["CONFIG"]].with_mesh(columns=int(os.environ["COLUMNS"]), rows=int(os.environ["ROWS"]))
NODES = CONFIG.coordinates()
LINE = CONFIG.vector_bytes

#: What each node's SRAM is used for, in lines.
REQUESTED, POSTED, DESCRIPTORS, SOURCE = 0, 16, 32, 64
ARRIVALS, BLOCK = 256, 16  # a block for each node that sends

Node = tuple[int, int]


class Bench:
    """The host, what it knows of every node's SRAM, and the answers that it waits for."""

    def __init__(self, dut):
        self.dut = dut
        self.host = FlitStream(Port(dut, "i"), Port(dut, "o"), Codec(CONFIG), on_taken=self._taken,
                               on_packet=self._answered)
        self.pushes = [StreamSource(Port(dut, f"push__{index}"), self._pushed) for index in range(len(NODES))]
        self.pulls = [StreamSource(Port(dut, f"pull__{index}"), self._pushed) for index in range(len(NODES))]
        self.stage = Stage(dut, [self.host, *self.pushes, *self.pulls, self])
        self.lines: dict[tuple[Node, int], int] = {}
        self.requests: defaultdict[Node, deque[tuple[Packet, int]]] = defaultdict(deque)  # and what a READ has to bring
        self.posts = self.expected_posts = 0

    def drive(self) -> None:
        """Nothing to set."""

    def sample(self) -> None:
        self.posts += int(self.dut.posted.value).bit_count()

    def send(self, op: Op, node: Node, line: int, payload: int = 0, signal: int = 0) -> None:
        self.host.send(Packet(op=op.value, destination=node, address=SRAM_BASE + line * LINE, size=LINE,
                                        payload=payload, signal=signal, tag=random.getrandbits(6)))

    def _taken(self, packet: Packet) -> None:
        place = packet.destination, (packet.address - SRAM_BASE) // LINE
        if packet.op in (Op.WRITE.value, Op.PUT.value):
            self.lines[place] = packet.payload
        if packet.traffic_class == 0:
            self.requests[packet.destination].append((packet, self.lines[place]))
        self.expected_posts += packet.signal != 0

    def _pushed(self, _: int) -> None:
        self.expected_posts += 2  # its `signal` and its `done`

    def _answered(self, answer: Packet) -> None:
        request, content = self.requests[answer.source].popleft()
        assert (answer.tag, answer.address, answer.size) == (request.tag, request.address, request.size)
        if request.op == Op.READ.value:
            assert (answer.op, answer.payload) == (Op.DATA.value, content)
        else:
            assert answer.op == Op.ACK.value

    def errors(self) -> int:
        """Errors that all nodes have counted."""
        layout = data.Layout.cast(NetworkStatus)
        return sum(fields_of(layout, int(getattr(self.dut, f"status__{index}").value))["errors"]
                   for index in range(len(NODES)))

    async def settle(self, limit: int = 20000) -> None:
        """Until the host has sent everything and has every answer."""
        await self.stage.until(lambda: not self.host.sends and not any(self.requests.values()), limit=limit,
                               what="every request is answered")


@cocotb.test()
async def all_to_all(dut):
    tb = Bench(dut)
    await tb.stage.start()
    size = Descriptor.size(CONFIG) // LINE

    def content_of_a_line() -> int:
        return random.getrandbits(CONFIG.vector_bits)

    # Each node sends its source lines to a block of its own at every node, itself included.
    for index, node in enumerate(NODES):
        for line in range(BLOCK):
            tb.send(Op.WRITE, node, SOURCE + line, content_of_a_line())
        for position, target in enumerate(NODES):
            address = SRAM_BASE + (ARRIVALS + index * BLOCK) * LINE
            content = Descriptor(
                source=SRAM_BASE + SOURCE * LINE, destination=global_address(x=target[0], y=target[1], address=address),
                lines=BLOCK // 4, rows=4, source_stride=BLOCK // 4 * LINE, destination_stride=BLOCK // 4 * LINE,
                signal=1, done=1).to_bytes(CONFIG)
            for piece in range(size):
                tb.send(Op.WRITE, node, DESCRIPTORS + position * size + piece,
                        int.from_bytes(content[piece * LINE:(piece + 1) * LINE], "little"))
        for line in (REQUESTED, POSTED):
            tb.send(Op.WRITE, node, line, content_of_a_line())
    await tb.settle()

    # All lists run again and again, beside requests and posted packets of a host that often takes nothing.
    for _ in range(8):
        for push in tb.pushes:
            positions = random.sample(range(len(NODES)), len(NODES))
            push.waiting += [SRAM_BASE + (DESCRIPTORS + position * size) * LINE for position in positions]
        for node in random.choices(NODES, k=60):
            op = random.choice((Op.READ, Op.WRITE, Op.PUT))
            place = POSTED if op is Op.PUT else REQUESTED
            tb.send(op, node, place, content_of_a_line(), signal=op is Op.PUT)
        tb.host.rates = {"i": 1.0, "o": random.choice((0.0, 0.1, 1.0))}
        await tb.stage.cycles(300)
    tb.host.rates["o"] = 1.0
    await tb.settle()
    await tb.stage.until(lambda: not any(push.waiting for push in tb.pushes) and tb.posts == tb.expected_posts,
                         limit=20000, what="every semaphore is posted")

    # What is where now.
    for index, node in enumerate(NODES):
        for target in NODES:
            for line in range(BLOCK):
                tb.lines[target, ARRIVALS + index * BLOCK + line] = tb.lines[node, SOURCE + line]
    for node, line in tb.lines:
        tb.send(Op.READ, node, line)
    await tb.settle()
    assert not tb.errors()
