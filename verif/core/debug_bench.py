"""The debugger on the core, beside the same debugger on the golden model: what they see is equal after each step."""

import os
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress

import cocotb
import pytest

from hdl.config import SRAM_BASE, Config
from hdl.isa import PREDICATES, Cause, CsrNumber
from hdl.memory_map import CONTROL_BASE, THREAD_BLOCK, State, ThreadRegister
from sim.assembler import assemble
from sim.debug import DebugError, Debugger
from sim.errors import Deadlock, OutOfSteps
from sim.job import Node
from sim.mesh import Mesh
from sim.random_program import generate
from verif.core.bench import CoreBench
from verif.core.cases import CORES

NODE = (0, 1)
CONFIG: Config = CORES[os.environ["CONFIG"]]

#: Steps of a program between two looks at all registers.
STRIDE = 25


class CoreHost:
    """A core as a host sees it, by way of the bench's ports."""

    def __init__(self, bench: CoreBench):
        self.bench = bench

    async def read(self, accesses: Sequence[tuple[Node, int, int]]) -> list[bytes]:
        return [await self._read(address, size) for _, address, size in accesses]

    async def _read(self, address: int, size: int) -> bytes:
        if address >= SRAM_BASE:
            return await self.bench.read(address, size)
        thread, register = divmod(address - CONTROL_BASE, THREAD_BLOCK)
        return (await self.bench.get_register(thread, ThreadRegister(register))).to_bytes(size, "little")

    async def write(self, accesses: Iterable[tuple[Node, int, bytes]]) -> None:
        for _, address, content in accesses:
            if address >= SRAM_BASE:
                await self.bench.write(address, content)
            else:
                thread, register = divmod(address - CONTROL_BASE, THREAD_BLOCK)
                await self.bench.set_register(thread, ThreadRegister(register), int.from_bytes(content, "little"))

    async def cycles(self, count: int) -> None:
        await self.bench.stage.cycles(count)

    async def now(self) -> int:
        return self.bench.stage.now


class ModelHost:
    """The golden model as a host sees it, whose threads do a little after each write."""

    def __init__(self, mesh: Mesh):
        self.mesh = mesh

    async def read(self, accesses: Sequence[tuple[Node, int, int]]) -> list[bytes]:
        return [self.mesh.read(x, y, address, size) for (x, y), address, size in accesses]

    async def write(self, accesses: Iterable[tuple[Node, int, bytes]]) -> None:
        for (x, y), address, content in accesses:
            self.mesh.write(x, y, address, content)
        await self.cycles(10)

    async def cycles(self, count: int) -> None:
        with suppress(OutOfSteps, Deadlock):
            self.mesh.run(max_steps=count)

    async def now(self) -> int:
        return self.mesh.steps


class Both:
    """Two debuggers of which everything is asked, and whose answers are equal."""

    def __init__(self, core: Debugger, model: Debugger):
        self.core, self.model = core, model

    async def ask(self, name: str, *arguments):
        found, expected = [await getattr(each, name)(*arguments) for each in (self.core, self.model)]
        assert found == expected, f"{name}{arguments} is {found!r} in the core and {expected!r} in the model"
        return found


async def load(dut, *, memory: Iterable[tuple[int, bytes]], pc: int,
               flaws: Iterable[tuple[int, int, int]] = ()) -> tuple[CoreBench, Both]:
    """A program of one thread in both, before its first instruction; whole lines, and flaws of `Node.inject`."""
    bench, mesh = CoreBench(dut, CONFIG), Mesh(CONFIG)
    await bench.reset()
    for address, content in memory:
        await bench.write(address, content)
        mesh.write(*NODE, address, content)
    for flaw in flaws:
        await bench.inject(*flaw)
        mesh.nodes[NODE].inject(*flaw)
    both = Both(*(Debugger(host, config=CONFIG, node=NODE, thread=0)
                  for host in (CoreHost(bench), ModelHost(mesh))))
    await both.ask("set_pc", pc)
    return bench, both


async def start(dut) -> tuple[CoreBench, Both]:
    """A random program in both."""
    program = generate(random.Random(random.getrandbits(32)), config=CONFIG, length=300, threads=1)
    return await load(dut, memory=program.memory, pc=dict(program.start)[0])


async def compare_registers(both: Both) -> None:
    for register in range(32):
        await both.ask("read_x", register)
        await both.ask("read_v", register)
    for predicate in range(PREDICATES):
        await both.ask("read_predicate", predicate)
    for csr in (CsrNumber.MSCRATCH, CsrNumber.MEPC, CsrNumber.MCAUSE, CsrNumber.MTVAL, CsrNumber.VFORMAT,
                CsrNumber.MHARTID):
        await both.ask("read_csr", csr)


