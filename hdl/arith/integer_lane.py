"""The integer lane: every operation of `IntegerOperation` on elements of 8, 16 or 32 bits side by side in a word."""

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .multiply import booth_rows, compress
from .operations import IntegerOperation, IntegerSize

_OP = IntegerOperation


class IntegerUnit(wiring.Component):
    """Every integer operation on one element. Latency 3 cycles.

    1. Add, subtract, shift; multiply, up to at most four rows that are yet to be added.
    2. Saturate, compare, choose; add the rows up to two.
    3. Add those.

    Parameters
    ----------
    size : IntegerSize

    Members
    -------
    operation : In(IntegerOperation)
    a, b : In(size.bits)
    o : Out(size.bits)
        The result; of a comparison, all bits 1 or 0; of an undefined operation, 0.
    """

    LATENCY = 3

    def __init__(self, *, size: IntegerSize):
        self.bits = size.bits
        super().__init__({
            "operation": In(IntegerOperation), "a": In(self.bits), "b": In(self.bits), "o": Out(self.bits)})

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
        rows = compress(m, booth_rows(m, self.a, self.b, operation == _OP.MULH), 4)
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
                _OP.ADDSU: total[:-1] | total[-1].replicate(bits),
                _OP.SUBS: Mux(signs_differ & (difference[-2] ^ a[-1]), bound, difference[:-1]),
                _OP.SUBSU: difference[:-1] & ~below_unsigned.replicate(bits),
                _OP.SLL: shifted[::-1],
                _OP.SRL: shifted,
                _OP.SRA: shifted,
                _OP.AND: a & b,
                _OP.OR: a | b,
                _OP.XOR: a ^ b,
                _OP.EQ: equal.replicate(bits),
                _OP.LT: below.replicate(bits),
                _OP.LTU: below_unsigned.replicate(bits),
                _OP.LE: (below | equal).replicate(bits),
                _OP.LEU: (below_unsigned | equal).replicate(bits),
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

    Each size has units of its own.

    Members
    -------
    operation : In(IntegerOperation)
    size : In(IntegerSize)
    a, b : In(32)
        Operands, the first element lowest.
    o : Out(32)
    illegal : Out(1)
        The operation or the size is undefined. The result is 0.
    """

    LATENCY = IntegerUnit.LATENCY

    def __init__(self):
        super().__init__({
            "operation": In(IntegerOperation), "size": In(IntegerSize), "a": In(32), "b": In(32),
            "o": Out(32), "illegal": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        words = {}
        for size in IntegerSize:
            elements = []
            for index in range(32 // size.bits):
                m.submodules[f"{size.name.lower()}_{index}"] = unit = IntegerUnit(size=size)
                m.d.comb += [
                    unit.operation.eq(self.operation),
                    unit.a.eq(self.a.word_select(index, size.bits)),
                    unit.b.eq(self.b.word_select(index, size.bits)),
                ]
                elements.append(unit.o)
            words[size] = Cat(elements)

        sizes = [Signal(IntegerSize, name=f"size{stage}", reset_less=True) for stage in range(self.LATENCY)]
        illegal = Signal(self.LATENCY, reset_less=True)
        undefined = ~(self.operation.matches(*IntegerOperation) & self.size.matches(*IntegerSize))
        m.d.sync += [
            illegal.eq(Cat(undefined, illegal)),
            *(after.eq(before) for before, after in pairwise([self.size, *sizes])),
        ]
        m.d.comb += self.illegal.eq(illegal[-1])
        with m.Switch(sizes[-1]):
            for size, word in words.items():
                with m.Case(size):
                    m.d.comb += self.o.eq(word)
        return m
