"""The golden model of a node and a mesh, against the RISC-V specifications and docs/architecture.md."""

import os
import struct
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from random import Random

import numpy as np
import pytest

from hdl.config import D1, SIM, SRAM_BASE, ULX3S, global_address
from hdl.isa import BY_NAME, CSRS, INSTRUCTIONS, MISA, Cause, CsrNumber, decode
from hdl.memory_map import (
    CHAIN_LIMIT,
    CONTROL_BASE,
    Descriptor,
    ErrorCode,
    NodeRegister,
    State,
    ThreadRegister,
    node_register,
    thread_register,
)
from sim import numerics, trace
from sim.assembler import assemble as asm
from sim.errors import AccessError, Deadlock, OutOfSteps, TraceError
from sim.machine import MAKERS, SEMAPHORE_LIMIT
from sim.mesh import Mesh
from sim.random_program import generate
from sim.thread_state import ThreadState
from sim.verilator import ROOT
from tests.riscv import ONE_NODE, WINDOW, Single, li, pack

M64 = (1 << 64) - 1
MIN64, MAX64, MIN32, MAX32 = 1 << 63, (1 << 63) - 1, M64 << 31 & M64, (1 << 31) - 1
CORNERS = (0, 1, 2, 3, M64, M64 - 1, MIN64, MIN64 + 1, MAX64, MIN32, MAX32, 0xFFFFFFFF, 0x80000000, 0x100000000,
           0x5555555555555555, 31, 32, 63, 64)
LINE = ONE_NODE.vector_bytes


def s64(value: int) -> int:
    return int(np.uint64(value).astype(np.int64))


def s32(value: int) -> int:
    return int(np.uint32(value & 0xFFFFFFFF).astype(np.int32))


@pytest.fixture
def single() -> Single:
    return Single()


def test_every_row_has_an_implementation():
    assert MAKERS.keys() == BY_NAME.keys()


# Scalar arithmetic

@pytest.mark.parametrize("name, a, b, expected", [
    ("add", M64, 1, 0), ("sub", 0, 1, M64), ("addw", MAX32, 1, MIN32), ("subw", 0, 0x80000000, MIN32),
    ("sll", 1, 64 + 63, MIN64), ("srl", MIN64, 63, 1), ("sra", MIN64, 63, M64), ("sra", MAX64, 62, 1),
    ("sllw", 1, 32 + 31, MIN32), ("sllw", 1 << 31, 1, 0), ("srlw", M64, 1, MAX32), ("srlw", M64, 32, M64),
    ("sraw", 0x80000000, 31, M64), ("sraw", 0x7FFFFFFF00000000, 4, 0),
    ("slt", M64, 0, 1), ("sltu", M64, 0, 0), ("slt", MIN64, MAX64, 1), ("sltu", MIN64, MAX64, 0),
    ("mul", M64, M64, 1), ("mulh", M64, M64, 0), ("mulhu", M64, M64, M64 - 1), ("mulhsu", M64, M64, M64),
    ("mulh", MIN64, MIN64, 1 << 62), ("mulhsu", MIN64, MIN64, 0xC000000000000000), ("mulw", MAX32, 2, M64 - 1),
    ("div", 7, M64 - 1, M64 - 2), ("div", M64 - 6, 2, M64 - 2), ("div", 5, 0, M64), ("div", MIN64, M64, MIN64),
    ("divu", 5, 0, M64), ("divu", M64, 2, MAX64), ("rem", M64 - 6, 2, M64), ("rem", 7, M64 - 1, 1), ("rem", 5, 0, 5),
    ("rem", MIN64, M64, 0), ("remu", 5, 0, 5), ("remu", M64, 10, 5),
    ("divw", MIN32, M64, MIN32), ("divw", 5, 0x100000000, M64), ("divw", 0x1_0000_0007, 2, 3),
    ("divuw", M64, 1, M64), ("divuw", 0x80000000, 1, MIN32), ("divuw", 5, 0, M64), ("remw", MIN32, M64, 0),
    ("remw", 0x80000001, 0, M64 << 31 & M64 | 1), ("remuw", 0xFFFFFFFF, 0, M64), ("remuw", M64, 0x10, 15),
])
def test_arithmetic_of_the_specification(single, name, a, b, expected):
    single.set(x1=a, x2=b)
    single.run(asm(name, rd=3, rs1=1, rs2=2))
    assert single.thread.x[3] == expected


def truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


