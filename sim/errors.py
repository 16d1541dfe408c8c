"""What can go wrong for a user of the simulators: one readable line each, without a traceback."""


class SimulationError(Exception):
    """Something the user can put right or look into; the message is one line that quotes the value."""


class ProgramError(SimulationError):
    """A program cannot be loaded."""


class ProgramTooLarge(ProgramError):
    """A program cannot be loaded into a node of this size."""


class AccessError(SimulationError):
    """The host named a node, an address or a size that is not there."""


class Deadlock(SimulationError):
    """Every thread that has not ended waits for a semaphore that nobody can post."""


class OutOfSteps(SimulationError):
    """A program did not end within the given number of steps or cycles."""


class TraceError(SimulationError):
    """A trace file is not one."""
