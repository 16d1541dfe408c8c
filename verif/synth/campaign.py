"""`python -m verif.synth.campaign` (make verify-synth): netlists against the hardware that they were mapped from.

Whole units run the benches of their RTL on gates, and units small enough are proved equal to their RTL. Both are done
with Yosys's own gates and, if there is a PDK, with its cells.
"""

import argparse
import pickle
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from amaranth.lib import wiring
from rich.console import Console
from rich.table import Table

from hdl.arbiter import LeastRecent, RoundRobin
from hdl.config import PRESETS, Config, preset
from hdl.core.alu import Alu
from hdl.core.core import Core
from hdl.core.matrix import MatrixUnit
from hdl.core.matrix_loader import MatrixLoader
from hdl.core.matrix_operand import MatrixOperand
from hdl.core.matrix_reader import MatrixReader
from hdl.core.vector import VectorUnit
from hdl.mem.ecc import Decoder
from hdl.noc.link import Slots
from hdl.noc.router import Router
from hdl.noc.routing import Routing
from hdl.verilog import Block, View, emit
from sim.build import RUNS, BenchFailed, build_text, new_seed, ports, run
from sim.random_program import generate
from sim.rtl import REPEATED
from synth import equivalence, gates, pdk
from synth.flow import map_text
from synth.netlist import count
from synth.yosys import SynthesisError
from verif.core.cases import CORES, make_case
from verif.core.top import CoreWithSram

#: What ABC is asked for, in ps.
TARGET_PS = 250

#: What is around a unit whose bench drives more than the unit.
TOP = "surrounded"

#: Size of the mesh that the router's bench is in.
COLUMNS, ROWS = 18, 9


#: Random programs that the core runs, and instructions of a thread.
PROGRAMS, LENGTH = 4, 400


class Surrounded(CoreWithSram):
    """What the bench of the core drives, with the core as a block that gates can stand in for."""

    def make_core(self) -> Block:
        return Block(module="core", body=Core(config=self.config))


def asic(config: Config) -> Config:
    """A size as it is mapped: an ASIC has no multipliers to leave products to."""
    return replace(config, hard_multipliers=False)


def core_of(config: Config) -> Config:
    """The size that the core's bench has for this one."""
    return asic(CORES[config.name])


def programs(config: Config, seed: int) -> Path:
    """A file with random programs for the core's bench, and what the model makes of them."""
    generator = random.Random(seed)
    cases = []
    for index in range(PROGRAMS):
        program = generate(generator, config=config, length=LENGTH, threads=1 + index % config.threads)
        cases.append(make_case(name=f"random-{index}", config=config, memory=program.memory, start=program.start))
    RUNS.mkdir(parents=True, exist_ok=True)
    path = RUNS / f"cases-gates-{config.name}.pickle"
    path.write_bytes(pickle.dumps((config, cases)))
    return path


@dataclass(frozen=True)
class Bench:
    """A unit and the bench of its RTL.

    Attributes
    ----------
    component : callable
        Makes it.
    test : str or None
        The test of the bench, if not all.
    around : callable or None
        Makes what the bench drives, with a `Block` of the unit's name in it; by default the unit itself.
    environment : callable
        What the bench is told, for a configuration and a seed.
    """

    name: str
    component: Callable[[Config], wiring.Component]
    bench: str
    test: str | None = None
    around: Callable[[Config], wiring.Component] | None = None
    environment: Callable[[Config, int], dict[str, Any]] = lambda config, _: {
        "CONFIG": config.name, "COLUMNS": COLUMNS, "ROWS": ROWS}


BENCHES = (
    Bench("router", lambda config: Router(config=config.with_mesh(columns=COLUMNS, rows=ROWS)), "verif.router.bench"),
    Bench("matrix", lambda config: MatrixUnit(config=config), "verif.matrix.bench"),
    Bench("vector", lambda config: VectorUnit(config=config), "verif.vector.bench"),
    Bench("core", lambda config: Core(config=core_of(config)), "verif.core.bench", test="lock_step",
          around=lambda config: Surrounded(config=core_of(config)),
          environment=lambda config, seed: {"CASES": programs(core_of(config), seed)}),
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
    component = bench.component(config)
    netlist = map_text(emit(component, name=bench.name, view=View.ASIC), name=bench.name, pdk=cells,
                       target_ps=TARGET_PS)
    name, driven, text = bench.name, component, gates.verilog(netlist, cells)
    if bench.around:
        name, driven = TOP, bench.around(config)
        text = gates.instead(emit(driven, name=name), netlist, text)
    model = build_text(text, name=name, visible=ports(driven), no_inline=REPEATED)
    run(model, bench=bench.bench, test=bench.test, seed=seed, **bench.environment(config, seed))
    number = count(netlist.cells(), netlist.top).total()
    return f"{number:,} cells, bench passed (seed {seed})"


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
    parser.add_argument("--cells", action="store_true", help="with the PDK's cells alone, not with Yosys's gates, too")
    arguments = parser.parse_args()
    try:
        config, cells = asic(preset(arguments.preset)), pdk.find(arguments.pdk)
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
    for library in [cells] if arguments.cells or not cells else [None, cells]:
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
