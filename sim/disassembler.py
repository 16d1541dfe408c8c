"""Instruction words as text, in the syntax of the table."""

import re

from hdl.isa import CsrNumber, Format, decode

from .assembler import operands

#: ABI names of the integer registers.
X_NAMES = ("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", *(f"a{n}" for n in range(8)),
           *(f"s{n}" for n in range(2, 12)), "t3", "t4", "t5", "t6")

_CSR_NAMES = {number.value: number.name.lower() for number in CsrNumber}


def disassemble(word: int, pc: int | None = None) -> str:
    """One instruction as text.

    With `pc`, the address of the instruction, branch and jump targets are written as addresses instead of offsets.
    A word that is no instruction gives ``.word 0x...``.
    """
    instruction = decode(word)
    if instruction is None:
        return f".word {word:#010x}"
    fields = operands(word, instruction.format)

    def text(match: re.Match[str]) -> str:
        match match[0]:
            case "rd":
                return X_NAMES[fields.rd]
            case "rs1":
                return X_NAMES[fields.rs1]
            case "rs2":
                return X_NAMES[fields.rs2]
            case "vd":
                return f"v{fields.rd}"
            case "vs1":
                return f"v{fields.rs1}"
            case "vs2":
                return f"v{fields.rs2}"
            case "vs3":
                return f"v{fields.rd}"
            case "pd":
                return f"p{fields.rd}"
            case "ps1":
                return f"p{fields.rs1}"
            case "ps2":
                return f"p{fields.rs2}"
            case "mask":
                return f"p{fields.mask}"
            case "ad":
                return f"acc{fields.rd}"
            case "as1":
                return f"acc{fields.rs1}"
            case "part" | "quarter":
                return str(fields.rs2)
            case "csr":
                return _CSR_NAMES.get(fields.csr, f"{fields.csr:#x}")
            case _ if instruction.format is Format.U_TYPE:
                return f"{fields.imm >> 12 & 0xFFFFF:#x}"
            case _ if instruction.format in (Format.B_TYPE, Format.J_TYPE):
                return f"pc{fields.imm:+#x}" if pc is None else f"{pc + fields.imm & (1 << 64) - 1:#x}"
            case _:
                return str(fields.imm)

    return f"{instruction.name} {re.sub('[a-z0-9]+', text, instruction.syntax)}".strip()
