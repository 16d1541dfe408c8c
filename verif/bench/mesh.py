"""Latency and throughput of the mesh under six patterns of flits and of lists, on three sizes, against the ideal."""

import json
import os
import time
from importlib.metadata import version

import matplotlib as mpl
import numpy as np
from rich.console import Console
from rich.table import Table

from hdl.config import SIM
from sim.verilator import ROOT
from verif.mesh.model import MeshModel, Traffic
from verif.mesh.patterns import PATTERNS, distance, ideal

mpl.use("Agg")
from matplotlib import pyplot as plt  # after the choice of what draws

SIZES = ((4, 4), (8, 8), (18, 20))

#: Flits of a list, which a node makes at once and sends to one place.
LENGTHS = {"flits": 1, "lists of 32": 32}

#: Loads of the curves, of the ideal, besides all that a node can make; cycles before and while it is measured.
LOADS = (0.02, 0.2, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)
WARM_UP, MEASURED = 1000, 2000

SEED = 1

#: Of the computer: more than it has free make it slower, not faster, since they wait for each other twice a cycle.
THREADS = int(os.environ.get("THREADS") or 1)


def measure(columns: int, rows: int, pattern: str, kind: str) -> dict:
    """The curve of a pattern: offered load, accepted load and latency, and what the ideal is."""
    config = SIM.with_mesh(columns=columns, rows=rows)
    places = PATTERNS[pattern](config)
    bound, length = ideal(config, places), LENGTHS[kind]
    curve = []
    wall = cpu = 0.0
    for share in (*LOADS, None):
        load = float(length) if share is None else share * bound
        with MeshModel(config=config, seed=SEED, threads=THREADS) as mesh:
            traffic = Traffic(places=places, load=load, class_1=1.0, length=length, queue=max(64, 4 * length))
            wall_before, cpu_before = time.perf_counter(), time.process_time()
            mesh.run(traffic, cycles=WARM_UP)
            counts = mesh.run(traffic, cycles=MEASURED)
            wall += time.perf_counter() - wall_before
            cpu += time.process_time() - cpu_before
        curve.append({"offered": load, "accepted": counts.arrived / MEASURED / config.nodes, "latency": counts.latency})
    cycles = len(curve) * (WARM_UP + MEASURED)
    return {"columns": columns, "rows": rows, "pattern": pattern, "kind": kind, "ideal": bound, "curve": curve,
            "routers": distance(config, places), "cycles_per_second": cycles / wall,
            "cycles_per_cpu_second": cycles / cpu}


def sustained(result: dict) -> float:
    """The largest load, of the ideal, of which 97 % are accepted; of flits: how many lists are made varies by more."""
    return max((point["offered"] / result["ideal"] for point in result["curve"][:-1]
                if point["accepted"] >= 0.97 * point["offered"]), default=0.0)


def draw(results: list[dict], path) -> None:
    """Latency over accepted load, a picture for each size and kind of traffic and a line for each pattern."""
    figure, plots = plt.subplots(len(LENGTHS), len(SIZES), figsize=(5 * len(SIZES), 4 * len(LENGTHS)), sharey="row")
    for row, kind in zip(plots, LENGTHS, strict=True):
        for (columns, rows), plot in zip(SIZES, row, strict=True):
            for result in results:
                if (result["columns"], result["rows"], result["kind"]) != (columns, rows, kind):
                    continue
                points = np.array([(point["accepted"], point["latency"]) for point in result["curve"]])
                line, = plot.plot(*points.T, marker=".", label=result["pattern"])
                plot.axvline(result["ideal"], color=line.get_color(), linestyle=":", linewidth=1)
            plot.set(title=f"{columns} x {rows}, {kind}", xlabel="flits per node and cycle (dotted: ideal)",
                     ylim=(0, 100 * LENGTHS[kind]**0.5))
        row[0].set_ylabel("mean cycles from source to sink")
    plots[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print a table, and leave a picture and the numbers in build/bench."""
    results = [measure(*size, pattern, kind) for size in SIZES for pattern in PATTERNS for kind in LENGTHS]
    made = Table("mesh", "pattern", "traffic", "routers", "latency", "ideal", "full", "of ideal", "sustained",
                 "cycles/s", "of CPU",
                 title=f"Mesh of {SIM.name} routers, one class, seed {SEED}; Verilator {version('verilator')}",
                 caption="Latency at 2 % of the ideal; full: accepted of all that nodes can make. Cycles/s of wall "
                         f"clock and of CPU time; threads: {THREADS}.")
    for result in results:
        full = result["curve"][-1]["accepted"]
        made.add_row(f"{result['columns']} x {result['rows']}", result["pattern"], result["kind"],
                     f"{result['routers']:.2f}", f"{result['curve'][0]['latency']:.2f}", f"{result['ideal']:.3f}",
                     f"{full:.3f}", f"{full / result['ideal']:.0%}",
                     f"{sustained(result):.0%}" if LENGTHS[result["kind"]] == 1 else "",
                     f"{result['cycles_per_second']:,.0f}", f"{result['cycles_per_cpu_second']:,.0f}")
    Console(width=140).print(made)
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mesh.json").write_text(json.dumps(results, indent=2) + "\n")
    draw(results, folder / "mesh.png")
    print(folder / "mesh.png")
