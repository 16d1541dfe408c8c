"""A node of the golden model: SRAM, threads, semaphores and control registers.

The model has no notion of time: an instruction is one step, and what it sends arrives before the next one. It is
written from docs/architecture.md and the RISC-V specifications, never from the RTL.
"""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from hdl.config import ADDRESS_BITS, GLOBAL_FLAG, SRAM_BASE, Config
from hdl.isa import Atomic, Cause, CsrNumber, Instruction, decode
from hdl.memory_map import NODE_BLOCK, THREAD_BLOCK, ErrorCode, NodeRegister, State, ThreadRegister

from .assembler import operands
from .atomic import atomic
from .errors import AccessError
from .scalar import M32, M64, SCALAR, Maker
from .thread import Operation, Thread, Trap
from .xd1 import XD1

if TYPE_CHECKING:
    from .mesh import Mesh

MAKERS: dict[str, Maker] = {**SCALAR, **XD1}
SEMAPHORE_LIMIT = 0xFFFF


#: Bytes that the SRAM's error correction takes together.
WORD = 8


@cache
def decode_cached(word: int) -> Instruction | None:
    """`hdl.isa.decode`, once for each word."""
    return decode(word)


def _illegal(word: int) -> Operation:
    def run() -> int:
        raise Trap(Cause.ILLEGAL, word)

    return run


