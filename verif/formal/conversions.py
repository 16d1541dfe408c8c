"""Proofs about conversions: what the decoder of CFloat8 gives, and what those into floats give, as exact integers.

The statements compare integers: all magnitudes are taken 2^bias times, so that the format is the same at every bias,
and counted in a unit that is smaller than anything of it. They share nothing with the units but the widths of the
formats' fields.
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

    `source` is FP32 or BF16, `target` another float format.
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
        target = FLOATS[self.target]
        ieee = denormals == Denormals.IEEE
        if target.bias is not None:
            bias, ieee = target.bias, Const(1)

        # The magnitude of the operand in units: `size`, and more if `sticky`, or too large for the format if `huge`.
        fields = FLOATS[self.source]
        fraction, exponent = operand[:fields.fraction_bits], operand[fields.fraction_bits:-1]
        special, subnormal, sign = exponent.all(), ~exponent.any(), operand[-1]
        significand = Cat(fraction, ~subnormal)
        place = Signal(9)
        m.d.comb += place.eq(Mux(subnormal, 1, exponent) + bias)
        power = place + (self.scale.unit - BIAS - fields.fraction_bits)
        spill = len(significand)
        shifted = Signal(self.scale.width + spill)
        with m.If(power >= 0):
            m.d.comb += shifted.eq(Cat(Const(0, spill), significand) << power[:9])
        with m.Elif(power >= -spill):
            m.d.comb += shifted.eq(Cat(Const(0, spill), significand) >> (-power)[:5])
        with m.Else():
            m.d.comb += shifted.eq(significand)
        sticky, size = shifted[:spill].any(), shifted[spill:]
        huge = place > BIAS + self.scale.highest

        result, flags = converter.o, converter.flags
        code = result[:target.exponent_bits + target.fraction_bits]
        right, overflow, underflow = self._rounds(m, code, size, sticky, huge, ieee, draw)
        nan, negative = special & fraction.any(), sign & operand[:-1].any() & (not target.signed)
        with m.If(valid):
            m.d.comb += [
                Assert(~converter.illegal),
                Assert(result[len(code):] == (sign & target.signed & ~(nan & target.specials))),
                Assert(flags.denormal == (subnormal & fraction.any())),
                Assert(flags.invalid == (nan | negative)),
            ]
            with m.If(special | negative):
                # What is not a number of the format: its NaN, Inf or zero, or its largest number instead.
                instead = Mux(nan, target.nan, Mux(negative, 0, target.largest + 1)) if target.specials else \
                    target.largest
                m.d.comb += [
                    Assert(code == instead),
                    Assert(flags.overflow == (special & ~nan & (not target.specials))),
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
        width, one = len(code) + 1, Const(fields.one, len(code) + 1)
        # What is flushed to zero is all below the smallest number, which comes after the largest denormal.
        flushed = (code == 0) & fields.flushes
        denormal = ~code[fields.fraction_bits:].any() & code.any() & fields.flushes
        shown = Mux(flushed, one - 1, code)
        for signal, number in ((here, shown), (above, shown + 1), (below, shown - 1), (smallest, one)):
            m.d.comb += signal.eq(scale.magnitude(fields, number[:width], ieee))
        # The last code stands for all above it: the largest number, or Inf, which is where the next number would be.
        last = code == fields.largest + fields.specials
        defined = (code <= fields.largest + fields.specials) & ~denormal
        exact = Cat(sticky, size)  # counts halves of a unit
        if self.rounding is Rounding.NEAREST:
            even = ~shown[0]
            up_to_middle = ~huge & ((exact < here + above) | (exact == here + above) & even)
            down_to_middle = huge | (code == 0) | (exact > below + here) | (exact == below + here) & even
            right, overflow = (up_to_middle | last) & down_to_middle, last & (fields.specials | ~up_to_middle)
            tiny = exact < Cat(Const(0, 1), smallest - (smallest >> fields.fraction_bits + 2))
        else:
            # The lower neighbour is the result, or, if that is larger than the operand, the one before it.
            up = ~huge & ~flushed & (here > size)
            lower, upper = Mux(up, below, here), Mux(up, here, above)
            low = (shown - up)[:width]
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
            between = ~beyond & (size >= lower) & (away == up) | flushed & (size < lower)
            right = last & ~up | between
            overflow = last & (fields.specials | ~up & (beyond | away))
            tiny = size < smallest
        differs = sticky | Mux(flushed, size.any(), size != here)
        return right & defined, overflow, tiny & ~huge & differs


def _encodings() -> list[Proof]:
    return [
        Proof(name=f"{source.name}_to_{target.name}_{rounding.name}".lower(),
              states=f"{source.name} to {target.name}, {rounding.name.lower()}: the result and its flags, for every "
                     "operand, bias and rule for denormals" + ", and every draw" * (rounding is Rounding.STOCHASTIC),
              component=partial(Encoding, source=source, target=target, rounding=rounding),
              mode="bmc", depth=Converter.LATENCY + 1, engine="abc")
        for source, target, rounding in product(
            (Format.BF16, Format.FP32), (*CFLOAT8, Format.SHP, Format.UHP, Format.BF16), Rounding)
        if source is not target]


PROOFS = (
    Proof(name="cfloat8_decoder", states="CFloat8 to BF16 is exact, for every operand, format, bias and rule",
          component=Decoding, mode="prove", depth=1, quick=True),
    *_encodings(),
)
