"""Instructions of random programs with what they need: registers with which they are harmless, and what they leave."""

from collections.abc import Iterable
from random import Random

from hdl.config import Config
from hdl.isa import INSTRUCTIONS, PREDICATES, CsrNumber, File, Format, Instruction, List, Unit
from hdl.memory_map import Descriptor
from sim.assembler import assemble
from sim.random_frame import ADDRESS, COUNT, LINK, RANDOM_REGISTERS, WINDOW, WINDOW_LINES
from sim.random_program import ThreadProgram

from .coverage import class_of, registers

#: The predicate that is clear, under which gathers and scatters touch no memory.
NONE = PREDICATES - 1

#: The vector register that is stored.
STORED = 3

#: Instructions that take an amount from a semaphore.
TAKERS = ("sem.wait", "sem.try")

#: Bytes behind a jump that a store through its link cannot leave.
SPARE = 128


class PreparedProgram(ThreadProgram):
    """A thread's random program; parameters are those of `ThreadProgram`.

    Attributes
    ----------
    rows : list of Instruction
        The configuration's.
    flaws : list of (address, bit, bit)
        Words with an uncorrectable error that the program expects; see `verif.core.cases.Case`.
    """

    def __init__(self, random: Random, config: Config, base: int, thread: int, node: tuple[int, int]):
        super().__init__(random, config, base, thread, node)
        self.flaws: list[tuple[int, int, int]] = []
        self.rows = [row for row in INSTRUCTIONS if row.is_in(config)]

    def _values(self, row: Instruction, fixed: dict[str, int]) -> dict[str, int]:
        """Operands: those that are fixed, and any others."""
        random, config = self.random, self.config
        values = {}
        for name in row.operands:
            match name:
                case "rd" | "rs1" | "rs2":
                    values[name] = random.randrange(1, RANDOM_REGISTERS)
                case "vd" | "vs1" | "vs2" | "vs3":
                    values[name] = random.randrange(32)
                case "pd" | "ps1" | "ps2" | "mask":
                    values[name] = random.randrange(NONE)
                case "ad" | "as1":
                    values[name] = random.randrange(config.accumulators)
                case "part":
                    values[name] = random.randrange(config.parts)
                case "quarter":
                    values[name] = random.randrange(4)
                case "csr":
                    values[name] = CsrNumber.MSCRATCH
                case "imm":
                    values[name] = self._immediate(row)
                case _:
                    raise ValueError(f"{row.name}: nobody knows values for the operand {name!r}")
        return values | {name: value for name, value in fixed.items() if name in values}

    def _immediate(self, row: Instruction, sign: int | None = None) -> int:
        """One of the format; of memory accesses, one that stays in the window."""
        random, line = self.random, self.config.vector_bytes
        sign = random.choice((-1, 0, 1)) if sign is None else sign
        match row.format:
            case Format.SHIFT | Format.SHIFTW:
                return sign and random.randrange(1, 32)
            case Format.CSRI:
                return sign and random.randrange(1, 32)
            case Format.U_TYPE:
                return sign * random.randrange(1, 1 << 19) << 12
            case Format.B_TYPE | Format.J_TYPE:
                return 4
        if row.unit in (Unit.MEMORY, Unit.PUT):
            step = line if "vector" in class_of(row) or row.name == "vput" else 8
            return sign * random.randrange(1, self.half // step) * step
        return sign * random.randrange(1, 2048)

    def _ready(self, row: Instruction, values: dict[str, int], fixed: Iterable[str], address: int) -> None:
        """Set what an instruction needs and is not fixed, with the register `address`."""
        if row.name in TAKERS and "rs2" not in fixed:
            values["rs2"] = 0
        if "rs1" in fixed or "rs1" not in values:
            return
        match row.unit:
            case Unit.MEMORY | Unit.PUT | Unit.ATOMIC:
                if row.advances:
                    self.emit("addi", rd=address, rs1=WINDOW, imm=0)
                    values["rs1"] = address
                else:
                    values["rs1"] = WINDOW
            case Unit.GATHER:
                self._gather_ready(values, fixed, address)
            case Unit.LIST:
                self._set_address(address, self.descriptors + self._list_number(row) * Descriptor.size(self.config))
                values["rs1"] = address
            case Unit.SEMAPHORE:
                self.emit("addi", rd=address, rs1=0, imm=self.thread * 2)
                values["rs1"] = address

    def _gather_ready(self, values: dict[str, int], fixed: Iterable[str], address: int) -> None:
        """Let it do nothing or, if its predicate is fixed, stay in the window."""
        values["rs1"] = WINDOW
        if "mask" not in fixed:
            self.emit("pset", pd=NONE, rs1=0)
            values["mask"] = NONE
            return
        if "rs2" in values:
            values["rs2"] = 0
        if "vs2" in values:
            self._set_address(address, self.offsets)
            self.emit("vld", vd=values["vs2"], rs1=address, imm=0)
            self._set_address(address, self.base)
            values["rs1"] = address

    @staticmethod
    def _list_number(row: Instruction) -> int:
        """A descriptor for it: even ones are pushed, odd ones pulled."""
        return int(row.function is List.PULL)

    def _posts(self, row: Instruction) -> int:
        """How often an instruction that `_ready` has prepared posts the thread's own semaphore."""
        if row.unit is not Unit.LIST:
            return int(row.name == "sem.post")
        number, posts = self._list_number(row), 2
        while self.chained[number]:
            number, posts = number + 2, posts + 2
        return posts

    def _wait(self, posts: int) -> None:
        """Take what has been posted to the thread's own semaphore, once it is there."""
        if posts:
            self.emit("addi", rd=ADDRESS, rs1=0, imm=self.thread * 2)
            self.emit("addi", rd=LINK, rs1=0, imm=posts)
            self.emit("sem.wait", rs1=ADDRESS, rs2=LINK)

    def _unfit(self, *rows: Instruction) -> bool:
        """Whether a row cannot stand anywhere: there are too few semaphores, or it would leave the program."""
        scarce = self.config.semaphores <= self.thread * 2 + 1
        return any(row.name == "mret" or (scarce and row.unit in (Unit.SEMAPHORE, Unit.LIST)) for row in rows)

    def _one(self, row: Instruction, **fixed: int) -> None:
        """An instruction with some operands given."""
        values = self._values(row, fixed)
        self._ready(row, values, fixed, ADDRESS)
        self._jump_ready(row, values, fixed)
        self.emit(row.name, **values)
        if values.get("rs1") == ADDRESS:
            self._wait(self._posts(row))

    def _jump_ready(self, row: Instruction, values: dict[str, int], fixed: Iterable[str], ahead: int = 0) -> None:
        """Let `jalr` go to the instruction behind it, `ahead` others in between."""
        if row.name == "jalr" and "rs1" not in fixed:
            register = COUNT
            imm = max(-2000, min(values["imm"], 2000)) if "imm" in fixed else 0
            self.emit("auipc", rd=register, imm=0)
            self.emit("addi", rd=register, rs1=register, imm=12 + 4 * ahead - imm)
            values |= {"rs1": register, "imm": imm}

    def _compared(self, row: Instruction, a: int, b: int, imm: int = 4) -> None:
        self.emit("addi", rd=ADDRESS, rs1=0, imm=a)
        self.emit("addi", rd=COUNT, rs1=0, imm=b)
        self.emit(row.name, rs1=ADDRESS, rs2=COUNT, imm=imm)

    def _point(self, row: Instruction, register: int) -> int:
        """Let COUNT and a register hold what an instruction can use; returns what it will post."""
        posts = 0
        if row.unit in (Unit.LIST, Unit.SEMAPHORE):
            self._ready(row, {"rs1": 0}, (), COUNT)
            posts = self._posts(row)
        else:
            self.emit("addi", rd=COUNT, rs1=WINDOW, imm=0)
        if row.unit is Unit.LIST:  # a store in its place writes what is there
            self.emit("vld", vd=STORED, rs1=COUNT, imm=0)
        self.emit("addi", rd=register, rs1=COUNT, imm=0)
        return posts

    def _behind(self, register: int) -> None:
        """Let a register hold this place, which no vector register can be stored at."""
        if self.pc % self.config.vector_bytes == 0:
            self.emit("addi", rd=0, rs1=0, imm=0)
        self.emit("auipc", rd=register, imm=0)

    def _copy(self, row: Instruction, register: int, address: int, step: int = 0) -> int:
        """An instruction that leaves in a register what COUNT holds, or a link, or `step` more than the register held.

        The register `address` is free to prepare it.
        """
        # In the half of the window that lists only read.
        scratch = -self.random.randint(1, WINDOW_LINES // 2) * self.config.vector_bytes
        match row.unit:
            case Unit.ALU:
                return assemble("addi", rd=register, rs1=COUNT, imm=0)
            case Unit.PREDICATE:  # which may be too short for an address: what uses it then traps
                self.emit("pset", pd=1, rs1=COUNT)
                return assemble("pget", rd=register, ps1=1)
            case Unit.MULDIV:
                self.emit("addi", rd=address, rs1=0, imm=1)
                return assemble("mul", rd=register, rs1=COUNT, rs2=address)
            case Unit.CSR:
                self.emit("csrrw", rd=0, csr=CsrNumber.MSCRATCH, rs1=COUNT)
                return assemble("csrrs", rd=register, csr=CsrNumber.MSCRATCH, rs1=0)
            case Unit.ATOMIC:
                self.emit("sd", rs2=COUNT, rs1=WINDOW, imm=scratch)
                self.emit("addi", rd=address, rs1=WINDOW, imm=scratch)
                return assemble("amoadd.d", rd=register, rs1=address, rs2=0)
            case Unit.SEMAPHORE:  # so many are never there: 0
                self.emit("addi", rd=address, rs1=0, imm=-1)
                return assemble("sem.try", rd=register, rs1=0, rs2=address)
            case Unit.BRANCH:
                return assemble("jal", rd=register, imm=4 + SPARE)
            case Unit.MEMORY if row.advances:
                return assemble(row.name, **self._values(row, {"rs1": register, "vs2": STORED, "imm": step}))
            case Unit.MEMORY:
                self.emit("sd", rs2=COUNT, rs1=WINDOW, imm=scratch)
                return assemble("ld", rd=register, rs1=WINDOW, imm=scratch)
        raise ValueError(f"{row.name}: nobody knows how it writes an integer register")

    def _read(self, row: Instruction, register: int, address: int, *, traps: bool = False) -> int:
        """An instruction that reads a register; it can be one that `traps` if that points into the window.

        The register `address` is free to prepare it.
        """
        names = [name for file, name in registers(row).reads if file is File.X]
        name = "rs1" if row.name in TAKERS else self.random.choice(names)
        values = self._values(row, {name: register})
        if name != "rd" and values.get("rd") == register:
            values["rd"] = register % (RANDOM_REGISTERS - 1) + 1
        if row.name == "jalr":
            values["imm"] = 2 if traps else 8
        elif row.name in TAKERS:
            values["rs2"] = 0
        elif row.advances and name != "rs1":
            self.emit("addi", rd=address, rs1=WINDOW, imm=0)
            values["rs1"] = address
        elif row.unit in (Unit.MEMORY, Unit.PUT, Unit.ATOMIC, Unit.GATHER) and name != "rs1":
            values["rs1"] = WINDOW
        if row.unit in (Unit.MEMORY, Unit.PUT) and "imm" in values:
            values["imm"] = 0
        if row.masked:
            self.emit("pset", pd=NONE, rs1=0)
            values["mask"] = NONE
        return assemble(row.name, **values)

    def _gather_from(self, values: dict[str, int]) -> None:
        """Let all lanes, or the first byte of an array of one, be where rs1 points to."""
        self.emit("addi", rd=LINK, rs1=0, imm=-1)
        self.emit("pset", pd=values["mask"], rs1=LINK)
        self._set(LINK, 1 << 16 | 1)
        self.emit("csrrw", rd=0, csr=CsrNumber.VTILE, rs1=LINK)
        if "rs2" in values:
            values["rs2"] = 0
        if "vs2" in values:
            self.emit("vbcast.w", vd=values["vs2"], rs1=0, rs2=0)

    def _flaw(self, address: int) -> None:
        """An uncorrectable error in the word at an address."""
        first, second = self.random.sample(range(72), 2)
        self.flaws.append((address, first, second))

    def _flawed_word(self) -> int:
        """The address of a word with an uncorrectable error, where integer registers will be dumped."""
        address = self.dump + 8 * self.random.randrange(32)
        if address not in {flawed for flawed, _, _ in self.flaws}:
            self._flaw(address)
        return address
