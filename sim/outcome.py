"""What running a program comes to, on the model and in RTL alike."""

from dataclasses import dataclass, field

from hdl.isa import CAUSES, Cause

from .memory_map import State


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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a program.

    Attributes
    ----------
    tohost : int or None
        What the program wrote to `tohost`: 1 = pass, (n << 1) | 1 = failure n. None if it has no such symbol or
        ended without writing it.
    threads : list of ThreadState
        Every thread that was started.
    cycles : int or None
        Clock cycles; None for the model, which has no notion of time.
    counters : dict
        (x, y) of each node to its counters by name (`NodeRegister`); empty for the model.
    """

    tohost: int | None
    threads: list[ThreadState]
    cycles: int | None = None
    counters: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)
