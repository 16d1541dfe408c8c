"""Jobs on a board."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hdl.memory_map import NodeRegister, node_register
from sim.job import Job, Node, Result
from sim.job_runner import JobRunner

from .session import Session

#: Seconds of the board's clock that a job may take besides its own cycles: the host needs milliseconds to look at it.
ALLOWANCE_S = 5


class BoardHost:
    """A session as the host that `sim.job_runner` carries jobs out through."""

    def __init__(self, session: Session):
        self.session = session

    async def read(self, accesses: Sequence[tuple[Node, int, int]]) -> list[bytes]:
        """Read the `size` bytes at each (node, address, size)."""
        return [self.session.read(*access) for access in accesses]

    async def write(self, accesses: Iterable[tuple[Node, int, bytes]]) -> None:
        """Write bytes to each (node, address)."""
        for access in accesses:
            self.session.write(*access)

    async def cycles(self, count: int) -> None:
        """Let the mesh run for about so many cycles."""
        self.session.line.wait(count / self.session.identity.clock_hz)

    async def now(self) -> int:
        """Cycles since the mesh was reset."""
        node = self.session.identity.config.coordinates()[0]
        return int.from_bytes(self.session.read(node, node_register(NodeRegister.CYCLES), 8), "little")


def run_board(job: Job, session: Session) -> Result:
    """Reset the mesh of a board and run a job on it.

    Raises
    ------
    SimulationError
        If the link was lost, or a node refused, or the job did not end.
    """
    session.reset()
    allowance = ALLOWANCE_S * session.identity.clock_hz
    running = JobRunner(BoardHost(session), replace(job, max_cycles=job.max_cycles + allowance)).run()
    # Nothing in it waits for anything but the line, which does not return before it has what it was asked for.
    try:
        running.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("a board's host never waits")
