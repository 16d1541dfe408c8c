"""The second half of every conversion: an unpacked number rounded to a format and packed."""

from types import SimpleNamespace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueCastable, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..number_formats import BIAS_BITS, FLOATS, FORMAT_BITS, INTEGERS, ROUNDING_BITS, Denormals, Rounding
from .formats import Flags
from .shift import leading_zeros, shift_left, spread
from .stochastic import DRAW_BITS
from .unpack import WIDTH, Unpacked

#: Formats that have a hole between denormals and normal numbers if denormals are those of rule 0.
GAPPED = {code: fields for code, fields in FLOATS.items() if fields.bias is None}

#: Bits of (kept, lost) that tell where in a hole a number is. Lower ones are 0: a significand has 24 bits, the first
#: of which is 2^(f - 1) units or more; but for integers, of which only 1 can lie in a hole.
HOLE = slice(DRAW_BITS - 24 + min(fields.fraction_bits for fields in GAPPED.values()),
             DRAW_BITS + 1 + max(fields.fraction_bits for fields in GAPPED.values()))


class Order(data.Struct):
    """What to make of a number: the format and its bias, the rule for denormals, the rounding and the draw for it."""

    target: unsigned(FORMAT_BITS)
    bias: unsigned(BIAS_BITS)
    denormals: Denormals
    rounding: unsigned(ROUNDING_BITS)
    draw: unsigned(DRAW_BITS)


class Tags(data.Struct):
    """What goes with a number from the first stage on."""

    target: unsigned(FORMAT_BITS)
    integer: unsigned(1)  # so is the format
    gapped: unsigned(1)   # so is the format, under this rule
    stochastic: unsigned(1)
    sign: unsigned(1)
    infinite: unsigned(1)
    nan: unsigned(1)
    denormal: unsigned(1)
    illegal: unsigned(1)
    zero: unsigned(1)


