"""The core in lock-step with the golden model: same traces, same registers, same memory."""

import pickle
import random

import pytest

from hdl.config import SRAM_BASE
from hdl.isa import CsrNumber
from hdl.memory_map import ThreadRegister
from sim.assembler import assemble
from sim.build import RUNS, build, new_seed, run
from sim.random_program import generate
from sim.rtl import REPEATED
from verif.core.cases import CORES, Case, make_case
from verif.core.top import CoreWithSram

#: Instructions of a random program's thread, and programs of each preset.
LENGTH, PROGRAMS = 600, 12


def lock_step(name: str, cases: list[Case], *, seed: int) -> None:
    """Run the cases on a core."""
    model = build(CoreWithSram(config=CORES[name]), name=f"core_{name}", no_inline=REPEATED)
    RUNS.mkdir(parents=True, exist_ok=True)
    file = RUNS / f"cases-{name}-{cases[0].name}.pickle"
    file.write_bytes(pickle.dumps((CORES[name], cases)))
    run(model, bench="verif.core.bench", test="lock_step", seed=seed, CASES=file)


@pytest.mark.parametrize("name", CORES)
def test_random_programs(name):
    """All threads at once, every row of the table, traps, self-modifying code, semaphores."""
    config = CORES[name]
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
    return make_case(name=name, config=CORES["SIM"], memory=[(SRAM_BASE, code)],
                     start=[(thread, SRAM_BASE) for thread in range(threads)])


def test_memory_errors():
    """Single errors are not seen; a load of a word with a double error stops its thread, as does code with one."""
    base = [assemble("addi", rd=5, rs1=0, imm=1), assemble("slli", rd=5, rs1=5, imm=31)]
    data, line = SRAM_BASE + 1024, bytes(range(1, 65))
    load, use, stop = assemble("ld", rd=8, rs1=5, imm=1032), assemble("addi", rd=9, rs1=8, imm=1), assemble("ebreak")
    double = (data + 8, 3, 70)
    # x6 = -1, p1 = all, x7 = where the double error is
    everything = [assemble("addi", rd=6, rs1=0, imm=-1), assemble("pset", pd=1, rs1=6),
                  assemble("addi", rd=7, rs1=5, imm=1032)]
    programs = {
        "single": ([load, use, stop], (data + 8, 17, 17), 3),
        "single_check_bit": ([load, use, stop], (data + 8, 71, 71), 3),
        "double": ([load, use, stop], double, 19),
        "beside": ([assemble("ld", rd=8, rs1=5, imm=1024), use, stop], double, 3),
        "byte": ([assemble("lbu", rd=8, rs1=5, imm=1035), use, stop], double, 19),
        "vector": ([assemble("vld", vd=8, rs1=5, imm=1024), assemble("vst", vs2=8, rs1=5, imm=1088), stop], double, 19),
        "overwritten": ([assemble("sd", rs2=5, rs1=5, imm=1032), load, use, stop], double, 3),
        "partly_overwritten": ([assemble("sw", rs2=5, rs1=5, imm=1032), load, use, stop], double, 19),
        "handled": ([assemble("addi", rd=6, rs1=5, imm=28), assemble("csrrw", rd=0, csr=CsrNumber.MTVEC, rs1=6),
                     load, use, stop, assemble("csrrs", rd=10, csr=CsrNumber.MTVAL, rs1=0),
                     assemble("csrrw", rd=0, csr=CsrNumber.MTVEC, rs1=0), stop], double, 3),
        "code": ([assemble("addi", rd=8, rs1=8, imm=1)] * 20 + [stop], (SRAM_BASE + 72, 5, 6), 19),
        "strided": ([*everything, assemble("vldst.w", vd=8, rs1=7, rs2=0, mask=1), stop], double, 19),
        "strided_beside": ([*everything, assemble("addi", rd=6, rs1=0, imm=-4),
                            assemble("vldst.w", vd=8, rs1=7, rs2=6, mask=1), stop], (data + 16, 3, 70), 3),
        "crossing": ([assemble("ld", rd=8, rs1=5, imm=1084), use, stop], (data + 16, 3, 70), 3),
        "crossing_first": ([assemble("ld", rd=8, rs1=5, imm=1084), use, stop], (data + 56, 3, 70), 19),
        "crossing_second": ([assemble("lw", rd=8, rs1=5, imm=1087), use, stop], (data + 64, 3, 70), 19),
        "crossing_overwritten": ([assemble("sd", rs2=5, rs1=5, imm=1088), assemble("ld", rd=8, rs1=5, imm=1081), use,
                                  stop], (data + 64, 3, 70), 3),
        "crossing_partly": ([assemble("sd", rs2=5, rs1=5, imm=1087), load, use, assemble("lb", rd=8, rs1=5, imm=1088),
                             use, stop], (data + 64, 3, 70), 19),
        "masked": ([*everything, assemble("vld.m", vd=8, rs1=7, mask=1), use, stop], double, 4),
        "masked_out": ([*everything, assemble("addi", rd=7, rs1=7, imm=-8), assemble("pset", pd=1, rs1=0),
                        assemble("vld.m", vd=8, rs1=7, mask=1), assemble("pget", rd=9, ps1=1), stop], double, 3),
        "padded": ([*everything, assemble("addi", rd=8, rs1=0, imm=1), assemble("slli", rd=9, rs1=8, imm=17),
                    assemble("add", rd=8, rs1=8, rs2=9), assemble("csrrw", rd=0, csr=CsrNumber.VTILE, rs1=8),
                    assemble("vld.2d", vd=8, rs1=7, rs2=0, mask=1), stop], double, 19),
    }
    cases = []
    for name, (words, flaw, cause) in programs.items():
        code = b"".join(word.to_bytes(4, "little") for word in base + words)
        threads = 1 + len(cases) % 4
        case = make_case(name=name, config=CORES["SIM"], memory=[(SRAM_BASE, code), (data, line)], flaws=[flaw],
                         start=[(thread, SRAM_BASE) for thread in range(threads)])
        assert case.threads[0][ThreadRegister.CAUSE] == cause, name
        cases.append(case)
    lock_step("SIM", cases, seed=0)


