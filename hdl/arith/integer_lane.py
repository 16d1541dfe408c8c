"""The integer lane: every operation of `IntegerOperation` on INT8, INT16 or INT32 side by side in a word."""

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..number_formats import FORMAT_BITS, INTEGERS
from .multiply import booth_digits, booth_rows, compress
from .operations import IntegerOperation
from .shift import spread

_OP = IntegerOperation


class IntegerUnit(wiring.Component):
    """Every integer operation on one element. Latency 3 cycles.

    1. Add, subtract, shift; multiply, up to at most four rows that are yet to be added.
    2. Saturate, compare, choose; add the rows up to two.
    3. Add those.

    Parameters
    ----------
    bits : int
        Width of the element: 8, 16 or 32.

    Members
    -------
    operation : In(IntegerOperation)
    a, b : In(bits)
    o : Out(bits)
        The result; of a comparison, all bits 1 or 0; of an undefined operation, 0.
    """

    LATENCY = 3

    def __init__(self, *, bits: int):
        if bits not in INTEGERS.values():
            raise ValueError(f"an element must have 8, 16 or 32 bits, not {bits!r}")
        self.bits = bits
        super().__init__({"operation": In(IntegerOperation), "a": In(bits), "b": In(bits), "o": Out(bits)})

    def elaborate(self, platform):
        m = Module()
        bits, operation = self.bits, self.operation

        # 1. A shift to the left is one to the right of the bits in reverse.
        left = operation == _OP.SLL
        fill = (operation == _OP.SRA) & self.a[-1]
        amount = self.b[:(bits - 1).bit_length()]
        shifted_in = Cat(Mux(left, self.a[::-1], self.a), fill).as_signed()
        functions = [Signal(IntegerOperation, name=f"function{stage}", reset_less=True) for stage in range(2)]
        a, b, shifted = (Signal(bits, name=name, reset_less=True) for name in ("a1", "b1", "shifted"))
        total, difference = (Signal(bits + 1, name=name, reset_less=True) for name in ("total", "difference"))
        signed = operation == _OP.MULH
        rows = compress(m, booth_rows(m, self.a, booth_digits(m, self.b, signed), signed), 4)
        partial = [Signal(2 * bits, name=f"partial{index}", reset_less=True) for index in range(len(rows))]
        m.d.sync += [
            functions[0].eq(operation),
            a.eq(self.a),
            b.eq(self.b),
            total.eq(self.a + self.b),
            difference.eq(self.a - self.b),
            shifted.eq(shifted_in >> amount),
            *(register.eq(row) for register, row in zip(partial, rows, strict=True)),
        ]

        # 2.
        function = functions[0]
        least, most = Const(1 << bits - 1, bits), Const((1 << bits - 1) - 1, bits)
        bound = Mux(a[-1], least, most)
        signs_differ = a[-1] ^ b[-1]
        below_unsigned = difference[-1]
        below = Mux(signs_differ, a[-1], difference[-2])
        equal = a == b
        simple = Signal(bits, reset_less=True)
        m.d.sync += simple.eq(0)
        with m.Switch(function):
            for choice, result in {
                _OP.ADD: total,
                _OP.SUB: difference,
                _OP.ADDS: Mux(~signs_differ & (total[-2] ^ a[-1]), bound, total[:-1]),
                _OP.ADDSU: total[:-1] | spread(total[-1], bits),
                _OP.SUBS: Mux(signs_differ & (difference[-2] ^ a[-1]), bound, difference[:-1]),
                _OP.SUBSU: difference[:-1] & ~spread(below_unsigned, bits),
                _OP.SLL: shifted[::-1],
                _OP.SRL: shifted,
                _OP.SRA: shifted,
                _OP.AND: a & b,
                _OP.OR: a | b,
                _OP.XOR: a ^ b,
                _OP.EQ: spread(equal, bits),
                _OP.LT: spread(below, bits),
                _OP.LTU: spread(below_unsigned, bits),
                _OP.LE: spread(below | equal, bits),
                _OP.LEU: spread(below_unsigned | equal, bits),
                _OP.MIN: Mux(below, a, b),
                _OP.MINU: Mux(below_unsigned, a, b),
                _OP.MAX: Mux(below, b, a),
                _OP.MAXU: Mux(below_unsigned, b, a),
            }.items():
                with m.Case(choice):
                    m.d.sync += simple.eq(result)
        summands = [Signal(2 * bits, name=f"summand{index}", reset_less=True) for index in range(2)]
        m.d.sync += [
            functions[1].eq(function),
            *(register.eq(row) for register, row in zip(summands, compress(m, partial, 2), strict=True)),
        ]

        # 3.
        product = Signal(2 * bits)
        result = Signal(bits, reset_less=True)
        m.d.comb += [product.eq(summands[0] + summands[1]), self.o.eq(result)]
        with m.Switch(functions[1]):
            with m.Case(_OP.MUL):
                m.d.sync += result.eq(product[:bits])
            with m.Case(_OP.MULH, _OP.MULHU):
                m.d.sync += result.eq(product[bits:])
            with m.Default():
                m.d.sync += result.eq(simple)
        return m


class IntegerLane(wiring.Component):
    """A word of one, two or four elements every cycle, every operation with the same latency of 3 cycles.

    Each format has units of its own.

    Members
    -------
    operation : In(IntegerOperation)
    format : In(4)
        Code of `Format.INT8`, `INT16` or `INT32`.
    a, b : In(32)
        Operands, the first element lowest.
    o : Out(32)
    illegal : Out(1)
        The operation or the format is none of these. The result is 0.
    """

    LATENCY = IntegerUnit.LATENCY

    def __init__(self):
        super().__init__({
            "operation": In(IntegerOperation), "format": In(FORMAT_BITS), "a": In(32), "b": In(32),
            "o": Out(32), "illegal": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        words = {}
        for format, bits in INTEGERS.items():
            elements = []
            for index in range(32 // bits):
                m.submodules[f"{format.name.lower()}_{index}"] = unit = IntegerUnit(bits=bits)
                m.d.comb += [
                    unit.operation.eq(self.operation),
                    unit.a.eq(self.a.word_select(index, bits)),
                    unit.b.eq(self.b.word_select(index, bits)),
                ]
                elements.append(unit.o)
            words[format] = Cat(elements)

        formats = [Signal(FORMAT_BITS, name=f"format{stage}", reset_less=True) for stage in range(self.LATENCY)]
        illegal = Signal(self.LATENCY, reset_less=True)
        defined = self.operation.matches(*IntegerOperation) & self.format.matches(*INTEGERS)
        m.d.sync += [
            illegal.eq(Cat(~defined, illegal)),
            *(after.eq(before) for before, after in pairwise([self.format, *formats])),
        ]
        m.d.comb += self.illegal.eq(illegal[-1])
        with m.Switch(formats[-1]):
            for format, word in words.items():
                with m.Case(format):
                    m.d.comb += self.o.eq(word)
        return m
