"""Lists that are refused, lead nowhere, or meet lines that cannot be read."""

import random
import struct
from dataclasses import replace
from typing import Any

import cocotb

from hdl.config import SRAM_BASE
from hdl.memory_map import CHAIN_LIMIT, Descriptor, ErrorCode
from hdl.noc.packet import PULL_SLOTS, Op
from verif.interface.environment import CONFIG, HALF, LINE, PUSHES_END
from verif.interface.list_environment import (
    FIRST_LINE,
    bad_fields,
    environment,
    flat,
    local,
)
from verif.interface.packets import packet


@cocotb.test()
async def each_error(dut):
    env = await environment(dut)
    good = Descriptor(source=local(20), destination=flat(40), lines=2, rows=2, source_stride=2 * LINE,
                      destination_stride=2 * LINE, signal=1, done=HALF + 1)
    for count, (change, code) in enumerate(bad_fields(good), 1):
        bad = replace(good, **change)
        assert env.refusals(env.push(bad)) == [code]
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
async def a_chain_that_loops_ends(dut):
    env = await environment(dut)
    again = local(FIRST_LINE)
    descriptor = Descriptor(source=local(1), destination=flat(2), next=again, done=HALF + 1)
    env.load(FIRST_LINE * LINE, descriptor.to_bytes(CONFIG))
    env.pushes.waiting.append(again)
    status = await env.finish()
    assert len(env.out) == CHAIN_LIMIT
    assert status["first_error"] == ErrorCode.CHAIN.value | again << 32


@cocotb.test()
async def lines_that_their_node_refuses(dut):
    """One error for a list; what has been asked for comes, the rest is not asked for, and no `signal` is posted."""
    env = await environment(dut)
    plain = Descriptor(source=flat(40), destination=local(900), lines=60, signal=PUSHES_END + 2, done=PUSHES_END + 1)
    for index, refused in enumerate(((40,), (45, 46, 50), (99,)), 1):
        env.failing = {local(line) for line in refused}
        env.out.clear()
        env.push(plain, pull=True)
        status = await env.run(replace(plain, source=flat(30), lines=9), pull=True)
        assert status["errors"] == index
        assert len(env.out) <= refused[0] - 40 + 2 * PULL_SLOTS
        env.failing = set()
        await env.run(replace(plain, lines=2), pull=True)
    assert env.status()["first_error"] == ErrorCode.ADDRESS.value | local(40) << 32


@cocotb.test()
async def answers_that_come_twice(dut):
    """Nobody waits for the second one, though it is right behind the first."""
    env = await environment(dut)
    env.copies = 2
    status = await env.run(Descriptor(source=flat(40), destination=local(900), lines=8), pull=True)
    assert status["errors"] == 8


@cocotb.test()
async def lines_that_cannot_be_read(dut):
    """None is sent, nor is its list's `signal`; the next list has its own again. Each is counted, wherever it goes."""
    env = await environment(dut)
    first = CONFIG.sram_lines - 20  # behind the descriptors
    good = Descriptor(source=local(first), destination=flat(40), lines=4, signal=1, done=HALF + 1)
    everywhere = replace(good, destination=flat(40, (0, 1)), more_columns=1, more_rows=1)
    errors = 0
    for descriptor, targets in ((good, 1), (replace(good, done=0), 1), (replace(good, signal=0, done=0), 1),
                                (everywhere, 4)):
        for wrong in ((0,), (2,), (3,), (0, 1, 2, 3), (-1, 4)):
            env.spoil(*(first + line for line in wrong))
            env.out.clear()
            status = await env.run(descriptor, replace(good, source=local(first + 10)))
            sent = 4 - len({0, 1, 2, 3}.intersection(wrong))
            errors += (4 - sent) * targets
            assert status["errors"] == errors
            assert len(env.out) == sent * targets + 4
            signals = targets if sent == 4 and descriptor.signal else 0
            assert sum(bool(packet.signal) for _, packet in env.out) == signals + 1
    assert status["first_error"] == ErrorCode.MEMORY.value | local(first) << 32


@cocotb.test()
async def descriptors_and_numbers_that_cannot_be_read(dut):
    """What is not known is not done: of a descriptor nothing, of a gather the rows from there on and the `signal`."""
    env = await environment(dut)
    for pull in (False, True):
        end = PUSHES_END if pull else HALF
        plain = Descriptor(source=flat(40) if pull else local(20), destination=local(900) if pull else flat(40),
                           lines=2, signal=end + 2 if pull else 1, done=end + 1)
        for piece in range(Descriptor.size(CONFIG) // LINE):
            for number in range(2):
                chain = [env.lay_down(plain)]
                chain.insert(0, env.lay_down(replace(plain, next=chain[0])))
                env.spoil((chain[number] - SRAM_BASE) // LINE + piece)
                env.out.clear()
                (env.pulls if pull else env.pushes).waiting.append(chain[0])
                await env.finish()
                assert len(env.out) == 2 * number
        numbers = [random.randrange(FIRST_LINE) for _ in range(3 * LINE // 4)]
        env.load(8 * LINE, struct.pack(f"<{len(numbers)}I", *numbers))
        gather = replace(plain, gather=local(8) + 4, lines=1, rows=len(numbers) - 1, destination_stride=LINE)
        if pull:
            gather = replace(gather, destination_stride=0)
        for wrong, rows in ((8, 0), (9, LINE // 4 - 1), (10, 2 * LINE // 4 - 1), (7, len(numbers) - 1)):
            env.spoil(wrong)
            env.out.clear()
            await env.run(gather, pull=pull)
            assert len(env.out) == rows
    env.spoil(3)
    for address in (local(2) + LINE - 1, local(3), local(3) + LINE - 1, local(4)):
        env.mesh.send(packet(Op.READ, address, size=1))
    status = await env.finish()
    assert status["errors"] == 4 * Descriptor.size(CONFIG) // LINE + 6 + 2
    assert status["first_error"] & 15 == ErrorCode.MEMORY.value
