"""Power of mapped blocks at the target clock, busy and idle: `synth.power` says how, and what it leaves out."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

from amaranth.lib import wiring
from rich.console import Console
from rich.table import Table

from hdl.config import Config, preset
from hdl.core.matrix import MatrixUnit
from hdl.noc.router import Router
from hdl.verilog import View, emit
from sim.build import RUNS, build_text, ports, run
from sim.rtl import REPEATED
from sim.verilator import ROOT
from synth import gates, pdk, power
from synth.flow import map_text, versions

#: What ABC is asked for, and the clock that power is of, in ps.
TARGET_PS, CLOCK_PS = 250, 500

CYCLES = 400


@dataclass(frozen=True)
class Load:
    """A block, a bench that keeps it busy and idle, and the floating-point operations of a busy cycle."""

    name: str
    component: Callable[[Config], wiring.Component]
    bench: str
    busy: str
    flops: Callable[[Config], int] = lambda config: 0


LOADS = (
    Load("matrix", lambda config: MatrixUnit(config=config), "verif.synth.matrix_load", "gemm",
         lambda config: 2 * config.macs),
    Load("router", lambda config: Router(config=config.with_mesh(columns=18, rows=9)), "verif.synth.router_load",
         "full"),
)


def measure(load: Load, *, config: Config, cells: pdk.Pdk) -> dict[str, dict[str, power.Power]]:
    """Power of the units of a block, busy and idle."""
    component, name = load.component(config), f"{load.name}_{config.name}"
    netlist = map_text(emit(component, name=name, view=View.ASIC), name=name, pdk=cells, target_ps=TARGET_PS)
    model = build_text(gates.verilog(netlist, cells), name=name, visible=ports(component), no_inline=REPEATED,
                       activity=True)
    measured = {}
    for test in (load.busy, "idle"):
        work = RUNS / "power" / f"{name}-{test}"
        run(model, bench=load.bench, test=test, work=work, seed=1, CONFIG=config.name, CYCLES=CYCLES, COLUMNS=18,
            ROWS=9)
        measured[test] = power.measure(netlist, work / "dump.saif", pdk=cells)
    return measured


def main() -> None:
    """Measure at the size that the environment variable PRESET names, print the table, and leave it as JSON."""
    config = preset(os.environ.get("PRESET", "SIM"))
    cells = pdk.find(None)
    if cells is None:
        print("power needs a PDK: a Liberty file or a folder with one in the environment variable PDK")
        return
    table = Table(title=f"{config.name}: power at {1e3 / CLOCK_PS:g} GHz, mW", title_justify="left", box=None)
    for column in ("block", "load", "nets", "cells", "clock", "leakage", "total", "fJ / cycle", "fJ / FLOP"):
        table.add_column(column, justify="left" if column in ("block", "load") else "right")
    kept = {}
    for load in LOADS:
        measured = measure(load, config=config, cells=cells)
        for test, units in measured.items():
            total = power.by_kind(units)
            flops = load.flops(config) if test != "idle" else 0
            table.add_row(load.name, test, *(f"{value:.2f}" for value in (
                total.switching_fj / CLOCK_PS, total.internal_fj / CLOCK_PS, total.clock_fj / CLOCK_PS,
                total.leakage_uw / 1e3, total.milliwatts(CLOCK_PS))), f"{total.cycle_fj:,.0f}",
                f"{total.milliwatts(CLOCK_PS) * CLOCK_PS / flops:.1f}" if flops else "")
            kept[f"{load.name} {test}"] = {unit: asdict(value) for unit, value in units.items()}
    Console(width=120).print(table)
    print(f"Cells: {cells.library.corner}. No wires, no glitches, no clock tree.")
    path = ROOT / "build" / "bench" / "power.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"clock_ps": CLOCK_PS, "tools": versions(), "units": kept}, indent=2))


if __name__ == "__main__":
    main()
