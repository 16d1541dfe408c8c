"""What random programs are made of: a few instructions each, which end whatever the registers hold."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from hdl import number_formats
from hdl.config import GLOBAL_FLAG, SRAM_BASE, Config, global_address
from hdl.isa import (
    BY_NAME,
    CSRS,
    INSTRUCTIONS,
    PREDICATES,
    Atomic,
    CsrNumber,
    Format,
    Gather,
    Matrix,
    Unit,
    Vector,
    decode,
)
from hdl.memory_map import Descriptor
from hdl.number_formats import Rounding

from .assembler import assemble
from .numerics import OPERAND_FORMATS

#: Registers with a use of their own; the others, from x0 on, belong to chance.
RANDOM_REGISTERS = 26
LINK, ADDRESS, SCRATCH, COUNT, WINDOW = 27, 28, 29, 30, 31

#: Lines of a thread's window, which its loads and stores stay in and which WINDOW points to the middle of.
WINDOW_LINES = 16

#: List descriptors of a thread: those with an even number are pushed, the others pulled.
DESCRIPTORS = 6

#: Lines of a thread's area in every node, from the end of the SRAM downwards; in the last one it only puts. The very
#: last line of the SRAM is for what all threads change at once: each word by one function, in whatever order.
AREA_LINES = 4
_SHARED = (Atomic.ADD, Atomic.XOR, Atomic.OR, Atomic.AND, Atomic.MIN, Atomic.MAX, Atomic.MINU, Atomic.MAXU)

#: The handler's address must stay, cycles are not the model's, and the host may change dscratch0.
_SPARED_CSRS = {CsrNumber.MTVEC, CsrNumber.MCYCLE, CsrNumber.CYCLE, CsrNumber.DSCRATCH0}


def first_area(config: Config) -> int:
    """Where the areas of all threads begin."""
    return config.sram_end - (1 + config.nodes * config.threads * AREA_LINES) * config.vector_bytes


class Fragments:
    """Where a thread's things are, and the pieces of code that chance strings together.

    Window, dump, descriptors and code are each in lines of their own.
    """

    def __init__(self, random: Random, config: Config, base: int, thread: int, node: tuple[int, int]):
        line = config.vector_bytes
        self.random = random
        self.config = config
        self.thread = thread
        self.node = node
        index = config.coordinates().index(node) * config.threads + thread
        self.area = first_area(config) + index * AREA_LINES * line
        self.half = WINDOW_LINES // 2 * line
        self.base = base
        self.window = base + self.half
        self.dump = base + WINDOW_LINES * line
        self.dump_lines = (32 + PREDICATES) * 8 // line + 32 + config.accumulators * config.parts
        self.descriptors = self.dump + self.dump_lines * line
        self.numbers = self.descriptors + DESCRIPTORS * Descriptor.size(config)
        self.offsets = self.numbers + line
        self.entry = self.offsets + line
        # A list is followed by the one after the next, or by none.
        self.chained = [random.random() < 0.5 and number + 2 < DESCRIPTORS for number in range(DESCRIPTORS)]
        self.words: list[int] = []
        self.fragments: list[tuple[Callable[[], None], int]] = [
            (self._arithmetic, 40), (self._corner_arithmetic, 10), (self._memory, 25), (self._computed_memory, 5),
            (self._vector_memory, 10), (self._advancing_memory, 4),
            (self._vector, 25), (self._predicate, 6), (self._masked_memory, 6), (self._gather, 4),
            (self._matrix, 12), (self._formats, 3), (self._csr, 5), (self._system, 2),
            (self._illegal, 2), (self._bad_address, 3), (self._bad_jump, 2), (self._bad_semaphore, 1),
            (self._own_semaphore, 2), (self._self_modification, 1), (self._call, 1), (self._list, 4),
            (self._atomic, 6), (self._far_access, 6), (self._far_vector, 3), (self._far_atomic, 4), (self._put, 3),
            (self._shared, 2), (self._bad_node, 1),
        ]

    def emit(self, name: str, **operands: int) -> None:
        self.words.append(assemble(name, **operands))

    @property
    def pc(self) -> int:
        return self.entry + 4 * len(self.words)

    def _register(self) -> int:
        return self.random.randrange(1, 7) if self.random.random() < 0.6 else self.random.randrange(RANDOM_REGISTERS)

    def _vector_register(self) -> int:
        return self.random.randrange(4) if self.random.random() < 0.6 else self.random.randrange(32)

    def _set(self, register: int, value: int) -> None:
        """Put a signed 32-bit constant into a register."""
        high = (value + 0x800 >> 12 << 12 & 0xFFFF_FFFF ^ 1 << 31) - (1 << 31)
        self.emit("lui", rd=register, imm=high)
        self.emit("addiw", rd=register, rs1=register, imm=(value & 0xFFF ^ 0x800) - 0x800)

    def _set_address(self, register: int, address: int) -> None:
        """Put an address into a register, relative to the window."""
        self._set(register, address - self.window)
        self.emit("add", rd=register, rs1=register, rs2=WINDOW)

    def _call(self) -> None:
        """A subroutine beside the way."""
        body = [self._arithmetic_word() for _ in range(self.random.randint(1, 4))]
        self.emit("jal", rd=0, imm=4 * (len(body) + 2))
        self.words += body
        self.emit("jalr", rd=0, rs1=LINK, imm=0)
        self.emit("jal", rd=LINK, imm=-4 * (len(body) + 1))

    def _arithmetic_word(self) -> int:
        row = self.random.choice([row for row in INSTRUCTIONS if row.unit in (Unit.ALU, Unit.MULDIV)])
        values = {name: self._register() for name in ("rd", "rs1", "rs2") if name in row.operands}
        if "imm" in row.operands:
            match row.format:
                case Format.U_TYPE:
                    values["imm"] = self.random.randrange(-1 << 19, 1 << 19) << 12
                case Format.SHIFT | Format.SHIFTW:
                    values["imm"] = self.random.randrange(64 if row.format is Format.SHIFT else 32)
                case _:
                    values["imm"] = self.random.choice((-2048, -1, 0, 1, 2047, self.random.randrange(-2048, 2048)))
        return assemble(row.name, **values)

    def _arithmetic(self) -> None:
        self.words.append(self._arithmetic_word())

    def _corner_arithmetic(self) -> None:
        """Multiplication, division and shifts of corner operands."""
        operands = self._register(), self._register()
        for register in operands:
            if self.random.random() < 0.7:
                self._corner(register)
        row = self.random.choice([row for row in INSTRUCTIONS if row.unit is Unit.MULDIV])
        self.emit(row.name, rd=self._register(), rs1=operands[0], rs2=operands[1])

    def _corner(self, register: int) -> None:
        """0, 1, -1, 2^31 - 1, -2^31, 2^32 - 1, 2^63 - 1 or -2^63."""
        first, then = self.random.choice((
            (0, None), (1, None), (-1, None), (1 << 31, ("addiw", -1)), (1 << 31, None), (-1, ("srli", 32)),
            (-1, ("srli", 1)), (-1, ("slli", 63))))
        if first == 1 << 31:
            self.emit("lui", rd=register, imm=-first)
        else:
            self.emit("addi", rd=register, rs1=0, imm=first)
        if then:
            name, imm = then
            self.emit(name, rd=register, rs1=register, imm=imm)

    def _access(self, base: int, low: int, high: int) -> None:
        """A scalar load or store at [low, high) from a base register."""
        row = self.random.choice([row for row in INSTRUCTIONS if row.unit is Unit.MEMORY and not row.is_xd1])
        size = 1 << (row.function & 3)
        offset = self.random.randrange(low, high - size + 1)
        if self.random.random() < 0.6:
            offset &= -size
        if row.format is Format.S_TYPE:
            self.emit(row.name, rs2=self._register(), rs1=base, imm=offset)
        else:
            self.emit(row.name, rd=self._register(), rs1=base, imm=offset)

    def _memory(self) -> None:
        """Anywhere in the window; some cross a line and trap."""
        self._access(WINDOW, -self.half, self.half)

    def _computed_memory(self) -> None:
        """At an address that depends on the data."""
        self.emit("andi", rd=ADDRESS, rs1=self._register(), imm=self.half - 8)
        self.emit("add", rd=ADDRESS, rs1=ADDRESS, rs2=WINDOW)
        self._access(ADDRESS, -self.half, 8)

    def _vector_memory(self) -> None:
        """Mostly aligned."""
        line = self.config.vector_bytes
        offset = self.random.randrange(-WINDOW_LINES // 2, WINDOW_LINES // 2) * line
        if self.random.random() < 0.05:
            offset = max(offset - self.random.randrange(line), -self.half)
        if self.random.random() < 0.6:
            self.emit("vld", vd=self._vector_register(), rs1=WINDOW, imm=offset)
        else:
            self.emit("vst", vs2=self._vector_register(), rs1=WINDOW, imm=offset)

    def _advancing_memory(self) -> None:
        """Vector loads and stores along a pointer; the one in x0 traps."""
        line = self.config.vector_bytes
        self.emit("addi", rd=ADDRESS, rs1=WINDOW, imm=self.random.randrange(-3, 4) * line)
        for _ in range(self.random.randint(1, 4)):
            pointer = ADDRESS if self.random.random() < 0.95 else 0
            imm = self.random.choice((-line, 0, line, line)) if self.random.random() < 0.95 else line // 2
            if self.random.random() < 0.6:
                self.emit("vld.pi", vd=self._vector_register(), rs1=pointer, imm=imm)
            else:
                self.emit("vst.pi", vs2=self._vector_register(), rs1=pointer, imm=imm)
            if self.random.random() < 0.3:
                self.emit("add", rd=self._register(), rs1=ADDRESS, rs2=self._register())

    def _vector(self) -> None:
        """A few operations, now and then of lanes that the configuration does not have."""
        for _ in range(self.random.randint(1, 4)):
            kinds = [self.random.choice(list(Vector))] if self.random.random() < 0.5 else list(Vector)
            row = self.random.choice([row for row in INSTRUCTIONS if row.lanes in kinds])
            if not row.is_in(self.config) and self.random.random() < 0.9:
                continue
            self.emit(row.name, **{name: self._operand(name) for name in row.operands})

    def _operand(self, name: str) -> int:
        """A register, a predicate or a part, now and then one that is not there."""
        match name:
            case "rd" | "rs1" | "rs2":
                return self._register()
            case "vd" | "vs1" | "vs2" | "vs3":
                return self._vector_register()
            case "mask":
                return self.random.randrange(PREDICATES)
            case "pd" | "ps1" | "ps2":
                return self.random.randrange(PREDICATES if self.random.random() < 0.97 else 32)
        return self.random.randrange(4 if self.random.random() < 0.95 else 32)

    def _predicate(self) -> None:
        """A few operations on predicates, some of which have most bits set."""
        for _ in range(self.random.randint(1, 3)):
            row = self.random.choice([row for row in INSTRUCTIONS if row.unit is Unit.PREDICATE])
            values = {name: self._operand(name) for name in row.operands}
            if row.name == "pfirst":
                values["rs1"] = ADDRESS
                self.emit("addi", rd=ADDRESS, rs1=0, imm=self.random.randrange(-1, self.config.vector_bytes + 2))
            self.emit(row.name, **values)

    def _array(self) -> None:
        """A small array in the window, and a place in it or at its borders; rarely one that leaves the SRAM."""
        random, line = self.random, self.config.vector_bytes
        rows, row_bytes = random.randrange(1, 5), random.randrange(1, 3 * line)
        pitch = random.choice((row_bytes, 3 * line, random.randrange(3 * line)))
        if random.random() < 0.05:
            pitch, rows = random.getrandbits(31), 3
        self._set(ADDRESS, pitch)
        self.emit("slli", rd=ADDRESS, rs1=ADDRESS, imm=32)
        self._set(LINK, row_bytes << 16 | rows)
        self.emit("add", rd=ADDRESS, rs1=ADDRESS, rs2=LINK)
        self.emit("csrrw", rd=0, csr=CsrNumber.VTILE, rs1=ADDRESS)
        self.emit("addi", rd=ADDRESS, rs1=0, imm=random.randrange(-1, rows + 1))
        self.emit("slli", rd=ADDRESS, rs1=ADDRESS, imm=32)
        self._set(LINK, random.choice((random.randrange(-line - 1, row_bytes + 2), random.randrange(row_bytes))))
        for name in ("slli", "srli"):
            self.emit(name, rd=LINK, rs1=LINK, imm=32)
        self.emit("add", rd=LINK, rs1=LINK, rs2=ADDRESS)
        self._set_address(ADDRESS, self.base + random.randrange(2 * line))

    def _masked_memory(self) -> None:
        """In the window; some are misaligned, or of another node, and trap."""
        line = self.config.vector_bytes
        if self.random.random() < 0.05:
            self._far(self.area)
        else:
            offset = self.random.randrange(-WINDOW_LINES // 2, WINDOW_LINES // 2) * line
            if self.random.random() < 0.05:
                offset = max(offset - self.random.randrange(line), -self.half)
            self.emit("addi", rd=ADDRESS, rs1=WINDOW, imm=offset)
        for _ in range(self.random.randint(1, 3)):
            name = self.random.choice(("vld.m", "vst.m"))
            values = {operand: self._operand(operand) for operand in BY_NAME[name].operands}
            self.emit(name, **values | {"rs1": ADDRESS})

    def _gather(self) -> None:
        """To and from the lanes, in the window, but for some offsets; illegal on nodes without the engine."""
        row = self.random.choice([row for row in INSTRUCTIONS if row.unit is Unit.GATHER])
        if not row.is_in(self.config) and self.random.random() < 0.9:
            return
        values = {name: self._operand(name) for name in row.operands} | {"rs1": ADDRESS}
        if "vs2" in values:
            self._set_address(ADDRESS, self.offsets)
            self.emit("vld", vd=values["vs2"], rs1=ADDRESS, imm=0)
            self._set_address(ADDRESS, self.base + self.random.choice((0, 0, 4, 1)))
        elif row.function is Gather.PADDED:
            self._array()
            values["rs2"] = LINK
        else:
            lanes = self.config.lanes
            self.emit("addi", rd=LINK, rs1=0, imm=self.random.randrange(-self.half // lanes, self.half // lanes))
            self.emit("addi", rd=ADDRESS, rs1=WINDOW, imm=self.random.choice((0, 0, -4, 3)))
            values["rs2"] = LINK
        self.emit(row.name, **values)

    def _formats(self) -> None:
        """Formats of conversions and of matrix operands, now and then undefined ones."""
        choice = self.random.choice
        defined = self.random.random() < 0.8
        if self.random.random() < 0.6:
            number, value = CsrNumber.VFORMAT, self.random.getrandbits(23)
            if defined:
                value = choice(list(number_formats.Format)) | choice(list(number_formats.Format)) << 4 \
                    | value & 0x1FFF00 | choice(list(Rounding)) << 21
        else:
            number, value = CsrNumber.MFORMAT, self.random.getrandbits(27)
            if defined:
                value = value & 0x07F007F0 | choice(OPERAND_FORMATS) | choice(OPERAND_FORMATS) << 16
        self._set(ADDRESS, value)
        self.emit("csrrw", rd=self._register(), csr=number, rs1=ADDRESS)

    def _matrix(self) -> None:
        """A burst of steps on one or more accumulators, and readings."""
        steps = (Matrix.START, Matrix.MULTIPLY)
        for _ in range(self.random.randint(1, 4)):
            accumulator = self.random.randrange(self.config.accumulators)
            match self.random.randrange(8):
                case 0:
                    self.emit("mzero", ad=accumulator)
                case 1 | 2:
                    part = self.random.randrange(self.config.parts)
                    self.emit("mread", vd=self._vector_register(), as1=accumulator, part=part)
                case 3:
                    part = self.random.randrange(self.config.parts)
                    self.emit("mload", ad=accumulator, vs1=self._vector_register(), part=part)
                case _:
                    row = self.random.choice([row for row in INSTRUCTIONS if row.is_in(self.config)
                                              and row.function in steps and row.unit is Unit.MATRIX])
                    self.emit(row.name, ad=accumulator, vs1=self._vector_register(), vs2=self._vector_register())

    def _csr(self) -> None:
        """Reads and writes, some of them illegal."""
        row = self.random.choice([row for row in INSTRUCTIONS if row.unit is Unit.CSR])
        number = self.random.choice([number for number in CSRS if number not in _SPARED_CSRS])
        rs1 = self._register()
        if self.random.random() < 0.1:
            number = self.random.choice([number for number in range(1 << 12) if number not in set(CSRS)])
        elif self.random.random() < 0.1 and row.name in ("csrrs", "csrrc"):
            number, rs1 = CsrNumber.MTVEC, 0
        if row.format is Format.CSRI:
            imm = self.random.choice((0, self.random.randrange(32)))
            self.emit(row.name, rd=self._register(), csr=number, imm=imm)
        else:
            self.emit(row.name, rd=self._register(), csr=number, rs1=rs1)

    def _system(self) -> None:
        self.emit(self.random.choice(("fence", "fence.i", "ecall", "ebreak", "wfi")))

    def _illegal(self) -> None:
        """A word that is no instruction, anywhere or of this size of the design."""
        word = self.random.choice((0, 0xFFFFFFFF, self.random.getrandbits(32)))
        while decode(word):
            word = self.random.getrandbits(32)
        self.words.append(self.random.choice((
            word,
            assemble("mzero", ad=self.random.randrange(self.config.accumulators, 32)),
            assemble("mread", vd=0, as1=0, part=self.random.randrange(self.config.parts, 32)))))

    def _bad_address(self) -> None:
        """Loads, stores and list pushes outside the SRAM, at its very ends, and at addresses that are not a line's."""
        line = self.config.vector_bytes
        if self.random.random() < 0.2:
            self.emit("addi", rd=ADDRESS, rs1=0, imm=self.random.choice((0, -1, -8, 2047)))
        else:
            self._set_address(ADDRESS, self.random.choice((
                SRAM_BASE - 1, SRAM_BASE - 8, SRAM_BASE - line, self.config.sram_end - 4, self.config.sram_end - 1,
                self.config.sram_end, self.config.sram_end + line)))
        match self.random.randrange(9):
            case 0:
                self.emit("vld", vd=self._vector_register(), rs1=ADDRESS, imm=0)
            case 8:
                name = self.random.choice(("vld.m", "vst.m", "vldst.w", "vstst.w"))
                values = {operand: self._operand(operand) for operand in BY_NAME[name].operands}
                self.emit(name, **values | {"rs1": ADDRESS})
            case 1:
                self.emit("vst", vs2=self._vector_register(), rs1=ADDRESS, imm=0)
            case 2:
                self.emit("list.push", rs1=ADDRESS)
            case 3:
                self.emit("addi", rd=ADDRESS, rs1=WINDOW, imm=self.random.randrange(1, line))
                self.emit("list.push", rs1=ADDRESS)
            case 4:
                self.emit("sd", rs2=self._register(), rs1=ADDRESS, imm=0)
            case _:
                self.emit("ld", rd=self._register(), rs1=ADDRESS, imm=0)

    def _bad_jump(self) -> None:
        """To an address that is not a multiple of 4, or outside the SRAM."""
        match self.random.randrange(3):
            case 0:
                self.emit("jal", rd=self._register(), imm=self.random.choice((-6, 2, 6, 102)))
            case 1:
                register = self._register()
                self.emit(self.random.choice(("beq", "bge", "bgeu")), rs1=register, rs2=register, imm=6)
            case _:
                outside = self.random.choice((SRAM_BASE - 4, self.config.sram_end, SRAM_BASE + (1 << 30)))
                self._set_address(ADDRESS, outside)
                self.emit("jalr", rd=LINK, rs1=ADDRESS, imm=0)

    def _bad_semaphore(self) -> None:
        """A semaphore or a node that is not there."""
        match self.random.randrange(3):
            case 0:
                self.emit("addi", rd=ADDRESS, rs1=0, imm=self.config.semaphores + self.random.randrange(8))
                self.emit("sem.post", rs1=ADDRESS)
            case 1:
                self.emit("addi", rd=ADDRESS, rs1=0, imm=self.config.semaphores + self.random.randrange(8))
                self.emit("sem.wait", rs1=ADDRESS, rs2=0)
            case _:
                self.emit("addi", rd=ADDRESS, rs1=0, imm=1)
                self.emit("slli", rd=ADDRESS, rs1=ADDRESS, imm=GLOBAL_FLAG.bit_length() - 1)
                self.emit("sem.post", rs1=ADDRESS)

    def _own_semaphore(self) -> None:
        """Post a semaphore that nobody else uses a few times, then take it all."""
        if self.config.semaphores <= self.thread * 2 + 1:
            return
        count = self.random.randint(0, 3)
        self.emit("addi", rd=ADDRESS, rs1=0, imm=self.thread * 2)
        for _ in range(count):
            self.emit("sem.post", rs1=ADDRESS)
        self.emit("addi", rd=LINK, rs1=0, imm=count)
        self.emit("sem.wait", rs1=ADDRESS, rs2=LINK)

    def _handshake(self, handshake: tuple[int, int]) -> None:
        """Post the other's second semaphore, or wait for one's own."""
        poster, waiter = handshake
        self.emit("addi", rd=ADDRESS, rs1=0, imm=waiter * 2 + 1)
        if poster == self.thread:
            self.emit("sem.post", rs1=ADDRESS)
        if waiter == self.thread:
            self.emit("addi", rd=LINK, rs1=0, imm=1)
            self.emit("sem.wait", rs1=ADDRESS, rs2=LINK)

    def _self_modification(self) -> None:
        """Replace an instruction a little further on."""
        word = self._arithmetic_word()
        self.emit("auipc", rd=ADDRESS, imm=0)
        self._set(LINK, (word ^ 1 << 31) - (1 << 31))
        self.emit("sw", rs2=LINK, rs1=ADDRESS, imm=4 * 5)
        self.emit("fence.i")
        self.words.append(self._arithmetic_word())

    def _list(self) -> None:
        """Let a list engine copy within the window, or to it, and wait until it has."""
        if self.config.semaphores <= self.thread * 2:
            return
        first = number = self.random.randrange(DESCRIPTORS)
        posts = 2
        while self.chained[number]:
            number, posts = number + 2, posts + 2
        self._set_address(ADDRESS, self.descriptors + first * Descriptor.size(self.config))
        self.emit("list.pull" if first % 2 else "list.push", rs1=ADDRESS)
        self.emit("addi", rd=ADDRESS, rs1=0, imm=self.thread * 2)
        self.emit("addi", rd=LINK, rs1=0, imm=posts)
        self.emit("sem.wait", rs1=ADDRESS, rs2=LINK)

    def _descriptor(self, number: int) -> Descriptor:
        """A copy from one half of the window, or from an area, to the other half, that says so twice."""
        random, line = self.random, self.config.vector_bytes
        x, y = self.node
        lines, rows = random.choice(((1, 1), (1, 3), (2, 2), (4, 1), (3, 2)))
        source, destination = self.base, global_address(x=x, y=y, address=self.window)
        if number % 2:
            source, destination = global_address(x=x, y=y, address=self.base), self.window
        made = Descriptor(
            source=source, destination=destination, lines=lines, rows=rows, source_stride=random.randrange(3) * line,
            destination_stride=lines * line, signal=1 + self.thread * 2, done=1 + self.thread * 2,
            gather=self.numbers + 4 * random.randrange(line // 4 - rows + 1) if random.random() < 0.3 else 0,
            next=self.descriptors + (number + 2) * Descriptor.size(self.config) if self.chained[number] else 0)
        if number % 2 and random.random() < 0.7:
            x, y = random.choice(self.config.coordinates())
            return replace(made, source=global_address(x=x, y=y, address=self.area), lines=AREA_LINES - 1, rows=1,
                           gather=0)
        return made

    # Atomics and other nodes

    def _atomic(self) -> None:
        """On a word of the window; some are misaligned and trap."""
        self._atomic_at(WINDOW, -self.half, self.half)

    def _atomic_at(self, base: int, low: int, high: int) -> None:
        row = self.random.choice([row for row in INSTRUCTIONS if row.unit is Unit.ATOMIC])
        size = 4 if row.word else 8
        offset = self.random.randrange(low, high - size + 1)
        if self.random.random() < 0.9:
            offset &= -size
        self.emit("addi", rd=ADDRESS, rs1=base, imm=offset)
        self.emit(row.name, rd=self._register(), rs1=ADDRESS, rs2=self._register())

    def _far(self, address: int) -> None:
        """Let ADDRESS point to a local address of any node."""
        x, y = self.random.choice(self.config.coordinates())
        self._set(ADDRESS, global_address(x=x, y=y, address=0) >> 32)
        self._set(LINK, (address & 0xFFFF_FFFF ^ 1 << 31) - (1 << 31))
        for name, register in (("slli", ADDRESS), ("slli", LINK), ("srli", LINK)):
            self.emit(name, rd=register, rs1=register, imm=32)
        self.emit("add", rd=ADDRESS, rs1=ADDRESS, rs2=LINK)

    def _far_access(self) -> None:
        """In the area; some cross a line and trap."""
        self._far(self.area)
        for _ in range(self.random.randint(1, 3)):
            self._access(ADDRESS, 0, (AREA_LINES - 1) * self.config.vector_bytes)

    def _far_vector(self) -> None:
        """In the area."""
        self._far(self.area + self.random.randrange(AREA_LINES - 1) * self.config.vector_bytes)
        if self.random.random() < 0.6:
            self.emit("vld", vd=self._vector_register(), rs1=ADDRESS, imm=0)
        else:
            self.emit("vst", vs2=self._vector_register(), rs1=ADDRESS, imm=0)

    def _far_atomic(self) -> None:
        """In the area."""
        self._far(self.area)
        self._atomic_at(ADDRESS, 0, (AREA_LINES - 1) * self.config.vector_bytes)

    def _put(self) -> None:
        """Into the last line of the area, or into the window."""
        line = self.config.vector_bytes
        base, low = (WINDOW, 0) if self.random.random() < 0.2 else (ADDRESS, (AREA_LINES - 1) * line)
        if base == ADDRESS:
            self._far(self.area)
        if self.random.random() < 0.5:
            self.emit("vput", vs2=self._vector_register(), rs1=base, imm=low)
        else:
            self.emit("put.d", rs2=self._register(), rs1=base, imm=low + self.random.randrange(line - 7))

    def _shared(self) -> None:
        """Change a word that all threads change, and forget what it was."""
        number = self.random.randrange(min(len(_SHARED), self.config.vector_bytes // 8))
        self._far(self.config.sram_end - self.config.vector_bytes + 8 * number)
        self.emit(f"amo{_SHARED[number].name.lower()}.d", rd=0, rs1=ADDRESS, rs2=self._register())

    def _bad_node(self) -> None:
        """An access to a node that is not there, or that a node refuses."""
        self._far(self.random.choice((0x1000, SRAM_BASE - 8, self.config.sram_end)))
        if self.random.random() < 0.4:
            self.emit("slli", rd=ADDRESS, rs1=ADDRESS, imm=self.random.choice((1, 5)))
        name = self.random.choice(("ld", "sd", "vld", "vst", "amoadd.d", "put.d", "vput", "sem.post"))
        values = {"rd": self._register(), "rs2": self._register(), "vd": 1, "vs2": 2, "rs1": ADDRESS, "imm": 0}
        self.emit(name, **{operand: values[operand] for operand in BY_NAME[name].operands})