REFERENCE = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "xor": lambda a, b: a ^ b, "or": lambda a, b: a | b,
    "and": lambda a, b: a & b, "slt": lambda a, b: s64(a) < s64(b), "sltu": lambda a, b: a < b,
    "sll": lambda a, b: a * 2 ** (b % 64), "srl": lambda a, b: a // 2 ** (b % 64),
    "sra": lambda a, b: s64(a) // 2 ** (b % 64),
    "addw": lambda a, b: s32(a + b), "subw": lambda a, b: s32(a - b), "sllw": lambda a, b: s32(a * 2 ** (b % 32)),
    "srlw": lambda a, b: s32(a % 2**32 // 2 ** (b % 32)), "sraw": lambda a, b: s32(a) // 2 ** (b % 32),
    "mul": lambda a, b: a * b, "mulw": lambda a, b: s32(a * b), "mulh": lambda a, b: s64(a) * s64(b) // 2**64,
    "mulhsu": lambda a, b: s64(a) * b // 2**64, "mulhu": lambda a, b: a * b // 2**64,
    "div": lambda a, b: truncated(s64(a), s64(b)) if b else -1, "divu": lambda a, b: a // b if b else -1,
    "rem": lambda a, b: s64(a) - s64(b) * truncated(s64(a), s64(b)) if b else a,
    "remu": lambda a, b: a % b if b else a,
    "divw": lambda a, b: s32(truncated(s32(a), s32(b))) if s32(b) else -1,
    "divuw": lambda a, b: s32(a % 2**32 // (b % 2**32)) if s32(b) else -1,
    "remw": lambda a, b: s32(a) - s32(b) * truncated(s32(a), s32(b)) if s32(b) else s32(a),
    "remuw": lambda a, b: s32(a % 2**32 % (b % 2**32)) if s32(b) else s32(a),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_arithmetic_of_all_corners_and_of_random_operands(single, name):
    random = Random(name)
    pairs = [(a, b) for a in CORNERS for b in CORNERS]
    pairs += [(random.getrandbits(64), random.getrandbits(random.choice((5, 32, 64)))) for _ in range(200)]
    operation, _ = decoded(single, asm(name, rd=3, rs1=1, rs2=2))
    for a, b in pairs:
        single.set(x1=a, x2=b)
        operation()
        assert single.thread.x[3] == int(REFERENCE[name](a, b)) & M64, (hex(a), hex(b))


def decoded(single: Single, word: int):
    """The decoded instruction at the start of the SRAM."""
    single.mesh.write(0, 1, SRAM_BASE, pack([word]))
    single.thread.pc = SRAM_BASE
    return single.node.fetch(single.thread)


@pytest.mark.parametrize("name", ["addi", "slti", "sltiu", "xori", "ori", "andi", "addiw", "slli", "srli", "srai",
                                  "slliw", "srliw", "sraiw"])
def test_immediates_are_the_register_forms(single, name):
    base = "sltu" if name == "sltiu" else name.replace("i", "")
    shifts = {"slli": 64, "srli": 64, "srai": 64, "slliw": 32, "srliw": 32, "sraiw": 32}
    values = range(shifts[name]) if name in shifts else (-2048, -1, 0, 1, 2047)
    for a in CORNERS:
        for imm in values:
            operation, _ = decoded(single, asm(name, rd=3, rs1=1, imm=imm))
            single.set(x1=a)
            operation()
            assert single.thread.x[3] == int(REFERENCE[base](a, imm & M64)) & M64


def test_upper_immediates(single):
    single.run(asm("lui", rd=1, imm=-1 << 31), asm("auipc", rd=2, imm=-1 << 31), asm("lui", rd=3, imm=0x7FFFF000))
    assert single.thread.x[1:4] == [MIN32, SRAM_BASE + 4 - (1 << 31), 0x7FFFF000]


def test_x0_stays_zero(single):
    single.set(x1=5)
    single.run(asm("addi", rd=0, rs1=1, imm=1), asm("add", rd=2, rs1=0, rs2=0), *li(4, WINDOW),
               asm("ld", rd=0, rs1=4, imm=0), asm("jal", rd=0, imm=4),
               asm("csrrs", rd=0, csr=CsrNumber.MISA, rs1=0), asm("lui", rd=0, imm=4096))
    assert (single.thread.x[0], single.thread.x[2]) == (0, 0)


def test_constants_of_the_helper(single):
    for value in CORNERS:
        single.run(*li(7, value))
        assert single.thread.x[7] == value


# Memory

@pytest.mark.parametrize("name, size, signed", [
    ("lb", 1, True), ("lh", 2, True), ("lw", 4, True), ("ld", 8, True), ("lbu", 1, False), ("lhu", 2, False),
    ("lwu", 4, False)])
def test_loads_of_all_alignments(single, name, size, signed):
    data = Random(name).randbytes(LINE)
    single.mesh.write(0, 1, WINDOW, data)
    for offset in range(LINE - size + 1):
        single.set(x1=WINDOW + 100)
        single.run(asm(name, rd=2, rs1=1, imm=offset - 100))
        assert single.thread.x[2] == int.from_bytes(data[offset:offset + size], "little", signed=signed) & M64


@pytest.mark.parametrize("name, size", [("sb", 1), ("sh", 2), ("sw", 4), ("sd", 8)])
def test_stores_of_all_alignments(single, name, size):
    for offset in range(LINE - size + 1):
        expected = bytearray(Random(offset).randbytes(LINE))
        single.mesh.write(0, 1, WINDOW, bytes(expected))
        single.set(x1=WINDOW, x2=0x8877665544332211)
        single.run(asm(name, rs2=2, rs1=1, imm=offset))
        expected[offset:offset + size] = 0x8877665544332211.to_bytes(8, "little")[:size]
        assert single.mesh.read(0, 1, WINDOW, LINE) == expected


@pytest.mark.parametrize("name", ["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "vld", "sb", "sh", "sw", "sd", "vst"])
@pytest.mark.parametrize("config", [ONE_NODE, ULX3S.with_mesh(columns=1, rows=1)], ids=["SIM", "ULX3S"])
def test_faults_of_accesses(name, config):
    row = BY_NAME[name]
    store, vector = name in ("sb", "sh", "sw", "sd", "vst"), name in ("vld", "vst")
    size = config.vector_bytes if vector else 1 << (row.function & 3)
    access, misaligned = (Cause.STORE_ACCESS, Cause.STORE_MISALIGNED) if store else \
        (Cause.LOAD_ACCESS, Cause.LOAD_MISALIGNED)
    cases = {SRAM_BASE - 1: access, 0: access, config.sram_end: access, config.sram_end - size + 1: access,
             M64: access, CONTROL_BASE: access, WINDOW - size: None, config.sram_end - size: None}
    if size > 1:
        cases |= {WINDOW + config.vector_bytes - size + 1: misaligned, WINDOW + config.vector_bytes - 1: misaligned}
    for address, cause in cases.items():
        single = Single(config)
        single.set(x1=address, x2=7, x3=7)
        operand = {"vld": {"vd": 3}, "vst": {"vs2": 3}}.get(name, {"rs2": 3} if store else {"rd": 3})
        before = bytes(single.node.sram)
        state = single.run(asm(name, rs1=1, imm=0, **operand))
        if cause is None:
            assert state.cause == Cause.BREAKPOINT
        else:
            assert (state.cause, state.tval, state.epc, state.instret) == (cause, address, SRAM_BASE, 0)
            assert single.thread.x[3] == 7
            assert single.node.sram[8:] == before[8:]


def test_vector_accesses_must_be_aligned(single):
    for offset in range(1, LINE):
        single.set(x1=WINDOW)
        assert single.run(asm("vld", vd=1, rs1=1, imm=offset)).cause == Cause.LOAD_MISALIGNED


def test_code_written_before_a_fence_i_is_executed(single):
    """A loop whose body is an instruction that the first round replaces."""
    new = asm("addi", rd=5, rs1=5, imm=100)
    single.run(
        *li(1, new), asm("addi", rd=2, rs1=0, imm=2),
        asm("auipc", rd=3, imm=0),
        asm("addi", rd=5, rs1=5, imm=1),
        asm("sw", rs2=1, rs1=3, imm=4), asm("fence.i"),
        asm("addi", rd=2, rs1=2, imm=-1), asm("bne", rs1=2, rs2=0, imm=-16))
    assert single.thread.x[5] == 101


# Control flow

@pytest.mark.parametrize("name, taken", [
    ("beq", [(3, 3)]), ("bne", [(3, 4)]), ("blt", [(M64, 0), (MIN64, MAX64)]), ("bge", [(0, M64), (3, 3)]),
    ("bltu", [(0, M64)]), ("bgeu", [(M64, 0), (3, 3)])])
def test_branches(single, name, taken):
    opposite = {"beq": "bne", "bne": "beq", "blt": "bge", "bge": "blt", "bltu": "bgeu", "bgeu": "bltu"}[name]
    for a, b in taken:
        for branch, result in ((name, 1), (opposite, 3)):
            single.set(x1=a, x2=b, x3=1)
            single.run(asm(branch, rs1=1, rs2=2, imm=8), asm("addi", rd=3, rs1=0, imm=3))
            assert single.thread.x[3] == result


def test_jumps_link_and_jalr_clears_the_lowest_bit(single):
    single.set(x1=SRAM_BASE + 17)
    single.run(asm("jal", rd=2, imm=8), asm("ecall"), asm("jalr", rd=1, rs1=1, imm=0), asm("ecall"))
    assert single.thread.x[1:3] == [SRAM_BASE + 12, SRAM_BASE + 4]


@pytest.mark.parametrize("word, target", [
    (asm("jal", rd=2, imm=6), SRAM_BASE + 6), (asm("beq", rs1=0, rs2=0, imm=-2), SRAM_BASE - 2),
    (asm("jalr", rd=2, rs1=1, imm=2), SRAM_BASE + 2), (asm("jalr", rd=2, rs1=1, imm=3), SRAM_BASE + 2)])
def test_jumps_to_misaligned_addresses_trap_at_the_jump(single, word, target):
    single.set(x1=SRAM_BASE, x2=7)
    state = single.run(word)
    assert (state.cause, state.epc, state.tval, single.thread.x[2]) == (0, SRAM_BASE, target, 7)


def test_branch_that_is_not_taken_does_not_trap(single):
    assert single.run(asm("bne", rs1=0, rs2=0, imm=6)).cause == Cause.BREAKPOINT


@pytest.mark.parametrize("target", [SRAM_BASE - 4, ONE_NODE.sram_end, 0, M64 - 3])
def test_fetch_outside_traps_at_the_target(single, target):
    single.set(x1=target)
    state = single.run(asm("jalr", rd=2, rs1=1, imm=0))
    assert (state.cause, state.epc, state.tval, state.instret) == (1, target, target, 1)
    assert single.thread.x[2] == SRAM_BASE + 4


# Traps and CSRs

def test_handler_and_return(single):
    """mstatus.MIE goes to MPIE and back; the handler sees cause, pc and value."""
    handler = SRAM_BASE + 0x100
    single.mesh.write(0, 1, handler, pack([
        asm("csrrs", rd=10, csr=CsrNumber.MCAUSE, rs1=0), asm("csrrs", rd=11, csr=CsrNumber.MEPC, rs1=0),
        asm("csrrs", rd=12, csr=CsrNumber.MTVAL, rs1=0), asm("csrrs", rd=13, csr=CsrNumber.MSTATUS, rs1=0),
        asm("addi", rd=14, rs1=11, imm=4), asm("csrrw", rd=0, csr=CsrNumber.MEPC, rs1=14), asm("mret")]))
    single.set(x1=handler + 3)
    single.run(
        asm("csrrw", rd=0, csr=CsrNumber.MTVEC, rs1=1), asm("csrrsi", rd=0, csr=CsrNumber.MSTATUS, imm=8),
        0xFFFFFFFF,
        asm("csrrs", rd=15, csr=CsrNumber.MSTATUS, rs1=0), asm("csrrs", rd=16, csr=CsrNumber.MINSTRET, rs1=0),
        asm("csrrw", rd=17, csr=CsrNumber.MTVEC, rs1=0))
    assert single.thread.x[10:14] == [Cause.ILLEGAL, SRAM_BASE + 8, 0xFFFFFFFF, 0x1880]
    assert single.thread.x[15:18] == [0x1888, 10, handler]


@pytest.mark.parametrize("word, cause, value", [
    (asm("ecall"), Cause.ECALL, 0), (asm("ebreak"), Cause.BREAKPOINT, 0), (0, Cause.ILLEGAL, 0),
    (0x00000013 | 1 << 31 & 0 | 0x7F, Cause.ILLEGAL, 0x7F),
    (asm("mzero", ad=4), Cause.ILLEGAL, asm("mzero", ad=4)),
    (asm("mmul.bf16", ad=31, vs1=0, vs2=0), Cause.ILLEGAL, asm("mmul.bf16", ad=31, vs1=0, vs2=0)),
    (asm("mread", vd=0, as1=4, part=0), Cause.ILLEGAL, asm("mread", vd=0, as1=4, part=0)),
    (asm("mread", vd=0, as1=0, part=4), Cause.ILLEGAL, asm("mread", vd=0, as1=0, part=4)),
    (asm("csrrs", rd=1, csr=0x7C0, rs1=0), Cause.ILLEGAL, asm("csrrs", rd=1, csr=0x7C0, rs1=0)),
])
def test_traps_stop_a_thread_without_a_handler(single, word, cause, value):
    state = single.run(asm("addi", rd=1, rs1=0, imm=1), word)
    assert (state.state, state.cause, state.epc, state.tval, state.instret) == \
        (State.TRAPPED, cause, SRAM_BASE + 4, value, 1)
    assert single.mesh.state(0, 1, 1).state is State.HALTED


@pytest.mark.parametrize("number", list(CsrNumber))
def test_writable_bits_of_csrs(single, number):
    """All ones, then all zeros: only the table's bits move."""
    writable, _ = CSRS[number]
    if number in (CsrNumber.MTVEC, CsrNumber.MCYCLE, CsrNumber.MINSTRET, CsrNumber.VFORMAT, CsrNumber.MFORMAT):
        return
    single.set(x1=M64)
    state = single.run(asm("csrrs", rd=2, csr=number, rs1=0), asm("csrrw", rd=0, csr=number, rs1=1),
                       asm("csrrw", rd=3, csr=number, rs1=0), asm("csrrs", rd=4, csr=number, rs1=0))
    if number >> 10 == 3:
        assert (state.cause, state.epc) == (Cause.ILLEGAL, SRAM_BASE + 4)
    else:
        before, ones, zeros = single.thread.x[2:5]
        assert ones == before | writable
        assert zeros == before & ~writable & M64


@pytest.mark.parametrize("number, value, kept", [
    (CsrNumber.VFORMAT, 0, 0),
    (CsrNumber.VFORMAT, M64 << 23 | 0x3FFFAA, 0x3FFFAA),
    (CsrNumber.VFORMAT, 0x06, None), (CsrNumber.VFORMAT, 0x70, None), (CsrNumber.VFORMAT, 0x0B, None),
    (CsrNumber.VFORMAT, 2 << 21, None), (CsrNumber.VFORMAT, 3 << 21, None),
    (CsrNumber.MFORMAT, M64 & ~0xF000F | 0x10002, 0x07F1_07F2),
    (CsrNumber.MFORMAT, 3, None), (CsrNumber.MFORMAT, 5 << 16, None), (CsrNumber.MFORMAT, 15, None),
])
def test_formats_that_are_not_defined_trap(single, number, value, kept):
    single.set(x1=value & M64)
    state = single.run(asm("csrrw", rd=0, csr=number, rs1=1), asm("csrrs", rd=2, csr=number, rs1=0))
    if kept is None:
        word = asm("csrrw", rd=0, csr=number, rs1=1)
        assert (state.cause, state.epc, state.tval) == (Cause.ILLEGAL, SRAM_BASE, word)
    else:
        assert single.thread.x[2] == kept


def test_csr_operations(single):
    single.set(x1=0b1100, x2=0b1010)
    single.run(
        asm("csrrw", rd=0, csr=CsrNumber.MSCRATCH, rs1=1), asm("csrrs", rd=3, csr=CsrNumber.MSCRATCH, rs1=2),
        asm("csrrc", rd=4, csr=CsrNumber.MSCRATCH, rs1=1), asm("csrrsi", rd=5, csr=CsrNumber.MSCRATCH, imm=16),
        asm("csrrci", rd=6, csr=CsrNumber.MSCRATCH, imm=2), asm("csrrwi", rd=7, csr=CsrNumber.MSCRATCH, imm=31),
        asm("csrrw", rd=1, csr=CsrNumber.MSCRATCH, rs1=1))
    assert single.thread.x[3:8] == [0b1100, 0b1110, 0b0010, 0b10010, 0b10000]
    assert (single.thread.x[1], single.thread.csrs[CsrNumber.MSCRATCH]) == (31, 0b1100)


def test_read_only_csrs_may_be_read_by_set_and_clear(single):
    words = [asm("csrrs", rd=1, csr=CsrNumber.MISA, rs1=0), asm("csrrci", rd=2, csr=CsrNumber.MNODE, imm=0),
             asm("csrrs", rd=3, csr=CsrNumber.MMESH, rs1=0)]
    assert single.run(*words).cause == Cause.BREAKPOINT
    assert single.thread.x[1:4] == [MISA, 0x100, 0x101]
    assert single.run(asm("csrrc", rd=1, csr=CsrNumber.MNODE, rs1=5)).cause == Cause.ILLEGAL


def test_hart_numbers():
    mesh = Mesh(SIM.with_mesh(columns=3, rows=2))
    numbers = [thread.csrs[CsrNumber.MHARTID] for node in mesh.nodes.values() for thread in node.threads]
    assert numbers == list(range(3 * 2 * SIM.threads))
    assert mesh.nodes[2, 1].threads[0].csrs[CsrNumber.MNODE] == 0x102


def test_instret_counts_what_retired_before(single):
    single.run(asm("fence"), asm("wfi"), asm("csrrs", rd=1, csr=CsrNumber.INSTRET, rs1=0),
               asm("csrrs", rd=2, csr=CsrNumber.MINSTRET, rs1=0))
    assert single.thread.x[1:3] == [2, 3]


def test_minstret_counts_from_what_is_written(single):
    """The next instruction reads what was written; the host's count goes on."""
    single.set(x1=M64, x2=M64 - 1)
    state = single.run(
        asm("csrrwi", rd=3, csr=CsrNumber.MINSTRET, imm=0), asm("csrrs", rd=4, csr=CsrNumber.MINSTRET, rs1=0),
        asm("csrrw", rd=5, csr=CsrNumber.MINSTRET, rs1=1), asm("csrrs", rd=6, csr=CsrNumber.INSTRET, rs1=0),
        asm("csrrc", rd=7, csr=CsrNumber.MINSTRET, rs1=2), asm("csrrsi", rd=8, csr=CsrNumber.MINSTRET, imm=16),
        asm("csrrs", rd=9, csr=CsrNumber.MINSTRET, rs1=0))
    assert single.thread.x[3:10] == [0, 0, 1, M64, 0, 0, 16]
    assert state.instret == 7


# Vectors and matrices

@pytest.mark.parametrize("config", [ONE_NODE, ULX3S.with_mesh(columns=1, rows=1)], ids=["SIM", "ULX3S"])
def test_vector_arithmetic_and_matrix(config):
    rng = np.random.default_rng(3)
    single, (m, n, k) = Single(config), config.matrix
    lanes = [rng.normal(size=config.lanes).astype(np.float32) for _ in range(2)]
    for register, values in enumerate(lanes):
        single.thread.v[register] = values.tobytes()
    single.set(x1=0x11112222_3F800000, x2=0xC0000000)
    single.run(
        asm("vadd.s", vd=2, vs1=0, vs2=1), asm("vmul.s", vd=3, vs1=0, vs2=1), asm("vmax.s", vd=4, vs1=0, vs2=1),
        asm("vcvt.bf16.s", vd=5, vs1=0, vs2=1), asm("vcvt.bf16.s", vd=6, vs1=1, vs2=0),
        asm("vbcast.w", vd=7, rs1=1, rs2=2), asm("mzero", ad=1), *[asm("mmul.bf16", ad=1, vs1=5, vs2=6)] * 3,
        *(asm("mread", vd=8 + part, as1=1, part=part) for part in range(config.parts)),
        asm("mmul.bf16", ad=1, vs1=5, vs2=5))
    v = [np.frombuffer(register, np.float32) for register in single.thread.v]
    np.testing.assert_array_equal(v[2], lanes[0] + lanes[1])
    np.testing.assert_array_equal(v[3], lanes[0] * lanes[1])
    np.testing.assert_array_equal(v[4], np.maximum(lanes[0], lanes[1]))
    converted = numerics.bf16_from_values(np.concatenate(lanes))
    assert single.thread.v[5] == converted.tobytes()
    np.testing.assert_array_equal(v[7], [1] * (config.lanes // 2) + [-2] * (config.lanes // 2))
    a, b = (np.frombuffer(single.thread.v[register], np.uint16) for register in (5, 6))
    a, b = a[:m * k].reshape(m, k), b[:k * n].reshape(k, n)
    expected = numerics.matmul(np.hstack([a] * 3), np.vstack([b] * 3), config)
    found = np.concatenate([v[8 + part].view(np.uint32) for part in range(config.parts)])[:m * n].reshape(m, n)
    np.testing.assert_array_equal(found, expected)
    assert (single.node.vector_ops, single.node.matrix_steps) == (6, 4)


# Semaphores

def words_for_wait(semaphore: int, amount: int) -> list[int]:
    return [*li(1, semaphore), *li(2, amount), asm("sem.wait", rs1=1, rs2=2)]


def test_semaphore_counts(single):
    single.set(x1=3, x2=2)
    single.run(*[asm("sem.post", rs1=1)] * 5, asm("sem.wait", rs1=1, rs2=2), asm("sem.wait", rs1=1, rs2=0))
    assert single.node.semaphores[3] == 3


def test_semaphore_is_tried(single):
    single.node.semaphores[3] = 5
    single.set(x1=3, x2=0x30004, x3=2)
    single.run(*[asm("sem.try", rd=rd, rs1=1, rs2=rs2) for rd, rs2 in ((4, 2), (5, 3), (0, 4), (6, 0))])
    assert [single.thread.x[number] for number in (4, 5, 6, 0)] == [1, 0, 1, 0]
    assert single.node.semaphores[3] == 0


def test_waiting_thread_is_woken_by_another_and_only_by_its_whole_amount():
    single = Single()
    wait, post = SRAM_BASE, SRAM_BASE + 0x1000
    single.mesh.write(0, 1, wait, pack([*words_for_wait(5, 3), asm("addi", rd=3, rs1=0, imm=1), asm("ebreak")]))
    single.mesh.write(0, 1, post, pack([*li(1, 5), *[asm("sem.post", rs1=1)] * 2, asm("ebreak")]))
    single.mesh.start(0, 1, 1, wait)
    with pytest.raises(Deadlock, match=r"node 0,1 thread 1 waiting at 0x80000068 for 3 of semaphore 5, which is at 0"):
        single.mesh.run(max_steps=100)
    waiting = single.mesh.state(0, 1, 1)
    single.mesh.start(0, 1, 0, post)
    with pytest.raises(Deadlock, match="semaphore 5, which is at 2"):
        single.mesh.run(max_steps=100)
    assert single.mesh.state(0, 1, 1) == waiting
    single.mesh.post(0, 1, 5)
    assert single.mesh.state(0, 1, 1).instret == waiting.instret + 1
    single.mesh.run(max_steps=100)
    assert (single.mesh.state(0, 1, 1).state, single.node.threads[1].x[3]) == (State.TRAPPED, 1)
    assert single.node.semaphores[5] == 0


def test_waiting_threads_are_served_in_turn():
    single = Single()
    single.mesh.write(0, 1, SRAM_BASE, pack([*words_for_wait(0, 1), asm("jal", rd=0, imm=-4)]))
    for thread in range(4):
        single.mesh.start(0, 1, thread, SRAM_BASE)
    with pytest.raises(Deadlock):
        single.mesh.run(max_steps=100)
    served = []
    for _ in range(8):
        before = [thread.instret for thread in single.node.threads]
        single.mesh.post(0, 1, 0)
        served += [index for index, thread in enumerate(single.node.threads) if thread.instret > before[index]]
        with pytest.raises(Deadlock):
            single.mesh.run(max_steps=100)
    assert served == [0, 1, 2, 3, 0, 1, 2, 3]


def test_full_semaphore_refuses(single):
    single.node.semaphores[2] = SEMAPHORE_LIMIT
    single.set(x1=2)
    assert single.run(asm("sem.post", rs1=1)).cause == Cause.BREAKPOINT
    assert (single.node.semaphores[2], single.node.errors) == (SEMAPHORE_LIMIT, 1)
    assert single.node.first_error == ErrorCode.OVERFLOW


@pytest.mark.parametrize("name, value, cause", [
    ("sem.post", 32, 24), ("sem.post", 0xFFFFFFFF, 24), ("sem.wait", 32, 24), ("sem.try", 32, 24),
    ("sem.post", global_address(x=1, y=1, address=0), 7), ("sem.post", global_address(x=0, y=0, address=0), 7),
    ("sem.post", global_address(x=0, y=1, address=32), 24)])
def test_semaphore_faults(single, name, value, cause):
    single.set(x1=value)
    operands = {"sem.post": {}, "sem.wait": {"rs2": 0}, "sem.try": {"rd": 5, "rs2": 0}}[name]
    state = single.run(asm(name, rs1=1, **operands))
    assert (state.cause, state.tval) == (cause, value)


def test_remote_post():
    mesh = Mesh(SIM)
    target = global_address(x=1, y=2, address=4)
    mesh.write(0, 1, SRAM_BASE, pack([*li(1, target), asm("sem.post", rs1=1), asm("ebreak")]))
    mesh.write(1, 2, SRAM_BASE, pack([*words_for_wait(4, 1), asm("ebreak")]))
    for node in ((0, 1), (1, 2)):
        mesh.start(*node, 0, SRAM_BASE)
    mesh.run(max_steps=100)
    assert mesh.state(1, 2, 0).state is State.TRAPPED


# Lists

@pytest.fixture
def mesh() -> Mesh:
    """Two by two nodes with a pattern in the window of node (0, 1)."""
    mesh = Mesh(SIM)
    mesh.write(0, 1, WINDOW, Random(4).randbytes(64 * LINE))
    return mesh


def push(mesh: Mesh, descriptor: Descriptor, offset: int = 0) -> None:
    """Let thread 0 of node (0, 1) push a descriptor."""
    address = SRAM_BASE + 0x2000
    mesh.write(0, 1, address, descriptor.to_bytes(mesh.config))
    mesh.write(0, 1, SRAM_BASE, pack([*li(1, address + offset), asm("list.push", rs1=1), asm("ebreak")]))
    mesh.start(0, 1, 0, SRAM_BASE)
    mesh.run(max_steps=100)


DESTINATION = SRAM_BASE + 0x10000


def there(x: int, y: int, address: int = DESTINATION) -> int:
    return global_address(x=x, y=y, address=address)


def test_list_of_rows_to_another_node(mesh):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 2), lines=2, rows=3, source_stride=5 * LINE,
                          destination_stride=3 * LINE, signal=8, done=3))
    source, found = mesh.read(0, 1, WINDOW, 64 * LINE), mesh.read(1, 2, DESTINATION, 8 * LINE)
    for row in range(3):
        start = row * 5 * LINE
        assert found[row * 3 * LINE:(row * 3 + 2) * LINE] == source[start:start + 2 * LINE]
    assert found[2 * LINE:3 * LINE] == bytes(LINE)
    assert (mesh.nodes[1, 2].semaphores[7], mesh.nodes[0, 1].semaphores[2]) == (1, 1)
    assert sum(node.errors for node in mesh.nodes.values()) == 0


def test_list_backwards_and_within_the_node(mesh):
    """Strides are modulo 2^32; without the flag the destination is the node itself."""
    push(mesh, Descriptor(source=WINDOW + 3 * LINE, destination=DESTINATION, rows=4, source_stride=-LINE & 0xFFFFFFFF,
                          destination_stride=LINE))
    source, found = mesh.read(0, 1, WINDOW, 4 * LINE), mesh.read(0, 1, DESTINATION, 4 * LINE)
    assert found == b"".join(source[row * LINE:(row + 1) * LINE] for row in (3, 2, 1, 0))


@pytest.mark.parametrize("changes, code", [
    ({"reserved": b"\1"}, ErrorCode.DESCRIPTOR), ({"lines": 0}, ErrorCode.DESCRIPTOR),
    ({"rows": 0}, ErrorCode.DESCRIPTOR),
    ({"source": WINDOW + 8}, ErrorCode.DESCRIPTOR), ({"destination": there(1, 1) + 1}, ErrorCode.DESCRIPTOR),
    ({"source_stride": 4}, ErrorCode.DESCRIPTOR), ({"destination_stride": 32}, ErrorCode.DESCRIPTOR),
    ({"signal": 33}, ErrorCode.SEMAPHORE), ({"destination": there(2, 1)}, ErrorCode.DESTINATION),
    ({"destination": there(0, 0)}, ErrorCode.DESTINATION), ({"source": CONTROL_BASE}, ErrorCode.ADDRESS),
    ({"source": 1 << 32 | WINDOW}, ErrorCode.ADDRESS), ({"destination": there(1, 1, CONTROL_BASE)}, ErrorCode.ADDRESS),
    ({"destination": 1 << 49 | DESTINATION}, ErrorCode.ADDRESS),
    ({"destination": 1 << 40 | DESTINATION}, ErrorCode.ADDRESS),
])
def test_refused_lists(mesh, changes, code):
    """The error is counted, `done` is posted, `signal` is not."""
    fields = {"source": WINDOW, "destination": there(1, 1), "signal": 1, "done": 2}
    push(mesh, Descriptor(**fields | changes))
    node = mesh.nodes[0, 1]
    assert (node.errors, node.first_error & 0xF, node.semaphores[1]) == (1, code, 1)
    assert all(not other.semaphores[0] and not any(other.sram) for key, other in mesh.nodes.items() if key != (0, 1))


def pull(mesh: Mesh, *chain: Descriptor) -> None:
    """Let thread 0 of node (0, 1) pull a chain of descriptors."""
    first = SRAM_BASE + 0x2000
    for number, descriptor in enumerate(chain):
        following = first + (number + 1) * LINE if number + 1 < len(chain) else 0
        mesh.write(0, 1, first + number * LINE, replace(descriptor, next=following).to_bytes(mesh.config))
    mesh.write(0, 1, SRAM_BASE, pack([*li(1, first), asm("list.pull", rs1=1), asm("ebreak")]))
    mesh.start(0, 1, 0, SRAM_BASE)
    mesh.run(max_steps=100)


def test_pulls_of_a_chain(mesh):
    """Each posts `done` and `signal` here; the second begins after the first and can use what that has brought."""
    data = Random(5).randbytes(8 * LINE)
    mesh.write(1, 2, WINDOW, data)
    pull(mesh, Descriptor(source=there(1, 2, WINDOW), destination=DESTINATION, lines=2, rows=2, source_stride=4 * LINE,
                          destination_stride=2 * LINE, signal=8, done=3),
         Descriptor(source=DESTINATION, destination=DESTINATION + 8 * LINE, lines=4, done=3))
    expected = data[:2 * LINE] + data[4 * LINE:6 * LINE]
    assert mesh.read(0, 1, DESTINATION, 4 * LINE) == mesh.read(0, 1, DESTINATION + 8 * LINE, 4 * LINE) == expected
    node = mesh.nodes[0, 1]
    assert (node.semaphores[7], node.semaphores[2], node.errors) == (1, 2, 0)


def test_gather_takes_rows_by_their_numbers(mesh):
    numbers = (5, 0, 63, 5)
    mesh.write(0, 1, SRAM_BASE + 0x3000, struct.pack("<4I", *numbers))
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), rows=4, gather=SRAM_BASE + 0x3000,
                          destination_stride=LINE))
    source = mesh.read(0, 1, WINDOW, 64 * LINE)
    assert mesh.read(1, 1, DESTINATION, 4 * LINE) == b"".join(source[n * LINE:(n + 1) * LINE] for n in numbers)


