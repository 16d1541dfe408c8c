"""The instruction table and what is made from it: assembler, disassembler, C header and reference page."""

import re
from dataclasses import replace
from itertools import combinations, takewhile
from random import Random

import pytest

from hdl import memory_map
from hdl.config import D1
from hdl.isa import BY_NAME, CSRS, INSTRUCTIONS, PREDICATES, CsrNumber, Format, Instruction, Unit, decode
from sim import isadoc
from sim.assembler import assemble, operands
from sim.disassembler import disassemble
from tests.riscv import compile_words

SCALAR = [row for row in INSTRUCTIONS if not row.is_xd1]
XD1 = [row for row in INSTRUCTIONS if row.is_xd1]
IMMEDIATES = {
    Format.I_TYPE: (-2048, 2047, 1), Format.S_TYPE: (-2048, 2047, 1), Format.B_TYPE: (-4096, 4094, 2),
    Format.U_TYPE: (-1 << 31, (1 << 31) - 4096, 4096), Format.J_TYPE: (-1 << 20, (1 << 20) - 2, 2),
    Format.SHIFT: (0, 63, 1), Format.SHIFTW: (0, 31, 1), Format.CSRI: (0, 31, 1),
}


#: CSRs that are not RISC-V's.
OURS = (CsrNumber.VFORMAT, CsrNumber.MFORMAT, CsrNumber.VTILE, CsrNumber.MNODE, CsrNumber.MMESH)


def random_operands(random: Random, row: Instruction) -> dict[str, int]:
    """Any operands; standard CSRs only, since LLVM knows no others by name."""
    values = {}
    for operand in row.operands:
        if operand == "imm":
            low, high, step = IMMEDIATES[row.format]
            values[operand] = random.choice((low, high, random.randrange(low, high + 1, step)))
        elif operand == "csr":
            values[operand] = random.choice([number for number in CSRS if number not in OURS])
        else:
            values[operand] = random.randrange(PREDICATES if operand == "mask" else 32)
    return values


def test_no_word_is_two_instructions():
    for a, b in combinations(INSTRUCTIONS, 2):
        assert (a.match ^ b.match) & a.mask & b.mask, f"{a.name} and {b.name} overlap"


def test_every_row_is_what_decode_finds():
    for row in INSTRUCTIONS:
        assert decode(row.match) is row
        assert decode(row.match | ~row.mask & 0xFFFFFFFF) is row


@pytest.mark.parametrize("row", INSTRUCTIONS, ids=lambda row: row.name)
def test_operands_come_back(row):
    random = Random(row.name)
    for _ in range(50):
        values = random_operands(random, row)
        word = assemble(row.name, **values)
        fields = operands(word, row.format)
        assert decode(word) is row
        for name, value in values.items():
            field = {"part": "rs2", "quarter": "rs2", "vs3": "rd"}.get(name, re.sub("^[vap](?=[ds])", "r", name))
            assert getattr(fields, field) == value


def test_assembler_refuses_what_does_not_fit():
    for name, values, message in (
            ("nop", {}, "no instruction is called 'nop'"),
            ("add", {"rd": 1, "rs1": 1}, "add takes rd, rs1, rs2, not rd, rs1"),
            ("mret", {"rd": 1}, "mret takes no operands, not rd"),
            ("add", {"rd": 32, "rs1": 1, "rs2": 1}, "rd .* not 32"),
            ("addi", {"rd": 1, "rs1": 1, "imm": 2048}, "imm .* not 2048"),
            ("slliw", {"rd": 1, "rs1": 1, "imm": 32}, "imm .* not 32"),
            ("beq", {"rs1": 1, "rs2": 1, "imm": 3}, "imm .* not 3"),
            ("lui", {"rd": 1, "imm": 1}, "imm .* not 1")):
        with pytest.raises(ValueError, match=message):
            assemble(name, **values)


def test_llvm_assembles_our_text_to_our_words(tmp_path):
    """Disassembled text of every scalar row, through another assembler and back."""
    random = Random(1)
    words = [assemble(row.name, **random_operands(random, row)) for row in SCALAR if row.name != "fence"
             for _ in range(1 if row.format is Format.FIXED else 8)]
    source = tmp_path / "scalar.S"
    source.write_text("\n".join(disassemble(word).replace(" pc", " ") for word in words) + "\n")
    assert compile_words(source) == words


