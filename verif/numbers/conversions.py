"""Compares a `Converter` with the model, over all that can be asked of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdl.number_formats import BIAS_LIMIT, FLOATS, INTEGERS, Denormals, Format, Rounding
from sim.numerics import convert

Unit = Callable[..., dict[str, NDArray]]

#: Bits of a pattern of each format.
BITS = {code: fields.bits for code, fields in FLOATS.items()} | INTEGERS

#: Formats whose bias is chosen at run time.
BIASED = tuple(code for code, fields in FLOATS.items() if fields.bias is None)


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
    """Convert everything with both, and return how many conversions that were; raises a `Difference`."""
    asked = {"i": codes, "source": source, "source_bias": source_bias, "target": target, "target_bias": target_bias,
             "denormals": denormals, "rounding": rounding, "draw": draws}
    gave = unit(**asked)
    result = convert(codes, source, target, source_bias=source_bias, target_bias=target_bias, denormals=denormals,
                     rounding=rounding, draws=draws)
    expected = {"o": result.codes, "flags": result.flags, "illegal": np.zeros(len(codes), np.uint8)}
    wrong = np.logical_or.reduce([gave[name] != expected[name] for name in expected])
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Difference(*({name: int(np.broadcast_to(values, len(codes))[row]) for name, values in each.items()}
                           for each in (asked, gave, expected)))
    return len(codes)


def random_codes(rng: np.random.Generator, form: Format, count: int) -> NDArray[np.uint32]:
    """Patterns of a format: any, few bits of fraction, and integers of all lengths."""
    codes = rng.integers(0, 1 << BITS[form], count, np.uint32)
    if form in INTEGERS:
        integers = codes.astype(np.int64) >> rng.integers(0, BITS[form], count)
        return (np.where(rng.random(count) < 0.5, integers, -integers) & (1 << BITS[form]) - 1).astype(np.uint32)
    shift = rng.integers(0, FLOATS[form].fraction_bits + 1, count, np.uint32)
    ones = np.where(rng.random(count) < 0.3, (np.uint32(1) << shift) - 1, 0).astype(np.uint32)
    return codes >> shift << shift | ones


def anything(unit: Unit, rng: np.random.Generator, count: int) -> int:
    """Every pair of formats under both rules and roundings, `count` random operands and biases each."""
    total = 0
    for source in Format:
        for target in Format:
            for rule in Denormals:
                for rounding in Rounding:
                    source_bias, target_bias = rng.integers(0, BIAS_LIMIT + 1, (2, count))
                    total += compare(unit, random_codes(rng, source, count), source=source, target=target,
                                     source_bias=source_bias, target_bias=target_bias, denormals=rule,
                                     rounding=rounding, draws=rng.integers(0, 1 << 32, count, np.uint32))
    return total