@cocotb.test()
async def steps_through_a_program(dut):
    """Every instruction by itself, to the end; now and then all registers are looked at, and some are changed."""
    _, both = await start(dut)
    for count in range(3000):
        state = await both.ask("step")
        await both.ask("pc")
        await both.ask("instret")
        if state is State.TRAPPED:
            break
        if count % STRIDE == 0 and count < 20 * STRIDE:
            await compare_registers(both)
            await both.ask("write_x", random.randrange(1, 7), random.getrandbits(64))
            await both.ask("write_csr", CsrNumber.MSCRATCH, random.getrandbits(64))
            await both.ask("write_v", random.randrange(32), random.randbytes(CONFIG.vector_bytes))
    assert await both.ask("state") is State.TRAPPED, "the program has not ended"
    await compare_registers(both)


@cocotb.test()
async def halts_and_goes_on(dut):
    """A thread that runs is halted anywhere, looked at, stepped and let go: it ends as if nothing had been."""
    bench, both = await start(dut)
    core = both.core
    await core.resume()
    for _ in range(200):
        await bench.stage.cycles(random.randrange(1, 40))
        if await core.halt() is State.TRAPPED:
            break
        value = random.getrandbits(64)
        number = random.randrange(1, 32)
        kept = await core.read_x(number)
        await core.write_x(number, value)
        assert await core.read_x(number) == value
        await core.write_x(number, kept)
        if random.random() < 0.5:
            await core.step()
        await core.resume()
    else:
        await bench.run([core.thread], limit=100_000)
    await both.model.resume()
    await both.model.host.cycles(100_000)
    await both.ask("state")
    await both.ask("pc")
    await compare_registers(both)


@cocotb.test()
async def steps_through_a_handler(dut):
    """Halted in a handler, a thread still knows why it trapped; halted behind a load of bad data, that it has to."""
    data = SRAM_BASE + 1024
    handler = [assemble("csrrs", rd=10, csr=CsrNumber.MCAUSE, rs1=0),
               assemble("csrrs", rd=11, csr=CsrNumber.MTVAL, rs1=0),
               assemble("csrrw", rd=0, csr=CsrNumber.MTVEC, rs1=0), assemble("ebreak")]
    code = [assemble("auipc", rd=5, imm=0), assemble("addi", rd=6, rs1=5, imm=24),
            assemble("csrrw", rd=0, csr=CsrNumber.MTVEC, rs1=6), assemble("ld", rd=8, rs1=5, imm=1032),
            assemble("addi", rd=9, rs1=0, imm=1), assemble("addi", rd=9, rs1=0, imm=2), *handler]
    image = b"".join(word.to_bytes(4, "little") for word in code)
    image += bytes(-len(image) % CONFIG.vector_bytes)
    _, both = await load(dut, memory=[(SRAM_BASE, image), (data, bytes(CONFIG.vector_bytes))], pc=SRAM_BASE,
                         flaws=[(data + 8, 17, 35)])
    for register in (9, 10, 11):
        await both.ask("write_x", register, 0)
    for count in range(len(code)):
        if await both.ask("step") is State.TRAPPED:
            break
        await both.ask("pc")
        if count != 3:  # looking takes instructions, the first of which would take the trap
            await both.ask("read_x", 10)
    assert await both.ask("read_x", 10) == Cause.HARDWARE_ERROR
    assert await both.ask("read_x", 11) == data + 8
    assert await both.ask("read_x", 9) == 0


@cocotb.test()
async def refuses_what_it_cannot_do(dut):
    """Running threads keep their registers to themselves; instructions that trap or never end are reported."""
    _, both = await start(dut)
    core = both.core
    for word, message in ((0, "trapped with cause 2"), (0x00002083, "trapped with cause 5")):
        with pytest.raises(DebugError, match=message):
            await core.execute(word)
    await core.write_x(5, 1)
    with pytest.raises(DebugError, match="has not ended: it was waiting"):
        await core.execute(assemble("sem.wait", rs1=5, rs2=5))
    assert await core.state() is State.HALTED
    await core.write_x(5, 2)
    await core.execute(assemble("jal", rd=6, imm=8))
    assert await core.read_x(6) == await core.pc() + 4
    await core.resume()
    with pytest.raises(DebugError, match="is running: halt it first"):
        await core.read_x(1)
    await core.halt()
    with pytest.raises(DebugError, match=r"no thread 9 at node \(0, 1\)"):
        Debugger(core.host, config=CONFIG, node=NODE, thread=9)
