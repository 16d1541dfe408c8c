"""Instruction words from operands, and operands from words, by the formats of the table."""

from dataclasses import dataclass

from hdl.isa import BY_NAME, PREDICATES, Format, Instruction

_IMMEDIATE_BITS = {
    Format.I_TYPE: 12, Format.S_TYPE: 12, Format.B_TYPE: 13, Format.U_TYPE: 32, Format.J_TYPE: 21,
    Format.SHIFT: 6, Format.SHIFTW: 5, Format.CSRI: 5,
}
_SIGNED = {Format.I_TYPE, Format.S_TYPE, Format.B_TYPE, Format.U_TYPE, Format.J_TYPE}
#: Low bits of an immediate that the format cannot hold.
_ZERO_BITS = {Format.B_TYPE: 1, Format.J_TYPE: 1, Format.U_TYPE: 12}

#: Bit position of each register-like operand.
_SHIFTS = {"rd": 7, "vd": 7, "ad": 7, "pd": 7, "vs3": 7, "rs1": 15, "vs1": 15, "as1": 15, "ps1": 15,
           "rs2": 20, "vs2": 20, "ps2": 20, "part": 20, "quarter": 20}
#: Where a predicate that masks stands.
_MASK_SHIFT = 25


@dataclass(frozen=True, slots=True)
class Operands:
    """The fields of a word; an immediate that the format does not have is 0."""

    rd: int
    rs1: int
    rs2: int
    csr: int
    imm: int
    mask: int = 0


def operands(word: int, format: Format) -> Operands:
    """Take a word apart; the immediate is sign-extended where the format says so."""
    def bits(high: int, low: int) -> int:
        return word >> low & (1 << high - low + 1) - 1

    imm = 0
    match format:
        case Format.I_TYPE:
            imm = bits(31, 20)
        case Format.S_TYPE:
            imm = bits(31, 25) << 5 | bits(11, 7)
        case Format.B_TYPE:
            imm = bits(31, 31) << 12 | bits(7, 7) << 11 | bits(30, 25) << 5 | bits(11, 8) << 1
        case Format.U_TYPE:
            imm = bits(31, 12) << 12
        case Format.J_TYPE:
            imm = bits(31, 31) << 20 | bits(19, 12) << 12 | bits(20, 20) << 11 | bits(30, 21) << 1
        case Format.SHIFT:
            imm = bits(25, 20)
        case Format.SHIFTW:
            imm = bits(24, 20)
        case Format.CSRI:
            imm = bits(19, 15)
    if format in _SIGNED:
        sign = 1 << _IMMEDIATE_BITS[format] - 1
        imm = (imm ^ sign) - sign
    return Operands(rd=bits(11, 7), rs1=bits(19, 15), rs2=bits(24, 20), csr=bits(31, 20), imm=imm,
                    mask=bits(27, 25))


def assemble(name: str, **values: int) -> int:
    """The word of an instruction.

    Parameters
    ----------
    name : str
        Mnemonic of the table.
    values
        Each operand of its syntax, as an integer: ``assemble("addi", rd=10, rs1=0, imm=-1)``. Branch and jump
        immediates are byte offsets from the instruction; lui and auipc take the whole value, low 12 bits 0.

    Raises
    ------
    ValueError
        If the name is unknown, an operand is missing or too many, or a value does not fit; the message quotes it.
    """
    if name not in BY_NAME:
        raise ValueError(f"no instruction is called {name!r}")
    instruction = BY_NAME[name]
    if values.keys() != set(instruction.operands):
        raise ValueError(f"{name} takes {', '.join(sorted(instruction.operands)) or 'no operands'}, "
                         f"not {', '.join(sorted(values)) or 'none'}")
    word = instruction.match
    for operand, value in values.items():
        match operand:
            case "imm":
                word |= _immediate(instruction, value)
            case "csr":
                word |= _checked(name, operand, value, range(1 << 12)) << 20
            case "mask":
                word |= _checked(name, operand, value, range(PREDICATES)) << _MASK_SHIFT
            case _:
                word |= _checked(name, operand, value, range(32)) << _SHIFTS[operand]
    return word


def _checked(name: str, operand: str, value: int, allowed: range) -> int:
    if value not in allowed:
        raise ValueError(
            f"{name}: {operand} must be one of {allowed[0]}, {allowed[1]} .. {allowed[-1]}, not {value}")
    return value


def _immediate(instruction: Instruction, value: int) -> int:
    format = instruction.format
    bits = _IMMEDIATE_BITS[format]
    low, high = (-(1 << bits - 1), 1 << bits - 1) if format in _SIGNED else (0, 1 << bits)
    _checked(instruction.name, "imm", value, range(low, high, 1 << _ZERO_BITS.get(format, 0)))

    def part(high: int, low: int, position: int) -> int:
        return (value >> low & (1 << high - low + 1) - 1) << position

    match format:
        case Format.S_TYPE:
            return part(11, 5, 25) | part(4, 0, 7)
        case Format.B_TYPE:
            return part(12, 12, 31) | part(10, 5, 25) | part(4, 1, 8) | part(11, 11, 7)
        case Format.U_TYPE:
            return part(31, 12, 12)
        case Format.J_TYPE:
            return part(20, 20, 31) | part(10, 1, 21) | part(11, 11, 20) | part(19, 12, 12)
        case Format.CSRI:
            return part(4, 0, 15)
        case _:
            return part(bits - 1, 0, 20)
