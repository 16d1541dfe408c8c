"""Random programs that go for the bins of `verif.core.coverage` that are still empty."""

from random import Random

from hdl.config import SRAM_BASE, Config
from hdl.isa import BY_NAME, CSRS, Cause, CsrNumber, Format, Instruction, Unit
from sim.random_frame import ADDRESS, COUNT, LINK, RANDOM_REGISTERS, WINDOW

from .coverage import Bin, class_of, is_scalar_access, registers
from .prepared import NONE, SPARE, TAKERS, PreparedProgram

#: Of the pieces of a program, those that go for a bin, as long as there are empty ones.
_SHARE = 0.8


class DirectedProgram(PreparedProgram):
    """A thread's random program with pieces that meet given bins.

    A piece first sets the registers that its instructions need, to values with which they are harmless or trap; then
    the instructions in question follow one directly behind the other.

    Parameters
    ----------
    goals : list of Bin
        Taken from its end.
    others
        As for `ThreadProgram`.
    """

    def __init__(self, random: Random, config: Config, base: int, thread: int, node: tuple[int, int], *,
                 goals: list[Bin]):
        super().__init__(random, config, base, thread, node)
        self.goals = goals

    def piece(self) -> None:
        if not self.goals or self.random.random() > _SHARE:
            super().piece()
            return
        group, *what = self.goals.pop()
        {"operands": self._operands, "pairs": self._pair, "hazards": self._hazard, "traps": self._trap,
         "csrs": self._access_csr, "contention": self._repeat, "crossing": self._cross, "chained": self._chain,
         "predicates": self._under, "places": self._place, "meets": self._meet,
         }.get(group, lambda *_: None)(*what)

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
            if row.name in TAKERS:
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
            elif row.name in TAKERS and left != "rd":
                self._one(row, rs1=0, rs2=0)
            elif left.startswith(("v", "p")):
                number = register % (NONE if left.startswith("p") else 32)
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
            if a.unit is Unit.SEMAPHORE and b.name == "sem.post":  # it posts semaphore 0
                if self.thread:
                    return
                posts = 1
        for word, row, copies in ((first, a, kind != "write after read"), (second, b, kind != "read after write")):
            self.words.append(word)
            if copies and row.unit is Unit.BRANCH:
                self.words += [0] * (SPARE // 4)
        self._wait(posts)

    def _share(self, a: Instruction, b: Instruction, kind: str, file: str) -> None:
        """Two instructions that name the same vector register, predicate or accumulator."""
        number = self.random.randrange({"accumulator": self.config.accumulators, "predicate": NONE}.get(file, 32))
        values = []
        for row, writes, address in ((a, kind != "write after read", ADDRESS), (b, kind != "read after write", COUNT)):
            used = registers(row).writes if writes else registers(row).reads
            name = self.random.choice([name for of, name in used if of.name.lower() == file])
            made = self._values(row, {name: number})
            self._ready(row, made, (), address)
            values.append(made)
        self.emit(a.name, **values[0])
        self.emit(b.name, **values[1])

    def _trap(self, name: str, cause: str) -> None:
        """An instruction that traps for a reason."""
        if (name, cause) == ("any", "HARDWARE_ERROR"):
            self.random.choice((self._bad_word, self._bad_code))()
        if name == "any":
            return
        row, line = BY_NAME[name], self.config.vector_bytes
        match Cause[cause]:
            case Cause.LOAD_MISALIGNED | Cause.STORE_MISALIGNED if is_scalar_access(row):
                self._far(SRAM_BASE + line - 1)
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

    def _cross(self, name: str) -> None:
        """An access that reaches into the next line."""
        operand = "rs2" if "rs2" in BY_NAME[name].operands else "rd"
        self.emit(name, rs1=WINDOW, imm=-1, **{operand: self._register()})

    def _place(self, name: str, place: str) -> None:
        """Behind instructions that take no unit, of which as many may be issued with it as there are places."""
        row = self.random.choice(self._of_class(name))
        if self._unfit(row):
            return
        values = self._values(row, {})
        self._ready(row, values, (), ADDRESS)
        self._jump_ready(row, values, (), ahead=int(place))
        for _ in range(int(place)):
            self.emit("addi", rd=0, rs1=0, imm=self.random.randrange(-2048, 2048))
        self.emit(row.name, **values)
        self._wait(self._posts(row))

    def _meet(self, older: str, first: str, second: str) -> None:
        """A load and a store of one address, with what takes no unit in the places before and between."""
        for _ in range(4):
            imm = self.random.randrange(0, self.config.vector_bytes, 8)
            access = [lambda imm=imm: self.emit("ld", rd=self._register(), rs1=WINDOW, imm=imm),
                      lambda imm=imm: self.emit("sd", rs1=WINDOW, rs2=self._register(), imm=imm)]
            for place in range(int(second) + 1):
                if place in (int(first), int(second)):
                    access[(older == "store") ^ (place == int(second))]()
                else:
                    self.emit("addi", rd=0, rs1=0, imm=imm)

    def _chain(self, name: str, operand: str, place: str) -> None:
        """Operands that an instruction before computes; some of those on end are issued together."""
        row = BY_NAME[name]
        for _ in range(3):
            register = self.random.randrange(1, RANDOM_REGISTERS)
            self.emit("sub", rd=register, rs1=self._register(), rs2=self._register())
            for _ in range(1, int(place)):  # what loads a constant may load it where the other operand is
                self.emit("addi", rd=self._register(), rs1=0, imm=self.random.randrange(-2048, 2048))
            if row.format is Format.B_TYPE:
                self.emit(name, **({"rs1": self._register(), "rs2": self._register(), "imm": 4} | {operand: register}))
            elif row.unit is Unit.MEMORY:
                self.emit(name, rs1=WINDOW, rs2=register, imm=0)
            else:
                self.emit(name, **self._values(row, {operand: register}))

    def _under(self, name: str, how: str) -> None:
        """Under a predicate that was another one until directly before, or earlier; what was stored is loaded."""
        row = BY_NAME[name]
        if self._unfit(row):
            return
        had = {"none": 0, "some": self.random.randrange(1, 2048), "all": -1}[how]
        for distance in range(3):
            number = self.random.randrange(NONE)
            values = self._values(row, {"mask": number})
            self._ready(row, values, ("mask",), ADDRESS)
            for value in (0 if had else -1, had):
                self.emit("addi", rd=LINK, rs1=0, imm=value)
                self.emit("pset", pd=number, rs1=LINK)
            for _ in range(distance):
                self.emit("addi", rd=0, rs1=0, imm=0)
            self.emit(name, **values)
            self.emit("vld", vd=self.random.randrange(32), rs1=WINDOW, imm=0)

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
