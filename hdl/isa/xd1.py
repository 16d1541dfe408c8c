"""The rows of Xd1."""

from .. import number_formats
from ..arith.operations import EstimateOperation, FloatOperation, IntegerOperation
from .functions import Format, Gather, List, Matrix, Memory, Move, Predicate, Semaphore, Unit, Vector
from .instruction import CUSTOM_0, CUSTOM_1, CUSTOM_2, CUSTOM_3, Instruction, make_row

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

#: Operations that reduce a register to one number.
_FLOAT_REDUCTIONS = (FloatOperation.ADD, FloatOperation.MIN, FloatOperation.MAX)
_INTEGER_REDUCTIONS = (
    IntegerOperation.ADD, IntegerOperation.AND, IntegerOperation.OR, IntegerOperation.XOR, IntegerOperation.MIN,
    IntegerOperation.MINU, IntegerOperation.MAX, IntegerOperation.MAXU)

#: Added to an operation's funct7 in its reduction.
_REDUCTION = 64

_ESTIMATES = {
    EstimateOperation.RECIPROCAL: ("vrcp.s", 24, "1 / vs1"),
    EstimateOperation.RECIPROCAL_SQRT: ("vrsqrt.s", 25, "1 / sqrt(vs1)"),
    EstimateOperation.EXP2: ("vexp2.s", 26, "2 ^ vs1"),
    EstimateOperation.LOG2: ("vlog2.s", 27, "log2(vs1)"),
}


def _reduction(r, name, function, funct3, funct7, **fields) -> Instruction:
    """The row that applies a function to all numbers of a register."""
    return r(
        f"vred{name}", "vd, vs1", CUSTOM_2, Unit.VECTOR, function,
        f"every number of vd = v{name} of all numbers of vs1: of those that lie half a register apart, then of these "
        "results a quarter apart, and so on to neighbours",
        funct3=funct3, funct7=_REDUCTION + funct7, rs2=0, reduces=True, **fields)


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
        rows += [
            _reduction(r, f"{operation.name.lower()}.{letter}", operation, funct3, _FLOATS[operation][0],
                       lanes=Vector.FLOAT, number=form, needs=needs) for operation in _FLOAT_REDUCTIONS]
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
        rows += [
            _reduction(r, f"{operation.name.lower()}.i{bits}", operation, funct3, operation.value,
                       lanes=Vector.INTEGER, number=form, needs="integer_lanes") for operation in _INTEGER_REDUCTIONS]
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
        make_row("vmerge", "vd, vs1, mask", Format.R_TYPE, CUSTOM_2, Unit.VECTOR, Move.MERGE,
                 "the bytes of vd whose bits of the predicate are set = those of vs1; the others stay",
                 funct3=7, funct4=8, rs2=0, lanes=Vector.MOVE),
        *(r(f"vtrn.{letter}", "vd, vs1", CUSTOM_2, Unit.VECTOR, function,
            f"vd = the transpose of vs1, a matrix of {numbers}, row by row; if it cannot be square, it is twice as "
            f"{side}", funct3=2, funct7=8 + index, rs2=0, lanes=Vector.MOVE)
          for index, (letter, function, numbers, side) in enumerate((
              ("b", Move.TRANSPOSE_BYTES, "bytes", "high as wide"),
              ("h", Move.TRANSPOSE_HALVES, "16-bit numbers", "high as wide"),
              ("hi", Move.TRANSPOSE_HALVES_BACK, "16-bit numbers", "wide as high, so that this undoes vtrn.h"),
              ("w", Move.TRANSPOSE_WORDS, "32-bit numbers", "high as wide")))),
    ]


def _predicates(r) -> list[Instruction]:
    """The rows that compute predicates; `r` makes one of R format."""
    function = Predicate
    rows = (
        ("pand", "pd, ps1, ps2", function.AND, "pd = ps1 & ps2", {}),
        ("por", "pd, ps1, ps2", function.OR, "pd = ps1 | ps2", {}),
        ("pxor", "pd, ps1, ps2", function.XOR, "pd = ps1 ^ ps2", {}),
        ("pandn", "pd, ps1, ps2", function.ANDN, "pd = ps1 & ~ps2", {}),
        ("pset", "pd, rs1", function.SET, "bit i of pd = bit i of rs1", {"rs2": 0}),
        ("pget", "rd, ps1", function.GET, "rd = ps1, zero-extended", {"rs2": 0}),
        ("psign", "pd, vs1", function.SIGN, "bit i of pd = the highest bit of byte i of vs1", {"rs2": 0}),
        ("pfirst", "pd, rs1", function.FIRST, "bit i of pd = i < rs1, unsigned", {"rs2": 0}),
    )
    return [r(name, syntax, CUSTOM_2, Unit.PREDICATE, function, meaning, funct3=7, funct7=8 * function, **fields)
            for name, syntax, function, meaning, fields in rows]


