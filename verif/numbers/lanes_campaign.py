"""The long checks of the lanes, as gates; `verif.numbers.campaign` runs them."""

# pyright: reportAttributeAccessIssue=none

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray
from tqdm import tqdm

from hdl.arith.estimate import Estimator
from hdl.arith.float_lane import FloatLane, FloatUnit
from hdl.arith.formats import Bf16, Flags
from hdl.arith.integer_lane import IntegerLane
from hdl.arith.operations import EstimateOperation, FloatOperation, IntegerOperation
from hdl.number_formats import INTEGERS
from sim import numerics
from verif import slices

from . import estimates, lanes, softfloat
from .campaign import Outcome, Task
from .lanes import LAYOUTS

FLOAT_ROWS = 100_000_000
INTEGER_ROWS = 20_000_000
CHUNK = 1 << 20

#: Every fraction of BF16 that is at a bound of its range, or next to one, or in the middle.
FRACTIONS = (0x00, 0x01, 0x02, 0x3F, 0x40, 0x41, 0x7D, 0x7E, 0x7F)


class Bf16Operation(wiring.Component):
    """The BF16 unit of the float lane, kept to one operation, so that the model of it is fast."""

    def __init__(self, *, operation: FloatOperation):
        self.operation = operation
        super().__init__({"a": In(16), "b": In(16), "o": Out(16), "flags": Out(Flags)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = FloatUnit(format=Bf16)
        m.d.comb += [unit.operation.eq(self.operation), unit.a.eq(self.a), unit.b.eq(self.b),
                     self.o.eq(unit.o), self.flags.eq(unit.flags)]
        return m


def _float_lane() -> slices.Slices:
    return slices.build(FloatLane(), name="float_lane")


def check_with_softfloat(operation: NDArray, a: NDArray, b: NDArray, c: NDArray) -> None:
    """The model's results and flags are SoftFloat's."""
    for code in FloatOperation:
        if code.computes:
            x, y, z = (operand[operation == code] for operand in (a, b, c))
            ours = numerics.float_operation(code, x, y, z if code.takes_c else None)
            bits, flags = softfloat.float_operation(code, x, y, z)
            wrong = np.flatnonzero((ours.bits != bits) | (ours.flags != flags))
            assert not len(wrong), f"{code.name} of {[hex(operand[wrong[0]]) for operand in (x, y, z)]}"


def random_floats(rng: np.random.Generator) -> Outcome:
    """Rows of mixed operations: the hardware, and on the same operands SoftFloat."""
    unit, elements = _float_lane(), 0
    for start in tqdm(range(0, FLOAT_ROWS, CHUNK), leave=False):
        vectors = lanes.random_float_vectors(rng, min(CHUNK, FLOAT_ROWS - start))
        vectors.check(unit)
        for format, layout in LAYOUTS.items():
            rows = vectors.inputs["format"] == format
            a, b, c = (vectors.inputs[name][rows].view(layout.dtype) for name in "abc")
            check_with_softfloat(np.repeat(vectors.inputs["operation"][rows], 4 // a.itemsize), a, b, c)
            elements += len(a)
    return Outcome(FLOAT_ROWS, f"all equal; {elements:,} numbers, two in a row of BF16")


def corner_triples(_: np.random.Generator) -> Outcome:
    """All triples of corner values in all operations."""
    unit, count = _float_lane(), 0
    for (format, layout), operation in tqdm(list(product(LAYOUTS.items(), FloatOperation)), leave=False):
        triples = lanes.corner_triples(layout)
        check_with_softfloat(np.full(len(triples[0]), operation), *triples)
        a, b, c = (lanes.words(np.resize(operand, len(operand) + len(operand) % 2)) for operand in triples)
        codes, formats = np.full(len(a), operation, np.uint8), np.full(len(a), format, np.uint8)
        lanes.float_vectors(codes, formats, a, b, c).check(unit)
        count += len(triples[0])
    return Outcome(count)


def bf16_products(_: np.random.Generator) -> Outcome:
    """Every BF16 number times every other."""
    every = np.arange(1 << 16, dtype=np.uint16)
    return _bf16_pairs(FloatOperation.MUL, ((np.full_like(every, a), every) for a in every), 1 << 16)


def bf16_sums(_: np.random.Generator) -> Outcome:
    """All pairs of signs and exponents, with all pairs of boundary fractions."""
    numbers = np.array([high << 7 | fraction for high, fraction in product(range(512), FRACTIONS)], np.uint16)
    return _bf16_pairs(FloatOperation.ADD, ((np.full_like(numbers, a), numbers) for a in numbers), len(numbers))


def _bf16_pairs(operation: FloatOperation, pairs: Iterator[tuple[NDArray, NDArray]], total: int) -> Outcome:
    unit = slices.build(Bf16Operation(operation=operation), name="bf16_operation")
    count = 0
    for a, b in tqdm(pairs, total=total, leave=False):
        bits, flags = softfloat.float_operation(operation, a, b, b)
        lanes.Vectors({"a": a, "b": b}, {"o": bits, "flags": flags}).check(unit)
        count += len(a)
    return Outcome(count)


def random_integers(rng: np.random.Generator) -> Outcome:
    """Rows of mixed operations and formats."""
    unit = slices.build(IntegerLane(), name="integer_lane")
    for start in tqdm(range(0, INTEGER_ROWS, CHUNK), leave=False):
        lanes.random_integer_vectors(rng, min(CHUNK, INTEGER_ROWS - start)).check(unit)
    return Outcome(INTEGER_ROWS)


def pairs_of_bytes(_: np.random.Generator) -> Outcome:
    """All pairs of bytes in all operations; four of them side by side are elements of the other formats, too."""
    unit, count = slices.build(IntegerLane(), name="integer_lane"), 0
    every = np.arange(1 << 16, dtype=np.uint32)
    a, b = (lanes.words(half.astype(np.uint8)) for half in (every & 0xFF, every >> 8))
    for operation, format in product(IntegerOperation, INTEGERS):
        codes, formats = np.full(len(a), operation, np.uint8), np.full(len(a), format, np.uint8)
        lanes.integer_vectors(codes, formats, a, b).check(unit)
        count += len(a)
    return Outcome(count)


def estimates_of(operation: EstimateOperation) -> Callable[[np.random.Generator], Outcome]:
    """A check of one function of the estimator on all significands."""
    def run(_: np.random.Generator) -> Outcome:
        unit = slices.build(Estimator(), name="estimator")
        count, worst = 0, 0.0
        for x in tqdm(estimates.operands(operation), leave=False):
            vectors = estimates.vectors(operation, x)
            vectors.check(unit)
            worst = max(worst, estimates.ulps(operation, x, vectors.outputs["o"]).max())
            count += len(x)
        assert worst <= estimates.LIMITS[operation], f"an error of {worst} ulp"
        return Outcome(count, f"all equal; error at most {worst:.3f} ulp")

    return run


TASKS = (
    Task("float lane: rows of mixed operations, hardware, model and SoftFloat", random_floats),
    Task("float lane: all triples of corners in all operations, hardware, model and SoftFloat", corner_triples),
    Task("float lane: all products of two BF16, hardware and SoftFloat", bf16_products),
    Task("float lane: sums of BF16, all exponents with boundary fractions, hardware and SoftFloat", bf16_sums),
    Task("integer lane: rows of mixed operations, hardware and model", random_integers),
    Task("integer lane: rows of all pairs of bytes, hardware and model", pairs_of_bytes),
    *(Task(f"estimator: {operation.name}, all significands, hardware, model and exact value", estimates_of(operation))
      for operation in EstimateOperation),
)