def test_lists_use_nothing_that_cannot_be_read(mesh):
    """Of its lines it is not sent, of a gather what depends on it, of a descriptor nothing; no `signal` follows."""
    node, other = mesh.nodes[0, 1], mesh.nodes[1, 1]
    table, plain = SRAM_BASE + 0x3000, Descriptor(
        source=WINDOW, destination=there(1, 1), lines=1, rows=3, source_stride=LINE, destination_stride=LINE, signal=1,
        done=2)
    mesh.write(0, 1, table, struct.pack("<20I", *range(20)))
    source = mesh.read(0, 1, WINDOW, 64 * LINE)
    cases = (
        (WINDOW + LINE + 8, plain, (0, 2), 1, 1),
        (table + 8, replace(plain, gather=table), (), 1, 1),
        (table + LINE + 60, replace(plain, gather=table, rows=20), range(LINE // 4), 1, 1),
        (SRAM_BASE + 0x2000 + 40, plain, (), 0, 1),
        (WINDOW + LINE, replace(plain, rows=2, destination=there(0, 1), more_columns=1, more_rows=1), (0,), 1, 4),
    )
    for count, (wrong, descriptor, rows, done, errors) in enumerate(cases):
        mesh.write(1, 1, DESTINATION, bytes(64 * LINE))
        before = node.errors, node.semaphores[1]
        mesh.write(0, 1, SRAM_BASE + 0x2000, descriptor.to_bytes(mesh.config))
        node.inject(wrong, 3, 70)
        mesh.write(0, 1, SRAM_BASE, pack([*li(1, SRAM_BASE + 0x2000), asm("list.push", rs1=1), asm("ebreak")]))
        mesh.start(0, 1, 0, SRAM_BASE)
        mesh.run(max_steps=100)
        expected = bytearray(64 * LINE)
        for row in rows:
            expected[row * LINE:(row + 1) * LINE] = source[row * LINE:(row + 1) * LINE]
        assert mesh.read(1, 1, DESTINATION, 64 * LINE) == expected, count
        assert (node.errors - before[0], node.semaphores[1] - before[1]) == (errors, done), count
        assert other.semaphores[0] == 0
        node.uncorrectable.clear()
    assert node.first_error == (WINDOW + LINE & 0xFFFF_FFFF) << 32 | ErrorCode.MEMORY


def test_a_pull_of_a_line_that_cannot_be_read_fails(mesh):
    """Both nodes count it; `done` is posted and `signal` is not, nor is the chain gone on with."""
    mesh.nodes[1, 2].inject(WINDOW + LINE, 0, 1)
    plain = Descriptor(source=there(1, 2, WINDOW), destination=DESTINATION, lines=2, signal=8, done=3)
    pull(mesh, plain, plain)
    assert [mesh.nodes[key].errors for key in ((0, 1), (1, 2))] == [1, 1]
    assert (mesh.nodes[0, 1].semaphores[7], mesh.nodes[0, 1].semaphores[2]) == (0, 1)
    assert mesh.nodes[0, 1].first_error == (WINDOW + LINE & 0xFFFF_FFFF) << 32 | ErrorCode.MEMORY


@pytest.mark.parametrize("columns, rows, nodes", [
    (1, 0, {(0, 1), (1, 1)}), (0, 1, {(0, 1), (0, 2)}), (1, 1, {(0, 1), (1, 1), (0, 2), (1, 2)})])
def test_broadcast_reaches_a_rectangle(mesh, columns, rows, nodes):
    push(mesh, Descriptor(source=WINDOW, destination=there(0, 1), lines=2, more_columns=columns, more_rows=rows,
                          signal=1, done=2))
    for key, node in mesh.nodes.items():
        assert node.semaphores[0] == (key in nodes)
        assert (mesh.read(*key, DESTINATION, 2 * LINE) == mesh.read(0, 1, WINDOW, 2 * LINE)) == (key in nodes)
    assert mesh.nodes[0, 1].semaphores[1] == 1


def test_chain_that_loops_ends(mesh):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), signal=1, done=2, next=SRAM_BASE + 0x2000))
    node = mesh.nodes[0, 1]
    assert (node.semaphores[1], mesh.nodes[1, 1].semaphores[0]) == (CHAIN_LIMIT, CHAIN_LIMIT)
    assert ErrorCode.report(node.first_error) == "CHAIN at 0x80002000"


