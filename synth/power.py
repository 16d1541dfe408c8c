"""Power of a mapped block: how often each of its nets changes, times the energies of the Liberty file.

A net that changes takes C V^2 / 2, C the capacitance of the pins that it drives: there are no wires. A cell takes what
its table of internal energy says, at the load that it has, for every change of an output, and for every edge of an
input that changes no output, that of a clock above all. Nets change without delay in simulation, so there are no
glitches. The clock's tree and memories that are kept out are not in it.

`python -m synth.power JOB` writes a unit's netlist as JSON, as a process of its own, like `synth.mapping`.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from pyosys import libyosys

from . import netlist as netlists
from . import yosys
from .energies import CellPower, energies
from .flow import Netlist
from .pdk import Pdk


@dataclass(frozen=True)
class Power:
    """Energy of a cycle in femtojoules, by what takes it, and the power that leaks in microwatts.

    Attributes
    ----------
    switching_fj : float
        Of the pins that nets drive.
    internal_fj : float
        Of cells whose outputs change.
    clock_fj : float
        Of the clock's edges: in flip-flops and latches, and of their clock pins.
    leakage_uw : float
    """

    switching_fj: float = 0.0
    internal_fj: float = 0.0
    clock_fj: float = 0.0
    leakage_uw: float = 0.0

    def __add__(self, other: "Power") -> "Power":
        return Power(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Power)))

    def times(self, factor: float) -> "Power":
        """That of so many."""
        return Power(*(factor * getattr(self, field.name) for field in fields(Power)))

    @property
    def cycle_fj(self) -> float:
        """Energy of a cycle, but for leakage."""
        return self.switching_fj + self.internal_fj + self.clock_fj

    def milliwatts(self, period_ps: float) -> float:
        """Power at this clock period."""
        return self.cycle_fj / period_ps + self.leakage_uw * 1e-3


def changes(saif: Path) -> dict[tuple[str, ...], dict[str, int]]:
    """How often each net of each instance changed, by the path to the instance; the top is the path of its own name."""
    counts: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    path: list[str] = []
    depth: list[int] = []
    level = 0
    with saif.open() as lines:
        for line in lines:
            if instance := re.match(r"\s*\(INSTANCE (\S+)", line):
                path.append(instance[1].replace("\\", ""))
                depth.append(level)
            elif net := re.match(r"\s*\((\S+) \(T0 .*\(TC (\d+)\)", line):
                counts[tuple(path)][net[1].replace("\\", "")] = int(net[2])
            level += line.count("(") - line.count(")")
            if depth and level <= depth[-1]:
                path.pop()
                depth.pop()
    return counts


def measure(netlist: Netlist, saif: Path, *, pdk: Pdk, before: Path | None = None, instance: str | None = None,
            clock: str = "clk") -> dict[str, Power]:
    """Power of each unit of a netlist, all its copies together, as its nets changed in a simulation.

    Copies of a unit of which there is nothing in the file count as the mean of those beside them of which there is.

    Parameters
    ----------
    saif : Path
        How often nets changed.
    before : Path
        The same of a run that ended earlier: what is measured is the time between the ends.
    instance : str
        What the simulation called the netlist, if not by its name.

    Raises
    ------
    ValueError
        If the simulation was not that of the netlist.
    """
    volts, cells = energies(pdk)
    counts = changes(saif)
    if before:
        for path, earlier in changes(before).items():
            counts[path] = {net: count - earlier.get(net, 0) for net, count in counts[path].items()}
    root = next((path for path in counts if path[-1] == (instance or netlist.top)), None)
    if root is None:
        raise ValueError(f"{saif} has no instance called {netlist.top}")
    edges = counts[root].get(clock, 0) or next(
        (nets[clock] for nets in counts.values() if nets.get(clock)), 0)
    if not edges:
        raise ValueError(f"{saif}: {clock} of {netlist.top} never changes")
    cycles = edges / 2
    modules = {unit: _connections(folder) for unit, folder in netlist.folders.items()}
    ports = _port_loads(modules, cells, netlist.top)
    total: dict[str, Power] = defaultdict(Power)

    def walk(unit: str, path: tuple[str, ...], copies: float) -> None:
        nets = counts.get(path, {})
        total[unit] += _power(modules[unit], nets, cells, ports, volts=volts, cycles=cycles).times(copies)
        for kind, places in _blocks(modules[unit], modules).items():
            seen = [place for place in places if (*path, place) in counts] or places
            for place in seen:
                walk(kind, (*path, place), copies * len(places) / len(seen))

    walk(netlist.top, root, 1)
    return dict(total)


def _blocks(module: dict, modules: Collection[str]) -> dict[str, list[str]]:
    """The names of each block's copies in a module."""
    places: dict[str, list[str]] = defaultdict(list)
    for name, cell in module["cells"].items():
        if cell["type"] in modules:
            places[cell["type"]].append(name)
    return places