class Quantiser(wiring.Component):
    """Rounds an unpacked number to any format and packs it: docs/numerics.md, "Conversions".

    Latency 4 cycles: count leading zeros; find the shift; shift; decide the rounding. The increment follows
    combinationally.

    Members
    -------
    i : In(Unpacked)
    order : In(Order)
    o : Out(32)
        The result in the low bits, zeros above.
    flags : Out(Flags)
    illegal : Out(1)
        A format code is undefined or the rounding reserved: `o` is 0, `flags` Invalid.
    """

    LATENCY = 4

    def __init__(self):
        super().__init__({
            "i": In(Unpacked), "order": In(Order), "o": Out(WIDTH), "flags": Out(Flags), "illegal": Out(1)})

    def elaborate(self, platform):
        m = Module()
        counted = self._count(m)
        placed = self._place(m, counted)
        shifted = self._shift(m, placed)
        decided = self._decide(m, shifted)
        self._finish(m, decided)
        return m

    def _count(self, m: Module) -> SimpleNamespace:
        """What the format asks for, and how far the number is from its smallest ones."""
        order = self.order
        tags = Signal(Tags)
        bias, fraction, top = Signal(7), Signal(5), Signal(8)
        undefined = Signal()
        with m.Switch(order.target):
            for code, fields in FLOATS.items():
                with m.Case(code):
                    m.d.comb += [
                        bias.eq(order.bias if fields.bias is None else fields.bias),
                        fraction.eq(fields.fraction_bits),
                        top.eq(fields.largest >> fields.fraction_bits),
                        tags.gapped.eq((order.denormals == Denormals.TESLA) if code in GAPPED else 0),
                    ]
            with m.Case(*INTEGERS):
                m.d.comb += tags.integer.eq(1)
            with m.Default():
                m.d.comb += undefined.eq(1)
        zeros = leading_zeros(m, self.i.magnitude)
        m.d.comb += [
            tags.target.eq(order.target),
            tags.stochastic.eq(order.rounding == Rounding.STOCHASTIC),
            tags.sign.eq(self.i.sign),
            tags.infinite.eq(self.i.infinite),
            tags.nan.eq(self.i.nan),
            tags.denormal.eq(self.i.denormal),
            tags.illegal.eq(undefined | self.i.undefined | (order.rounding > max(Rounding))),
            tags.zero.eq(zeros[-1]),
        ]
        # Room is how far the top bit of the magnitude could move up until its place is that of a denormal's hidden bit.
        room = Signal(signed(10))
        m.d.comb += room.eq(self.i.exponent + bias - ~(tags.integer | tags.gapped))
        return _registered(m, 1, tags=tags, draw=order.draw, magnitude=self.i.magnitude, zeros=zeros, room=room,
                           fraction=fraction, top=top)

    @staticmethod
    def _place(m: Module, number: SimpleNamespace) -> SimpleNamespace:
        """The shift that brings the last bit of the result to its place, and the exponent field."""
        tags = number.tags
        limited = tags.integer | (number.room < number.zeros)
        below = number.fraction + (WIDTH + 1)  # the shift, if the top bit is set and stays the top bit
        places = number.room + below
        power = number.room - number.zeros + ~(tags.integer | tags.gapped)  # the exponent field, if it is positive
        left, exponent = Signal(7), Signal(8)
        normal, small = Signal(), Signal()
        m.d.comb += [
            left.eq(Mux(limited, Mux(places < 0, 0, places), number.zeros + below)),
            normal.eq(power > 0),
            small.eq(~tags.integer & ~tags.zero & ~normal),
            exponent.eq(Mux(normal & ~tags.zero & ~tags.integer, power, 0)),
        ]
        return _registered(
            m, 2, tags=tags, draw=number.draw, magnitude=number.magnitude, left=left, exponent=exponent, small=small,
            beside=tags.gapped & small & (number.room == number.zeros),  # in the hole, and not below its first unit
            huge=~tags.zero & Mux(tags.integer, number.room > WIDTH - 1, power > number.top))

    @staticmethod
    def _shift(m: Module, number: SimpleNamespace) -> SimpleNamespace:
        """Units that are kept, and the fraction of one that is lost."""
        window = Signal(2 * WIDTH + DRAW_BITS)
        m.d.comb += window.eq(shift_left(m, Cat(number.magnitude, Const(0, len(window) - WIDTH)), number.left))
        # The largest denormal, 2^f - 1 units, and that part of the hole, 2^f + 1 units, that the draw is of 2^32.
        threshold = Signal(HOLE.stop)
        with m.Switch(number.tags.target):
            for code, fields in GAPPED.items():
                with m.Case(code):
                    m.d.comb += threshold.eq(
                        Cat(number.draw, Const(fields.one - 1, fields.fraction_bits))
                        + (number.draw << fields.fraction_bits))
        return _registered(
            m, 3, tags=number.tags, draw=number.draw, exponent=number.exponent, small=number.small,
            beside=number.beside, huge=number.huge, kept=window[-WIDTH:], lost=window[WIDTH:-WIDTH],
            sticky=window[:WIDTH].any(), threshold=threshold[HOLE])

    @staticmethod
    def _decide(m: Module, number: SimpleNamespace) -> SimpleNamespace:
        """Whether to round up, and what else the result may be."""
        tags, kept, lost, sticky = number.tags, number.kept, number.lost, number.sticky
        half = lost[-1]
        pattern, limit, instead = Signal(WIDTH), Signal(WIDTH), Signal(WIDTH)
        full = Signal()    # the fraction is all ones
        beyond = Signal()  # more than half way through the hole, or half way
        ones = Signal(max(fields.fraction_bits for fields in GAPPED.values()))
        clamps, flushes, negative = Signal(), Signal(), Signal()
        with m.Switch(tags.target):
            for code, fields in FLOATS.items():
                width = fields.fraction_bits
                with m.Case(code):
                    sign = tags.sign << fields.bits - 1 if fields.signed else Const(0, 1)
                    m.d.comb += [
                        pattern.eq(Cat(kept[:width], number.exponent[:fields.exponent_bits])),
                        limit.eq(fields.largest),
                        full.eq(kept[:width].all()),
                        flushes.eq(fields.flushes),
                        clamps.eq(not fields.specials),
                        negative.eq(0 if fields.signed else tags.sign & ~tags.zero),
                        instead.eq(fields.largest + fields.specials | sign),
                    ]
                    if code in GAPPED:
                        m.d.comb += [
                            ones.eq(fields.one - 1),
                            beyond.eq(kept[width - 1] | kept[:width - 1].all() & half),
                        ]
                    if fields.specials:
                        with m.If(tags.nan):
                            m.d.comb += instead.eq(fields.nan)
                        with m.Elif(negative):
                            m.d.comb += instead.eq(0)
            for code, bits in INTEGERS.items():
                with m.Case(code):
                    m.d.comb += [
                        pattern.eq(kept),
                        limit.eq((1 << bits - 1) - 1 + tags.sign),
                        instead.eq(Mux(tags.nan, (1 << bits - 1) - 1, limit)),
                    ]

        hole = tags.gapped & number.small & (number.beside | full)
        nearest = Mux(hole, number.beside & beyond, half & (lost[:-1].any() | sticky | kept[0]))
        stochastic = Mux(hole, Cat(lost, kept)[HOLE] > number.threshold,
                         Cat(sticky, lost) > Cat(Const(0, 1), number.draw))
        # Rounded to as many bits as a normal number has, it is the smallest one.
        carries = full & half & (number.beside | ~tags.gapped & lost[-2])
        inexact = lost.any() | sticky | number.beside | flushes
        up = Mux(tags.stochastic, stochastic, nearest)
        # -(x + up) is the complement of x, and one more if it is not rounded up.
        negate = tags.integer & tags.sign
        return _registered(
            m, 4, tags=tags, up=up, increment=up ^ negate, pattern=Mux(hole, ones, pattern ^ spread(negate, WIDTH)),
            instead=Mux(tags.illegal, 0, instead),
            flush=flushes & number.small & ~(full & up),
            special=tags.nan | tags.infinite | negative | tags.illegal,
            over=number.huge | tags.integer & (pattern > limit), last=pattern == limit,
            invalid=tags.nan | negative | tags.illegal | tags.integer & tags.infinite,
            overflow=clamps & tags.infinite,
            underflow=number.small & inexact & (tags.stochastic | ~carries))

    def _finish(self, m: Module, number: SimpleNamespace) -> None:
        """Increment, and put in what else there is."""
        tags = number.tags
        overflow = ~number.special & (number.over | number.last & number.up)
        total = Signal(WIDTH)
        m.d.comb += total.eq(number.pattern + number.increment)
        with m.If(number.special | overflow):
            m.d.comb += self.o.eq(number.instead)
        with m.Elif(~number.flush):
            with m.Switch(tags.target):
                for code, fields in FLOATS.items():
                    with m.Case(code):
                        magnitude = total[:fields.exponent_bits + fields.fraction_bits]
                        m.d.comb += self.o.eq(Cat(magnitude, tags.sign) if fields.signed else magnitude)
                for code, bits in INTEGERS.items():
                    with m.Case(code):
                        m.d.comb += self.o.eq(total[:bits])
        m.d.comb += [
            self.flags.invalid.eq(number.invalid | tags.integer & overflow),
            self.flags.denormal.eq(tags.denormal & ~tags.illegal),
            self.flags.overflow.eq(number.overflow & ~tags.illegal | ~tags.integer & overflow),
            self.flags.underflow.eq(number.underflow & ~number.special),
            self.illegal.eq(tags.illegal),
        ]


def _registered(m: Module, stage: int, **values: Value | ValueCastable) -> SimpleNamespace:
    """Registers of these names and shapes."""
    registers = SimpleNamespace()
    for name, value in values.items():
        shape = value.shape() if isinstance(value, Value | data.View) else Value.cast(value).shape()
        register = Signal(shape, name=f"{name}_{stage}", reset_less=True)
        m.d.sync += register.eq(value)
        setattr(registers, name, register)
    return registers
