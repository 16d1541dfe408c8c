"""Vector loads and stores of the golden model, posted ones, gathers and scatters. Makers as in `sim.scalar`."""

from functools import partial
from itertools import groupby

import numpy as np

from hdl.config import SRAM_BASE
from hdl.isa import INSTRUCTIONS, Cause, CsrNumber, Gather, Instruction, Unit

from .assembler import Operands
from .scalar import M32, M64, Maker
from .thread import DISCARD, Operation, Thread, Trap


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


def _load_advancing(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, v, vd, rs1, imm, following = thread.x, thread.v, fields.rd, fields.rs1, fields.imm, pc + 4
    load, size = thread.node.load, thread.node.config.vector_bytes

    def run() -> int:
        v[vd] = load(thread, x[rs1], size)
        x[rs1 or DISCARD] = x[rs1] + imm & M64
        return following

    return run


def _store_advancing(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, v, vs2, rs1, imm, following = thread.x, thread.v, fields.rs2, fields.rs1, fields.imm, pc + 4
    save = thread.node.save

    def run() -> int:
        save(x[rs1], v[vs2])
        x[rs1 or DISCARD] = x[rs1] + imm & M64
        return following

    return run


def bytes_of(predicate: int, size: int) -> list[int]:
    """The bytes of a register that a predicate has."""
    return [byte for byte in range(size) if predicate >> byte & 1]


def _masked_load(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, v, p, vd, rs1, mask, following = thread.x, thread.v, thread.p, fields.rd, fields.rs1, fields.mask, pc + 4
    node, size = thread.node, thread.node.config.vector_bytes

    def run() -> int:
        wanted = bytes_of(p[mask], size)
        line, register = node.load_masked(thread, x[rs1], size, wanted), bytearray(size)
        for byte in wanted:
            register[byte] = line[byte]
        v[vd] = bytes(register)
        return following

    return run


def _masked_store(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    x, v, p, vs2, rs1, mask, following = thread.x, thread.v, thread.p, fields.rs2, fields.rs1, fields.mask, pc + 4
    node, size = thread.node, thread.node.config.vector_bytes

    def run() -> int:
        offset = node.locate(x[rs1], size, store=True)
        for _, run in groupby(enumerate(bytes_of(p[mask], size)), lambda item: item[1] - item[0]):
            bytes_written = [byte for _, byte in run]
            first, last = bytes_written[0], bytes_written[-1]
            node.store(offset + first, v[vs2][first:last + 1])
        return following

    return run


def _gather(thread: Thread, row: Instruction, fields: Operands, pc: int) -> Operation:
    """Gathers, scatters and their strided forms."""
    x, v, node, following = thread.x, thread.v, thread.node, pc + 4
    stores, strided = bool(row.function & 8), row.function & 7 == Gather.STRIDED

    def offsets() -> list[int]:
        if strided:
            return [lane * x[fields.rs2] for lane in range(node.config.lanes)]
        return np.frombuffer(v[fields.rs2], np.uint32).tolist()

    def run() -> int:
        register = bytearray(node.config.vector_bytes)
        for lane, offset in enumerate(offsets()):
            if not thread.p[fields.mask] >> 4 * lane & 1:
                continue
            address, place = x[fields.rs1] + offset & M64, slice(4 * lane, 4 * lane + 4)
            offset = node.locate(address, 4, store=stores)
            if stores:
                node.store(offset, v[fields.rd][place])
            elif node.is_wrong(offset, 4):
                raise Trap(Cause.HARDWARE_ERROR, address)
            else:
                register[place] = node.sram[offset:offset + 4]
        if not stores:
            v[fields.rd] = bytes(register)
        return following

    return run


def _padded_load(thread: Thread, _: Instruction, fields: Operands, pc: int) -> Operation:
    """The array is in a CSR."""
    x, v, node, following = thread.x, thread.v, thread.node, pc + 4
    size = node.config.vector_bytes

    def signed(value: int) -> int:
        return (value & M32 ^ 1 << 31) - (1 << 31)

    def run() -> int:
        tile, column, row = thread.csrs[CsrNumber.VTILE], signed(x[fields.rs2]), signed(x[fields.rs2] >> 32)
        rows, row_bytes, pitch = tile & 0xFFFF, tile >> 16 & 0xFFFF, tile >> 32
        start = x[fields.rs1] + row * pitch + column
        register = bytearray(size)
        wanted = [byte for byte in bytes_of(thread.p[fields.mask], size)
                  if 0 <= row < rows and 0 <= column + byte < row_bytes]
        lines = {}
        for byte in wanted:
            address = start + byte & M64
            lines.setdefault(address // size * size, []).append((byte, address))
        for line, places in lines.items():
            node.locate(line, size)
            for byte, address in places:
                offset = address - SRAM_BASE
                if node.is_wrong(offset, 1):
                    raise Trap(Cause.HARDWARE_ERROR, line)
                register[byte] = node.sram[offset]
        v[fields.rd] = bytes(register)
        return following

    return run


VECTOR_MEMORY: dict[str, Maker] = {
    **{row.name: _padded_load if row.function is Gather.PADDED else _gather
       for row in INSTRUCTIONS if row.unit is Unit.GATHER},
    "vld": _load,
    "vld.pi": _load_advancing,
    "vld.m": _masked_load,
    "vst": partial(_store, False),
    "vst.pi": _store_advancing,
    "vst.m": _masked_store,
    "put.d": _put_double,
    "vput": partial(_store, True),
}
