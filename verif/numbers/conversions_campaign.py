"""Conversions, as gates, and stochastic rounding, all of it: a part of `verif.numbers.campaign`."""

from functools import cache

import numpy as np

from hdl.arith.cfloat8 import Cfloat8Decoder
from hdl.arith.convert import Converter
from hdl.number_formats import BIAS_LIMIT, Format
from verif import batch, slices

from . import cfloat8, conversions, conversions_softfloat, stochastic
from .campaign import Outcome, Task

EVERY_BIAS = range(BIAS_LIMIT + 1)

#: Random conversions for each pair of formats, rule and rounding; for SoftFloat, for each pair.
RANDOM = 100_000
SOFTFLOAT = 250_000

#: Draws for each kind of boundary.
DRAWS = 10_000_000


@cache
def converter() -> slices.Slices:
    return slices.build(Converter(), name="converter")


@cache
def draws() -> np.ndarray:
    unit = batch.build(stochastic.generator(), name="generator", latency=0)
    return stochastic.draws(unit, seed=2021, count=DRAWS)


def decoder(rng: np.random.Generator) -> Outcome:
    unit = batch.build(Cfloat8Decoder(), name="cfloat8_decoder", latency=0)
    assert cfloat8.decoder_errors(unit) == 0, "a number is decoded otherwise"
    return Outcome(4 * len(cfloat8.CODES))


def boundaries(form: Format, rng: np.random.Generator) -> Outcome:
    return Outcome(conversions.fp32_boundaries(converter(), rng, biases=EVERY_BIAS, forms=(form,)))


def softfloat(pair: conversions_softfloat.Pair, rng: np.random.Generator) -> Outcome:
    return Outcome(conversions_softfloat.compare(pair, conversions_softfloat.operands(rng, pair, count=SOFTFLOAT)))


def generator(rng: np.random.Generator) -> Outcome:
    unit = batch.build(stochastic.generator(), name="generator", latency=0)
    assert stochastic.generator_errors(unit, rng, cycles=100_000) == 0, "the states are others"
    return Outcome(100_000 * stochastic.LANES)


def unbiased(rng: np.random.Generator) -> Outcome:
    found = {case.name: stochastic.deviation(case, draws()) for case in stochastic.classes()}
    worst = max(found, key=lambda name: abs(found[name]))
    assert abs(found[worst]) < 4, f"{worst}: {found[worst]:.1f} standard deviations"
    return Outcome(DRAWS * len(found), f"{len(found)} kinds of boundary x {DRAWS:,} draws; at most "
                                       f"{abs(found[worst]):.2f} standard deviations from no bias ({worst})")


TASKS = (
    Task("CFloat8 to BF16: every number, bias and rule, combinational decoder", decoder),
    Task("CFloat8 to FP32 and BF16: every number, bias and rule", lambda rng: Outcome(
        conversions.every_operand(converter(), biases=EVERY_BIAS, forms=conversions.CFLOAT8))),
    Task("SHP, UHP and BF16 to FP32 and BF16: every number, bias and rule", lambda rng: Outcome(
        conversions.every_operand(converter(), biases=EVERY_BIAS, forms=(Format.SHP, Format.UHP, Format.BF16)))),
    Task("BF16 to CFloat8: every number, bias, rule and rounding", lambda rng: Outcome(
        conversions.every_bf16(converter(), rng, biases=EVERY_BIAS))),
    *(Task(f"FP32 to {form.name}: around every rounding boundary, every bias, rule and rounding",
           lambda rng, form=form: boundaries(form, rng))
      for form in (*conversions.BIASED, Format.UHP, Format.BF16)),
    Task("integers: every INT8, INT16, and INT32 and floats around the boundaries, every bias", lambda rng: Outcome(
        conversions.integers(converter(), rng, biases=EVERY_BIAS))),
    Task("any format to any other, every rule and rounding: random operands and biases", lambda rng: Outcome(
        conversions.anything(converter(), rng, count=RANDOM))),
    Task("any format to any other, every rule: random operands, draws that decide and those a bit beside",
         lambda rng: Outcome(conversions.decisions(converter(), rng, count=RANDOM // 10))),
    Task("every combination of codes, defined or not", lambda rng: Outcome(conversions.refusals(converter(), rng))),
    *(Task(f"the model's {pair.source.name} to {pair.target.name} against SoftFloat, with flags",
           lambda rng, pair=pair: softfloat(pair, rng)) for pair in conversions_softfloat.PAIRS),
    Task("the generator: states, stepping and loading", generator),
    Task("stochastic rounding: counts of roundings away from zero", unbiased),
)
