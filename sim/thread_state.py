"""A thread as the host sees it."""

from dataclasses import dataclass

from hdl.isa import CAUSES, Cause
from hdl.memory_map import State


@dataclass(frozen=True, kw_only=True)
class ThreadState:
    """A thread as the host sees it in its control registers."""

    x: int
    y: int
    thread: int
    pc: int
    state: State
    cause: int
    epc: int
    tval: int
    instret: int

    @property
    def name(self) -> str:
        """Which thread it is, in words."""
        return f"node {self.x},{self.y} thread {self.thread}"

    def __str__(self) -> str:
        if self.state is not State.TRAPPED:
            return f"{self.name} {self.state.name.lower()} at {self.pc:#x}"
        meaning = CAUSES[Cause(self.cause)][0] if self.cause in CAUSES else "unknown cause"
        return f"{self.name} stopped at {self.epc:#x}: {meaning} (cause {self.cause}), tval {self.tval:#x}"
