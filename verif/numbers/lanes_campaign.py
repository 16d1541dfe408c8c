"""`python -m verif.numbers.lanes_campaign`: the lanes on hundreds of millions of operands.

Float lane: the hardware against the model and the model against SoftFloat, flags included, on the same rows of mixed
operations; all 2^32 products of BF16; BF16 sums over all pairs of exponents. Integer lane: the hardware against the
model; all pairs of bytes. Estimator: the hardware against the model, and both against the truth, on all significands.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
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
from sim.build import new_seed
from verif import batch

from . import estimates, lanes, softfloat
from .lanes import LAYOUTS

CHUNK = 1 << 20

#: Every fraction of BF16 that is at a bound of its range, or next to one, or in the middle.
FRACTIONS = (0x00, 0x01, 0x02, 0x3F, 0x40, 0x41, 0x7D, 0x7E, 0x7F)


@dataclass
class Count:
    """Elements checked and elements that were wrong."""

    checked: int = 0
    wrong: int = 0

    def add(self, checked: int, wrong: int) -> None:
        self.checked += checked
        self.wrong += wrong


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


def _agree(expected: tuple[NDArray, NDArray], bits: NDArray, flags: NDArray) -> int:
    return int(((expected[0] != bits) | (expected[1] != flags)).sum())


def softfloat_errors(operation: NDArray, a: NDArray, b: NDArray, c: NDArray) -> int:
    """How many of the model's results differ from SoftFloat's."""
    wrong = 0
    for code in FloatOperation:
        if code.computes:
            x, y, z = (operand[operation == code] for operand in (a, b, c))
            ours = numerics.float_operation(code, x, y, z if code.takes_c else None)
            wrong += _agree(softfloat.float_operation(code, x, y, z), *ours)
    return wrong


def random_floats(rng: np.random.Generator, rows: int) -> dict[str, Count]:
    """Rows of mixed operations: the hardware, and on the same operands SoftFloat."""
    unit = batch.build(FloatLane(), name="float_lane", latency=FloatLane.LATENCY)
    hardware, reference = Count(), Count()
    for start in tqdm(range(0, rows, CHUNK), desc="float lane, random"):
        vectors = lanes.random_float_vectors(rng, min(CHUNK, rows - start))
        hardware.add(len(vectors.inputs["a"]), len(vectors.errors(unit)))
        for format, layout in LAYOUTS.items():
            rows_of = vectors.inputs["format"] == format
            a, b, c = (vectors.inputs[name][rows_of].view(layout.dtype) for name in "abc")
            operation = np.repeat(vectors.inputs["operation"][rows_of], 4 // a.itemsize)
            reference.add(len(a), softfloat_errors(operation, a, b, c))
    return {"float lane, random rows": hardware, "the same operands, model and SoftFloat": reference}


def corner_triples() -> dict[str, Count]:
    """All triples of corner values in all operations."""
    unit = batch.build(FloatLane(), name="float_lane", latency=FloatLane.LATENCY)
    count = Count()
    for (format, layout), operation in tqdm(list(product(LAYOUTS.items(), FloatOperation)), desc="float lane, corners"):
        a, b, c = (lanes.words(np.resize(operand, len(operand) + len(operand) % 2))
                   for operand in lanes.corner_triples(layout))
        vectors = lanes.float_vectors(np.full(len(a), operation, np.uint8), np.full(len(a), format, np.uint8), a, b, c)
        count.add(len(a) * 4 // layout.dtype().itemsize, len(vectors.errors(unit)))
    return {"float lane, all triples of corners": count}


def bf16_products(values: int) -> dict[str, Count]:
    """`values` BF16 numbers, spread over all, times every BF16 number; all of them: every product."""
    every = np.arange(1 << 16, dtype=np.uint16)
    return {"BF16 products": _bf16_pairs(FloatOperation.MUL, (
        (np.full_like(every, a), every) for a in np.linspace(0, 0xFFFF, values).astype(np.uint16)), values)}


def bf16_sums() -> dict[str, Count]:
    """All pairs of signs and exponents, with all pairs of boundary fractions."""
    numbers = np.array([high << 7 | fraction for high, fraction in product(range(512), FRACTIONS)], np.uint16)
    return {"BF16 sums": _bf16_pairs(FloatOperation.ADD, (
        (np.full_like(numbers, a), numbers) for a in numbers), len(numbers))}


def _bf16_pairs(operation: FloatOperation, pairs: Iterator[tuple[NDArray, NDArray]], total: int) -> Count:
    unit = batch.build(Bf16Operation(operation=operation), name="bf16_operation", latency=FloatUnit.LATENCY)
    count = Count()
    for a, b in tqdm(pairs, total=total, desc=f"BF16 {operation.name}"):
        got = unit(a=a, b=b)
        count.add(len(a), _agree(softfloat.float_operation(operation, a, b, b), got["o"], got["flags"]))
    return count


def integers(rng: np.random.Generator, rows: int) -> dict[str, Count]:
    """Random rows of mixed operations, and all pairs of bytes in all operations."""
    unit = batch.build(IntegerLane(), name="integer_lane", latency=IntegerLane.LATENCY)
    mixed, exhaustive = Count(), Count()
    for start in tqdm(range(0, rows, CHUNK), desc="integer lane, random"):
        vectors = lanes.random_integer_vectors(rng, min(CHUNK, rows - start))
        mixed.add(len(vectors.inputs["a"]), len(vectors.errors(unit)))
    every = np.arange(1 << 16, dtype=np.uint32)
    a, b = (lanes.words(half.astype(np.uint8)) for half in (every & 0xFF, every >> 8))
    for operation, format in product(IntegerOperation, INTEGERS):
        vectors = lanes.integer_vectors(np.full(len(a), operation, np.uint8), np.full(len(a), format, np.uint8), a, b)
        exhaustive.add(len(a), len(vectors.errors(unit)))
    return {"integer lane, random rows": mixed, "integer lane, rows of all pairs of bytes": exhaustive}


def all_estimates(stride: int) -> dict[str, Count]:
    """The estimator on every `stride`-th significand of the orders from which all others follow; prints the errors."""
    unit = batch.build(Estimator(), name="estimator", latency=Estimator.LATENCY)
    counts = {}
    for operation in EstimateOperation:
        count, worst = Count(), 0.0
        for x in tqdm(estimates.operands(operation, stride=stride), desc=operation.name):
            vectors = estimates.vectors(operation, x)
            worst = max(worst, estimates.ulps(operation, x, vectors.outputs["o"]).max())
            count.add(len(x), len(vectors.errors(unit)))
        count.wrong += worst > estimates.LIMITS[operation]
        counts[f"{operation.name}, largest error {worst:.3f} ulp"] = count
    return counts


def main() -> None:
    """Run the command line; the exit status is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m verif.numbers.lanes_campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="replays a run")
    parser.add_argument("--float-rows", type=int, default=100_000_000)
    parser.add_argument("--integer-rows", type=int, default=20_000_000)
    parser.add_argument("--estimate-stride", type=int, default=1, help="between the significands of estimates")
    parser.add_argument("--bf16-values", type=int, default=1 << 16, help="multiplied by every BF16 number")
    arguments = parser.parse_args()
    seed = new_seed() if arguments.seed is None else arguments.seed
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    results = (
        corner_triples() | random_floats(rng, arguments.float_rows) | bf16_sums()
        | bf16_products(arguments.bf16_values) | integers(rng, arguments.integer_rows)
        | all_estimates(arguments.estimate_stride))
    for name, count in results.items():
        print(f"{name}: {count.checked:,} checked, {count.wrong:,} wrong")
    sys.exit(any(count.wrong for count in results.values()))


if __name__ == "__main__":
    main()
