"""Power of the mapped units of a node at the target clock, while it multiplies matrices and while it is idle.

The RTL of one node runs the GEMM kernel from its SRAM. What goes into each unit in every cycle is given to the unit's
gates, whose outputs have to be the RTL's; how often their nets change gives the power (`synth.power` says what is left
out). Of repeated blocks, a sample is watched.
"""

import json
import os
import pickle
import re
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from hdl.config import Config, preset
from hdl.node import Node
from hdl.verilog import View, emit
from sim import numerics
from sim.build import RUNS, WAVES, build_text, run
from sim.matmul import Product
from sim.rtl import JOBS, REPEATED, run_rtl
from sim.verilator import ROOT
from synth import gates, netlist, pdk, power
from synth.flow import NODE, Netlist, map_units, versions
from synth.units import MODULE, Unit, below, renumbered, split
from verif.synth.recording import Ports, Recording, read, without_numbers

#: What ABC is asked for, and the clock that power is of, in ps.
TARGET_PS, CLOCK_PS = 250, 500

#: Rows, depth and columns of the product.
SIDE = 64

#: Idle units are given the same as in the last cycle of the run, when the program has ended: cycles of each of the two
#: times that they are, of which the second is watched.
IDLE = 200

#: Copies of a repeated block that are watched.
WATCHED = 4

#: What a unit is called in its simulation, and the ending of the names of blocks that are not watched.
_UNIT, _UNSEEN = "unit", "_unseen"

#: What a flip-flop's model keeps, and what it will keep.
_FLIP_FLOP = re.compile(r"always @\(posedge \w+\)\s+(\w+) <= (\w+);")

#: What Verilator's model of a module has besides ports.
_METHODS = frozenset({"contextp", "eval", "final", "hierName", "modelName", "name", "threads", "trace"})

#: Units that are not measured: macros have no energies, and a core is its parts.
_LEFT_OUT = (("sram",), ("core",))


def product(config: Config) -> tuple[Path, int]:
    """Multiply matrices of normally distributed BF16 on the RTL; return the waveform and the cycles that it took."""
    rng = np.random.default_rng(1)
    a, b = (numerics.bf16_from_values(rng.normal(size=(SIDE, SIDE))) for _ in range(2))
    work = Product(a, b, config)
    result = run_rtl(work.job, waves=True)
    result.check()
    if not (work.c(result) == numerics.matmul(a, b, config)).all():
        raise AssertionError("the product is wrong")
    return JOBS / work.job.name / WAVES, work.phase(result)


def ports_of(unit: Unit) -> Ports:
    """A unit's ports."""
    body = re.search(rf"^module \\?{re.escape(unit.name)} ?\(.*?^endmodule", unit.text, re.DOTALL | re.MULTILINE)
    assert body is not None
    found = re.findall(r"^  (input|output) (?:\[\d+:\d+\] )?\\?(\S+?) ?;", body[0], re.MULTILINE)
    inputs = tuple(name for direction, name in found if direction == "input" and not netlist.is_clock(name))
    return Ports(inputs=inputs, outputs=tuple(name for direction, name in found if direction == "output"),
                 clocks=tuple(name for direction, name in found if direction == "input" and netlist.is_clock(name)))


def plain(name: str) -> str:
    """A port's name without what Verilog has to escape, and not as a method of Verilator's model is called."""
    return f"{name}_port" if name in _METHODS else re.sub(r"\W", "_", name)


