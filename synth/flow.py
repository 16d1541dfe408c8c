"""Synthesises blocks of a preset, once for each content."""

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from amaranth.lib import wiring

from hdl.blocks import block
from hdl.config import Config
from hdl.verilog import View, emit

from . import timing
from .pdk import ROOT, Pdk

BUILD = ROOT / "build" / "synth"

#: The modules of this package that make figures.
_FLOW = ("flow", "mapping", "macros", "memories", "netlist", "pdk", "timing")


class SynthesisError(RuntimeError):
    """Yosys could not map a block; the message says what it said."""


@dataclass(frozen=True)
class Result:
    """Figures of a block. Memories are not in them, but for `memory_bits`; wires are not in them at all.

    Attributes
    ----------
    cells, flip_flops, latches : int
        Standard cells, and the flip-flops and the latches among them.
    memories : dict of int
        Shapes of the memories that were kept out, and how many of each there are.
    memory_bits : int
        Bits of those.
    depth : int
        Gates on the longest path within a module of the hierarchy.
    nand2 : float
        Area in NAND2 gates; without a PDK, transistors / 4.
    parts : dict of float
        The same area or transistors, of the cells of each module of the hierarchy itself, all its copies together.
    macros_um2 : float or None
        Area of the SRAM macros among the memories, by their LEF files; None if there are none, or no files.
    area_um2, transistors : float or None
        Area of the cells; without a PDK, an estimate of the transistors.
    period_ps, timing_tool : or None
        Slowest path, and who says so.
    start, end : str or None
        Registers or ports that it goes from and to.
    periods_ps : list of float
        Slowest path to every register and output.
    """

    block: str
    cells: int
    flip_flops: int
    latches: int
    memories: dict[str, int]
    memory_bits: int
    depth: int
    nand2: float
    parts: dict[str, float]
    area_um2: float | None = None
    transistors: int | None = None
    macros_um2: float | None = None
    period_ps: float | None = None
    timing_tool: str | None = None
    start: str | None = None
    end: str | None = None
    periods_ps: list[float] = field(default_factory=list)


def versions() -> dict[str, str | None]:
    """Versions of the tools that the figures come from."""
    return {"pyosys": importlib.metadata.version("pyosys"), "opensta": timing.sta_version()}


def flow_key(pdk: Pdk | None, target_ps: int) -> str:
    """A hash of everything that results depend on besides the Verilog."""
    flow = [(Path(__file__).parent / f"{module}.py").read_bytes() for module in _FLOW]
    liberties = [path.read_bytes() for path in (pdk.synthesis, pdk.timing)] if pdk else []
    parts = [*flow, *liberties, json.dumps([versions(), target_ps]).encode()]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def synthesise(name: str, *, config: Config, pdk: Pdk | None, target_ps: int, build: Path = BUILD) -> Result:
    """Figures of the block called `name`, as of `synthesise_component`; a ValueError if no block is called that."""
    return synthesise_component(block(name, config), name=name, preset=config.name, pdk=pdk, target_ps=target_ps,
                                build=build)


def synthesise_component(component: wiring.Component, *, name: str, preset: str, pdk: Pdk | None, target_ps: int,
                         build: Path = BUILD) -> Result:
    """Figures of a component; the netlist and the logs are left in a folder of `build` named after preset and name.

    Raises
    ------
    SynthesisError, TimingError
        If a tool fails.
    """
    return synthesise_text(emit(component, name=name, view=View.ASIC), name=name, preset=preset, pdk=pdk,
                           target_ps=target_ps, build=build)


def synthesise_text(text: str, *, name: str, preset: str, pdk: Pdk | None, target_ps: int,
                    build: Path = BUILD) -> Result:
    """As `synthesise_component`, for the component's Verilog."""
    key = hashlib.sha256((text + flow_key(pdk, target_ps)).encode()).hexdigest()[:16]
    folder = build / f"{preset}-{name}-{key}"
    stored = folder / "result.json"
    if not stored.exists():
        result = _synthesise(name, text, folder, pdk, target_ps)
        stored.write_text(json.dumps(asdict(result), indent=2))
    return Result(**json.loads(stored.read_text()))


def _synthesise(name: str, text: str, folder: Path, pdk: Pdk | None, target_ps: int) -> Result:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "source.sv").write_text(text)
    job = {"top": name, "liberty": str(pdk.synthesis) if pdk else None, "target_ps": target_ps}
    (folder / "job.json").write_text(json.dumps(job))
    log = folder / "yosys.log"
    print(f"mapping {name} ...", end="", file=sys.stderr, flush=True)
    start = time.monotonic()
    with log.open("w") as output:
        command = [sys.executable, "-m", "synth.mapping", str(folder)]
        status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                check=False).returncode
    print(f" {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    if status:
        said = [line for line in log.read_text().splitlines() if line.strip()]
        errors = [line for line in said if "ERROR" in line] or said[-1:] or ["no output"]
        raise SynthesisError(f"Yosys could not map {name}: {errors[-1]} (all of it: {log})")
    figures = json.loads((folder / "figures.json").read_text())
    timed = None
    if pdk:
        has_sta = timing.sta_version() is not None
        timed = timing.opensta(folder, top=name, pdk=pdk, target_ps=target_ps) if has_sta else timing.abc(folder)
    for intermediate in ("coarse.json", "unbuffered.json", "mapped.json"):
        (folder / intermediate).unlink(missing_ok=True)
    if timed is None:
        return Result(block=name, **figures)
    return Result(block=name, **figures, period_ps=timed.period_ps, timing_tool=timed.tool, start=timed.start,
                  end=timed.end, periods_ps=list(timed.periods_ps))
