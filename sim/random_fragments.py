"""What random programs are made of: a few instructions each, which end whatever the registers hold."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from hdl.config import GLOBAL_FLAG, SRAM_BASE, Config, global_address
from hdl.isa import BY_NAME, CSRS, INSTRUCTIONS, Atomic, CsrNumber, Format, Unit, decode
from hdl.memory_map import Descriptor

from .assembler import assemble
from .random_frame import ADDRESS, AREA_LINES, DESCRIPTORS, LINK, WINDOW
from .random_vectors import VectorFragments

#: What all threads change at once, each word by one function.
_SHARED = (Atomic.ADD, Atomic.XOR, Atomic.OR, Atomic.AND, Atomic.MIN, Atomic.MAX, Atomic.MINU, Atomic.MAXU)

#: The handler's address must stay, cycles are not the model's, and the host may change dscratch0.
_SPARED_CSRS = {CsrNumber.MTVEC, CsrNumber.MCYCLE, CsrNumber.CYCLE, CsrNumber.DSCRATCH0}


class Fragments(VectorFragments):
    """The pieces of code that chance strings together, and how often it takes each."""

    def __init__(self, random: Random, config: Config, base: int, thread: int, node: tuple[int, int]):
        super().__init__(random, config, base, thread, node)
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
                if "rs2" in values:  # all lanes, since with a stride some would be in memory of others
                    self.emit("addi", rd=ADDRESS, rs1=0, imm=self.random.choice((0, -1, -8, 2047)))
                    values["rs2"] = 0
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
        """Post a semaphore that nobody else uses a few times, then try to take some, then take what is left."""
        if self.config.semaphores <= self.thread * 2 + 1:
            return
        count = self.random.randint(0, 3)
        self.emit("addi", rd=ADDRESS, rs1=0, imm=self.thread * 2)
        for _ in range(count):
            self.emit("sem.post", rs1=ADDRESS)
        amount = self.random.randint(0, 4)
        self.emit("addi", rd=LINK, rs1=0, imm=amount)
        self.emit("sem.try", rd=self._register(), rs1=ADDRESS, rs2=LINK)
        self.emit("addi", rd=LINK, rs1=0, imm=count - amount if amount <= count else count)
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
