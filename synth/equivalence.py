"""`python -m synth.equivalence JOB`: proves that a mapped unit does what the Verilog does that it was mapped from.

Yosys pairs the signals that have the same name in both, registers among them, and proves by induction over a few cycles
that each pair is always equal if its inputs have been. Runs as a process of its own, like `synth.mapping`.
"""

import json
import re
import sys
from pathlib import Path

from amaranth.lib import wiring
from pyosys import libyosys

from hdl.verilog import View, emit

from . import gates, yosys
from .flow import BUILD, Netlist, map_text
from .pdk import Pdk

#: The name of an array's element in Verilog, which is that of a bit of the array, too, once that is in bits.
_ELEMENT = r"\\(\S+)\[(\d+)\] "

#: Cycles of the induction, at most: more than the stages of what is proved, if names of some registers are lost.
CYCLES = 8


def prove(component: wiring.Component, *, name: str, pdk: Pdk | None, target_ps: int, build: Path = BUILD) -> int:
    """Map a component without blocks and memories in it, and prove it; return how many pairs of signals are equal.

    Raises
    ------
    SynthesisError
        If a pair is not proved equal.
    ValueError
        If there are blocks or memories in it.
    """
    return prove_netlist(map_text(emit(component, name=name, view=View.ASIC), name=name, pdk=pdk, target_ps=target_ps,
                                  build=build), pdk=pdk, folder=build / "equivalence" / name)


def prove_netlist(netlist: Netlist, *, pdk: Pdk | None, folder: Path) -> int:
    """As `prove`, for a netlist of one unit; `folder` is for files between."""
    if len(netlist.folders) > 1 or any(figure["memories"] for figure in netlist.figures().values()):
        raise ValueError(f"{netlist.top} has blocks or memories in it: prove those one by one")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gates.v").write_text(_with_registers(gates.verilog(netlist, pdk), pdk))
    source = (netlist.folders[netlist.top] / "source.sv").read_text()
    (folder / "source.sv").write_text(re.sub(_ELEMENT, r"\\\1.\2 ", source))
    (folder / "job.json").write_text(json.dumps({"top": netlist.top}))
    yosys.run("equivalence", folder, what=f"prove the gates of {netlist.top}")
    return json.loads((folder / "figures.json").read_text())["proved"]


def _with_registers(text: str, pdk: Pdk | None) -> str:
    """Gates with a signal of every register's own name, where flip-flops that invert have left none."""
    if pdk is None:
        return text
    cells = {name: cell for name, cell in pdk.library.cells.items() if cell.is_flip_flop and cell.functions}

    def named(instance: re.Match) -> str:
        cell, register = cells[instance[1]], instance[2]
        output = re.search(rf"\.{cell.output}\((.*?)\)\n", instance[0])
        there = rf"^  wire \\{re.escape(register)} |^  (?:output|wire)[^\n]* \\?{re.escape(register.split('[')[0])} ?;"
        if output is None or re.search(there, text, re.MULTILINE):
            return instance[0]
        name = re.sub(r"^(.*)\[(\d+)\]\[(\d+)\]$", in_bits, register)
        return f"{instance[0]}\n  (* keep *) wire \\{name} = {'~' if cell.inverts else ''}{output[1]};"

    def in_bits(element: re.Match) -> str:
        """The bit of an array that is a bit of one of its elements, which are all as wide."""
        array, number, bit = element.groups()
        width = 1 + max(map(int, re.findall(rf"\\{re.escape(array)}\[{number}\]\[(\d+)\]\$_DFF_P_ ", text)))
        return f"{array}[{int(number) * width + int(bit)}]"

    instances = rf"^  ({'|'.join(cells)}) \\?(\S+)\$_DFF_P_ .*?^  \);"
    return re.sub(instances, named, text, flags=re.DOTALL | re.MULTILINE)


def main() -> None:
    """Prove the job of the folder that the command line names."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    design = libyosys.Design()

    def load(side: str, path: str) -> None:
        for command in (f"read_verilog -sv {path}", f"hierarchy -check -top {job['top']}", "proc -norom", "flatten",
                        "memory", "setattr -unset init w:*", "opt", "techmap", "opt", "splitnets",
                        r"rename -hide w:$*",  # intermediate values: ABC is free to give their names to others
                        f"rename {job['top']} {side}", f"design -stash {side}"):
            design.run_pass(command)

    load("gold", str(folder / "source.sv"))
    load("gate", str(folder / "gates.v"))
    for command in ("design -copy-from gold -as gold gold", "design -copy-from gate -as gate gate",
                    "equiv_make gold gate pairs", "hierarchy -top pairs", "opt_clean", "equiv_simple -seq 2",
                    f"equiv_induct -seq {CYCLES}", f"tee -q -o {folder / 'status'} equiv_status"):
        print(f"\n==> {command}", flush=True)
        design.run_pass(command)
    status = (folder / "status").read_text()
    proved, unproved = map(int, re.findall(r"(\d+) are (?:proven|unproven)", status))
    if unproved:
        named = re.findall(r"Unproven \$equiv \S+ (\S+?)_gold ", status)
        sys.exit(f"ERROR: {unproved} of {proved + unproved} signals are not proved equal, {named[0]} is one")
    (folder / "figures.json").write_text(json.dumps({"proved": proved}))


if __name__ == "__main__":
    main()