@pytest.mark.parametrize("following", [WINDOW + 8, SIM.sram_end, 64])
def test_chain_that_points_nowhere_ends(mesh, following):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), signal=1, next=following))
    assert mesh.nodes[1, 1].semaphores[0] == 1
    assert ErrorCode.report(mesh.nodes[0, 1].first_error) == f"ADDRESS at {following:#x}"


# Atomics and other nodes

def thread_of(mesh: Mesh, *words: int) -> ThreadState:
    """Thread 0 of node (0, 1) after some instructions and, if nothing trapped before, an `ebreak`."""
    mesh.write(0, 1, SRAM_BASE, pack([*words, asm("ebreak")]))
    mesh.start(0, 1, 0, SRAM_BASE)
    mesh.run(max_steps=200)
    return mesh.state(0, 1, 0)


@pytest.mark.parametrize("place", [WINDOW, there(0, 1, WINDOW), there(1, 2, WINDOW)])
def test_atomics_change_words_anywhere(mesh, place):
    def word(value: int, bits: int = 64) -> int:
        return value & (1 << bits) - 1

    x, y = (1, 2) if place == there(1, 2, WINDOW) else (0, 1)
    for name, old, operand, expected, new in (
            ("amoadd.d", -1, 3, 0, 2), ("amoswap.d", 5, 9, 0, 9), ("amoxor.d", 12, 10, 0, 6),
            ("amoor.d", 12, 10, 0, 14), ("amoand.d", 12, 10, 0, 8), ("amomin.d", -5, 4, 0, -5),
            ("amomax.d", -5, 4, 0, 4), ("amominu.d", -5, 4, 0, 4), ("amomaxu.d", -5, 4, 0, -5),
            ("amocas.d", 7, 1, 7, 1), ("amocas.d", 7, 1, 8, 7)):
        mesh.write(x, y, WINDOW, word(old).to_bytes(8, "little"))
        state = thread_of(mesh, *li(1, place), *li(2, word(operand)), *li(3, expected),
                          asm(name, rd=3, rs1=1, rs2=2))
        assert state.cause == Cause.BREAKPOINT
        assert mesh.nodes[0, 1].threads[0].x[3] == word(old)
        assert int.from_bytes(mesh.read(x, y, WINDOW, 8), "little") == word(new)
    mesh.write(x, y, WINDOW, (0xFFFF_FFFF_8000_0000_1234_5678).to_bytes(12, "little"))
    thread_of(mesh, *li(1, place + 4), *li(2, 1 << 32 | 1), asm("amomax.w", rd=3, rs1=1, rs2=2))
    assert mesh.nodes[0, 1].threads[0].x[3] == word(-1 << 31)
    assert mesh.read(x, y, WINDOW, 12) == (0xFFFF_FFFF_0000_0001_1234_5678).to_bytes(12, "little")


