"""The instruction set: the one table that everything else is made from.

The hardware decoder (`hdl.core.decode`), the golden model and the disassembler (`sim`), the C header and the
reference page (`sim.isadoc`) all read `INSTRUCTIONS`, `CSRS` and `CAUSES`. There is no second list.

RV64IM, Zicsr, Zifencei, Zaamo and, but for `amocas.q`, Zacas follow the RISC-V unprivileged and machine-level
specifications. Xd1 is ours: Tesla has
published neither encodings nor mnemonics of D1. It lives in the four opcodes that RISC-V reserves for custom use:

=========  =======  ==============================================================================================
opcode     format   use; what is not in the table is reserved for later instructions and traps as illegal
=========  =======  ==============================================================================================
custom-0   I        vector loads; funct3 selects the addressing (0 rs1 + imm, 3 rs1, then rs1 += imm)
custom-1   S        vector stores; funct3 as in custom-0; posted stores: 1 of 64 bits, 2 of a vector
custom-2   R        vector arithmetic; funct3: 0 FP32 lanes, 1 conversions, 2 moves, 3 BF16 lanes, 4 INT8, 5 INT16 and
                    6 INT32 lanes (7 is kept for four-operand forms)
custom-3   R        funct3: 0 matrix, 1 list engine, 2 semaphores
=========  =======  ==============================================================================================
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cached_property

from . import number_formats
from .arith.operations import EstimateOperation, FloatOperation, IntegerOperation
from .config import Config


class Format(Enum):
    """Where the bits of an instruction are; the names are RISC-V's.

    SHIFT and SHIFTW are I with a 6- or 5-bit shift amount, CSRI is I with a CSR number and a 5-bit immediate,
    FIXED is a word without operands.
    """

    R_TYPE = "R"
    I_TYPE = "I"
    S_TYPE = "S"
    B_TYPE = "B"
    U_TYPE = "U"
    J_TYPE = "J"
    SHIFT = "SHIFT"
    SHIFTW = "SHIFTW"
    CSR = "CSR"
    CSRI = "CSRI"
    FIXED = "FIXED"


class Unit(IntEnum):
    """The unit that executes an instruction."""

    ALU = 0
    BRANCH = 1
    MEMORY = 2
    MULDIV = 3
    CSR = 4
    SYSTEM = 5
    VECTOR = 6
    MATRIX = 7
    LIST = 8
    SEMAPHORE = 9
    ATOMIC = 10
    PUT = 11


class Alu(IntEnum):
    """Functions of the ALU."""

    ADD = 0
    SUB = 1
    SLL = 2
    SLT = 3
    SLTU = 4
    XOR = 5
    SRL = 6
    SRA = 7
    OR = 8
    AND = 9


class Branch(IntEnum):
    """Values of the conditional ones are their funct3."""

    BEQ = 0
    BNE = 1
    JAL = 2
    JALR = 3
    BLT = 4
    BGE = 5
    BLTU = 6
    BGEU = 7


class Memory(IntEnum):
    """Scalar values are funct3, plus 8 for stores."""

    LB = 0
    LH = 1
    LW = 2
    LD = 3
    LBU = 4
    LHU = 5
    LWU = 6
    VLD = 7
    SB = 8
    SH = 9
    SW = 10
    SD = 11
    VST = 15


class Atomic(IntEnum):
    """What an atomic access makes of the old value; packets carry these numbers, too."""

    ADD = 0
    SWAP = 1
    CAS = 2
    XOR = 3
    OR = 4
    AND = 5
    MIN = 6
    MAX = 7
    MINU = 8
    MAXU = 9


class MulDiv(IntEnum):
    """Values are funct3."""

    MUL = 0
    MULH = 1
    MULHSU = 2
    MULHU = 3
    DIV = 4
    DIVU = 5
    REM = 6
    REMU = 7


class Csr(IntEnum):
    """Values are the low two bits of funct3."""

    WRITE = 1
    SET = 2
    CLEAR = 3


class System(IntEnum):
    """What instructions do to their thread itself."""

    FENCE = 0
    FENCE_I = 1
    ECALL = 2
    EBREAK = 3
    MRET = 4
    WFI = 5


class Vector(IntEnum):
    """Parts of the vector unit; functions of the first three are those of `hdl.arith.operations`."""

    FLOAT = 0
    INTEGER = 1
    ESTIMATE = 2
    MOVE = 3


class Move(IntEnum):
    """Functions of the vector unit that are not arithmetic of its lanes."""

    CVT_BF16 = 0
    BROADCAST = 1
    SELECT = 2
    SHUFFLE = 3
    SEED = 4
    CONVERT = 5


class Matrix(IntEnum):
    """Functions of the matrix unit."""

    ZERO = 0
    MULTIPLY = 1
    READ = 2
    LOAD = 3
    START = 4


class List(IntEnum):
    """The list engine that is meant."""

    PUSH = 0
    PULL = 1


class Semaphore(IntEnum):
    """What can be done to a semaphore."""

    POST = 0
    WAIT = 1


class Source(IntEnum):
    """First operand of the ALU."""

    RS1 = 0
    PC = 1
    ZERO = 2


class File(IntEnum):
    """What a register field of an instruction names."""

    NONE = 0
    X = 1
    V = 2
    ACCUMULATOR = 3
    PART = 4
    QUARTER = 5


OPCODE_MASK = 0x0000007F
FUNCT3_MASK = 0x00007000
FUNCT7_MASK = 0xFE000000
FUNCT6_MASK = 0xFC000000
FUNCT5_MASK = 0xF8000000

CUSTOM_0, CUSTOM_1, CUSTOM_2, CUSTOM_3 = 0x0B, 0x2B, 0x5B, 0x7B


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One row of the table.

    Attributes
    ----------
    name : str
        Assembler mnemonic.
    syntax : str
        Assembler operands. ``rd rs1 rs2`` are integer registers, ``vd vs1 vs2`` vector registers, ``ad as1``
        accumulators, ``part`` a part of an accumulator, ``quarter`` one of a vector register, as numbers in the rs2
        field; each stands in the field of the same number.
    format : Format
        Where the operands are.
    match, mask : int
        An instruction word `w` is this instruction if ``w & mask == match``.
    unit, function
        Who executes it and which of that unit's functions it is.
    meaning : str
        What it does, in the notation of `docs/isa.md`.
    word : bool
        The result is the low 32 bits, sign-extended (the ``W`` forms of RV64).
    source : Source
        First ALU operand.
    advances : bool
        The address is rs1, and imm is then added to rs1.
    lanes : Vector or None
        The part of the vector unit that `function` belongs to.
    number : number_formats.Format or None
        What the lanes hold.
    halves : int or None
        Of a matrix step whose operands are in the thread's formats: bit 0, 1: a CFloat8 A, B is in the register's high
        half.
    needs : str
        The field of `Config` that has to be true for the instruction to be there.
    """

    name: str
    syntax: str
    format: Format
    match: int
    mask: int
    unit: Unit
    function: IntEnum
    meaning: str
    word: bool = False
    source: Source = Source.RS1
    advances: bool = False
    lanes: Vector | None = None
    number: number_formats.Format | None = None
    halves: int | None = None
    needs: str = ""

    def is_in(self, config: Config) -> bool:
        """Whether the configuration has it; if not, it is illegal."""
        return not self.needs or getattr(config, self.needs)

    @cached_property
    def operands(self) -> tuple[str, ...]:
        """The operands' names, each once, in the order of the syntax."""
        separators = str.maketrans("(),", "   ")
        return tuple(dict.fromkeys(self.syntax.translate(separators).split()))

    def _file(self, x: str, v: str, other: dict[str, File]) -> File:
        for name, file in {x: File.X, v: File.V, **other}.items():
            if name in self.operands:
                return file
        return File.NONE

    @property
    def rd_file(self) -> File:
        """What the rd field names: the destination register file."""
        return self._file("rd", "vd", {"ad": File.ACCUMULATOR})

    @property
    def rs1_file(self) -> File:
        return self._file("rs1", "vs1", {"as1": File.ACCUMULATOR})

    @property
    def rs2_file(self) -> File:
        return self._file("rs2", "vs2", {"part": File.PART, "quarter": File.QUARTER})

    @property
    def is_xd1(self) -> bool:
        return self.match & OPCODE_MASK in (CUSTOM_0, CUSTOM_1, CUSTOM_2, CUSTOM_3)

    def matches(self, word: int) -> bool:
        return word & self.mask == self.match


