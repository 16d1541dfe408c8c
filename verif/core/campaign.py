"""`python -m verif.core.campaign` (make verify-core): random programs on the core, in lock-step with the model.

Every seed is a program for one to all threads that goes for a random choice of the bins of `verif.core.coverage`, and
what disturbs it: classes of the mesh that do not move, reads of the SRAM by others, single errors in memory. It ends
when enough instructions have retired, writes what was run into docs/core-verification.md, and fails if a bin is empty
that can be met. At the first difference it stops and prints the seed; ``--seed N --programs 1`` replays it.
"""

import argparse
import datetime
import math
import re
import sys
import time
from collections import Counter
from random import Random

from tqdm import tqdm

from hdl.config import PRESETS, Config
from sim.build import new_seed
from sim.machine import decode_cached
from sim.random_program import generate
from sim.trace import destination
from sim.verilator import ROOT

from . import coverage
from .cases import Case, make_case
from .coverage import UNREACHABLE, Bin, Coverage, class_of_name
from .directed import DirectedProgram
from .engine import Disturbance, Engine, Parted

DOCUMENT = ROOT / "docs" / "core-verification.md"

#: Of all bins, those that a program goes for.
_SHARE_OF_GOALS = 0.25

#: Of the SRAM that programs may fill, how much they do: an instruction of a thread takes 4 bytes, its data 5 KiB.
_FILLED = 0.7

#: Programs after which what is known of instruction words is forgotten.
_FORGET = 20


