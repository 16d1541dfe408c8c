"""The core in lock-step with the golden model: same traces, same registers, same memory."""

import pickle
import random

import pytest

from hdl.config import PRESETS, SRAM_BASE, Config
from sim.assembler import assemble
from sim.build import RUNS, build, new_seed, run
from sim.random_program import generate
from sim.rtl import REPEATED
from verif.core.cases import Case, make_case
from verif.core.top import CoreWithSram

#: Instructions of a random program's thread, and programs of each preset.
LENGTH, PROGRAMS = 600, 12


def core_config(name: str) -> Config:
    """A preset's node, alone."""
    return PRESETS[name].with_mesh(columns=1, rows=1)


def lock_step(name: str, cases: list[Case], *, seed: int) -> None:
    """Run the cases on the core of a preset."""
    model = build(CoreWithSram(config=core_config(name)), name=f"core_{name}",
                  no_inline=REPEATED)
    RUNS.mkdir(parents=True, exist_ok=True)
    file = RUNS / f"cases-{name}-{cases[0].name}.pickle"
    file.write_bytes(pickle.dumps(cases))
    run(model, bench="verif.core.bench", test="lock_step", seed=seed, CONFIG=name, CASES=file)


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_random_programs(name):
    """All threads at once, every row of the table, traps, self-modifying code, semaphores."""
    config = core_config(name)
    seed = new_seed()
    generator = random.Random(seed)
    cases = []
    for index in range(PROGRAMS):
        threads = 1 + index % config.threads
        program = generate(generator, config=config, length=LENGTH, threads=threads)
        cases.append(make_case(
            name=f"random-{index}", config=config, memory=program.memory, start=program.start))
    lock_step(name, cases, seed=seed)


def directed(*words: int, threads: int = 1, name: str) -> Case:
    """A program that every thread runs, in the SIM preset."""
    code = b"".join(word.to_bytes(4, "little") for word in words)
    return make_case(name=name, config=core_config("SIM"), memory=[(SRAM_BASE, code)],
                     start=[(thread, SRAM_BASE) for thread in range(threads)])


def test_stops():
    """Without a handler each kind of trap stops its thread, and the control registers say why."""
    base = [assemble("addi", rd=5, rs1=0, imm=1), assemble("slli", rd=5, rs1=5, imm=31)]
    outside = [assemble("addi", rd=6, rs1=0, imm=64), assemble("slli", rd=7, rs1=5, imm=1)]
    stops = {
        "illegal": [0],
        "ebreak": [assemble("ebreak")],
        "ecall": [assemble("ecall")],
        "load_access": [assemble("ld", rd=8, rs1=6, imm=0)],
        "store_access": [assemble("sd", rs2=8, rs1=7, imm=0)],
        "vector_access": [assemble("vst", vs2=8, rs1=7, imm=0)],
        "load_crosses": [assemble("ld", rd=8, rs1=5, imm=60)],
        "vector_misaligned": [assemble("vld", vd=8, rs1=5, imm=4)],
        "jump_outside": [assemble("jalr", rd=1, rs1=7, imm=0)],
        "jump_misaligned": [assemble("jalr", rd=1, rs1=5, imm=2)],
        "semaphore": [assemble("sem.post", rs1=6)],
        "wait": [assemble("sem.wait", rs1=7, rs2=0)],
        "list_access": [assemble("list.push", rs1=6)],
        "list_misaligned": [assemble("addi", rd=9, rs1=5, imm=8), assemble("list.push", rs1=9)],
        "csr": [assemble("csrrs", rd=8, csr=0x123, rs1=0)],
        "csr_read_only": [assemble("csrrw", rd=8, csr=0xF14, rs1=5)],
        "accumulator": [assemble("mzero", ad=4)],
    }
    cases = [directed(*base, *outside, *words, name=name, threads=1 + index % 4)
             for index, (name, words) in enumerate(stops.items())]
    causes = {case.name: case.threads[0] for case in cases}
    assert len({(tuple(registers.values())) for registers in causes.values()}) > 9
    lock_step("SIM", cases, seed=0)
