"""`python -m synth.ecp5 JOB`: an ECP5 FPGA's primitives for a design, by Yosys's `synth_ecp5`, and how many.

Runs as a process of its own, like `synth.mapping`.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pyosys import libyosys

import fpga.ecp5
from fpga.ecp5 import LUTS, OPTIONS

from . import netlist, yosys
from .units import split

#: The files that decide how something is mapped and counted.
SOURCES = (Path(__file__), Path(fpga.ecp5.__file__))

#: How Yosys reads a file, by how its name ends.
_READ = {".sv": "read_verilog -sv", ".il": "read_rtlil"}

#: What is counted, and of which primitives it is made.
PRIMITIVES = {
    "LUT": LUTS,
    "FF": {"TRELLIS_FF": 1},
    "EBR": {"DP16KD": 1, "PDPW16KD": 1},
    "multipliers": {"MULT18X18D": 1},
}


def count(text: str, *, top: str, folder: Path) -> dict[str, int]:
    """How many of each of `PRIMITIVES` the Verilog takes, its units kept apart; logs are left in `folder`/ecp5.

    LUTs have 4 inputs (as many for a primitive as `fpga.ecp5` says), EBRs 18 kbit, multipliers 18 x 18.

    Raises
    ------
    SynthesisError
        If Yosys fails.
    """
    job = folder / "ecp5"
    job.mkdir(parents=True, exist_ok=True)
    (job / "source.sv").write_text(text)
    synthesise(job, top=top, sources=["source.sv"], blocks=[unit.name for unit in split(text, top)])
    cells = cells_of(job, top=top)
    return {name: sum(weight * cells[cell] for cell, weight in parts.items())
            for name, parts in PRIMITIVES.items()}


def synthesise(folder: Path, *, top: str, sources: Sequence[str], blocks: Sequence[str], place: bool = False) -> None:
    """Map what is in the `sources` of a folder, Verilog or RTLIL.

    The `blocks`, which are modules that `hdl.verilog.emit` has written, are mapped by themselves, and all else is
    flattened into what it is in. With `place` two files more are left: ``<block>.v`` of each block's primitives,
    and ``<top>.json``, flat, for nextpnr.

    Raises
    ------
    SynthesisError
        If Yosys fails.
    """
    (folder / "job.json").write_text(json.dumps(
        {"top": top, "sources": list(sources), "blocks": list(blocks), "place": place}))
    yosys.run("ecp5", folder, what=f"map {top} to an ECP5")


def cells_of(folder: Path, *, top: str) -> Counter[str]:
    """Which primitives what `synthesise` has left in a folder is made of, and how many of each."""
    modules = json.loads((folder / "stat.json").read_text())["modules"]
    return netlist.count({name.removeprefix("\\"): stat["num_cells_by_type"] for name, stat in modules.items()}, top)


def main() -> None:
    """Map the design of the folder that the command line names."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    top, blocks = job["top"], job["blocks"]
    design = libyosys.Design()
    synth = f"synth_ecp5 {OPTIONS} -top {top} -run"
    commands = [f"{_READ[source.suffix]} {source}" for source in (folder / name for name in job["sources"])]
    commands += [
        f"hierarchy -top {top}",
        f"setattr -mod -set keep_hierarchy 1 {' '.join(blocks)}",
        f"{synth} begin:map_luts",
        # ABC9 gives its nets names that those of a block itself may have, but none of what was flattened into it.
        *(f"rename -hide {block}/w:* {block}/w:*.* %d" for block in blocks),
        f"{synth} map_luts:check",
        "autoname",  # cells are called after the signals beside them, so that reports and pictures say what they are
    ]
    if job["place"]:
        commands.append("blackbox =A:whitebox")
        for block in blocks:
            commands += [f"select {block}", f"write_verilog -noattr -selected {folder / block}.v", "select -clear"]
        commands += ["setattr -mod -unset keep_hierarchy", "flatten", "opt_clean", f"write_json {folder / top}.json"]
    for command in (*commands, f"tee -q -o {folder / 'stat.json'} stat -json -top {top}"):
        print(f"\n==> {command}", flush=True)
        design.run_pass(command)


if __name__ == "__main__":
    main()
