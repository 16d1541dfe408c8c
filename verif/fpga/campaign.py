"""`python -m verif.fpga.campaign`: much noise and much garbage on the line to a simulated board."""

import argparse
import random

from tqdm import tqdm

from fpga.boards import board
from fpga.host import simulated
from sim.build import new_seed

from .noise import Noise, exchange, garbage


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.fpga.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=new_seed())
    parser.add_argument("--rounds", type=int, default=10, help="of noise, each with its own probabilities (10)")
    parser.add_argument("--pieces", type=int, default=200, help="written or read in a round (200)")
    parser.add_argument("--garbage", type=int, default=100_000, help="symbols of garbage (100,000)")
    arguments = parser.parse_args()
    print(f"replay with --seed {arguments.seed}", flush=True)
    random.seed(arguments.seed)
    made = simulated(board("ulx3s").with_mesh(1, 1))
    for number in tqdm(range(arguments.rounds), desc="noise", disable=None):
        scale = random.choice((0.25, 0.5, 1, 2))
        noise = Noise(flip=0.001 * scale, drop=0.0005 * scale, double=0.0005 * scale, cut=0.02 * scale,
                      garbage=0.05 * scale)
        session = exchange(made, noise=noise, count=arguments.pieces, most=120)
        print(f"round {number}: {noise}: {arguments.pieces} pieces, {session.repeated} frames sent again, "
              f"{session.dropped} dropped by the board since its reset", flush=True)
    step = 10_000
    for _ in tqdm(range(0, arguments.garbage, step), desc="garbage", disable=None):
        garbage(made, step)
    print(f"{arguments.garbage:,} symbols of garbage; {made.cycles:,} cycles in all")


if __name__ == "__main__":
    main()
