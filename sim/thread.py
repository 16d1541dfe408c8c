"""A hardware thread of the golden model: its registers, its CSRs and how it takes one instruction or one trap."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hdl.config import SRAM_BASE
from hdl.isa import CSRS, MISA, PREDICATES, Cause, CsrNumber
from hdl.memory_map import State
from hdl.number_formats import checked_format, checked_rounding

from .numerics import OPERAND_FORMATS, AccumulatorTile
from .thread_state import ThreadState

if TYPE_CHECKING:
    from .machine import Node

#: An instruction, decoded: executes it and returns the next pc, or None if the thread now waits.
Operation = Callable[[], int | None]

#: Where an instruction that names x0 as its destination puts its result.
DISCARD = 32

_MIE, _MPIE, _MPP = 1 << 3, 1 << 7, 3 << 11


class Trap(Exception):
    """An instruction cannot be executed."""

    def __init__(self, cause: Cause, tval: int):
        super().__init__(cause, tval)
        self.cause = cause
        self.tval = tval


class Thread:
    """One thread of a node.

    Attributes
    ----------
    x : list of int
        Integer registers as unsigned 64-bit numbers, and one more that takes what is written to x0.
    v : list of bytes
        Vector registers.
    p : list of int
        Predicates, a bit for each byte of a vector register.
    accumulators : list of AccumulatorTile
    generators : array of uint32
        States of the generators of stochastic rounding, one for each lane.
    csrs : dict
        CSRs that hold a value; the counters are computed in `read_csr`.
    code : dict
        Decoded instructions by pc, with their words. Like the hardware's fetch lines it is filled by fetching; unlike
        them it is coherent: a store drops what it changes. A program that needs `fence.i` and lacks it runs here but
        not in hardware.
    retired : callable or None
        Called with the thread and the instruction word when an instruction retires; `pc` is still the instruction's.
    """

    def __init__(self, node: "Node", index: int):
        config = node.config
        self.node = node
        self.index = index
        self.pc = SRAM_BASE
        self.x = [0] * (DISCARD + 1)
        self.v = [bytes(config.vector_bytes)] * 32
        self.p = [0] * PREDICATES
        self.accumulators = [AccumulatorTile(config.m, config.n) for _ in range(config.accumulators)]
        self.generators = np.arange(1, config.lanes + 1, dtype=np.uint32)
        self.instret = 0
        self._minstret_ahead = 0  # of instret, which counts since reset
        self.code: dict[int, tuple[Operation, int]] = {}
        self.retired: Callable[[Thread, int], None] | None = None
        self.wanted = (0, 0)
        self.single = False  # halts after an instruction
        self.injected: int | None = None  # the word of that instruction, if it is not the program's
        self.load_error: int | None = None  # address of an uncorrectable load: the next instruction traps
        self._waiting = (0, 0)
        self._state = State.HALTED
        self.csrs = dict.fromkeys(CSRS, 0)
        self.csrs[CsrNumber.MSTATUS] = _MPP
        self.csrs[CsrNumber.MISA] = MISA
        self.csrs[CsrNumber.MHARTID] = ((node.y - 1) * config.columns + node.x) * config.threads + index
        self.csrs[CsrNumber.MNODE] = node.y << 8 | node.x
        self.csrs[CsrNumber.MMESH] = config.rows << 8 | config.columns

    @property
    def state(self) -> State:
        return self._state

    @state.setter
    def state(self, state: State):
        self._state = state
        self.node.mesh.schedule_changed = True

    def step(self) -> None:
        """Execute the instruction at `pc`, or take its trap, or start to wait."""
        if self.load_error is not None:
            address, self.load_error = self.load_error, None
            self.take(Trap(Cause.HARDWARE_ERROR, address))
            return
        try:
            if self.injected is not None:
                operation, word = self.node.decode(self, self.injected)
            else:
                operation, word = self.code.get(self.pc) or self.node.fetch(self)
            target = operation()
        except Trap as trap:
            self.take(trap)
            return
        if target is None:
            self._waiting = word, self.pc + 4
        else:
            self._retire(word, target)

    def _retire(self, word: int, target: int) -> None:
        if self.retired is not None:
            self.retired(self, word)
        if self.injected is None:
            self.instret += 1
            self.pc = target
        self._halt_if_single()

    def _halt_if_single(self) -> None:
        if self.single:
            self.single, self.injected = False, None
            self.state = State.HALTED

    def wait(self, semaphore: int, amount: int) -> None:
        """Stop until `grant`; the `sem.wait` that is being executed retires then."""
        self.wanted = semaphore, amount
        self.state = State.WAITING

    def grant(self) -> None:
        """The semaphore had enough: go on."""
        self.state = State.RUNNING
        self._retire(*self._waiting)

    def take(self, trap: Trap) -> None:
        """Enter the trap handler or, if there is none, stop."""
        csrs = self.csrs
        csrs[CsrNumber.MCAUSE], csrs[CsrNumber.MEPC], csrs[CsrNumber.MTVAL] = trap.cause, self.pc, trap.tval
        csrs[CsrNumber.MSTATUS] = _MPP | (_MPIE if csrs[CsrNumber.MSTATUS] & _MIE else 0)
        self._halt_if_single()
        if csrs[CsrNumber.MTVEC]:
            self.pc = csrs[CsrNumber.MTVEC]
        else:
            self.state = State.TRAPPED

    def return_from_trap(self) -> int:
        """`mret`: the pc to go on at."""
        mstatus = self.csrs[CsrNumber.MSTATUS]
        self.csrs[CsrNumber.MSTATUS] = _MPP | _MPIE | (_MIE if mstatus & _MPIE else 0)
        return self.csrs[CsrNumber.MEPC]

    def read_csr(self, number: CsrNumber) -> int:
        """Cycles are the model's steps, since it has no notion of time."""
        match number:
            case CsrNumber.MCYCLE | CsrNumber.CYCLE:
                return self.node.mesh.steps
            case CsrNumber.MINSTRET | CsrNumber.INSTRET:
                return self.instret + self._minstret_ahead & (1 << 64) - 1
            case _:
                return self.csrs[number]

    def write_csr(self, number: CsrNumber, value: int) -> None:
        """Bits that are not writable keep their value.

        Raises
        ------
        ValueError
            The value names a format or a rounding that is not defined there.
        """
        writable, _ = CSRS[number]
        value = self.csrs[number] & ~writable | value & writable
        match number:
            case CsrNumber.VFORMAT:
                checked_format(value & 15)
                checked_format(value >> 4 & 15)
                checked_rounding(value >> 21)
            case CsrNumber.MFORMAT if not {value & 15, value >> 16 & 15} <= {*OPERAND_FORMATS}:
                raise ValueError(f"mformat {value:#x} names a format that is none of an operand's")
            case CsrNumber.MINSTRET:
                self._minstret_ahead = value - (self.instret + 1)
        self.csrs[number] = value

    def snapshot(self) -> ThreadState:
        """What the control registers say of it."""
        return ThreadState(
            x=self.node.x, y=self.node.y, thread=self.index, pc=self.pc, state=self.state,
            cause=self.csrs[CsrNumber.MCAUSE], epc=self.csrs[CsrNumber.MEPC], tval=self.csrs[CsrNumber.MTVAL],
            instret=self.instret)
