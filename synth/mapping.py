"""`python -m synth.mapping JOB`: maps one unit to gates with Yosys and ABC.

Runs as a process of its own, since Yosys ends its process on an error. `JOB` is a folder with the unit's SystemVerilog,
that of the blocks in it as black boxes, and a ``job.json`` that says what to do; the netlist and ``figures.json`` with
its figures are left there.
"""

import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from pyosys import libyosys

from . import macros, memories, netlist
from .pdk import Library, library

#: Ways of ABC's to collect choices and to map: for area, and for delay.
SMALL, FAST = "&get -n; &st; &dch; &nf; &put", "strash; dch; map -B 0.9; topo"

#: What follows: buffer, order, then size for the delay asked for; `stime` prints the area and the delay that ABC sees.
SIZE = "buffer -p -N 16; topo; upsize; dnsize; stime -p"

#: Transistors of the static CMOS gates that ABC maps to without a PDK, and of a flip-flop; Yosys's `stat -tech cmos`.
TRANSISTORS = {"$_NOT_": 2, "$_NAND_": 4, "$_NOR_": 4, "$_AOI3_": 6, "$_OAI3_": 6, "$_AOI4_": 8, "$_OAI4_": 8,
               "$_DFF_P_": 16}

#: Those of them with state.
FLIP_FLOPS = frozenset({"$_DFF_P_"})

#: Registers of an ASIC start with what their reset gives them, and those without one with anything.
NO_INIT = "setattr -unset init w:*"


@dataclass(frozen=True)
class Cost:
    """What ABC says of its gates."""

    area: float = 0.0
    delay_ps: float = 0.0

    @classmethod
    def of(cls, said: str) -> "Cost":
        """That of its last words; nothing if there was nothing to map."""
        figures = re.findall(r"Area =\s*([\d.]+).*Delay =\s*([\d.]+) ps", said)
        return cls(*map(float, figures[-1])) if figures else cls()


class Mapper:
    """One unit's way from Verilog to gates."""

    def __init__(self, folder: Path):
        self.folder = folder
        job = json.loads((folder / "job.json").read_text())
        self.top = job["top"]
        self.library = library(Path(job["liberty"])) if job["liberty"] else None
        self.target_ps = job["target_ps"]
        self.delay_ps = 0.0
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
        path.unlink()

    def map(self) -> dict:
        """Map, and return the figures."""
        text = (self.folder / "source.sv").read_text()
        source = self.folder / "marked.sv"
        source.write_text(memories.marked(text))
        stubs = self.folder / "macros.v"
        stubs.write_text("".join(macro.stub for macro in macros.named_in(text).values()))
        self.run(f"read_verilog -lib {stubs}", f"read_verilog -lib -sv {self.folder / 'boxes.v'}",
                 f"read_verilog -sv {source}", f"hierarchy -check -top {self.top}")
        self.run("proc -norom")  # a table of constants is logic, not a memory to be kept out
        self.run("synth -flatten -noabc -nordff -booth -extra-map +/choices/kogge-stone.v -run begin:fine")
        latch = self.library and self.library.latch
        taken_out: dict[str, memories.Memory] = {}
        self.exchange("coarse", lambda design: taken_out.update(
            memories.take_out(design, latches=latch is not None)))
        stubs = self.folder / "memories.v"
        stubs.write_text("".join(memories.verilog(memory, self.library) for memory in taken_out.values()))
        if self.library:
            self.run(f"read_liberty -lib -ignore_miss_func {self.library.path}")
        self.run(
            f"read_verilog {stubs}", f"hierarchy -top {self.top}", "flatten",
            NO_INIT, "synth -noabc -extra-map +/choices/kogge-stone.v -run fine:check", NO_INIT,
            "dfflegalize -cell $_DFF_P_ x")
        if self.library:
            self._map_to_cells(self.library, text)
        else:
            self.run("abc -g cmos4", "opt_clean -purge")
        return self._figures(taken_out)

    def _map_to_cells(self, cells: Library, text: str) -> None:
        constraints = self.folder / "abc.constraints"
        # What ABC takes to be before and behind a module: about a few gates, so that its outputs are not weak.
        constraints.write_text(f"set_driving_cell {cells.buffer.name}\nset_load 5.0\n")
        (high, high_pin), (low, low_pin) = cells.tie_high, cells.tie_low
        self.run(
            "rename -wire t:$_DFF_P_",  # paths start and end at the source's names
            f"dfflibmap -liberty {cells.path}", "opt", "design -save unmapped")
        costs = {}
        for way, commands, avoided in (("small", SMALL, cells.avoided), ("fast", FAST, [*cells.avoided, *cells.weak])):
            script, said = self.folder / f"abc-{way}.script", self.folder / f"abc-{way}.log"
            script.write_text("\n".join(f"{commands}; {SIZE}".split("; ")) + "\n")
            avoiding = " ".join(f"-dont_use {name}" for name in avoided)
            self.run("design -load unmapped",
                     f"tee -o {said} abc -liberty {cells.path} -constr {constraints} -D {self.target_ps} "
                     f"-script {script} {avoiding}", f"design -save {way}")
            costs[way] = Cost.of(said.read_text())
        chosen = min(costs, key=lambda way: costs[way].area * costs[way].delay_ps)
        self.delay_ps = costs[chosen].delay_ps
        self.run(
            f"design -load {chosen}", "setundef -zero", "splitnets",
            f"hilomap -hicell {high} {high_pin} -locell {low} {low_pin}", "opt_clean -purge")
        self.exchange("unbuffered", lambda design: netlist.buffer(
            design["modules"][self.top], cells.buffer, heavy=macros.named_in(text)))

    def _figures(self, taken_out: dict[str, memories.Memory]) -> dict:
        path = self.folder / "mapped.json"
        self.run(f"write_json {path}", f"write_verilog -noattr -noexpr -nohex -nodec {self.folder / 'mapped.v'}")
        module = json.loads(path.read_text())["modules"][self.top]
        path.unlink()
        cells = Counter(cell["type"] for cell in module["cells"].values())
        return {
            "cells": cells,
            "delay_ps": self.delay_ps,
            "memories": [asdict(memory) for memory in taken_out.values()],
            "depth": netlist.depth(module, self.library.gates if self.library else TRANSISTORS.keys() - FLIP_FLOPS),
        }


def main() -> None:
    """Map the unit of the folder that the command line names."""
    folder = Path(sys.argv[1])
    try:
        figures = Mapper(folder).map()
    except memories.TooManyFlipFlops as error:
        sys.exit(f"ERROR: {error}")
    (folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
