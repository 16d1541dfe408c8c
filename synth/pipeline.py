"""`python -m synth.pipeline JOB`: leaves registers of a pipeline out, so that it has fewer stages.

A pipeline is a unit through which everything flows once, all of it in the same number of cycles: no loops, no enables,
no memories. Runs as a process of its own, like `synth.mapping`.
"""

import json
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pyosys import libyosys

from . import netlist, yosys

#: What registers are called in Yosys, before they are mapped.
_REGISTER = "$dff"

#: The port that says nothing of a stage: it goes to registers of all.
_RESET = "rst"


def shortened(text: str, *, name: str, stages: int, folder: Path) -> str:
    """The Verilog of a pipeline with top module `name`, with so many of its stages; `folder` is for files between.

    Raises
    ------
    SynthesisError
        If it is no pipeline, or does not have so many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "source.sv").write_text(text)
    (folder / "job.json").write_text(json.dumps({"top": name, "stages": stages}))
    yosys.run("pipeline", folder, what=f"make {name} a pipeline of {stages} stages")
    return (folder / "shortened.sv").read_text()


def stages_of(module: dict) -> dict[str, int]:
    """The stage of each register of a netlist, from 1; a ValueError if there are two ways to one, of other lengths."""
    cells = module["cells"]
    driver = {bit: name for name, cell in cells.items() for port, bits in cell["connections"].items()
              if cell["port_directions"][port] == "output" for bit in bits}
    inputs = {bit for name, port in module["ports"].items() for bit in port["bits"]
              if port["direction"] == "input" and name != _RESET and not netlist.is_clock(name)}
    read = {name: {bit for port, bits in cell["connections"].items()
                   if cell["port_directions"][port] == "input" and (cell["type"] != _REGISTER or port == "D")
                   for bit in bits} for name, cell in cells.items()}
    graph = {name: {driver[bit] for bit in bits & driver.keys()} for name, bits in read.items()}
    reached: dict[str, int] = {}  # how many registers are on the way to a cell's outputs, unless from the reset alone
    try:
        for name in TopologicalSorter(graph).static_order():
            before = {reached[other] for other in graph[name] & reached.keys()}
            if read[name] & inputs:
                before.add(0)
            if len(before) > 1:
                raise ValueError(f"what meets at {name} has been through {min(before)} and {max(before)} registers")
            if before:
                reached[name] = before.pop() + (cells[name]["type"] == _REGISTER)
    except CycleError as error:
        raise ValueError(f"there is a loop through {error.args[1][0]}") from error
    return {name: stage for name, stage in reached.items() if cells[name]["type"] == _REGISTER}


def shorten(module: dict, stages: int) -> None:
    """Leave registers out so that `stages` stages are left, evenly over those there are, the last one among them."""
    stage_of = stages_of(module)
    deepest = max(stage_of.values(), default=0)
    if not 1 <= stages <= deepest:
        raise ValueError(f"it has {deepest} stages")
    kept = {-(-deepest * number // stages) for number in range(1, stages + 1)}
    instead = {}
    for name in [name for name, stage in stage_of.items() if stage not in kept]:
        register = module["cells"].pop(name)["connections"]
        instead |= zip(register["Q"], register["D"], strict=True)

    def source(bit: int | str) -> int | str:
        while bit in instead:
            bit = instead[bit]
        return bit

    for port in module["ports"].values():
        port["bits"] = [source(bit) for bit in port["bits"]]
    for cell in module["cells"].values():
        cell["connections"] = {port: [source(bit) for bit in bits] for port, bits in cell["connections"].items()}
    module["netnames"] = {name: net for name, net in module["netnames"].items() if not instead.keys() & net["bits"]}


def main() -> None:
    """Shorten the pipeline of the folder that the command line names."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    design = libyosys.Design()
    for command in (f"read_verilog -sv {folder / 'source.sv'}", f"hierarchy -check -top {job['top']}", "proc -norom",
                    "flatten", "dffunmap", "opt_clean", f"write_json {folder / 'whole.json'}"):
        design.run_pass(command)
    whole = json.loads((folder / "whole.json").read_text())
    try:
        shorten(whole["modules"][job["top"]], job["stages"])
    except ValueError as error:
        sys.exit(f"ERROR: {error}")
    (folder / "shortened.json").write_text(json.dumps(whole))
    design = libyosys.Design()
    for command in (f"read_json {folder / 'shortened.json'}", "opt_clean",
                    f"write_verilog -noattr {folder / 'shortened.sv'}"):
        design.run_pass(command)


if __name__ == "__main__":
    main()
