"""The instruction set: the one table that everything else is made from.

The hardware decoder (`hdl.core.decode`), the golden model and the disassembler (`sim`), the C header and the
reference page (`sim.isadoc`) all read `INSTRUCTIONS`, `CSRS` and `CAUSES`. There is no second list.

RV64IM, Zicsr, Zifencei, Zaamo and, but for `amocas.q`, Zacas follow the RISC-V unprivileged and machine-level
specifications. Xd1 is ours: Tesla has
published neither encodings nor mnemonics of D1. It lives in the four opcodes that RISC-V reserves for custom use:

=========  =======  ==============================================================================================
opcode     format   use; what is not in the table is reserved for later instructions and traps as illegal
=========  =======  ==============================================================================================
custom-0   I        vector loads; funct3 selects the addressing (0 rs1 + imm, 3 rs1, then rs1 += imm)
custom-1   S        vector stores; funct3 as in custom-0; posted stores: 1 of 64 bits, 2 of a vector
custom-2   R        vector arithmetic; funct3: 0 FP32 lanes, 1 conversions, 2 moves, 3 BF16 lanes, 4 INT8, 5 INT16 and
                    6 INT32 lanes, 7 predicates and moves under them
custom-3   R        funct3: 0 matrix, 1 list engine, 2 semaphores
=========  =======  ==============================================================================================
"""

from .csrs import CAUSES, CSRS, MISA, Cause, CsrNumber
from .functions import (
    PREDICATES,
    Alu,
    Atomic,
    Branch,
    Csr,
    File,
    Format,
    Gather,
    List,
    Matrix,
    Memory,
    Move,
    MulDiv,
    Predicate,
    Semaphore,
    Source,
    System,
    Unit,
    Vector,
)
from .instruction import (
    CUSTOM_0,
    CUSTOM_1,
    CUSTOM_2,
    CUSTOM_3,
    OPCODE_MASK,
    Instruction,
)
from .scalar import scalar_rows
from .xd1 import xd1_rows

__all__ = [
    "BY_NAME", "CAUSES", "CSRS", "CUSTOM_0", "CUSTOM_1", "CUSTOM_2", "CUSTOM_3", "INSTRUCTIONS", "MISA",
    "OPCODE_MASK", "PREDICATES", "Alu", "Atomic", "Branch", "Cause", "Csr", "CsrNumber", "File", "Format",
    "Gather", "Instruction", "List", "Matrix", "Memory", "Move", "MulDiv", "Predicate", "Semaphore", "Source",
    "System", "Unit", "Vector", "decode",
]

INSTRUCTIONS: tuple[Instruction, ...] = (*scalar_rows(), *xd1_rows())
BY_NAME: dict[str, Instruction] = {instruction.name: instruction for instruction in INSTRUCTIONS}

#: For each mask, the rows by what they match.
_BY_MASK: dict[int, dict[int, Instruction]] = {
    mask: {instruction.match: instruction for instruction in INSTRUCTIONS if instruction.mask == mask}
    for mask in {instruction.mask for instruction in INSTRUCTIONS}}


def decode(word: int) -> Instruction | None:
    """The instruction that `word` is, or None if it is illegal in every configuration."""
    return next((rows[word & mask] for mask, rows in _BY_MASK.items() if word & mask in rows), None)
