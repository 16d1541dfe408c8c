"""RV64IM, Zaamo, Zacas, Zicsr and Zifencei of the golden model, from the RISC-V specifications.

A maker takes a thread, a row of the table, the operands and the pc, and returns the decoded instruction, a function
without arguments, or None if the operands make the word illegal. `SCALAR` has a maker for each scalar row, by name.
"""

from collections.abc import Callable
from functools import partial

from hdl.isa import CSRS, INSTRUCTIONS, Atomic, Cause, Csr, Format, Instruction, System, Unit

from .assembler import Operands
from .thread import DISCARD, Operation, Thread, Trap

Maker = Callable[[Thread, Instruction, Operands, int], Operation | None]

M64 = (1 << 64) - 1
M32 = (1 << 32) - 1


def signed(value: int) -> int:
    """An unsigned 64-bit number read as two's complement."""
    return (value ^ 1 << 63) - (1 << 63)


def signed_word(value: int) -> int:
    """The low 32 bits read as two's complement."""
    return (value & M32 ^ 1 << 31) - (1 << 31)


def _quotient(a: int, b: int) -> int:
    """Towards zero; -1 by zero. The one quotient that overflows, -2^63 / -1, wraps to its dividend when it is cut."""
    if b == 0:
        return -1
    magnitude = abs(a) // abs(b)
    return -magnitude if (a < 0) != (b < 0) else magnitude


def _remainder(a: int, b: int) -> int:
    """With the sign of the dividend, which it is itself by zero."""
    if b == 0:
        return a
    magnitude = abs(a) % abs(b)
    return -magnitude if a < 0 else magnitude


#: Results of the register-to-register rows from unsigned 64-bit operands, before they are cut to 64 bits.
_RESULTS: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "sll": lambda a, b: a << (b & 63),
    "slt": lambda a, b: int(signed(a) < signed(b)),
    "sltu": lambda a, b: int(a < b),
    "xor": lambda a, b: a ^ b,
    "srl": lambda a, b: a >> (b & 63),
    "sra": lambda a, b: signed(a) >> (b & 63),
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "addw": lambda a, b: signed_word(a + b),
    "subw": lambda a, b: signed_word(a - b),
    "sllw": lambda a, b: signed_word(a << (b & 31)),
    "srlw": lambda a, b: signed_word((a & M32) >> (b & 31)),
    "sraw": lambda a, b: signed_word(a) >> (b & 31),
    "mul": lambda a, b: a * b,
    "mulh": lambda a, b: signed(a) * signed(b) >> 64,
    "mulhsu": lambda a, b: signed(a) * b >> 64,
    "mulhu": lambda a, b: a * b >> 64,
    "mulw": lambda a, b: signed_word(a * b),
    "div": lambda a, b: _quotient(signed(a), signed(b)),
    "divu": _quotient,
    "rem": lambda a, b: _remainder(signed(a), signed(b)),
    "remu": _remainder,
    "divw": lambda a, b: signed_word(_quotient(signed_word(a), signed_word(b))),
    "divuw": lambda a, b: signed_word(_quotient(a & M32, b & M32)),
    "remw": lambda a, b: _remainder(signed_word(a), signed_word(b)),
    "remuw": lambda a, b: signed_word(_remainder(a & M32, b & M32)),
}

_TESTS: dict[str, Callable[[int, int], bool]] = {
    "beq": lambda a, b: a == b,
    "bne": lambda a, b: a != b,
    "blt": lambda a, b: signed(a) < signed(b),
    "bge": lambda a, b: signed(a) >= signed(b),
    "bltu": lambda a, b: a < b,
    "bgeu": lambda a, b: a >= b,
}


def _register_register(result: Callable[[int, int], int], thread: Thread, _: Instruction, fields: Operands,
                       pc: int) -> Operation:
    x, rd, rs1, rs2, following = thread.x, fields.rd or DISCARD, fields.rs1, fields.rs2, pc + 4

    def run() -> int:
        x[rd] = result(x[rs1], x[rs2]) & M64
        return following

    return run


def _register_immediate(result: Callable[[int, int], int], thread: Thread, _: Instruction, fields: Operands,
                        pc: int) -> Operation:
    x, rd, rs1, imm, following = thread.x, fields.rd or DISCARD, fields.rs1, fields.imm & M64, pc + 4

    def run() -> int:
        x[rd] = result(x[rs1], imm) & M64
        return following

    return run