def _masked() -> list[Instruction]:
    """Vector accesses under a predicate."""
    def r(name, syntax, opcode, unit, function, meaning, *, funct3, funct4, **fields):
        return make_row(name, syntax, Format.R_TYPE, opcode, unit, function, meaning, funct3=funct3, funct4=funct4,
                        **fields)

    lanes = "each 32-bit lane i that the predicate has, in their order: "
    word, far = "32 bits at rs1 + vs2's lane i, unsigned", "32 bits at rs1 + i x rs2"
    return [
        r("vld.m", "vd, (rs1), mask", CUSTOM_0, Unit.MEMORY, Memory.VLD,
          "as vld from rs1, of this node; bytes whose bits of the predicate are clear become 0",
          funct3=1, funct4=0, rs2=0),
        r("vst.m", "vs2, (rs1), mask", CUSTOM_1, Unit.MEMORY, Memory.VST,
          "as vst to rs1, of this node; bytes whose bits of the predicate are clear are not written",
          funct3=4, funct4=0, rd=0),
        r("vgather.w", "vd, (rs1), vs2, mask", CUSTOM_0, Unit.GATHER, Gather.INDEXED,
          f"{lanes}vd = the {word}; other lanes become 0", funct3=2, funct4=0, needs="gather"),
        r("vldst.w", "vd, (rs1), rs2, mask", CUSTOM_0, Unit.GATHER, Gather.STRIDED,
          f"{lanes}vd = the {far}; other lanes become 0", funct3=2, funct4=1, needs="gather"),
        r("vld.2d", "vd, (rs1), rs2, mask", CUSTOM_0, Unit.GATHER, Gather.PADDED,
          "each byte i that the predicate has: vd = byte c + i of row r of the array at rs1 that the CSR vtile "
          "describes, c = rs2[31:0] and r = rs2[63:32], both signed; 0 outside of the array",
          funct3=2, funct4=2, needs="gather"),
        r("vscatter.w", "vs3, (rs1), vs2, mask", CUSTOM_1, Unit.GATHER, Gather.INDEXED_STORE,
          f"{lanes}the {word} = vs3", funct3=5, funct4=0, needs="gather"),
        r("vstst.w", "vs3, (rs1), rs2, mask", CUSTOM_1, Unit.GATHER, Gather.STRIDED_STORE,
          f"{lanes}the {far} = vs3", funct3=5, funct4=1, needs="gather"),
    ]


def xd1_rows() -> list[Instruction]:
    """All of them, in the order of the reference page."""
    def r(name, syntax, opcode, unit, function, meaning, *, funct3, funct7, **fields):
        return make_row(name, syntax, Format.R_TYPE, opcode, unit, function, meaning,
                        funct3=funct3, funct7=funct7, **fields)

    return [
        make_row("vld", "vd, imm(rs1)", Format.I_TYPE, CUSTOM_0, Unit.MEMORY, Memory.VLD,
                 "vd = the line at rs1 + imm, which must be aligned to a vector register's size", funct3=0),
        make_row("vst", "vs2, imm(rs1)", Format.S_TYPE, CUSTOM_1, Unit.MEMORY, Memory.VST,
                 "the line at rs1 + imm = vs2; aligned as for vld", funct3=0),
        make_row("vld.pi", "vd, (rs1), imm", Format.I_TYPE, CUSTOM_0, Unit.MEMORY, Memory.VLD,
                 "vd = the line at rs1, aligned as for vld; then rs1 = rs1 + imm", funct3=3, advances=True),
        make_row("vst.pi", "vs2, (rs1), imm", Format.S_TYPE, CUSTOM_1, Unit.MEMORY, Memory.VST,
                 "the line at rs1, aligned as for vld, = vs2; then rs1 = rs1 + imm", funct3=3, advances=True),
        make_row("put.d", "rs2, imm(rs1)", Format.S_TYPE, CUSTOM_1, Unit.PUT, Memory.SD,
                 "posted store: the 64 bits at rs1 + imm, at any node, will be rs2; nobody waits for that", funct3=1),
        make_row("vput", "vs2, imm(rs1)", Format.S_TYPE, CUSTOM_1, Unit.PUT, Memory.VST,
                 "posted store: the line at rs1 + imm, at any node, will be vs2; aligned as for vld", funct3=2),
        *_masked(),
        *_vector(r),
        *_predicates(r),
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
        r("sem.try", "rd, rs1, rs2", CUSTOM_3, Unit.SEMAPHORE, Semaphore.TRY,
          "rd = 1 and subtract rs2[15:0] from semaphore rs1 of this node if it is at least that, else rd = 0; polls "
          "what sem.wait waits for, as the end of a list", funct3=2, funct7=2),
    ]
