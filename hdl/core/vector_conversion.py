"""Conversions of the vector unit, and the generators of stochastic rounding."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.convert import Converter
from ..arith.stochastic import DRAW_BITS, advanced
from ..config import Config
from ..number_formats import BIAS_BITS, FORMAT_BITS, ROUNDING_BITS, WIDTHS, Denormals, Format, Rounding
from ..verilog import Block
from .vector_lanes import LANE, gated_lanes, kept, words

#: Widths of numbers.
_WIDTHS = sorted(set(WIDTHS.values()))


class Conversion(data.Struct):
    """How numbers are read and made: the CSR vformat."""

    source: unsigned(FORMAT_BITS)
    target: unsigned(FORMAT_BITS)
    source_bias: unsigned(BIAS_BITS)
    target_bias: unsigned(BIAS_BITS)
    denormals: Denormals
    rounding: unsigned(ROUNDING_BITS)


def is_defined(conversion: data.View):
    """As hardware: both formats are defined, and the rounding is not reserved."""
    return (conversion.source.matches(*Format) & conversion.target.matches(*Format)
            & conversion.rounding.matches(*Rounding))


def _width_index(form):
    """As hardware: which of `_WIDTHS` a format has."""
    return sum(Mux(form.matches(*(each for each in Format if WIDTHS[each] == width)), index, 0)
               for index, width in enumerate(_WIDTHS))


class Generators(wiring.Component):
    """The state of each thread's generators, one for each lane; docs/numerics.md specifies them.

    After reset the state of lane l is l + 1: whoever needs good draws seeds them.

    Members
    -------
    thread : In, states : Out
        Whose states are shown.
    advance : In(1)
        The draws that `states` shows are used: step on to the next.
    seed : In(1), seeds : In
        Take these states instead; 0 becomes 1.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "thread": In(config.thread_bits),
            "states": Out(config.vector_bits),
            "advance": In(1),
            "seed": In(1),
            "seeds": In(config.vector_bits),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        initial = sum(lane + 1 << DRAW_BITS * lane for lane in range(config.lanes))
        held = Array(Signal(config.vector_bits, name=f"thread_{thread}", init=initial)
                     for thread in range(config.threads))
        m.d.comb += self.states.eq(held[self.thread])
        with m.If(self.seed):
            m.d.sync += held[self.thread].eq(Cat(Mux(seed.any(), seed, 1) for seed in words(config, self.seeds)))
        with m.Elif(self.advance):
            m.d.sync += held[self.thread].eq(Cat(advanced(m, state) for state in words(config, self.states)))
        return m


class ConversionLanes(wiring.Component):
    """As many numbers as there are lanes, from a part of a register into a part of another.

    Latency 6 cycles: keep the operands; the lanes. ``old`` comes in the last of them.

    Members
    -------
    valid : In(1)
        An operation comes.
    conversion : In(Conversion), quarter : In(2), draws : In
        How and where; a draw for each lane.
    a : In, old : In, o : Out
        Vector registers: the numbers, and what the destination held and will hold.
    """

    LATENCY = 1 + Converter.LATENCY

    def __init__(self, *, config: Config):
        self.config = config
        register = config.vector_bits
        super().__init__({
            "valid": In(1), "conversion": In(Conversion), "quarter": In(2), "draws": In(register),
            "a": In(register), "old": In(register), "o": Out(register),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self.config.lanes
        gated = gated_lanes(m, valid=self.valid, latency=self.LATENCY)
        order, draws = kept(m, self.conversion, name="order"), kept(m, self.draws, name="draw")
        width = _width_index(self.conversion.source)
        body = Converter()
        numbers = []
        for index in range(lanes):
            lane = Block(module="d1_converter", body=body)
            m.submodules[f"lane{index}"] = gated(lane)
            choices = [Array(self.a.word_select(quarter % (LANE // bits) * lanes + index, bits) for quarter in range(4))
                       for bits in _WIDTHS]
            number = Signal(LANE, name=f"number{index}")
            m.d.comb += [
                number.eq(Array(choice[self.quarter] for choice in choices)[width]),
                lane.i.eq(kept(m, number, name=f"kept{index}")),
                lane.draw.eq(draws.word_select(index, LANE)),
                *(getattr(lane, name).eq(getattr(order, name)) for name, _ in Conversion.as_shape()),
            ]
            numbers.append(lane.o)

        # Where they go.
        place = Cat(self.quarter, _width_index(self.conversion.target))
        for stage in range(self.LATENCY):
            place = kept(m, place, name=f"place{stage}")
        quarter, width = place[:2], place[2:]
        m.d.comb += self.o.eq(self.old)
        with m.Switch(width):
            for index, bits in enumerate(_WIDTHS):
                with m.Case(index), m.Switch(quarter):
                    for choice in range(4):
                        part = choice % (LANE // bits)
                        with m.Case(choice):
                            m.d.comb += self.o.word_select(part, bits * lanes).eq(
                                Cat(number[:bits] for number in numbers))
        return m
