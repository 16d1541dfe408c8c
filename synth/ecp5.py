"""`python -m synth.ecp5 JOB`: what a block takes of an ECP5 FPGA, by Yosys's `synth_ecp5`; placement is not done.

Runs as a process of its own, like `synth.mapping`.
"""

import json
import sys
from pathlib import Path

from pyosys import libyosys

from fpga.ecp5 import LUTS, OPTIONS

from . import netlist, yosys
from .units import split

#: What is counted, and of which primitives it is made.
PRIMITIVES = {
    "LUT": LUTS,
    "FF": {"TRELLIS_FF": 1},
    "EBR": {"DP16KD": 1, "PDPW16KD": 1},
    "multipliers": {"MULT18X18D": 1},
}


def count(text: str, *, top: str, folder: Path) -> dict[str, int]:
    """How many of each of `PRIMITIVES` the Verilog takes; logs are left in `folder`/ecp5.

    LUTs have 4 inputs (as many for a primitive as `fpga.ecp5` says), EBRs 18 kbit, multipliers 18 x 18.

    Raises
    ------
    SynthesisError
        If Yosys fails.
    """
    job = folder / "ecp5"
    job.mkdir(parents=True, exist_ok=True)
    (job / "source.sv").write_text(text)
    blocks = [unit.name for unit in split(text, top)]
    (job / "job.json").write_text(json.dumps({"top": top, "blocks": blocks}))
    yosys.run("ecp5", job, what=f"map {top} to an ECP5")
    modules = json.loads((job / "stat.json").read_text())["modules"]
    cells = netlist.count({name.removeprefix("\\"): stat["num_cells_by_type"] for name, stat in modules.items()}, top)
    return {name: sum(weight * cells[cell] for cell, weight in parts.items())
            for name, parts in PRIMITIVES.items()}


def main() -> None:
    """Map the design of the folder that the command line names."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    top = job["top"]
    design = libyosys.Design()
    synth = f"synth_ecp5 {OPTIONS} -top {top} -run"
    for command in (f"read_verilog -sv {folder / 'source.sv'}", f"hierarchy -check -top {top}",
                    f"setattr -mod -set keep_hierarchy 1 {' '.join(job['blocks'])}",
                    f"{synth} begin:map_luts",
                    "rename -hide w:*",  # ABC9 gives its nets names that those of the source may have: "$1"
                    f"{synth} map_luts:check",
                    f"tee -q -o {folder / 'stat.json'} stat -json -top {top}"):
        print(f"\n==> {command}", flush=True)
        design.run_pass(command)


if __name__ == "__main__":
    main()
