"""`python -m synth`: area, logic depth and timing of blocks as an ASIC. See docs/synthesis.md."""

import argparse
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from hdl.blocks import BLOCKS
from hdl.config import PRESETS, preset

from . import pdk as pdks
from .flow import BUILD, Result, SynthesisError, synthesise, versions
from .timing import TimingError

DEFAULT_BLOCKS = ("router", "vector", "matrix", "core")

#: What ABC is asked for: shorter than can be had, so that it tries hard.
DEFAULT_TARGET_PS = 250


def table(results: list[Result], *, title: str) -> Table:
    """The results, a block a row."""
    mapped = results[0].area_um2 is not None
    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("block", "cells", "um2" if mapped else "transistors", "NAND2", "flops", "mem bits", "depth",
                   *(("path ps", "MHz") if mapped else ())):
        made.add_column(column, justify="left" if column == "block" else "right")
    for result in results:
        area = result.area_um2 if mapped else result.transistors
        row = [result.block, f"{result.cells:,}", f"{area:,.0f}", f"{result.nand2:,.0f}", f"{result.flip_flops:,}",
               f"{result.memory_bits:,}", str(result.depth)]
        if mapped:
            row += [f"{result.period_ps:.0f}", f"{1e6 / result.period_ps:,.0f}"] if result.period_ps else ["-", "-"]
        made.add_row(*row)
    return made


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
    arguments = parser.parse_args()
    try:
        config = preset(arguments.preset)
        if unknown := [name for name in arguments.block if name not in BLOCKS]:
            raise ValueError(f"no block is called {unknown[0]!r}; there are {', '.join(BLOCKS)}")
        pdk = pdks.find(arguments.pdk)
        results = [synthesise(name, config=config, pdk=pdk, target_ps=arguments.clock) for name in arguments.block]
    except (ValueError, SynthesisError, TimingError) as error:
        sys.exit(f"python -m synth: {error}")
    summary = {"preset": config.name, "corner": pdks.CORNER if pdk else None, "target_ps": arguments.clock,
               "tools": versions(), "blocks": [asdict(result) for result in results]}
    (BUILD / f"{config.name}.json").write_text(json.dumps(summary, indent=2) + "\n")
    made, said = table(results, title=f"{config.name} preset"), notes(results, mapped=pdk is not None)
    with (BUILD / f"{config.name}.txt").open("w") as file:
        for console in (Console(), Console(file=file, width=120)):
            console.print(made)
            console.print("\n".join(said), highlight=False)


if __name__ == "__main__":
    main()
