"""Proofs about CFloat8 and SHP: what the decoder gives and what conversions into them give, as exact integers.

The statements compare integers: all magnitudes are taken 2^bias times, so that the format is the same at every bias, and
counted in a unit that is smaller than anything of it. They share nothing with the units but the widths of the formats'
fields.
"""

from functools import partial
from itertools import product

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.arith.cfloat8 import Cfloat8Decoder
from hdl.arith.convert import Converter
from hdl.arith.formats import BIAS
from hdl.number_formats import BIAS_BITS, FLOATS, Denormals, FloatFields, Format, Rounding

from .proof import Proof

CFLOAT8 = (Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2)


class Scale:
    """Magnitudes x 2^bias as integers, in units of which the formats' smallest numbers are 2^`below`, or more."""

    def __init__(self, *formats: FloatFields, below: int):
        self.unit = max(fields.fraction_bits for fields in formats) + below
        self.highest = 1 << max(fields.exponent_bits for fields in formats)  # 2^`highest` is above all of them
        self.width = self.unit + self.highest + 2  # room for the number above the largest, and for sums

    def ulp_power(self, fields: FloatFields, code: Value, ieee: Value) -> Value:
        """The power of two that the last bit of exponent and fraction `code` stands for."""
        exponent = code[fields.fraction_bits:]
        return Mux(exponent.any(), exponent, ieee) + (self.unit - fields.fraction_bits)

    def magnitude(self, fields: FloatFields, code: Value, ieee: Value) -> Value:
        """What exponent and fraction `code` stand for, as the table of formats has it."""
        exponent, fraction = code[fields.fraction_bits:], code[:fields.fraction_bits]
        significand = Mux(exponent.any(), fields.one + fraction, fraction)
        return (significand << self.ulp_power(fields, code, ieee))[:self.width]


