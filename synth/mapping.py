"""`python -m synth.mapping JOB`: maps one block to gates with Yosys and ABC.

Runs as a process of its own, since Yosys ends its process on an error. `JOB` is a folder with the SystemVerilog and a
``job.json`` that says what to do; the netlist and ``figures.json`` with its figures are left there.
"""

import json
import re
import sys
from pathlib import Path

from pyosys import libyosys

from . import macros, memories, netlist
from .pdk import BUFFER, LATCH, NAND2, TIE_HIGH, TIE_LOW, cell_areas, read_liberty

#: Restructure, map, buffer, order, then size for the delay asked for; `stime` prints the delay that ABC sees.
ABC_SCRIPT = """&get -n
&st
&dch
&nf
&put
buffer -p -N 16
topo
upsize
dnsize
stime -p
"""

#: What ABC takes to be before and behind a module: about a few gates, so that it does not make its outputs weak.
CONSTRAINTS = f"set_driving_cell {BUFFER}\nset_load 5.0\n"

#: Transistors of the static CMOS gates that ABC maps to without a PDK, and of a flip-flop; Yosys's `stat -tech cmos`.
TRANSISTORS = {"$_NOT_": 2, "$_NAND_": 4, "$_NOR_": 4, "$_AOI3_": 6, "$_OAI3_": 6, "$_AOI4_": 8, "$_OAI4_": 8,
               "$_DFF_P_": 16}

#: Registers of an ASIC start with what their reset gives them, and those without one with anything.
NO_INIT = "setattr -unset init w:*"

CLOCK = "clk"


def is_block(module: str) -> bool:
    """A module that `hdl.verilog.emit` emitted once for all its copies; Amaranth names the others with a dot."""
    return "." not in module and not module.startswith("$") and module != "d1_sram_bank"


class Mapper:
    """One block's way from Verilog to gates."""

    def __init__(self, folder: Path):
        self.folder = folder
        job = json.loads((folder / "job.json").read_text())
        self.top = job["top"]
        self.liberty = Path(job["liberty"]) if job["liberty"] else None
        self.target_ps = job["target_ps"]
        self.design = libyosys.Design()

    def run(self, *commands: str) -> None:
        for command in commands:
            print(f"\n==> {command}", flush=True)
            self.design.run_pass(command)

    def exchange(self, stage: str, edit) -> None:
        """Write the design out, change it, and go on with what came of it."""
        path = self.folder / f"{stage}.json"
        self.run(f"write_json {path}")
        design = json.loads(path.read_text())
        edit(design)
        path.write_text(json.dumps(design))
        self.design = libyosys.Design()
        self.run(f"read_json {path}")

    def map(self) -> dict:
        """Map, and return the figures."""
        text = (self.folder / "source.sv").read_text()
        available = macros.named_in(text)
        boxes = self.folder / "macros.v"
        boxes.write_text("".join(macro.stub for macro in available.values()))
        self.run(f"read_verilog -lib {boxes}", f"read_verilog -sv {self.folder / 'source.sv'}",
                 f"hierarchy -check -top {self.top}")
        names = re.findall(r"^module ([^\s(#]+)", text, re.MULTILINE)
        for name in filter(is_block, names):
            self.run(f"setattr -mod -set keep_hierarchy 1 {name}")
        self.run("proc -norom")  # a table of constants is logic, not a memory to be kept out
        self.run("synth -flatten -noabc -booth -extra-map +/choices/kogge-stone.v -run begin:fine")
        taken_out: dict[str, memories.Memory] = {}
        self.exchange("coarse", lambda design: taken_out.update(
            memories.take_out(design, latches=self.liberty is not None)))
        stubs = self.folder / "memories.v"
        stubs.write_text("".join(memory.stub for memory in taken_out.values()))
        if self.liberty:
            self.run(f"read_liberty -lib -ignore_miss_func {self.liberty}")
        self.run(
            f"read_verilog {stubs}", f"hierarchy -top {self.top}", "flatten",
            NO_INIT, "synth -noabc -extra-map +/choices/kogge-stone.v -run fine:check", NO_INIT)
        if self.liberty:
            self._map_to_cells(self.liberty)
        else:
            self.run("dfflegalize -cell $_DFF_P_ x", "abc -g cmos4", "opt_clean -purge")
        return self._figures(taken_out, available)

    def _map_to_cells(self, liberty: Path) -> None:
        script, constraints = self.folder / "abc.script", self.folder / "abc.constraints"
        script.write_text(ABC_SCRIPT)
        constraints.write_text(CONSTRAINTS)
        self.run(
            "dfflegalize -cell $_DFF_P_ x", "rename -wire t:$_DFF_P_",  # paths start and end at the source's names
            f"dfflibmap -liberty {liberty}", "opt",
            f"abc -liberty {liberty} -constr {constraints} -D {self.target_ps} -script {script}",
            "setundef -zero", "splitnets",
            f"hilomap -hicell {TIE_HIGH} H -locell {TIE_LOW} L", "opt_clean -purge")

        def buffer_fanout(design: dict) -> None:
            for name, module in _blocks(design).items():
                netlist.buffer(module, BUFFER, clock=CLOCK, is_top=name == self.top)

        self.exchange("unbuffered", buffer_fanout)

    def _figures(self, taken_out: dict[str, memories.Memory], available: dict[str, macros.Macro]) -> dict:
        path = self.folder / "mapped.json"
        self.run(f"write_json {path}", f"write_verilog -noattr -noexpr -nohex -nodec {self.folder / 'mapped.v'}")
        modules = _blocks(json.loads(path.read_text()))
        cells = netlist.count(modules, self.top)
        kept_out = taken_out | available
        placed = {name: cells.pop(name) for name in kept_out if name in cells}
        figures = {
            "cells": cells.total(),
            "flip_flops": sum(number for cell, number in cells.items() if netlist.is_flip_flop(cell)),
            "latches": cells[LATCH],
            "memories": placed,
            "memory_bits": sum(kept_out[name].bits * number for name, number in placed.items()),
            "depth": max(netlist.depth(module, modules) for module in modules.values()),
        }
        if self.liberty:
            areas = cell_areas(read_liberty(self.liberty))
            figures["area_um2"] = sum(areas[cell] * number for cell, number in cells.items())
            figures["nand2"] = figures["area_um2"] / areas[NAND2]
            (self.folder / "memories.lib").write_text(memories.liberty(
                memory for memory in taken_out.values() if not memory.latches))
            used = {name: macro for name, macro in available.items() if name in placed}
            if used and all(macro.liberty for macro in used.values()):
                figures["macros_um2"] = sum(macro.area_um2 * placed[name] for name, macro in used.items())
                for name, macro in used.items():
                    (self.folder / f"macro-{name}.lib").write_text(macro.liberty.read_text())
        else:
            areas = TRANSISTORS
            figures["transistors"] = sum(areas[cell] * number for cell, number in cells.items())
            figures["nand2"] = figures["transistors"] / areas["$_NAND_"]
        figures["parts"] = {
            module: number * sum(areas.get(cell["type"], 0) for cell in modules[module]["cells"].values())
            for module, number in netlist.placements(modules, self.top).items()}
        return figures


def _blocks(design: dict) -> dict:
    """The modules of a netlist that have something in them."""
    return {name: module for name, module in design["modules"].items() if "blackbox" not in module["attributes"]}


def main() -> None:
    """Map the block of the folder that the command line names."""
    folder = Path(sys.argv[1])
    figures = Mapper(folder).map()
    (folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
