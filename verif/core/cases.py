"""Programs for the lock-step bench, with what the golden model makes of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hdl.config import PRESETS, SRAM_BASE, Config
from hdl.isa import Cause, CsrNumber, File
from hdl.memory_map import STATUS, State, ThreadRegister, thread_register
from sim.mesh import Mesh
from sim.thread import Thread
from sim.trace import Record, destination

#: Single nodes: the presets', and small ones with other widths.
ULX3S = PRESETS["ULX3S"]
CORES = {config.name: config.with_mesh(columns=1, rows=1) for config in (
    PRESETS["SIM"], ULX3S,
    replace(ULX3S, name="WIDE", threads=4, groups=2, decode_width=4, issue_width=2, instruction_queue=8, alus=2,
            integer_writes=2, vector_writes=2, vector_interval=1, serial_matrix=False, fair_threads=False, gather=True,
            sram_bytes=64 * 1024, semaphores=16),
    replace(ULX3S, name="DEEP", groups=1, decode_width=8, issue_width=3, instruction_queue=32, alus=1, integer_writes=3,
            branch_targets=4, fetch_lines=2),
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
    retired : dict
        For each thread, what the model retired: pc, instruction word, and the bytes of the register that it wrote, or
        none.
    traps : dict
        For each thread, the traps that it took: instructions retired before, the cause, the instruction's word.
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
    retired: dict[int, list[tuple[int, int, bytes]]]
    traps: dict[int, list[tuple[int, Cause, int]]]
    threads: dict[int, dict[ThreadRegister, int]]
    final: list[tuple[int, bytes]]
    errors: int
    limit: int

    @property
    def records(self) -> Iterator[Record]:
        """The model's trace."""
        for thread, retired in self.retired.items():
            for pc, word, value in retired:
                file, number = destination(word)
                yield Record(cycle=0, x=0, y=1, thread=thread, pc=pc, word=word,
                             destination=f"{file.name.lower()}{number}" if value else "-",
                             value=value[::-1].hex() or "-")


class _Recorder:
    """Keeps what threads of the model retire."""

    def __init__(self, threads: Iterable[int]):
        self.retired: dict[int, list[tuple[int, int, bytes]]] = {thread: [] for thread in threads}
        self.traps: dict[int, list[tuple[int, Cause, int]]] = {thread: [] for thread in self.retired}

    def write(self, thread: Thread, word: int) -> None:
        match destination(word):
            case (File.X, number):
                value = thread.x[number].to_bytes(8, "little")
            case (File.V, number):
                value = thread.v[number]
            case _:
                value = b""
        if thread.pc == thread.csrs[CsrNumber.MTVEC]:
            self.trap(thread)
        self.retired[thread.index].append((thread.pc, word, value))

    def trap(self, thread: Thread) -> None:
        """Keep the trap that the thread has just taken."""
        place = thread.csrs[CsrNumber.MEPC] - SRAM_BASE
        word = int.from_bytes(thread.node.sram[place:place + 4], "little") if place >= 0 else 0
        self.traps[thread.index].append((len(self.retired[thread.index]), Cause(thread.csrs[CsrNumber.MCAUSE]), word))


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
    trace = _Recorder(thread for thread, _ in start)
    mesh.run(max_steps=max_steps, trace=trace)
    threads = {
        thread: {register: int.from_bytes(mesh.read(0, 1, thread_register(thread, register), 8), "little")
                 for register in COMPARED}
        for thread, _ in start
    }
    for thread, _ in start:
        if mesh.state(0, 1, thread).state is State.TRAPPED:
            trace.trap(mesh.nodes[0, 1].threads[thread])
    after = bytes(mesh.nodes[0, 1].sram)
    used = {number for number in range(config.sram_lines)
            if any(image[number * line:(number + 1) * line]) or any(after[number * line:(number + 1) * line])}

    def lines_of(memory) -> list[tuple[int, bytes]]:
        return [(SRAM_BASE + start, bytes(memory[start:start + line])) for start in sorted(line * n for n in used)]

    return Case(
        name=name, flaws=flaws, start=start, threads=threads, retired=trace.retired, traps=trace.traps,
        errors=mesh.nodes[0, 1].errors,
        memory=lines_of(image), final=[(address, content) for address, content in lines_of(after)
                                       if not mesh.nodes[0, 1].is_wrong(address - SRAM_BASE, line)],
        limit=40 * sum(map(len, trace.retired.values())) + 2000)
