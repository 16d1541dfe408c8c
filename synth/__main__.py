"""`python -m synth`: area, logic depth and timing of blocks as an ASIC. See docs/synthesis.md."""

import argparse
import sys
from pathlib import Path

from hdl.blocks import BLOCKS
from hdl.config import PRESETS, preset
from sim.commands import mesh_size

from . import history, report, timing
from . import pdk as pdks
from .flow import BUILD, Result, synthesise, versions
from .memories import SMALL_WORDS
from .yosys import SynthesisError

DEFAULT_BLOCKS = ("router", "vector", "matrix", "core")

#: What ABC is asked for: shorter than can be had, so that it tries hard.
DEFAULT_TARGET_PS = 250


def notes(results: list[Result], *, pdk: pdks.Pdk | None) -> list[str]:
    """What the figures are, and what is not in them."""
    tools = versions()
    cells = (f"{pdk.library.corner}; pyosys {tools['pyosys']}, ABC" if pdk else
             f"no PDK: static CMOS gates; pyosys {tools['pyosys']}, ABC; NAND2 = transistors / 4")
    lines = [f"Cells: {cells}.", "No wires, no clock tree. Memories are kept out: 0 um2, and they answer at once."]
    if not pdk:
        lines.append("PDK=, a Liberty file or a folder with one, gives area in um2 and timing; with OpenSTA, paths.")
    elif not tools["opensta"]:
        lines.append("OpenSTA ('apt-get install opensta') gives paths, with clock-to-q and setup time.")
    if pdk and not pdk.library.latch:
        lines.append(f"The library has no latch: memories are flip-flops up to {SMALL_WORDS} words, else kept out.")
    if any(result.ecp5 for result in results):
        lines.append("LUT, FF, EBR, multipliers: of an ECP5, before placement; a carry cell is 2 LUTs, a 16 x 4 RAM 6.")
    if pdk:
        said_by = ", ".join(sorted({result.timing_tool or "nobody" for result in results}))
        lines.append(f"Path: slowest of the block, said by {said_by}.")
    for result in results:
        if result.start:
            lines.append(f"Path of {result.block}: {result.start} to {result.end}, {result.gates} gates.")
        if result.latches:
            lines.append(f"Memories of {result.block} built from latches, and in its area: {result.latches} bits.")
        if result.memories:
            shapes = [f"{number} x {shape.removeprefix('memory_')}" for shape, number in result.memories.items()]
            lines.append(f"Memories of {result.block}: {', '.join(shapes)}.")
        if result.memories_um2:
            lines.append(f"Of latches, those that are no macros would take about {result.memories_um2:,.0f} um2.")
    return lines


def picoseconds(text: str) -> int:
    """A clock period of the command line; a ValueError if it is none."""
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise ValueError(f"a clock period must be 1 to 1,000,000 ps, not {text!r}")
    return int(text)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m synth", description=__doc__)
    parser.add_argument("--preset", default="SIM", metavar="NAME", help=f"one of {', '.join(PRESETS)} (SIM)")
    parser.add_argument("--block", nargs="+", default=DEFAULT_BLOCKS, metavar="NAME",
                        help=f"of {', '.join(BLOCKS)} ({' '.join(DEFAULT_BLOCKS)})")
    parser.add_argument("--mesh", type=mesh_size, metavar="CxR", help="the nodes that there are (the preset's)")
    parser.add_argument("--pdk", metavar="PATH", help="a Liberty file or a folder with one; 'none': without")
    parser.add_argument("--clock", default=str(DEFAULT_TARGET_PS), metavar="PS",
                        help=f"delay that ABC works towards ({DEFAULT_TARGET_PS})")
    parser.add_argument("--build", default=str(BUILD), metavar="FOLDER",
                        help="where netlists and results go (build/synth)")
    parser.add_argument("--diff", metavar="REVISION", help="print what has changed since this commit")
    parser.add_argument("--reference", action="store_true", help="store the figures that the tests compare with")
    arguments = parser.parse_args()
    build = Path(arguments.build)
    try:
        if arguments.reference:
            history.write_reference()
            return
        if arguments.mesh and arguments.diff:
            raise ValueError("--diff compares presets as they are: leave --mesh out")
        config, name = preset(arguments.preset), arguments.preset
        if arguments.mesh:
            columns, rows = arguments.mesh
            config, name = config.with_mesh(columns=columns, rows=rows), f"{name}-{columns}x{rows}"
        target_ps = picoseconds(arguments.clock)
        if unknown := [name for name in arguments.block if name not in BLOCKS]:
            raise ValueError(f"no block is called {unknown[0]!r}; there are {', '.join(BLOCKS)}")
        pdk = pdks.find(arguments.pdk)
        commit = arguments.diff and history.commit_of(arguments.diff)
        fpga = not commit and (pdk is None or timing.sta_version() is None)
        results = [synthesise(name, config=config, pdk=pdk, target_ps=target_ps, fpga=fpga, build=build)
                   for name in arguments.block]
        before = commit and history.results_at(
            commit, blocks=arguments.block, config=config, pdk=pdk, target_ps=target_ps)
        said = notes(results, pdk=pdk)
        title = f"{config.name} preset, {config.columns}x{config.rows} nodes"
        report.write_summary(build, results, name=name, title=title, notes=said, conditions={
            "preset": config.name, "mesh": [config.columns, config.rows],
            "corner": pdk.library.corner if pdk else None, "target_ps": target_ps, "tools": versions()})
        page = report.write(build / f"{name}-report", results, title=title, notes=said)
        print(f"Report with pictures: {page}")
        history.record(results, config=config, pdk=pdk, target_ps=target_ps)
    except (ValueError, OSError, SynthesisError, timing.TimingError) as error:
        sys.exit(f"python -m synth: {error}")
    if before:
        history.print_difference(before, results, revision=arguments.diff)


if __name__ == "__main__":
    main()
