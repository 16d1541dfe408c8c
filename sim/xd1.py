"""Xd1 of the golden model: vectors, the matrix unit, lists and semaphores. Makers as in `sim.scalar`."""

from collections.abc import Callable
from functools import partial

import numpy as np

from hdl.arith.operations import EstimateOperation, FloatOperation, IntegerOperation
from hdl.config import GLOBAL_FLAG
from hdl.isa import (
    INSTRUCTIONS,
    PREDICATES,
    Cause,
    CsrNumber,
    File,
    Instruction,
    Matrix,
    Move,
    Predicate,
    Unit,
    Vector,
)
from hdl.memory_map import Descriptor
from hdl.number_formats import WIDTHS, Denormals, Format, Rounding

from . import numerics
from .assembler import Operands
from .lists import carry_out
from .numerics import Fp32
from .scalar import M32, Maker
from .thread import DISCARD, Operation, Thread, Trap
from .vector_memory import VECTOR_MEMORY, bytes_of


def _lanes(register: bytes) -> Fp32:
    return np.frombuffer(register, np.uint32)


def _float(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    operation = FloatOperation(row.function)
    registers = (a, b, c) if operation.takes_c else (a, b)
    numbers = (np.frombuffer(register, f"u{WIDTHS[_number(row)] // 8}") for register in registers)
    return numerics.float_operation(operation, *numbers).bits


def _integer(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    numbers = (np.frombuffer(register, f"u{WIDTHS[_number(row)] // 8}") for register in (a, b))
    return numerics.integer_operation(IntegerOperation(row.function), *numbers)


def _estimate(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    return numerics.estimate(EstimateOperation(row.function), _lanes(a)).bits


def _to_bf16(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    return numerics.bf16_from_fp32(_lanes(a + b))


def _select(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    return _lanes(c) & _lanes(a) | ~_lanes(c) & _lanes(b)


def _shuffle(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    return _lanes(a)[_lanes(b) % thread.node.config.lanes]


def _merge(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    node, v, p, vd, vs1, mask, following = thread.node, thread.v, thread.p, fields.rd, fields.rs1, fields.mask, pc + 4

    def run() -> int:
        register = bytearray(v[vd])
        for byte in bytes_of(p[mask], len(register)):
            register[byte] = v[vs1][byte]
        v[vd] = bytes(register)
        node.vector_ops += 1
        return following

    return run


def _transpose(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    bits = {Move.TRANSPOSE_BYTES: 8, Move.TRANSPOSE_WORDS: 32}.get(Move(row.function), 16)
    numbers = np.frombuffer(a, f"u{bits // 8}")
    short = 1 << (numbers.size.bit_length() - 1) // 2
    long = numbers.size // short
    shape = (short, long) if row.function is Move.TRANSPOSE_HALVES_BACK else (long, short)
    return numbers.reshape(shape).T


def _reduce(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    """Each number with the one at a distance, which is halved from half of the register to one number."""
    register, numbers = a, len(a) * 8 // WIDTHS[_number(row)]
    arithmetic, kind = _ARITHMETIC[row.lanes], np.dtype(f"u{WIDTHS[_number(row)] // 8}")
    distance = numbers // 2
    while distance:
        other = np.frombuffer(register, kind)[np.arange(numbers) ^ distance]
        register = arithmetic(thread, row, register, other.tobytes(), c).tobytes()
        distance //= 2
    return np.frombuffer(register, kind)


def _seed(thread: Thread, row: Instruction, a: bytes, b: bytes, c: bytes) -> np.ndarray:
    states, thread.generators = thread.generators, numerics.loaded(_lanes(a))
    return states


def _number(row: Instruction) -> Format:
    assert row.number is not None
    return row.number


#: Makes a result of vs1, vs2 and the old vd.
_VectorResult = Callable[[Thread, Instruction, bytes, bytes, bytes], np.ndarray]


def _vector(result: _VectorResult, thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation:
    node, v, vd, vs1, vs2, following = thread.node, thread.v, fields.rd, fields.rs1, fields.rs2, pc + 4

    def run() -> int:
        v[vd] = result(thread, row, v[vs1], v[vs2], v[vd]).tobytes()
        node.vector_ops += 1
        return following

    return run


def _convert(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation | None:
    """The formats are looked up when it runs: they are in a CSR."""
    node, v, vd, vs1, quarter, following = thread.node, thread.v, fields.rd, fields.rs1, fields.rs2, pc + 4
    lanes = node.config.lanes
    if quarter >= 4:
        return None

    def part(register: bytes | bytearray, form: Format) -> np.ndarray:
        """The numbers of a format that are meant; a view."""
        bits = WIDTHS[form]
        first = quarter % (32 // bits) * lanes
        return np.frombuffer(register, f"u{bits // 8}")[first:first + lanes]

    def run() -> int:
        code = thread.csrs[CsrNumber.VFORMAT]
        source, target, rounding = Format(code & 15), Format(code >> 4 & 15), Rounding(code >> 21)
        draws = thread.generators
        if rounding is Rounding.STOCHASTIC:
            thread.generators = numerics.advanced(draws)
        register = bytearray(v[vd])
        part(register, target)[:] = numerics.convert(
            part(v[vs1], source), source, target, source_bias=code >> 8 & 63, target_bias=code >> 14 & 63,
            denormals=Denormals(code >> 20 & 1), rounding=rounding, draws=draws).codes
        v[vd] = bytes(register)
        node.vector_ops += 1
        return following

    return run


def _broadcast(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    node, x, v, vd, rs1, rs2, following = thread.node, thread.x, thread.v, fields.rd, fields.rs1, fields.rs2, pc + 4
    half = node.config.lanes // 2

    def run() -> int:
        v[vd] = (x[rs1] & M32).to_bytes(4, "little") * half + (x[rs2] & M32).to_bytes(4, "little") * half
        node.vector_ops += 1
        return following

    return run


def _predicate(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation | None:
    """Everything that gives a predicate."""
    x, v, p, pd, source, other, following = (
        thread.x, thread.v, thread.p, fields.rd, fields.rs1, fields.rs2, pc + 4)
    size = thread.node.config.vector_bytes
    for file, number in ((row.rd_file, pd), (row.rs1_file, source), (row.rs2_file, other)):
        if file is File.PREDICATE and number >= PREDICATES:
            return None
    value: dict[Predicate, Callable[[], int]] = {
        Predicate.AND: lambda: p[source] & p[other],
        Predicate.OR: lambda: p[source] | p[other],
        Predicate.XOR: lambda: p[source] ^ p[other],
        Predicate.ANDN: lambda: p[source] & ~p[other],
        Predicate.SET: lambda: x[source] & (1 << size) - 1,
        Predicate.SIGN: lambda: sum((byte >> 7) << index for index, byte in enumerate(v[source])),
        Predicate.FIRST: lambda: (1 << min(x[source], size)) - 1,
    }
    def get() -> int:
        x[pd or DISCARD] = p[source]
        return following

    def run() -> int:
        p[pd] = value[Predicate(row.function)]()
        return following

    return get if row.function is Predicate.GET else run


def _matrix_zero(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation | None:
    if fields.rd >= len(thread.accumulators):
        return None
    accumulator, following = thread.accumulators[fields.rd], pc + 4

    def run() -> int:
        accumulator.zero()
        return following

    return run


def _matrix_multiply(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation | None:
    if fields.rd >= len(thread.accumulators):
        return None
    node, v, vs1, vs2, following = thread.node, thread.v, fields.rs1, fields.rs2, pc + 4
    accumulator, (m, n, k) = thread.accumulators[fields.rd], thread.node.config.matrix
    starts, halves = row.function is Matrix.START, row.halves

    def operand(register: bytes, shape: tuple[int, int], side: int) -> numerics.Bf16:
        if halves is None:
            return numerics.matrix_operand(register, shape, Format.BF16)
        form = thread.csrs[CsrNumber.MFORMAT] >> 16 * side
        return numerics.matrix_operand(register, shape, form & 15, bias=form >> 4 & 63,
                                       denormals=Denormals(form >> 10 & 1), half=halves >> side & 1)

    def run() -> int:
        if starts:
            accumulator.zero()
        accumulator.step(operand(v[vs1], (m, k), 0), operand(v[vs2], (k, n), 1))
        node.matrix_steps += 1
        return following

    return run


def _matrix_load(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation | None:
    config, part = thread.node.config, fields.rs2
    if fields.rd >= len(thread.accumulators) or part >= config.parts:
        return None
    accumulator, v, vs1, following = thread.accumulators[fields.rd], thread.v, fields.rs1, pc + 4
    rows = config.rows_per_part

    def run() -> int:
        accumulator.load(_lanes(v[vs1])[:rows * config.n].reshape(rows, config.n), row=part * rows)
        return following

    return run


def _matrix_read(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation | None:
    config, part = thread.node.config, fields.rs2
    if fields.rs1 >= len(thread.accumulators) or part >= config.parts:
        return None
    accumulator, v, vd, following = thread.accumulators[fields.rs1], thread.v, fields.rd, pc + 4
    rows = slice(part * config.rows_per_part, (part + 1) * config.rows_per_part)

    def run() -> int:
        v[vd] = accumulator.read()[rows].tobytes().ljust(config.vector_bytes, b"\0")
        return following

    return run


def _list(pull: bool, thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    node, x, rs1, following = thread.node, thread.x, fields.rs1, pc + 4
    size, line = Descriptor.size(node.config), node.config.vector_bytes

    def run() -> int:
        if not node.holds(x[rs1], size):
            raise Trap(Cause.STORE_ACCESS, x[rs1])
        if x[rs1] % line:
            raise Trap(Cause.STORE_MISALIGNED, x[rs1])
        carry_out(node, x[rs1], pull=pull)
        return following

    return run


def _semaphore_post(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    node, x, rs1, following = thread.node, thread.x, fields.rs1, pc + 4

    def run() -> int:
        address = x[rs1]
        semaphore = address & M32
        if semaphore >= node.config.semaphores:
            raise Trap(Cause.SEMAPHORE_RANGE, address)
        target = node
        if address & GLOBAL_FLAG:
            target = node.mesh.nodes.get((address >> 32 & 0xFF, address >> 40 & 0xFF))
            if target is None:
                raise Trap(Cause.STORE_ACCESS, address)
        target.post(semaphore)
        return following

    return run


def _semaphore_wait(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    node, x, rs1, rs2, following = thread.node, thread.x, fields.rs1, fields.rs2, pc + 4

    def run() -> int | None:
        if x[rs1] >= node.config.semaphores:
            raise Trap(Cause.SEMAPHORE_RANGE, x[rs1])
        semaphore, amount = x[rs1], x[rs2] & 0xFFFF
        if not node.take(semaphore, amount):
            thread.wait(semaphore, amount)
            return None
        return following

    return run


def _semaphore_try(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    node, x, rd, rs1, rs2, following = thread.node, thread.x, fields.rd or DISCARD, fields.rs1, fields.rs2, pc + 4

    def run() -> int:
        if x[rs1] >= node.config.semaphores:
            raise Trap(Cause.SEMAPHORE_RANGE, x[rs1])
        x[rd] = int(node.take(x[rs1], x[rs2] & 0xFFFF))
        return following

    return run


_ARITHMETIC: dict[Vector | None, _VectorResult] = {
    Vector.FLOAT: _float, Vector.INTEGER: _integer, Vector.ESTIMATE: _estimate}

#: Transposes.
_TRANSPOSES = (Move.TRANSPOSE_BYTES, Move.TRANSPOSE_HALVES, Move.TRANSPOSE_HALVES_BACK, Move.TRANSPOSE_WORDS)

XD1: dict[str, Maker] = {
    **VECTOR_MEMORY,
    **{row.name: partial(_vector, _reduce if row.reduces else _ARITHMETIC[row.lanes])
       for row in INSTRUCTIONS if row.lanes in _ARITHMETIC},
    **{row.name: partial(_vector, _transpose) for row in INSTRUCTIONS
       if row.lanes is Vector.MOVE and row.function in _TRANSPOSES},
    **{row.name: _predicate for row in INSTRUCTIONS if row.unit is Unit.PREDICATE},
    "vmerge": _merge,
    "vcvt.bf16.s": partial(_vector, _to_bf16),
    "vcvt": _convert,
    "vseed": partial(_vector, _seed),
    "vbcast.w": _broadcast,
    "vsel": partial(_vector, _select),
    "vshuf.w": partial(_vector, _shuffle),
    "mzero": _matrix_zero,
    **{row.name: _matrix_multiply for row in INSTRUCTIONS if row.function in (Matrix.MULTIPLY, Matrix.START)
       and row.unit is Unit.MATRIX},
    "mload": _matrix_load,
    "mread": _matrix_read,
    "list.push": partial(_list, False),
    "list.pull": partial(_list, True),
    "sem.post": _semaphore_post,
    "sem.wait": _semaphore_wait,
    "sem.try": _semaphore_try,
}
