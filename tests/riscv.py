"""Programs for tests: assembled by LLVM, put into ELF files by hand, run on one node of the model."""

import os
import struct
import subprocess
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile

from hdl.config import SIM, SRAM_BASE, Config
from sim.assembler import assemble
from sim.build import ROOT
from sim.mesh import Mesh
from sim.thread_state import ThreadState

ONE_NODE = SIM.with_mesh(columns=1, rows=1)
WINDOW = SRAM_BASE + 0x4000


def compile_words(source: Path, *options: str) -> list[int]:
    """The instruction words that LLVM makes of a C or assembly file."""
    compiled = source.with_suffix(".o")
    cache = str(ROOT / "build" / "zig")
    subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-freestanding", "-mcpu=generic_rv64+m+zaamo+zacas",
         "-fno-pic", "-fno-sanitize=undefined", "-Wall", "-Wextra", "-Werror", *options, "-c", str(source),
         "-o", str(compiled)],
        check=True, env=os.environ | {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache})
    with compiled.open("rb") as file:
        text = b"".join(section.data() for section in ELFFile(file).iter_sections()
                        if section.name.startswith(".text"))
    return list(struct.unpack(f"<{len(text) // 4}I", text))


def pack(words: list[int]) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


def write_elf(path: Path, words: list[int], *, address: int = SRAM_BASE, entry: int | None = None, zeros: int = 0,
              machine: int = 243, symbols: dict[str, int] | None = None) -> Path:
    """An ELF64 file with one segment of code, `zeros` bytes of bss behind it, and a symbol table."""
    code = pack(words)
    names = b"\0" + b"".join(name.encode() + b"\0" for name in symbols or {})
    table, position = bytes(24), 1
    for name, value in (symbols or {}).items():
        table += struct.pack("<IBBHQQ", position, 0x10, 0, 1, value, 0)
        position += len(name) + 1
    section_names = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    offset = 64 + 56
    offsets = [offset := offset + size for size in (0, len(code), len(table), len(names), len(section_names))]
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, address if entry is None else entry, 64, offsets[4], 0, 64, 56, 1, 64, 5, 4)
    segment = struct.pack("<IIQQQQQQ", 1, 5, offsets[0], address, address, len(code), len(code) + zeros, 64)
    sections = bytes(64) + b"".join(
        struct.pack("<IIQQQQIIQQ", name, kind, flags, where, start, size, link, 0, 1, entries)
        for name, kind, flags, where, start, size, link, entries in (
            (1, 1, 6, address, offsets[0], len(code), 0, 0), (7, 2, 0, 0, offsets[1], len(table), 3, 24),
            (15, 3, 0, 0, offsets[2], len(names), 0, 0), (23, 3, 0, 0, offsets[3], len(section_names), 0, 0)))
    path.write_bytes(header + segment + code + table + names + section_names + sections)
    return path


def li(register: int, value: int) -> list[int]:
    """Any 64-bit constant, eleven bits at a time."""
    words = [assemble("addi", rd=register, rs1=0, imm=0)]
    for shift in range(55, -1, -11):
        words.append(assemble("slli", rd=register, rs1=register, imm=11))
        words.append(assemble("ori", rd=register, rs1=register, imm=value >> shift & 0x7FF))
    return words


class Single:
    """Thread 0 of one node, which runs what it is given up to an `ebreak` that stops it."""

    def __init__(self, config: Config = ONE_NODE):
        self.mesh = Mesh(config)
        self.node = self.mesh.nodes[0, 1]
        self.thread = self.node.threads[0]

    def run(self, *words: int, at: int = SRAM_BASE, thread: int = 0, max_steps: int = 1000) -> ThreadState:
        """Load the words, an `ebreak` behind them, and run; registers and memory stay from run to run."""
        self.mesh.write(0, 1, at, pack([*words, assemble("ebreak")]))
        self.mesh.start(0, 1, thread, at)
        self.mesh.run(max_steps=max_steps)
        return self.mesh.state(0, 1, thread)

    def set(self, **registers: int) -> None:
        """Set integer registers of thread 0: ``set(x1=5)``."""
        for name, value in registers.items():
            self.thread.x[int(name[1:])] = value & (1 << 64) - 1
