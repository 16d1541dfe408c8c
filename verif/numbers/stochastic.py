"""Stochastic rounding: the generator is the specified one, and what is rounded with its draws has no bias."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hdl.arith.stochastic import Generator
from hdl.number_formats import FLOATS, Denormals, Format, Rounding
from sim.numerics import advanced, convert, decode, loaded, seeded
from sim.numerics.formats import magnitudes

from .conversions import AT_ONCE

Unit = Callable[..., dict[str, NDArray]]

LANES = 16


def generator() -> Generator:
    """The generator of a vector unit of 16 lanes."""
    return Generator(init=seeded(1, lanes=LANES).tolist())


def generator_errors(unit: Unit, rng: np.random.Generator, *, cycles: int) -> int:
    """Cycles in which the generator's states are not the model's, while it steps, waits and is loaded at random."""
    advance, load = rng.random(cycles) < 0.8, rng.random(cycles) < 0.05
    given = rng.integers(0, 1 << 32, (cycles, LANES), np.uint32)
    given[rng.random(given.shape) < 0.2] = 0
    states, expected = seeded(1, lanes=LANES), np.empty_like(given)
    for cycle in range(cycles):
        expected[cycle] = states
        if load[cycle]:
            states = loaded(given[cycle])
        elif advance[cycle]:
            states = advanced(states)
    state = unit(advance=advance, load=load, i=given)["state"]
    return int(np.count_nonzero((state != expected).any(axis=1)))


def draws(unit: Unit, *, seed: int, count: int) -> NDArray[np.uint32]:
    """The next `count` draws of all lanes together, a multiple of 16, from the hardware."""
    cycles = count // LANES + 1
    given = np.broadcast_to(seeded(seed, lanes=LANES), (cycles, LANES))
    return unit(advance=1, load=np.arange(cycles) == 0, i=given)["state"][1:].ravel()


class Class(NamedTuple):
    """A kind of place between two neighbours, and a number there."""

    name: str
    source: Format
    code: int
    target: Format
    bias: int = 0
    rule: Denormals = Denormals.TESLA


def _fp32(value: float) -> int:
    return int(np.float32(value).view(np.uint32))


def classes() -> list[Class]:
    """Each kind of boundary; of CFloat8_1_4_3, with a small chance and with a large one."""
    found = []
    for target, bias, rule in (
            (Format.BF16, 0, Denormals.TESLA), (Format.CFLOAT8_1_4_3, 7, Denormals.TESLA),
            (Format.CFLOAT8_1_5_2, 15, Denormals.TESLA), (Format.SHP, 15, Denormals.TESLA),
            (Format.UHP, 0, Denormals.TESLA), (Format.CFLOAT8_1_4_3, 7, Denormals.IEEE),
            (Format.CFLOAT8_1_5_2, 15, Denormals.IEEE), (Format.SHP, 15, Denormals.IEEE)):
        fields = FLOATS[target]
        middle = fields.largest // 2 & -fields.one
        places = {"normal": middle | 3, "between binades": middle | fields.one - 1}
        if not fields.flushes:
            places |= {"denormal": fields.one // 2, "from zero": 0, "below the smallest normal": fields.one - 1}
        if not fields.specials:
            places |= {"overflow": fields.largest}
        for place, low in places.items():
            lower, upper = magnitudes(np.array([low, low + 1]), fields, np.int64(bias), rule)
            for part in (0.003, 0.7) if target is Format.CFLOAT8_1_4_3 else (0.3,):
                found.append(Class(f"{target.name} {rule.name}, {place}, {part}", Format.FP32,
                                   _fp32(lower + part * (upper - lower)), target, bias, rule))
    found += [
        Class("INT32 to FP32", Format.INT32, (1 << 30) + 13, Format.FP32),
        Class("INT32 to CFLOAT8_1_5_2", Format.INT32, (1 << 31) - 12345, Format.CFLOAT8_1_5_2),
        Class("FP32 to INT8, negative", Format.FP32, _fp32(-3.7), Format.INT8),
        Class("FP32 to INT32", Format.FP32, _fp32(1000.125), Format.INT32),
        Class("BF16 to INT16", Format.BF16, _fp32(0.40625) >> 16, Format.INT16),
    ]
    return found


def deviation(case: Class, numbers: NDArray[np.uint32]) -> float:
    """How many standard deviations the count of roundings away from zero is from what it should be."""
    def rounded(draws: NDArray | int) -> NDArray:
        result = convert(np.full(np.shape(draws), case.code), case.source, case.target, target_bias=case.bias,
                         denormals=case.rule, rounding=Rounding.STOCHASTIC, draws=draws)
        return result.codes | result.flags.astype(np.int64) << 32  # of the largest number, only Overflow tells

    size = abs(float(decode(np.array(case.code), case.source)))
    low, high = int(rounded((1 << 32) - 1)), int(rounded(0))
    if case.target in FLOATS:
        fields = FLOATS[case.target]
        magnitude = low & (1 << fields.exponent_bits + fields.fraction_bits) - 1
        ends = magnitudes(np.array([magnitude, magnitude + 1]), fields, np.int64(case.bias), case.rule)
        lower, upper = ends.tolist()
    else:
        lower, upper = np.floor(size), np.floor(size) + 1
    chance = (size - lower) / (upper - lower)
    away = sum(np.count_nonzero(rounded(some) == high) for some in np.array_split(numbers, len(numbers) // AT_ONCE + 1))
    return float((away - chance * len(numbers)) / np.sqrt(len(numbers) * chance * (1 - chance)))
