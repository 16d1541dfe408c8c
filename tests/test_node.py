"""Whole nodes and meshes against the golden model."""

import random

import pytest

from hdl.config import PRESETS
from sim.build import RUNS, new_seed
from sim.job import run_model
from sim.rtl import run_rtl
from sim.trace import compare, parse
from verif.mesh.traffic import all_to_all
from verif.node.programs import random_job


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_random_programs_on_every_thread_of_a_mesh(name):
    """Traces, registers and memory are the model's, line by line."""
    seed = new_seed()
    print(f"replay with SEED={seed}")
    job = random_job(random.Random(seed), name=f"random-{name}", config=PRESETS[name], length=250)
    RUNS.mkdir(parents=True, exist_ok=True)
    traces = RUNS / f"random-{name}-model.trace", RUNS / f"random-{name}-rtl.trace"
    expected, found = run_model(job, trace=traces[0]), run_rtl(job, trace=traces[1])
    with traces[0].open() as a, traces[1].open() as b:
        differences = compare(parse(a), parse(b))
    assert not differences, "\n".join(map(str, differences))
    assert found.threads == expected.threads
    assert found.reads == expected.reads


@pytest.mark.parametrize("name, columns, rows", [("SIM", 2, 2), ("ULX3S", 3, 2)])
def test_lists_from_every_node_to_every_node(name, columns, rows):
    seed = new_seed()
    print(f"replay with SEED={seed}")
    generator = random.Random(seed)
    for _ in range(4):
        job = all_to_all(generator, config=PRESETS[name].with_mesh(columns=columns, rows=rows))
        expected, found = run_model(job), run_rtl(job)
        found.check()
        assert found.reads == expected.reads
        assert not any(counters["ERRORS"] for counters in found.counters.values())
