"""The matrix unit in depth: chains, every product of CFloat8, the search for its largest error, mutations."""

import argparse
from itertools import product

import numpy as np
from tqdm import tqdm

from hdl.config import SIM, ULX3S
from hdl.core.matrix import MatrixUnit
from hdl.number_formats import BIAS_LIMIT, Denormals
from sim.numerics import OPERAND_FORMATS
from verif import batch, mutation
from verif.matrix import mass

from . import matrix_accuracy

#: Pairs of biases with every sum from 0 to 126.
BIASES = [(min(total, BIAS_LIMIT), max(total - BIAS_LIMIT, 0)) for total in range(2 * BIAS_LIMIT + 1)]

#: The fast test: chains of 12 steps on the small shape, of these seeds and numbers. A fault it misses is a survivor.
FAST = ((11, 300), (12, 4000))


def caught(unit: mass.Unit) -> bool:
    """Whether the fast test finds anything wrong."""
    return any(mass.chain_errors(unit, ULX3S, np.random.default_rng(seed), chains=chains, steps=12)
               for seed, chains in FAST)


def main() -> None:
    """Run the campaign and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m verif.numbers.matrix_campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=2021)
    parser.add_argument("--chains", type=int, default=100_000, help="of 24 steps on each shape")
    parser.add_argument("--rounds", type=int, default=200, help="of hill climbing")
    parser.add_argument("--mutations", type=int, default=100)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    print(f"seed {arguments.seed}")

    units = {config: batch.build(MatrixUnit(config=config), name=f"matrix_batch_{config.name}", latency=mass.LATENCY)
             for config in (ULX3S, SIM)}
    for config, unit in units.items():
        wrong = sum(mass.chain_errors(unit, config, rng, chains=1000, steps=24)
                    for _ in tqdm(range(arguments.chains // 1000), desc=f"chains on {config.name}"))
        print(f"{config.name}: {wrong} differences in {arguments.chains:,} chains of 24 steps")
    cases = list(product(OPERAND_FORMATS[1:], OPERAND_FORMATS[1:], BIASES, Denormals))
    wrong = sum(mass.product_errors(units[ULX3S], ULX3S, codes=(a, b), biases=biases, rules=(rule, rule))
                for a, b, biases, rule in tqdm(cases, desc="products of CFloat8"))
    print(f"CFloat8: {wrong} wrong of {len(cases) << 16:,} products, every sum of biases")

    share = max(matrix_accuracy.search(rng, depth=4, steps=steps, chains=256, rounds=arguments.rounds)
                for steps in (1, 2, 4, 12))
    print(f"largest error found: {share:.3f} of the bound n K 2^-30 B")
    for spread, cancelling in product((4, 16, 40), (False, True)):
        ours, theirs = matrix_accuracy.beside_fma(
            rng, depth=4, steps=64, chains=500, spread=spread, cancelling=cancelling)
        print(f"exponents over {spread} binary orders, {'cancelling' if cancelling else 'random'}: "
              f"mean error {ours:.2e} of the largest partial sum, FP32 FMAs {theirs:.2e}")

    left = mutation.survivors(MatrixUnit(config=ULX3S), name="matrix_mutants", latency=mass.LATENCY,
                              count=arguments.mutations, seed=arguments.seed, caught=caught)
    print(f"{arguments.mutations - len(left)} of {arguments.mutations} mutations caught; left:", *left, sep="\n  ")


if __name__ == "__main__":
    main()