class Decoding(wiring.Component):
    """`Cfloat8Decoder` gives the number that its operand is, as a normal number of BF16 or as zero."""

    def __init__(self):
        super().__init__({"i": In(8), "wide": In(1), "bias": In(BIAS_BITS), "denormals": In(Denormals)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = Cfloat8Decoder()
        m.d.comb += [getattr(decoder, name).eq(getattr(self, name)) for name in ("i", "wide", "bias", "denormals")]
        scale, number = Scale(*(FLOATS[code] for code in CFLOAT8), below=8), decoder.o
        given, is_denormal = Signal(scale.width), Signal()
        for wide, code in enumerate(CFLOAT8):
            fields = FLOATS[code]
            with m.If(self.wide == wide):
                m.d.comb += [
                    given.eq(scale.magnitude(fields, self.i[:7], self.denormals == Denormals.IEEE)),
                    is_denormal.eq((self.i[:7] > 0) & (self.i[:7] < fields.one)),
                ]
        zero = Cat(number.exponent, number.fraction) == 0
        normal = (number.exponent > 0) & (number.exponent < 0xFF)
        power = number.exponent + self.bias + (scale.unit - BIAS - 7)
        value = ((0x80 + number.fraction) << power[:8])[:scale.width]
        m.d.comb += [
            Assert(number.sign == self.i[7]),
            Assert(zero | normal & (power >= 0) & (power <= scale.width - 8)),
            Assert(given == Mux(zero, 0, value)),
            Assert(decoder.denormal == is_denormal),
        ]
        return m


class Encoding(wiring.Component):
    """A `Converter` gives the neighbour that the rounding asks for, and the flags.

    `source` is FP32 or BF16, `target` a format whose bias is chosen at run time.
    """

    def __init__(self, *, source: Format, target: Format, rounding: Rounding):
        self.source, self.target, self.rounding = source, target, rounding
        # A draw of 32 bits is compared with a 2^32nd part of the distance between two numbers, a tie with half of it.
        self.scale = Scale(FLOATS[target], below=34 if rounding is Rounding.STOCHASTIC else 8)
        super().__init__({"i": In(FLOATS[source].bits), "bias": In(BIAS_BITS), "denormals": In(Denormals),
                          "draw": In(32)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.converter = converter = Converter()
        m.d.comb += [
            converter.i.eq(self.i),
            converter.source.eq(self.source),
            converter.target.eq(self.target),
            converter.target_bias.eq(self.bias),
            converter.denormals.eq(self.denormals),
            converter.rounding.eq(self.rounding),
            converter.draw.eq(self.draw),
        ]
        # What was asked for when the result went in.
        asked = [self.i, self.bias, self.denormals, self.draw, Const(1, 1)]
        for _ in range(Converter.LATENCY):
            later = [Signal(len(value)) for value in asked]
            m.d.sync += [after.eq(before) for after, before in zip(later, asked, strict=True)]
            asked = later
        operand, bias, denormals, draw, valid = asked
        ieee = denormals == Denormals.IEEE

        # The magnitude of the operand in units: `size`, and more if `sticky`, or too large for the format if `huge`.
        fields = FLOATS[self.source]
        fraction, exponent = operand[:fields.fraction_bits], operand[fields.fraction_bits:-1]
        special, subnormal, sign = exponent.all(), ~exponent.any(), operand[-1]
        significand = Cat(fraction, ~subnormal)
        place = Signal(range(512))
        m.d.comb += place.eq(Mux(subnormal, 1, exponent) + bias)
        power = place + (self.scale.unit - BIAS - fields.fraction_bits)
        spill = len(significand)
        shifted = Signal(self.scale.width + spill)
        with m.If(power >= 0):
            m.d.comb += shifted.eq(Cat(Const(0, spill), significand) << power[:8])
        with m.Elif(power >= -spill):
            m.d.comb += shifted.eq(Cat(Const(0, spill), significand) >> (-power)[:5])
        with m.Else():
            m.d.comb += shifted.eq(significand)
        sticky, size = shifted[:spill].any(), shifted[spill:]
        huge = place > BIAS + self.scale.highest

        result, flags = converter.o, converter.flags
        code = result[:FLOATS[self.target].bits - 1]
        right, overflow, underflow = self._rounds(m, code, size, sticky, huge, ieee, draw)
        with m.If(valid):
            m.d.comb += [
                Assert(~converter.illegal),
                Assert(result[len(code):] == sign),
                Assert(flags.denormal == (subnormal & fraction.any())),
                Assert(flags.invalid == (special & fraction.any())),
            ]
            with m.If(special):
                m.d.comb += [
                    Assert(code == FLOATS[self.target].largest),
                    Assert(flags.overflow == ~fraction.any()),
                    Assert(~flags.underflow),
                ]
            with m.Else():
                m.d.comb += [Assert(right), Assert(flags.overflow == overflow), Assert(flags.underflow == underflow)]
        return m

    def _rounds(self, m: Module, code: Value, size: Value, sticky: Value, huge: Value, ieee: Value,
                draw: Value) -> tuple[Value, Value, Value]:
        """Whether `code` is what a magnitude rounds to, whether it is that by clamping, and whether it underflows."""
        scale, fields = self.scale, FLOATS[self.target]
        here, above, below, smallest = (Signal(scale.width, name=name) for name in (
            "here", "above", "below", "smallest"))
        one = Const(fields.one, fields.bits)
        for signal, number in ((here, code), (above, code + 1), (below, code - 1), (smallest, one)):
            m.d.comb += signal.eq(scale.magnitude(fields, number[:fields.bits], ieee))
        largest = code == fields.largest
        exact = Cat(sticky, size)  # counts halves of a unit
        if self.rounding is Rounding.NEAREST:
            even = ~code[0]
            up_to_middle = ~huge & ((exact < here + above) | (exact == here + above) & even)
            down_to_middle = huge | (code == 0) | (exact > below + here) | (exact == below + here) & even
            right, overflow = (up_to_middle | largest) & down_to_middle, largest & ~up_to_middle
            tiny = exact < Cat(Const(0, 1), smallest - (smallest >> fields.fraction_bits + 2))
        else:
            # The lower neighbour is the result, or, if that is larger than the operand, the one before it.
            up = ~huge & (here > size)
            lower, upper = Mux(up, below, here), Mux(up, here, above)
            low = (code - up)[:fields.bits]
            power = scale.ulp_power(fields, low, ieee)
            hole = ~ieee & (low == fields.one - 1)
            gap, part = Signal(scale.width), Signal(scale.width)
            m.d.comb += [
                gap.eq(Mux(hole, fields.one + 1, 1) << power),
                part.eq((Mux(hole, draw * (fields.one + 1), draw) << power) >> 32),  # draw x gap / 2^32
                Assert(gap == upper - lower),
            ]
            beyond = huge | (size >= upper)
            away = Cat(sticky, size - lower) > Cat(Const(0, 1), part)
            right = Mux(largest & ~up, 1, ~beyond & (size >= lower) & (away == up))
            overflow = largest & ~up & (beyond | away)
            tiny = size < smallest
        return right, overflow, tiny & ~huge & (sticky | (size != here))


def _encodings() -> list[Proof]:
    return [
        Proof(name=f"{source.name}_to_{target.name}_{rounding.name}".lower(),
              states=f"{source.name} to {target.name}, {rounding.name.lower()}: the result and its flags, for every "
                     "operand, bias and rule for denormals" + ", and every draw" * (rounding is Rounding.STOCHASTIC),
              component=partial(Encoding, source=source, target=target, rounding=rounding),
              mode="bmc", depth=Converter.LATENCY + 1, engine="abc", timeout=3600)
        for source, target, rounding in product(
            (Format.BF16, Format.FP32), (*CFLOAT8, Format.SHP), Rounding)]


PROOFS = (
    Proof(name="cfloat8_decoder", states="CFloat8 to BF16 is exact, for every operand, format, bias and rule",
          component=Decoding, mode="prove", depth=1, quick=True),
    *_encodings(),
)
