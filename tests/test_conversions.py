"""Number formats and conversions: the model against the whitepaper and SoftFloat, the hardware against the model."""

from itertools import product

import numpy as np
import pytest

from hdl.arith.cfloat8 import Cfloat8Decoder
from hdl.arith.convert import Converter
from hdl.arith.stochastic import Generator
from hdl.number_formats import Denormals, Flag, Format, Rounding, checked_format, checked_rounding
from sim import numerics
from sim.build import new_seed
from verif import batch
from verif.numbers import cfloat8, conversions, conversions_softfloat, stochastic


@pytest.mark.parametrize("bias, narrow, wide", [  # the whitepaper's tables 4 and 5: exponents of the normal numbers
    (0, (1, 15), (1, 31)), (1, (0, 14), (0, 30)), (2, (-1, 13), (-1, 29)), (3, (-2, 12), (-2, 28)),
    (31, (-30, -16), (-30, 0)), (60, (-59, -45), (-59, -29)), (63, (-62, -48), (-62, -32))])
def test_cfloat8_ranges_are_the_whitepapers(bias, narrow, wide):
    for code, (low, high), fraction_bits in ((Format.CFLOAT8_1_4_3, narrow, 3), (Format.CFLOAT8_1_5_2, wide, 2)):
        values = numerics.decode(np.arange(256), code, bias=bias)
        largest = (2 - 2.0 ** -fraction_bits) * 2.0 ** high
        assert values[1 << fraction_bits] == 2.0 ** low
        assert (values[0x7F], values[0xFF]) == (largest, -largest)
        denormals = np.arange(1, 1 << fraction_bits)
        for rule, power in ((Denormals.TESLA, -bias), (Denormals.IEEE, 1 - bias)):
            values = numerics.decode(denormals, code, bias=bias, denormals=rule)
            np.testing.assert_array_equal(values, denormals * 2.0 ** (power - fraction_bits))


def test_cfloat16_values_are_the_whitepapers():
    assert numerics.decode(np.array([0x7FFF]), Format.SHP, bias=15) == 131008
    values = numerics.decode(np.array([0xFBFF, 0x0400, 0x03FF, 0xFC00, 0xFE00]), Format.UHP)
    np.testing.assert_array_equal(values, [(2 - 2.0 ** -10) * 2.0 ** 31, 2.0 ** -30, 0, np.inf, np.nan])


def test_undefined_codes_and_biases_are_refused():
    with pytest.raises(ValueError, match="format code 6 is undefined; there are 0 BF16, 1 CFLOAT8_1_4_3"):
        checked_format(6)
    with pytest.raises(ValueError, match="rounding code 2 is reserved; there are 0 NEAREST, 1 STOCHASTIC"):
        checked_rounding(2)
    for bias, quoted in ((64, 64), (-1, -1), (np.array([3, 77]), 77), (1.5, 1.5)):
        with pytest.raises(ValueError, match=f"a bias must be an integer from 0 to 63, not .*{quoted}"):
            numerics.decode(np.array([1, 2]), Format.SHP, bias=bias)


def test_every_cfloat8_number_as_bf16():
    assert cfloat8.decoder_errors(batch.build(Cfloat8Decoder(), name="cfloat8_decoder", latency=0)) == 0


@pytest.fixture(scope="module")
def converter() -> batch.Batch:
    return batch.build(Converter(), name="converter", latency=Converter.LATENCY)


@pytest.fixture
def rng(request) -> np.random.Generator:
    seed = new_seed()
    print(f"{request.node.name}: replay with SEED={seed}")
    return np.random.default_rng(seed)


#: Biases at the ends of the range, around the usual ones of the three formats, and 16, which sets other bits.
BIASES = (0, 1, 7, 15, 16, 31, 62, 63)


def test_any_format_to_any_other(converter, rng):
    conversions.anything(converter, rng, count=1000)


def test_draws_that_decide(converter, rng):
    conversions.decisions(converter, rng, count=200)


def test_every_number_of_a_biased_format_to_fp32_and_bf16(converter):
    conversions.every_operand(converter, biases=range(64), forms=conversions.CFLOAT8)
    conversions.every_operand(converter, biases=BIASES, forms=(Format.SHP, Format.UHP, Format.BF16))


def test_every_bf16_to_cfloat8(converter, rng):
    conversions.every_bf16(converter, rng, biases=BIASES)


@pytest.mark.parametrize("form, biases", [
    (Format.CFLOAT8_1_4_3, range(64)), (Format.CFLOAT8_1_5_2, range(64)), (Format.SHP, (15, 63)),
    (Format.UHP, (0,)), (Format.BF16, (0,))], ids=lambda value: getattr(value, "name", ""))
def test_fp32_around_every_rounding_boundary(converter, rng, form, biases):
    conversions.fp32_boundaries(converter, rng, biases=biases, forms=(form,))


def test_integers(converter, rng):
    conversions.integers(converter, rng, biases=BIASES)


def test_undefined_codes_are_refused_in_hardware(converter, rng):
    conversions.refusals(converter, rng)


