"""The matrix unit in depth: chains, every product of CFloat8, the search for its largest error."""

from collections.abc import Callable
from itertools import product

import numpy as np
from tqdm import tqdm

from hdl.config import SIM, ULX3S, Config
from hdl.core.matrix import MatrixUnit
from hdl.core.matrix_element import MatrixElement
from hdl.number_formats import BIAS_LIMIT, Denormals
from sim.numerics import OPERAND_FORMATS
from verif import batch
from verif.matrix import mass, parts
from verif.matrix.operands import LARGEST, SIGN
from verif.matrix.script import Script

from . import matrix_accuracy
from .campaign import Outcome, Task

#: Pairs of biases with every sum from 0 to 126.
BIASES = [(min(total, BIAS_LIMIT), max(total - BIAS_LIMIT, 0)) for total in range(2 * BIAS_LIMIT + 1)]

#: Chains on each shape, whose elements (4 and 64) all have operands of their own, and their steps.
CHAINS = {ULX3S: 100_000, SIM: 20_000}
STEPS = 24

ROUNDS = 200

#: Steps that carry an anchor to 33, and those that take it back.
STEPS_BEYOND = 1_060_000, 700_000


def _unit(config: Config) -> batch.Batch:
    return batch.build(MatrixUnit(config=config), name=f"matrix_batch_{config.name}", latency=mass.LATENCY)


def chains_of(config: Config) -> Callable[[np.random.Generator], Outcome]:
    """A check of chains of steps on one shape."""
    def run(rng: np.random.Generator) -> Outcome:
        unit = _unit(config)
        wrong = sum(mass.chain_errors(unit, config, rng, chains=1000, steps=STEPS)
                    for _ in tqdm(range(CHAINS[config] // 1000), leave=False))
        assert not wrong, f"{wrong} differences"
        return Outcome(CHAINS[config] * STEPS)

    return run


def products(_: np.random.Generator) -> Outcome:
    """Every pair of CFloat8 of all formats, sums of biases and rules."""
    unit = _unit(ULX3S)
    cases = list(product(OPERAND_FORMATS[1:], OPERAND_FORMATS[1:], BIASES, Denormals))
    wrong = sum(mass.product_errors(unit, ULX3S, codes=(a, b), biases=biases, rules=(rule, rule))
                for a, b, biases, rule in tqdm(cases, leave=False))
    assert not wrong, f"{wrong} products are wrong"
    return Outcome(len(cases) << 16)


def beyond_all(rng: np.random.Generator) -> Outcome:
    """An accumulator carried to an anchor of 33, by the largest products alone, and back by their opposites."""
    depth = 4
    unit = batch.build(MatrixElement(depth=depth, accumulators=2), name=f"element_{depth}_2",
                       latency=MatrixElement.LATENCY)
    script = Script(rng, depth=depth, accumulators=2)
    a, b = np.full((1, depth), LARGEST), np.full((depth, 1), LARGEST)
    script.multiply(0, a, b)
    script.multiply(0, a ^ SIGN, b)
    rows = np.repeat(np.arange(4), (1, 1, *STEPS_BEYOND))
    asked = {name: values[rows] for name, values in parts.element_rows(script).items()} | {"read": 0}
    states = parts.meaning_of_state(unit(**asked), depth=depth, accumulators=2)["state"]

    # Steps 3 and 4 of docs/numerics.md.
    g, t = 31, depth * (255 * 255 << 12 + 16)
    total, anchor, expected = 0, 0, []
    for y in np.repeat((t, -t), STEPS_BEYOND).tolist():
        expected.append((total, anchor))
        common = g if total == 0 else max(anchor, g)
        x = total >> 16 * (common - anchor)
        total, anchor = x + (y >> 16 * (common - g)), common
        if total == 0:
            anchor = 0
        elif not -1 << 50 <= x < 1 << 50:
            total, anchor = total >> 16, common + 1
        elif -1 << 33 <= x < 1 << 33 and g < common:
            total, anchor = total << 16, common - 1
    assert max(anchor for _, anchor in expected) == 33
    wrong = np.count_nonzero(states != parts.packed_states(depth, *np.array(expected, np.int64).T))
    assert not wrong, f"{wrong} states differ"
    return Outcome(len(expected))


def largest_error(rng: np.random.Generator) -> Outcome:
    """The documented bound, which hill climbing does not get over."""
    share = max(matrix_accuracy.search(rng, depth=4, steps=steps, chains=256, rounds=ROUNDS) for steps in (1, 2, 4, 12))
    assert share <= 1, f"{share:.3f} of the bound"
    return Outcome(4 * 256 * ROUNDS, f"at most {share:.3f} of the bound n K 2^-30 B")


def beside_fma(rng: np.random.Generator) -> Outcome:
    """The mean error of chains, which is not above that of FP32 FMAs on the same numbers."""
    found = []
    for spread, cancelling in product((4, 16, 40), (False, True)):
        ours, theirs = matrix_accuracy.beside_fma(
            rng, depth=4, steps=64, chains=500, spread=spread, cancelling=cancelling)
        kind = f"{spread} binary orders, {'cancelling' if cancelling else 'random'}"
        assert ours <= theirs, f"{kind}: a mean error of {ours:.2e}, and {theirs:.2e} of FMAs"
        found.append(f"{kind}: {ours:.2e}, FMAs {theirs:.2e}")
    return Outcome(500 * len(found), "; ".join(found))


TASKS = (
    *(Task(f"matrix unit, {config.name}: steps in chains of {STEPS}, hardware and model", chains_of(config))
      for config in CHAINS),
    Task("matrix unit: all products of two CFloat8, every sum of biases, hardware and FP64", products),
    Task("matrix element: the largest products, up to an anchor of 33 and back, hardware and integers", beyond_all),
    Task("matrix model: the largest error, by hill climbing", largest_error),
    Task("matrix model: the mean error beside FP32 FMAs", beside_fma),
)