def _row(name, syntax, format, opcode, unit, function, meaning, *, funct3=None, funct7=None, funct6=None,
         funct5=None, rd=None, rs1=None, rs2=None, **options) -> Instruction:
    """A row from its fixed fields; a field that is given is part of the match."""
    match, mask = opcode, OPCODE_MASK
    for value, shift, field_mask in (
        (funct3, 12, FUNCT3_MASK), (funct7, 25, FUNCT7_MASK), (funct6, 26, FUNCT6_MASK),
        (funct5, 27, FUNCT5_MASK), (rd, 7, 0x00000F80), (rs1, 15, 0x000F8000), (rs2, 20, 0x01F00000),
    ):
        if value is not None:
            match |= value << shift
            mask |= field_mask
    return Instruction(name=name, syntax=syntax, format=format, match=match, mask=mask, unit=unit,
                       function=function, meaning=meaning, **options)


def _scalar() -> list[Instruction]:
    rows = [
        _row("lui", "rd, imm", Format.U_TYPE, 0x37, Unit.ALU, Alu.ADD, "rd = imm", source=Source.ZERO),
        _row("auipc", "rd, imm", Format.U_TYPE, 0x17, Unit.ALU, Alu.ADD, "rd = pc + imm", source=Source.PC),
        _row("jal", "rd, imm", Format.J_TYPE, 0x6F, Unit.BRANCH, Branch.JAL, "rd = pc + 4; pc = pc + imm"),
        _row("jalr", "rd, imm(rs1)", Format.I_TYPE, 0x67, Unit.BRANCH, Branch.JALR,
             "t = (rs1 + imm) & ~1; rd = pc + 4; pc = t", funct3=0),
    ]
    for branch, test in (
        (Branch.BEQ, "rs1 == rs2"), (Branch.BNE, "rs1 != rs2"), (Branch.BLT, "rs1 < rs2, signed"),
        (Branch.BGE, "rs1 >= rs2, signed"), (Branch.BLTU, "rs1 < rs2, unsigned"), (Branch.BGEU, "rs1 >= rs2, unsigned"),
    ):
        rows.append(_row(branch.name.lower(), "rs1, rs2, imm", Format.B_TYPE, 0x63, Unit.BRANCH, branch,
                         f"if {test}: pc = pc + imm", funct3=branch.value))
    for load in (Memory.LB, Memory.LH, Memory.LW, Memory.LD, Memory.LBU, Memory.LHU, Memory.LWU):
        extend = "zero" if load.name.endswith("U") else "sign"
        rows.append(_row(load.name.lower(), "rd, imm(rs1)", Format.I_TYPE, 0x03, Unit.MEMORY, load,
                         f"rd = {extend}-extended {8 << (load.value & 3)} bits at rs1 + imm", funct3=load.value))
    for store in (Memory.SB, Memory.SH, Memory.SW, Memory.SD):
        rows.append(_row(store.name.lower(), "rs2, imm(rs1)", Format.S_TYPE, 0x23, Unit.MEMORY, store,
                         f"{8 << (store.value & 3)} bits at rs1 + imm = rs2", funct3=store.value & 3))
    meanings = {
        Alu.ADD: "rs1 + {b}", Alu.SUB: "rs1 - {b}", Alu.SLL: "rs1 << {b}", Alu.SLT: "rs1 < {b}, signed",
        Alu.SLTU: "rs1 < {b}, unsigned", Alu.XOR: "rs1 ^ {b}", Alu.SRL: "rs1 >> {b}, zeros in",
        Alu.SRA: "rs1 >> {b}, sign in", Alu.OR: "rs1 | {b}", Alu.AND: "rs1 & {b}",
    }
    funct3 = {Alu.ADD: 0, Alu.SUB: 0, Alu.SLL: 1, Alu.SLT: 2, Alu.SLTU: 3, Alu.XOR: 4, Alu.SRL: 5, Alu.SRA: 5,
              Alu.OR: 6, Alu.AND: 7}
    shifts = (Alu.SLL, Alu.SRL, Alu.SRA)
    for alu, meaning in meanings.items():
        name, high = alu.name.lower(), 0x20 if alu in (Alu.SUB, Alu.SRA) else 0
        by_register = meaning.format(b="rs2[5:0]" if alu in shifts else "rs2")
        rows.append(_row(name, "rd, rs1, rs2", Format.R_TYPE, 0x33, Unit.ALU, alu, f"rd = {by_register}",
                         funct3=funct3[alu], funct7=high))
        if alu in shifts:
            rows.append(_row(f"{name}i", "rd, rs1, imm", Format.SHIFT, 0x13, Unit.ALU, alu,
                             f"rd = {meaning.format(b='imm')}", funct3=funct3[alu], funct6=high >> 1))
        elif alu is not Alu.SUB:
            immediate_name = "sltiu" if alu is Alu.SLTU else f"{name}i"
            rows.append(_row(immediate_name, "rd, rs1, imm", Format.I_TYPE, 0x13, Unit.ALU, alu,
                             f"rd = {meaning.format(b='imm')}", funct3=funct3[alu]))
    for alu in (Alu.ADD, Alu.SUB, *shifts):
        name, high = alu.name.lower(), 0x20 if alu in (Alu.SUB, Alu.SRA) else 0
        low = "rs2[4:0]" if alu in shifts else "rs2"
        rows.append(_row(f"{name}w", "rd, rs1, rs2", Format.R_TYPE, 0x3B, Unit.ALU, alu,
                         f"rd = {meanings[alu].format(b=low)} on 32 bits, sign-extended",
                         funct3=funct3[alu], funct7=high, word=True))
        if alu is not Alu.SUB:
            fields = {"funct7": high} if alu in shifts else {}
            rows.append(_row(f"{name}iw", "rd, rs1, imm", Format.SHIFTW if alu in shifts else Format.I_TYPE, 0x1B,
                             Unit.ALU, alu, f"rd = {meanings[alu].format(b='imm')} on 32 bits, sign-extended",
                             funct3=funct3[alu], word=True, **fields))
    products = {
        MulDiv.MUL: "low half of rs1 * rs2", MulDiv.MULH: "high half of rs1 * rs2, signed",
        MulDiv.MULHSU: "high half of rs1 * rs2, signed by unsigned",
        MulDiv.MULHU: "high half of rs1 * rs2, unsigned",
        MulDiv.DIV: "rs1 / rs2, signed, towards zero; -1 if rs2 = 0; rs1 if it overflows",
        MulDiv.DIVU: "rs1 / rs2, unsigned; all ones if rs2 = 0",
        MulDiv.REM: "rs1 mod rs2, sign of rs1; rs1 if rs2 = 0; 0 if the quotient overflows",
        MulDiv.REMU: "rs1 mod rs2, unsigned; rs1 if rs2 = 0",
    }
    for function, meaning in products.items():
        rows.append(_row(function.name.lower(), "rd, rs1, rs2", Format.R_TYPE, 0x33, Unit.MULDIV, function,
                         f"rd = {meaning}", funct3=function.value, funct7=1))
        if function not in (MulDiv.MULH, MulDiv.MULHSU, MulDiv.MULHU):
            rows.append(_row(f"{function.name.lower()}w", "rd, rs1, rs2", Format.R_TYPE, 0x3B, Unit.MULDIV, function,
                             f"rd = {meaning}, on 32 bits, sign-extended", funct3=function.value, funct7=1,
                             word=True))
    atomics = {
        Atomic.ADD: (0x00, "{m} + {b}"), Atomic.SWAP: (0x01, "{b}"), Atomic.XOR: (0x04, "{m} ^ {b}"),
        Atomic.OR: (0x08, "{m} | {b}"), Atomic.AND: (0x0C, "{m} & {b}"),
        Atomic.MIN: (0x10, "the smaller of {m} and {b}, signed"),
        Atomic.MAX: (0x14, "the larger of {m} and {b}, signed"),
        Atomic.MINU: (0x18, "the smaller of {m} and {b}, unsigned"),
        Atomic.MAXU: (0x1C, "the larger of {m} and {b}, unsigned"),
        Atomic.CAS: (0x05, "{b} if {m} is {d}"),
    }
    for word, letter, bits, low in ((True, "w", 32, "[31:0]"), (False, "d", 64, "")):
        for atomic, (funct5, meaning) in atomics.items():
            result = meaning.format(m="m", b=f"rs2{low}", d=f"rd{low}")
            rows.append(_row(
                f"amo{atomic.name.lower()}.{letter}", "rd, rs2, (rs1)", Format.R_TYPE, 0x2F, Unit.ATOMIC, atomic,
                f"m = the {bits} bits at rs1; they become {result}; rd = m{', sign-extended' if word else ''}; at once",
                funct3=2 if word else 3, funct5=funct5, word=word))
    names = {Csr.WRITE: ("csrrw", "{b}"), Csr.SET: ("csrrs", "csr | {b}"), Csr.CLEAR: ("csrrc", "csr & ~{b}")}
    for function, (name, meaning) in names.items():
        rows.append(_row(name, "rd, csr, rs1", Format.CSR, 0x73, Unit.CSR, function,
                         f"rd = csr; csr = {meaning.format(b='rs1')}", funct3=function.value))
        rows.append(_row(f"{name}i", "rd, csr, imm", Format.CSRI, 0x73, Unit.CSR, function,
                         f"rd = csr; csr = {meaning.format(b='imm')}", funct3=function.value | 4))
    return rows + [
        _row("fence", "", Format.FIXED, 0x0F, Unit.SYSTEM, System.FENCE,
             "wait until this thread's loads and stores have been done, those at other nodes included", funct3=0),
        _row("fence.i", "", Format.FIXED, 0x0F, Unit.SYSTEM, System.FENCE_I,
             "as fence; then forget the instructions that this thread has fetched", funct3=1),
        _row("ecall", "", Format.FIXED, 0x73, Unit.SYSTEM, System.ECALL, "trap, cause 11",
             funct3=0, funct7=0, rd=0, rs1=0, rs2=0),
        _row("ebreak", "", Format.FIXED, 0x73, Unit.SYSTEM, System.EBREAK, "trap, cause 3",
             funct3=0, funct7=0, rd=0, rs1=0, rs2=1),
        _row("mret", "", Format.FIXED, 0x73, Unit.SYSTEM, System.MRET,
             "pc = mepc; mstatus.MIE = mstatus.MPIE; mstatus.MPIE = 1", funct3=0, funct7=0x18, rd=0, rs1=0, rs2=2),
        _row("wfi", "", Format.FIXED, 0x73, Unit.SYSTEM, System.WFI, "nothing (there are no interrupts)",
             funct3=0, funct7=0x08, rd=0, rs1=0, rs2=5),
    ]


