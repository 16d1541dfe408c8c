"""A mesh of the golden model's nodes, as the host sees it.

Messages (posts, lists, accesses to other nodes) are delivered when they are sent, in program order, which is one of the
orders that the hardware allows.
"""

from collections.abc import Callable, Iterable

from hdl.config import SRAM_BASE, Config
from hdl.memory_map import (
    CONTROL_BASE,
    CONTROL_BITS,
    REGISTER_BYTES,
    ErrorCode,
    State,
    ThreadRegister,
    thread_register,
)

from .elf import Program
from .errors import AccessError, Deadlock, OutOfSteps
from .machine import Node
from .thread import Thread
from .thread_state import ThreadState
from .trace import Trace


class Mesh:
    """All nodes of a configuration.

    Parameters
    ----------
    config : Config

    Attributes
    ----------
    nodes : dict
        Nodes by (x, y).
    steps : int
        Rounds taken so far: in each, every running thread executes one instruction.
    schedule_changed : bool
        Some thread's state has changed since the running threads were last listed.
    """

    def __init__(self, config: Config):
        self.config = config
        self.steps = 0
        self.schedule_changed = True
        self.nodes = {(x, y): Node(self, x, y) for x, y in config.coordinates()}

    # What the host does

    def _node(self, x: int, y: int) -> Node:
        try:
            return self.nodes[x, y]
        except KeyError:
            raise AccessError(f"there is no node {x},{y} in a mesh of {self.config.columns} x {self.config.rows} nodes "
                              "(x counts from 0, y from 1)") from None

    def _is_sram(self, node: Node, address: int, size: int) -> bool:
        """Whether the bytes are SRAM rather than control registers; an error if they are neither."""
        if node.holds(address, size):
            return True
        if address >> CONTROL_BITS != CONTROL_BASE >> CONTROL_BITS:
            node.error(ErrorCode.ADDRESS, address)
            raise AccessError(f"node {node.x},{node.y} has nothing at {address:#x} ({size} bytes)")
        if address % REGISTER_BYTES or size != REGISTER_BYTES:
            node.error(ErrorCode.SIZE, address)
            raise AccessError(f"control registers are accessed by 8 aligned bytes, not {size} bytes at {address:#x}")
        return False

    def write(self, x: int, y: int, address: int, data: bytes) -> None:
        """Write SRAM, any number of bytes, or one control register."""
        node = self._node(x, y)
        if self._is_sram(node, address, len(data)):
            node.write(address, data)
        else:
            node.write_control(address - CONTROL_BASE, int.from_bytes(data, "little"))

    def read(self, x: int, y: int, address: int, size: int) -> bytes:
        """Read SRAM, any number of bytes, or one control register."""
        node = self._node(x, y)
        if self._is_sram(node, address, size):
            if node.is_wrong(address - SRAM_BASE, size):
                line = address // self.config.vector_bytes * self.config.vector_bytes
                node.error(ErrorCode.MEMORY, line)
                raise AccessError(f"node {x},{y} has an uncorrectable memory error in the line at {line:#x}")
            return bytes(node.sram[address - SRAM_BASE:address - SRAM_BASE + size])
        return node.read_control(address - CONTROL_BASE).to_bytes(REGISTER_BYTES, "little")

    def post(self, x: int, y: int, semaphore: int) -> None:
        """Post a semaphore, as a SIGNAL packet from the host does."""
        node = self._node(x, y)
        if semaphore not in range(self.config.semaphores):
            node.error(ErrorCode.SEMAPHORE, semaphore)
            raise AccessError(f"node {x},{y} has no semaphore {semaphore}; there are {self.config.semaphores}")
        node.post(semaphore)

    def load(self, program: Program, x: int, y: int) -> None:
        """Write a program's segments into a node."""
        for address, data in program.segments:
            self.write(x, y, address, data)

    def start(self, x: int, y: int, thread: int, pc: int) -> None:
        """Start a thread that is not running at `pc`."""
        if thread not in range(self.config.threads):
            raise AccessError(f"a node of {self.config.name} has {self.config.threads} threads, so no thread {thread}")
        for register, value in ((ThreadRegister.PC, pc), (ThreadRegister.STATE, State.RUNNING)):
            self.write(x, y, thread_register(thread, register), value.to_bytes(REGISTER_BYTES, "little"))

    def state(self, x: int, y: int, thread: int) -> ThreadState:
        """A thread's control registers."""
        return self._node(x, y).threads[thread].snapshot()

    # Running

    def run(self, *, max_steps: int, until: Callable[[], bool] | None = None, trace: Trace | None = None) -> None:
        """Run until `until` holds (asked after every step) or every thread has trapped or halted.

        Raises
        ------
        Deadlock
            If threads are left but all of them wait.
        OutOfSteps
            If neither happens within `max_steps` steps.
        """
        threads = [thread for node in self.nodes.values() for thread in node.threads]
        for thread in threads:
            thread.retired = trace.write if trace else None
        running: list[Thread] = []
        self.schedule_changed = True
        last = self.steps + max_steps
        while until is None or not until():
            if self.schedule_changed:
                running = [thread for thread in threads if thread.state is State.RUNNING]
                self.schedule_changed = False
            if not running:
                if any(thread.state is State.WAITING for thread in threads):
                    raise Deadlock(f"deadlock: every thread that has not stopped waits: {_listed(threads)}")
                return
            if self.steps == last:
                raise OutOfSteps(f"not ended after {max_steps} steps: {_listed(threads)}")
            self.steps += 1
            for thread in running:
                thread.step()


def _listed(threads: Iterable[Thread], limit: int = 8) -> str:
    """What the threads that were started are doing."""
    def text(thread: Thread) -> str:
        state = thread.snapshot()
        if state.state is not State.WAITING:
            return str(state)
        semaphore, amount = thread.wanted
        return f"{state} for {amount} of semaphore {semaphore}, which is at {thread.node.semaphores[semaphore]}"

    texts = [text(thread) for thread in threads if thread.state is not State.HALTED]
    more = [f"and {len(texts) - limit} more"] if len(texts) > limit else []
    return "; ".join(texts[:limit] + more)
