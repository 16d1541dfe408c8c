"""The CFloat8 multiplier of the matrix unit: operands as they are decoded, and the product aligned for the sum."""

from itertools import pairwise

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from hdl.core.dot_product import DotProduct
from hdl.core.matrix_operand import MatrixOperand, OperandFormat
from hdl.number_formats import Denormals, Format
from verif.formal.proof import Proof

#: Cycles from a pair of operands to their group, and one more to its total.
GROUP = MatrixOperand.LATENCY + DotProduct.LATENCY - 1


class _Product(wiring.Component):
    """Two CFloat8 through their decoders and the multiplier of one pair, beside what docs/numerics.md says of them."""

    def __init__(self):
        side = data.StructLayout({"code": 8, "wide": 1, "bias": 6, "denormals": Denormals})
        super().__init__({"a": In(side), "b": In(side)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.product = product = DotProduct(depth=1)
        m.d.comb += product.multiply.eq(1)
        significands, exponents, negative, leading = [], [], [], []
        for name, side, operand in (("a", self.a, product.a[0]), ("b", self.b, product.b[0])):
            m.submodules[name] = decoder = MatrixOperand()
            form = Signal(OperandFormat, name=f"{name}_format")
            m.d.comb += [
                form.code.eq(Mux(side.wide, Format.CFLOAT8_1_5_2, Format.CFLOAT8_1_4_3)),
                form.bias.eq(side.bias),
                form.denormals.eq(side.denormals),
                decoder.enable.eq(1),
                decoder.format.eq(form),
                decoder.halves[0].eq(side.code),
                operand.eq(decoder.o),
            ]
            # As fields, before anything is normalised: significand x 2^(exponent - 130).
            e = Mux(side.wide, side.code[2:7], side.code[3:7])
            f = Mux(side.wide, Cat(Const(0, 1), side.code[:2]), side.code[:3])
            significand = Signal(4, name=f"{name}_significand")
            m.d.comb += significand.eq(Cat(f, e.any()))
            significands.append(significand)
            exponents.append(Mux(e.any(), e, side.denormals == Denormals.IEEE) + 127 - side.bias)
            negative.append(side.code[7])
            # Places by which the highest bit is below that of a normal number.
            leading.append(Mux(significand[3], 0, Mux(significand[2], 1, Mux(significand[1], 2, 3))))

        expected = data.StructLayout({"magnitude": 8, "exponent": 9, "normalised": 9, "negative": 1})
        stages = [Signal(expected, name=f"expected{stage}") for stage in range(GROUP + 2)]
        valid = Signal(GROUP + 2)
        m.d.sync += valid.eq(Cat(1, valid))
        m.d.comb += [
            stages[0].magnitude.eq(significands[0] * significands[1]),
            stages[0].exponent.eq(exponents[0] + exponents[1]),
            stages[0].normalised.eq(exponents[0] + exponents[1] - leading[0] - leading[1]),
            stages[0].negative.eq(negative[0] ^ negative[1]),
        ]
        for before, after in pairwise(stages):
            m.d.sync += after.eq(before)

        group, total = stages[-2], stages[-1]
        with m.If(valid[GROUP - 1]):
            m.d.comb += [
                Assert(product.group.empty == (group.magnitude == 0)),
                Assert(product.group.special.as_value() == 0),
                Assert(product.group.empty | (product.group.anchor == group.normalised[4:])),
            ]
        # The product of a with its significand's highest bit at 2^7 is 2^4 x that of a; so is that of b.
        shifted = (total.magnitude << 24) << (total.exponent - Cat(Const(0, 4), total.normalised[4:]))[:5]
        with m.If(valid[GROUP]):
            m.d.comb += Assert(product.total == Mux(total.negative, -shifted, shifted))
        return m


PROOFS = (
    Proof(name="matrix_cfloat8_product",
          states="every product of two CFloat8, each of either format, any bias and any rule for denormals, has the "
                 "anchor and the exact value, aligned for the sum, that its fields say",
          component=_Product, mode="bmc", depth=GROUP + 2, engine="abc"),
)