_HALVES = ("low", "high")

#: Float operations: funct7 and what they give.
_FLOATS = {
    FloatOperation.ADD: (0, "vs1 + vs2"),
    FloatOperation.SUB: (1, "vs1 - vs2"),
    FloatOperation.MUL: (2, "vs1 * vs2"),
    FloatOperation.MIN: (4, "minimumNumber(vs1, vs2)"),
    FloatOperation.MAX: (5, "maximumNumber(vs1, vs2)"),
    FloatOperation.EQ: (6, "all ones if vs1 == vs2, else zeros"),
    FloatOperation.LT: (7, "all ones if vs1 < vs2, else zeros"),
    FloatOperation.LE: (8, "all ones if vs1 <= vs2, else zeros"),
    FloatOperation.SIGN: (9, "vs1 with the sign of vs2"),
    FloatOperation.SIGN_NOT: (10, "vs1 with the opposite of vs2's sign"),
    FloatOperation.SIGN_XOR: (11, "vs1, its sign changed if vs2 is negative"),
    FloatOperation.MADD: (16, "vs1 * vs2 + vd"),
    FloatOperation.MSUB: (17, "vs1 * vs2 - vd"),
    FloatOperation.NMSUB: (18, "-(vs1 * vs2) + vd"),
    FloatOperation.NMADD: (19, "-(vs1 * vs2) - vd"),
}