def test_stops():
    """Without a handler each kind of trap stops its thread, and the control registers say why."""
    base = [assemble("addi", rd=5, rs1=0, imm=1), assemble("slli", rd=5, rs1=5, imm=31)]
    # x9: a flat address of this node, (0, 1), that it refuses.
    far = [assemble("addi", rd=9, rs1=0, imm=0x101), assemble("slli", rd=9, rs1=9, imm=40)]
    outside = [assemble("addi", rd=6, rs1=0, imm=64), assemble("slli", rd=7, rs1=5, imm=1)]
    stops = {
        "illegal": [0],
        "ebreak": [assemble("ebreak")],
        "ecall": [assemble("ecall")],
        "load_access": [assemble("ld", rd=8, rs1=6, imm=0)],
        "store_access": [assemble("sd", rs2=8, rs1=7, imm=0)],
        "vector_access": [assemble("vst", vs2=8, rs1=7, imm=0)],
        "load_leaves": [assemble("addi", rd=9, rs1=5, imm=0), assemble("lui", rd=10, imm=CORES["SIM"].sram_bytes),
                        assemble("add", rd=9, rs1=9, rs2=10), assemble("ld", rd=8, rs1=9, imm=-4)],
        "vector_misaligned": [assemble("vld", vd=8, rs1=5, imm=4)],
        "jump_outside": [assemble("jalr", rd=1, rs1=7, imm=0)],
        "jump_misaligned": [assemble("jalr", rd=1, rs1=5, imm=2)],
        "semaphore": [assemble("sem.post", rs1=6)],
        "wait": [assemble("sem.wait", rs1=7, rs2=0)],
        "list_access": [assemble("list.push", rs1=6)],
        "list_misaligned": [assemble("addi", rd=9, rs1=5, imm=8), assemble("list.push", rs1=9)],
        "csr": [assemble("csrrs", rd=8, csr=0x123, rs1=0)],
        "csr_read_only": [assemble("csrrw", rd=8, csr=0xF14, rs1=5)],
        "atomic_misaligned": [assemble("addi", rd=9, rs1=5, imm=2), assemble("amoadd.w", rd=8, rs1=9, rs2=8)],
        "atomic_access": [assemble("amocas.d", rd=8, rs1=7, rs2=8)],
        "far_node": [*far, assemble("addi", rd=9, rs1=9, imm=-1), assemble("ld", rd=8, rs1=9, imm=0)],
        "far_refused": [*far, assemble("vst", vs2=8, rs1=9, imm=0)],
        "far_load": [*far, assemble("add", rd=9, rs1=9, rs2=5), assemble("ld", rd=8, rs1=9, imm=8)],
        "far_crosses": [*far, assemble("add", rd=9, rs1=9, rs2=5), assemble("lw", rd=8, rs1=9, imm=62)],
        "put_refused": [*far, assemble("put.d", rs2=8, rs1=9, imm=0)],
        "accumulator": [assemble("mzero", ad=4)],
    }
    cases = [directed(*base, *outside, *words, name=name, threads=1 + index % 4)
             for index, (name, words) in enumerate(stops.items())]
    causes = {case.name: case.threads[0] for case in cases}
    assert len({(tuple(registers.values())) for registers in causes.values()}) > 9
    lock_step("SIM", cases, seed=0)