def random_case(seed: int, config: Config, goals: list[Bin], length: int | None = None) -> tuple[Case, Disturbance]:
    """The program of a seed, and what happens meanwhile.

    Parameters
    ----------
    seed : int
    config : Config
        One node.
    goals : list of Bin
        All that there are.
    length : int
        Instructions of a thread; default: what the SRAM holds.
    """
    random = Random(seed)
    threads = random.choice((*range(1, config.threads), *[config.threads] * config.threads))
    wanted = random.sample(goals, int(_SHARE_OF_GOALS * len(goals)))
    made: list[DirectedProgram] = []

    def make(*arguments) -> DirectedProgram:
        made.append(DirectedProgram(*arguments, goals=wanted))
        return made[-1]

    room = _FILLED * config.sram_bytes / config.threads
    data = (16 + 32 + 8 * 32 // config.vector_bytes + config.accumulators * config.parts + 8) * config.vector_bytes
    program = generate(random, config=config, threads=threads, make=make,
                       length=min(length or 1 << 30, int((room - data) / 4)))
    flaws = [flaw for thread in made for flaw in thread.flaws]
    case = make_case(name=f"seed {seed}", config=config, memory=program.memory, start=program.start, flaws=flaws,
                     max_steps=1 << 30)
    words = {address // 8 for address, _, _ in flaws}
    lines = random.sample(case.memory, min(len(case.memory), random.choice((0, 0, 50, 500))))
    cycles = sum(map(len, case.retired.values()))
    singles = [(random.randrange(cycles), address + random.randrange(0, config.vector_bytes, 8), random.randrange(72))
               for address, _ in lines]
    return case, Disturbance(
        seed=random.getrandbits(32), hold=random.choice((0, 0.2, 0.6, 0.9)), reads=random.choice((0, 0, 0.05, 0.4)),
        flaws=[single for single in singles if single[1] // 8 not in words])


class Totals:
    """What a campaign has run."""

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self.by_threads: dict[int, Counter[str]] = {}

    def add(self, case: Case, disturbance: Disturbance, cycles: int, held: int, reads: int) -> None:
        retired = sum(map(len, case.retired.values()))
        of_count = self.by_threads.setdefault(len(case.start), Counter())
        for counter in (self.counts, of_count):
            counter.update({
                "programs": 1, "retired": retired, "cycles": cycles, "traps": sum(map(len, case.traps.values())),
                "held": held, "reads": reads, "singles": len(disturbance.flaws), "doubles": len(case.flaws)})


def run(config: Config, *, seed: int, instructions: int, programs: int | None = None, minutes: float = math.inf,
        length: int | None = None) -> tuple[Coverage, Totals, int]:
    """Run seeds from `seed` on, until so many instructions have retired, programs have run or minutes have passed.

    Returns what was met, what was run, and the number of programs.

    Raises
    ------
    Parted
        If the core and the model differ.
    """
    engine, met, totals = Engine(config), Coverage(config), Totals()
    goals, count = list(met.goals), 0
    end = time.monotonic() + 60 * minutes
    with tqdm(desc=config.name, total=instructions, unit=" instructions", unit_scale=True, disable=None) as bar:
        while met.retired < instructions and count != programs and time.monotonic() < end:
            case, disturbance = random_case(seed + count, config, goals, length)
            outcome = engine.run(case, disturbance)
            met.add(case, outcome)
            totals.add(case, disturbance, outcome.cycles, outcome.held, outcome.disturbed)
            bar.update(met.retired - bar.n)
            count += 1
            if count % _FORGET == 0:
                for cache in (decode_cached, destination, coverage.known):
                    cache.cache_clear()
    return met, totals, count


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.core.campaign", description=__doc__)
    parser.add_argument("--preset", default="SIM", choices=PRESETS)
    parser.add_argument("--instructions", type=int, default=10_000_000,
                        help="retired instructions to reach (10,000,000)")
    parser.add_argument("--programs", type=int, help="end after so many programs; nothing is written then")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end after so long, however far it has got")
    parser.add_argument("--seed", type=int, help="of the first program; the others count on from it")
    arguments = parser.parse_args()
    config = PRESETS[arguments.preset].with_mesh(columns=1, rows=1)
    seed = new_seed() if arguments.seed is None else arguments.seed
    began = time.monotonic()
    try:
        met, totals, count = run(config, seed=seed, instructions=arguments.instructions,
                                 programs=arguments.programs, minutes=arguments.minutes)
    except Parted as error:
        print(f"FAILED, replay with --preset {config.name} --seed {str(error).split(':')[0].removeprefix('seed ')} "
              f"--programs 1: {error}")
        sys.exit(1)
    text = page(met, totals, f"seeds {seed} to {seed + count - 1}", time.monotonic() - began)
    print(text)
    missing = met.missing()
    if arguments.programs is None:
        write(config.name, text)
        for goal in missing:
            print("not met:", ": ".join(goal))
        sys.exit(bool(missing))


def page(met: Coverage, totals: Totals, seeds: str, seconds: float) -> str:
    """The tables of a run."""
    def numbers(counter: Counter[str]) -> str:
        return " | ".join(f"{counter[name]:,}" for name in (
            "programs", "retired", "cycles", "traps", "held", "reads", "singles", "doubles"))

    classes: Counter[str] = Counter()
    for name, times in met.executed.items():
        classes[class_of_name(name)] += times
    lines = [
        f"`make verify-core ARGS=\"--preset {met.config.name}\"`, {datetime.date.today():%Y-%m-%d}, {seeds}, all equal "
        f"({seconds / 60:.0f} minutes):", "",
        "| threads | programs | retired | cycles | traps | cycles with a class of packets held | reads by others "
        "| single errors | double errors |", f"| --- |{' ---: |' * 8}",
        *(f"| {count} | {numbers(counter)} |" for count, counter in sorted(totals.by_threads.items())),
        f"| all | {numbers(totals.counts)} |", "",
        "| class | instructions |", "| --- | ---: |",
        *(f"| {name} | {times:,} |" for name, times in classes.most_common()),
        "", "| bins | there are | cannot be met | were met | the rarest | how often |",
        "| --- | ---: | ---: | ---: | --- | ---: |",
        *(f"| {' | '.join(map(str, row))} |" for row in met.table())]
    unreachable = {goal: why for goal, why in UNREACHABLE.items() if goal in met.goals}
    lines += ["", "Cannot be met:", "", *(f"* {', '.join(goal)}: {why}" for goal, why in unreachable.items())]
    return "\n".join(lines)


def write(part: str, text: str) -> None:
    """Put the tables into their place in the document."""
    changed, changes = re.subn(rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)",
                               lambda found: f"{found[1]}{text}\n{found[2]}", DOCUMENT.read_text(), flags=re.DOTALL)
    if changes != 1:
        raise ValueError(f"{DOCUMENT} has no place for {part!r}: <!-- {part} --> and <!-- /{part} -->")
    DOCUMENT.write_text(changed)


if __name__ == "__main__":
    main()