#: Names of those that RISC-V calls otherwise.
_SIGNS = {FloatOperation.SIGN: "sgnj", FloatOperation.SIGN_NOT: "sgnjn", FloatOperation.SIGN_XOR: "sgnjx"}

_INTEGERS = {
    IntegerOperation.ADD: "vs1 + vs2", IntegerOperation.SUB: "vs1 - vs2",
    IntegerOperation.ADDS: "vs1 + vs2, signed, saturating", IntegerOperation.ADDSU: "vs1 + vs2, unsigned, saturating",
    IntegerOperation.SUBS: "vs1 - vs2, signed, saturating", IntegerOperation.SUBSU: "vs1 - vs2, unsigned, saturating",
    IntegerOperation.MUL: "the low half of vs1 * vs2", IntegerOperation.MULH: "the high half of vs1 * vs2, signed",
    IntegerOperation.MULHU: "the high half of vs1 * vs2, unsigned",
    IntegerOperation.SLL: "vs1 << vs2, modulo the width",
    IntegerOperation.SRL: "vs1 >> vs2, modulo the width, zeros in",
    IntegerOperation.SRA: "vs1 >> vs2, modulo the width, sign in",
    IntegerOperation.AND: "vs1 & vs2", IntegerOperation.OR: "vs1 | vs2", IntegerOperation.XOR: "vs1 ^ vs2",
    IntegerOperation.EQ: "all ones if vs1 == vs2, else zeros",
    IntegerOperation.LT: "all ones if vs1 < vs2, signed, else zeros",
    IntegerOperation.LTU: "all ones if vs1 < vs2, unsigned, else zeros",
    IntegerOperation.LE: "all ones if vs1 <= vs2, signed, else zeros",
    IntegerOperation.LEU: "all ones if vs1 <= vs2, unsigned, else zeros",
    IntegerOperation.MIN: "the smaller, signed", IntegerOperation.MINU: "the smaller, unsigned",
    IntegerOperation.MAX: "the larger, signed", IntegerOperation.MAXU: "the larger, unsigned",
}