@pytest.mark.parametrize("name, address, cause", [
    ("ld", there(2, 1, WINDOW), Cause.LOAD_ACCESS), ("sd", there(0, 3, WINDOW), Cause.STORE_ACCESS),
    ("ld", there(1, 1, WINDOW) | 1 << 49, Cause.LOAD_ACCESS), ("ld", there(1, 1, 0x1000), Cause.LOAD_ACCESS),
    ("sd", there(1, 1, 0x1000), Cause.STORE_ACCESS), ("ld", there(1, 1, WINDOW + 60), Cause.LOAD_MISALIGNED),
    ("sd", there(2, 1, WINDOW + 60), Cause.STORE_ACCESS), ("sd", there(1, 1, WINDOW + 60), Cause.STORE_MISALIGNED),
    ("amoadd.d", WINDOW + 4, Cause.STORE_MISALIGNED), ("amoadd.w", there(1, 1, WINDOW + 2), Cause.STORE_MISALIGNED),
    ("amoadd.d", there(1, 1, CONTROL_BASE), Cause.STORE_ACCESS), ("amoadd.d", 0x1000, Cause.STORE_ACCESS),
    ("put.d", there(2, 1, WINDOW), Cause.STORE_ACCESS), ("put.d", there(1, 1, 0x1000), Cause.BREAKPOINT),
])
def test_bad_accesses_of_other_nodes_trap_precisely(mesh, name, address, cause):
    """What a node itself refuses is counted there."""
    words = li(1, address)
    values = {"rd": 3, "rs1": 1, "rs2": 2, "imm": 0}
    state = thread_of(mesh, *words, asm(name, **{key: values[key] for key in BY_NAME[name].operands}))
    assert state.cause == cause
    if cause is not Cause.BREAKPOINT:
        assert (state.epc, state.tval) == (SRAM_BASE + 4 * len(words), address)
    counted = mesh.nodes[1, 1].errors
    assert counted == (address in (there(1, 1, 0x1000), there(1, 1, CONTROL_BASE)))


