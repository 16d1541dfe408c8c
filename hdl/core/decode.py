"""The instruction decoder, made from the instruction table."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from .layouts import Control

#: Units whose result is written by the execute stage itself, in its own cycle.
AT_ONCE = (isa.Unit.ALU, isa.Unit.BRANCH, isa.Unit.CSR, isa.Unit.PREDICATE, isa.Unit.SEMAPHORE)

#: Formats whose second ALU operand is the immediate.
_IMMEDIATE = (isa.Format.I_TYPE, isa.Format.U_TYPE, isa.Format.SHIFT, isa.Format.SHIFTW)


def control_of(instruction: isa.Instruction) -> int:
    """The control word of a row of the table."""
    return Control.const({
        "legal": 1,
        "unit": instruction.unit,
        "function": int(instruction.function),
        "lanes": instruction.lanes or 0,
        "number": instruction.number or 0,
        "formatted": instruction.halves is not None,
        "halves": instruction.halves or 0,
        "word": instruction.word,
        "source": instruction.source,
        "immediate": instruction.format in _IMMEDIATE,
        "advances": instruction.advances,
        "bare": instruction.advances or instruction.format is isa.Format.R_TYPE,
        "masked": instruction.masked,
        "reduces": instruction.reduces,
        "rd_file": instruction.rd_file,
        "rs1_file": instruction.rs1_file,
        "rs2_file": instruction.rs2_file,
    }).as_bits()


#: The lowest bits of every instruction.
OPCODE_BITS = 7
OPCODE = (1 << OPCODE_BITS) - 1


def _pattern(instruction: isa.Instruction) -> str:
    """What the bits above the opcode are, the highest first, with a dash for those that do not matter."""
    return "".join(str(instruction.match >> bit & 1) if instruction.mask >> bit & 1 else "-"
                   for bit in reversed(range(OPCODE_BITS, 32)))


class Decoder(wiring.Component):
    """Decodes one instruction word, combinationally.

    Members
    -------
    word : In(32)
    control : Out(Control)
        All zeros, and so not ``legal``, if the table has no such instruction, or this configuration does not, or it
        names an accumulator, a part or a predicate that is not there.
    value : Out(signed(32))
        As `decoded_layout` says.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({"word": In(32), "control": Out(Control), "value": Out(signed(32))})

    def elaborate(self, platform):
        m = Module()
        word = self.word

        # A row of the table is a case, of those with its opcode.
        opcodes: dict[int, list[isa.Instruction]] = {}
        for row in (row for row in isa.INSTRUCTIONS if row.is_in(self.config)):
            opcodes.setdefault(row.match & OPCODE, []).append(row)
        found = Signal(Control)
        with m.Switch(word[:OPCODE_BITS]):
            for opcode, rows in opcodes.items():
                with m.Case(opcode), m.Switch(word[OPCODE_BITS:]):
                    for row in rows:
                        with m.Case(_pattern(row)):
                            m.d.comb += found.as_value().eq(control_of(row))
        missing = (
            self._missing(found.rd_file, word[7:12])
            | self._missing(found.rs1_file, word[15:20])
            | self._missing(found.rs2_file, word[20:25])
        )
        m.d.comb += self.control.eq(Mux(missing, 0, found.as_value()))

        sign = word[31]
        with m.Switch(word[:7]):
            with m.Case(0x37, 0x17):
                m.d.comb += self.value.eq(Cat(Const(0, 12), word[12:32]))
            with m.Case(0x6F):
                m.d.comb += self.value.eq(Cat(Const(0, 1), word[21:31], word[20], word[12:20], sign.replicate(12)))
            with m.Case(0x63):
                m.d.comb += self.value.eq(Cat(Const(0, 1), word[8:12], word[25:31], word[7], sign.replicate(20)))
            with m.Case(0x23, isa.CUSTOM_1):
                m.d.comb += self.value.eq(Cat(word[7:12], word[25:32], sign.replicate(20)))
            with m.Case(0x73):
                m.d.comb += self.value.eq(Cat(word[20:32], word[15:20]))
            with m.Default():
                m.d.comb += self.value.eq(Cat(word[20:32], sign.replicate(20)))
        return m

    def _missing(self, file: Value, index: Value) -> Value:
        """The field names an accumulator, a part of one or of a register, or a predicate that is not there."""
        return (
            ((file == isa.File.ACCUMULATOR) & (index >= self.config.accumulators))
            | ((file == isa.File.PART) & (index >= self.config.parts))
            | ((file == isa.File.QUARTER) & (index >= 4))
            | ((file == isa.File.PREDICATE) & (index >= isa.PREDICATES))
        )


def fields(decoded: data.View) -> tuple[Value, Value, Value]:
    """The rd, rs1 and rs2 fields of a decoded instruction."""
    return decoded.word[7:12], decoded.word[15:20], decoded.word[20:25]


def mask_of(decoded: data.View) -> Value:
    """The predicate that masks a decoded instruction, if one does."""
    return decoded.word[25:28]


def is_unit(control: data.View, *units: isa.Unit) -> Value:
    """An instruction is for one of these units."""
    return Cat(control.unit == unit for unit in units).any()


def writes_at_once(decoded: data.View) -> Value:
    """The execute stage writes an integer register: its own result, or the advanced address."""
    control, (destination, source, _) = decoded.control, fields(decoded)
    result = is_unit(control, *AT_ONCE) & (control.rd_file == isa.File.X) & (destination != 0)
    return result | (control.advances & (source != 0))


def is_constant(decoded: data.View) -> Value:
    """An instruction loads its immediate into an integer register: lui, or addi to zero."""
    control, (_, source, _) = decoded.control, fields(decoded)
    from_zero = (control.source == isa.Source.ZERO) | ((control.source == isa.Source.RS1) & (source == 0))
    return (control.unit == isa.Unit.ALU) & (control.function == isa.Alu.ADD) & control.immediate & from_zero
