"""``python -m sim``: programs in, exit statuses and readable lines out."""

import struct

import pytest

from hdl.config import SIM, SRAM_BASE
from hdl.memory_map import State
from sim import elf, isadoc
from sim.__main__ import main
from sim.assembler import assemble as asm
from sim.errors import ProgramError
from sim.job import Result
from sim.report import exit_status, report
from sim.thread_state import ThreadState
from tests.riscv import li, write_elf

TOHOST = SRAM_BASE + 0x100
LOOP = asm("jal", rd=0, imm=0)


def tells(value: int) -> list[int]:
    """Write a value to `tohost` and loop."""
    return [asm("auipc", rd=5, imm=0), asm("addi", rd=6, rs1=0, imm=value), asm("sd", rs1=5, rs2=6, imm=0x100), LOOP]


@pytest.fixture
def program(tmp_path):
    """Makes an ELF file of words, with `tohost`."""
    def make(words, **options):
        options = {"symbols": {"_start": SRAM_BASE, "tohost": TOHOST}, "zeros": 0x200} | options
        return str(write_elf(tmp_path / "program.elf", words, **options))

    return make


def test_passing_program(program, capsys):
    assert main(["run", program(tells(1)), "--threads", "2", "--mesh", "2x2"]) == 0
    assert capsys.readouterr().out.splitlines() == ["passed", "24 instructions of 8 threads on 4 nodes"]


@pytest.mark.parametrize("value, status", [(3, 1), (7 << 1 | 1, 7), (1001 << 1 | 1, 255)])
def test_failing_program(program, capsys, value, status):
    assert main(["run", program(tells(value))]) == status
    assert f"failed: test {value >> 1}\n" in capsys.readouterr().out


def test_trap_names_thread_cause_and_instruction(program, capsys):
    assert main(["run", program([asm("addi", rd=1, rs1=0, imm=4), asm("ld", rd=10, rs1=1, imm=-8)])]) == 2
    assert capsys.readouterr().out.splitlines()[0] == (
        "error: node 0,1 thread 0 stopped at 0x80000004: load from an address outside the SRAM, or one that its node "
        "refused (cause 5), tval 0xfffffffffffffffc: ld a0, -8(ra)")


def test_trap_outside_the_program_is_told_without_an_instruction(program, capsys):
    assert main(["run", program([asm("jalr", rd=0, rs1=0, imm=0)])]) == 2
    assert capsys.readouterr().out.splitlines()[0].endswith("stopped at 0x0: instruction address outside the SRAM "
                                                            "(cause 1), tval 0x0")


def test_program_without_tohost_ends_when_its_threads_have_stopped(program, capsys):
    assert main(["run", program([asm("ebreak")], symbols={}), "--threads", "4"]) == 2
    assert capsys.readouterr().out.splitlines()[-2:] == ["ended: every thread has stopped",
                                                         "0 instructions of 4 threads on 1 nodes"]


# Asking the host

FROMHOST, CALL, TEXT = TOHOST + 8, TOHOST + 16, TOHOST + 48