class Node:
    """A node of the mesh.

    Attributes
    ----------
    sram : bytearray
        The SRAM; offset 0 is `SRAM_BASE`.
    threads : list of Thread
    semaphores : list of int
    errors, first_error : int
        The ERRORS and FIRST_ERROR registers.
    uncorrectable : set of int
        Offsets of SRAM words with a double error.
    """

    def __init__(self, mesh: "Mesh", x: int, y: int):
        config: Config = mesh.config
        self.mesh, self.config, self.x, self.y = mesh, config, x, y
        self.sram = bytearray(config.sram_bytes)
        self.semaphores = [0] * config.semaphores
        self.matrix_steps = self.vector_ops = self.errors = self.first_error = 0
        self.threads = [Thread(self, index) for index in range(config.threads)]
        self.uncorrectable: set[int] = set()
        self._line = config.vector_bytes
        self._has_code = bytearray(config.sram_lines)
        self._last_served = [config.threads - 1] * config.semaphores

    # Memory

    def holds(self, address: int, size: int) -> bool:
        """Whether all these bytes are in the SRAM."""
        return address >= SRAM_BASE and address + size <= self.config.sram_end

    def locate(self, address: int, size: int, *, store: bool = False, crosses: bool = False) -> int:
        """The SRAM offset of an access of a thread, which may or may not cross lines, or the trap it takes."""
        offset = address - SRAM_BASE
        if not 0 <= offset <= len(self.sram) - size:
            raise Trap(Cause.STORE_ACCESS if store else Cause.LOAD_ACCESS, address)
        if not crosses and offset % self._line + size > self._line:
            raise Trap(Cause.STORE_MISALIGNED if store else Cause.LOAD_MISALIGNED, address)
        return offset

    def inject(self, address: int, first: int, second: int) -> None:
        """Turn bits of the word at an address over; if they are the same, it is one, which is corrected when read."""
        if first != second:
            self.uncorrectable.add((address - SRAM_BASE) // WORD * WORD)

    def is_wrong(self, offset: int, size: int) -> bool:
        """Whether an uncorrectable word is among these bytes."""
        return bool(self.uncorrectable) and any(offset < word + WORD and word < offset + size
                                                for word in self.uncorrectable)

    def load(self, thread: Thread, address: int, size: int) -> bytes:
        """A thread's load."""
        if address & GLOBAL_FLAG:
            other, local = self.remote(address, size)
            try:
                return self.mesh.read(other.x, other.y, local, size)
            except AccessError:
                raise Trap(Cause.LOAD_ACCESS, address) from None
        return self.load_masked(thread, address, size, range(size))

    def load_masked(self, thread: Thread, address: int, size: int, wanted: Iterable[int]) -> bytes:
        """A thread's load from this node, of which only some bytes matter. Scalars may cross lines."""
        offset = self.locate(address, size, crosses=size < self._line)
        if any(self.is_wrong(offset + byte, 1) for byte in (wanted if self.uncorrectable else ())):
            thread.load_error = address
            return bytes(size)
        return bytes(self.sram[offset:offset + size])

    def save(self, address: int, data: bytes, *, posted: bool = False) -> None:
        """A thread's store; one that is posted does not trap for what only the other node knows."""
        if not address & GLOBAL_FLAG:
            size = len(data)
            offset = self.locate(address, size, store=True, crosses=size < self._line)
            if offset % self._line + size <= self._line:
                self.store(offset, data)
            else:
                self.write(address, data)
            return
        other, local = self.remote(address, len(data), store=True)
        try:
            self.mesh.write(other.x, other.y, local, data)
        except AccessError:
            if not posted:
                raise Trap(Cause.STORE_ACCESS, address) from None

    def atomic(self, function: Atomic, address: int, size: int, operand: int, expected: int) -> int:
        """A thread's atomic access; returns the old value."""
        if address & GLOBAL_FLAG:
            other, local = self.remote(address, 0, store=True)
        else:
            other, local = self, address
            if not self.holds(local, size):
                raise Trap(Cause.STORE_ACCESS, address)
        if address % size:
            raise Trap(Cause.STORE_MISALIGNED, address)
        if not other.holds(local, size):
            other.error(ErrorCode.ADDRESS, local)
            raise Trap(Cause.STORE_ACCESS, address)
        offset = local - SRAM_BASE
        if other.is_wrong(offset, size):
            other.error(ErrorCode.MEMORY, local)
            raise Trap(Cause.STORE_ACCESS, address)
        old = int.from_bytes(other.sram[offset:offset + size], "little")
        other.store(offset, atomic(function, 8 * size, old, operand, expected).to_bytes(size, "little"))
        return old

    def remote(self, address: int, size: int, *, store: bool = False) -> tuple["Node", int]:
        """The node that a flat address means, and the local address there, or the trap that the access takes."""
        other = self.mesh.nodes.get((address >> 32 & 0xFF, address >> 40 & 0xFF))
        if address >> ADDRESS_BITS or other is None:
            raise Trap(Cause.STORE_ACCESS if store else Cause.LOAD_ACCESS, address)
        if address % self._line + size > self._line:
            raise Trap(Cause.STORE_MISALIGNED if store else Cause.LOAD_MISALIGNED, address)
        return other, address & M32

    def store(self, offset: int, data: bytes) -> None:
        """Write within a line, and forget what threads have decoded of it."""
        if self.is_wrong(offset, len(data)):
            data = self._without_lost_bytes(offset, data)
        self.sram[offset:offset + len(data)] = data
        line = offset // self._line
        if self._has_code[line]:
            self._has_code[line] = 0
            start = SRAM_BASE + line * self._line
            for pc in range(start, start + self._line, 4):
                for thread in self.threads:
                    thread.code.pop(pc, None)

    def _without_lost_bytes(self, offset: int, data: bytes) -> bytes:
        """What a store leaves there: it makes a word good that it writes as a whole; bytes of others are lost."""
        end, left = offset + len(data), bytearray(data)
        for word in [word for word in self.uncorrectable if offset < word + WORD and word < end]:
            if offset <= word and word + WORD <= end:
                self.uncorrectable.remove(word)
            else:
                first, last = max(offset, word), min(end, word + WORD)
                left[first - offset:last - offset] = self.sram[first:last]
        return bytes(left)

    def write(self, address: int, data: bytes) -> None:
        """Write any number of bytes of the SRAM from outside."""
        start = 0
        while start < len(data):
            offset = address - SRAM_BASE + start
            end = start + self._line - offset % self._line
            self.store(offset, data[start:end])
            start = end

    # Instructions

    def fetch(self, thread: Thread) -> tuple[Operation, int]:
        """Fetch and decode the instruction at the thread's pc, and keep it."""
        pc = thread.pc
        if not self.holds(pc, 4):
            raise Trap(Cause.FETCH_ACCESS, pc)
        offset = pc - SRAM_BASE
        if self.is_wrong(offset // self._line * self._line, self._line):
            raise Trap(Cause.HARDWARE_ERROR, pc)
        word = int.from_bytes(self.sram[offset:offset + 4], "little")
        self._has_code[offset // self._line] = 1
        thread.code[pc] = self.decode(thread, word)
        return thread.code[pc]

    def decode(self, thread: Thread, word: int) -> tuple[Operation, int]:
        """What a word does at the thread's pc, and the word."""
        row = decode_cached(word)
        operation = None
        if row is not None and row.is_in(self.config):
            operation = MAKERS[row.name](thread, row, operands(word, row.format), thread.pc)
        return operation or _illegal(word), word

    # Semaphores

    def take(self, semaphore: int, amount: int) -> bool:
        """Subtract the amount if it is there."""
        if self.semaphores[semaphore] < amount:
            return False
        self.semaphores[semaphore] -= amount
        return True

    def post(self, semaphore: int) -> None:
        """Add 1 and serve the threads that wait for it, the one after the last served first."""
        if self.semaphores[semaphore] == SEMAPHORE_LIMIT:
            self.error(ErrorCode.OVERFLOW, 0)
            return
        self.semaphores[semaphore] += 1
        last = self._last_served[semaphore]
        for thread in self.threads[last + 1:] + self.threads[:last + 1]:
            wanted, amount = thread.wanted
            if thread.state is State.WAITING and wanted == semaphore and self.take(semaphore, amount):
                self._last_served[semaphore] = thread.index
                thread.grant()

    def error(self, code: ErrorCode, address: int) -> None:
        """Count an error and remember the first."""
        self.errors += 1
        if not self.first_error:
            self.first_error = (address & 0xFFFF_FFFF) << 32 | code

    # Control registers

    def read_control(self, offset: int) -> int:
        """A control register by its offset in the control region; unused ones and those that count time read 0."""
        if offset >= NODE_BLOCK:
            counters: dict[int, int] = {
                NodeRegister.CYCLES: self.mesh.steps, NodeRegister.MATRIX_STEPS: self.matrix_steps,
                NodeRegister.VECTOR_OPS: self.vector_ops, NodeRegister.ERRORS: self.errors,
                NodeRegister.FIRST_ERROR: self.first_error,
                NodeRegister.INSTRUCTIONS: sum(thread.instret for thread in self.threads),
            }
            return counters.get(offset - NODE_BLOCK, 0)
        index, register = divmod(offset, THREAD_BLOCK)
        if index >= len(self.threads):
            return 0
        state = self.threads[index].snapshot()
        registers: dict[int, int] = {
            ThreadRegister.PC: state.pc, ThreadRegister.STATE: state.state, ThreadRegister.CAUSE: state.cause,
            ThreadRegister.EPC: state.epc, ThreadRegister.TVAL: state.tval, ThreadRegister.INSTRET: state.instret,
            ThreadRegister.DATA: self.threads[index].csrs[CsrNumber.DSCRATCH0],
        }
        return registers.get(register, 0)

    def write_control(self, offset: int, value: int) -> None:
        """Set a thread's PC or DATA, or let it do what STATE or INSTRUCTION say; other writes are ignored."""
        index, register = divmod(offset, THREAD_BLOCK)
        if index >= len(self.threads):
            return
        thread = self.threads[index]
        active = thread.state in (State.RUNNING, State.WAITING)
        match register:
            case ThreadRegister.PC if not active:
                thread.pc = value & M64 & ~3
            case ThreadRegister.STATE if value & 3 and not active:
                if thread.state is State.TRAPPED:
                    thread.csrs[CsrNumber.MCAUSE] = 0
                    thread.load_error = None
                thread.single, thread.injected = bool(value & 2), None
                thread.state = State.RUNNING
            case ThreadRegister.STATE if not value & 1 and active:
                thread.state = State.HALTED
            case ThreadRegister.DATA:
                thread.csrs[CsrNumber.DSCRATCH0] = value & M64
            case ThreadRegister.INSTRUCTION if not active:
                thread.single, thread.injected = True, value & M32
                thread.state = State.RUNNING
