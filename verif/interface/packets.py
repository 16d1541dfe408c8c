"""Packets that come to a node: requests, posted packets, and bad ones of every kind."""

import random
from itertools import product
from typing import Any

import cocotb

from hdl.config import SRAM_BASE
from hdl.isa import Atomic
from hdl.memory_map import CONTROL_BASE, CONTROL_BITS, ErrorCode
from hdl.noc.packet import PULL_TAG, Op
from verif.interface.environment import CONFIG, HALF, HERE, LINE, Environment
from verif.noc import CLASSES, Packet

HOST = (0, 0)

#: Threads that wait for an answer in these tests, a bit for each.
AWAITING = 0b01

#: Lines of the SRAM that packets of a class write to; few, so that they meet.
LINES = ([0, 1, 2, CONFIG.sram_lines - 1], [8, 9, CONFIG.sram_lines - 2])


def packet(op: Op, address: int = SRAM_BASE, size: int = LINE, **fields) -> Packet:
    return Packet(destination=HERE, source=HOST, op=op.value, address=address, size=size,
                  payload=random.getrandbits(CONFIG.vector_bits)).but(**fields)


def random_good(traffic_class: int) -> Packet:
    """A packet that can be served."""
    op = random.choice((Op.READ, Op.WRITE, Op.ATOMIC) if traffic_class == 0 else (Op.PUT, Op.PUT, Op.SIGNAL, Op.DATA))
    if op is Op.DATA:
        return packet(random.choice((Op.DATA, Op.ACK, Op.ERROR)), random.getrandbits(32), random.getrandbits(7),
                      tag=random.choice([tag for tag in range(CONFIG.threads) if AWAITING >> tag & 1]))
    if op is Op.ATOMIC:
        size = random.choice((4, 8))
        address = SRAM_BASE + random.choice(LINES[0]) * LINE + random.randrange(0, LINE, size)
        return packet(op, address, size, signal=random.choice(list(Atomic)), tag=random.getrandbits(6))
    if random.random() < 0.2:
        block = random.randrange(0, 1 << CONTROL_BITS, 64) & ~64 | traffic_class << 6
        address, size = CONTROL_BASE + block + random.randrange(0, 64, 8), 8
    else:
        start = random.choice((0, random.randrange(LINE)))
        size = random.choice((1, LINE - start, random.randint(1, LINE - start)))
        address = SRAM_BASE + random.choice(LINES[traffic_class]) * LINE + start
    signal = 0 if traffic_class == 0 else random.randint(op is Op.SIGNAL, HALF)
    return packet(op, address, size, signal=signal, tag=random.getrandbits(6), born=random.getrandbits(10),
                  source=random.choice((HOST, (random.getrandbits(7), random.getrandbits(7)))))


def random_bad(traffic_class: int) -> Packet:
    """A packet that probably cannot be served."""
    made = random_good(traffic_class)
    changes: list[dict[str, Any]] = [
        {"op": random.choice([3, 4, 5, 6, 7] if traffic_class == 0 else [13, 14, 15])},
        {"op": random.choice([8, 9, 10]) if traffic_class else 2,
         "tag": random.choice([tag for tag in (*range(CONFIG.threads + 1), PULL_TAG, 63) if not AWAITING >> tag & 1])},
        {"address": random.choice([
            0, SRAM_BASE - 1, SRAM_BASE + CONFIG.sram_bytes, 0xFFFF_FFFF, CONTROL_BASE - 8,
            CONTROL_BASE + (1 << CONTROL_BITS), random.getrandbits(31)])},
        {"size": 0},
        {"size": LINE - made.address % LINE + random.randint(1, 127 - LINE)},
        {"address": CONTROL_BASE + 64 * traffic_class + 4},
        {"address": CONTROL_BASE + 64 * traffic_class, "size": random.choice((4, 7, 9))},
        {"destination": random.choice([(HERE[0] + 1, HERE[1]), (HERE[0], 0), (127, 127)])},
        {"signal": random.randint(CONFIG.semaphores + 1, 63)},
        *([{"signal": len(Atomic)}, {"address": CONTROL_BASE + 128}] if made.op == Op.ATOMIC.value else []),
        *([{"signal": 0}] if made.op == Op.SIGNAL.value else []),
    ]
    return made.but(**random.choice(changes))


def of_a_thread() -> Packet:
    """A packet that a thread sends."""
    op = random.choice((Op.READ, Op.WRITE, Op.ATOMIC, Op.PUT, Op.SIGNAL))
    return packet(op, random.getrandbits(32), random.getrandbits(7), signal=random.getrandbits(6),
                  destination=(random.getrandbits(7), random.getrandbits(7)), tag=random.randrange(CONFIG.threads),
                  source=HERE)


