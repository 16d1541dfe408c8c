"""`python -m synth`: area, logic depth and timing of blocks as an ASIC. See docs/synthesis.md."""

import argparse
import sys

from hdl.blocks import BLOCKS
from hdl.config import PRESETS, preset

from . import history, report
from . import pdk as pdks
from .flow import BUILD, Result, SynthesisError, synthesise, versions
from .timing import TimingError

DEFAULT_BLOCKS = ("router", "vector", "matrix", "core")

#: What ABC is asked for: shorter than can be had, so that it tries hard.
DEFAULT_TARGET_PS = 250


def notes(results: list[Result], *, mapped: bool) -> list[str]:
    """What the figures are, and what is not in them."""
    tools = versions()
    cells = (f"{pdks.CORNER}; pyosys {tools['pyosys']}, ABC" if mapped else
             f"no PDK: static CMOS gates; pyosys {tools['pyosys']}, ABC; NAND2 = transistors / 4")
    lines = [f"Cells: {cells}.", "No wires, no clock tree. Memories are kept out: 0 um2, and they answer at once."]
    if mapped:
        said_by = ", ".join(sorted({result.timing_tool or "nobody" for result in results}))
        lines.append(f"Path: slowest of the block, said by {said_by}.")
    for result in results:
        if result.start:
            lines.append(f"Path of {result.block}: {result.start} to {result.end}.")
        if result.latches:
            lines.append(f"Memories of {result.block} built from latches, and in its area: {result.latches} bits.")
        if result.memories:
            shapes = [f"{number} x {shape.removeprefix('memory_')}" for shape, number in result.memories.items()]
            lines.append(f"Memories of {result.block}: {', '.join(shapes)}.")
    return lines


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m synth", description=__doc__)
    parser.add_argument("--preset", default="SIM", metavar="NAME", help=f"one of {', '.join(PRESETS)} (SIM)")
    parser.add_argument("--block", nargs="+", default=DEFAULT_BLOCKS, metavar="NAME",
                        help=f"of {', '.join(BLOCKS)} ({' '.join(DEFAULT_BLOCKS)})")
    parser.add_argument("--pdk", metavar="FOLDER",
                        help="with asap7_rvt_tt_synth.lib(.gz) and asap7_rvt_tt_full.lib(.gz)")
    parser.add_argument("--clock", type=int, default=DEFAULT_TARGET_PS, metavar="PS",
                        help=f"delay that ABC works towards ({DEFAULT_TARGET_PS})")
    parser.add_argument("--diff", metavar="REVISION", help="print what has changed since this commit")
    parser.add_argument("--reference", action="store_true", help="store the figures that the tests compare with")
    arguments = parser.parse_args()
    try:
        if arguments.reference:
            history.write_reference()
            return
        config = preset(arguments.preset)
        if unknown := [name for name in arguments.block if name not in BLOCKS]:
            raise ValueError(f"no block is called {unknown[0]!r}; there are {', '.join(BLOCKS)}")
        pdk = pdks.find(arguments.pdk)
        commit = arguments.diff and history.commit_of(arguments.diff)
        results = [synthesise(name, config=config, pdk=pdk, target_ps=arguments.clock) for name in arguments.block]
        before = commit and history.results_at(
            commit, blocks=arguments.block, config=config, pdk=pdk, target_ps=arguments.clock)
    except (ValueError, OSError, SynthesisError, TimingError) as error:
        sys.exit(f"python -m synth: {error}")
    said = notes(results, mapped=pdk is not None)
    report.write_summary(BUILD, results, name=config.name, title=f"{config.name} preset", notes=said, conditions={
        "preset": config.name, "corner": pdks.CORNER if pdk else None, "target_ps": arguments.clock,
        "tools": versions()})
    page = report.write(BUILD / f"{config.name}-report", results, title=f"{config.name} preset", notes=said)
    print(f"Report with pictures: {page}")
    history.record(results, config=config, pdk=pdk, target_ps=arguments.clock)
    if before:
        history.print_difference(before, results, revision=arguments.diff)


if __name__ == "__main__":
    main()
