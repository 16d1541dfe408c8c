"""A debugger's view of a thread: single steps, registers and memory, through whatever reaches the nodes of a mesh.

A halted thread carries out an instruction that its program does not have when the host writes it to INSTRUCTION. With
the register DATA, which the thread sees as the CSR dscratch0, that gives every register; docs/architecture.md.
"""

from hdl.config import Config
from hdl.isa import CsrNumber
from hdl.memory_map import REGISTER_BYTES, Command, State, ThreadRegister, thread_register

from .assembler import assemble
from .errors import SimulationError
from .job import Node
from .job_runner import Host

#: The integer register that is borrowed when another one cannot do.
_BORROWED = 1

#: Looks at STATE until an instruction has to be done, and cycles between them.
_LOOKS, _PAUSE = 1000, 8


class DebugError(SimulationError):
    """A thread does not do what the debugger wants; the message says why in one line."""


class Debugger:
    """One thread of one node.

    Parameters
    ----------
    host : Host
    config : Config
    node : (x, y)
    thread : int

    Raises
    ------
    DebugError
        If there is no such thread or register. Every method: if the thread is not halted or trapped, where it has to
        be, or if what it is given to do traps or does not end.
    """

    def __init__(self, host: Host, *, config: Config, node: Node, thread: int):
        if node not in config.coordinates() or thread not in range(config.threads):
            raise DebugError(f"{config.name} has no thread {thread} at node {node}: its {config.columns} x "
                             f"{config.rows} nodes, from (0, 1) on, have {config.threads} threads each")
        self.host, self.config, self.node, self.thread = host, config, node, thread

    # The thread

    async def state(self) -> State:
        return State(await self._register(ThreadRegister.STATE))

    async def pc(self) -> int:
        """The instruction that it executes next."""
        return await self._register(ThreadRegister.PC)

    async def instret(self) -> int:
        """Instructions of the program that it has retired."""
        return await self._register(ThreadRegister.INSTRET)

    async def set_pc(self, address: int) -> None:
        await self._stopped()
        await self._set(ThreadRegister.PC, address)

    async def halt(self) -> State:
        """Stop before the next instruction, or behind an access to another node that is under way."""
        await self._set(ThreadRegister.STATE, Command.HALT)
        return await self._done("an access")

    async def resume(self) -> None:
        await self._stopped()
        await self._set(ThreadRegister.STATE, Command.START)

    async def step(self) -> State:
        """Execute one instruction of the program, or take its trap; returns HALTED or TRAPPED."""
        await self._stopped()
        await self._set(ThreadRegister.STATE, Command.STEP)
        return await self._done("the instruction")

    async def execute(self, word: int) -> None:
        """Execute an instruction that is not in the program; the pc stays."""
        await self._stopped()
        before = await self.pc()
        await self._set(ThreadRegister.INSTRUCTION, word)
        state, after = await self._done(f"the instruction {word:#010x}"), await self.pc()
        if state is State.TRAPPED or after != before:
            cause = await self._register(ThreadRegister.CAUSE)
            raise DebugError(f"the instruction {word:#010x}, given to thread {self.thread} of node {self.node}, "
                             f"trapped with cause {cause}; its pc is {after:#x}")

    # Registers

    async def read_x(self, number: int) -> int:
        """An integer register."""
        await self.execute(assemble("csrrw", rd=0, csr=CsrNumber.DSCRATCH0, rs1=number))
        return await self._register(ThreadRegister.DATA)

    async def write_x(self, number: int, value: int) -> None:
        await self._set(ThreadRegister.DATA, value)
        await self.execute(assemble("csrrs", rd=number, csr=CsrNumber.DSCRATCH0, rs1=0))

    async def read_csr(self, number: int) -> int:
        kept = await self.read_x(_BORROWED)
        await self.execute(assemble("csrrs", rd=_BORROWED, csr=number, rs1=0))
        value = await self.read_x(_BORROWED)
        await self.write_x(_BORROWED, kept)
        return value

    async def write_csr(self, number: int, value: int) -> None:
        kept = await self.read_x(_BORROWED)
        await self.write_x(_BORROWED, value)
        await self.execute(assemble("csrrw", rd=0, csr=number, rs1=_BORROWED))
        await self.write_x(_BORROWED, kept)

    async def read_predicate(self, number: int) -> int:
        kept = await self.read_x(_BORROWED)
        await self.execute(assemble("pget", rd=_BORROWED, ps1=number))
        value = await self.read_x(_BORROWED)
        await self.write_x(_BORROWED, kept)
        return value

    async def read_v(self, number: int) -> bytes:
        """A vector register; it goes through the last line of the SRAM, which is the same afterwards."""
        line, kept, content = await self._borrow()
        await self.execute(assemble("vst", vs2=number, rs1=_BORROWED, imm=0))
        await self.execute(assemble("fence"))
        value = await self._read(line)
        await self._return(line, kept, content)
        return value

    async def write_v(self, number: int, value: bytes) -> None:
        """See `read_v`."""
        line, kept, content = await self._borrow()
        await self.host.write([(self.node, line, value.ljust(self.config.vector_bytes, b"\0"))])
        await self.execute(assemble("vld", vd=number, rs1=_BORROWED, imm=0))
        await self.execute(assemble("vst", vs2=number, rs1=_BORROWED, imm=0))  # not before it has been loaded
        await self._return(line, kept, content)

    # How

    async def _borrow(self) -> tuple[int, int, bytes]:
        """A register that points to a line, what it held, and what the line holds."""
        line = self.config.sram_end - self.config.vector_bytes
        kept, content = await self.read_x(_BORROWED), await self._read(line)
        await self.write_x(_BORROWED, line)
        return line, kept, content

    async def _return(self, line: int, kept: int, content: bytes) -> None:
        await self.execute(assemble("fence"))
        await self.host.write([(self.node, line, content)])
        await self.write_x(_BORROWED, kept)

    async def _read(self, line: int) -> bytes:
        content, = await self.host.read([(self.node, line, self.config.vector_bytes)])
        return content

    async def _register(self, register: ThreadRegister) -> int:
        content, = await self.host.read([(self.node, thread_register(self.thread, register), REGISTER_BYTES)])
        return int.from_bytes(content, "little")

    async def _set(self, register: ThreadRegister, value: int) -> None:
        address = thread_register(self.thread, register)
        await self.host.write([(self.node, address, value.to_bytes(REGISTER_BYTES, "little"))])

    async def _stopped(self) -> None:
        state = await self.state()
        if state not in (State.HALTED, State.TRAPPED):
            raise DebugError(f"thread {self.thread} of node {self.node} is {state.name.lower()}: halt it first")

    async def _done(self, what: str) -> State:
        state = await self.state()
        for _ in range(_LOOKS):
            if state in (State.HALTED, State.TRAPPED):
                return state
            await self.host.cycles(_PAUSE)
            state = await self.state()
        await self._set(ThreadRegister.STATE, Command.HALT)
        raise DebugError(f"{what} of thread {self.thread} of node {self.node} has not ended: it was "
                         f"{state.name.lower()} at {await self.pc():#x} and has been halted")
