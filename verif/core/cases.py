"""Programs for the lock-step bench, with what the golden model makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import StringIO

from hdl.config import PRESETS, SRAM_BASE, Config
from hdl.memory_map import STATUS, ThreadRegister, thread_register
from sim.mesh import Mesh
from sim.trace import Record, TraceWriter, parse

#: Single nodes: the presets', and small ones with other widths.
ULX3S = PRESETS["ULX3S"]
CORES = {config.name: config.with_mesh(columns=1, rows=1) for config in (
    PRESETS["SIM"], ULX3S,
    replace(ULX3S, name="WIDE", threads=4, groups=2, decode_width=4, issue_width=2, instruction_queue=8, alus=2,
            vector_writes=2, fair_threads=False, gather=True, sram_bytes=64 * 1024, semaphores=16),
    replace(ULX3S, name="DEEP", groups=1, decode_width=8, issue_width=2, instruction_queue=32, alus=1, branch_targets=2,
            fetch_lines=2),
)}

#: Registers of a thread that must be the same at the end.
COMPARED = STATUS


@dataclass(frozen=True, kw_only=True)
class Case:
    """A program and its end on the model.

    Attributes
    ----------
    memory, final : list of (address, bytes)
        Whole lines of SRAM, before and after; after, without those that cannot be read.
    flaws : list of (address, bit, bit)
        Bits of SRAM words that are turned over before the start; see `sim.machine.Node.inject`.
    start : list of (thread, pc)
    records : list of Record
        The model's trace.
    threads : dict
        Each thread's control registers at the end, by `ThreadRegister`.
    errors : int
        The node's ERRORS at the end.
    limit : int
        Cycles within which the core must be done.
    """

    name: str
    memory: list[tuple[int, bytes]]
    flaws: list[tuple[int, int, int]]
    start: list[tuple[int, int]]
    records: list[Record]
    threads: dict[int, dict[ThreadRegister, int]]
    final: list[tuple[int, bytes]]
    errors: int
    limit: int


def make_case(*, name: str, config: Config, memory: list[tuple[int, bytes]], start: list[tuple[int, int]],
              max_steps: int = 200_000, flaws: Iterable[tuple[int, int, int]] = ()) -> Case:
    """Run a program on the model. Memory that the program does not bring starts as zeros, in RTL too."""
    line = config.vector_bytes
    image = bytearray(config.sram_bytes)
    for address, content in memory:
        image[address - SRAM_BASE:address - SRAM_BASE + len(content)] = content
    mesh = Mesh(config)
    mesh.write(0, 1, SRAM_BASE, bytes(image))
    flaws = list(flaws)
    for address, first, second in flaws:
        mesh.nodes[0, 1].inject(address, first, second)
    for thread, pc in start:
        mesh.start(0, 1, thread, pc)
    trace = StringIO()
    mesh.run(max_steps=max_steps, trace=TraceWriter(trace))
    trace.seek(0)
    threads = {
        thread: {register: int.from_bytes(mesh.read(0, 1, thread_register(thread, register), 8), "little")
                 for register in COMPARED}
        for thread, _ in start
    }
    after = bytes(mesh.nodes[0, 1].sram)
    used = {number for number in range(config.sram_lines)
            if any(image[number * line:(number + 1) * line]) or any(after[number * line:(number + 1) * line])}

    def lines_of(memory) -> list[tuple[int, bytes]]:
        return [(SRAM_BASE + start, bytes(memory[start:start + line])) for start in sorted(line * n for n in used)]

    return Case(
        name=name, flaws=flaws, start=start, threads=threads, records=list(parse(trace)),
        errors=mesh.nodes[0, 1].errors,
        memory=lines_of(image), final=[(address, content) for address, content in lines_of(after)
                                       if not mesh.nodes[0, 1].is_wrong(address - SRAM_BASE, line)],
        limit=40 * sum(1 for _ in trace.getvalue().splitlines()) + 2000)
