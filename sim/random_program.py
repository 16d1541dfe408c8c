"""Random programs that always end, for running the RTL in lock-step with the model.

Every thread of a node runs its own code on its own memory, so that the threads' traces do not depend on who is faster:

* all rows of the table occur, with operands from a few hot registers (dependences) and from the corners of
  multiplication, division and floating point;
* traps go to a handler that skips the instruction, or returns to the jump if its target was outside the SRAM;
* branches go forward or around short loops; a thread calls subroutines and rewrites instructions ahead of itself, with
  `fence.i`;
* threads post each other's semaphores in one global order, so that nobody waits for ever;
* every thread has an area of its own in every node of the mesh, which it reads, writes, changes at once and pulls lists
  from; words that all threads of the mesh change at once are never read, and end the same in any order;
* at the end every thread stores its registers and stops at an `ebreak` with mtvec = 0, so its cause is 3.

Neither counters of time nor what depends on a race are read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hdl.config import SRAM_BASE, Config
from hdl.isa import PREDICATES, CsrNumber

from .assembler import assemble
from .random_fragments import Fragments
from .random_frame import (
    ADDRESS,
    COUNT,
    DESCRIPTORS,
    LINK,
    RANDOM_REGISTERS,
    SCRATCH,
    WINDOW,
    WINDOW_LINES,
    first_area,
)

#: FP32 at the ends of their range, and one lowest bit from a number that is easy.
_FP32 = (0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x3F800000, 0xBF800001, 0x7F7FFFFF, 0xFF7FFFFF,
         0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0x33800000, 0x3F808000, 0x3F818000)


@dataclass(frozen=True, kw_only=True)
class RandomProgram:
    """A program for one node.

    Attributes
    ----------
    memory : list of (address, bytes)
        What to load; all other memory must be 0.
    start : list of (thread, pc)
        Threads to start.
    end : int
        First address behind the code; up to the areas at the end of the SRAM nothing is used.
    """

    end: int
    memory: list[tuple[int, bytes]]
    start: list[tuple[int, int]]


def generate(random: Random, *, config: Config, length: int, threads: int, node: tuple[int, int] = (0, 1),
             make: Callable[..., "ThreadProgram"] | None = None) -> RandomProgram:
    """A program of about `length` instructions for each of `threads` threads.

    Parameters
    ----------
    random : Random
        Its state determines the program.
    node : (x, y)
        The node that the program is for. Every node of the mesh needs its own.
    make : callable
        Called in place of `ThreadProgram`, to make what a thread does.

    Raises
    ------
    ValueError
        If the program does not fit in the node's SRAM.
    """
    handshakes = _handshakes(random, config, threads, length // 50)
    memory, start = [], []
    address = SRAM_BASE
    for thread in range(threads):
        program = (make or ThreadProgram)(random, config, address, thread, node)
        program.build(length, handshakes)
        memory.append((address, program.image()))
        start.append((thread, program.entry))
        address += len(memory[-1][1])
    areas = first_area(config)
    if address > areas:
        raise ValueError(f"{threads} threads of {length} instructions take {address - SRAM_BASE:,} bytes, more than "
                         f"the {areas - SRAM_BASE:,} that {config.name} has for them")
    memory.append((areas, random.randbytes(config.sram_end - areas)))
    return RandomProgram(end=address, memory=memory, start=start)


def _handshakes(random: Random, config: Config, threads: int, count: int) -> list[tuple[int, int]]:
    """Who posts and who waits, in the order that all threads keep to."""
    if threads * 2 > config.semaphores:
        return []
    return [(random.randrange(threads), random.randrange(threads)) for _ in range(count)]


class ThreadProgram(Fragments):
    """The code and data of a thread."""

    def build(self, length: int, handshakes: list[tuple[int, int]]) -> None:
        """Emit the whole code."""
        self._prologue()
        own = [handshake for handshake in handshakes if self.thread in handshake]
        begin = len(self.words)
        due = sorted(begin + self.random.randrange(length) for _ in own)
        while due or len(self.words) - begin < length:
            if due and len(self.words) >= due[0]:
                del due[0]
                self._handshake(own.pop(0))
            self.piece()
        self._epilogue()

    def piece(self) -> None:
        """Emit what depends on nothing around it."""
        self.random.choice((self._simple, self._simple, self._simple, self._branch, self._loop))()

    def image(self) -> bytes:
        """All of the thread's memory."""
        random, config = self.random, self.config
        lanes = [random.choice(_FP32) if random.random() < 0.2 else self._near_one() for _ in range(self.half // 2)]
        window = b"".join(lane.to_bytes(4, "little") for lane in lanes)
        dump = bytes(self.dump_lines * config.vector_bytes)
        descriptors = b"".join(self._descriptor(number).to_bytes(config) for number in range(DESCRIPTORS))
        descriptors += b"".join(random.randrange(4).to_bytes(4, "little") for _ in range(config.lanes))
        # Of each lane mostly a word of the window; rarely one that crosses a line, or is far away.
        limit = 2 * self.half - config.vector_bytes
        offsets = [random.randrange(limit) & (-4 if random.random() < 0.98 else -1) for _ in range(config.lanes)]
        if random.random() < 0.3:
            offsets[random.randrange(config.lanes)] = random.getrandbits(32)
        descriptors += b"".join(offset.to_bytes(4, "little") for offset in offsets)
        code = b"".join(word.to_bytes(4, "little") for word in self.words)
        padding = bytes(-len(code) % config.vector_bytes)
        return window + dump + descriptors + code + padding

    def _near_one(self) -> int:
        """An FP32, or two BF16, of a magnitude whose sums and products are of interest."""
        bits = self.random.getrandbits(32)
        return bits & 0x807F807F | self.random.randrange(110, 140) << 23 | self.random.randrange(110, 140) << 7

    # The frame

    def _prologue(self) -> None:
        """Set the handler and every register."""
        handler = self._handler()
        body = 10 + (RANDOM_REGISTERS - 1) + 32 + PREDICATES + self.config.conversions + self.config.accumulators
        self.emit("auipc", rd=WINDOW, imm=0)
        self._set(ADDRESS, self.window - self.entry)
        self.emit("add", rd=WINDOW, rs1=WINDOW, rs2=ADDRESS)
        self._set_address(ADDRESS, self.entry + 4 * (body + 2))
        self.emit("csrrw", rd=0, csr=CsrNumber.MTVEC, rs1=ADDRESS)
        for register in range(1, RANDOM_REGISTERS):
            self.emit("ld", rd=register, rs1=WINDOW, imm=8 * register - self.half)
        for register in (LINK, SCRATCH, COUNT):
            self.emit("addi", rd=register, rs1=0, imm=0)
        for register in range(32):
            line = register % WINDOW_LINES
            self.emit("vld", vd=register, rs1=WINDOW, imm=line * self.config.vector_bytes - self.half)
        for predicate in range(PREDICATES):
            self.emit("pset", pd=predicate, rs1=predicate + 1)
        if self.config.conversions:
            self.emit("vseed", vd=0, vs1=0)
        for accumulator in range(self.config.accumulators):
            self.emit("mzero", ad=accumulator)
        self.emit("jal", rd=0, imm=4 * (len(handler) + 1))
        assert self.pc == self.entry + 4 * (body + 2)
        self.words += handler

    def _handler(self) -> list[int]:
        """Skip the instruction that trapped; after a fetch outside the SRAM (cause 1), return to where LINK says."""
        def csr(name: str, number: CsrNumber, rd: int, rs1: int) -> int:
            return assemble(name, rd=rd, csr=number, rs1=rs1)

        return [
            csr("csrrw", CsrNumber.MSCRATCH, SCRATCH, SCRATCH),
            csr("csrrs", CsrNumber.MTVAL, SCRATCH, 0),
            csr("csrrs", CsrNumber.MCAUSE, SCRATCH, 0),
            assemble("addi", rd=SCRATCH, rs1=SCRATCH, imm=-1),
            assemble("beq", rs1=SCRATCH, rs2=0, imm=16),
            csr("csrrs", CsrNumber.MEPC, SCRATCH, 0),
            assemble("addi", rd=SCRATCH, rs1=SCRATCH, imm=4),
            assemble("jal", rd=0, imm=8),
            assemble("addi", rd=SCRATCH, rs1=LINK, imm=0),
            csr("csrrw", CsrNumber.MEPC, 0, SCRATCH),
            csr("csrrw", CsrNumber.MSCRATCH, SCRATCH, SCRATCH),
            assemble("mret"),
        ]

    def _epilogue(self) -> None:
        """Store all registers and stop."""
        line = self.config.vector_bytes
        self.emit("csrrw", rd=0, csr=CsrNumber.MTVEC, rs1=0)
        self._set_address(ADDRESS, self.dump)
        for register in range(32):
            self.emit("sd", rs2=register, rs1=ADDRESS, imm=8 * register)
        for predicate in range(PREDICATES):
            self.emit("pget", rd=1, ps1=predicate)
            self.emit("sd", rs2=1, rs1=ADDRESS, imm=8 * (32 + predicate))
        self._set_address(ADDRESS, self.dump + (32 + PREDICATES) * 8)
        for register in range(32):
            self.emit("vst", vs2=register, rs1=ADDRESS, imm=0)
            self.emit("addi", rd=ADDRESS, rs1=ADDRESS, imm=line)
        for accumulator in range(self.config.accumulators):
            for part in range(self.config.parts):
                self.emit("mread", vd=0, as1=accumulator, part=part)
                self.emit("vst", vs2=0, rs1=ADDRESS, imm=0)
                self.emit("addi", rd=ADDRESS, rs1=ADDRESS, imm=line)
        self.emit("ebreak")

    # Control flow

    def _simple(self) -> None:
        functions, weights = zip(*self.fragments, strict=True)
        self.random.choices(functions, weights)[0]()

    def _body(self) -> list[int]:
        """A few fragments, taken out again; they do not depend on where they stand, nor on whether they run."""
        begin = len(self.words)
        for _ in range(self.random.randint(1, 5)):
            self._simple()
        body = self.words[begin:]
        del self.words[begin:]
        return body

    def _branch(self) -> None:
        """Around a body, or not."""
        body = self._body()
        skip = 4 * (len(body) + 1)
        match self.random.randrange(4):
            case 0:
                self.emit("jal", rd=self._register(), imm=skip)
            case 1:
                self.emit("auipc", rd=ADDRESS, imm=0)
                self.emit("jalr", rd=self._register(), rs1=ADDRESS, imm=skip + 4 + self.random.randrange(2))
            case _:
                name = self.random.choice(("beq", "bne", "blt", "bge", "bltu", "bgeu"))
                self.emit(name, rs1=self._register(), rs2=self._register(), imm=skip)
        self.words += body

    def _loop(self) -> None:
        """Around a body a few times."""
        self.emit("addi", rd=COUNT, rs1=0, imm=self.random.randint(1, 4))
        body = self._body()
        self.words += body
        self.emit("addi", rd=COUNT, rs1=COUNT, imm=-1)
        self.emit("bne", rs1=COUNT, rs2=0, imm=-4 * (len(body) + 1))
