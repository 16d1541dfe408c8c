"""Breaks the number units on purpose, and counts what the fast checks notice: a part of `verif.numbers.campaign`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from amaranth.lib import wiring
from numpy.typing import ArrayLike, NDArray

from hdl.arith.cfloat8 import Cfloat8Decoder
from hdl.arith.convert import Converter
from hdl.arith.estimate import Estimator
from hdl.arith.float_lane import FloatUnit
from hdl.arith.formats import Fp32
from hdl.arith.integer_lane import IntegerUnit
from hdl.arith.operations import EstimateOperation, FloatOperation
from hdl.core.matrix_element import MatrixElement
from hdl.core.matrix_loader import MatrixLoader
from hdl.core.matrix_operand import MatrixOperand
from hdl.core.matrix_reader import MatrixReader
from hdl.number_formats import Format
from verif import batch, mutation, slices
from verif.matrix import parts

from . import cfloat8, conversions, estimates, lanes, stochastic
from .campaign import Outcome, Task
from .lanes import LAYOUTS, Vectors

#: Of the mutations and of the checks.
SEED = 1

#: Bits of the element whose integer unit is broken; those of the others are the same but for their width.
INTEGER_BITS = 16

#: Products of a step of the matrix unit's element, and its accumulators.
DEPTH, ACCUMULATORS = 4, 2


def converter_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    """The checks of tests/test_conversions.py on fewer vectors, the quickest to find a fault first."""
    conversions.anything(unit, rng, count=50)
    conversions.refusals(unit, rng)
    conversions.anything(unit, rng, count=2000)
    conversions.decisions(unit, rng, count=200)
    conversions.fp32_boundaries(unit, rng, biases=(0, 15, 63), forms=conversions.CFLOAT8)
    for form in (Format.SHP, Format.UHP, Format.BF16):
        conversions.fp32_boundaries(unit, rng, biases=(15,), forms=(form,), most=20_000)
    conversions.every_operand(unit, biases=(0, 15, 63), forms=conversions.CFLOAT8)
    conversions.every_bf16(unit, rng, biases=(15, 31))
    conversions.integers(unit, rng, biases=(15,))


def decoder_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert cfloat8.decoder_errors(unit) == 0


def generator_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert stochastic.generator_errors(unit, rng, cycles=2000) == 0


def float_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    """The checks of tests/test_lanes.py on fewer rows, all of them FP32."""
    layout = LAYOUTS[Format.FP32]
    for a, b, c in (lanes.float_operands(layout, rng, 10_000), lanes.float_operands(layout, rng, 300_000),
                    lanes.corner_triples(layout)):
        operation = rng.integers(0, len(FloatOperation), len(a), np.uint8)
        rows = lanes.float_vectors(operation, np.full(len(a), Format.FP32, np.uint8), a, b, c)
        Vectors({name: rows.inputs[name] for name in ("operation", "a", "b", "c")},
                {name: rows.outputs[name] for name in ("o", "flags")}).check(unit)


def integer_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    """The same, undefined operations among them."""
    for count in (30_000, 600_000):
        rows = lanes.random_integer_vectors(rng, count)
        kept = rows.inputs["format"] == Format.INT16
        low = {name: (values[kept] & np.uint32(0xFFFF)).astype(np.uint16) if name in "abo" else values[kept]
               for name, values in (rows.inputs | rows.outputs).items()}
        Vectors({name: low[name] for name in ("operation", "a", "b")}, {"o": low["o"]}).check(unit)


def estimator_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    """The same for the estimator."""
    for stride, count in ((29989, 1000), (2999, 20_000)):
        for operation in EstimateOperation:
            x = np.concatenate([*estimates.operands(operation, stride=stride), estimates.SPECIAL,
                                rng.integers(0, 1 << 32, count, np.uint32)])
            estimates.vectors(operation, x).check(unit)


def operand_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert parts.operand_errors(unit, rng) == 0


def loader_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert parts.loader_errors(unit, rng) == 0


def reader_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert parts.reader_errors(unit, rng, depth=DEPTH) == 0


def element_check(unit: conversions.Unit, rng: np.random.Generator) -> None:
    assert parts.element_errors(unit, rng, depth=DEPTH, accumulators=ACCUMULATORS) == 0


@dataclass(frozen=True)
class Subject:
    """A unit to break, in how many ways, and its check, which raises an AssertionError.

    Without a latency it is a pipeline, for `verif.slices`. `meaning` is what of its outputs means anything.
    """

    name: str
    component: Callable[[], wiring.Component]
    count: int
    check: Callable[[conversions.Unit, np.random.Generator], None]
    latency: int | None = None
    meaning: Callable[[dict[str, NDArray]], dict[str, NDArray]] = dict


SUBJECTS = (
    Subject("converter", Converter, 200, converter_check),
    Subject("cfloat8_decoder", Cfloat8Decoder, 60, decoder_check),
    Subject("generator", stochastic.generator, 60, generator_check, latency=0),
    Subject("float_unit", lambda: FloatUnit(format=Fp32), 200, float_check),
    Subject("integer_unit", lambda: IntegerUnit(bits=INTEGER_BITS), 100, integer_check),
    Subject("estimator", Estimator, 200, estimator_check),
    Subject("matrix_operand", MatrixOperand, 100, operand_check, latency=MatrixOperand.LATENCY,
            meaning=parts.meaning_of_operand),
    Subject("matrix_loader", MatrixLoader, 60, loader_check, latency=MatrixLoader.LATENCY,
            meaning=parts.meaning_of_loaded),
    Subject("matrix_reader", lambda: MatrixReader(depth=DEPTH), 100, reader_check, latency=MatrixReader.LATENCY),
    Subject("matrix_element", lambda: MatrixElement(depth=DEPTH, accumulators=ACCUMULATORS), 200, element_check,
            latency=MatrixElement.LATENCY,
            meaning=partial(parts.meaning_of_state, depth=DEPTH, accumulators=ACCUMULATORS)),
)


class Recorder:
    """Passes calls on to a unit and remembers them, so that they need not be worked out for each mutant again."""

    def __init__(self, unit: conversions.Unit, meaning: Callable[[dict[str, NDArray]], dict[str, NDArray]]):
        self.unit, self.meaning = unit, meaning
        self.calls: list[tuple[dict[str, ArrayLike], dict[str, NDArray]]] = []

    def __call__(self, **inputs: ArrayLike) -> dict[str, NDArray]:
        outputs = self.unit(**inputs)
        self.calls.append((inputs, self.meaning(outputs)))
        return outputs

    def caught(self, unit: conversions.Unit) -> bool:
        """Whether another unit answers any call otherwise."""
        for inputs, expected in self.calls:
            gave = self.meaning(unit(**inputs))
            if any((gave[name] != values).any() for name, values in expected.items()):
                return True
        return False


def survivors(subject: Subject) -> mutation.Survivors:
    """Check the whole unit; then break it, and return what the check does not notice."""
    component = subject.component()
    whole = slices.build(component, name=subject.name) if subject.latency is None else \
        batch.build(component, name=subject.name, latency=subject.latency)
    recorder = Recorder(whole, subject.meaning)
    subject.check(recorder, np.random.default_rng(SEED))
    return mutation.survivors(component, name=subject.name, latency=subject.latency, count=subject.count, seed=SEED,
                              caught=recorder.caught)


def outcome(count: int, left: mutation.Survivors) -> Outcome:
    """What became of a unit's mutations; it fails if fewer than 95 % were noticed."""
    noticed = count - len(left.harmless) - len(left.missed)
    kinds = {"proved to change no output": left.harmless, "missed": left.missed}
    found = "; ".join([f"{noticed} noticed", *(f"{len(those)} {kind}: {', '.join(f'`{each}`' for each in those)}"
                                               for kind, those in kinds.items() if those)])
    assert noticed >= 0.95 * count, found
    return Outcome(count, found)


TASKS = tuple(
    Task(f"mutations of {subject.name}", lambda _, subject=subject: outcome(subject.count, survivors(subject)))
    for subject in SUBJECTS)