_ESTIMATES = {
    EstimateOperation.RECIPROCAL: ("vrcp.s", 24, "1 / vs1"),
    EstimateOperation.RECIPROCAL_SQRT: ("vrsqrt.s", 25, "1 / sqrt(vs1)"),
    EstimateOperation.EXP2: ("vexp2.s", 26, "2 ^ vs1"),
    EstimateOperation.LOG2: ("vlog2.s", 27, "log2(vs1)"),
}


def _vector(r) -> list[Instruction]:
    """The rows of the vector unit; `r` makes one of R format."""
    number = number_formats.Format
    rows = []
    for form, letter, kind, funct3, needs in ((number.FP32, "s", "FP32", 0, ""),
                                              (number.BF16, "bf16", "BF16", 3, "bf16_lanes")):
        for operation, (funct7, meaning) in _FLOATS.items():
            name = _SIGNS.get(operation, operation.name.lower())
            rows.append(r(
                f"v{name}.{letter}", "vd, vs1, vs2", CUSTOM_2, Unit.VECTOR, operation,
                f"each {kind} lane: vd = {meaning}", funct3=funct3, funct7=funct7, lanes=Vector.FLOAT, number=form,
                needs=needs))
    for operation, (name, funct7, meaning) in _ESTIMATES.items():
        rows.append(r(
            name, "vd, vs1", CUSTOM_2, Unit.VECTOR, operation,
            f"each FP32 lane: vd = about {meaning}, as docs/numerics.md says bit for bit", funct3=0, funct7=funct7,
            rs2=0, lanes=Vector.ESTIMATE, number=number.FP32, needs="estimates"))
    for form, funct3 in ((number.INT8, 4), (number.INT16, 5), (number.INT32, 6)):
        bits = number_formats.INTEGERS[form]
        for operation, meaning in _INTEGERS.items():
            rows.append(r(
                f"v{operation.name.lower()}.i{bits}", "vd, vs1, vs2", CUSTOM_2, Unit.VECTOR, operation,
                f"each {bits}-bit lane: vd = {meaning}", funct3=funct3, funct7=operation.value, lanes=Vector.INTEGER,
                number=form, needs="integer_lanes"))
    return rows + [
        r("vcvt.bf16.s", "vd, vs1, vs2", CUSTOM_2, Unit.VECTOR, Move.CVT_BF16,
          "low half of vd = vs1, high half = vs2; each FP32 lane converted to BF16, rounded to nearest even",
          funct3=1, funct7=0, lanes=Vector.MOVE),
        r("vcvt", "vd, vs1, quarter", CUSTOM_2, Unit.VECTOR, Move.CONVERT,
          "as many numbers as there are 32-bit lanes, converted as the thread's CSR vformat says; numbers of less than "
          "32 bits are those of part (quarter mod 32 / bits) of vs1 and of vd, whose other parts stay",
          funct3=1, funct7=1, lanes=Vector.MOVE, needs="conversions"),
        r("vseed", "vd, vs1", CUSTOM_2, Unit.VECTOR, Move.SEED,
          "vd = the thread's state of the generators of stochastic rounding, 32 bits a lane; that becomes vs1, 0 as 1",
          funct3=1, funct7=2, rs2=0, lanes=Vector.MOVE, needs="conversions"),
        r("vbcast.w", "vd, rs1, rs2", CUSTOM_2, Unit.VECTOR, Move.BROADCAST,
          "each 32-bit lane of the low half of vd = rs1[31:0], of the high half = rs2[31:0]", funct3=2, funct7=0,
          lanes=Vector.MOVE),
        r("vsel", "vd, vs1, vs2", CUSTOM_2, Unit.VECTOR, Move.SELECT,
          "each bit: vd = vs1 if vd is 1, else vs2; vd is what a comparison gave", funct3=2, funct7=1,
          lanes=Vector.MOVE),
        r("vshuf.w", "vd, vs1, vs2", CUSTOM_2, Unit.VECTOR, Move.SHUFFLE,
          "each 32-bit lane: vd = the lane of vs1 whose number is in the lane of vs2, modulo their count",
          funct3=2, funct7=2, lanes=Vector.MOVE),
    ]


