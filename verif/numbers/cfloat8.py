"""Every CFloat8 number of both formats, at every bias and under both rules for denormals."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hdl.number_formats import BIAS_LIMIT, Denormals, Format
from sim.numerics import bf16_from_cfloat8

from .conversions import CFLOAT8

Unit = Callable[..., dict[str, NDArray]]

#: (code, bias) of every number.
CODES, BIASES = (grid.ravel() for grid in np.meshgrid(np.arange(256), np.arange(BIAS_LIMIT + 1)))


def decoder_errors(unit: Unit) -> int:
    """Numbers that a `Cfloat8Decoder` gives otherwise than the model."""
    wrong = 0
    for code in CFLOAT8:
        for rule in Denormals:
            result = unit(i=CODES, wide=code == Format.CFLOAT8_1_5_2, bias=BIASES, denormals=rule)
            fraction_bits = {Format.CFLOAT8_1_4_3: 3, Format.CFLOAT8_1_5_2: 2}[code]
            magnitude = CODES & 0x7F
            denormal = (magnitude > 0) & (magnitude >> fraction_bits == 0)
            expected = bf16_from_cfloat8(CODES, code, bias=BIASES, denormals=rule)
            wrong += int(np.count_nonzero((result["o"] != expected) | (result["denormal"] != denormal)))
    return wrong