async def environment(dut) -> Environment:
    made = Environment(dut)
    made.awaiting = AWAITING
    await made.start()
    return made


@cocotb.test()
async def latencies(dut):
    env = await environment(dut)
    register = CONTROL_BASE + 8
    for asked, cycles in ((packet(Op.READ), 5), (packet(Op.WRITE), 4), (packet(Op.READ, register, 8), 4),
                          (packet(Op.WRITE, register, 8), 4), (packet(Op.READ, 0), 4),
                          (packet(Op.ATOMIC, size=8, signal=Atomic.ADD), 6)):
        env.mesh.send(asked)
        began = env.stage.now
        await env.stage.cycles(10)
        assert env.out.pop()[0] - began == cycles
    env.mesh.send(packet(Op.PUT, SRAM_BASE + LINES[1][0] * LINE, signal=1))
    await env.stage.cycles(4)
    assert not env.packet_posts, "a PUT's semaphore is posted in the third cycle after it came"
    await env.finish()


@cocotb.test()
async def every_size_and_offset(dut):
    env = await environment(dut)
    for start in range(LINE):
        for size in range(1, LINE - start + 1):
            if LINE <= 16 or start in (0, 1, 31, 62, 63) or size in (1, 2, 8, LINE - start):
                env.mesh.send(packet(Op.WRITE, SRAM_BASE + start, size))
                env.mesh.send(packet(Op.READ, SRAM_BASE + start, size))
                env.mesh.send(packet(Op.PUT, SRAM_BASE + LINES[1][0] * LINE + start, size))
    await env.finish()


@cocotb.test()
async def each_error(dut):
    """ERRORS counts each, FIRST_ERROR keeps the first, requests are answered, and nothing changes."""
    env = await environment(dut)
    end = SRAM_BASE + CONFIG.sram_bytes
    outside = (CONTROL_BASE - 8, CONTROL_BASE + (1 << CONTROL_BITS), SRAM_BASE - 8, end, 0, 0xFFFF_FFF8)
    bad = [(packet(Op.READ, SRAM_BASE + 8, 8, destination=(2, 2)), ErrorCode.DESTINATION)]
    for op in (Op.READ, Op.WRITE, Op.PUT):
        bad += [(packet(op, address, 8), ErrorCode.ADDRESS) for address in outside]
        bad += [(packet(op, SRAM_BASE, 0), ErrorCode.SIZE), (packet(op, SRAM_BASE, LINE + 1), ErrorCode.SIZE),
                (packet(op, SRAM_BASE + LINE - 1, 2), ErrorCode.SIZE), (packet(op, SRAM_BASE + 1, 127), ErrorCode.SIZE),
                (packet(op, CONTROL_BASE, 4), ErrorCode.SIZE), (packet(op, CONTROL_BASE + 4, 8), ErrorCode.SIZE),
                (packet(op, CONTROL_BASE, LINE), ErrorCode.SIZE)]
    for op in (Op.PUT, Op.SIGNAL):
        bad += [(packet(op, signal=signal), ErrorCode.SEMAPHORE) for signal in (CONFIG.semaphores + 1, 63)]
    bad += [(packet(Op.SIGNAL, signal=0), ErrorCode.SEMAPHORE)]
    bad += [(packet(Op.READ).but(op=op), ErrorCode.OP) for op in (3, 4, 5, 6, 7, 13, 14, 15)]
    bad += [(packet(op, tag=tag), ErrorCode.OP) for op in (Op.DATA, Op.ACK, Op.ERROR)
            for tag in (1, CONFIG.threads, PULL_TAG - 1, PULL_TAG, 63)]
    bad += [(packet(Op.DATA, destination=(2, 2)), ErrorCode.DESTINATION)]
    good = packet(Op.ATOMIC, SRAM_BASE + 8, 8, signal=Atomic.CAS)
    for changes, code in (
            ({"signal": len(Atomic)}, ErrorCode.OP), ({"signal": 63}, ErrorCode.OP),
            *(({"address": address}, ErrorCode.ADDRESS) for address in (*outside, CONTROL_BASE)),
            ({"size": 0}, ErrorCode.SIZE), ({"size": 1}, ErrorCode.SIZE), ({"size": LINE}, ErrorCode.SIZE),
            ({"address": SRAM_BASE + 12}, ErrorCode.SIZE), ({"address": SRAM_BASE + 6, "size": 4}, ErrorCode.SIZE),
            ({"address": SRAM_BASE + LINE - 4}, ErrorCode.SIZE), ({"destination": (2, 2)}, ErrorCode.DESTINATION)):
        bad.append((good.but(**changes), code))
    for count, (asked, code) in enumerate(bad, 1):
        refusal = env.model.refusal(asked)
        assert refusal is not None
        assert refusal.code is code
        env.mesh.send(asked)
        await env.stage.cycles(8)
        assert env.status()["errors"] == count
    status = await env.finish()
    assert status["first_error"] == (SRAM_BASE + 8) << 32 | ErrorCode.DESTINATION.value


