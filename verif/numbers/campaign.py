"""`python -m verif.numbers.campaign [PART ...]` (make verify-numbers): the long checks of the number units.

Prints what was checked and how often, and writes it into docs/verification-numbers.md. A check that fails is said, with
the seed that replays it; then nothing is written.
"""

import argparse
import datetime
import importlib
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from sim.build import new_seed
from sim.verilator import ROOT

DOCUMENT = ROOT / "docs" / "verification-numbers.md"

#: The parts, and the modules that have their ``TASKS``.
PARTS = {
    "conversions": "verif.numbers.conversions_campaign",
    "lanes": "verif.numbers.lanes_campaign",
    "matrix": "verif.numbers.matrix_campaign",
    "mutations": "verif.numbers.mutations",
}


@dataclass(frozen=True)
class Outcome:
    """How many things a task looked at, and what it found."""

    count: int
    found: str = "all equal"


@dataclass(frozen=True)
class Task:
    """A check of a campaign: what is compared with what, and the comparison, which raises an AssertionError."""

    what: str
    run: Callable[[np.random.Generator], Outcome]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.numbers.campaign", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--seed", type=int, help="of the random vectors (a new one)")
    parser.add_argument("--only", default="", metavar="WORD", help="tasks with this in their name; nothing is written")
    arguments = parser.parse_args()
    if unknown := [part for part in arguments.parts if part not in PARTS]:
        parser.error(f"no part is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    seed = new_seed() if arguments.seed is None else arguments.seed
    failed = False
    for part in arguments.parts or PARTS:
        tasks = [task for task in importlib.import_module(PARTS[part]).TASKS if arguments.only in task.what]
        outcomes = []
        for task in tqdm(tasks, desc=part, leave=False):
            start = time.monotonic()
            try:
                outcome = task.run(np.random.default_rng([seed, *task.what.encode()]))
            except AssertionError as error:
                tqdm.write(f"{part}: {task.what}: FAILED, replay with --seed {seed}: {error}")
                failed = True
                continue
            outcomes.append((task.what, outcome))
            tqdm.write(f"{part}: {task.what}: {outcome.count:,}, {outcome.found} ({time.monotonic() - start:.0f} s)")
        if not failed and not arguments.only:
            _write(part, seed, outcomes)
    print(f"seed {seed}")
    sys.exit(failed)


def _write(part: str, seed: int, outcomes: list[tuple[str, Outcome]]) -> None:
    """Put a part's table into its place in the document."""
    lines = [f"`make verify-numbers ARGS=\"{part} --seed {seed}\"`, {datetime.date.today():%Y-%m-%d}:", "",
             "| what | count | found |", "| --- | ---: | --- |",
             *(f"| {what} | {outcome.count:,} | {outcome.found} |" for what, outcome in outcomes)]
    text, changes = re.subn(rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)",
                            lambda found: found[1] + "\n".join(lines) + "\n" + found[2],
                            DOCUMENT.read_text(), flags=re.DOTALL)
    if changes != 1:
        raise ValueError(f"{DOCUMENT} has no place for {part!r}: <!-- {part} --> and <!-- /{part} -->")
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
