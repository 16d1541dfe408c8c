"""What is generated from the instruction table: docs/isa.md, for people, and sw/include/d1_isa.h, for compilers."""

import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from hdl.config import GLOBAL_FLAG, PRESETS, SRAM_BASE, Config
from hdl.isa import (
    CAUSES,
    CSRS,
    INSTRUCTIONS,
    OPCODE_MASK,
    Cause,
    Format,
    Gather,
    Instruction,
    Unit,
)
from hdl.memory_map import (
    CONTROL_BASE,
    DESCRIPTOR_BYTES,
    DESCRIPTOR_FIELDS,
    NODE_BLOCK,
    THREAD_BLOCK,
    ErrorCode,
    NodeRegister,
    State,
    ThreadRegister,
)

_ROOT = Path(__file__).resolve().parent.parent
PAGE = _ROOT / "docs" / "isa.md"
HEADER = _ROOT / "sw" / "include" / "d1_isa.h"

#: The columns of an encoding: (high, low) bits.
_COLUMNS = ((31, 25), (24, 20), (19, 15), (14, 12), (11, 7), (6, 0))

#: What stands in the columns of an immediate, by format.
_IMMEDIATE_COLUMNS = {
    Format.I_TYPE: {31: "imm[11:5]", 24: "imm[4:0]"},
    Format.S_TYPE: {31: "imm[11:5]", 11: "imm[4:0]"},
    Format.B_TYPE: {31: "imm[12\\|10:5]", 11: "imm[4:1\\|11]"},
    Format.U_TYPE: {31: "imm[31:25]", 24: "imm[24:20]", 19: "imm[19:15]", 14: "imm[14:12]"},
    Format.J_TYPE: {31: "imm[20\\|10:5]", 24: "imm[4:1\\|11]", 19: "imm[19:15]", 14: "imm[14:12]"},
    Format.SHIFT: {24: "imm[4:0]"},
    Format.SHIFTW: {24: "imm[4:0]"},
    Format.CSR: {31: "csr[11:5]", 24: "csr[4:0]"},
    Format.CSRI: {31: "csr[11:5]", 24: "csr[4:0]", 19: "imm[4:0]"},
}
_FIELD_COLUMNS = {
    11: ("rd", "vd", "ad", "pd", "vs3"), 19: ("rs1", "vs1", "as1", "ps1"), 24: ("rs2", "vs2", "ps2", "part", "quarter")}

_SECTIONS = (
    ("Integer arithmetic", (Unit.ALU,)),
    ("Multiplication and division", (Unit.MULDIV,)),
    ("Jumps and branches", (Unit.BRANCH,)),
    ("Loads and stores", (Unit.MEMORY,)),
    ("Atomics", (Unit.ATOMIC,)),
    ("CSR access", (Unit.CSR,)),
    ("System", (Unit.SYSTEM,)),
    ("Xd1: vector loads and stores, posted stores", (Unit.MEMORY, Unit.PUT, Unit.GATHER)),
    ("Xd1: vector arithmetic", (Unit.VECTOR,)),
    ("Xd1: predicates", (Unit.PREDICATE,)),
    ("Xd1: matrix unit", (Unit.MATRIX,)),
    ("Xd1: lists and semaphores", (Unit.LIST, Unit.SEMAPHORE)),
)


def _column(row: Instruction, high: int, low: int) -> str:
    """What stands in one column of a row's encoding."""
    mask = (1 << high - low + 1) - 1
    if row.mask >> low & mask == mask:
        return f"{row.match >> low & mask:0{high - low + 1}b}"
    if row.format is Format.SHIFT and high == 31:
        return f"{row.match >> 26:06b} imm[5]"
    if row.unit is Unit.ATOMIC and high == 31:
        return f"{row.match >> 27:05b} aq rl"
    if row.masked and high == 31:
        return f"{row.match >> 28:04b} mask"
    fields = [name for name in _FIELD_COLUMNS.get(high, ()) if name in row.operands]
    return _IMMEDIATE_COLUMNS.get(row.format, {}).get(high) or (fields[0] if fields else "ignored")


