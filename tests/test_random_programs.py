"""Random programs on the golden model, and traces."""

import os
import subprocess
import sys
from io import StringIO
from random import Random

import pytest

from hdl.config import SIM, SRAM_BASE, ULX3S
from hdl.isa import INSTRUCTIONS, Cause, CsrNumber, decode
from hdl.memory_map import ErrorCode, State
from sim import trace
from sim.assembler import assemble as asm
from sim.errors import TraceError
from sim.mesh import Mesh
from sim.random_program import generate
from sim.verilator import ROOT
from tests.riscv import ONE_NODE, pack


def run_random(seed: int, config, *, threads: int) -> tuple[Mesh, list[trace.Record]]:
    program = generate(Random(seed), config=config, length=250, threads=threads)
    mesh = Mesh(config)
    for address, data in program.memory:
        mesh.write(0, 1, address, data)
    for thread, pc in program.start:
        mesh.start(0, 1, thread, pc)
    file = StringIO()
    mesh.run(max_steps=20_000, trace=trace.TraceWriter(file))
    file.seek(0)
    return mesh, list(trace.parse(file))


@pytest.mark.parametrize("config", [SIM, ULX3S], ids=lambda config: config.name)
def test_random_programs_end_and_use_every_row(config):
    config = config.with_mesh(columns=1, rows=1)
    seen, causes = set(), set()
    for seed in range(30):
        threads = 1 + seed % config.threads
        mesh, records = run_random(seed, config, threads=threads)
        node = mesh.nodes[0, 1]
        assert [thread.snapshot().cause for thread in node.threads[:threads]] == [Cause.BREAKPOINT] * threads
        assert node.first_error & 15 in (0, ErrorCode.ADDRESS)
        seen |= {row.name for record in records if (row := decode(record.word)) and row.is_in(config)}
        handled = {record.value for record in records
                   if record.word == asm("csrrs", rd=29, csr=CsrNumber.MCAUSE, rs1=0)}
        causes |= {int(value, 16) for value in handled}
    assert seen == {row.name for row in INSTRUCTIONS if row.is_in(config)} - {"ecall", "ebreak"}
    assert causes == set(Cause) - {Cause.HARDWARE_ERROR}  # which no program causes by itself


def test_a_seed_gives_the_same_program_in_every_process():
    """Which Python makes likely to fail, should the program depend on the order of a set of strings."""
    program = """
from random import Random
from zlib import crc32
from hdl.config import SIM
from sim.random_program import generate
print([crc32(repr(generate(Random(seed), config=SIM, length=300, threads=2)).encode()) for seed in range(3)])
"""
    said = {subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
                           env=os.environ | {"PYTHONHASHSEED": str(salt)}).stdout for salt in range(3)}
    assert len(said) == 1, said


def test_random_programs_do_not_depend_on_the_order_of_threads():
    """The same program with the threads taking turns the other way round: same effects, same memory."""
    config = ONE_NODE
    for seed in range(6):
        forward, records = run_random(seed, config, threads=4)
        program = generate(Random(seed), config=config, length=250, threads=4)
        backward = Mesh(config)
        for address, data in program.memory:
            backward.write(0, 1, address, data)
        backward.nodes[0, 1].threads.reverse()
        for thread, pc in program.start:
            backward.nodes[0, 1].threads[3 - thread].pc = pc
            backward.nodes[0, 1].threads[3 - thread].state = State.RUNNING
        file = StringIO()
        backward.run(max_steps=20_000, trace=trace.TraceWriter(file))
        file.seek(0)
        assert not trace.compare(records, trace.parse(file))
        assert forward.nodes[0, 1].sram == backward.nodes[0, 1].sram


def test_random_program_is_its_seed():
    programs = [generate(Random(seed), config=ONE_NODE, length=100, threads=2) for seed in (1, 1, 2)]
    assert programs[0] == programs[1] != programs[2]


def test_random_program_must_fit():
    with pytest.raises(ValueError, match="more than the 32,240 that ULX3S has"):
        generate(Random(0), config=ULX3S, length=10_000, threads=2)


def test_trace_lines(single):
    file = StringIO()
    single.mesh.write(0, 1, SRAM_BASE, pack([
        asm("addi", rd=10, rs1=0, imm=3), asm("addi", rd=0, rs1=0, imm=3), asm("vbcast.w", vd=2, rs1=10, rs2=0),
        asm("mzero", ad=0), asm("ebreak")]))
    single.mesh.start(0, 1, 2, SRAM_BASE)
    single.mesh.run(max_steps=10, trace=trace.TraceWriter(file))
    lines = file.getvalue().splitlines()
    assert lines[0] == "1 0,1 2 80000000 00300513 x10 0000000000000003"
    assert lines[1] == "2 0,1 2 80000004 00300013 - -"
    assert lines[2] == f"3 0,1 2 80000008 {asm('vbcast.w', vd=2, rs1=10, rs2=0):08x} v2 {'0' * 64}{'00000003' * 8}"
    assert lines[3:] == ["4 0,1 2 8000000c 0000007b - -"]
    assert [str(record) for record in trace.parse(lines)] == lines


def test_compare_finds_the_first_difference_of_each_thread():
    a = ["1 0,1 0 80000000 00300513 x10 03", "1 0,1 1 80000000 00300513 x10 03", "2 0,1 0 80000004 00300013 - -"]
    b = ["5 0,1 1 80000000 00300513 x10 04", "7 0,1 0 80000000 00300513 x10 03"]
    parsed = [list(trace.parse(lines)) for lines in (a, b)]
    first, second = trace.compare(*parsed)
    assert (first.thread, first.index, first.a, first.b) == (0, 1, parsed[0][2], None)
    assert (second.thread, second.index) == (1, 0)
    assert str(second).splitlines()[2] == "  B: 5 0,1 1 80000000 00300513 x10 04  addi a0, zero, 3"
    assert [difference.thread for difference in trace.compare(*parsed, prefix=True)] == [1]
    assert not trace.compare(parsed[0], parsed[0])
    with pytest.raises(TraceError, match="not a line of a trace: 'nonsense'"):
        list(trace.parse(["nonsense"]))
