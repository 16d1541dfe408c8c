"""Jobs: what to load into a mesh, which threads to start, when it has ended and what to read then.

`run_model` runs a job on the golden model, `sim.rtl.run_rtl` on the RTL, through the host's edge port. Both give a
`Result`.
"""

import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hdl.config import Config
from hdl.memory_map import State

from .elf import Program
from .errors import SimulationError
from .htif import Mailbox, Node
from .mesh import Mesh
from .thread_state import ThreadState
from .trace import TraceWriter


class JobFailed(SimulationError):
    """A thread of a job trapped, or a node's program said that it failed."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work for a mesh.

    Attributes
    ----------
    name : str
        What folders and messages call it.
    config : Config
    programs : dict
        (x, y) of each node to its program.
    data : list of ((x, y), address, bytes)
        What is written into SRAMs after the programs.
    start : list of ((x, y), thread)
        Threads that are started at their program's entry.
    reads : list of ((x, y), address, size)
        SRAM to read at the end; any number of bytes.
    done : list of (x, y)
        The job ends when `tohost` of all of these nodes says so, or when every started thread has trapped or halted.
    max_cycles : int
        Cycles in RTL, or steps of the model, after which it has failed.
    """

    name: str
    config: Config
    programs: dict[Node, Program]
    data: list[tuple[Node, int, bytes]] = field(default_factory=list)
    start: list[tuple[Node, int]]
    reads: list[tuple[Node, int, int]] = field(default_factory=list)
    done: list[Node]
    max_cycles: int

    @property
    def mailboxes(self) -> dict[Node, Mailbox]:
        """The `tohost`, and `fromhost`, of each node of `done` whose program has one."""
        symbols = {node: self.programs[node].symbols for node in self.done}
        return {node: Mailbox(config=self.config, node=node, tohost=names["tohost"], fromhost=names.get("fromhost"))
                for node, names in symbols.items() if "tohost" in names}


def program_job(program: Program, *, config: Config, threads: int, max_cycles: int,
                reads: Iterable[tuple[int, int]] = ()) -> Job:
    """One program on every node, with the first `threads` threads of each.

    Node (0, 1) says when it has ended; of its memory each address and size of `reads` is read then.
    """
    nodes = config.coordinates()
    return Job(
        name=program.path.stem, config=config, programs=dict.fromkeys(nodes, program), done=nodes[:1],
        start=[(node, thread) for node in nodes for thread in range(threads)],
        reads=[(nodes[0], address, size) for address, size in reads], max_cycles=max_cycles)


@dataclass(frozen=True, kw_only=True)
class Result:
    """The end of a job.

    Attributes
    ----------
    reads : list of bytes
        What `Job.reads` asked for.
    tohost : dict
        Each node of `Job.done` to its `tohost`, 0 if it was not written.
    threads : list of ThreadState
        The started threads.
    cycles : int or None
        Cycles from the start of the first thread until the host saw the end; None for the model.
    counters : dict
        Each node's counters by name (`NodeRegister`); empty for the model.
    seconds : float
        Time that the simulation took, loading and reading included.
    computing : float
        Time that `cycles` took of it; 0 for the model.
    simulated : int
        Cycles simulated in that time; 0 for the model.
    """

    reads: list[bytes]
    tohost: dict[Node, int]
    threads: list[ThreadState]
    cycles: int | None = None
    counters: dict[Node, dict[str, int]] = field(default_factory=dict)
    seconds: float
    computing: float = 0
    simulated: int = 0

    @property
    def status(self) -> int | None:
        """What the first node that has one wrote to `tohost`; None if none did."""
        return next((value for value in self.tohost.values() if value), None)

    def check(self) -> None:
        """Raise `JobFailed` if a thread trapped or a program did not pass."""
        for thread in self.threads:
            if thread.state is State.TRAPPED:
                raise JobFailed(str(thread))
        for (x, y), value in self.tohost.items():
            if value != 1:
                raise JobFailed(f"node {x},{y} failed: tohost is {value:#x}")


def run_model(job: Job, *, trace: Path | None = None) -> Result:
    """Run a job on the golden model; `trace` names a file for its trace."""
    began = time.monotonic()
    model = Mesh(job.config)
    for (x, y), program in job.programs.items():
        model.load(program, x, y)
    for (x, y), address, data in job.data:
        model.write(x, y, address, data)
    for (x, y), thread in job.start:
        model.start(x, y, thread, job.programs[x, y].entry)

    mailboxes = job.mailboxes
    tohost = dict.fromkeys(mailboxes, 0)
    memory = _ModelMemory(model)

    def ended() -> bool:
        for node, mailbox in mailboxes.items():
            if not tohost[node]:
                value = int.from_bytes(model.read(*node, mailbox.tohost, 8), "little")
                tohost[node] = value and _without_waiting(mailbox.serve(value, memory))
        return bool(tohost) and all(tohost.values())

    if trace is None:
        model.run(max_steps=job.max_cycles, until=ended)
    else:
        with trace.open("w") as file:
            model.run(max_steps=job.max_cycles, until=ended, trace=TraceWriter(file))
    return Result(
        reads=[model.read(x, y, address, size) for (x, y), address, size in job.reads],
        tohost=tohost,
        threads=[model.state(x, y, thread) for (x, y), thread in job.start],
        seconds=time.monotonic() - began,
    )


class _ModelMemory:
    """The memory of the model's nodes as a host sees it; nothing ever waits."""

    def __init__(self, model: Mesh):
        self.model = model

    async def read(self, accesses: Sequence[tuple[Node, int, int]]) -> list[bytes]:
        return [self.model.read(*node, address, size) for node, address, size in accesses]

    async def write(self, accesses: Iterable[tuple[Node, int, bytes]]) -> None:
        for node, address, data in accesses:
            self.model.write(*node, address, data)


def _without_waiting(coroutine: Coroutine[None, None, int]) -> int:
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the model's memory waits")