def traps(row: Instruction) -> tuple[Cause, ...]:
    """What an instruction can trap with, apart from faults of its fetch."""
    if row.unit in (Unit.MEMORY, Unit.PUT, Unit.ATOMIC, Unit.GATHER):
        if row.unit is Unit.ATOMIC or row.function & 8:
            return Cause.STORE_MISALIGNED, Cause.STORE_ACCESS
        if row.unit is not Unit.GATHER:
            return Cause.LOAD_MISALIGNED, Cause.LOAD_ACCESS
        by_lines = row.function is Gather.PADDED
        return (*([] if by_lines else [Cause.LOAD_MISALIGNED]), Cause.LOAD_ACCESS, Cause.HARDWARE_ERROR)
    return {
        "ecall": (Cause.ECALL,),
        "ebreak": (Cause.BREAKPOINT,),
        "list.push": (Cause.STORE_MISALIGNED, Cause.STORE_ACCESS),
        "list.pull": (Cause.STORE_MISALIGNED, Cause.STORE_ACCESS),
        "sem.post": (Cause.STORE_ACCESS, Cause.SEMAPHORE_RANGE),
        "sem.wait": (Cause.SEMAPHORE_RANGE,),
        "sem.try": (Cause.SEMAPHORE_RANGE,),
    }.get(row.name, {
        Unit.BRANCH: (Cause.FETCH_MISALIGNED,), Unit.CSR: (Cause.ILLEGAL,), Unit.MATRIX: (Cause.ILLEGAL,),
        Unit.PREDICATE: (Cause.ILLEGAL,),
    }.get(row.unit, ()))


