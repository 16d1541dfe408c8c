"""The host driver on the RTL of a mesh."""

import random
from functools import partial

import cocotb
import pytest

from hdl.config import SIM, SRAM_BASE
from hdl.memory_map import NodeRegister, ThreadRegister, node_register, thread_register

from .host import TAGS, Host, NoAnswer, Refused, start

CONFIG = SIM


@cocotb.test()
@cocotb.parametrize(outstanding=[1, 3, TAGS])
async def random_accesses_of_any_size_and_alignment(dut, outstanding):
    await start(dut)
    host = Host(dut, CONFIG, outstanding=outstanding)
    memories = {node: bytearray(4096) for node in CONFIG.coordinates()}
    base = {node: SRAM_BASE + random.randrange(CONFIG.sram_bytes - 4096) for node in memories}
    await host.write([(node, base[node], bytes(memory)) for node, memory in memories.items()])
    for _ in range(20):
        writes = []
        for _ in range(random.randint(1, 8)):
            node, offset = random.choice(list(memories)), random.randrange(4096)
            data = random.randbytes(random.randint(1, min(300, 4096 - offset)))
            memories[node][offset:offset + len(data)] = data
            writes.append((node, base[node] + offset, data))
        await host.write(writes)
        places = []
        for _ in range(random.randint(1, 8)):
            offset = random.randrange(4096)
            places.append((random.choice(list(memories)), offset, random.randint(1, min(300, 4096 - offset))))
        read = await host.read([(node, base[node] + offset, size) for node, offset, size in places])
        assert read == [bytes(memories[node][offset:offset + size]) for node, offset, size in places]
        await host.cycles(random.randint(1, 10))
    assert await host.read([(node, base[node], 4096) for node in memories]) == [bytes(m) for m in memories.values()]


@cocotb.test()
async def many_requests_are_under_way_at_once(dut):
    await start(dut)
    host = Host(dut, CONFIG)
    cycles = node_register(NodeRegister.CYCLES)
    before, _, after = await host.read([((0, 1), cycles, 8), ((1, 2), SRAM_BASE, 64 * 200), ((0, 1), cycles, 8)])
    # Far less than a round trip, about 15 cycles, for each of the 200 lines.
    assert int.from_bytes(after, "little") - int.from_bytes(before, "little") < 600


async def refused(host: Host, message: str, **access) -> None:
    with pytest.raises(Refused, match=message):
        await (host.write if "data" in access else host.read)([tuple(access.values())])


@cocotb.test()
async def refusals_name_the_access_and_its_error(dut):
    await start(dut)
    host = Host(dut, CONFIG)
    await refused(host, "WRITE of 4 bytes at 0x80020000 of node 1,2: refused, error ADDRESS at 0x80020000",
                  node=(1, 2), address=CONFIG.sram_end, data=bytes(4))
    await refused(host, "READ of 64 bytes at 0x7fffffc0 of node 0,1: refused, error ADDRESS at 0x7fffffc0",
                  node=(0, 1), address=SRAM_BASE - 64, size=70)
    await refused(host, "READ of 8 bytes at 0x80000000 of node 2,1: refused, error DESTINATION",
                  node=(2, 1), address=SRAM_BASE, size=8)
    await refused(host, "READ of 8 bytes at 0x80000000 of node 0,0: refused, error DESTINATION",
                  node=(0, 0), address=SRAM_BASE, size=8)
    await refused(host, "READ of 4 bytes at 0x2000008 of node 0,1: refused, error SIZE",
                  node=(0, 1), address=thread_register(0, ThreadRegister.STATE), size=4)
    # The host goes on as if nothing had happened.
    await host.write([((1, 1), SRAM_BASE, b"still here")])
    assert await host.read([((1, 1), SRAM_BASE, 10)]) == [b"still here"]


class Registers:
    """Those of a node, through the host."""

    def __init__(self, host: Host, node: tuple[int, int]):
        self.host, self.node = host, node

    async def read(self, number: NodeRegister) -> int:
        data, = await self.host.read([(self.node, node_register(number), 8)])
        return int.from_bytes(data, "little")

    async def write(self, number: NodeRegister, value: int) -> None:
        await self.host.write([(self.node, node_register(number), value.to_bytes(8, "little"))])

    async def inject(self, address: int, first: int, second: int) -> None:
        """Turn bits of the word at an address over, and wait until it is done."""
        await self.write(NodeRegister.SRAM_INJECT, address | first << 32 | second << 40)
        while (await self.read(NodeRegister.SRAM_INJECT)) >> 63:
            pass


@cocotb.test()
async def memory_errors_are_corrected_or_refused(dut):
    """Injected and counted by node registers."""
    await start(dut)
    host = Host(dut, CONFIG)
    node, address, content = (1, 2), SRAM_BASE + 0x1240, bytes(range(64))
    registers = Registers(host, node)
    register, inject = registers.read, partial(registers.inject, address + 8)

    await host.write([(node, address, content)])
    await inject(5, 5)
    assert await host.read([(node, address, 64)]) == [content]
    assert await register(NodeRegister.SRAM_CORRECTED) > 0
    assert await register(NodeRegister.SRAM_FIRST_CORRECTED) == address + 8
    await inject(5, 71)
    assert await host.read([(node, address, 8), (node, address + 16, 48)]) == [content[:8], content[16:]]
    with pytest.raises(Refused, match=f"refused, error MEMORY at {address:#x}"):
        await host.read([(node, address + 12, 4)])
    assert await register(NodeRegister.SRAM_FIRST_UNCORRECTABLE) == address + 8
    assert await register(NodeRegister.ERRORS) == 1
    await host.write([(node, address + 8, content[8:16])])
    assert await host.read([(node, address, 64)]) == [content]


@cocotb.test()
async def the_scrubber_repairs_what_nobody_reads(dut):
    """A word has three errors, but never two at a time. What does not exist is not injected."""
    await start(dut)
    host = Host(dut, CONFIG)
    node, address, content = (0, 1), SRAM_BASE + 0x11000, bytes(range(64, 128))
    registers = Registers(host, node)
    await host.write([(node, address, content)])
    await registers.write(NodeRegister.SRAM_SCRUB, 2)
    for found, bit in enumerate((0, 63, 71), 1):
        await registers.inject(address + 16, bit, bit)
        await registers.inject(CONFIG.sram_end, 0, 1)
        await registers.inject(address, 0, 72)
        for _ in range(40):
            if await registers.read(NodeRegister.SRAM_CORRECTED) >= found:
                break
            await host.cycles(1000)
        assert await registers.read(NodeRegister.SRAM_CORRECTED) == found
    assert await registers.read(NodeRegister.SRAM_FIRST_CORRECTED) == address + 16
    assert await host.read([(node, address, 64)]) == [content]
    assert await registers.read(NodeRegister.SRAM_UNCORRECTABLE) == 0


@cocotb.test()
async def a_request_without_an_answer_is_named(dut):
    await start(dut)
    host = Host(dut, CONFIG, patience=200)
    dut.rst.value = 1
    with pytest.raises(NoAnswer, match=r"no answer to a READ of 8 bytes at 0x8000.* for 200 cycles"):
        await host.read([((1, 1), SRAM_BASE + 0x40 * index, 8) for index in range(100)])
