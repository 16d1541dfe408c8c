"""Breaks the units of this folder on purpose, and says which faults the fast checks do not notice."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from amaranth.lib import wiring
from numpy.typing import ArrayLike, NDArray

from hdl.arith.cfloat8 import Cfloat8Decoder
from hdl.arith.convert import Converter
from hdl.number_formats import Format
from verif import batch, mutation

from . import cfloat8, conversions, stochastic


def converter_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    """A tenth of the vectors of the fast tests, in the same manner, the quickest to find a fault first."""
    conversions.anything(unit, rng, count=50)
    conversions.refusals(unit, rng)
    conversions.anything(unit, rng, count=2000)
    conversions.fp32_boundaries(unit, rng, biases=(0, 15, 63), forms=conversions.CFLOAT8)
    for form in (Format.SHP, Format.UHP, Format.BF16):
        conversions.fp32_boundaries(unit, rng, biases=(15,), forms=(form,), most=20_000)
    conversions.every_operand(unit, biases=(0, 15, 63), forms=conversions.CFLOAT8)


def decoder_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert cfloat8.decoder_errors(unit) == 0


def generator_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert stochastic.generator_errors(unit, rng, cycles=2000) == 0


@dataclass(frozen=True)
class Subject:
    """A unit to break, into how many pieces, and its check."""

    name: str
    component: Callable[[], wiring.Component]
    latency: int
    count: int
    check: Callable[[conversions.Unit, np.random.Generator], None]


SUBJECTS = (
    Subject("converter", Converter, Converter.LATENCY, 140, converter_check),
    Subject("cfloat8_decoder", Cfloat8Decoder, 0, 40, decoder_check),
    Subject("generator", stochastic.generator, 0, 40, generator_check),
)


#: Of the mutations. Those that nothing notices are explained in docs/verification-numbers.md.
SEED = 1


class Recorder:
    """Passes calls on to a unit and remembers them, so that they need not be worked out for each mutant again."""

    def __init__(self, unit: conversions.Unit):
        self.unit = unit
        self.calls: list[tuple[dict[str, ArrayLike], dict[str, NDArray]]] = []

    def __call__(self, **inputs: ArrayLike) -> dict[str, NDArray]:
        outputs = self.unit(**inputs)
        self.calls.append((inputs, outputs))
        return outputs

    def caught(self, unit: conversions.Unit) -> bool:
        """Whether another unit answers any call otherwise."""
        for inputs, expected in self.calls:
            gave = unit(**inputs)
            if any((gave[name] != values).any() for name, values in expected.items()):
                return True
        return False


def survivors(subject: Subject, *, seed: int = SEED) -> list[mutation.Mutation]:
    """Check the whole unit; then break it, and return what the check does not notice."""
    component = subject.component()
    recorder = Recorder(batch.build(component, name=subject.name, latency=subject.latency))
    subject.check(recorder, np.random.default_rng(seed))
    return mutation.survivors(component, name=subject.name, latency=subject.latency, count=subject.count, seed=seed,
                              caught=recorder.caught)
