"""Xd1 of the golden model: vectors, the matrix unit, lists and semaphores. Makers as in `sim.scalar`."""

from collections.abc import Callable
from functools import partial

import numpy as np

from hdl.arith.operations import FloatOperation
from hdl.config import GLOBAL_FLAG
from hdl.isa import Cause, Instruction
from hdl.memory_map import Descriptor

from . import numerics
from .assembler import Operands
from .lists import carry_out
from .numerics import Fp32
from .scalar import M32, M64, Maker
from .thread import Operation, Thread, Trap


def _load(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, v, vd, rs1, imm, following = thread.x, thread.v, fields.rd, fields.rs1, fields.imm, pc + 4
    load, size = thread.node.load, thread.node.config.vector_bytes

    def run() -> int:
        v[vd] = load(thread, x[rs1] + imm & M64, size)
        return following

    return run


def _store(posted: bool, thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, v, vs2, rs1, imm, following = thread.x, thread.v, fields.rs2, fields.rs1, fields.imm, pc + 4
    save = thread.node.save

    def run() -> int:
        save(x[rs1] + imm & M64, v[vs2], posted=posted)
        return following

    return run


def _put_double(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, rs2, rs1, imm, following = thread.x, fields.rs2, fields.rs1, fields.imm, pc + 4
    save = thread.node.save

    def run() -> int:
        save(x[rs1] + imm & M64, x[rs2].to_bytes(8, "little"), posted=True)
        return following

    return run


def _lanes(register: bytes) -> Fp32:
    return np.frombuffer(register, np.uint32)


def _float(operation: FloatOperation, a: Fp32, b: Fp32) -> np.ndarray:
    return numerics.float_operation(operation, a, b).bits


def _converted(a: Fp32, b: Fp32) -> numerics.Bf16:
    return numerics.bf16_from_fp32(np.concatenate([a, b]))


def _vector(result: Callable[[Fp32, Fp32], np.ndarray], thread: Thread, _: Instruction, fields: Operands,
            pc: int) -> Operation:
    node, v, vd, vs1, vs2, following = thread.node, thread.v, fields.rd, fields.rs1, fields.rs2, pc + 4

    def run() -> int:
        v[vd] = result(_lanes(v[vs1]), _lanes(v[vs2])).tobytes()
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


def _matrix_zero(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation | None:
    if fields.rd >= len(thread.accumulators):
        return None
    accumulator, following = thread.accumulators[fields.rd], pc + 4

    def run() -> int:
        accumulator.zero()
        return following

    return run


def _matrix_multiply(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation | None:
    if fields.rd >= len(thread.accumulators):
        return None
    node, v, vs1, vs2, following = thread.node, thread.v, fields.rs1, fields.rs2, pc + 4
    accumulator, (m, n, k) = thread.accumulators[fields.rd], thread.node.config.matrix

    def run() -> int:
        a = np.frombuffer(v[vs1], np.uint16, m * k).reshape(m, k)
        b = np.frombuffer(v[vs2], np.uint16, k * n).reshape(k, n)
        accumulator.step(a, b)
        node.matrix_steps += 1
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


XD1: dict[str, Maker] = {
    "vld": _load,
    "vst": partial(_store, False),
    "put.d": _put_double,
    "vput": partial(_store, True),
    "vadd.s": partial(_vector, partial(_float, FloatOperation.ADD)),
    "vmul.s": partial(_vector, partial(_float, FloatOperation.MUL)),
    "vmax.s": partial(_vector, partial(_float, FloatOperation.MAX)),
    "vcvt.bf16.s": partial(_vector, _converted),
    "vbcast.w": _broadcast,
    "mzero": _matrix_zero,
    "mmul.bf16": _matrix_multiply,
    "mread": _matrix_read,
    "list.push": partial(_list, False),
    "list.pull": partial(_list, True),
    "sem.post": _semaphore_post,
    "sem.wait": _semaphore_wait,
}