def _xd1() -> list[Instruction]:
    def r(name, syntax, opcode, unit, function, meaning, *, funct3, funct7, **fields):
        return _row(name, syntax, Format.R_TYPE, opcode, unit, function, meaning,
                    funct3=funct3, funct7=funct7, **fields)

    return [
        _row("vld", "vd, imm(rs1)", Format.I_TYPE, CUSTOM_0, Unit.MEMORY, Memory.VLD,
             "vd = the line at rs1 + imm, which must be aligned to a vector register's size", funct3=0),
        _row("vst", "vs2, imm(rs1)", Format.S_TYPE, CUSTOM_1, Unit.MEMORY, Memory.VST,
             "the line at rs1 + imm = vs2; aligned as for vld", funct3=0),
        _row("vld.pi", "vd, (rs1), imm", Format.I_TYPE, CUSTOM_0, Unit.MEMORY, Memory.VLD,
             "vd = the line at rs1, aligned as for vld; then rs1 = rs1 + imm", funct3=3, advances=True),
        _row("vst.pi", "vs2, (rs1), imm", Format.S_TYPE, CUSTOM_1, Unit.MEMORY, Memory.VST,
             "the line at rs1, aligned as for vld, = vs2; then rs1 = rs1 + imm", funct3=3, advances=True),
        _row("put.d", "rs2, imm(rs1)", Format.S_TYPE, CUSTOM_1, Unit.PUT, Memory.SD,
             "posted store: the 64 bits at rs1 + imm, at any node, will be rs2; nobody waits for that", funct3=1),
        _row("vput", "vs2, imm(rs1)", Format.S_TYPE, CUSTOM_1, Unit.PUT, Memory.VST,
             "posted store: the line at rs1 + imm, at any node, will be vs2; aligned as for vld", funct3=2),
        *_vector(r),
        r("mzero", "ad", CUSTOM_3, Unit.MATRIX, Matrix.ZERO, "accumulator ad = 0",
          funct3=0, funct7=0, rs1=0, rs2=0),
        r("mmul.bf16", "ad, vs1, vs2", CUSTOM_3, Unit.MATRIX, Matrix.MULTIPLY,
          "ad[M, N] += vs1[M, K] x vs2[K, N], both row by row in BF16, as docs/numerics.md says bit for bit",
          funct3=0, funct7=1),
        r("mmulz.bf16", "ad, vs1, vs2", CUSTOM_3, Unit.MATRIX, Matrix.START,
          "ad[M, N] = vs1[M, K] x vs2[K, N]: as mzero and then mmul.bf16, in one step",
          funct3=0, funct7=9),
        *(r(f"{name}.{'hl'[~halves & 1]}{'hl'[~halves >> 1 & 1]}", "ad, vs1, vs2", CUSTOM_3, Unit.MATRIX, function,
            f"as {name}.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the "
            f"{_HALVES[halves & 1]} half of vs1, a CFloat8 B in the {_HALVES[halves >> 1]} half of vs2",
            funct3=0, funct7=funct7 + halves, halves=halves, needs="cfloat8")
          for name, function, funct7 in (("mmul", Matrix.MULTIPLY, 16), ("mmulz", Matrix.START, 24))
          for halves in range(4)),
        r("mload", "ad, vs1, part", CUSTOM_3, Unit.MATRIX, Matrix.LOAD,
          "the rows of accumulator ad from part x R on, R = the rows that fit, = the FP32 numbers of vs1, exactly",
          funct3=0, funct7=3),
        r("mread", "vd, as1, part", CUSTOM_3, Unit.MATRIX, Matrix.READ,
          "vd = the rows of accumulator as1 from part x R on, R = the rows that fit; each rounded once to FP32",
          funct3=0, funct7=2),
        r("list.push", "rs1", CUSTOM_3, Unit.LIST, List.PUSH,
          "hand the list at rs1 to the engine that sends lines to other nodes; waits while its queue is full and until "
          "this thread's loads and stores have been done", funct3=1, funct7=0, rd=0, rs2=0),
        r("list.pull", "rs1", CUSTOM_3, Unit.LIST, List.PULL,
          "as list.push, to the engine that fetches lines from other nodes", funct3=1, funct7=1, rd=0, rs2=0),
        r("sem.post", "rs1", CUSTOM_3, Unit.SEMAPHORE, Semaphore.POST,
          "add 1 to semaphore rs1[31:0] of this node or, with rs1[48] set, of node x = rs1[39:32], y = rs1[47:40]; "
          "waits until this thread's loads and stores have been done", funct3=2, funct7=0, rd=0, rs2=0),
        r("sem.wait", "rs1, rs2", CUSTOM_3, Unit.SEMAPHORE, Semaphore.WAIT,
          "wait until semaphore rs1 of this node is at least rs2[15:0], then subtract that; costs no issue slots",
          funct3=2, funct7=1, rd=0),
    ]


