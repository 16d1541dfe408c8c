"""What Yosys and nextpnr make of a design on an ECP5 FPGA, for all that synthesise, count or simulate it."""

from pathlib import Path

#: What the primitives do, in Verilog.
CELLS = Path(__file__).parent / "ecp5_cells.v"

#: Options of `synth_ecp5`. Functions of five to seven inputs are left to LUT4s: made of a LUT4 for each half, quarter
#: or eighth and the multiplexers between them they take more, and LUTs are what there is too little of.
OPTIONS = "-nowidelut"

#: LUTs that Yosys's primitives take: a carry cell two, a 16 x 4 RAM four, and two by which it is written (nextpnr's
#: "RAMW LUTs").
LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}