@cocotb.test()
async def every_atomic(dut):
    """All functions and sizes on corner values, equal operands among them."""
    env = await environment(dut)
    corners = (0, 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
    for size in (4, 8):
        for function in Atomic:
            for offset, (old, operand) in enumerate(product(corners, corners)):
                address = SRAM_BASE + offset * size % LINE
                old &= (1 << 8 * size) - 1
                env.mesh.send(packet(Op.WRITE, address, size, payload=old << address % LINE * 8))
                expected = random.choice((old, operand, old ^ 1 << random.randrange(64)))
                env.mesh.send(packet(Op.ATOMIC, address, size, signal=function, payload=operand | expected << 64))
    await env.finish()


@cocotb.test()
async def random_packets(dut):
    env = await environment(dut)
    for _ in range(30):
        for _ in range(100):
            traffic_class = random.randrange(CLASSES)
            env.mesh.send((random_good if random.random() < 0.8 else random_bad)(traffic_class))
        for agent in (env.mesh, env.sram.read.requests, env.sram.write.requests, *env.threads):
            agent.rate = random.choice((0.1, 0.5, 1.0))
        for _ in range(20):
            env.say(of_a_thread())
        env.sink.rates = [random.choice((0.1, 0.5, 1.0)) for _ in range(CLASSES)]
        env.sram.read.latency = random.choice(((1, 1), (3, 3), (1, 6)))
        env.sram.write.latency = random.choice(((1, 1), (1, 4)))
        env.semaphores.full = {random.randrange(HALF)}
        env.semaphores.thread_overflow_rate = random.choice((0.0, 0.1))
        await env.stage.cycles(200)
    await env.finish()


@cocotb.test()
async def a_put_each_cycle(dut):
    env = await environment(dut)
    for index in range(200):
        env.mesh.send(packet(Op.PUT, SRAM_BASE + index % 100 * LINE, signal=index % HALF + 1))
    await env.stage.cycles(200)
    assert env.packets_in == 200
    await env.finish()


@cocotb.test()
async def a_request_each_cycle(dut):
    """READs flow without a gap, and so do WRITEs; a WRITE behind a READ waits until the SRAM has taken that."""
    env = await environment(dut)
    for op in (Op.READ, Op.WRITE):
        began = env.packets_in
        for index in range(200):
            env.mesh.send(packet(op, SRAM_BASE + index % 4 * LINE))
        await env.stage.cycles(210)
        assert env.packets_in - began == 200
        assert not env.replies, "the last answer has left 10 cycles after its request was offered"
    await env.finish()


@cocotb.test()
async def posted_packets_do_not_wait_for_requests(dut):
    """With no room in the mesh requests stop, of each kind, and posted packets go on at full speed."""
    env = await environment(dut)
    for ops in ((Op.READ,), (Op.WRITE,), (Op.READ, Op.WRITE)):
        before = env.packets_in
        env.mesh.polite = False
        env.sink.rates = [0.0, 0.0]
        for _ in range(40):
            env.mesh.send(packet(random.choice(ops), SRAM_BASE))
            env.say(of_a_thread())
        await env.stage.cycles(100)
        blocked = env.packets_in
        assert blocked - before < 20
        for index in range(100):
            env.mesh.send(packet(Op.PUT, SRAM_BASE + LINES[1][0] * LINE, signal=index % HALF + 1))
        env.mesh.polite = True
        await env.stage.cycles(100)
        assert env.packets_in == blocked + 100
        await env.finish()


@cocotb.test()
async def neither_class_starves(dut):
    """Posted packets without end let a request through in turn."""
    env = await environment(dut)
    env.mesh.polite = True
    for _ in range(300):
        env.mesh.send(packet(Op.PUT, SRAM_BASE + LINES[1][0] * LINE))
    for _ in range(50):
        env.mesh.send(packet(Op.WRITE, SRAM_BASE))
    env.sram.write.requests.rate = 0.5
    await env.stage.until(lambda: not env.mesh.waiting[0], limit=400, what="the requests are through")
    assert env.mesh.waiting[1]
    await env.finish()


@cocotb.test()
async def requests_keep_their_order(dut):
    """A request is served after the read of the one before, however slow that is."""
    env = await environment(dut)
    env.sram.read.requests.rate = 0.1
    env.sram.read.latency = 1, 8
    for index in range(60):
        env.mesh.send(packet((Op.READ, Op.WRITE)[index % 2], SRAM_BASE))
    await env.stage.cycles(1000)
    await env.finish()
