"""`python -m verif.synth.campaign` (make verify-synth): netlists against the hardware that they were mapped from.

Whole units run the benches of their RTL on gates, and units small enough are proved equal to their RTL. Both are done
with Yosys's own gates and, if there is a PDK, with its cells.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from amaranth.lib import wiring
from rich.console import Console
from rich.table import Table

from hdl.arbiter import LeastRecent, RoundRobin
from hdl.config import PRESETS, Config, preset
from hdl.core.alu import Alu
from hdl.core.matrix import MatrixUnit
from hdl.core.matrix_loader import MatrixLoader
from hdl.core.matrix_operand import MatrixOperand
from hdl.core.matrix_reader import MatrixReader
from hdl.core.vector import VectorUnit
from hdl.mem.ecc import Decoder
from hdl.noc.link import Slots
from hdl.noc.router import Router
from hdl.noc.routing import Routing
from hdl.verilog import View, emit
from sim.build import BenchFailed, build_text, new_seed, ports, run
from sim.rtl import REPEATED
from synth import equivalence, gates, pdk
from synth.flow import map_text
from synth.yosys import SynthesisError

#: What ABC is asked for, in ps.
TARGET_PS = 250

#: Size of the mesh that the router's bench is in.
COLUMNS, ROWS = 18, 9


@dataclass(frozen=True)
class Bench:
    """A unit and the bench of its RTL."""

    name: str
    component: Callable[[Config], wiring.Component]
    bench: str


BENCHES = (
    Bench("router", lambda config: Router(config=config.with_mesh(columns=COLUMNS, rows=ROWS)), "verif.router.bench"),
    Bench("matrix", lambda config: MatrixUnit(config=config), "verif.matrix.bench"),
    Bench("vector", lambda config: VectorUnit(config=config), "verif.vector.bench"),
)

PROOFS: dict[str, Callable[[Config], wiring.Component]] = {
    "least_recent": lambda config: LeastRecent(count=5),
    "round_robin": lambda config: RoundRobin(count=5),
    "slots": lambda config: Slots(depth=config.fifo_depth),
    "routing": lambda config: Routing(config=config.with_mesh(columns=4, rows=4)),
    "ecc_decoder": lambda config: Decoder(),
    "alu": lambda config: Alu(),
    "matrix_loader": lambda config: MatrixLoader(),
    "matrix_operand": lambda config: MatrixOperand(),
    "matrix_reader": lambda config: MatrixReader(depth=2),
}


def on_gates(bench: Bench, *, config: Config, cells: pdk.Pdk | None, seed: int) -> str:
    """Run a bench on gates; return how many cells there are."""
    component, name = bench.component(config), f"{bench.name}_{config.name}"
    netlist = map_text(emit(component, name=name, view=View.ASIC), name=name, pdk=cells, target_ps=TARGET_PS)
    model = build_text(gates.verilog(netlist, cells), name=name, visible=ports(component), no_inline=REPEATED)
    run(model, bench=bench.bench, seed=seed, CONFIG=config.name, COLUMNS=COLUMNS, ROWS=ROWS)
    return f"bench passed (seed {seed})"


def proved(name: str, *, config: Config, cells: pdk.Pdk | None) -> str:
    """Prove a unit; return what was proved."""
    count = equivalence.prove(PROOFS[name](config), name=name, pdk=cells, target_ps=TARGET_PS)
    return f"{count} ports and registers proved equal"


def checks(config: Config, cells: pdk.Pdk | None, seed: int) -> Iterator[tuple[str, Callable[[], str]]]:
    """Names and checks."""
    for name in PROOFS:
        yield name, lambda name=name: proved(name, config=config, cells=cells)
    for bench in BENCHES:
        yield bench.name, lambda bench=bench: on_gates(bench, config=config, cells=cells, seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.synth.campaign", description=__doc__)
    parser.add_argument("--preset", default="SIM", metavar="NAME", help=f"one of {', '.join(PRESETS)} (SIM)")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="units (all)")
    parser.add_argument("--pdk", metavar="PATH", help="a Liberty file or a folder with one; 'none': without")
    arguments = parser.parse_args()
    try:
        config, cells = preset(arguments.preset), pdk.find(arguments.pdk)
    except ValueError as error:
        parser.error(str(error))
    known = [*PROOFS, *(bench.name for bench in BENCHES)]
    if unknown := [name for name in arguments.only if name not in known]:
        parser.error(f"no unit is called {unknown[0]!r}; there are {', '.join(known)}")
    seed = new_seed()
    table = Table(title=f"{config.name}: gates against RTL", title_justify="left", box=None)
    for column in ("unit", "cells", "result", "s"):
        table.add_column(column)
    failed = False
    for library in [None, cells] if cells else [None]:
        for name, check in checks(config, library, seed):
            if arguments.only and name not in arguments.only:
                continue
            start = time.monotonic()
            try:
                result = check()
            except (SynthesisError, BenchFailed) as error:
                result, failed = f"FAILED: {error}", True
            table.add_row(name, library.library.name if library else "gates", result, f"{time.monotonic() - start:.0f}")
            print(f"{name}: {result}", flush=True)
    Console(width=120).print(table)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
