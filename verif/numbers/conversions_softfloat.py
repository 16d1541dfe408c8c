"""The model's conversions against Berkeley SoftFloat, results and flags."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import softfloatpy as softfloat
from numpy.typing import NDArray

from hdl.number_formats import FLOATS, INTEGERS, Denormals, Flag, Format
from sim.numerics import convert, decode

from .conversions import BITS, boundaries, random_codes

#: SHP at bias 15 with IEEE denormals is binary16, but for its exponent of all ones.
_HALF = {"source_bias": 15, "target_bias": 15, "denormals": Denormals.IEEE}

_TYPES = {Format.FP32: softfloat.Float32, Format.BF16: softfloat.BFloat16, Format.SHP: softfloat.Float16,
          Format.INT32: softfloat.Int32}


class Pair(NamedTuple):
    """A conversion that SoftFloat has."""

    source: Format
    target: Format
    theirs: Callable


PAIRS = (
    Pair(Format.FP32, Format.BF16, softfloat.f32_to_bf16),
    Pair(Format.BF16, Format.FP32, softfloat.bf16_to_f32),
    Pair(Format.FP32, Format.SHP, softfloat.f32_to_f16),
    Pair(Format.SHP, Format.FP32, softfloat.f16_to_f32),
    Pair(Format.FP32, Format.INT32, softfloat.f32_to_i32),
    Pair(Format.SHP, Format.INT32, softfloat.f16_to_i32),
    Pair(Format.INT32, Format.FP32, softfloat.i32_to_f32),
    Pair(Format.INT32, Format.SHP, softfloat.i32_to_f16),
)

_FLAGS = {softfloat.ExceptionFlag.INVALID: Flag.INVALID, softfloat.ExceptionFlag.OVERFLOW: Flag.OVERFLOW,
          softfloat.ExceptionFlag.UNDERFLOW: Flag.UNDERFLOW}


def operands(rng: np.random.Generator, pair: Pair, *, count: int) -> NDArray:
    """Random operands, and, of FP32, as many around the rounding boundaries of the result."""
    codes = random_codes(rng, pair.source, count)
    if pair.source is Format.FP32 and pair.target in FLOATS:
        near = boundaries(pair.target, bias=15, rule=Denormals.IEEE)
        codes = np.concatenate([codes, rng.choice(near, count)])
    if pair.source is Format.FP32 and pair.target in INTEGERS:
        exponents = rng.integers(120, 162, count) << 23
        codes = np.concatenate([codes, random_codes(rng, pair.source, count) & 0x807FFFFF | exponents])
    if pair.source is Format.SHP:  # binary16 has infinities and NaNs there
        codes = codes[codes >> 10 & 31 != 31]
    return codes


def compare(pair: Pair, codes: NDArray) -> int:
    """Convert with the model and with SoftFloat; returns how many conversions that were.

    What differs by definition is allowed for: any NaN operand sets Invalid, NaNs are canonical, and SHP goes on where
    binary16 overflows.
    """
    softfloat.set_tininess_mode(softfloat.TininessMode.AFTER_ROUNDING)
    softfloat.set_rounding_mode(softfloat.RoundingMode.NEAR_EVEN)
    results, flags = np.empty(len(codes), np.int64), np.empty(len(codes), np.uint8)
    size = BITS[pair.source] // 8
    for index, code in enumerate(codes.tolist()):
        softfloat.set_exception_flags(softfloat.ExceptionFlag(0))
        result = pair.theirs(_TYPES[pair.source].from_bytes(code.to_bytes(size, "big")))
        results[index] = int.from_bytes(result.to_bytes(), "big")
        raised = softfloat.get_exception_flags()
        flags[index] = sum(ours for theirs, ours in _FLAGS.items() if raised & theirs)

    ours = convert(codes, pair.source, pair.target, **_HALF)
    values = decode(codes, pair.source, bias=15, denormals=Denormals.IEEE)
    nan = np.isnan(values)
    expected = np.where(nan, Flag.INVALID, flags)
    match = ours.flags & ~np.uint8(Flag.DENORMAL) == expected
    fields = FLOATS.get(pair.target)
    if fields:
        results = np.where(nan, fields.nan if fields.specials else results, results)
    compared = np.ones(len(codes), np.bool_)
    if pair.target is Format.SHP:
        compared = (results >> 10 & 31 != 31) & np.isfinite(values)
    wrong = compared & ((ours.codes != results) | ~match)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise AssertionError(
            f"{pair.source.name} {int(codes[row]):#x} to {pair.target.name}: {int(ours.codes[row]):#x} with flags "
            f"{int(ours.flags[row])}; SoftFloat gives {int(results[row]):#x} with flags {int(expected[row])}")
    return int(compared.sum())
