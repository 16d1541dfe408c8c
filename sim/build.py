"""Builds Verilator models of components, once for each content, and runs cocotb benches on them.

A model lives in ``build/models/<name>-<hash>``; the hash covers the emitted Verilog, the options and the versions of
the tools. The environment variable ``WAVES=1`` turns waveforms on, ``SEED=n`` replays a run.
"""

import fcntl
import hashlib
import importlib.metadata
import os
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from amaranth.lib import wiring
from cocotb_tools.runner import get_runner
from find_libpython import find_libpython

from hdl import verilog

from . import verilator
from .progress import timed
from .verilator import ROOT, MissingTool

MODELS = ROOT / "build" / "models"
RUNS = ROOT / "build" / "runs"

#: How Yosys writes what is 0 unless a bit is set. (Wider than a machine word, a mask would take a loop.)
_GATED = re.compile(r"= (\\\S+ (?:\[\d+\])?|[\w$]+(?:\[\d+\])?) ?\? ([^?;\n]+) : ([1-9]\d?)'h0+ ?;")
_WORD = 64

#: What cocotb calls the files of waveforms and of activity.
WAVES, ACTIVITY = "dump.vcd", "dump.saif"


class BenchFailed(AssertionError):
    """A test of a bench failed, or none was run; the message says which and how to replay it."""


@dataclass(frozen=True)
class Model:
    """A compiled Verilator model; `trace` is the file into which a run writes waveforms or activity, if it does."""

    name: str
    directory: Path
    trace: str | None


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Work alone, among the processes of this checkout, on a directory."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for a while. cocotb's runner lets those of its process overrule those it is given."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def ports(component: wiring.Component) -> list[str]:
    """Names of the component's ports in Verilog."""
    return ["clk", "rst", *verilog.ports_of(component)]


def build(component: wiring.Component, *, name: str, waves: bool | None = None,
          no_inline: tuple[str, ...] = (), public: dict[str, str] | None = None,
          untraced: tuple[str, ...] = (), fast: bool = False) -> Model:
    """Compile `component` into a Verilator model, or find the one that is there.

    Parameters
    ----------
    component : wiring.Component
        What to build; its ports can be seen by benches, and nothing else but `public`.
    name : str
        Name of the top module.
    waves : bool
        Build with VCD tracing. Default: as the environment variable ``WAVES`` says (1 or 0), or not.
    no_inline : tuple of str
        Modules to keep as one C++ class each (repeated blocks: they compile once).
    public : dict
        Further signals that benches may see: module name to a wildcard of its variables.
    untraced : tuple of str
        Modules whose insides waveforms leave out.
    fast : bool
        Build for speed; see `verilator.FAST_OPTIONS`.

    Raises
    ------
    MissingTool
        If a system tool is not installed.
    RuntimeError
        If Verilator or the C++ compiler refuses the model; the message ends with what they said.
    """
    text = verilog.emit(component, name=name)
    return build_text(text, name=name, visible=ports(component), waves=waves, no_inline=no_inline, public=public,
                      untraced=untraced, fast=fast)


def build_text(text: str, *, name: str, visible: list[str], waves: bool | None = None,
               no_inline: tuple[str, ...] = (), public: dict[str, str] | None = None,
               untraced: tuple[str, ...] = (), activity: bool = False, fast: bool = False) -> Model:
    """As `build`, for Verilog text and the top module's ports.

    With `activity`, runs count how often each signal changes, and draw no waveforms.
    """
    if activity:
        waves = False
    if waves is None:
        waves = os.environ.get("WAVES", "0") not in ("", "0")
    if waves:
        text = _trimmed(text, untraced)
    text = masked(text)
    # Verilator works out again at every look what depends on something that a bench may write.
    written = _inputs(text, name)
    control = _control([
        *(f'public_flat_{"rw" if port in written else "rd"} -module "{name}" -var "{port}"' for port in visible),
        *(f'public_flat_rw -module "{module}" -var "{variables}"' for module, variables in (public or {}).items()),
        *(line for module in no_inline for line in _keep_whole(text, module)),
    ])
    tracing = verilator.WAVE_OPTIONS if waves else verilator.ACTIVITY_OPTIONS if activity else ()
    options = (*(verilator.FAST_OPTIONS if fast else verilator.OPTIONS), *tracing)
    variables = verilator.FAST_MAKE_VARIABLES if fast else verilator.MAKE_VARIABLES

    def compile_into(directory: Path) -> None:
        verilator.compile_model(directory, name=name, text=text, control=control, options=options,
                                variables=variables)

    directory = _cached(name, (text, control, *options, *variables), compile_into)
    return Model(name=name, directory=directory, trace=WAVES if waves else ACTIVITY if activity else None)


def library(text: str, *, name: str, driver: str, no_inline: tuple[str, ...] = (),
            options: tuple[str, ...] = verilator.OPTIONS) -> Path:
    """As `build`, a shared library of Verilog text and a C++ driver; see `verilator.compile_library`."""
    control = _control(line for module in no_inline for line in _keep_whole(text, module))

    def compile_into(directory: Path) -> None:
        verilator.compile_library(directory, name=name, text=text, control=control, driver=driver,
                                  options=options)

    return _cached(name, (text, control, driver, *options), compile_into) / f"{name}.so"


def _control(lines: Iterable[str]) -> str:
    """A file that tells Verilator how to treat modules and variables."""
    return "\n".join(["`verilator_config", *lines, ""])


