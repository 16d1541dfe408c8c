"""What the core's programs meet, and the engine that runs them at length (make verify-core)."""

import random
from collections.abc import Iterator
from functools import partial

import pytest

from hdl.config import Config
from hdl.isa import INSTRUCTIONS, Cause
from sim.build import new_seed
from sim.random_program import generate
from tests.test_core import CORES, lock_step
from verif.core.campaign import page, random_case, run
from verif.core.cases import Case, make_case
from verif.core.coverage import TIMED, UNREACHABLE, Coverage, goals
from verif.core.directed import DirectedProgram
from verif.core.engine import Engine, Parted

#: Programs after which every bin must have been met.
PROGRAMS = 60

#: Instructions of a thread.
LENGTH = {"SIM": 1500, "WIDE": 1000, "ULX3S": 400, "DEEP": 400}


def directed_cases(config: Config, seed: int, met: Coverage) -> Iterator[Case]:
    """Programs that go for what has not been met, but for what depends on cycles."""
    generator = random.Random(seed)
    for index in range(PROGRAMS):
        missing = [goal for goal in met.missing() if goal[0] not in TIMED]
        if not missing:
            return
        generator.shuffle(missing)
        made: list[DirectedProgram] = []

        def make(*arguments, wanted=missing, made=made) -> DirectedProgram:
            made.append(DirectedProgram(*arguments, goals=wanted))
            return made[-1]

        threads = config.threads - index % config.threads
        program = generate(generator, config=config, length=LENGTH[config.name], threads=threads, make=make)
        case = make_case(name=f"directed-{index}", config=config, memory=program.memory, start=program.start,
                         flaws=[flaw for thread in made for flaw in thread.flaws])
        met.add(case)
        yield case


@pytest.mark.parametrize("name", CORES)
def test_programs_meet_every_bin(name):
    """On the model alone; in lock-step with the smallest preset."""
    seed = new_seed()
    print(f"replay with SEED={seed}")
    met = Coverage(CORES[name])
    cases = list(directed_cases(CORES[name], seed, met))
    assert [goal for goal in met.missing() if goal[0] not in TIMED] == []
    if name == "SIM":
        lock_step(name, cases, seed=seed)


@pytest.mark.parametrize("name", [name for name, config in CORES.items() if config.issue_width > 1])
def test_what_is_issued_together(name):
    """In lock-step; which of the bins are met hangs on cycles, and the campaign says it."""
    config, seed = CORES[name], new_seed()
    generator = random.Random(seed)
    wanted = [goal for goal in goals(config) if goal[0] in ("places", "meets", "chained")] * 2
    generator.shuffle(wanted)
    cases = []
    while wanted:
        program = generate(generator, config=config, length=LENGTH[name], threads=1 + len(cases) % config.threads,
                           make=partial(DirectedProgram, goals=wanted))
        cases.append(make_case(name=f"together-{len(cases)}", config=config, memory=program.memory,
                               start=program.start))
    lock_step(name, cases, seed=seed)


@pytest.mark.parametrize("config", CORES.values(), ids=CORES)
def test_bins_are_those_of_the_table(config):
    bins = goals(config)
    rows = [row for row in INSTRUCTIONS if row.is_in(config)]
    assert {name for group, name, *_ in bins if group == "operands"} == {row.name for row in rows if row.operands}
    assert {cause for group, *_, cause in bins if group == "traps"} == {cause.name for cause in Cause}
    assert sum(group == "threads" for group, *_ in bins) == config.threads


def test_what_cannot_be_met_has_a_reason():
    bins = goals(CORES["SIM"])
    assert all(goal in bins and why for goal, why in UNREACHABLE.items())


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(CORES["ULX3S"])


def test_the_engine_agrees_with_the_model_while_it_is_disturbed(engine):
    """Some programs of the campaign; what threads do at the same time is met, too."""
    seed = new_seed()
    print(f"replay with SEED={seed}")
    met = Coverage(engine.config)
    for index in range(6):
        case, disturbance = random_case(seed + index, engine.config, list(met.goals))
        met.add(case, engine.run(case, disturbance))
    assert {goal[0] for goal in met.counts} == {goal[0] for goal in met.goals}
    assert met.retired > 10_000


def changed(case: Case, index: int, *, pc: int = 0, word: int = 0, value: int = 0) -> None:
    """Let a case expect something else of an instruction of thread 0."""
    old_pc, old_word, old_value = case.retired[0][index]
    new = bytes(byte ^ value for byte in old_value[:1]) + old_value[1:]
    case.retired[0][index] = old_pc ^ pc, old_word ^ word, new


@pytest.mark.parametrize("kind", ["pc", "word", "value", "late value", "more", "less", "register", "memory", "errors"])
def test_the_engine_notices(engine, kind):
    """Each thing that it compares, changed in what it expects."""
    case, _ = random_case(7, engine.config, list(goals(engine.config)), length=100)
    retired = case.retired[0]
    middle = next(index for index, (_, _, value) in enumerate(retired) if index > 100 and value)
    late = next(index for index, (_, _, value) in enumerate(retired) if index > 100 and len(value) > 8)
    match kind:
        case "pc":
            changed(case, middle, pc=4)
        case "word":
            changed(case, middle, word=1 << 31)
        case "value":
            changed(case, middle, value=1)
        case "late value":
            changed(case, late, value=128)
        case "more":
            retired.append(retired[-1])
        case "less":
            retired.pop()
        case "register":
            case.threads[0] = {register: value + 1 for register, value in case.threads[0].items()}
        case "memory":
            address, content = case.final[-1]
            case.final[-1] = address, bytes([content[0] ^ 1]) + content[1:]
        case "errors":
            object.__setattr__(case, "errors", case.errors + 1)
    with pytest.raises(Parted, match=r"^seed 7: "):
        engine.run(case)
    engine.run(random_case(8, engine.config, list(goals(engine.config)), length=100)[0])


def test_the_campaign_tells_what_it_has_run():
    met, totals, count = run(CORES["ULX3S"], seed=1, instructions=4000)
    assert met.retired >= 4000
    text = page(met, totals, f"seeds 1 to {count}", 60)
    assert f"| all | {count:,} | {met.retired:,} |" in text
