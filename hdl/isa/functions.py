"""What units there are, what each can do, and what the fields of an instruction name."""

from enum import Enum, IntEnum


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
    PREDICATE = 12
    GATHER = 13


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


class Gather(IntEnum):
    """What the gather engine does; bit 3 is set in what stores, as in `Memory`."""

    INDEXED = 0
    STRIDED = 1
    PADDED = 2
    INDEXED_STORE = 8
    STRIDED_STORE = 9


class Predicate(IntEnum):
    """What can be done to predicates."""

    AND = 0
    OR = 1
    XOR = 2
    ANDN = 3
    SET = 4
    GET = 5
    SIGN = 6
    FIRST = 7


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
    MERGE = 6
    TRANSPOSE_BYTES = 7
    TRANSPOSE_HALVES = 8
    TRANSPOSE_HALVES_BACK = 9
    TRANSPOSE_WORDS = 10


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
    TRY = 2


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
    PREDICATE = 6


#: Predicates of a thread; one has a bit for each byte of a vector register.
PREDICATES = 8