@pytest.mark.parametrize("pair", conversions_softfloat.PAIRS, ids=lambda pair: f"{pair.source.name}-{pair.target.name}")
def test_the_model_is_softfloat(rng, pair):
    conversions_softfloat.compare(pair, conversions_softfloat.operands(rng, pair, count=10_000))


def test_a_difference_is_found_and_said(converter):
    """What the unit does at bias 8 is not what the model does at bias 7."""
    def unit(**inputs):
        return converter(**inputs | {"target_bias": 8})

    with pytest.raises(conversions.Difference, match=r"i 0x3f800000, source 0x5.*: gave o 0x40.* and not o 0x38"):
        conversions.compare(unit, np.array([0x3F800000]), source=Format.FP32, target=Format.CFLOAT8_1_4_3,
                            target_bias=7)


NONE, INVALID, DENORMAL, OVERFLOW, UNDERFLOW = Flag(0), Flag.INVALID, Flag.DENORMAL, Flag.OVERFLOW, Flag.UNDERFLOW


def fp32(*values: float) -> np.ndarray:
    return np.array(values, np.float32).view(np.uint32)


@pytest.mark.parametrize("form, rule, value, code, flags", [
    # 1_4_3 at bias 0, in units of the smallest denormal, 2^-3. Rule 0: denormals up to 7, the hole, then 16, 18, ...
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 7 / 8, 7, NONE),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 11.4999 / 8, 7, UNDERFLOW),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 11.5 / 8, 8, UNDERFLOW),      # the middle of the hole
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 15.4999 / 8, 8, UNDERFLOW),   # four bits: 15, which is tiny
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 15.5 / 8, 8, NONE),           # four bits: 16, which is not
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 16 / 8, 8, NONE),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 17 / 8, 8, NONE),             # a tie, to the even code
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 19 / 8, 10, NONE),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 0.5 / 8, 0, UNDERFLOW),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, -0.5 / 8, 0x80, UNDERFLOW),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 1.5 / 8, 2, UNDERFLOW),
    # Rule 1, in units of 2^-2: denormals up to 7, then 8, 9, ...
    (Format.CFLOAT8_1_4_3, Denormals.IEEE, 7 / 4, 7, NONE),
    (Format.CFLOAT8_1_4_3, Denormals.IEEE, 7.4999 / 4, 7, UNDERFLOW),
    (Format.CFLOAT8_1_4_3, Denormals.IEEE, 7.5 / 4, 8, UNDERFLOW),        # rounds to 8, but four bits: 7.5, tiny
    (Format.CFLOAT8_1_4_3, Denormals.IEEE, 7.7499 / 4, 8, UNDERFLOW),
    (Format.CFLOAT8_1_4_3, Denormals.IEEE, 7.75 / 4, 8, NONE),            # four bits: 8
    (Format.CFLOAT8_1_4_3, Denormals.IEEE, 8.5 / 4, 8, NONE),
    # The largest is 1.875 x 2^15; from half a unit above it on it overflows and is clamped.
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, 1.9374 * 2 ** 15, 0x7F, NONE),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, -1.9375 * 2 ** 15, 0xFF, OVERFLOW),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, -np.inf, 0xFF, OVERFLOW),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, np.nan, 0x7F, INVALID),
    (Format.CFLOAT8_1_4_3, Denormals.TESLA, -0.0, 0x80, NONE),
    # 1_5_2: denormals 1, 2, 3, then 8; the middle is 5.5.
    (Format.CFLOAT8_1_5_2, Denormals.TESLA, 5.4999 / 4, 3, UNDERFLOW),
    (Format.CFLOAT8_1_5_2, Denormals.TESLA, 5.5 / 4, 4, UNDERFLOW),
    (Format.SHP, Denormals.TESLA, 1535.49 / 1024, 1023, UNDERFLOW),
    (Format.SHP, Denormals.TESLA, 1535.5 / 1024, 1024, UNDERFLOW),
    # UHP: the smallest normal number is 2^-30, its denormals are flushed, and there is nothing below zero.
    (Format.UHP, Denormals.TESLA, 2.0 ** -30, 0x400, NONE),
    (Format.UHP, Denormals.TESLA, 1023.5 * 2.0 ** -40, 0x400, UNDERFLOW),
    (Format.UHP, Denormals.TESLA, 1023.75 * 2.0 ** -40, 0x400, NONE),
    (Format.UHP, Denormals.TESLA, 1023 * 2.0 ** -40, 0, UNDERFLOW),
    (Format.UHP, Denormals.TESLA, -1.0, 0, INVALID),
    (Format.UHP, Denormals.TESLA, -np.inf, 0, INVALID),
    (Format.UHP, Denormals.TESLA, -0.0, 0, NONE),
    (Format.UHP, Denormals.TESLA, np.inf, 0xFC00, NONE),
    (Format.UHP, Denormals.TESLA, np.nan, 0xFE00, INVALID),
    (Format.UHP, Denormals.TESLA, 2.0 ** 32, 0xFC00, OVERFLOW),
    # BF16: the smallest normal number is 2^-126.
    (Format.BF16, Denormals.TESLA, (1 - 2.0 ** -9) * 2.0 ** -126, 0x80, NONE),
    (Format.BF16, Denormals.TESLA, (1 - 1.25 * 2.0 ** -9) * 2.0 ** -126, 0x80, UNDERFLOW),
    (Format.BF16, Denormals.TESLA, (1 - 2.0 ** -8) * 2.0 ** -126, 0x80, UNDERFLOW),
    (Format.INT8, Denormals.TESLA, 2.5, 2, NONE),
    (Format.INT8, Denormals.TESLA, -3.5, 0xFC, NONE),
    (Format.INT8, Denormals.TESLA, 127.4, 127, NONE),
    (Format.INT8, Denormals.TESLA, 127.5, 127, INVALID),
    (Format.INT8, Denormals.TESLA, -128.5, 0x80, NONE),
    (Format.INT8, Denormals.TESLA, -128.51, 0x80, INVALID),
    (Format.INT16, Denormals.TESLA, np.nan, 0x7FFF, INVALID),
    (Format.INT32, Denormals.TESLA, -np.inf, 0x80000000, INVALID),
])
def test_the_page_says(converter, form, rule, value, code, flags):
    """Rounding, tininess and specials as docs/numerics.md has them, by the model and by the hardware."""
    operand = fp32(value)
    denormal = DENORMAL if 0 < abs(value) < 2.0 ** -126 else NONE
    result = numerics.convert(operand, Format.FP32, form, denormals=rule)
    assert (int(result.codes[0]), Flag(int(result.flags[0]))) == (code, flags | denormal)
    conversions.compare(converter, operand, source=Format.FP32, target=form, denormals=rule)


