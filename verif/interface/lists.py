"""Lists of every shape, alone and beside other traffic."""

import random
import struct
from dataclasses import replace
from typing import Any

import cocotb

from hdl.config import SRAM_BASE
from hdl.memory_map import Descriptor, ErrorCode
from hdl.noc.packet import PULL_SLOTS, Op
from verif.interface.environment import CONFIG, HALF, HERE, LINE, PUSHES_END
from verif.interface.list_environment import (
    FIRST_LINE,
    PULLED,
    THERE,
    bad_fields,
    environment,
    flat,
    local,
    random_good,
)
from verif.interface.packets import packet

SHAPES: list[dict[str, Any]] = [
    {},
    {"lines": 5},
    {"rows": 4},
    {"lines": 3, "rows": 3, "source_stride": 7 * LINE, "destination_stride": 3 * LINE},
    {"lines": 2, "rows": 3, "source_stride": LINE, "destination_stride": 2 * LINE},
    {"lines": 2, "rows": 3, "source_stride": -4 * LINE & 0xFFFF_FFFF, "destination_stride": 0},
]


@cocotb.test()
async def shapes(dut):
    env = await environment(dut)
    last = CONFIG.sram_lines - 1
    plain = Descriptor(source=local(20), destination=flat(40), signal=1, done=HALF + 1)
    for node in (THERE, HERE, (0, 1)):
        for shape in SHAPES:
            await env.run(replace(plain, destination=flat(40, node), **shape))
    await env.run(Descriptor(source=local(last), destination=flat(last)))
    status = await env.run(Descriptor(source=local(1), destination=local(2), lines=4))
    assert status["errors"] == 0


