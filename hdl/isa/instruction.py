"""A row of the instruction table."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from .. import number_formats
from ..config import Config
from .functions import File, Format, Source, Unit, Vector

OPCODE_MASK = 0x0000007F
FUNCT3_MASK = 0x00007000
FUNCT7_MASK = 0xFE000000
FUNCT6_MASK = 0xFC000000
FUNCT4_MASK = 0xF0000000
FUNCT5_MASK = 0xF8000000

CUSTOM_0, CUSTOM_1, CUSTOM_2, CUSTOM_3 = 0x0B, 0x2B, 0x5B, 0x7B


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One row of the table.

    Attributes
    ----------
    name : str
        Assembler mnemonic.
    syntax : str
        Assembler operands. ``rd rs1 rs2`` are integer registers, ``vd vs1 vs2`` vector registers, ``ad as1``
        accumulators, ``pd ps1 ps2`` predicates, ``part`` a part of an accumulator, ``quarter`` one of a vector
        register, as numbers in the rs2 field; each stands in the field of the same number. ``vs3`` is a vector register
        that is read, in the rd field, and ``mask`` a predicate in the lowest bits of funct7.
    format : Format
        Where the operands are.
    match, mask : int
        An instruction word `w` is this instruction if ``w & mask == match``.
    unit, function
        Who executes it and which of that unit's functions it is.
    meaning : str
        What it does, in the notation of `docs/isa.md`.
    word : bool
        The result is the low 32 bits, sign-extended (the ``W`` forms of RV64).
    source : Source
        First ALU operand.
    advances : bool
        The address is rs1, and imm is then added to rs1.
    lanes : Vector or None
        The part of the vector unit that `function` belongs to.
    number : number_formats.Format or None
        What the lanes hold.
    halves : int or None
        Of a matrix step whose operands are in the thread's formats: bit 0, 1: a CFloat8 A, B is in the register's high
        half.
    reduces : bool
        `function` is applied to all numbers of vs1.
    needs : str
        The field of `Config` that has to be true for the instruction to be there.
    """

    name: str
    syntax: str
    format: Format
    match: int
    mask: int
    unit: Unit
    function: IntEnum
    meaning: str
    word: bool = False
    source: Source = Source.RS1
    advances: bool = False
    lanes: Vector | None = None
    number: number_formats.Format | None = None
    halves: int | None = None
    reduces: bool = False
    needs: str = ""

    def is_in(self, config: Config) -> bool:
        """Whether the configuration has it; if not, it is illegal."""
        return not self.needs or getattr(config, self.needs)

    @cached_property
    def operands(self) -> tuple[str, ...]:
        """The operands' names, each once, in the order of the syntax."""
        separators = str.maketrans("(),", "   ")
        return tuple(dict.fromkeys(self.syntax.translate(separators).split()))

    def _file(self, x: str, v: str, other: dict[str, File]) -> File:
        for name, file in {x: File.X, v: File.V, **other}.items():
            if name in self.operands:
                return file
        return File.NONE

    @property
    def rd_file(self) -> File:
        """What the rd field names: the destination register file, but for ``vs3``."""
        return self._file("rd", "vd", {"ad": File.ACCUMULATOR, "pd": File.PREDICATE, "vs3": File.V})

    @property
    def rs1_file(self) -> File:
        return self._file("rs1", "vs1", {"as1": File.ACCUMULATOR, "ps1": File.PREDICATE})

    @property
    def rs2_file(self) -> File:
        return self._file("rs2", "vs2", {"part": File.PART, "quarter": File.QUARTER, "ps2": File.PREDICATE})

    @property
    def masked(self) -> bool:
        """Whether a predicate says which bytes count."""
        return "mask" in self.operands

    @property
    def result(self) -> File:
        """What its result goes to."""
        return File.NONE if "vs3" in self.operands else self.rd_file

    @property
    def is_xd1(self) -> bool:
        return self.match & OPCODE_MASK in (CUSTOM_0, CUSTOM_1, CUSTOM_2, CUSTOM_3)

    def matches(self, word: int) -> bool:
        return word & self.mask == self.match


def make_row(name, syntax, format, opcode, unit, function, meaning, *, funct3=None, funct7=None, funct6=None,
         funct5=None, funct4=None, rd=None, rs1=None, rs2=None, **options) -> Instruction:
    """A row from its fixed fields; a field that is given is part of the match."""
    match, mask = opcode, OPCODE_MASK
    for value, shift, field_mask in (
        (funct3, 12, FUNCT3_MASK), (funct7, 25, FUNCT7_MASK), (funct6, 26, FUNCT6_MASK),
        (funct5, 27, FUNCT5_MASK), (funct4, 28, FUNCT4_MASK), (rd, 7, 0x00000F80), (rs1, 15, 0x000F8000),
        (rs2, 20, 0x01F00000),
    ):
        if value is not None:
            match |= value << shift
            mask |= field_mask
    return Instruction(name=name, syntax=syntax, format=format, match=match, mask=mask, unit=unit,
                       function=function, meaning=meaning, **options)
