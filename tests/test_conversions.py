"""Number formats and conversions: the model against the whitepaper and SoftFloat, the hardware against the model."""

import numpy as np
import pytest

from hdl.arith.cfloat8 import Cfloat8Decoder
from hdl.number_formats import Denormals, Format, checked_format, checked_rounding
from sim import numerics
from verif import batch
from verif.numbers import cfloat8


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