@pytest.fixture
def asking(program):
    """Makes a program that hands a system call's words to the host and ends with the status that comes back."""
    def make(*call, at=CALL, symbols=("tohost", "fromhost")):
        code = [
            *li(5, at), *li(6, TOHOST), asm("sd", rs1=6, rs2=5, imm=0),
            asm("ld", rd=7, rs1=6, imm=8), asm("beq", rs1=7, rs2=0, imm=-4),
            asm("ld", rd=8, rs1=6, imm=16), asm("slli", rd=8, rs1=8, imm=1), asm("addi", rd=8, rs1=8, imm=1),
            asm("sd", rs1=6, rs2=8, imm=0), LOOP]
        data = struct.pack("<6Q4s", 0, 0, *call, *[0] * (4 - len(call)), b"Hi!\n")
        words = [*code, *[0] * ((TOHOST - SRAM_BASE) // 4 - len(code)), *struct.unpack("<13I", data)]
        places = {"tohost": TOHOST, "fromhost": FROMHOST}
        return program(words, symbols={name: places[name] for name in symbols})

    return make


@pytest.mark.parametrize("kind", [["--model"], ["--rtl", "--config", "ULX3S"]], ids=" ".join)
def test_program_prints_through_the_host(asking, capfd, kind):
    """The first four bytes of a line, written to file 1; the count that was written comes back."""
    assert main(["run", asking(64, 1, TEXT, 4), *kind]) == 4
    lines = capfd.readouterr().out.splitlines()
    assert "Hi!" in lines
    assert "failed: test 4" in lines


def test_program_prints_characters(program, capsys):
    words = [asm("addi", rd=7, rs1=0, imm=0x101), asm("slli", rd=7, rs1=7, imm=48), asm("auipc", rd=6, imm=0)]
    for character in b"ok\n":
        words += [asm("addi", rd=5, rs1=7, imm=character), asm("sd", rs1=6, rs2=5, imm=0xF8),
                  asm("ld", rd=5, rs1=6, imm=0xF8), asm("bne", rs1=5, rs2=0, imm=-4)]
    words += [asm("addi", rd=5, rs1=0, imm=1), asm("sd", rs1=6, rs2=5, imm=0xF8)]
    assert main(["run", program([*words, LOOP])]) == 0
    assert capsys.readouterr().out.startswith("ok\npassed\n")


def test_program_exits_through_the_host(asking):
    assert main(["run", asking(93, 5)]) == 5
    assert main(["run", asking(93, 0)]) == 0
    assert main(["run", asking(64, 2, TEXT, 0)]) == 0


@pytest.mark.parametrize("words, options, message", [
    ((57, 1, 2, 3), {}, "the program asks the host for system call 57 (0x1, 0x2, 0x3); there are write (64) to files 1 "
                        "and 2, and exit (93)"),
    ((64, 3, TEXT, 1), {}, "system call 64 (0x3, 0x80000130, 0x1)"),
    ((64, 1, SRAM_BASE + SIM.sram_bytes - 1, 2), {}, "the program names 2 bytes at 0x8001ffff to the host, which are "
                                                     "not in the SRAM"),
    ((64, 1, 0x1000, 1), {}, "1 bytes at 0x1000"),
    ((64,), {"at": 0x8000}, "32 bytes at 0x8000"),
    ((64,), {"at": 1 << 56}, "tohost is 0x100000000000000: a program ends with an odd value; an even one asks"),
    ((64, 1, TEXT, 4), {"symbols": ("tohost",)}, "tohost is 0x80000110: a program ends with an odd value; an even one "
                                                 "asks the host for a system call, which takes 0 in bits 63:48 and a "
                                                 "symbol 'fromhost' for the answer")])
def test_what_the_host_does_not_do(asking, capsys, words, options, message):
    assert main(["run", asking(*words, **options)]) == 3
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize("name", ["tohost", "fromhost"])
def test_mailboxes_outside_the_memory(program, capsys, name):
    assert main(["run", program(tells(1), symbols={"tohost": TOHOST} | {name: 0x1000})]) == 3
    assert f"{name} at 0x1000 is not in the SRAM, so that no host finds it" in capsys.readouterr().err


def test_endless_program(program, capsys):
    assert main(["run", program([LOOP]), "--max-cycles", "100", "--threads", "2"]) == 3
    assert capsys.readouterr().err == ("error: not ended after 100 steps: node 0,1 thread 0 running at 0x80000000; "
                                       "node 0,1 thread 1 running at 0x80000000\n")


def test_deadlock_tells_what_has_trapped_too(program, capsys):
    words = [asm("csrrs", rd=1, csr=0xF14, rs1=0), asm("beq", rs1=1, rs2=0, imm=8), asm("ecall"),
             asm("addi", rd=2, rs1=0, imm=3), asm("sem.wait", rs1=0, rs2=2)]
    assert main(["run", program(words), "--threads", "2"]) == 3
    error = capsys.readouterr().err
    assert "node 0,1 thread 0 waiting at 0x80000010 for 3 of semaphore 0, which is at 0" in error
    assert "node 0,1 thread 1 stopped at 0x80000008: ecall (cause 11), tval 0x0" in error


@pytest.mark.parametrize("arguments, message", [
    (["--threads", "5"], "--threads must lie in 1 .. 4 for SIM, not 5"), (["--threads", "0"], "not 0"),
    (["--config", "D2"], "no preset is called 'D2'; there are D1, SIM, ULX3S"),
    (["--mesh", "0x1"], "columns must be an integer from 1"), (["--trace", "/nowhere/trace"], "/nowhere/trace"),
    (["--signature", "/nowhere/signature"], "no symbol begin_signature")])
def test_wrong_options(program, capsys, arguments, message):
    assert main(["run", program(tells(1)), *arguments]) == 3
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_wrong_mesh(program, capsys):
    with pytest.raises(SystemExit):
        main(["run", program(tells(1)), "--mesh", "2"])
    assert "'2' is not COLUMNSxROWS, e.g. 2x2" in capsys.readouterr().err


# Loading

@pytest.mark.parametrize("options, message", [
    ({"machine": 62}, "is for EM_X86_64, 64 bits, little-endian; a node runs EM_RISCV"),
    ({"address": 0x1000}, "a segment of 528 bytes at 0x1000 does not fit in the SRAM of SIM, 131,072 bytes from "
                          "0x80000000 to 0x8001ffff"),
    ({"zeros": 1 << 20}, "a segment of 1,048,592 bytes at 0x80000000 does not fit"),
    ({"entry": SRAM_BASE + 0x1000}, "the entry point 0x80001000 lies in no loaded segment")])
def test_programs_that_do_not_fit(program, options, message):
    with pytest.raises(ProgramError) as error:
        elf.load(program(tells(1), **options), SIM)
    assert message in str(error.value)


def test_other_classes_and_endianness(program, tmp_path):
    image = bytearray((tmp_path / program(tells(1))).read_bytes())
    image[4] = 1
    path = tmp_path / "other.elf"
    path.write_bytes(image)
    with pytest.raises(ProgramError, match="32 bits"):
        elf.load(path, SIM)
    image[4:6] = b"\2\2"
    path.write_bytes(image)
    with pytest.raises(ProgramError, match="big-endian"):
        elf.load(path, SIM)


@pytest.mark.parametrize("size", [0, 3, 60, 100])
def test_what_is_not_an_elf_file(program, tmp_path, size):
    image = (tmp_path / program(tells(1))).read_bytes()
    path = tmp_path / "part.elf"
    path.write_bytes(image[:size])
    with pytest.raises(ProgramError, match=r"part\.elf: not an ELF file"):
        elf.load(path, SIM)
    path.write_bytes(b"#!/bin/sh" + image[9:])
    with pytest.raises(ProgramError, match="not an ELF file"):
        elf.load(path, SIM)


def test_missing_program(capsys):
    assert main(["run", "missing.elf"]) == 3
    assert capsys.readouterr().err == "error: missing.elf: cannot be read: No such file or directory\n"


def test_what_does_not_fit_in_the_smaller_preset_runs_on_the_larger(program, capsys):
    assert main(["run", program(tells(1), zeros=SIM.sram_bytes)]) == 0
    assert main(["run", program(tells(1), zeros=SIM.sram_bytes), "--config", "SIM"]) == 3
    assert "does not fit in the SRAM of SIM" in capsys.readouterr().err
    large = program(tells(1), zeros=2_000_000)
    assert main(["run", large]) == 3
    assert "does not fit in the SRAM of D1, 1,310,720 bytes from 0x80000000 to 0x8013ffff; --sram SIZE is for nodes " \
           "with more\n" in capsys.readouterr().err
    assert main(["run", large, "--sram", "2M"]) == 0
    assert main(["run", program(tells(1)), "--sram", "4K"]) == 0


@pytest.mark.parametrize("size, message", [
    ("0", "sram_bytes must be a multiple of 1024 (16 banks x 64 bytes) from 4096 to 4194304, not 0"),
    ("5M", "not 5242880"), ("5000", "not 5000")])
def test_wrong_sizes(program, capsys, size, message):
    assert main(["run", program(tells(1)), "--sram", size]) == 3
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("size", ["", "M", "2G", "-1", "2x"])
def test_what_is_not_a_size(program, capsys, size):
    with pytest.raises(SystemExit):
        main(["run", program(tells(1)), f"--sram={size}"])
    assert f"{size!r} is not a size, e.g. 2M, 512K or 131072" in capsys.readouterr().err


def test_bss_is_zeros_and_symbols_are_found(program):
    loaded = elf.load(program(tells(1)), SIM)
    assert loaded.segments[0][1][16:] == bytes(0x200)
    assert (loaded.entry, loaded.symbols["tohost"]) == (SRAM_BASE, TOHOST)
    assert loaded.word_at(SRAM_BASE + 12) == LOOP
    assert loaded.word_at(SRAM_BASE - 4) is None


def signed(begin: int, end: int) -> dict[str, int]:
    return {"tohost": TOHOST, "begin_signature": begin, "end_signature": end}


def test_signature(program, tmp_path):
    """What the program itself has written, and what it was loaded with."""
    path = tmp_path / "signature"
    code = program(tells(3), symbols=signed(SRAM_BASE + 12, TOHOST + 8), zeros=0x100)
    assert main(["run", code, "--signature", str(path)]) == 1
    assert path.read_text().splitlines() == [f"{LOOP:08x}", *["00000000"] * 60, "00000003", "00000000"]


@pytest.mark.parametrize("symbols, message", [
    ({"begin_signature": SRAM_BASE}, "has no symbol end_signature"),
    (signed(SRAM_BASE + 8, SRAM_BASE), "begin_signature is 0x80000008 and end_signature 0x80000000: they must be "
                                       "multiples of 4 in the SRAM, in this order"),
    (signed(SRAM_BASE, SRAM_BASE + 2), "end_signature 0x80000002"),
    (signed(0, SRAM_BASE), "begin_signature is 0x0"), (signed(SRAM_BASE, SIM.sram_end + 4), "0x80020004")])
def test_there_is_no_signature(program, tmp_path, capsys, symbols, message):
    path = tmp_path / "signature"
    assert main(["run", program(tells(1), symbols=symbols), "--signature", str(path)]) == 3
    assert message in capsys.readouterr().err
    assert not path.exists()


def test_signature_of_a_run_that_does_not_end(program, tmp_path, capsys):
    """Where it cannot be written is told before the run; an earlier one does not pass for this run's."""
    endless = program([LOOP], symbols=signed(SRAM_BASE, SRAM_BASE + 4))
    missing, path = tmp_path / "missing" / "signature", tmp_path / "signature"
    assert main(["run", endless, "--max-cycles", "100", "--signature", str(missing)]) == 3
    assert str(missing) in capsys.readouterr().err
    path.write_text("an earlier run's")
    assert main(["run", endless, "--max-cycles", "100", "--signature", str(path)]) == 3
    assert "not ended after 100 steps" in capsys.readouterr().err
    assert path.read_text() == ""


# The other commands

def test_traces_compare(program, tmp_path, capsys):
    paths = [str(tmp_path / name) for name in "abc"]
    for path, value in zip(paths, (1, 1, 3), strict=True):
        main(["run", program(tells(value)), "--trace", path])
    capsys.readouterr()
    assert main(["compare", *paths[:2]]) == 0
    assert capsys.readouterr().out == ""
    assert main(["compare", *paths[1:]]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "node 0,1 thread 0, instruction 1:",
        "  A: 2 0,1 0 80000004 00100313 x6 0000000000000001  addi t1, zero, 1",
        "  B: 2 0,1 0 80000004 00300313 x6 0000000000000003  addi t1, zero, 3"]
    shorter = tmp_path / "shorter"
    shorter.write_text("".join((tmp_path / "a").read_text().splitlines(keepends=True)[:2]))
    assert main(["compare", paths[0], str(shorter)]) == 1
    assert main(["compare", paths[0], str(shorter), "--prefix"]) == 0


def test_disassemble(program, capsys):
    assert main(["disassemble", program(tells(1))]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "_start:",
        "80000000:  00000297  auipc t0, 0x0",
        "80000004:  00100313  addi t1, zero, 1",
        "80000008:  1062b023  sd t1, 256(t0)",
        "8000000c:  0000006f  jal zero, 0x8000000c"]


@pytest.mark.parametrize("command, text", [("docs", isadoc.page), ("header", isadoc.header)])
def test_generators(tmp_path, command, text):
    path = tmp_path / command
    assert main([command, "--output", str(path)]) == 0
    assert path.read_text() == text()


def test_report_of_rtl(program):
    """Cycles, rate and utilisation, which only RTL has."""
    state = ThreadState(x=0, y=1, thread=0, pc=SRAM_BASE, state=State.RUNNING, cause=0, epc=0, tval=0, instret=500)
    counters = {"MATRIX_STEPS": 250, "VECTOR_OPS": 10, "STALL_CYCLES": 100}
    result = Result(reads=[], tohost={(0, 1): 1}, threads=[state], cycles=1000, counters={(0, 1): counters}, seconds=1)
    config = SIM.with_mesh(columns=1, rows=1)
    assert exit_status(result) == 0
    assert report(result, elf.load(program(tells(1)), SIM), config).splitlines() == [
        "passed", "500 instructions of 1 threads on 1 nodes", "1,000 cycles, 0.500 instructions a cycle",
        "busy: matrix unit 25.0 %, vector unit 1.0 % of all cycles; stalled: 10.0 %"]