def crossing_program(random: random.Random, *, line: int, data: int) -> list[int]:
    """Scalar accesses of all sizes at all places where they cross a line, among others to these lines.

    x5 and x6 point to borders of lines; x28 to x31 are what is stored.
    """
    words = [assemble("addi", rd=5, rs1=0, imm=1), assemble("slli", rd=5, rs1=5, imm=31),
             assemble("lui", rd=6, imm=data - SRAM_BASE), assemble("add", rd=5, rs1=5, rs2=6),
             assemble("addi", rd=6, rs1=5, imm=3 * line), assemble("addi", rd=5, rs1=5, imm=line),
             *(assemble("ld", rd=rd, rs1=5, imm=8 * (rd - 28)) for rd in range(28, 32))]
    places = [(base, size, offset) for base in (5, 6) for size in (1, 2, 3) for offset in range(1 - (1 << size), 0)]
    for base, size, offset in random.choices(places, k=300):
        store, load = {"rs2": random.randrange(28, 32)}, {"rd": random.randrange(8, 28)}
        name = random.choice([f"s{'bhwd'[size]}", f"l{'bhwd'[size]}", ("lbu", "lhu", "lwu", "ld")[size]])
        words.append(assemble(name, rs1=base, imm=offset, **(store if name[0] == "s" else load)))
        if random.random() < 0.3:
            place = random.randrange(-line, line)
            words.append(assemble(random.choice(["ld", "lbu"]), rd=random.randrange(8, 28), rs1=base, imm=place))
        if random.random() < 0.2:
            words.append(assemble("vld", vd=random.randrange(8), rs1=base, imm=0))
    return [*words, assemble("ebreak")]


@pytest.mark.parametrize("name", CORES)
def test_accesses_that_cross_lines(name):
    """Before, beside and behind others to the same lines; each thread in lines of its own."""
    config, seed = CORES[name], new_seed()
    generator = random.Random(seed)
    cases = []
    for threads in range(1, config.threads + 1):
        memory, start = [], []
        for thread in range(threads):
            code, data = SRAM_BASE + 0x1000 * thread, SRAM_BASE + 0x1000 * (thread + config.threads)
            words = crossing_program(generator, line=config.vector_bytes, data=data)
            memory += [(code, b"".join(word.to_bytes(4, "little") for word in words)),
                       (data, generator.randbytes(6 * config.vector_bytes))]
            start.append((thread, code))
        cases.append(make_case(name=f"crossing-{threads}", config=config, memory=memory, start=start))
    lock_step(name, cases, seed=seed)


@pytest.mark.parametrize("name", CORES)
def test_a_post_lets_one_thread_go(name):
    """Threads wait for one semaphore; after each post one of them goes, and nothing is left for a try."""
    config = CORES[name]
    number, one = assemble("addi", rd=6, rs1=0, imm=config.semaphores - 1), assemble("addi", rd=7, rs1=0, imm=1)
    waits = [number, one, assemble("sem.wait", rs1=6, rs2=7), assemble("ebreak")]
    posts = [number, one, *(config.threads - 1) * [
        assemble("sem.post", rs1=6), *40 * [assemble("addi", rd=0, rs1=0, imm=0)],
        assemble("sem.try", rd=8, rs1=6, rs2=7)], assemble("ebreak")]
    programs = [posts, *(config.threads - 1) * [waits]]
    memory = [(SRAM_BASE + 0x1000 * thread, b"".join(word.to_bytes(4, "little") for word in program))
              for thread, program in enumerate(programs)]
    lock_step(name, [make_case(name="posts", config=config, memory=memory,
                               start=[(thread, address) for thread, (address, _) in enumerate(memory)])], seed=1)


@pytest.mark.parametrize("name", ["SIM", "ULX3S", "DEEP"])
def test_debugger(name):
    """Single steps, registers and memory through the host's port."""
    model = build(CoreWithSram(config=CORES[name]), name=f"core_{name}", no_inline=REPEATED)
    run(model, bench="verif.core.debug_bench", CONFIG=name)
