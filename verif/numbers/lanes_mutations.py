"""`python -m verif.numbers.lanes_mutations`: breaks the units of the lanes and says which breaks their checks miss.

The checks are those of tests/test_lanes.py on fewer rows: what they catch, the tests catch.
"""

import argparse

import numpy as np

from hdl.arith.estimate import Estimator
from hdl.arith.float_lane import FloatUnit
from hdl.arith.formats import Fp32
from hdl.arith.integer_lane import IntegerUnit
from hdl.arith.operations import EstimateOperation, FloatOperation
from hdl.number_formats import Format
from verif import mutation

from . import estimates, lanes
from .lanes import LAYOUTS, Vectors

#: Bits of the element whose unit is broken; those of the others are the same but for their width.
INTEGER_BITS = 16


def float_checks(rng: np.random.Generator) -> list[Vectors]:
    """Rows for the FP32 unit: few, then many, then corners."""
    layout = LAYOUTS[Format.FP32]

    def rows(operands: tuple) -> Vectors:
        count = len(operands[0])
        vectors = lanes.float_vectors(rng.integers(0, len(FloatOperation), count, np.uint8),
                                      np.full(count, Format.FP32, np.uint8), *operands)
        return Vectors({name: vectors.inputs[name] for name in ("operation", "a", "b", "c")},
                       {name: vectors.outputs[name] for name in ("o", "flags")})

    return [rows(lanes.float_operands(layout, rng, 10_000)), rows(lanes.float_operands(layout, rng, 300_000)),
            rows(lanes.corner_triples(layout))]


def integer_checks(rng: np.random.Generator) -> list[Vectors]:
    """Rows for a unit of the integer lane, undefined operations among them."""
    def rows(count: int) -> Vectors:
        vectors = lanes.random_integer_vectors(rng, count)
        kept = vectors.inputs["format"] == Format.INT16
        low = {name: (values[kept] & np.uint32(0xFFFF)).astype(np.uint16) if name in "abo" else values[kept]
               for name, values in (vectors.inputs | vectors.outputs).items()}
        return Vectors({name: low[name] for name in ("operation", "a", "b")}, {"o": low["o"]})

    return [rows(30_000), rows(600_000)]


def estimate_checks(rng: np.random.Generator) -> list[Vectors]:
    """Rows for the estimator, its operations mixed."""
    parts = []
    for operation in EstimateOperation:
        x = np.concatenate([*estimates.operands(operation, stride=2999), estimates.SPECIAL,
                            rng.integers(0, 1 << 32, 20_000, np.uint32)])
        parts.append(estimates.vectors(operation, x))
    order = rng.permutation(sum(len(part.inputs["x"]) for part in parts))

    def mixed(which: str) -> dict:
        columns = [getattr(part, which) for part in parts]
        return {name: np.concatenate([column[name] for column in columns])[order] for name in columns[0]}

    whole = Vectors(mixed("inputs"), mixed("outputs"))
    first = Vectors(*({name: values[:10_000] for name, values in ports.items()}
                      for ports in (whole.inputs, whole.outputs)))
    return [first, whole]


UNITS = {
    "float_unit": (lambda: FloatUnit(format=Fp32), FloatUnit.LATENCY, float_checks),
    "integer_unit": (lambda: IntegerUnit(bits=INTEGER_BITS), IntegerUnit.LATENCY, integer_checks),
    "estimator": (Estimator, Estimator.LATENCY, estimate_checks),
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m verif.numbers.lanes_mutations", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the mutations and of the checks")
    parser.add_argument("--count", type=int, default=50, help="mutations of each unit")
    parser.add_argument("--unit", nargs="+", default=list(UNITS), choices=UNITS)
    arguments = parser.parse_args()
    for name in arguments.unit:
        make, latency, checks_of = UNITS[name]
        checks = checks_of(np.random.default_rng(arguments.seed))
        missed = mutation.survivors(
            make(), name=name, latency=latency, count=arguments.count, seed=arguments.seed,
            caught=lambda mutant, checks=checks: any(len(check.errors(mutant)) for check in checks))
        print(f"{name}: {arguments.count - len(missed)} of {arguments.count} mutations caught (seed {arguments.seed})")
        for survivor in missed:
            print(f"    {survivor}")


if __name__ == "__main__":
    main()