def _table(titles: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    titles = list(titles)
    return [f"| {' | '.join(map(str, cells))} |" for cells in (titles, ["---"] * len(titles), *rows)]


def page() -> str:
    """The text of docs/isa.md."""
    lines = [_INTRODUCTION]
    for title, units in _SECTIONS:
        rows = [row for row in INSTRUCTIONS if row.unit in units and row.is_xd1 == title.startswith("Xd1")]
        lines += ["", f"## {title}", ""]
        lines += _table(
            ["instruction", "meaning", "traps", *(f"{high}:{low}" for high, low in _COLUMNS)],
            [[f"`{row.name}{' ' if row.syntax else ''}{row.syntax}`{' *' if row.needs else ''}",
              row.meaning.replace("|", "\\|"),
              ", ".join(str(cause.value) for cause in traps(row)),
              *(_column(row, high, low) for high, low in _COLUMNS)] for row in rows])
    lines += ["", "## Traps", "", _TRAPS, ""]
    lines += _table(["mcause", "meaning", "mtval"],
                    [[cause.value, meaning, value] for cause, (meaning, value) in CAUSES.items()])
    lines += ["", "## CSRs", "", _CSRS, ""]
    lines += _table(["number", "name", "writable bits", "meaning"],
                    [[f"`{number:#05x}`", number.name.lower(), f"`{writable:#x}`" if writable else "none", meaning]
                     for number, (writable, meaning) in CSRS.items()])
    lines += ["", "## Sizes", "", _SIZES, ""]
    lines += _table(["", *PRESETS],
                    [[title, *map(value, PRESETS.values())] for title, value in _SIZE_ROWS])
    return "\n".join(lines) + "\n"


_INTRODUCTION = """\
# Instruction set

Generated from the table in `hdl/isa/` by `python -m sim docs`; do not edit.

RV64IM with Zaamo, `amocas.w` and `amocas.d` of Zacas, Zicsr and Zifencei, machine mode, LP64; and the extension Xd1 in
the opcodes for custom use: `0001011` (custom-0), `0101011` (custom-1), `1011011` (custom-2), `1111011` (custom-3).
Tesla has published neither mnemonics nor encodings of D1, so Xd1 is our own. Stock assemblers reach it with `.insn`;
`sw/include/d1_isa.h` wraps every Xd1 instruction for C.

* `rd rs1 rs2` are the integer registers x0 to x31 (x0 reads 0), `vd vs1 vs2 vs3` the vector registers v0 to v31, `ad
  as1` accumulators, `pd ps1 ps2` the predicates p0 to p7, `part` and `quarter` (0 to 3) are numbers, in the place of
  `rs2`. Each stands in the field of the same number: `rd` in bits 11:7, `rs1` in 19:15, `rs2` in 24:20. `vs3` stands
  in 11:7, `mask`, a predicate, in 27:25.
* An instruction with an asterisk is illegal on nodes that do not have what it needs; see Sizes.
* `imm` is sign-extended except in shifts and CSR instructions. Bits that the encoding does not hold are 0. In assembler
  text `lui` and `auipc` take imm >> 12.
* Results are 64 bits. Addresses wrap around at 2^64; memory is little-endian.
* "ignored" bits may have any value, and so may aq and rl of the atomics, the bits [26:25]. Words that match no row are
  illegal. All of them are 32 bits; there are no compressed instructions.
* The traps column lists values of mcause. Every instruction can also trap with 1, for its fetch.
* Memory, semaphores, lists and the mesh: `docs/architecture.md`. Arithmetic, bit by bit: `docs/numerics.md`.

A vector register holds one line of memory; byte 0 is the byte at the lowest address, and lane i of FP32 is bytes 4 i to
4 i + 3. An operand of `mmul.bf16` is row-major from byte 0 on: a[i, k] is element i x K + k of vs1, b[k, j] element
k x N + j of vs2, two bytes each. `mread` gives row-major FP32. Bytes that an operand does not fill are ignored, those
that a result does not fill are 0. An accumulator or a part that the node does not have makes the word illegal, and so
does a predicate above p7.

A predicate has a bit for each byte of a vector register, bit 0 for byte 0. Of a lane wider than a byte the bit of its
first byte counts. The lanes of a gather, a scatter or a strided access are done one after the other, each anywhere in
the SRAM of the node, but within a line. The first that cannot be done traps, its address in mtval; of a store those
before it have been done. vld.2d reads whole lines; the first that cannot be read traps, with the line's address.

`mmul.hl` and its like take operands in the formats of the CSR mformat. One in CFloat8 has as many elements as one in
BF16, of a byte each, and fills half of the space: the low half or, with an h in the name, the high one."""

_TRAPS = """\
A trap is precise: no part of the instruction has happened. mcause, mepc (the pc of the instruction) and mtval are set,
mstatus.MPIE = mstatus.MIE, mstatus.MIE = 0, and the thread goes on at mtvec. While mtvec is 0 the trap stops the thread
instead, and the host reads why in its control registers. There are no interrupts."""

_CSRS = """\
An access to a CSR that is not listed is illegal, and so is a write to one whose number has both top bits set. `csrrs`
and `csrrc` with rs1 = x0, and `csrrsi` and `csrrci` with imm = 0, do not write. Bits that are not writable keep their
value."""

_SIZES = """\
Programs that are to run on nodes of several sizes take these from their build."""

def _yes(present: bool) -> str:
    return "yes" if present else "no"


_SIZE_ROWS: tuple[tuple[str, Callable[[Config], object]], ...] = (
    ("threads of a node", lambda config: config.threads),
    ("bytes of a vector register and of a line", lambda config: config.vector_bytes),
    ("FP32 lanes", lambda config: config.lanes),
    ("M, N, K of a matrix step", lambda config: ", ".join(map(str, config.matrix))),
    ("accumulators of a thread", lambda config: config.accumulators),
    ("parts of an accumulator", lambda config: config.parts),
    ("rows in a part (R)", lambda config: config.rows_per_part),
    ("CFloat8 matrix operands", lambda config: _yes(config.cfloat8)),
    ("BF16 lanes", lambda config: _yes(config.bf16_lanes)),
    ("integer lanes", lambda config: _yes(config.integer_lanes)),
    ("conversions", lambda config: _yes(config.conversions)),
    ("estimates", lambda config: _yes(config.estimates)),
    ("gather, scatter and strided accesses", lambda config: _yes(config.gather)),
    ("semaphores of a node", lambda config: config.semaphores),
    ("bytes of SRAM", lambda config: f"{config.sram_bytes:,}"),
)


# The C header

_PREAMBLE = f"""\
/* Xd1, the CSRs and the address map for C and assembly. Generated from hdl/isa/ by `python -m sim header`; do not
 * edit.
 *
 * Every Xd1 instruction is a macro. Vector registers, accumulators, parts and offsets are integer constant expressions,
 * e.g. D1_VLD(3, pointer, 64); what stands in integer registers is any expression. The compiler knows nothing of vector
 * registers and accumulators: their contents are the programmer's to keep track of. docs/isa.md says what each
 * instruction does.
 */

#ifndef D1_ISA_H
#define D1_ISA_H

/* Address map of a node (docs/architecture.md) */
#define D1_SRAM_BASE {SRAM_BASE:#x}
#define D1_CONTROL_BASE {CONTROL_BASE:#x}
#define D1_THREAD_BLOCK {THREAD_BLOCK:#x}
#define D1_NODE_BLOCK {NODE_BLOCK:#x}
#define D1_GLOBAL_FLAG {GLOBAL_FLAG:#x}"""

_LIST_FIELDS = "\n".join(f"    uint{bits}_t {name};" for name, bits in DESCRIPTOR_FIELDS.items())

_LANGUAGE = f"""\
#ifndef __ASSEMBLER__

#include <stdint.h>

/* Read or write a CSR by its number. */
#define D1_CSR_READ(csr) (__extension__ ({{ \\
    uint64_t d1_value; \\
    __asm__ volatile("csrr %0, %1" : "=r"(d1_value) : "i"(csr)); \\
    d1_value; \\
}}))
#define D1_CSR_WRITE(csr, value) \\
    __asm__ volatile("csrw %0, %1" :: "i"(csr), "r"((uint64_t)(value)))

/* A list descriptor; it must be aligned to the line of the node. */
struct d1_list {{
{_LIST_FIELDS}
    uint8_t reserved[{64 - DESCRIPTOR_BYTES}];
}} __attribute__((aligned(64)));
"""

#: Names of the macros' parameters that stand in integer registers.
_ARGUMENTS = {
    "vld": {"rs1": "pointer", "imm": "offset"},
    "vst": {"rs1": "pointer", "imm": "offset"},
    "vld.pi": {"rs1": "pointer", "imm": "increment"},
    "vst.pi": {"rs1": "pointer", "imm": "increment"},
    "vld.m": {"rs1": "pointer"},
    "vst.m": {"rs1": "pointer"},
    "vgather.w": {"rs1": "pointer"},
    "vscatter.w": {"rs1": "pointer"},
    "vldst.w": {"rs1": "pointer", "rs2": "stride"},
    "vld.2d": {"rs1": "array", "rs2": "place"},
    "vstst.w": {"rs1": "pointer", "rs2": "stride"},
    "pset": {"rs1": "bits"},
    "pfirst": {"rs1": "count"},
    "put.d": {"rs1": "address", "rs2": "value", "imm": "offset"},
    "vput": {"rs1": "address", "imm": "offset"},
    "vbcast.w": {"rs1": "low", "rs2": "high"},
    "list.push": {"rs1": "descriptor"},
    "list.pull": {"rs1": "descriptor"},
    "sem.post": {"rs1": "semaphore"},
    "sem.wait": {"rs1": "semaphore", "rs2": "amount"},
    "sem.try": {"rs1": "semaphore", "rs2": "amount"},
}


#: Units whose instructions make memory something else for the compiler.
_WITH_MEMORY = (Unit.MEMORY, Unit.PUT, Unit.GATHER, Unit.LIST, Unit.SEMAPHORE)


def macro_name(row: Instruction) -> str:
    """The C macro of an Xd1 instruction."""
    return f"D1_{row.name.replace('.', '_').upper()}"


def _macro(row: Instruction) -> str:
    """An instruction as a macro around `.insn`."""
    changed: list[str] = []
    constraints: list[str] = []

    def operand(*names: str) -> str:
        """The first of the names that the row has, as assembler text; x0 if it has none."""
        name = next((name for name in names if name in row.operands), None)
        if name is None:
            return "x0"
        parameter = _ARGUMENTS.get(row.name, {}).get(name, name)
        if (row.advances and name == "rs1") or name == "rd":
            changed.append(f'"{"=" if name == "rd" else "+"}r"({parameter})')
            return "%0"
        in_register = name.startswith("r")
        constraints.append(f'"r"((uint64_t)({parameter}))' if in_register else f'"i"({parameter})')
        register = "" if in_register or name in ("imm", "mask") else "x"
        return f"{register}%{len(constraints) - 1 + (row.advances or 'rd' in row.operands)}"

    opcode, funct3, funct7 = row.match & OPCODE_MASK, row.match >> 12 & 7, row.match >> 25
    named = row.syntax.replace("imm(rs1)", "rs1, imm").replace("(rs1)", "rs1").split(", ")
    parameters = ", ".join(_ARGUMENTS.get(row.name, {}).get(name, name) for name in named)
    clobbers = ' : "memory"' if row.unit in _WITH_MEMORY else ""
    match row.format:
        case Format.I_TYPE:
            text = f"i {opcode:#x}, {funct3}, {operand('vd')}, {operand('imm')}({operand('rs1')})"
        case Format.S_TYPE:
            text = f"s {opcode:#x}, {funct3}, {operand('rs2', 'vs2')}, {operand('imm')}({operand('rs1')})"
        case _:
            high = f"{funct7} + {operand('mask')}" if row.masked else str(funct7)
            text = (f"r {opcode:#x}, {funct3}, {high}, {operand(*_FIELD_COLUMNS[11])}, {operand(*_FIELD_COLUMNS[19])}, "
                    f"{operand(*_FIELD_COLUMNS[24])}")
    outputs = f": {changed[0]} :" if changed else "::"
    comment = textwrap.fill(f"/* {row.name} {row.syntax}: {row.meaning} */", 118, subsequent_indent=" * ")
    return (f"{comment}\n#define {macro_name(row)}({parameters}) \\\n"
            f'    __asm__ volatile(".insn {text}" {outputs} {", ".join(constraints)}{clobbers})')


def header() -> str:
    """The text of sw/include/d1_isa.h."""
    def constants(title: str, items: Iterable[tuple[str, int]]) -> list[str]:
        return ["", f"/* {title} */", *(f"#define D1_{name} {value:#x}" for name, value in items)]

    lines = [_PREAMBLE]
    lines += constants("Registers in a thread's block", [(f"THREAD_{item.name}", item) for item in ThreadRegister])
    lines += constants("Values of STATE", [(f"STATE_{item.name}", item) for item in State])
    lines += constants("Registers in the node's block", [(f"NODE_{item.name}", item) for item in NodeRegister])
    lines += constants("Error codes", [(f"ERROR_{item.name}", item) for item in ErrorCode])
    lines += constants("CSRs", [(f"CSR_{item.name}", item) for item in CSRS])
    lines += constants("Values of mcause", [(f"CAUSE_{item.name}", item) for item in CAUSES])
    lines += ["", _LANGUAGE]
    lines += [f"{_macro(row)}\n" for row in INSTRUCTIONS if row.is_xd1]
    lines += ["#endif", "", "#endif"]
    return "\n".join(lines) + "\n"
