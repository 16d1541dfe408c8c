"""Programs: the compiler, the start-up code, and what the examples do on the golden model."""

import pytest

from hdl.config import PRESETS, SIM, ULX3S, Config
from hdl.isa import Cause
from hdl.memory_map import State
from sim import software
from sim.elf import Program
from sim.errors import OutOfSteps, ProgramError
from sim.job import Job, JobFailed, Result, run_model

NODE = SIM.with_mesh(columns=1, rows=1)


def job(program: Program, *, config: Config = NODE, threads: int = 1, max_cycles: int = 200_000) -> Job:
    """A program on every node."""
    nodes = config.coordinates()
    return Job(name=program.path.stem, config=config, programs=dict.fromkeys(nodes, program), done=nodes,
               start=[(node, thread) for node in nodes for thread in range(threads)], max_cycles=max_cycles)


def run(name: str, *, config: Config = NODE, threads: int = 1, macros: dict[str, int] | None = None,
        max_cycles: int = 200_000) -> Result:
    program = software.program(f"examples/{name}.c", config=config, macros=macros)
    return run_model(job(program, config=config, threads=threads, max_cycles=max_cycles))


@pytest.mark.parametrize("source", ["examples/hello.c", "kernels/matmul.c", "digits/digits.c"])
@pytest.mark.parametrize("name", PRESETS)
def test_programs_compile_for_every_preset(name, source):
    program = software.program(source, config=PRESETS[name])
    assert program.entry == program.symbols["_start"] == 0x8000_0000
    assert program.symbols["tohost"] % 64 == 0
    assert program.symbols["d1_free"] % 64 == 0
    assert program.symbols["d1_stacks"] == PRESETS[name].sram_end - PRESETS[name].threads * software.STACK_BYTES


@pytest.mark.parametrize("columns, rows", [(1, 1), (2, 1), (2, 2), (3, 3), (5, 2)])
def test_barriers_and_atomics_of_a_mesh(columns, rows):
    result = run("barrier", config=SIM.with_mesh(columns=columns, rows=rows))
    result.check()


def test_tohost_has_its_line_to_itself():
    program = software.program("digits/digits.c", config=SIM)
    lines = {address // 64 for name, address in program.symbols.items() if name != "tohost" and address}
    assert program.symbols["tohost"] // 64 not in lines


def test_a_warning_is_an_error(tmp_path):
    source = tmp_path / "careless.c"
    source.write_text('#include "d1.h"\nint main(int thread) { int unused; return thread; }\n')
    with pytest.raises(ProgramError, match=r"careless.c: does not compile:[\s\S]*unused variable 'unused'"):
        software.build(source, config=SIM)


def test_a_program_that_does_not_fit_is_refused(tmp_path):
    source = tmp_path / "large.c"
    source.write_text('#include "d1.h"\nchar large[127000];\nint main(int thread) { return large[thread]; }\n')
    with pytest.raises(ProgramError, match="the program and its stacks do not fit in the SRAM"):
        software.build(source, config=SIM)


def test_a_missing_source_is_named():
    with pytest.raises(ProgramError, match=r"nothing\.c: there is no such source"):
        software.build("examples/nothing.c", config=SIM)


def test_a_program_is_built_once_for_each_content(tmp_path):
    source = tmp_path / "code.c"
    text = '#include "d1.h"\nint main(int thread) { return thread + CODE; }\n'
    source.write_text(text)
    first = software.build(source, config=SIM, macros={"CODE": 1})
    built = first.stat().st_mtime_ns
    assert software.build(source, config=SIM, macros={"CODE": 1}) == first
    assert first.stat().st_mtime_ns == built
    others = {software.build(source, config=SIM, macros={"CODE": 2}),
              software.build(source, config=ULX3S, macros={"CODE": 1})}
    source.write_text(text + "\n")
    others.add(software.build(source, config=SIM, macros={"CODE": 1}))
    assert len(others | {first}) == 4


@pytest.mark.parametrize("threads", [1, 4])
def test_hello(threads):
    result = run("hello", threads=threads)
    result.check()
    assert list(result.tohost.values()) == [1]


@pytest.mark.parametrize(("threads", "codes"), [(1, {7}), (4, {7, 8, 9, 10})])
def test_an_exit_code_reaches_the_host(threads, codes):
    result = run("fail", threads=threads)
    assert result.tohost[0, 1] in {code << 1 | 1 for code in codes}
    with pytest.raises(JobFailed, match=r"node 0,1 failed: tohost is 0x[0-9a-f]+"):
        result.check()


def test_a_program_that_does_not_end():
    with pytest.raises(OutOfSteps, match="node 0,1 thread 0 running at 0x8"):
        run("forever", max_cycles=1000)


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.HARDWARE_ERROR],  # no program's fault
                         ids=lambda cause: cause.name)
def test_a_trap_stops_the_thread_and_says_why(cause):
    result = run("trap", macros={"TRAP": cause.value})
    [thread] = result.threads
    assert (thread.state, thread.cause) == (State.TRAPPED, cause)
    with pytest.raises(JobFailed, match=rf"node 0,1 thread 0 stopped at 0x[0-9a-f]+: .* \(cause {cause.value}\)"):
        result.check()


@pytest.mark.parametrize("config", [NODE, ULX3S], ids=lambda config: config.name)
def test_threads_take_turns_and_meet(config):
    run("semaphores", config=config, threads=config.threads).check()


@pytest.mark.parametrize("config", [NODE, SIM, ULX3S, SIM.with_mesh(columns=3, rows=2)],
                         ids=lambda config: f"{config.name}-{config.columns}x{config.rows}")
def test_nodes_push_lists_to_their_neighbours(config):
    run("push", config=config).check()