def test_disassembly_names_targets_and_the_unknown():
    assert disassemble(assemble("beq", rs1=10, rs2=0, imm=-8), 0x80000010) == "beq a0, zero, 0x80000008"
    assert disassemble(assemble("mread", vd=3, as1=2, part=1)) == "mread v3, acc2, 1"
    assert disassemble(assemble("csrrs", rd=5, csr=CsrNumber.MNODE, rs1=0)) == "csrrs t0, mnode, zero"
    assert disassemble(0) == ".word 0x00000000"


def c_macro(row: Instruction, values: dict[str, int]) -> str:
    """A call of a row's macro."""
    order = row.syntax.replace("imm(rs1)", "rs1, imm").replace("(rs1)", "rs1").split(", ")
    arguments = [{"rd": "result", "rs1": "p", "rs2": "p"}.get(name) or str(values[name]) for name in order]
    return f"{isadoc.macro_name(row)}({', '.join(arguments)});"


@pytest.mark.parametrize("optimisation", ["-O0", "-O2"])
def test_header_macros_are_the_table(tmp_path, optimisation):
    """Every macro compiles without warnings, to the instruction of its row with the operands it was given."""
    random = Random(2)
    cases = [(row, random_operands(random, row)) for row in XD1 for _ in range(4)]
    source = tmp_path / "macros.c"
    source.write_text("\n".join([
        "#include <stddef.h>", '#include "d1_isa.h"', "extern uint64_t result;",
        "void f(void *p) {", *(c_macro(*case) for case in cases), "}"]))
    words = compile_words(source, optimisation, f"-I{isadoc.HEADER.parent}")
    found = [word for word in words if (row := decode(word)) and row.is_xd1]
    assert len(found) == len(cases)
    for word, (row, values) in zip(found, cases, strict=True):
        registers = operands(word, row.format)
        chosen = {name: getattr(registers, name) for name in values if name in ("rd", "rs1", "rs2")}
        assert disassemble(word) == disassemble(assemble(row.name, **values | chosen))


def test_header_agrees_with_the_model_and_the_hardware(tmp_path):
    """The descriptor's layout, and constants that assembly files use, too."""
    fields = [field for field in memory_map.Descriptor.__dataclass_fields__ if field != "reserved"]
    empty = memory_map.Descriptor(source=0, destination=0, lines=0, rows=0)
    offsets = {field: replace(empty, **{field: 1}).to_bytes(D1).index(1) for field in fields}
    checks = "\n".join(f'_Static_assert(offsetof(struct d1_list, {field}) == {offset}, "");'
                       for field, offset in offsets.items())
    source, assembly = tmp_path / "layout.c", tmp_path / "constants.S"
    source.write_text(f'#include <stddef.h>\n#include "d1_isa.h"\n{checks}\n'
                      '_Static_assert(sizeof(struct d1_list) == 64, "");\n')
    compile_words(source, f"-I{isadoc.HEADER.parent}")
    assembly.write_text('#include "d1_isa.h"\ncsrr a0, D1_CSR_MNODE\nli a1, D1_STATE_TRAPPED\n')
    expected = [assemble("csrrs", rd=10, csr=CsrNumber.MNODE, rs1=0), assemble("addi", rd=11, rs1=0, imm=3)]
    assert compile_words(assembly, f"-I{isadoc.HEADER.parent}") == expected


@pytest.mark.parametrize("path, text, command", [
    (isadoc.PAGE, isadoc.page, "docs"), (isadoc.HEADER, isadoc.header, "header")], ids=["docs", "header"])
def test_generated_files_are_up_to_date(path, text, command):
    assert path.read_text() == text(), f"run `python -m sim {command}`"


def test_page_shows_every_encoding():
    """The bit columns of each row, put together again, are its match and mask."""
    for row in INSTRUCTIONS:
        starts = (f"| `{row.name} ", f"| `{row.name}`")
        line = next(line for line in isadoc.page().splitlines() if line.startswith(starts))
        columns = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)][4:10]
        match = mask = 0
        for high, cell in zip((31, 24, 19, 14, 11, 6), columns, strict=True):
            bits = "".join(takewhile(lambda bit: bit in "01", cell))
            shift = high + 1 - len(bits)
            match |= int(bits or "0", 2) << shift
            mask |= (1 << len(bits)) - 1 << shift
        assert (match, mask) == (row.match, row.mask)


def test_trap_columns_are_known_causes():
    assert all(isadoc.traps(row) for row in INSTRUCTIONS if row.unit in (Unit.MEMORY, Unit.MATRIX, Unit.SEMAPHORE))
    assert BY_NAME.keys() == {row.name for row in INSTRUCTIONS}
