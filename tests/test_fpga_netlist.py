"""Units as Yosys maps them to an ECP5: their primitives pass the tests of the RTL."""

from pathlib import Path

from amaranth.lib import wiring

from fpga.ecp5 import CELLS
from hdl.config import ULX3S
from hdl.core.matrix_serial import SerialMatrixUnit
from hdl.verilog import View, emit
from sim.build import Model, build_text, ports, run
from synth.ecp5_netlist import netlist_of
from verif.sram.top import SramPorts


def mapped(component: wiring.Component, *, name: str, folder: Path, primitives: tuple[str, ...]) -> Model:
    """The model of a unit's netlist, in which there are such primitives."""
    text = netlist_of(emit(component, name=name, view=View.FPGA), top=name, build=folder)
    for primitive in primitives:
        assert f"\n  {primitive} " in text, f"there is no {primitive}"
    return build_text(text + CELLS.read_text(), name=name, visible=ports(component))


def test_a_matrix_unit(tmp_path):
    model = mapped(SerialMatrixUnit(config=ULX3S), name="matrix_ecp5", folder=tmp_path,
                   primitives=("LUT4", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "MULT18X18D"))
    run(model, bench="verif.matrix.bench", CONFIG="ULX3S", CFLOAT8=0, SERIAL=1)


def test_an_sram(tmp_path):
    model = mapped(SramPorts(config=ULX3S), name="sram_ecp5", folder=tmp_path, primitives=("DP16KD",))
    run(model, bench="verif.sram.bench", test="random_traffic", CONFIG="ULX3S", CYCLES=4000)
