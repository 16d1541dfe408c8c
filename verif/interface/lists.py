"""Lists: descriptors of every shape, good and bad, alone and beside other traffic."""

import random
from dataclasses import replace
from typing import Any

import cocotb

from hdl.config import SRAM_BASE, global_address
from hdl.memory_map import Descriptor, ErrorCode
from hdl.noc.packet import COORDINATE_BITS, Op
from verif.interface.environment import CONFIG, HALF, HERE, LINE, Environment
from verif.interface.packets import packet

#: Descriptors lie from this line on, and nothing writes from here to the end of the SRAM.
FIRST_LINE = 16

THERE = (2, 1)


def flat(line: int, node: tuple[int, int] = THERE) -> int:
    """Global address of a line."""
    return global_address(x=node[0], y=node[1], address=SRAM_BASE + line * LINE)


def local(line: int) -> int:
    return SRAM_BASE + line * LINE


class Lists(Environment):
    """The environment with an SRAM full of random bytes, and lists to push."""

    def __init__(self, dut):
        super().__init__(dut)
        self.load(0, random.randbytes(CONFIG.sram_bytes))
        self.next_line = FIRST_LINE

    def lay_down(self, descriptor: Descriptor) -> int:
        """Put a descriptor into the SRAM and return its address. No list may be under way that could read there."""
        content = descriptor.to_bytes(CONFIG)
        if self.next_line * LINE + len(content) > CONFIG.sram_bytes:
            self.next_line = FIRST_LINE
        line = self.next_line
        self.next_line += len(content) // LINE
        self.load(line * LINE, content)
        return local(line)

    def push(self, descriptor: Descriptor) -> int:
        """Lay a descriptor down and push it; returns its address."""
        address = self.lay_down(descriptor)
        self.pushes.waiting.append(address)
        return address

    async def run(self, descriptor: Descriptor) -> dict[str, int]:
        """Carry out one list."""
        self.push(descriptor)
        return await self.finish()


async def environment(dut) -> Lists:
    made = Lists(dut)
    await made.start()
    return made


def random_good() -> Descriptor:
    """A descriptor that is well made; it may still lead out of the SRAM."""
    def stride() -> int:
        return random.choice((0, LINE, random.randint(-40, 40) * LINE)) & 0xFFFF_FFFF

    def line() -> int:
        return random.choice((0, CONFIG.sram_lines - 1, random.randrange(CONFIG.sram_lines)))

    node = random.choice((HERE, *CONFIG.coordinates()))
    return Descriptor(
        source=local(line()), destination=random.choice((flat(line(), node), local(line()))),
        lines=random.choice((1, 2, random.randint(1, 8))), rows=random.choice((1, 2, random.randint(1, 6))),
        source_stride=stride(), destination_stride=stride(), signal=random.randint(0, CONFIG.semaphores),
        done=random.choice((0, random.randint(HALF + 1, CONFIG.semaphores))))


