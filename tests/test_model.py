"""The golden model of a thread, against the RISC-V specifications and docs/isa.md."""

from random import Random

import numpy as np
import pytest

from hdl.config import SIM, SRAM_BASE, ULX3S
from hdl.isa import BY_NAME, CSRS, MISA, Cause, CsrNumber
from hdl.memory_map import CONTROL_BASE, State
from sim import numerics
from sim.assembler import assemble as asm
from sim.machine import MAKERS
from sim.mesh import Mesh
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
    data = Random(name).randbytes(2 * LINE)
    single.mesh.write(0, 1, WINDOW, data)
    for offset in range(2 * LINE - size + 1):
        single.set(x1=WINDOW + 100)
        single.run(asm(name, rd=2, rs1=1, imm=offset - 100))
        assert single.thread.x[2] == int.from_bytes(data[offset:offset + size], "little", signed=signed) & M64


@pytest.mark.parametrize("name, size", [("sb", 1), ("sh", 2), ("sw", 4), ("sd", 8)])
def test_stores_of_all_alignments(single, name, size):
    for offset in range(2 * LINE - size + 1):
        expected = bytearray(Random(offset).randbytes(2 * LINE))
        single.mesh.write(0, 1, WINDOW, bytes(expected))
        single.set(x1=WINDOW, x2=0x8877665544332211)
        single.run(asm(name, rs2=2, rs1=1, imm=offset))
        expected[offset:offset + size] = 0x8877665544332211.to_bytes(8, "little")[:size]
        assert single.mesh.read(0, 1, WINDOW, 2 * LINE) == expected


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
    crossing = None if size <= 8 else misaligned
    cases |= {WINDOW + config.vector_bytes - size + 1: crossing, WINDOW + config.vector_bytes - 1: crossing}
    if size > 1:  # by way of the mesh
        cases[1 << 48 | 1 << 40 | WINDOW + config.vector_bytes - 1] = misaligned
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