def test_a_thread_starts_a_thread_of_another_node(mesh):
    """By its control registers; a vector goes there and comes back."""
    register = there(1, 2, thread_register(3, ThreadRegister.PC))
    mesh.write(1, 2, SRAM_BASE, pack([asm("ebreak")]))
    state = thread_of(mesh, *li(1, register), *li(2, SRAM_BASE), asm("sd", rs2=2, rs1=1, imm=0),
                      asm("addi", rd=3, rs1=0, imm=1), asm("sd", rs2=3, rs1=1, imm=8), asm("ld", rd=4, rs1=1, imm=0),
                      *li(5, WINDOW), asm("vld", vd=1, rs1=5, imm=0), *li(6, there(1, 2, WINDOW)),
                      asm("vst", vs2=1, rs1=6, imm=0), asm("vld", vd=2, rs1=6, imm=0))
    assert state.cause == mesh.state(1, 2, 3).cause == Cause.BREAKPOINT
    assert mesh.nodes[0, 1].threads[0].x[4] == SRAM_BASE
    assert mesh.nodes[0, 1].threads[0].v[2] == mesh.read(0, 1, WINDOW, LINE)


def test_list_is_refused_from_the_bad_line_on(mesh):
    end = SIM.sram_end
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1, end - 2 * LINE), lines=3, signal=1, done=1))
    assert mesh.read(1, 1, end - 2 * LINE, 2 * LINE) == mesh.read(0, 1, WINDOW, 2 * LINE)
    node = mesh.nodes[0, 1]
    assert (node.errors, node.first_error >> 32, node.semaphores[0]) == (1, end & 0xFFFFFFFF, 1)
    assert mesh.nodes[1, 1].semaphores[0] == 0


