"""Random programs that go for the bins of `verif.core.coverage` that are still empty."""

from collections.abc import Iterable
from random import Random

from hdl.config import SRAM_BASE, Config
from hdl.isa import BY_NAME, CSRS, INSTRUCTIONS, PREDICATES, Cause, CsrNumber, File, Format, Instruction, List, Unit
from hdl.memory_map import Descriptor
from sim.assembler import assemble
from sim.random_fragments import ADDRESS, COUNT, LINK, RANDOM_REGISTERS, WINDOW, WINDOW_LINES
from sim.random_program import ThreadProgram

from .coverage import Bin, class_of, registers

#: Of the pieces of a program, those that go for a bin, as long as there are empty ones.
_SHARE = 0.8

#: The predicate that is clear, under which gathers and scatters touch no memory.
_NONE = PREDICATES - 1

#: The vector register that is stored.
_STORED = 3

#: Bytes behind a jump that a store through its link cannot leave.
_SPARE = 128


class DirectedProgram(ThreadProgram):
    """A thread's random program with pieces that meet given bins.

    A piece first sets the registers that its instructions need, to values with which they are harmless or trap; then
    the instructions in question follow one directly behind the other.

    Parameters
    ----------
    goals : list of Bin
        Taken from its end.
    others
        As for `ThreadProgram`.

    Attributes
    ----------
    flaws : list of (address, bit, bit)
        Words with an uncorrectable error that the program expects; see `verif.core.cases.Case`.
    """

    def __init__(self, random: Random, config: Config, base: int, thread: int, node: tuple[int, int], *,
                 goals: list[Bin]):
        super().__init__(random, config, base, thread, node)
        self.goals = goals
        self.flaws: list[tuple[int, int, int]] = []
        self.rows = [row for row in INSTRUCTIONS if row.is_in(config)]

    def piece(self) -> None:
        if not self.goals or self.random.random() > _SHARE:
            super().piece()
            return
        group, *what = self.goals.pop()
        {"operands": self._operands, "pairs": self._pair, "hazards": self._hazard, "traps": self._trap,
         "csrs": self._access_csr, "contention": self._repeat}.get(group, lambda *_: None)(*what)

    # One instruction

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
                    values[name] = random.randrange(_NONE)
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
        if row.name == "sem.wait" and "rs2" not in fixed:
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
            self.emit("pset", pd=_NONE, rs1=0)
            values["mask"] = _NONE
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

    # Goals

    def _operands(self, name: str, relation: str) -> None:
        row, register = BY_NAME[name], self.random.randrange(1, RANDOM_REGISTERS)
        if self._unfit(row):
            return
        if relation in ("taken", "not taken"):
            for _ in range(4):
                self._compared(row, *(self.random.randrange(-1, 2) for _ in range(2)))
        elif relation[:3] in ("rs1", "rs2") and relation[3] in "<>=" and relation[4:] == "0":
            value = {"=": 0, "<": -5, ">": 5}[relation[3]]
            self.emit("addi", rd=register, rs1=0, imm=value)
            if name == "jalr":
                self._far_jump(value)
            else:
                self._one(row, **{relation[:3]: register})
        elif relation.startswith("imm"):
            self._with_immediate(row, relation)
        elif " != " in relation:
            names = relation.split(" != ")
            if row.name == "sem.wait":
                self._own_semaphore()
            elif "rs1" in names and row.unit in (Unit.MEMORY, Unit.PUT, Unit.ATOMIC, Unit.BRANCH, Unit.GATHER):
                self._one(row, **{other: number for number, other in enumerate(names, 1) if other != "rs1"})
            else:
                self._one(row, **{other: number for number, other in enumerate(names, 1)})
        else:
            left, _, right = relation.partition("=")
            if right == "x0":
                self._with_zero(row, left)
            elif right.isdecimal():
                self._one(row, **{left: int(right)})
            elif row.name == "sem.wait":
                self.emit("sem.wait", rs1=0, rs2=0)
            elif left.startswith(("v", "p")):
                number = register % (_NONE if left.startswith("p") else 32)
                self._one(row, **{left: number, right: number})
            else:
                self._same_register(row, left, right, register)

    def _same_register(self, row: Instruction, left: str, right: str, register: int) -> None:
        """Two operands name a register that points into the window, or behind the instruction."""
        if row.name == "jalr":
            self.emit("auipc", rd=register, imm=0)
            self.emit("jalr", rd=register, rs1=register, imm=8)
            return
        self.emit("addi", rd=register, rs1=WINDOW, imm=0)
        self._one(row, **{left: register, right: register})

    def _with_zero(self, row: Instruction, operand: str) -> None:
        """x0 as an operand; as an address it traps."""
        if row.name == "jalr" and operand == "rs1":
            self._far_jump(0)
        elif row.name != "sem.post":
            self._one(row, **{operand: 0})
        elif self.thread == 0:  # semaphore 0 is its own
            self.emit("sem.post", rs1=0)
            self._wait(1)

    def _far_jump(self, value: int) -> None:
        """Outside the SRAM, from where the handler returns to the link."""
        self.emit("addi", rd=ADDRESS, rs1=0, imm=value)
        self.emit("jalr", rd=LINK, rs1=ADDRESS if value else 0, imm=-(value % 4))

    def _with_immediate(self, row: Instruction, relation: str) -> None:
        sign = {"=": 0, "<": -1, ">": 1}[relation[3]]
        if row.format is Format.J_TYPE and sign < 0:
            for imm, link in ((8, 0), (8, 0), (-4, self.random.randrange(26))):
                self.emit(row.name, rd=link, imm=imm)
        elif row.format is Format.B_TYPE and sign <= 0:
            self._compared(row, *self._untaken(row), imm=4 * sign)
        elif relation == "imm>31":
            self._one(row, imm=self.random.randrange(32, 64))
        else:
            self._one(row, imm=self._immediate(row, sign))

    @staticmethod
    def _untaken(row: Instruction) -> tuple[int, int]:
        """Small values for which a branch is not taken."""
        return {"beq": (0, 1), "bge": (0, 1), "bgeu": (0, 1)}.get(row.name, (1, 1))

    def _compared(self, row: Instruction, a: int, b: int, imm: int = 4) -> None:
        self.emit("addi", rd=ADDRESS, rs1=0, imm=a)
        self.emit("addi", rd=COUNT, rs1=0, imm=b)
        self.emit(row.name, rs1=ADDRESS, rs2=COUNT, imm=imm)

    def _of_class(self, name: str, *, reads: str = "", writes: str = "") -> list[Instruction]:
        """Rows of a class that read or write a register of a file, by its name."""
        return [row for row in self.rows if class_of(row) == name
                and (not reads or any(file.name.lower() == reads for file, _ in registers(row).reads))
                and (not writes or any(file.name.lower() == writes for file, _ in registers(row).writes))]

    def _pair(self, first: str, then: str) -> None:
        a, b = (self.random.choice(self._of_class(name)) for name in (first, then))
        if a.unit is b.unit is Unit.LIST:
            b = a  # two engines would write the same lines in any order
        if self._unfit(a, b):
            return
        one, two = self._values(a, {}), self._values(b, {})
        if a.name == "jalr" and b.name == "jalr":
            return
        self._ready(a, one, (), ADDRESS)
        if b.name != "jalr":
            self._ready(b, two, (), COUNT if a.name != "jalr" else ADDRESS)
            self._jump_ready(a, one, ())
        else:
            self._jump_ready(b, two, (), ahead=1)
        if a.unit is Unit.LIST and b.unit in (Unit.MEMORY, Unit.PUT, Unit.ATOMIC):
            # The list moves lines of the window meanwhile; those that vector registers will be dumped to are free.
            self._set_address(COUNT, self.dump + 32 * 8)
            two |= {"rs1": COUNT, "imm": 0} if "imm" in two else {"rs1": COUNT}
        self.emit(a.name, **one)
        self.emit(b.name, **two)
        for row in (a, b):
            self._wait(self._posts(row))

    def _hazard(self, kind: str, one: str, other: str) -> None:
        """Instructions of two classes share a register, which points into the window if it is an integer one."""
        kind, _, file = kind.rpartition(" ")
        a = self.random.choice(self._of_class(one, **{"reads" if kind == "write after read" else "writes": file}))
        b = self.random.choice(self._of_class(other, **{"reads" if kind == "read after write" else "writes": file}))
        if self._unfit(a, b):
            return
        if file != "x":
            self._share(a, b, kind, file)
            return
        register = self.random.randrange(1, RANDOM_REGISTERS)
        posts = 0
        if kind == "write after read":
            posts = self._point(a, register)
            second = self._copy(b, register, LINK)
            first = self._read(a, register, ADDRESS)
            if a.name == "jalr":
                self._behind(register)
        else:
            # Lists in the window would be read while the thread goes on: as the address of one it is misaligned.
            misaligned = 8 if b.unit is Unit.LIST else 0
            self.emit("addi", rd=COUNT, rs1=WINDOW, imm=misaligned)
            self.emit("addi", rd=register, rs1=WINDOW, imm=0)
            copying = kind == "write after write"
            second = self._copy(b, register, LINK) if copying else self._read(b, register, LINK, traps=True)
            first = self._copy(a, register, ADDRESS, step=misaligned)
        for word, row, copies in ((first, a, kind != "write after read"), (second, b, kind != "read after write")):
            self.words.append(word)
            if copies and row.unit is Unit.BRANCH:
                self.words += [0] * (_SPARE // 4)
        self._wait(posts)

    def _point(self, row: Instruction, register: int) -> int:
        """Let COUNT and a register hold what an instruction can use; returns what it will post."""
        posts = 0
        if row.unit in (Unit.LIST, Unit.SEMAPHORE):
            self._ready(row, {"rs1": 0}, (), COUNT)
            posts = self._posts(row)
        else:
            self.emit("addi", rd=COUNT, rs1=WINDOW, imm=0)
        if row.unit is Unit.LIST:  # a store in its place writes what is there
            self.emit("vld", vd=_STORED, rs1=COUNT, imm=0)
        self.emit("addi", rd=register, rs1=COUNT, imm=0)
        return posts

    def _behind(self, register: int) -> None:
        """Let a register hold this place, which no vector register can be stored at."""
        if self.pc % self.config.vector_bytes == 0:
            self.emit("addi", rd=0, rs1=0, imm=0)
        self.emit("auipc", rd=register, imm=0)

    def _share(self, a: Instruction, b: Instruction, kind: str, file: str) -> None:
        """Two instructions that name the same vector register, predicate or accumulator."""
        number = self.random.randrange({"accumulator": self.config.accumulators, "predicate": _NONE}.get(file, 32))
        values = []
        for row, writes, address in ((a, kind != "write after read", ADDRESS), (b, kind != "read after write", COUNT)):
            used = registers(row).writes if writes else registers(row).reads
            name = self.random.choice([name for of, name in used if of.name.lower() == file])
            made = self._values(row, {name: number})
            self._ready(row, made, (), address)
            values.append(made)
        self.emit(a.name, **values[0])
        self.emit(b.name, **values[1])

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
            case Unit.BRANCH:
                return assemble("jal", rd=register, imm=4 + _SPARE)
            case Unit.MEMORY if row.advances:
                return assemble(row.name, **self._values(row, {"rs1": register, "vs2": _STORED, "imm": step}))
            case Unit.MEMORY:
                self.emit("sd", rs2=COUNT, rs1=WINDOW, imm=scratch)
                return assemble("ld", rd=register, rs1=WINDOW, imm=scratch)
        raise ValueError(f"{row.name}: nobody knows how it writes an integer register")

    def _read(self, row: Instruction, register: int, address: int, *, traps: bool = False) -> int:
        """An instruction that reads a register; it can be one that `traps` if that points into the window.

        The register `address` is free to prepare it.
        """
        names = [name for file, name in registers(row).reads if file is File.X]
        name = "rs1" if row.name == "sem.wait" else self.random.choice(names)
        values = self._values(row, {name: register})
        if name != "rd" and values.get("rd") == register:
            values["rd"] = register % (RANDOM_REGISTERS - 1) + 1
        if row.name == "jalr":
            values["imm"] = 2 if traps else 8
        elif row.name == "sem.wait":
            values["rs2"] = 0
        elif row.advances and name != "rs1":
            self.emit("addi", rd=address, rs1=WINDOW, imm=0)
            values["rs1"] = address
        elif row.unit in (Unit.MEMORY, Unit.PUT, Unit.ATOMIC, Unit.GATHER) and name != "rs1":
            values["rs1"] = WINDOW
        if row.unit in (Unit.MEMORY, Unit.PUT) and "imm" in values:
            values["imm"] = 0
        if row.masked:
            self.emit("pset", pd=_NONE, rs1=0)
            values["mask"] = _NONE
        return assemble(row.name, **values)

    def _trap(self, name: str, cause: str) -> None:
        """An instruction that traps for a reason."""
        if (name, cause) == ("any", "HARDWARE_ERROR"):
            self.random.choice((self._bad_word, self._bad_code))()
        if name == "any":
            return
        row, line = BY_NAME[name], self.config.vector_bytes
        match Cause[cause]:
            case Cause.LOAD_MISALIGNED | Cause.STORE_MISALIGNED:
                self.emit("addi", rd=ADDRESS, rs1=WINDOW, imm=line - 1)
            case Cause.LOAD_ACCESS | Cause.STORE_ACCESS if row.unit is Unit.SEMAPHORE:
                self.emit("addi", rd=ADDRESS, rs1=0, imm=1)
                self.emit("slli", rd=ADDRESS, rs1=ADDRESS, imm=48)
            case Cause.LOAD_ACCESS | Cause.STORE_ACCESS:
                self._set_address(ADDRESS, SRAM_BASE - line)
            case Cause.HARDWARE_ERROR:
                self._set_address(ADDRESS, self._flawed_word())
            case Cause.SEMAPHORE_RANGE:
                self.emit("addi", rd=ADDRESS, rs1=0, imm=self.config.semaphores)
            case Cause.FETCH_MISALIGNED if row.format is Format.B_TYPE:
                a, b = {"bne": (0, 1), "blt": (0, 1), "bltu": (0, 1)}.get(name, (1, 1))
                self._compared(row, a, b, imm=6)
                return
            case Cause.FETCH_MISALIGNED:
                if row.name == "jal":
                    self.emit("jal", rd=self._register(), imm=6)
                else:
                    self.emit("jalr", rd=self._register(), rs1=WINDOW, imm=2)
                return
            case Cause.ILLEGAL if row.unit is Unit.CSR:
                values = self._values(row, {"csr": 0x123, "rd": 5})
                self.emit(name, **values)
                return
            case Cause.ILLEGAL:
                operand = next(name for name in ("ad", "as1", "pd", "ps1") if name in row.operands)
                self.emit(name, **self._values(row, {operand: 31}))
                return
        values = self._values(row, {"rs1": ADDRESS})
        if "imm" in values:
            values["imm"] = 0
        if row.unit is Unit.GATHER:
            self._gather_from(values)
        self.emit(name, **values)

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

    def _bad_word(self) -> None:
        """Load a word that cannot be read; the use of what was loaded traps. The program's end makes the word good."""
        address = self._flawed_word()
        if self.random.random() < 0.3:
            self._set_address(ADDRESS, address & -self.config.vector_bytes)
            self.emit("vld", vd=1, rs1=ADDRESS, imm=0)
            self.emit("vshuf.w", vd=2, vs1=1, vs2=1)
        else:
            self._set_address(ADDRESS, address)
            self.emit(self.random.choice(("lb", "lh", "lw", "ld", "lbu", "lhu", "lwu")), rd=1, rs1=ADDRESS, imm=0)
            self.emit("addi", rd=2, rs1=1, imm=0)

    def _bad_code(self) -> None:
        """A line of code with a word that cannot be read: every instruction in it traps."""
        line = self.config.vector_bytes
        while self.pc % line:
            self.emit("addi", rd=0, rs1=0, imm=0)
        self._flaw(self.pc + 8 * self.random.randrange(line // 8))
        for _ in range(line // 4):
            self.emit("addi", rd=1, rs1=1, imm=1)

    def _access_csr(self, number: str, how: str) -> None:
        """Read a CSR, or write back what it holds."""
        csr = CsrNumber[number]
        if csr in (CsrNumber.MCYCLE, CsrNumber.CYCLE):
            return
        self.emit("csrrs", rd=ADDRESS, csr=csr, rs1=0)
        if how == "written" and CSRS[csr][0]:
            self.emit("csrrw", rd=self._register(), csr=csr, rs1=ADDRESS)

    def _repeat(self, name: str) -> None:
        """A class again and again, for other threads to meet."""
        for _ in range(8):
            row = self.random.choice(self._of_class(name))
            if not self._unfit(row):
                self._one(row)