def bad_fields(good: Descriptor) -> list[tuple[dict[str, Any], ErrorCode]]:
    """Changes that break a descriptor, and the error that each makes."""
    reserved = Descriptor.size(CONFIG) - 36
    x, y = THERE
    return [
        *(({name: getattr(good, name) + step}, ErrorCode.DESCRIPTOR)
          for name in ("source", "destination", "source_stride", "destination_stride") for step in (1, LINE // 2)),
        ({"lines": 0}, ErrorCode.DESCRIPTOR),
        ({"rows": 0}, ErrorCode.DESCRIPTOR),
        ({"reserved": b"\1"}, ErrorCode.DESCRIPTOR),
        ({"reserved": bytes(reserved - 1) + b"\x80"}, ErrorCode.DESCRIPTOR),
        ({"signal": CONFIG.semaphores + 1}, ErrorCode.SEMAPHORE),
        ({"signal": 0x8001}, ErrorCode.SEMAPHORE),
        ({"done": CONFIG.semaphores + 1}, ErrorCode.SEMAPHORE),
        ({"done": 0x8001}, ErrorCode.SEMAPHORE),
        ({"destination": flat(0, (CONFIG.columns, y))}, ErrorCode.DESTINATION),
        ({"destination": flat(0, (x + 128, y))}, ErrorCode.DESTINATION),
        ({"destination": flat(0, (x, CONFIG.rows + 1))}, ErrorCode.DESTINATION),
        ({"destination": flat(0, (x, 0))}, ErrorCode.DESTINATION),
        ({"destination": flat(0) | 1 << 49}, ErrorCode.ADDRESS),
        ({"destination": flat(0) | 1 << 63}, ErrorCode.ADDRESS),
        ({"destination": local(0) | 1 << 32}, ErrorCode.ADDRESS),
        ({"destination": flat(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
        ({"destination": flat(-1)}, ErrorCode.ADDRESS),
        ({"source": local(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
        ({"source": local(-1)}, ErrorCode.ADDRESS),
        ({"source": local(0) | 1 << 32}, ErrorCode.ADDRESS),
        ({"source": local(0) | 1 << 63}, ErrorCode.ADDRESS),
    ]


@cocotb.test()
async def shapes(dut):
    env = await environment(dut)
    last = CONFIG.sram_lines - 1
    plain = Descriptor(source=local(20), destination=flat(40), signal=1, done=HALF + 1)
    shapes: list[dict[str, Any]] = [
        {},
        {"lines": 5},
        {"rows": 4},
        {"lines": 3, "rows": 3, "source_stride": 7 * LINE, "destination_stride": 3 * LINE},
        {"lines": 2, "rows": 3, "source_stride": LINE, "destination_stride": 2 * LINE},
        {"lines": 2, "rows": 3, "source_stride": -4 * LINE & 0xFFFF_FFFF, "destination_stride": 0},
    ]
    for node in (THERE, HERE, (0, 1)):
        for shape in shapes:
            await env.run(replace(plain, destination=flat(40, node), **shape))
    await env.run(Descriptor(source=local(last), destination=flat(last)))
    status = await env.run(Descriptor(source=local(1), destination=local(2), lines=4))
    assert status["errors"] == 0


@cocotb.test()
async def each_error(dut):
    env = await environment(dut)
    good = Descriptor(source=local(20), destination=flat(40), lines=2, rows=2, source_stride=2 * LINE,
                      destination_stride=2 * LINE, signal=1, done=HALF + 1)
    for count, (change, code) in enumerate(bad_fields(good), 1):
        bad = replace(good, **change)
        address = env.push(bad)
        refusal = env.model.list_packets(address)[1]
        assert refusal is not None
        assert refusal.code is code
        status = await env.finish()
        assert status["errors"] == count
        assert not env.out, "nothing is sent"


@cocotb.test()
async def refused_on_the_way(dut):
    """Lines before the one that leads out of the SRAM are sent; `done` is posted, `signal` is not."""
    env = await environment(dut)
    last = CONFIG.sram_lines - 1
    plain = Descriptor(source=local(last - 2), destination=flat(0), lines=9, signal=1, done=HALF + 1)
    shapes: list[dict[str, Any]] = [
        {},
        {"source": local(FIRST_LINE), "destination": flat(last - 2)},
        {"source": local(2), "lines": 1, "rows": 9, "source_stride": -LINE & 0xFFFF_FFFF},
    ]
    for shape in shapes:
        env.out.clear()
        await env.run(replace(plain, **shape))
        assert len(env.out) == 3
        assert not any(sent.signal for _, sent in env.out)


@cocotb.test()
async def one_line_each_cycle(dut):
    env = await environment(dut)
    env.sram.latency = 2, 2
    count = min(200, CONFIG.sram_lines // 2)
    await env.run(Descriptor(source=local(0), destination=flat(0), lines=count))
    await env.run(Descriptor(source=local(0), destination=flat(0), lines=4, rows=count // 4))
    cycles = [cycle for cycle, _ in env.out]
    for began in (0, count):
        assert cycles[began:began + count] == list(range(cycles[began], cycles[began] + count))


@cocotb.test()
async def random_lists(dut):
    env = await environment(dut)
    addresses = []
    for _ in range(320):
        good = random_good()
        change, _ = random.choice(bad_fields(good))
        addresses.append(env.lay_down(good if random.random() < 0.8 else replace(good, **change)))
    while addresses:
        env.pushes.waiting += [addresses.pop() for _ in range(8)]
        for agent in (env.sram.reads, env.semaphores, env.pushes):
            agent.rate = random.choice((0.1, 0.5, 1.0))
        env.sink.rates = [0.0, random.choice((0.1, 0.5, 1.0))]
        env.sram.latency = random.choice(((1, 1), (3, 3), (1, 6)))
        await env.stage.cycles(random.choice((50, 400)))
    await env.finish()


@cocotb.test()
async def beside_other_traffic(dut):
    """Answers, lists and signals share the way out fairly, and none is mixed up with another."""
    env = await environment(dut)
    env.push(Descriptor(source=local(16), destination=flat(0), lines=100))
    env.signals.waiting += [random.getrandbits(5) << 2 * COORDINATE_BITS for _ in range(100)]
    for index in range(60):
        env.mesh.send(packet((Op.READ, Op.WRITE)[index % 2], local(index % 8), tag=index))
        env.mesh.send(packet(Op.PUT, local(8 + index % 8), signal=1 + index % HALF))
    await env.finish()
    kinds = [sent.op if sent.op in (Op.PUT.value, Op.SIGNAL.value) else Op.ACK.value for _, sent in env.out]
    middle = kinds[20:80]
    for kind in (Op.PUT.value, Op.SIGNAL.value, Op.ACK.value):
        assert middle.count(kind) > 12, f"{middle.count(kind)} of 60 packets of kind {kind}"
    busy = [cycle for cycle, _ in env.out[20:80]]
    assert busy[-1] - busy[0] == len(busy) - 1, "the way out rested"


@cocotb.test()
async def pushes_wait_when_the_queue_is_full(dut):
    env = await environment(dut)
    env.sink.rates = [0.0, 0.0]
    for _ in range(CONFIG.list_queue + 2):
        env.push(Descriptor(source=local(0), destination=flat(0), lines=20, done=CONFIG.semaphores))
    await env.stage.cycles(60)
    assert len(env.pushes.waiting) == 2
    await env.finish()
