"""What synthesis found at other commits, and what has changed since."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hdl.config import Config, preset
from hdl.verilog import View

from .flow import Result, flow_key, synthesise, synthesise_text
from .pdk import ROOT, Pdk
from .report import area_of, is_mapped
from .yosys import SynthesisError

#: Blocks that the tests watch, small enough to map there: a router, and a matrix unit of 2 x 2 x 2. Without a PDK, so
#: that the figures are the same everywhere.
WATCHED = (("SIM", "router"), ("ULX3S", "matrix"))

#: Growth of a watched block's area or depth that a commit may bring without a new reference.
TOLERANCE = 0.03

REFERENCE = Path(__file__).with_name("reference.json")

_TARGET_PS = 250

#: Figures by block.
Figures = Mapping[str, Mapping[str, float | None]]


def commit_of(revision: str) -> str:
    """The hash of a commit; a ValueError if there is no such one."""
    return _git("rev-parse", "--verify", f"{revision}^{{commit}}")


def _git(*arguments: str) -> str:
    try:
        ran = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ValueError("git, which knows other commits, was not found: install it, e.g. with 'apt-get install git'"
                         ) from None
    if ran.returncode:
        raise ValueError(f"git {' '.join(arguments)}: {ran.stderr.strip()}")
    return ran.stdout.strip()


def _folder() -> Path:
    """Where records are kept: outside of the tree, for all checkouts."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "open-d1" / "synth"


def _record_of(commit: str, config: Config, pdk: Pdk | None, target_ps: int) -> Path:
    conditions = hashlib.sha256(f"{config!r} {flow_key(pdk, target_ps)}".encode()).hexdigest()[:12]
    return _folder() / f"{commit}-{config.name}-{conditions}.json"


def record(results: list[Result], *, config: Config, pdk: Pdk | None, target_ps: int) -> Path | None:
    """Keep results as those of the commit that is checked out; not if the tree differs from it."""
    try:
        if _git("status", "--porcelain", "--", "hdl"):
            return None
        path = _record_of(_git("rev-parse", "HEAD"), config, pdk, target_ps)
    except ValueError:  # not a checkout, or no git
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(stored | {result.block: asdict(result) for result in results}, indent=2))
    return path


def results_at(commit: str, *, blocks: Sequence[str], config: Config, pdk: Pdk | None, target_ps: int) -> list[Result]:
    """Figures of blocks at another commit: recorded, or made now, by today's flow from the hardware of that commit.

    Raises
    ------
    SynthesisError, TimingError
        If a tool fails, or that commit does not have a block.
    """
    path = _record_of(commit, config, pdk, target_ps)
    stored = json.loads(path.read_text()) if path.exists() else {}
    results = [Result.of(stored[name]) if name in stored else
               synthesise_text(_verilog_at(commit, name, config.name), name=name, preset=config.name, pdk=pdk,
                               target_ps=target_ps) for name in blocks]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored | {result.block: asdict(result) for result in results}, indent=2))
    return results


def _verilog_at(commit: str, name: str, preset_name: str) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "hdl"], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", temporary], input=archive.stdout, check=True)
        ran = subprocess.run(
            [sys.executable, "-m", "hdl", "verilog", "--config", preset_name, "--block", name,
             "--view", View.ASIC.value],
            cwd=temporary, capture_output=True, text=True, check=False)
        if ran.returncode:
            said = (ran.stderr.strip() or "no output").splitlines()[-1]
            raise SynthesisError(f"{name} of {preset_name} at {commit[:10]} cannot be emitted: {said}")
        return next(Path(temporary).rglob("*.sv")).read_text()


def print_difference(before: list[Result], after: list[Result], *, revision: str) -> None:
    """Print what has changed, a block a row."""
    unit = "um2" if is_mapped(after) else "transistors"
    made = Table(title=f"since {revision}", title_justify="left", box=None, pad_edge=False)
    for column in ("block", unit, "", "flops", "", "depth", "", "path ps", ""):
        made.add_column(column, justify="left" if column == "block" else "right")
    for old, new in zip(before, after, strict=True):
        row = [new.block]
        for was, now in ((area_of(old), area_of(new)), (old.flip_flops, new.flip_flops), (old.depth, new.depth),
                         (old.period_ps, new.period_ps)):
            row += [f"{now:,.0f}", f"{now / was - 1:+.1%}" if was else "new"] if now is not None else ["-", ""]
        made.add_row(*row)
    Console().print(made)


def watched_figures() -> Figures:
    """Transistors and depth of the watched blocks as they are now."""
    figures: dict[str, Mapping[str, float | None]] = {}
    for preset_name, name in WATCHED:
        result = synthesise(name, config=preset(preset_name), pdk=None, target_ps=_TARGET_PS)
        figures[f"{preset_name} {name}"] = {"transistors": result.transistors, "depth": result.depth}
    return figures


def write_reference() -> None:
    """Store the figures of the watched blocks as what the tests compare with."""
    REFERENCE.write_text(json.dumps(watched_figures(), indent=2) + "\n")
    print(f"wrote {REFERENCE}")


def grown(reference: Figures, figures: Figures) -> list[str]:
    """A line for every figure that is more than `TOLERANCE` above the reference, or has none."""
    lines = []
    for name, now in figures.items():
        for what, value in now.items():
            was = reference.get(name, {}).get(what)
            if was is None or value is None:
                lines.append(f"{name}: no reference of its {what}")
            elif value > was * (1 + TOLERANCE):
                lines.append(f"{name}: {what} {was:,} became {value:,} ({value / was - 1:+.1%})")
    return lines