def _cached(name: str, contents: tuple[str, ...], compile_into: Callable[[Path], None]) -> Path:
    """The folder of what was made of `contents`, now or before."""
    versions = [f"{tool} {importlib.metadata.version(tool)}" for tool in ("verilator", "cocotb")]
    parts = [*contents, *verilator.MAKE_VARIABLES, *versions]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    directory = MODELS / f"{name}-{key}"
    complete = directory / "complete"
    if not complete.exists():
        with _locked(directory):
            if not complete.exists():
                shutil.rmtree(directory, ignore_errors=True)
                directory.mkdir(parents=True)
                with timed(f"building RTL model {name!r}"):
                    compile_into(directory)
                complete.touch()
    return directory


def _trimmed(text: str, untraced: tuple[str, ...]) -> str:
    """Verilog whose waveforms hold the signals that have a name in the source, `untraced` modules left out.

    Verilator does not trace what begins with an underscore; intermediate values of expressions begin with a dollar.
    """
    for module in untraced:
        hidden = "/*verilator tracing_off*/\n\\g<0>\n/*verilator tracing_on*/"
        text = re.sub(rf"^module {module}\(.*?^endmodule", hidden, text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"\\\$(?=\d)", r"\\_$", text)


def masked(text: str) -> str:
    """Verilog that masks values where it would choose between one and 0.

    A choice becomes a branch in C++, and those of a multiplier's rows and of one-hot selections hang on data, which no
    processor predicts: left as they are, a product of matrices in a D1 node runs three quarters as fast.
    """
    def mask(choice: re.Match) -> str:
        bit, value, width = choice.groups()
        return f"= {{{width}{{|{bit}}}}} & ({value});" if int(width) <= _WORD else choice[0]

    return _GATED.sub(mask, text)


def _keep_whole(text: str, module: str) -> list[str]:
    """Control lines that make a module's copies share their code.

    Verilator shares functions that are the same to the letter. Its own variables for the inputs, instead of what each
    copy's are wired to, make them so, together with `verilator.OPTIONS`.
    """
    inputs = _inputs(text, module)
    return [f'no_inline -module "{module}"',
            *(f'public_flat_rd -module "{module}" -var "{name}"' for name in inputs if name not in ("clk", "rst"))
            ] if inputs else []


def _inputs(text: str, module: str) -> list[str]:
    """Names of a module's inputs, if it is there."""
    body = re.search(rf"^module {module}\(.*?^endmodule", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^  input (?:\[\d+:0\] )?\\?(\S+?) ?;", body[0], re.MULTILINE) if body else []


def new_seed() -> int:
    """The environment's ``SEED``, or a new one. Whoever uses it has to print it."""
    return int(os.environ["SEED"]) if "SEED" in os.environ else random.SystemRandom().getrandbits(31)


def run(model: Model, *, bench: str, test: str | None = None, work: Path | None = None, seed: int | None = None,
        **environment: object) -> None:
    """Run a cocotb bench on a model.

    Parameters
    ----------
    model : Model
        What `build` returned.
    bench : str
        Python module of the bench, e.g. ``verif.router.bench``.
    test : str
        Only this test of the bench.
    work : Path
        Where logs, results and waveforms go. Default: a folder of ``build/runs`` that is named after the pytest test
        that is running, or else after the bench and the test.
    seed : int
        Seed of Python's `random` in the bench. Default: the environment variable ``SEED``, or a new one, which is
        printed; the same seed gives the same run.
    environment
        Further environment variables of the bench.

    Raises
    ------
    BenchFailed
        If a test failed, no test ran, or the simulator ended before its tests did.
    """
    if find_libpython() is None:
        raise MissingTool("this Python's shared library was not found: install it, e.g. with "
                          f"'apt-get install libpython{sys.version_info.major}.{sys.version_info.minor}'")
    if seed is None:
        seed = new_seed()
    title = f"{bench}.{test}" if test else bench
    print(f"{title}: replay with SEED={seed}", flush=True)
    if work is None:
        pytest_test = os.environ.get("PYTEST_CURRENT_TEST", "").removesuffix(" (call)")
        work = RUNS / re.sub(r"[^\w.=-]+", "-", pytest_test or title)
    results = work / "results.xml"
    variables = {name: str(value) for name, value in environment.items()}
    with _locked(work):
        with _environment(variables | {"WAVES": str(int(model.trace is not None))}), \
                suppress(SystemExit):  # what happened is in the results, if there are any
            get_runner("verilator").test(
                test_module=bench, hdl_toplevel=model.name, hdl_toplevel_lang="verilog", build_dir=model.directory,
                test_dir=work, results_xml=str(results), seed=seed, testcase=test, waves=model.trace is not None,
                extra_env={"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])})
        _check(results, f"{title} (SEED={seed})")
    if model.trace:
        print(f"{title}: signals in {work / model.trace}", flush=True)


def _check(results: Path, title: str) -> None:
    if not results.exists():
        raise BenchFailed(f"{title}: the simulator ended before the tests did")
    cases = list(ElementTree.parse(results).iter("testcase"))
    ran = [case for case in cases if case.find("skipped") is None]
    failed = [
        f"{case.get('name')}: {problem.get('message') or problem.get('error_msg') or problem.text or 'failed'}"
        for case in cases for problem in (*case.findall("failure"), *case.findall("error"))
    ]
    if failed:
        raise BenchFailed("\n".join([f"{title}: {len(failed)} of {len(ran)} failed", *failed]))
    if not ran:
        raise BenchFailed(f"{title}: no test ran")
