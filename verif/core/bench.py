"""Lock-step of the core with the golden model: the same program, the same traces, the same memory at the end."""

import os
import pickle
from pathlib import Path

import cocotb
from amaranth.lib import data

from hdl import memory_map
from hdl.config import SRAM_BASE, Config
from hdl.mem.port import request_layout
from hdl.mem.repair import injection_layout
from hdl.memory_map import State, ThreadRegister
from sim.trace import Record, compare
from verif.noc import Port, Stage
from verif.trace import RetirementMonitor


class CoreBench:
    """Drives `verif.core.top.CoreWithSram`: loads the SRAM, starts threads, records what they retire."""

    def __init__(self, dut, config: Config):
        self.dut = dut
        self.config = config
        self.stage = Stage(dut, [self])
        self.monitor = RetirementMonitor(config=config, x=0, y=1)
        self.records: list[Record] = []
        self.request = Port(dut, "host__request")
        self.response = Port(dut, "host__response")
        self.control = Port(dut, "control")
        self.injection = Port(dut, "injection")
        self.injected = False
        self.taken, self.register = False, 0
        self.answers: list[int] = []
        self.written: set[int] = set()
        self.layout: data.StructLayout = request_layout(config)
        for handle in (self.request.valid, self.injection.valid, self.control.valid, dut.hold):
            handle.value = 0

    async def reset(self) -> None:
        """Start the clock, if it has not been, and reset. Registers and SRAM keep what they hold."""
        if self.stage.now == 0:
            await self.stage.start()
        else:
            self.dut.rst.value = 1
            await self.stage.cycles(2)
            self.dut.rst.value = 0

    def drive(self) -> None:
        """Inputs change only by the methods below."""

    def sample(self) -> None:
        self.records += self.monitor.sample(self.stage.now, int(self.dut.retirement.value))
        self.taken = bool(int(self.request.ready.value))
        self.injected = bool(int(self.injection.ready.value))
        self.register = int(self.control.read_data.value)
        if int(self.response.valid.value):
            self.answers.append(int(self.response.payload.value))

    async def _access(self, *, line: int, write: bool, value: int = 0) -> None:
        fields = {"line": line, "write": int(write), "mask": (1 << self.config.vector_bytes) - 1, "data": value}
        self.request.payload.value = sum(number << self.layout[name].offset for name, number in fields.items())
        self.request.valid.value = 1
        await self.stage.step()
        await self.stage.until(lambda: self.taken, limit=100, what="the SRAM takes an access")
        self.request.valid.value = 0

    async def write(self, address: int, content: bytes) -> None:
        """Write whole lines."""
        size = self.config.vector_bytes
        for start in range(0, len(content), size):
            value = int.from_bytes(content[start:start + size], "little")
            await self._access(line=(address - SRAM_BASE + start) // size, write=True, value=value)

    async def read(self, address: int, count: int) -> bytes:
        """Read whole lines."""
        size = self.config.vector_bytes
        self.answers.clear()
        for start in range(0, count, size):
            await self._access(line=(address - SRAM_BASE + start) // size, write=False)
        await self.stage.until(lambda: len(self.answers) == -(-count // size), limit=10, what="answers of the SRAM")
        return b"".join(answer.to_bytes(size, "little") for answer in self.answers)

    async def inject(self, address: int, first: int, second: int) -> None:
        """Turn bits of a word of the SRAM over."""
        line, offset = divmod(address - SRAM_BASE, self.config.vector_bytes)
        fields = {"line": line, "word": offset // 8, "first": first, "second": second}
        layout = injection_layout(self.config)
        self.injection.payload.value = sum(value << layout[name].offset for name, value in fields.items())
        self.injection.valid.value = 1
        await self.stage.step()
        await self.stage.until(lambda: self.injected, limit=100, what="an error is injected")
        self.injection.valid.value = 0

    async def _register(self, thread: int, register: ThreadRegister, write: bool, value: int = 0) -> int:
        self.control.address.value = memory_map.thread_register(thread, register) - memory_map.CONTROL_BASE
        self.control.write.value = int(write)
        self.control.write_data.value = value
        self.control.valid.value = 1
        await self.stage.step()
        self.control.valid.value = 0
        return self.register

    async def set_register(self, thread: int, register: ThreadRegister, value: int) -> None:
        await self._register(thread, register, True, value)

    async def get_register(self, thread: int, register: ThreadRegister) -> int:
        return await self._register(thread, register, False)

    async def start(self, thread: int, pc: int) -> None:
        await self.set_register(thread, ThreadRegister.PC, pc)
        await self.set_register(thread, ThreadRegister.STATE, 1)

    async def run(self, threads: list[int], *, limit: int) -> None:
        """Until all of these threads have trapped or halted."""
        states = []
        for _ in range(0, limit, 50):
            await self.stage.cycles(50)
            states = [await self.get_register(thread, ThreadRegister.STATE) for thread in threads]
            if all(state in (State.TRAPPED, State.HALTED) for state in states):
                await self.stage.until(lambda: not any(self.monitor.pending), limit=200, what="late results")
                return
        pcs = [hex(await self.get_register(thread, ThreadRegister.PC)) for thread in threads]
        raise AssertionError(f"threads {threads} have not ended after {limit} cycles: states {states}, pcs {pcs}")


@cocotb.test()
async def lock_step(dut):
    """A core and programs from the file that the environment names: their traces and memory are the model's."""
    config, cases = pickle.loads(Path(os.environ["CASES"]).read_bytes())
    bench = CoreBench(dut, config)
    for case in cases:
        await check(bench, case)


async def check(bench: CoreBench, case) -> None:
    """Run one program; see `verif.core.cases.Case`."""
    bench.records.clear()
    await bench.reset()
    memory = dict(case.memory)
    for address in bench.written - memory.keys():
        await bench.write(address, bytes(bench.config.vector_bytes))
    for address, content in memory.items():
        await bench.write(address, content)
    bench.written = set(memory)
    for flaw in case.flaws:
        await bench.inject(*flaw)
    for thread, pc in case.start:
        await bench.start(thread, pc)
    await bench.run([thread for thread, _ in case.start], limit=case.limit)
    differences = compare(case.records, bench.records)
    assert not differences, f"{case.name}: the model (A) and the core (B) part:\n" + "\n".join(map(str, differences))
    for thread, expected in case.threads.items():
        for register, value in expected.items():
            found = await bench.get_register(thread, register)
            assert found == value, f"{case.name}: {register.name} of thread {thread} is {found:#x}, not {value:#x}"
    found = int(bench.dut.errors.value)
    assert found == case.errors, f"{case.name}: {found} errors were counted, not {case.errors}"
    for address, content in case.final:
        found = await bench.read(address, len(content))
        assert found == content, f"{case.name}: memory from {address:#x} differs"