INSTRUCTIONS: tuple[Instruction, ...] = (*_scalar(), *_xd1())
BY_NAME: dict[str, Instruction] = {instruction.name: instruction for instruction in INSTRUCTIONS}


def decode(word: int) -> Instruction | None:
    """The instruction that `word` is, or None if it is illegal in every configuration."""
    return next((instruction for instruction in INSTRUCTIONS if instruction.matches(word)), None)


class Cause(IntEnum):
    """Values of mcause. Those from 24 on are in RISC-V's range for custom use."""

    FETCH_MISALIGNED = 0
    FETCH_ACCESS = 1
    ILLEGAL = 2
    BREAKPOINT = 3
    LOAD_MISALIGNED = 4
    LOAD_ACCESS = 5
    STORE_MISALIGNED = 6
    STORE_ACCESS = 7
    ECALL = 11
    HARDWARE_ERROR = 19
    SEMAPHORE_RANGE = 24


#: What each cause means and what mtval holds.
CAUSES: dict[Cause, tuple[str, str]] = {
    Cause.FETCH_MISALIGNED: ("instruction address not a multiple of 4", "the target address"),
    Cause.FETCH_ACCESS: ("instruction address outside the SRAM", "the address"),
    Cause.ILLEGAL: ("illegal instruction", "the instruction word"),
    Cause.BREAKPOINT: ("ebreak", "0"),
    Cause.LOAD_MISALIGNED: ("load crosses a line or is a misaligned vector load", "the address"),
    Cause.LOAD_ACCESS: ("load from an address outside the SRAM, or one that its node refused", "the address"),
    Cause.STORE_MISALIGNED: ("store crosses a line, or a misaligned vector store, atomic or list", "the address"),
    Cause.STORE_ACCESS: ("store, atomic, list or remote post to an address outside the SRAM or the mesh, or one that "
                         "its node refused", "the address"),
    Cause.ECALL: ("ecall", "0"),
    Cause.HARDWARE_ERROR: ("uncorrectable memory error in what an earlier load read, or in the instruction's line",
                           "the load's address, or pc"),
    Cause.SEMAPHORE_RANGE: ("semaphore number out of range", "rs1"),
}


