"""Cost of the lanes as an ASIC: area, slowest path, cycles."""

from hdl.arith.estimate import Estimator
from hdl.arith.float_lane import FloatLane, FloatUnit
from hdl.arith.formats import Bf16, Fp32
from hdl.arith.integer_lane import IntegerLane
from synth import flow, report
from synth import pdk as pdks

#: What ABC is asked for: shorter than can be had, so that it tries hard.
TARGET_PS = 250

UNITS = {
    "float_lane": FloatLane(),
    "float_unit_fp32": FloatUnit(format=Fp32),
    "float_unit_bf16": FloatUnit(format=Bf16),
    "integer_lane": IntegerLane(),
    "estimator": Estimator(),
}


def main() -> None:
    """Print the table, and leave it in build/bench."""
    pdk = pdks.find(None)
    results = [flow.synthesise_component(unit, name=name, preset="lanes", pdk=pdk, target_ps=TARGET_PS)
               for name, unit in UNITS.items()]
    cycles = ", ".join(f"{name} {unit.LATENCY}" for name, unit in UNITS.items())
    notes = [f"Latency in cycles, for every operation: {cycles}.",
             f"One 32-bit lane of any preset; {pdks.CORNER if pdk else 'no PDK'}; tools {flow.versions()}; no wires."]
    folder = flow.BUILD.parent / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    report.write_summary(folder, results, name="lanes", title="Lanes", notes=notes,
                         conditions={"target_ps": TARGET_PS, "corner": pdks.CORNER if pdk else None,
                                     "tools": flow.versions()})