def test_semaphore_of_done_out_of_range(mesh):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), signal=1, done=33))
    assert mesh.nodes[0, 1].first_error & 0xF == ErrorCode.SEMAPHORE
    assert mesh.nodes[1, 1].semaphores[0] == 0


@pytest.mark.parametrize("offset, cause", [(8, Cause.STORE_MISALIGNED), (-0x2000 - LINE, Cause.STORE_ACCESS),
                                           (-0x2000 - 8, Cause.STORE_ACCESS)])
def test_faults_of_pushes(mesh, offset, cause):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1)), offset)
    state = mesh.state(0, 1, 0)
    assert (state.cause, state.tval) == (cause, SRAM_BASE + 0x2000 + offset)


def test_small_lines_make_descriptors_of_three_lines():
    assert (Descriptor.size(ULX3S), Descriptor.size(D1)) == (48, 64)
    descriptor = Descriptor(source=1, destination=2, lines=3, rows=4, source_stride=5, destination_stride=6, signal=7,
                            done=8, reserved=bytes(12))
    assert Descriptor.from_bytes(descriptor.to_bytes(ULX3S)) == descriptor


# The host

def control(mesh: Mesh, address: int, value: int | None = None) -> int:
    if value is not None:
        mesh.write(0, 1, address, value.to_bytes(8, "little"))
    return int.from_bytes(mesh.read(0, 1, address, 8), "little")


def test_control_registers(mesh):
    loop = SRAM_BASE + 0x80
    mesh.write(0, 1, loop, pack([asm("addi", rd=1, rs1=1, imm=1), asm("jal", rd=0, imm=-4)]))
    pc, state, instret = (thread_register(2, register) for register in (
        ThreadRegister.PC, ThreadRegister.STATE, ThreadRegister.INSTRET))
    assert (control(mesh, pc), control(mesh, state)) == (SRAM_BASE, State.HALTED)
    assert control(mesh, pc, loop + 3) == loop
    assert control(mesh, state, 1) == State.RUNNING
    assert control(mesh, pc, 0) == loop
    with pytest.raises(OutOfSteps, match=r"7 steps: node 0,1 thread 2 running at 0x80000084"):
        mesh.run(max_steps=7)
    assert control(mesh, instret, 0) == 7
    assert control(mesh, node_register(NodeRegister.CYCLES)) == 7
    assert control(mesh, state, 0) == State.HALTED
    mesh.run(max_steps=7)
    assert control(mesh, pc) == loop + 4
    for unused in (0x38, 0x40 * 8, 0x1000 + 0x70, 0x1FF8):
        assert control(mesh, CONTROL_BASE + unused, 5) == 0


def test_single_steps_and_given_instructions(single):
    """STATE = 2 executes one instruction of the program, INSTRUCTION one that is not in it, and DATA is dscratch0."""
    state, given, value, pc, instret = (thread_register(0, register) for register in (
        ThreadRegister.STATE, ThreadRegister.INSTRUCTION, ThreadRegister.DATA, ThreadRegister.PC,
        ThreadRegister.INSTRET))
    mesh, thread = single.mesh, single.thread
    mesh.write(0, 1, SRAM_BASE, pack([asm("addi", rd=5, rs1=5, imm=3), asm("addi", rd=5, rs1=5, imm=4)]))
    control(mesh, state, 2)
    mesh.run(max_steps=10)
    assert (thread.x[5], control(mesh, pc), control(mesh, state), control(mesh, instret)) == (3, SRAM_BASE + 4, 0, 1)
    control(mesh, value, 1 << 63 | 7)
    control(mesh, given, asm("csrrw", rd=5, csr=CsrNumber.DSCRATCH0, rs1=5))
    mesh.run(max_steps=10)
    assert (thread.x[5], control(mesh, pc), control(mesh, instret)) == (1 << 63 | 7, SRAM_BASE + 4, 1)
    assert control(mesh, value) == 3
    control(mesh, given, 0)
    mesh.run(max_steps=10)
    assert (control(mesh, state), thread.csrs[CsrNumber.MCAUSE], thread.csrs[CsrNumber.MEPC]) == (
        State.TRAPPED, Cause.ILLEGAL, SRAM_BASE + 4)
    control(mesh, state, 2)
    mesh.run(max_steps=10)
    assert (thread.x[5], control(mesh, state)) == (1 << 63 | 11, State.HALTED)


def test_restarting_a_stopped_thread_clears_its_cause(single):
    single.run(0)
    assert control(single.mesh, thread_register(0, ThreadRegister.CAUSE)) == Cause.ILLEGAL
    assert control(single.mesh, thread_register(0, ThreadRegister.PC)) == SRAM_BASE
    single.mesh.start(0, 1, 0, SRAM_BASE + 4)
    assert control(single.mesh, thread_register(0, ThreadRegister.CAUSE)) == 0