class CsrNumber(IntEnum):
    """Numbers of the control and status registers."""

    MSTATUS = 0x300
    MISA = 0x301
    MIE = 0x304
    MTVEC = 0x305
    MSCRATCH = 0x340
    MEPC = 0x341
    MCAUSE = 0x342
    MTVAL = 0x343
    MIP = 0x344
    MCYCLE = 0xB00
    MINSTRET = 0xB02
    CYCLE = 0xC00
    INSTRET = 0xC02
    MVENDORID = 0xF11
    MARCHID = 0xF12
    MIMPID = 0xF13
    MHARTID = 0xF14
    VFORMAT = 0x800
    MFORMAT = 0x801
    MNODE = 0xFC0
    MMESH = 0xFC1


#: misa: MXL = 2 (64 bits), extensions I, M and X (non-standard, Xd1).
MISA = 2 << 62 | 1 << (ord("I") - ord("A")) | 1 << (ord("M") - ord("A")) | 1 << (ord("X") - ord("A"))

#: Each CSR's writable bits and meaning. Bits that are not writable keep their value; a write to a CSR whose number
#: has both top bits set is illegal (RISC-V), and so is one of a format or a rounding that docs/numerics.md leaves
#: undefined.
CSRS: dict[CsrNumber, tuple[int, str]] = {
    CsrNumber.MSTATUS: (0x88, "MIE (3) and MPIE (7) can be written and have no effect, MPP (12:11) reads 3, others 0"),
    CsrNumber.MISA: (0, "RV64IM with X"),
    CsrNumber.MIE: (0, "0: there are no interrupts"),
    CsrNumber.MTVEC: ((1 << 64) - 4, "trap handler; while it is 0 a trap stops the thread and reports to the host"),
    CsrNumber.MSCRATCH: ((1 << 64) - 1, "scratch"),
    CsrNumber.MEPC: ((1 << 64) - 4, "pc of the trap"),
    CsrNumber.MCAUSE: ((1 << 64) - 1, "cause of the trap"),
    CsrNumber.MTVAL: ((1 << 64) - 1, "address or instruction of the trap"),
    CsrNumber.MIP: (0, "0: there are no interrupts"),
    CsrNumber.MCYCLE: (0, "cycles since reset; writes are ignored (the counter is the node's)"),
    CsrNumber.MINSTRET: (0, "instructions this thread has retired before this one; writes are ignored"),
    CsrNumber.CYCLE: (0, "as mcycle"),
    CsrNumber.INSTRET: (0, "as minstret"),
    CsrNumber.MVENDORID: (0, "0"),
    CsrNumber.MARCHID: (0, "0"),
    CsrNumber.MIMPID: (0, "0"),
    CsrNumber.MHARTID: (0, "((y - 1) x columns + x) x threads + thread"),
    CsrNumber.VFORMAT: ((1 << 23) - 1, "conversions: format of the source [3:0] and of the target [7:4], bias of the "
                        "source [13:8] and of the target [19:14], denormals [20], rounding [22:21]; codes: "
                        "docs/numerics.md"),
    CsrNumber.MFORMAT: (0x07FF07FF, "matrix operands: format [3:0] (BF16 or a CFloat8), bias [9:4] and denormals [10] "
                        "of A, the same 16 bits higher of B"),
    CsrNumber.MNODE: (0, "this node's mesh column x [7:0] and row y [15:8]"),
    CsrNumber.MMESH: (0, "the mesh's columns [7:0] and rows [15:8]"),
}
