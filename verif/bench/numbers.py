"""Area, cells, slowest path and depth of every number unit, mapped by itself, as an ASIC."""

# pyright: reportAttributeAccessIssue=none

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Flow
from rich.console import Console
from rich.table import Table

from hdl.arith.cfloat8 import Cfloat8Decoder
from hdl.arith.convert import Converter
from hdl.arith.estimate import Estimator
from hdl.arith.float_lane import FloatLane, FloatUnit
from hdl.arith.formats import Bf16, Fp32
from hdl.arith.integer_lane import IntegerLane
from hdl.config import SIM
from hdl.core.matrix import MatrixUnit
from hdl.core.matrix_operand import MatrixOperand
from sim.verilator import ROOT
from synth import pdk as pdks
from synth.flow import Result, synthesise_component, versions
from verif.numbers import stochastic

#: What ABC is asked for, in ps: shorter than can be had, so that it tries hard.
TARGET_PS = 250


class Registered(wiring.Component):
    """A combinational unit with registers behind it, so that it has a clock to be timed by."""

    def __init__(self, body: Cfloat8Decoder):
        self.body = body
        super().__init__(body.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.body = self.body
        for name, member in self.signature.members.items():
            if member.flow is Flow.In:
                m.d.comb += getattr(self.body, name).eq(getattr(self, name))
            else:
                m.d.sync += getattr(self, name).eq(getattr(self.body, name))
        return m


@dataclass(frozen=True)
class Unit:
    """A row: a unit, its latency in cycles, and what else there is to say."""

    name: str
    component: Callable[[], wiring.Component]
    latency: int
    note: str = ""


UNITS = (
    Unit("converter", Converter, Converter.LATENCY, "any format to any other, a result a cycle"),
    Unit("float_lane", FloatLane, FloatLane.LATENCY, "every float operation on one FP32 or two BF16"),
    Unit("float_unit_fp32", lambda: FloatUnit(format=Fp32), FloatUnit.LATENCY, "the part of it for FP32"),
    Unit("float_unit_bf16", lambda: FloatUnit(format=Bf16), FloatUnit.LATENCY, "one of two for BF16"),
    Unit("integer_lane", IntegerLane, IntegerLane.LATENCY, "every integer operation on 32 bits"),
    Unit("estimator", Estimator, Estimator.LATENCY, "1/x, 1/sqrt(x), 2^x, log2(x) of FP32"),
    Unit("generator", stochastic.generator, 0, f"xorshift32, {stochastic.LANES} lanes"),
    Unit("matrix_unit", lambda: MatrixUnit(config=SIM), MatrixUnit.LATENCY,
         f"{' x '.join(map(str, SIM.matrix))}, three formats, accumulators inside"),
    Unit("matrix_unit_bf16", lambda: MatrixUnit(config=SIM, cfloat8=False), MatrixUnit.LATENCY,
         "the same, never CFloat8"),
    Unit("matrix_operand", MatrixOperand, MatrixOperand.LATENCY, "one of 64 in the matrix unit"),
    Unit("matrix_operand_bf16", lambda: MatrixOperand(cfloat8=False), MatrixOperand.LATENCY, "the same, never CFloat8"),
    Unit("cfloat8_decoder", lambda: Registered(Cfloat8Decoder()), 0, "to BF16; with its output registers"),
)


def table(results: dict[Unit, Result]) -> Table:
    """The figures, a unit a row."""
    made = Table(title="Number units", title_justify="left", box=None, pad_edge=False)
    mapped = any(result.area_um2 for result in results.values())
    for column in ("unit", "um2" if mapped else "transistors", "cells", "flops", "path ps", "depth", "latency", "note"):
        made.add_column(column, justify="left" if column in ("unit", "note") else "right", no_wrap=column == "unit")
    for unit, result in results.items():
        area = result.area_um2 if mapped else result.transistors
        made.add_row(unit.name, f"{area:,.0f}", f"{result.cells:,}", f"{result.flip_flops:,}",
                     f"{result.period_ps:.0f}" if result.period_ps else "-", str(result.depth), str(unit.latency),
                     unit.note)
    return made


def main() -> None:
    pdk = pdks.find(None)
    results = {unit: synthesise_component(unit.component(), name=unit.name, preset="numbers", pdk=pdk,
                                          target_ps=TARGET_PS) for unit in UNITS}
    said_by = {result.timing_tool for result in results.values() if result.timing_tool}
    tools = versions()
    console = Console()
    console.print(table(results))
    console.print(f"{pdk.library.corner if pdk else 'No PDK: static CMOS gates'}; pyosys {tools['pyosys']}, ABC; path: "
                  f"{', '.join(sorted(said_by)) or 'not timed'}. No wires, no clock tree; no preset, since none of "
                  "these has a size of its own.", highlight=False)
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    figures = [asdict(result) | {"latency": unit.latency, "note": unit.note} for unit, result in results.items()]
    (folder / "numbers.json").write_text(json.dumps(
        {"corner": pdk.library.corner if pdk else None, "tools": tools, "units": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
