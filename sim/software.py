"""Compiles programs for the nodes with the RISC-V compiler and linker of the `ziglang` package.

A program lives in ``build/software/<name>-<hash>.elf``; the hash covers its sources, everything in sw/ that it may
include or be linked with, the options and the compiler's version.
"""

import argparse
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

from hdl.config import PRESETS, Config, preset

from .elf import Program, load
from .errors import ProgramError

ROOT = Path(__file__).resolve().parent.parent
SOFTWARE = ROOT / "sw"
PROGRAMS = ROOT / "build" / "software"

#: Every thread's stack.
STACK_BYTES = 1024

_OPTIONS = [
    "-target", "riscv64-freestanding", "-mcpu=generic_rv64+m+zaamo+zacas", "-mabi=lp64", "-mcmodel=medany",
    "-std=c11", "-O2",
    "-ffreestanding", "-fno-pic", "-fno-sanitize=undefined", "-Wall", "-Wextra", "-Werror", "-nostdlib",
]
_RUNTIME = [SOFTWARE / "crt0.S", SOFTWARE / "start.c"]
_LINK_SCRIPT = SOFTWARE / "link.ld"
_INCLUDES = [SOFTWARE / "include", SOFTWARE / "kernels"]


def definitions(config: Config) -> dict[str, int]:
    """The macros that tell a program the sizes of its node."""
    return {
        "D1_THREADS": config.threads,
        "D1_LINE": config.vector_bytes,
        "D1_M": config.m,
        "D1_N": config.n,
        "D1_K": config.k,
        "D1_PARTS": config.parts,
        "D1_SEMAPHORES": config.semaphores,
        "D1_SRAM_BYTES": config.sram_bytes,
        "D1_STACK_BYTES": STACK_BYTES,
    }


def build(*sources: Path | str, config: Config, macros: dict[str, int] | None = None) -> Path:
    """Compile and link a program, or find the one that is there.

    Parameters
    ----------
    sources
        C and assembly files; paths that are not absolute start at sw/. The first one names the program.
    config : Config
        The node it is for.
    macros : dict
        More of them for the program.

    Raises
    ------
    ProgramError
        If a source is missing or does not compile without warnings; the message is the compiler's.
    """
    files = [SOFTWARE / source for source in sources]
    for file in files:
        if not file.is_file():
            raise ProgramError(f"{file}: there is no such source")
    options = [*_OPTIONS, *(f"-D{name}={value}" for name, value in (definitions(config) | (macros or {})).items())]
    read = sorted({*files, *_RUNTIME, _LINK_SCRIPT, *(file for folder in _INCLUDES for file in folder.glob("*.h"))})
    key = hashlib.sha256("\0".join([importlib.metadata.version("ziglang"), *options]).encode())
    for file in read:
        key.update(hashlib.sha256(file.read_bytes()).digest())
    program = PROGRAMS / f"{files[0].stem}-{key.hexdigest()[:16]}.elf"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        fresh = program.with_suffix(f".{os.getpid()}")
        command = [
            sys.executable, "-m", "ziglang", "cc", *options, *(f"-I{folder}" for folder in _INCLUDES),
            "-T", str(_LINK_SCRIPT), *map(str, _RUNTIME), *map(str, files), "-o", str(fresh),
        ]
        cache = str(ROOT / "build" / "zig")
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              env=os.environ | {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache})
        if done.returncode:
            raise ProgramError(f"{files[0]}: does not compile:\n{done.stderr.strip()}")
        fresh.replace(program)
    return program


def program(*sources: Path | str, config: Config, macros: dict[str, int] | None = None) -> Program:
    """As `build`, loaded."""
    return load(build(*sources, config=config, macros=macros), config)


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``python -m sim compile``."""
    parser = subcommands.add_parser("compile", help="compile C for a node", description=compile_command.__doc__)
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCE", help="C or assembly file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PROGRAM.elf")
    parser.add_argument("--config", default="SIM", metavar="NAME", help=f"one of {', '.join(PRESETS)} (default SIM)")
    parser.set_defaults(run=compile_command)


def compile_command(arguments: argparse.Namespace) -> int:
    """Compile and link C for the nodes: with sw/include/d1.h, the start-up code and the link script."""
    built = build(*(source.resolve() for source in arguments.sources), config=preset(arguments.config))
    shutil.copyfile(built, arguments.output)
    return 0
