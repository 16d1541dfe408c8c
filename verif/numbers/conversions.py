"""Compares a `Converter` with the model, over all that can be asked of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hdl.number_formats import (
    BIAS_LIMIT,
    FLOATS,
    FORMAT_BITS,
    INTEGERS,
    ROUNDING_BITS,
    Denormals,
    Flag,
    Format,
    Rounding,
)
from sim.numerics import convert, decode
from sim.numerics.formats import magnitudes

Unit = Callable[..., dict[str, NDArray]]

#: Bits of a pattern of each format.
BITS = {code: fields.bits for code, fields in FLOATS.items()} | INTEGERS

#: Formats of 8 bits, and all whose bias is chosen at run time.
CFLOAT8 = (Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2)
BIASED = tuple(code for code, fields in FLOATS.items() if fields.bias is None)


#: Conversions that the model works out at a time: three times as fast in a processor's cache as beyond it.
AT_ONCE = 1 << 14


@dataclass
class Difference(AssertionError):
    """A conversion that the unit does otherwise than the model."""

    asked: dict[str, int]
    gave: dict[str, int]
    expected: dict[str, int]

    def __str__(self) -> str:
        def said(values: dict[str, int]) -> str:
            return ", ".join(f"{name} {value:#x}" for name, value in values.items())

        return f"{said(self.asked)}: gave {said(self.gave)} and not {said(self.expected)}"


def compare(unit: Unit, codes: NDArray, *, source: Format, target: Format, source_bias: NDArray | int = 0,
            target_bias: NDArray | int = 0, denormals: Denormals = Denormals.TESLA,
            rounding: Rounding = Rounding.NEAREST, draws: NDArray | int = 0) -> int:
    """Convert everything with both, and return how many conversions that were; raises a `Difference`.

    Bits of `codes` above the format's are for the unit to ignore.
    """
    asked = {"i": codes, "source": source, "source_bias": source_bias, "target": target, "target_bias": target_bias,
             "denormals": denormals, "rounding": rounding, "draw": draws}
    for start in range(0, len(codes), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        _compare(unit, {name: values[rows] if isinstance(values, np.ndarray) and values.ndim else values
                        for name, values in asked.items()})
    return len(codes)


def _compare(unit: Unit, asked: dict) -> None:
    gave = unit(**asked)
    codes, source = asked["i"], asked["source"]
    result = convert(codes & (1 << BITS[source]) - 1, source, asked["target"], source_bias=asked["source_bias"],
                     target_bias=asked["target_bias"], denormals=asked["denormals"], rounding=asked["rounding"],
                     draws=asked["draw"])
    expected = {"o": result.codes, "flags": result.flags, "illegal": np.zeros(len(codes), np.uint8)}
    wrong = np.logical_or.reduce([gave[name] != expected[name] for name in expected])
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Difference(*({name: int(np.broadcast_to(values, len(codes))[row]) for name, values in each.items()}
                           for each in (asked, gave, expected)))


def random_codes(rng: np.random.Generator, form: Format, count: int) -> NDArray:
    """Patterns of a format: any, with few bits of fraction or all ones at its end, and integers of all lengths."""
    codes = rng.integers(0, 1 << BITS[form], count)
    if form in INTEGERS:
        integers = codes >> rng.integers(0, BITS[form], count)
        return np.where(rng.random(count) < 0.5, integers, -integers) & (1 << BITS[form]) - 1
    shift = rng.integers(0, FLOATS[form].fraction_bits + 1, count)
    return codes >> shift << shift | np.where(rng.random(count) < 0.3, (1 << shift) - 1, 0)


def random_draws(rng: np.random.Generator, count: int) -> NDArray[np.uint32]:
    return rng.integers(0, 1 << 32, count, np.uint32)


def anything(unit: Unit, rng: np.random.Generator, *, count: int) -> int:
    """Every pair of formats under both rules and roundings: `count` random operands and biases for each."""
    total = 0
    for source, target, rule, rounding in product(Format, Format, Denormals, Rounding):
        source_bias, target_bias = rng.integers(0, BIAS_LIMIT + 1, (2, count))
        noise = rng.integers(0, 1 << 32, count) >> BITS[source] << BITS[source]
        total += compare(unit, random_codes(rng, source, count) | noise, source=source, target=target,
                         source_bias=source_bias, target_bias=target_bias, denormals=rule, rounding=rounding,
                         draws=random_draws(rng, count))
    return total


def first_that_stays(codes: NDArray, **asked) -> NDArray[np.int64]:
    """The least draw with which an operand is not rounded away from zero, by halving; 2^32 - 1 if there is none."""
    def rounded(draws: NDArray) -> NDArray:
        return convert(codes, rounding=Rounding.STOCHASTIC, draws=draws.astype(np.uint32), **asked).codes

    away, low, high = rounded(np.zeros(len(codes))), np.zeros(len(codes), np.int64), np.full(len(codes), (1 << 32) - 1)
    for _ in range(32):
        middle = (low + high) // 2
        goes = rounded(middle) == away
        low, high = np.where(goes, middle + 1, low), np.where(goes, high, middle)
    return np.minimum(low, (1 << 32) - 1)


def in_holes(rng: np.random.Generator, target: Format, biases: NDArray) -> NDArray[np.int64]:
    """FP32 above the largest denormal of each bias: mostly by a few units only."""
    fields = FLOATS[target]
    lower = magnitudes(np.full(len(biases), fields.one - 1), fields, biases, Denormals.TESLA)
    above = rng.integers(0, 1 << 24, len(biases)) >> rng.integers(0, 24, len(biases))
    return lower.astype(np.float32).view(np.uint32) + above


def decisions(unit: Unit, rng: np.random.Generator, *, count: int) -> int:
    """Every pair of formats and rule: random operands with the draws between which the result changes.

    And with draws that differ from those in one bit. More of FP32 lie in the hole of a format that has one.
    """
    total = 0
    for source, target, rule in product(Format, Format, Denormals):
        source_bias, target_bias = rng.integers(0, BIAS_LIMIT + 1, (2, count))
        operands = [random_codes(rng, source, count)]
        if source == Format.FP32 and target in BIASED and rule == Denormals.TESLA:
            operands += [in_holes(rng, target, target_bias) for _ in range(10)]
        fixed = {"source": source, "target": target, "source_bias": source_bias, "target_bias": target_bias,
                 "denormals": rule}
        for codes in operands:
            first = first_that_stays(codes, **fixed)
            for draws in (np.maximum(first - 1, 0), first, first ^ 1 << rng.integers(0, 32, count)):
                total += compare(unit, codes, **fixed, rounding=Rounding.STOCHASTIC, draws=draws.astype(np.uint32))
    return total


def every_operand(unit: Unit, *, biases: Sequence[int], forms: Sequence[Format] = BIASED) -> int:
    """Every pattern of the formats, at these biases and under both rules, into FP32 and BF16."""
    total = 0
    for form, rule, target in product(forms, Denormals, (Format.FP32, Format.BF16)):
        codes = np.arange(1 << BITS[form])
        for bias in biases if form in BIASED else (0,):
            total += compare(unit, codes, source=form, target=target, source_bias=bias, denormals=rule)
    return total


def every_bf16(unit: Unit, rng: np.random.Generator, *, biases: Sequence[int]) -> int:
    """Every BF16 number into both CFloat8 formats at these biases, under both rules and roundings."""
    total = 0
    codes = np.arange(1 << 16)
    for target, bias, rule, rounding in product(CFLOAT8, biases, Denormals,
                                                Rounding):
        total += compare(unit, codes, source=Format.BF16, target=target, target_bias=bias, denormals=rule,
                         rounding=rounding, draws=random_draws(rng, len(codes)))
    return total


def boundaries(target: Format, *, bias: int = 0, rule: Denormals = Denormals.TESLA) -> NDArray[np.uint32]:
    """FP32 at and next to every number of a float format and every middle between two, and where tininess ends."""
    fields = FLOATS[target]
    values = magnitudes(np.arange(fields.largest + 2), fields, np.int64(bias), rule)
    smallest = values[fields.one]
    tiny = smallest * (1 - np.arange(1, 8) * 0.125 / fields.one)
    with np.errstate(over="ignore"):
        at = np.concatenate([values, (values[1:] + values[:-1]) / 2, tiny]).astype(np.float32).view(np.uint32)
    near = (at[:, None].astype(np.int64) + np.arange(-2, 3)).ravel()
    near = near[(near >= 0) & (near <= FLOATS[Format.FP32].largest + 1)]
    return np.concatenate([near, near | 1 << 31]).astype(np.uint32)


def at_thresholds(codes: NDArray, target: Format, *, bias: int, rule: Denormals) -> tuple[NDArray, NDArray]:
    """FP32 operands, and draws one below, at and above those where stochastic rounding changes its mind."""
    fields = FLOATS[target]
    values = magnitudes(np.arange(fields.largest + 2), fields, np.int64(bias), rule)
    size = np.abs(decode(codes, Format.FP32))
    low = np.searchsorted(values, size, side="right") - 1
    inside = low <= fields.largest
    size, codes, low = size[inside], codes[inside], low[inside]
    lower, upper = values[low], values[low + 1]
    threshold = np.floor((size - lower) * 2.0 ** 32 / (upper - lower)).astype(np.int64)
    draws = np.clip(threshold[:, None] + np.arange(-1, 2), 0, (1 << 32) - 1)
    return np.repeat(codes, 3), draws.ravel().astype(np.uint32)


def fp32_boundaries(unit: Unit, rng: np.random.Generator, *, biases: Sequence[int],
                    forms: Sequence[Format] = tuple(FLOATS), most: int | None = None) -> int:
    """FP32 around every rounding boundary of the formats, at these biases and under both rules and roundings.

    With `most`, around so many chosen at random and the first and last ones.
    """
    total = 0
    for target in forms:
        cases = list(product(biases, Denormals)) if target in BIASED else [(0, Denormals.TESLA)]
        for bias, rule in cases if target is not Format.FP32 else ():
            codes = boundaries(target, bias=bias, rule=rule)
            if most is not None:
                codes = np.concatenate([codes[:100], rng.choice(codes, most), codes[-100:]])
            fixed = {"source": Format.FP32, "target": target, "target_bias": bias, "denormals": rule}
            total += compare(unit, codes, **fixed)
            total += compare(unit, codes, **fixed, rounding=Rounding.STOCHASTIC, draws=random_draws(rng, len(codes)))
            codes, draws = at_thresholds(codes, target, bias=bias, rule=rule)
            total += compare(unit, codes, **fixed, rounding=Rounding.STOCHASTIC, draws=draws)
    return total


def integers(unit: Unit, rng: np.random.Generator, *, biases: Sequence[int]) -> int:
    """Every INT8 and INT16, and INT32 around the powers of two and their middles, into everything; and back."""
    total = 0
    near = (1 << np.arange(33))[:, None] + np.arange(-3, 4)
    middles = (near[..., None] + (1 << np.arange(33) >> 1)).ravel()
    longs = np.unique(np.concatenate([near.ravel(), middles, -near.ravel(), -middles])) & 0xFFFFFFFF
    operands = {Format.INT8: np.arange(256), Format.INT16: np.arange(1 << 16), Format.INT32: longs}
    for (source, codes), target, rounding in product(operands.items(), Format, Rounding):
        for bias in biases if target in BIASED else (0,):
            total += compare(unit, codes, source=source, target=target, target_bias=bias, rounding=rounding,
                             draws=random_draws(rng, len(codes)))
    halves = (np.concatenate([np.arange(-600, 601), near.ravel(), -near.ravel()])[:, None] / 2.0 ** np.arange(4))
    at = halves.astype(np.float32).view(np.uint32).ravel().astype(np.int64)
    floats = (at[:, None] + np.arange(-1, 2)).ravel() & 0xFFFFFFFF
    for target, rounding in product(INTEGERS, Rounding):
        total += compare(unit, floats, source=Format.FP32, target=target, rounding=rounding,
                         draws=random_draws(rng, len(floats)))
        total += compare(unit, np.arange(1 << 16), source=Format.BF16, target=target, rounding=rounding,
                         draws=random_draws(rng, 1 << 16))
    return total


def refusals(unit: Unit, rng: np.random.Generator) -> int:
    """Every combination of codes, defined or not: what is not gives 0, Invalid and `illegal`, whatever the operand."""
    source, target, rounding = (grid.ravel() for grid in np.meshgrid(*(np.arange(1 << bits) for bits in (
        FORMAT_BITS, FORMAT_BITS, ROUNDING_BITS))))
    source, target, rounding = (np.repeat(each, 64) for each in (source, target, rounding))
    count = len(source)
    gave = unit(i=random_draws(rng, count), source=source, source_bias=rng.integers(0, 64, count), target=target,
                target_bias=rng.integers(0, 64, count), denormals=rng.integers(0, 2, count), rounding=rounding,
                draw=random_draws(rng, count))
    known = list(map(int, Format))
    illegal = ~np.isin(source, known) | ~np.isin(target, known) | (rounding > max(Rounding))
    refused = (gave["o"] == 0) & (gave["flags"] == Flag.INVALID)
    wrong = (gave["illegal"] != illegal) | illegal & ~refused
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Difference({"source": int(source[row]), "target": int(target[row]), "rounding": int(rounding[row])},
                         {name: int(values[row]) for name, values in gave.items()}, {"illegal": int(illegal[row])})
    return count
