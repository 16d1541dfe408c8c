"""Verilog of mapped netlists for simulation and for proofs.

Cells are as the Liberty file's functions say; `python -m synth.gates JOB` writes them, as a process of its own, like
`synth.mapping`.
"""

import json
import re
import sys
from pathlib import Path

import pyosys
from pyosys import libyosys

from . import memories, yosys
from .flow import BUILD, Netlist, hash_of
from .pdk import Pdk
from .units import MODULE

#: Yosys's models of its own gates.
_SIMCELLS = Path(pyosys.__file__).parent / "share" / "simcells.v"


def verilog(netlist: Netlist, pdk: Pdk | None) -> str:
    """A netlist with models of its cells, and of the memories that were kept out of it.

    Its modules and their ports have the names that they have in the text that was mapped.
    """
    units = "".join(path.read_text() for path in netlist.verilog())
    used = {name for cells in netlist.cells().values() for name in cells}
    models = MODULE.finditer(cell_models(pdk).read_text())
    return "".join([units, "/*verilator tracing_off*/\n", *map(memories.behaviour, netlist.kept_out().values()),
                    *(model[0] for model in models if model[1].removeprefix("\\") in used)])


def instead(around: str, netlist: Netlist, text: str) -> str:
    """Verilog in which a netlist, whose own is `text`, stands in for the `hdl.verilog.Block` of its name."""
    mapped = set(netlist.folders)

    def kept(module: re.Match) -> str:
        name = module[1].removeprefix("\\")
        return "" if name in mapped or name.startswith(f"{netlist.top}.") else module[0]

    return MODULE.sub(kept, around) + text


def cell_models(pdk: Pdk | None) -> Path:
    """Verilog of all cells of a PDK; without one, of the gates that ABC maps to then."""
    if pdk is None:
        return _SIMCELLS
    folder = BUILD / "cells" / hash_of(pdk.synthesis.read_bytes())[:16]
    models = folder / "cells.v"
    if not models.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job.json").write_text(json.dumps({"liberty": str(pdk.synthesis)}))
        yosys.run("gates", folder, what=f"read the functions of {pdk.synthesis}")
        (folder / "cells.v.new").replace(models)
    return models


def main() -> None:
    """Write the cells of the Liberty file that the job of the folder names."""
    folder = Path(sys.argv[1])
    design = libyosys.Design()
    liberty = json.loads((folder / "job.json").read_text())["liberty"]
    for command in (f"read_liberty -ignore_miss_func {liberty}", "proc",
                    f"write_verilog -noattr {folder / 'cells.v.new'}"):
        design.run_pass(command)


if __name__ == "__main__":
    main()