@cocotb.test()
async def one_line_each_cycle(dut):
    env = await environment(dut)
    env.sram.read.latency = 2, 2
    count = min(200, CONFIG.sram_lines // 2)
    await env.run(Descriptor(source=local(0), destination=flat(0), lines=count))
    await env.run(Descriptor(source=local(0), destination=flat(0), lines=4, rows=count // 4))
    cycles = [cycle for cycle, _ in env.out]
    for began in (0, count):
        assert cycles[began:began + count] == list(range(cycles[began], cycles[began] + count))


@cocotb.test()
async def gathers(dut):
    """Rows from anywhere, whose numbers begin anywhere in a line and go on in the next ones."""
    env = await environment(dut)
    for first in (0, 1, LINE // 4 - 1):
        numbers = [random.randrange(FIRST_LINE) for _ in range(2 * LINE // 4)]
        env.load(8 * LINE + 4 * first, struct.pack(f"<{len(numbers)}I", *numbers))
        for lines in (1, 3):
            await env.run(Descriptor(source=local(0), destination=flat(0), gather=local(8) + 4 * first, lines=lines,
                                     rows=len(numbers), destination_stride=lines * LINE, signal=1, done=HALF + 1))
    env.load(CONFIG.sram_bytes - 8, bytes(8))
    status = await env.run(Descriptor(source=local(5), destination=flat(0), rows=3,
                                      gather=local(CONFIG.sram_lines - 1) + LINE - 8))
    assert status["first_error"] == ErrorCode.ADDRESS.value | (SRAM_BASE + CONFIG.sram_bytes) << 32


@cocotb.test()
async def broadcasts(dut):
    """To a column, a row, a rectangle and all nodes; out of the mesh it is refused when it gets there."""
    env = await environment(dut)
    plain = Descriptor(source=local(3), destination=flat(7, (0, 1)), lines=2, rows=2, source_stride=4 * LINE,
                       destination_stride=2 * LINE, signal=2, done=HALF + 1)
    for columns, rows in ((0, 2), (2, 0), (1, 1), (2, 2)):
        env.out.clear()
        await env.run(replace(plain, more_columns=columns, more_rows=rows))
        nodes = [sent.destination for _, sent in env.out if sent.signal]
        assert len(set(nodes)) == len(nodes) == (columns + 1) * (rows + 1)
    for columns, rows, sent in ((3, 0, 3), (0xFFFF, 0, 3), (1, 3, 6), (1, 0xFFFF, 6)):
        env.out.clear()
        await env.run(replace(plain, more_columns=columns, more_rows=rows))
        assert len(env.out) == sent
    assert env.status()["errors"] == 4


@cocotb.test()
async def chains(dut):
    """In order, up to the first that is refused."""
    env = await environment(dut)
    good = Descriptor(source=local(1), destination=flat(2), lines=3, signal=1, done=HALF + 1)
    for pull in (False, True):
        first = good
        if pull:
            first = replace(good, source=flat(2), destination=local(PULLED), signal=0, done=PUSHES_END + 1)
        await env.run(*(replace(first, lines=lines) for lines in (1, 4, 2)), pull=pull)
        assert env.status()["errors"] == 3 * pull
        for bad, code in ((replace(first, rows=0), ErrorCode.DESCRIPTOR),
                          (replace(first, next=local(CONFIG.sram_lines)), ErrorCode.ADDRESS),
                          (replace(first, next=local(FIRST_LINE) + 4), ErrorCode.ADDRESS)):
            chain = (first, bad, first) if code is ErrorCode.DESCRIPTOR else (first, bad)
            assert env.refusals(env.push(*chain, pull=pull), pull=pull) == [code]
            await env.finish()


@cocotb.test()
async def pulls(dut):
    """Shapes, answers in any order, pulls from the node itself and from nowhere."""
    env = await environment(dut)
    plain = Descriptor(source=flat(40), destination=local(900), signal=PUSHES_END + 2, done=PUSHES_END + 1)
    for node in (THERE, HERE, (0, 1)):
        for shape in SHAPES:
            env.answer_rate = random.choice((0.05, 1.0))
            await env.run(replace(plain, source=flat(40, node), **shape), pull=True)
    await env.run(replace(plain, source=local(40), lines=3), pull=True)
    assert env.status()["errors"] == 0
    for count, (change, code) in enumerate((
            ({"source": flat(0, (CONFIG.columns, 1))}, ErrorCode.DESTINATION),
            ({"source": flat(0) | 1 << 50}, ErrorCode.ADDRESS),
            ({"source": flat(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
            ({"destination": flat(900)}, ErrorCode.ADDRESS),
            ({"destination": local(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
            ({"more_rows": 1}, ErrorCode.DESCRIPTOR), ({"source": flat(0) + 4}, ErrorCode.DESCRIPTOR)), 1):
        env.out.clear()
        assert env.refusals(env.push(replace(plain, **change), pull=True), pull=True) == [code]
        assert (await env.finish())["errors"] == count
        assert not env.out


@cocotb.test()
async def slots_bound_what_is_under_way(dut):
    env = await environment(dut)
    env.answer_rate = 0.0
    env.push(Descriptor(source=flat(0), destination=local(0), lines=100), pull=True)
    await env.stage.cycles(150)
    assert len(env.out) == PULL_SLOTS
    await env.finish()


@cocotb.test()
async def both_ways_one_line_each_cycle(dut):
    """A push's lines leave and a pull's come, each cycle; the pull's requests share the way out with the push."""
    env = await environment(dut)
    count = 120
    await env.run(Descriptor(source=flat(0), destination=local(0), lines=count), pull=True)
    cycles = [cycle for cycle, _ in env.out]
    assert cycles == list(range(cycles[0], cycles[0] + count))
    env.out.clear()
    env.push(Descriptor(source=flat(0), destination=local(0), lines=count), pull=True)
    env.push(Descriptor(source=local(count), destination=flat(0), lines=count))
    await env.finish()
    cycles = [cycle for cycle, _ in env.out]
    assert cycles[-1] - cycles[0] < 2 * count + 8
    middle = [sent.op for _, sent in env.out[20:-20]]
    assert abs(middle.count(Op.PUT.value) - middle.count(Op.READ.value)) < 8


@cocotb.test()
async def random_lists(dut):
    env = await environment(dut)
    env.spoil(*random.sample(range(FIRST_LINE, CONFIG.sram_lines), CONFIG.sram_lines // 50))
    addresses = []
    for index in range(420):
        pull = index % 3 == 0
        good = random_good(pull=pull)
        change, _ = random.choice(bad_fields(good))
        descriptor = good if random.random() < 0.8 else replace(good, **change)
        if pull and descriptor is not good:
            descriptor = replace(good, rows=0)
        following = [address for which, address in addresses[-4:] if which == pull]
        if following and random.random() < 0.3:
            descriptor = replace(descriptor, next=random.choice(following))
        addresses.append((pull, env.lay_down(descriptor)))
    addresses = [(pull, address) for pull, address in addresses if pull or not env.reads_what_pulls_write(address)]
    while addresses:
        for _ in range(8):
            if addresses:
                pull, address = addresses.pop()
                (env.pulls if pull else env.pushes).waiting.append(address)
        for agent in (env.sram.read.requests, env.sram.write.requests, env.pushes, env.pulls):
            agent.rate = random.choice((0.1, 0.5, 1.0))
        env.answer_rate = random.choice((0.1, 0.5, 1.0))
        env.sink.rates = [random.choice((0.1, 0.5, 1.0)) for _ in range(2)]
        env.sram.read.latency = random.choice(((1, 1), (3, 3), (1, 6)))
        await env.stage.cycles(random.choice((50, 400)))
    await env.finish()


@cocotb.test()
async def beside_other_traffic(dut):
    """Answers, lists and signals share the way out fairly, and none is mixed up with another."""
    env = await environment(dut)
    env.push(Descriptor(source=local(16), destination=flat(0), lines=100))
    for _ in range(100):
        env.say(packet(Op.SIGNAL, source=HERE, signal=random.getrandbits(5)))
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
    for _ in range(CONFIG.list_queue + 3):
        env.push(Descriptor(source=local(0), destination=flat(0), lines=20, done=PUSHES_END))
    await env.stage.cycles(60)
    assert len(env.pushes.waiting) == 2
    await env.finish()