def test_halting_a_waiting_thread_gives_up_its_wait(single):
    single.set(x1=1, x2=1)
    with pytest.raises(Deadlock):
        single.run(asm("sem.wait", rs1=1, rs2=2))
    control(single.mesh, thread_register(0, ThreadRegister.STATE), 0)
    single.mesh.post(0, 1, 1)
    assert (single.node.semaphores[1], single.mesh.state(0, 1, 0).instret) == (1, 0)


@pytest.mark.parametrize("x, y, address, size, message", [
    (2, 1, SRAM_BASE, 8, "no node 2,1 in a mesh of 2 x 2"), (0, 0, SRAM_BASE, 8, "no node 0,0"),
    (0, 1, 0x1000, 8, "nothing at 0x1000"), (0, 1, SIM.sram_end - 4, 8, "nothing at 0x8001fffc"),
    (0, 1, CONTROL_BASE, 4, "8 aligned bytes, not 4"), (0, 1, CONTROL_BASE + 4, 8, "8 aligned bytes")])
def test_host_errors(mesh, x, y, address, size, message):
    with pytest.raises(AccessError, match=message):
        mesh.read(x, y, address, size)
    with pytest.raises(AccessError, match=message):
        mesh.write(x, y, address, bytes(size))


def test_host_posts_and_starts_what_is_there(mesh):
    with pytest.raises(AccessError, match="no semaphore 32"):
        mesh.post(0, 1, 32)
    with pytest.raises(AccessError, match="no thread 4"):
        mesh.start(0, 1, 4, SRAM_BASE)


def test_run_until(single):
    single.mesh.write(0, 1, SRAM_BASE, pack([asm("addi", rd=1, rs1=1, imm=1), asm("jal", rd=0, imm=-4)]))
    single.mesh.start(0, 1, 0, SRAM_BASE)
    single.mesh.run(max_steps=1000, until=lambda: single.thread.x[1] == 20)
    assert single.mesh.steps == 39


# Random programs and traces

def run_random(seed: int, config, *, threads: int) -> tuple[Mesh, list[trace.Record]]:
    program = generate(Random(seed), config=config, length=250, threads=threads)
    mesh = Mesh(config)
    for address, data in program.memory:
        mesh.write(0, 1, address, data)
    for thread, pc in program.start:
        mesh.start(0, 1, thread, pc)
    file = StringIO()
    mesh.run(max_steps=20_000, trace=trace.TraceWriter(file))
    file.seek(0)
    return mesh, list(trace.parse(file))


@pytest.mark.parametrize("config", [SIM, ULX3S], ids=lambda config: config.name)
def test_random_programs_end_and_use_every_row(config):
    config = config.with_mesh(columns=1, rows=1)
    seen, causes = set(), set()
    for seed in range(30):
        threads = 1 + seed % config.threads
        mesh, records = run_random(seed, config, threads=threads)
        node = mesh.nodes[0, 1]
        assert [thread.snapshot().cause for thread in node.threads[:threads]] == [Cause.BREAKPOINT] * threads
        assert node.first_error & 15 in (0, ErrorCode.ADDRESS)
        seen |= {row.name for record in records if (row := decode(record.word)) and row.is_in(config)}
        handled = {record.value for record in records
                   if record.word == asm("csrrs", rd=29, csr=CsrNumber.MCAUSE, rs1=0)}
        causes |= {int(value, 16) for value in handled}
    assert seen == {row.name for row in INSTRUCTIONS if row.is_in(config)} - {"ecall", "ebreak"}
    assert causes == set(Cause) - {Cause.HARDWARE_ERROR}  # which no program causes by itself


def test_a_seed_gives_the_same_program_in_every_process():
    """Which Python makes likely to fail, should the program depend on the order of a set of strings."""
    program = """
from random import Random
from zlib import crc32
from hdl.config import SIM
from sim.random_program import generate
print([crc32(repr(generate(Random(seed), config=SIM, length=300, threads=2)).encode()) for seed in range(3)])
"""
    said = {subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
                           env=os.environ | {"PYTHONHASHSEED": str(salt)}).stdout for salt in range(3)}
    assert len(said) == 1, said


def test_random_programs_do_not_depend_on_the_order_of_threads():
    """The same program with the threads taking turns the other way round: same effects, same memory."""
    config = ONE_NODE
    for seed in range(6):
        forward, records = run_random(seed, config, threads=4)
        program = generate(Random(seed), config=config, length=250, threads=4)
        backward = Mesh(config)
        for address, data in program.memory:
            backward.write(0, 1, address, data)
        backward.nodes[0, 1].threads.reverse()
        for thread, pc in program.start:
            backward.nodes[0, 1].threads[3 - thread].pc = pc
            backward.nodes[0, 1].threads[3 - thread].state = State.RUNNING
        file = StringIO()
        backward.run(max_steps=20_000, trace=trace.TraceWriter(file))
        file.seek(0)
        assert not trace.compare(records, trace.parse(file))
        assert forward.nodes[0, 1].sram == backward.nodes[0, 1].sram


def test_random_program_is_its_seed():
    programs = [generate(Random(seed), config=ONE_NODE, length=100, threads=2) for seed in (1, 1, 2)]
    assert programs[0] == programs[1] != programs[2]


def test_random_program_must_fit():
    with pytest.raises(ValueError, match="more than the 32,240 that ULX3S has"):
        generate(Random(0), config=ULX3S, length=10_000, threads=2)


def test_trace_lines(single):
    file = StringIO()
    single.mesh.write(0, 1, SRAM_BASE, pack([
        asm("addi", rd=10, rs1=0, imm=3), asm("addi", rd=0, rs1=0, imm=3), asm("vbcast.w", vd=2, rs1=10, rs2=0),
        asm("mzero", ad=0), asm("ebreak")]))
    single.mesh.start(0, 1, 2, SRAM_BASE)
    single.mesh.run(max_steps=10, trace=trace.TraceWriter(file))
    lines = file.getvalue().splitlines()
    assert lines[0] == "1 0,1 2 80000000 00300513 x10 0000000000000003"
    assert lines[1] == "2 0,1 2 80000004 00300013 - -"
    assert lines[2] == f"3 0,1 2 80000008 {asm('vbcast.w', vd=2, rs1=10, rs2=0):08x} v2 {'0' * 64}{'00000003' * 8}"
    assert lines[3:] == ["4 0,1 2 8000000c 0000007b - -"]
    assert [str(record) for record in trace.parse(lines)] == lines


def test_compare_finds_the_first_difference_of_each_thread():
    a = ["1 0,1 0 80000000 00300513 x10 03", "1 0,1 1 80000000 00300513 x10 03", "2 0,1 0 80000004 00300013 - -"]
    b = ["5 0,1 1 80000000 00300513 x10 04", "7 0,1 0 80000000 00300513 x10 03"]
    parsed = [list(trace.parse(lines)) for lines in (a, b)]
    first, second = trace.compare(*parsed)
    assert (first.thread, first.index, first.a, first.b) == (0, 1, parsed[0][2], None)
    assert (second.thread, second.index) == (1, 0)
    assert str(second).splitlines()[2] == "  B: 5 0,1 1 80000000 00300513 x10 04  addi a0, zero, 3"
    assert [difference.thread for difference in trace.compare(*parsed, prefix=True)] == [1]
    assert not trace.compare(parsed[0], parsed[0])
    with pytest.raises(TraceError, match="not a line of a trace: 'nonsense'"):
        list(trace.parse(["nonsense"]))
