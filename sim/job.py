"""Jobs: what to load into a mesh, which threads to start, when it has ended and what to read then.

`run_model` runs a job on the golden model, `sim.rtl.run_rtl` on the RTL, through the host's edge port. Both give a
`Result`.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from hdl.config import Config
from hdl.memory_map import State

from .elf import Program
from .errors import SimulationError
from .mesh import Mesh
from .thread_state import ThreadState
from .trace import TraceWriter

#: A node's (x, y).
Node = tuple[int, int]


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
        The job ends when `tohost` of all of these nodes is not 0, or when every started thread has trapped or halted.
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
    def tohost(self) -> dict[Node, int]:
        """Address of `tohost` at each node of `done` whose program has one."""
        return {node: self.programs[node].symbols["tohost"] for node in self.done
                if "tohost" in self.programs[node].symbols}


def program_job(program: Program, *, config: Config, threads: int, max_cycles: int) -> Job:
    """One program on every node, with the first `threads` threads of each; node (0, 1) says when it has ended."""
    nodes = config.coordinates()
    return Job(
        name=program.path.stem, config=config, programs=dict.fromkeys(nodes, program), done=nodes[:1],
        start=[(node, thread) for node in nodes for thread in range(threads)], max_cycles=max_cycles)


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

    def tohost() -> dict[Node, int]:
        return {(x, y): int.from_bytes(model.read(x, y, address, 8), "little")
                for (x, y), address in job.tohost.items()}

    def ended() -> bool:
        return bool(job.tohost) and all(tohost().values())

    if trace is None:
        model.run(max_steps=job.max_cycles, until=ended)
    else:
        with trace.open("w") as file:
            model.run(max_steps=job.max_cycles, until=ended, trace=TraceWriter(file))
    return Result(
        reads=[model.read(x, y, address, size) for (x, y), address, size in job.reads],
        tohost=tohost(),
        threads=[model.state(x, y, thread) for (x, y), thread in job.start],
        seconds=time.monotonic() - began,
    )
