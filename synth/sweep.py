"""`python -m synth.sweep`: area and clock rate of blocks over their sizes, and which are on the Pareto front."""

# pyright: reportAttributeAccessIssue=none

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

import matplotlib.pyplot as plt
from amaranth.hdl import Array, Module
from amaranth.lib import wiring
from rich.console import Console
from rich.table import Table

from hdl.arith.float_lane import FloatUnit
from hdl.arith.formats import Fp32
from hdl.config import D1, Config
from hdl.core.matrix import MatrixUnit
from hdl.core.matrix_element import MatrixElement
from hdl.core.matrix_operand import MATRIX_FORMATS, MatrixOperand
from hdl.noc.router import Router
from hdl.number_formats import Format
from hdl.verilog import View, emit

from . import pdk as pdks
from . import pipeline, timing
from .__main__ import DEFAULT_TARGET_PS, picoseconds
from .flow import BUILD, Result, synthesise_text, write_whole
from .yosys import SynthesisError


@dataclass(frozen=True)
class Point:
    """A size of a block.

    Attributes
    ----------
    label : str
        What is particular about it.
    component : callable
        Makes it.
    work : int
        What it does in a cycle, in the sweep's `unit`; area is divided by it.
    stages : int or None
        Stages that it is to have, if fewer than it has; see `synth.pipeline`.
    """

    label: str
    component: Callable[[], wiring.Component]
    work: int
    stages: int | None = None


@dataclass(frozen=True)
class Sweep:
    """Sizes of a block."""

    name: str
    unit: str
    points: Callable[[], Iterator[Point]]


def _routers() -> Iterator[Point]:
    for size, depth in itertools.product((16, 32, 64), (2, 3, 4)):
        config = _narrow(size, fifo_depth=depth)
        yield Point(f"{size} B, FIFO {depth}", lambda config=config: Router(config=config), size)


def _narrow(vector_bytes: int, **changes: object) -> Config:
    """A D1 with narrower lines, and a matrix unit that fits them."""
    return replace(D1, name=f"{vector_bytes} B", vector_bytes=vector_bytes, matrix=(2, 2, 2), **changes)


def _elements() -> Iterator[Point]:
    for depth, accumulators in itertools.product((1, 2, 4, 8), (4, 16)):
        yield Point(f"K = {depth}, {accumulators} accumulators", lambda depth=depth, accumulators=accumulators:
                    MatrixElement(depth=depth, accumulators=accumulators), depth)