def test_a_number_of_the_format_is_never_changed(rng):
    """Not by stochastic rounding either, nor by way of FP32; and it sets no flag but Denormal."""
    draws = rng.integers(0, 1 << 32, 1 << 16, np.uint32)
    for form, rule in product((Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2, Format.SHP), Denormals):
        codes = np.arange(1 << 16) & (1 << conversions.BITS[form]) - 1
        for bias in BIASES:
            kept = numerics.convert(codes, form, form, source_bias=bias, target_bias=bias, denormals=rule,
                                    rounding=Rounding.STOCHASTIC, draws=draws)
            np.testing.assert_array_equal(kept.codes, codes)
            wide = numerics.convert(codes, form, Format.FP32, source_bias=bias, denormals=rule)
            back = numerics.convert(wide.codes, Format.FP32, form, target_bias=bias, denormals=rule)
            np.testing.assert_array_equal(back.codes, codes)
            assert not (kept.flags & ~np.uint8(DENORMAL) | wide.flags & ~np.uint8(DENORMAL) | back.flags).any()


@pytest.fixture(scope="module")
def generator() -> batch.Batch:
    return batch.build(stochastic.generator(), name="generator", latency=0)


def test_the_generator_is_the_specified_one(generator, rng):
    assert stochastic.generator_errors(generator, rng, cycles=5000) == 0


def test_a_seed_gives_the_same_draws_again(generator):
    """From the hardware and, lane 0 of seed 1, by the page's own words."""
    first, second = (stochastic.draws(generator, seed=7, count=1600) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (first != stochastic.draws(generator, seed=8, count=1600)).any()
    state = 0x514E28B7
    for draw in stochastic.draws(generator, seed=1, count=160)[::16].tolist():
        assert draw == state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF


def test_lanes_are_far_apart_and_unlike_each_other(generator):
    """No draw occurs twice in 2^20 of all lanes, and no bit of a lane follows one of another or of its last draw."""
    draws = stochastic.draws(generator, seed=1, count=1 << 20)
    assert len(np.unique(draws)) == len(draws)
    bits = np.unpackbits(draws.reshape(-1, 16).astype(">u4").view(np.uint8), axis=1).astype(np.float64) * 2 - 1
    limit = 5.5 / np.sqrt(len(bits))
    assert abs(bits.mean(axis=0)).max() < limit
    assert abs(bits.T @ bits / len(bits) - np.eye(512)).max() < limit
    assert abs(bits[:-1].T @ bits[1:] / len(bits)).max() < limit


@pytest.mark.parametrize("case", stochastic.classes(), ids=lambda case: case.name)
def test_stochastic_rounding_has_no_bias(generator, case):
    assert abs(stochastic.deviation(case, stochastic.draws(generator, seed=11, count=100_000))) < 4


@pytest.mark.parametrize("seed", [0, 1 << 32, -1, 1.0])
def test_seeds_that_are_none(seed):
    with pytest.raises(ValueError, match=f"a seed must be an integer from 1 to 4294967295, not {seed!r}"):
        numerics.seeded(seed, lanes=1)


def test_generators_that_cannot_be():
    with pytest.raises(ValueError, match="from 1 to 2\\^32 - 1, not 0"):
        Generator(init=[1, 0])
    with pytest.raises(ValueError, match="at least one lane"):
        Generator(init=[])