def _constant(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation:
    x, rd, following = thread.x, fields.rd or DISCARD, pc + 4
    value = fields.imm + (pc if row.name == "auipc" else 0) & M64

    def run() -> int:
        x[rd] = value
        return following

    return run


def _checked(target: int) -> int:
    if target & 3:
        raise Trap(Cause.FETCH_MISALIGNED, target)
    return target


def _branch(test: Callable[[int, int], bool], thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, rs1, rs2, following, target = thread.x, fields.rs1, fields.rs2, pc + 4, pc + fields.imm & M64

    def run() -> int:
        return _checked(target) if test(x[rs1], x[rs2]) else following

    return run


def _jal(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, rd, following, target = thread.x, fields.rd or DISCARD, pc + 4, pc + fields.imm & M64

    def run() -> int:
        _checked(target)
        x[rd] = following
        return target

    return run


def _jalr(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, rd, rs1, imm, following = thread.x, fields.rd or DISCARD, fields.rs1, fields.imm, pc + 4

    def run() -> int:
        target = _checked(x[rs1] + imm & M64 & ~1)
        x[rd] = following
        return target

    return run


def _load(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation:
    x, rd, rs1, imm, following = thread.x, fields.rd or DISCARD, fields.rs1, fields.imm, pc + 4
    size, signed = 1 << (row.function & 3), row.function < 4
    load = thread.node.load

    def run() -> int:
        x[rd] = int.from_bytes(load(thread, x[rs1] + imm & M64, size), "little", signed=signed) & M64
        return following

    return run


def _store(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation:
    x, rs1, rs2, imm, following = thread.x, fields.rs1, fields.rs2, fields.imm, pc + 4
    size = 1 << (row.function & 3)
    mask = (1 << 8 * size) - 1
    save = thread.node.save

    def run() -> int:
        save(x[rs1] + imm & M64, (x[rs2] & mask).to_bytes(size, "little"))
        return following

    return run


def _atomic(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation:
    x, rd, rs1, rs2, following = thread.x, fields.rd, fields.rs1, fields.rs2, pc + 4
    function, size, atomic = Atomic(row.function), 4 if row.word else 8, thread.node.atomic

    def run() -> int:
        old = atomic(function, x[rs1], size, x[rs2], x[rd])
        x[rd or DISCARD] = signed_word(old) & M64 if size == 4 else old
        return following

    return run


_CSR_NUMBERS = {number.value: number for number in CSRS}


def _csr(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation | None:
    x, rd, rs1, following = thread.x, fields.rd or DISCARD, fields.rs1, pc + 4
    number = _CSR_NUMBERS.get(fields.csr)
    writes = row.function == Csr.WRITE or rs1 != 0
    if number is None or (writes and number >> 10 == 3):
        return None
    immediate = fields.imm if row.format is Format.CSRI else None

    def run() -> int:
        old = thread.read_csr(number)
        if writes:
            operand = x[rs1] if immediate is None else immediate
            match row.function:
                case Csr.SET:
                    operand = old | operand
                case Csr.CLEAR:
                    operand = old & ~operand
            try:
                thread.write_csr(number, operand)
            except ValueError:
                raise Trap(Cause.ILLEGAL, thread.code[pc][1]) from None
        x[rd] = old
        return following

    return run


def _system(thread: Thread, row: Instruction, _: Operands, pc: int) -> Operation:
    following = pc + 4

    def run() -> int:
        match row.function:
            case System.FENCE_I:
                thread.code.clear()
            case System.ECALL:
                raise Trap(Cause.ECALL, 0)
            case System.EBREAK:
                raise Trap(Cause.BREAKPOINT, 0)
            case System.MRET:
                return thread.return_from_trap()
        return following

    return run


def _makers() -> dict[str, Maker]:
    results = {(row.function, row.word): _RESULTS[row.name] for row in INSTRUCTIONS
               if row.unit is Unit.ALU and row.format is Format.R_TYPE}
    makers: dict[str, Maker] = {
        **{name: partial(_register_register, result) for name, result in _RESULTS.items()},
        **{name: partial(_branch, test) for name, test in _TESTS.items()},
        "jal": _jal, "jalr": _jalr,
    }
    for row in INSTRUCTIONS:
        match row.unit:
            case Unit.ALU if row.format is Format.U_TYPE:
                makers[row.name] = _constant
            case Unit.ALU if row.format is not Format.R_TYPE:
                makers[row.name] = partial(_register_immediate, results[row.function, row.word])
            case Unit.MEMORY if not row.is_xd1:
                makers[row.name] = _load if row.format is Format.I_TYPE else _store
            case Unit.ATOMIC:
                makers[row.name] = _atomic
            case Unit.CSR:
                makers[row.name] = _csr
            case Unit.SYSTEM:
                makers[row.name] = _system
    return makers


SCALAR: dict[str, Maker] = _makers()
