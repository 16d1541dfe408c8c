"""Pieces of random programs that use vectors, predicates and the matrix unit."""

from hdl import number_formats
from hdl.isa import BY_NAME, INSTRUCTIONS, PREDICATES, CsrNumber, Gather, Matrix, Unit, Vector
from hdl.number_formats import Rounding

from .numerics import OPERAND_FORMATS
from .random_frame import ADDRESS, LINK, WINDOW, WINDOW_LINES, Frame


class VectorFragments(Frame):
    """Each piece ends whatever the registers hold."""

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