class OperandOf(wiring.Component):
    """A `MatrixOperand` that is only given some of its formats, which synthesis makes use of."""

    def __init__(self, *, formats: tuple[Format, ...]):
        self.formats = formats
        self.operand = MatrixOperand()
        super().__init__(self.operand.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.operand = operand = self.operand
        wiring.connect(m, wiring.flipped(self), operand)
        m.d.comb += operand.format.code.eq(Array(self.formats)[self.format.code])
        return m


def _operands() -> Iterator[Point]:
    first, *others = MATRIX_FORMATS
    for chosen in ((first,), *((first, other) for other in others), MATRIX_FORMATS):
        yield Point(", ".join(each.name for each in chosen), lambda chosen=chosen: OperandOf(formats=chosen), 1)


def _matrices() -> Iterator[Point]:
    for m, k in itertools.product((2, 4, 8), (2, 4)):
        config = replace(D1, name=f"{m}x{m}x{k}", matrix=(m, m, k))
        yield Point(config.name, lambda config=config: MatrixUnit(config=config), config.macs)


def _floats() -> Iterator[Point]:
    for stages in (1, 2, 3, 4, 6, FloatUnit.LATENCY):
        yield Point(f"{stages} of {FloatUnit.LATENCY} stages", lambda: FloatUnit(format=Fp32), 1, stages=stages)


SWEEPS = {sweep.name: sweep for sweep in (
    Sweep("router", "byte / cycle of a link", _routers),
    Sweep("element", "MAC / cycle", _elements),
    Sweep("operand", "operand / cycle", _operands),
    Sweep("matrix", "MAC / cycle", _matrices),
    Sweep("float", "FP32 multiply-add / cycle", _floats),
)}


def front(results: list[tuple[float, float]]) -> list[int]:
    """Of results (period, area), which no other is better than in one and as good in the other; by period."""
    best = float("inf")
    chosen = []
    for index in sorted(range(len(results)), key=results.__getitem__):
        if results[index][1] < best:
            best = results[index][1]
            chosen.append(index)
    return chosen


def run(sweep: Sweep, *, pdk: pdks.Pdk, target_ps: int) -> None:
    """Map every size, print a table, and leave it as JSON with a picture in ``build/synth/sweep``."""
    points = list(sweep.points())
    results = [synthesise_text(_verilog(point, sweep.name), name=sweep.name, preset=f"sweep-{index}", pdk=pdk,
                               target_ps=target_ps) for index, point in enumerate(points)]
    measured = [(result.period_ps or 0.0, (result.area_um2 or 0.0) / point.work)
                for point, result in zip(points, results, strict=True)]
    chosen = front(measured)
    table = Table(title=f"{sweep.name}: sizes", title_justify="left", box=None)
    for column in ("size", "um2", f"um2 per {sweep.unit}", "path ps", "MHz", "front"):
        table.add_column(column, justify="left" if column in ("size", "front") else "right")
    for index, (point, result, (period, area)) in enumerate(zip(points, results, measured, strict=True)):
        table.add_row(point.label, f"{result.area_um2:,.0f}", f"{area:,.1f}", f"{period:.0f}",
                      f"{1e6 / period:,.0f}", "*" if index in chosen else "")
    Console(width=120).print(table)
    folder = BUILD / "sweep"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{sweep.name}.json", json.dumps(
        {point.label: _kept(result) for point, result in zip(points, results, strict=True)}, indent=2))
    _draw(sweep, points, measured, chosen, folder / f"{sweep.name}.png")


def _verilog(point: Point, name: str) -> str:
    text = emit(point.component(), name=name, view=View.ASIC)
    if point.stages is None:
        return text
    return pipeline.shortened(text, name=name, stages=point.stages, folder=BUILD / "sweep" / f"{name}-{point.stages}")


def _kept(result: Result) -> dict:
    return {name: value for name, value in asdict(result).items() if name != "periods_ps"}


def _draw(sweep: Sweep, points: list[Point], measured: list[tuple[float, float]], chosen: list[int], path) -> None:
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    clocks = [1e3 / period for period, _ in measured]
    areas = [area for _, area in measured]
    axes.scatter(clocks, areas)
    axes.plot([clocks[index] for index in chosen], [areas[index] for index in chosen], "o-", label="Pareto front")
    for clock, area, point in zip(clocks, areas, points, strict=True):
        axes.annotate(point.label, (clock, area), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axes.margins(x=0.2)
    axes.set(xlabel="clock, GHz", ylabel=f"um2 per {sweep.unit}", title=f"{sweep.name}: no wires, no clock tree")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"Picture: {path}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m synth.sweep", description=__doc__)
    parser.add_argument("--block", nargs="+", default=tuple(SWEEPS), metavar="NAME",
                        help=f"of {', '.join(SWEEPS)} (all)")
    parser.add_argument("--pdk", metavar="PATH", help="a Liberty file or a folder with one")
    parser.add_argument("--clock", default=str(DEFAULT_TARGET_PS), metavar="PS",
                        help=f"delay that ABC works towards ({DEFAULT_TARGET_PS})")
    arguments = parser.parse_args()
    try:
        if unknown := [name for name in arguments.block if name not in SWEEPS]:
            raise ValueError(f"no sweep is called {unknown[0]!r}; there are {', '.join(SWEEPS)}")
        target_ps = picoseconds(arguments.clock)
        pdk = pdks.find(arguments.pdk)
        if pdk is None:
            raise ValueError("a sweep needs a PDK: PDK=, a Liberty file or a folder with one")
        for name in arguments.block:
            run(SWEEPS[name], pdk=pdk, target_ps=target_ps)
    except (ValueError, OSError, SynthesisError, timing.TimingError) as error:
        sys.exit(f"python -m synth.sweep: {error}")


if __name__ == "__main__":
    main()
