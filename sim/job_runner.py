"""Carries a job out through a host, whatever that is: a driver of the simulated edge port, or a board's serial port."""

import time
from functools import partial
from itertools import count
from typing import Protocol

from tqdm import tqdm

from hdl.memory_map import STATUS, NodeRegister, State, ThreadRegister, node_register, thread_register

from .errors import OutOfSteps
from .htif import Memory, Node
from .job import Job, Result
from .thread_state import ThreadState

#: Cycles between two looks of the host at the job: an eighth of those gone by, within these.
_SHORTEST_WAIT, _LONGEST_WAIT = 32, 512

#: It looks at `tohost` each time and at the threads' states, which takes more packets, once in so many times.
_LOOKS_AT_STATES = 4

#: Lines that are written between two steps of the progress bar.
_CHUNK = 256

#: A progress bar, which goes away at its end and is only shown on a terminal.
_progress = partial(tqdm, leave=False, disable=None)


class Host(Memory, Protocol):
    """What reaches the nodes of a mesh."""

    async def cycles(self, count: int) -> None:
        """Let the mesh run for about so many cycles."""

    async def now(self) -> int:
        """Clock cycles of the mesh, from any moment on."""
        ...


class JobRunner:
    """Loads, starts and watches a job through a host.

    Parameters
    ----------
    host : Host
    job : Job
    """

    def __init__(self, host: Host, job: Job):
        self.host = host
        self.job = job

    async def run(self) -> Result:
        began, first = time.monotonic(), await self.host.now()
        await self._load()
        before = await self._counters()
        started = await self.host.now()
        await self._set(ThreadRegister.STATE, dict.fromkeys(self.job.programs, State.RUNNING))
        began_computing = time.monotonic()
        cycles, tohost = await self._watch(started)
        computing = time.monotonic() - began_computing
        after = await self._counters()
        reads = await self.host.read(self.job.reads)
        return Result(
            reads=reads, tohost=tohost, threads=await self._threads(), cycles=cycles,
            counters={node: _difference(before[node], after[node]) for node in after},
            seconds=time.monotonic() - began, computing=computing, simulated=await self.host.now() - first)

    async def _load(self) -> None:
        job = self.job
        pieces = [(node, address, data) for node, program in job.programs.items() for address, data in program.segments]
        pieces += job.data
        size = job.config.vector_bytes * _CHUNK
        with _progress(desc="loading", total=sum(len(data) for _, _, data in pieces), unit="B", unit_scale=True) as bar:
            for node, address, data in pieces:
                for offset in range(0, len(data), size):
                    await self.host.write([(node, address + offset, data[offset:offset + size])])
                    bar.update(len(data[offset:offset + size]))
        await self._set(ThreadRegister.PC, {node: program.entry for node, program in job.programs.items()})

    async def _set(self, register: ThreadRegister, values: dict[Node, int]) -> None:
        """Write a register of every thread of the job."""
        await self.host.write([(node, thread_register(thread, register), values[node].to_bytes(8, "little"))
                               for node, thread in self.job.start])

    async def _watch(self, started: int) -> tuple[int, dict[Node, int]]:
        """Cycles until the job has ended, and what each `tohost` said then."""
        job = self.job
        mailboxes = job.mailboxes
        tohost = dict.fromkeys(mailboxes, 0)
        states = [(node, thread_register(thread, ThreadRegister.STATE)) for node, thread in job.start]
        with _progress(desc="running", unit=" cycles") as bar:
            for look in count():
                elapsed = await self.host.now() - started
                bar.update(elapsed - bar.n)
                # One packet a look: the next node that has not ended.
                for node in (node for node, value in tohost.items() if not value):
                    value, = await self._words([(node, mailboxes[node].tohost)])
                    tohost[node] = value and await mailboxes[node].serve(value, self.host)
                    if not tohost[node]:
                        break
                if tohost and all(tohost.values()):
                    return elapsed, tohost
                if look % _LOOKS_AT_STATES == 0 and set(await self._words(states)) <= {State.HALTED, State.TRAPPED}:
                    return elapsed, tohost
                if elapsed > job.max_cycles:
                    listed = "; ".join(f"{thread.name} {thread.state.name.lower()} at {thread.pc:#x}"
                                       for thread in await self._threads()
                                       if thread.state in (State.RUNNING, State.WAITING))
                    raise OutOfSteps(f"not ended after {elapsed:,} cycles: {listed}")
                await self.host.cycles(min(max(elapsed // 8, _SHORTEST_WAIT), _LONGEST_WAIT))
        raise AssertionError("looks never end")

    async def _words(self, places: list[tuple[Node, int]]) -> list[int]:
        read = await self.host.read([(node, address, 8) for node, address in places])
        return [int.from_bytes(data, "little") for data in read]

    async def _threads(self) -> list[ThreadState]:
        result = []
        for (x, y), thread in self.job.start:
            values = await self._words([((x, y), thread_register(thread, register)) for register in STATUS])
            fields = {register.name.lower(): value for register, value in zip(STATUS, values, strict=True)}
            state = State(fields.pop("state"))
            result.append(ThreadState(x=x, y=y, thread=thread, state=state, **fields))
        return result

    async def _counters(self) -> dict[Node, dict[str, int]]:
        nodes = self.job.config.coordinates()
        places = [(node, node_register(register)) for node in nodes for register in NodeRegister]
        values = iter(await self._words(places))
        return {node: {register.name: next(values) for register in NodeRegister} for node in nodes}


def _difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What was counted during the job; the address of a first error is no count."""
    return {name: value if "FIRST" in name else value - before[name] for name, value in after.items()}