def _connections(folder: Path) -> dict:
    """A unit's netlist, its nets called as in its Verilog: Yosys writes it from that."""
    path = folder / "connections.json"
    if not path.exists():
        yosys.run("power", folder, what=f"read the netlist in {folder}")
        path.with_name("connections.json.new").replace(path)
    design = json.loads(path.read_text())
    top = json.loads((folder / "job.json").read_text())["top"]
    module = design["modules"][top]
    names = {}
    for name, net in module["netnames"].items():
        for index, bit in enumerate(net["bits"]):
            wide = len(net["bits"]) > 1
            names.setdefault(bit, f"{name}[{index + net.get('offset', 0)}]" if wide else name)
    return {"ports": module["ports"], "cells": module["cells"], "names": names}


def _port_loads(modules: dict, cells: dict[str, CellPower], top: str) -> dict[str, dict[str, list[float]]]:
    """Capacitance of every bit of every input of the units."""
    loads: dict[str, dict[str, list[float]]] = {}

    def visit(unit: str) -> None:
        if unit in loads:
            return
        for cell in modules[unit]["cells"].values():
            if cell["type"] in modules:
                visit(cell["type"])
        of_net = _net_loads(modules[unit], cells, loads)
        loads[unit] = {name: [of_net.get(bit, 0.0) for bit in port["bits"]]
                       for name, port in modules[unit]["ports"].items() if port["direction"] == "input"}

    visit(top)
    return loads


def _net_loads(module: dict, cells: dict[str, CellPower], ports: dict) -> dict[int, float]:
    """Capacitance on every net of a unit, that in the blocks below it included."""
    of_net: dict[int, float] = defaultdict(float)
    for cell in module["cells"].values():
        pins = cells[cell["type"]].capacitance_ff if cell["type"] in cells else {}
        for port, bits in cell["connections"].items():
            of_port = ports.get(cell["type"], {}).get(port) or [pins.get(port, 0.0)] * len(bits)
            for bit, load in zip(bits, of_port, strict=True):
                of_net[bit] += load
    return of_net


def _power(module: dict, nets: dict[str, int], cells: dict[str, CellPower], ports: dict, *, volts: float,
           cycles: float) -> Power:
    """That of one copy of a unit, without the blocks in it."""
    loads, names, ticking = _net_loads(module, cells, ports), module["names"], netlists.clocks(module)
    # What an input drives is counted where it comes from; a block's outputs are counted here.
    passed = {bit for port in module["ports"].values() if port["direction"] == "input" for bit in port["bits"]}
    passed |= ticking
    rate = {bit: nets.get(name, 0) / cycles for bit, name in names.items()}
    switching = sum(0.5 * load * volts ** 2 * rate.get(bit, 0.0) for bit, load in loads.items() if bit not in passed)
    internal = clocked = leakage = 0.0
    for cell in module["cells"].values():
        energy = cells.get(cell["type"])
        if energy is None:
            continue
        leakage += energy.leakage_uw
        for port, (bit,) in cell["connections"].items():
            if bit in ticking:
                clocked += 2 * (energy.edge_fj.get(port, 0.0) + 0.5 * energy.capacitance_ff[port] * volts ** 2)
            elif port in energy.change_fj:
                internal += rate.get(bit, 0.0) * float(
                    np.interp(loads.get(bit, 0.0), energy.loads_ff[port], energy.change_fj[port]))
            else:
                internal += rate.get(bit, 0.0) * energy.edge_fj.get(port, 0.0)
    return Power(switching_fj=switching, internal_fj=internal, clock_fj=clocked, leakage_uw=leakage)


def by_kind(power: dict[str, Power]) -> Power:
    """All units together."""
    return sum(power.values(), Power())


def main() -> None:
    """Write the netlist of the unit whose folder the command line names."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    design = libyosys.Design()
    for command in (f"read_liberty -lib -ignore_miss_func {job['liberty']}",
                    f"read_verilog -lib {folder / 'memories.v'}",
                    f"read_verilog -lib -sv {folder / 'boxes.v'}", f"read_verilog {folder / 'mapped.v'}",
                    f"hierarchy -top {job['top']}", f"write_json {folder / 'connections.json.new'}"):
        design.run_pass(command)


if __name__ == "__main__":
    main()
