"""The host at the edge port, and jobs on the RTL of a mesh."""

import pytest

from hdl.config import SIM, SRAM_BASE
from hdl.isa import Cause
from hdl.memory_map import State
from sim import software
from sim.build import run
from sim.errors import OutOfSteps, SimulationError
from sim.job import Job, JobFailed, program_job, run_model
from sim.rtl import model_for, run_rtl
from sim.trace import compare, parse


def test_host_driver():
    run(model_for(SIM), bench="verif.host_bench")


def job(name: str, *, threads: int = 1, macros: dict[str, int] | None = None, max_cycles: int = 100_000) -> Job:
    """An example on every node."""
    program = software.program(f"examples/{name}.c", config=SIM, macros=macros)
    nodes = SIM.coordinates()
    return Job(name=f"test-{name}", config=SIM, programs=dict.fromkeys(nodes, program), done=nodes,
               start=[(node, thread) for node in nodes for thread in range(threads)], max_cycles=max_cycles)


@pytest.mark.parametrize(("name", "threads"), [("hello", 4), ("semaphores", 4), ("push", 1)])
def test_example_passes_in_rtl(name, threads):
    result = run_rtl(job(name, threads=threads))
    result.check()
    counters = result.counters[0, 1]
    assert 0 < (result.cycles or 0) <= counters["CYCLES"]
    assert counters["LATENCY_SUM"] >= counters["PACKETS_IN"] > 0  # each through a router


def test_failure_reaches_the_host():
    result = run_rtl(job("fail"))
    assert set(result.tohost.values()) == {15}
    with pytest.raises(JobFailed, match="node 0,1 failed: tohost is 0xf"):
        result.check()


@pytest.mark.parametrize("cause", [Cause.ILLEGAL, Cause.LOAD_ACCESS, Cause.STORE_ACCESS], ids=lambda cause: cause.name)
def test_trap_reaches_the_host_as_in_the_model(cause):
    work = job("trap", macros={"TRAP": cause.value})
    result = run_rtl(work)
    assert {(thread.state, thread.cause) for thread in result.threads} == {(State.TRAPPED, cause)}
    assert result.threads == run_model(work).threads
    with pytest.raises(JobFailed, match="node 0,1 thread 0 stopped at"):
        result.check()


def test_a_program_that_does_not_end_is_given_up():
    with pytest.raises(OutOfSteps, match=r"not ended after [\d,]+ cycles: node 0,1 thread 0 running at 0x80000"):
        run_rtl(job("forever", max_cycles=1000))


def test_data_outside_the_memory_is_refused():
    work = job("hello")
    work.data.append(((1, 1), SRAM_BASE + SIM.sram_bytes, b"x"))
    with pytest.raises(SimulationError, match="WRITE of 1 bytes at 0x80020000 of node 1,1: refused, error ADDRESS"):
        run_rtl(work)


def test_program_and_its_trace_are_those_of_the_model(tmp_path):
    program = software.program("examples/semaphores.c", config=SIM)
    traces = tmp_path / "model", tmp_path / "rtl"
    work = job("push")
    run_model(work, trace=traces[0])
    run_rtl(work, trace=traces[1])
    with traces[0].open() as model, traces[1].open() as rtl:
        assert compare(parse(model), parse(rtl), prefix=True) == []
    result = run_rtl(program_job(program, config=SIM, threads=4, max_cycles=100_000))
    assert result.status == 1
    assert len(result.threads) == 16
    assert result.counters[1, 2]["MATRIX_STEPS"] == 0