def watched(text: str, unit: Netlist) -> str:
    """Verilog of a unit's gates in which all but `WATCHED` copies of each of its blocks are RTL that hides its nets.

    Gates of hundreds of thousands of cells are more than Verilator takes in a reasonable time.
    """
    cells = unit.cells()
    repeated = {block: number for block, number in cells[unit.top].items() if block in cells and number > WATCHED}
    copied = {inside for block in repeated for inside in netlist.placements(cells, block)}
    rtl = {match[1].removeprefix("\\"): match[0] for name in sorted(copied)
           for match in MODULE.finditer((unit.folders[name] / "source.sv").read_text())}
    named = re.compile(rf"^(module |  )\\?({'|'.join(map(re.escape, rtl))})(?=[ (])", re.MULTILINE)
    hidden = named.sub(lambda found: f"{found[1]}\\{found[2]}{_UNSEEN} ", "".join(rtl.values()))
    seen = Counter()

    def placed(match: re.Match) -> str:
        block = match[1]
        seen[block] += 1
        # Evenly over the copies, from the first to the last, so that of a square of them it is no column.
        last = repeated[block] - 1
        shown = seen[block] - 1 in {index * last // (WATCHED - 1) for index in range(WATCHED)}
        return f"  {block} " if shown else f"  \\{block}{_UNSEEN}  "

    if repeated:
        top = next(match[0] for match in MODULE.finditer(text) if match[1] == _UNIT)
        text = text.replace(top, re.sub(rf"^  ({'|'.join(repeated)}) (?=\S)", placed, top, flags=re.MULTILINE))
    return f"{text}/*verilator tracing_off*/\n{hidden}"


def begun_as_rtl(text: str) -> str:
    """Verilog of gates whose registers begin with zeros, as the RTL's do: flip-flops that keep the complement with one.

    Else what has no reset and is not looked at before it is valid would not be what it is in the recording.
    """
    def begun(model: re.Match) -> str:
        kept = {state for state, following in _FLIP_FLOP.findall(model[0])
                if re.search(rf"assign {following} = ~", model[0])}
        initial = "".join(f"  initial {state} = 1'b1;\n" for state in sorted(kept))
        return model[0].replace("endmodule", f"{initial}endmodule")

    return MODULE.sub(begun, text)


def simulated(unit: Netlist, ports: Ports, cells: pdk.Pdk) -> str:
    """Verilog of a unit's gates as module `_UNIT`, its ports called as cocotb likes it."""
    text = begun_as_rtl(gates.verilog(unit, cells))
    text = re.sub(rf"^module \\?{re.escape(unit.top)} ?\(", f"module {_UNIT}(", text, flags=re.MULTILINE)
    text = watched(text, unit)
    for name in (*ports.inputs, *ports.outputs, *ports.clocks):
        if name in _METHODS:
            top = next(match[0] for match in MODULE.finditer(text) if match[1] == _UNIT)
            text = text.replace(top, re.sub(rf"(?<![\w.$\\]){name}(?![\w$])", plain(name), top))
        elif plain(name) != name:
            text = text.replace(f"\\{name} ", f"{plain(name)} ")
    return text


def measure(unit: Netlist, ports: Ports, recording: Recording, *, window: tuple[int, int],
            cells: pdk.Pdk) -> dict[str, power.Power]:
    """Power of a unit between two cycles of the recording, whose ports have other names, and after its end."""
    names = [[plain(name) for name in group] for group in vars(ports).values()]
    recording = replace(recording, ports=Ports(*map(tuple, names)))
    text = simulated(unit, ports, cells)
    model = build_text(text, name=_UNIT, visible=[name for group in names for name in group],
                       no_inline=(*REPEATED, *(name + _UNSEEN for name in REPEATED)), activity=True)
    work = RUNS / "power" / plain(unit.top)
    work.mkdir(parents=True, exist_ok=True)
    file = work / "recording.pickle"
    file.write_bytes(pickle.dumps(recording))

    def until(cycle: int, held: int = 0) -> Path:
        place = work / f"{cycle}-{held}"
        run(model, bench="verif.synth.replay", work=place, seed=1, RECORDING=file, CYCLES=cycle, HELD=held)
        return place / "dump.saif"

    def between(before: Path, after: Path) -> power.Power:
        return power.by_kind(power.measure(
            unit, after, before=before, pdk=cells, instance=_UNIT, clock=plain(ports.clocks[0])))

    end = len(recording.inputs)
    return {"GEMM": between(*map(until, window)), "idle": between(until(end, IDLE), until(end, 2 * IDLE))}


def parts_of(units: list[Unit]) -> dict[tuple[str, ...], Unit]:
    """The parts of a node and of its core, by the path of instances to each."""
    found = {tuple(map(without_numbers, unit.name.split(".")[1:])): unit
             for unit in units if unit.name.startswith(f"{NODE}.")}
    return {path: unit for path, unit in found.items() if path not in _LEFT_OUT}


def main() -> None:
    """Measure at the size that the environment variable PRESET names (SIM), of all units or those that BLOCK names."""
    config = preset(os.environ.get("PRESET", "SIM")).with_mesh(columns=1, rows=1)
    config = replace(config, hard_multipliers=False)
    cells = pdk.find(None)
    if cells is None:
        print("power needs a PDK: a Liberty file or a folder with one in the environment variable PDK")
        return
    text = emit(Node(config=config), name=NODE, view=View.ASIC)
    units = split(renumbered(text), NODE)
    parts, recorded = parts_of(units), parts_of(split(text, NODE))
    if wanted := os.environ.get("BLOCK", "").split():
        known = {path[-1]: path for path in parts}
        if unknown := [name for name in wanted if name not in known]:
            raise SystemExit(f"no unit of a node is called {unknown[0]!r}; there are {', '.join(sorted(known))}")
        parts = {known[name]: parts[known[name]] for name in wanted}
    waveform, cycles = product(config)
    matrix = ("core", "matrix")
    asked = {path: ports_of(recorded[path]) for path in parts}
    instance = "node_0_1"
    recordings = read(waveform, {(instance, *path): ports for path, ports in asked.items()} | {
        (instance, *matrix): asked.get(matrix, Ports(inputs=(), outputs=("step",), clocks=()))})
    steps = recordings[instance, *matrix].output("step")
    first, last = steps.index(1), len(steps) - steps[::-1].index(1)
    busy = sum(steps[first:last]) / (last - first)

    table = Table(title=f"{config.name}: power at {1e3 / CLOCK_PS:g} GHz, mW", title_justify="left", box=None)
    for column in ("unit", "load", "nets", "cells", "clock", "leakage", "total", "pJ / cycle", "fJ / FLOP"):
        table.add_column(column, justify="left" if column in ("unit", "load") else "right")
    kept = {}
    flops = 2 * config.macs * busy
    for path, unit in parts.items():
        mapped = map_units(below(units, unit.name), pdk=cells, target_ps=TARGET_PS)
        found = measure(mapped, ports_of(unit), recordings[instance, *path], window=(first, last), cells=cells)
        for load, total in found.items():
            figures = (total.switching_fj / CLOCK_PS, total.internal_fj / CLOCK_PS, total.clock_fj / CLOCK_PS,
                       total.leakage_uw / 1e3, total.milliwatts(CLOCK_PS))
            table.add_row(path[-1], load, *(f"{value:.2f}" for value in figures), f"{total.cycle_fj / 1e3:,.2f}",
                          f"{total.milliwatts(CLOCK_PS) * CLOCK_PS / flops:.1f}" if load != "idle" else "")
            kept[f"{'.'.join(path)} {load}"] = asdict(total)
        Console(width=120).print(table)
    print(f"{SIDE} x {SIDE} by {SIDE} x {SIDE} in BF16, {last - first} of the kernel's {cycles} cycles, in {busy:.1%} "
          f"of which the matrix unit was busy. Cells: {cells.library.corner}. No wires, glitches, clock tree, macros.")
    path = ROOT / "build" / "bench" / "power.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"clock_ps": CLOCK_PS, "busy": busy, "tools": versions(), "units": kept}, indent=2))


if __name__ == "__main__":
    main()
