"""`python -m verif.sram.campaign`: random traffic on all ports of the SRAM, with errors, for as long as asked."""

import argparse
import json
from collections import Counter

from tqdm import tqdm

from hdl.config import PRESETS
from hdl.mem.sram import BANK_MODULE, READ_PATH_MODULE
from sim.build import RUNS, build, new_seed, run

from .backdoor import PUBLIC
from .top import SramPorts

#: Cycles of one run of the bench.
CYCLES = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.sram.campaign", description=__doc__)
    parser.add_argument("--preset", default="SIM", choices=PRESETS)
    parser.add_argument("--accesses", type=int, default=10_000_000, help="accesses to reach (10,000,000)")
    parser.add_argument("--seed", type=int, help="seed of the first run; the others count on from it")
    arguments = parser.parse_args()
    seed = new_seed() if arguments.seed is None else arguments.seed
    model = build(SramPorts(config=PRESETS[arguments.preset]), name=f"sram_{arguments.preset}",
                  no_inline=(BANK_MODULE, READ_PATH_MODULE), public=PUBLIC)
    work = RUNS / f"sram-campaign-{seed}"
    work.mkdir(parents=True, exist_ok=True)
    totals: Counter[str] = Counter()
    coverage: Counter[str] = Counter()
    longest: dict[str, int] = {}
    with tqdm(desc="accesses", total=arguments.accesses, unit="", unit_scale=True) as bar:
        seeds = 0
        while totals["accesses"] < arguments.accesses:
            file = work / "totals.json"
            run(model, bench="verif.sram.bench", test="random_traffic", work=work, seed=seed + seeds,
                CONFIG=arguments.preset, CYCLES=CYCLES, TOTALS=file, COCOTB_LOG_LEVEL="WARNING",
                GPI_LOG_LEVEL="WARNING")
            found = json.loads(file.read_text())
            totals.update(found["totals"])
            coverage.update(found["coverage"])
            longest = {what: max(longest.get(what, 0), wait) for what, wait in found["longest"].items()}
            bar.update(min(totals["accesses"], arguments.accesses) - bar.n)
            seeds += 1
    assert min(coverage.values()) >= seeds, "every run meets everything"
    rarest, times = min(coverage.items(), key=lambda goal: goal[1])
    print(f"{arguments.preset}, seeds {seed} to {seed + seeds - 1}: "
          + ", ".join(f"{name} {value:,}" for name, value in totals.items())
          + "; longest waits: " + ", ".join(f"{what} {wait} cycles" for what, wait in longest.items())
          + f"; {len(coverage)} goals met in every run, the rarest {times:,} times ({rarest})")


if __name__ == "__main__":
    main()
