"""Power: sums small enough to do by hand, of a library in units of its own."""

# pyright: reportAttributeAccessIssue=none

import json
import pickle
import re

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.verilog import Block, View, emit
from sim.build import BenchFailed, build, run
from synth import energies, pdk, power, units
from synth.flow import Netlist, map_units
from tests.cells import ASAP7, needs_asap7
from verif.bench import power as bench
from verif.synth.recording import Ports, Recording, read

#: In pF, ns and V: a NAND2 whose output takes 2 or 4 units inside, by its load, and a flip-flop whose clock takes 1.
LIBRARY = """library (two) {
  time_unit : "1ns"; voltage_unit : "1V"; capacitive_load_unit (1,pf); leakage_power_unit : "1nW";
  nom_voltage : 2; nom_temperature : 25;
  power_lut_template (by_load) { variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0, 1"); index_2 ("0, 0.01"); }
  cell ("NAND2") { area : 2;
    pg_pin (VDD) { pg_type : primary_power; }
    pg_pin (VSS) { pg_type : primary_ground; }
    leakage_power () { value : 5; related_pg_pin : VDD; }
    leakage_power () { value : 100; related_pg_pin : VSS; }
    pin (A) { direction : input; capacitance : 0.001; }
    pin (B) { direction : input; capacitance : 0.003; }
    pin (Z) { direction : output; max_capacitance : 1; function : "!(A & B)";
      internal_power () { related_pin : "A"; related_pg_pin : VDD;
        rise_power (by_load) { values ("0.001, 0.003", "0.001, 0.003"); }
        fall_power (by_load) { values ("0.003, 0.005", "0.003, 0.005"); } }
      internal_power () { related_pin : "A"; related_pg_pin : VSS;
        rise_power (by_load) { values ("9, 9", "9, 9"); }
        fall_power (by_load) { values ("9, 9", "9, 9"); } } }
  }
  cell ("FF") { area : 8; cell_leakage_power : 7;
    ff (IQ,IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; capacitance : 0.002; clock : true;
      internal_power () { when : "Q";
        rise_power (scalar) { values ("0.001"); } fall_power (scalar) { values ("0.001"); } }
      internal_power () { when : "!Q"; rise_power (scalar) { values ("0"); } fall_power (scalar) { values ("9"); } } }
    pin (D) { direction : input; capacitance : 0.001; }
    pin (Q) { direction : output; max_capacitance : 1; function : "IQ"; }
  }
  cell ("BUF") { area : 1; pin (A) { direction : input; capacitance : 0.001; }
    pin (Z) { direction : output; max_capacitance : 9; function : "A"; } }
  cell ("ONE") { area : 1; pin (Z) { direction : output; max_capacitance : 1; function : "1"; } }
  cell ("ZERO") { area : 1; pin (Z) { direction : output; max_capacitance : 1; function : "0"; } }
}
"""

#: A flip-flop that a gate inverts while `run` is 1, and a block with another gate behind it.
TOP = """module top(clk, run, o);
  input clk; input run; output o;
  wire q; wire \\n$1 ;
  NAND2 gate ( .A(run), .B(q), .Z(\\n$1 ) );
  FF register ( .C(clk), .D(\\n$1 ), .Q(q) );
  part inside ( .clk(clk), .i(q), .o(o) );
endmodule
"""
PART = """module part(clk, i, o);
  input clk; input i; output o;
  NAND2 gate ( .A(i), .B(i), .Z(o) );
endmodule
"""
BOX = "(* blackbox *)\nmodule part(clk, i, o);\n  input clk; input i; output o;\nendmodule\n"

#: Ten cycles, in which q changes 5 times and what follows from it 5 and 4 times.
ACTIVITY = r"""(SAIFILE
 (INSTANCE $rootio
  (NET (clk (T0 1) (T1 1) (TZ 0) (TX 0) (TB 0) (TC 20)))
 )
 (INSTANCE top
  (NET
   (clk (T0 1) (T1 1) (TZ 0) (TX 0) (TB 0) (TC 20))
   (q (T0 1) (T1 1) (TZ 0) (TX 0) (TB 0) (TC 5))
   (n$1 (T0 1) (T1 1) (TZ 0) (TX 0) (TB 0) (TC 5))
   (o (T0 1) (T1 1) (TZ 0) (TX 0) (TB 0) (TC 4))
  )
  (INSTANCE inside
   (NET
    (i (T0 1) (T1 1) (TZ 0) (TX 0) (TB 0) (TC 5))
    (o (T0 1) (T1 1) (TZ 0) (TX 0) (TB 0) (TC 4))
   )
  )
 )
)
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setattr(energies, "BUILD", tmp_path)
    path = tmp_path / "two.lib"
    path.write_text(LIBRARY)
    return pdk.Pdk(synthesis=path, timing=path)


@pytest.fixture
def netlist(tmp_path, library):
    folders = {}
    for name, text, boxes in (("top", TOP, BOX), ("part", PART, "")):
        folders[name] = folder = tmp_path / name
        folder.mkdir()
        (folder / "mapped.v").write_text(text)
        (folder / "boxes.v").write_text(boxes)
        (folder / "memories.v").write_text("")
        (folder / "job.json").write_text(json.dumps({"top": name, "liberty": str(library.synthesis)}))
    return Netlist(top="top", folders=folders)


def test_energies_are_those_of_the_supply_in_femtojoules(library):
    volts, cells = energies.energies(library)
    assert volts == 2
    gate, register = cells["NAND2"], cells["FF"]
    assert gate.capacitance_ff == {"A": 1, "B": 3}
    assert gate.loads_ff == {"Z": [0, 10]}
    assert gate.change_fj["Z"] == pytest.approx([2, 4])
    assert gate.leakage_uw == pytest.approx(0.005)
    assert register.edge_fj == pytest.approx({"C": 1, "D": 0}), "an edge that changes the output is the output's"
    assert register.leakage_uw == pytest.approx(0.007)


def test_power_of_a_netlist_is_what_one_counts_by_hand(tmp_path, library, netlist):
    saif = tmp_path / "dump.saif"
    saif.write_text(ACTIVITY)
    found = power.measure(netlist, saif, pdk=library)
    square = 2 * 2 / 2  # V^2 / 2
    top, part = found["top"], found["part"]
    q_load = 3 + (1 + 3)  # gate.B, and both pins of the gate in the block
    assert top.switching_fj == pytest.approx(square * (q_load * 0.5 + 1 * 0.5))
    assert top.internal_fj == pytest.approx(0.5 * (2 + 2 * 1 / 10)), "at a load of 1 of 10 fF"
    assert top.clock_fj == pytest.approx(2 * (1 + square * 2))
    assert top.leakage_uw == pytest.approx(0.005 + 0.007)
    assert part.switching_fj == 0
    assert part.internal_fj == pytest.approx(0.4 * 2), "an output that drives nothing"
    whole = power.by_kind(found)
    assert whole.cycle_fj == pytest.approx(top.cycle_fj + part.cycle_fj)
    assert whole.milliwatts(500) == pytest.approx(whole.cycle_fj / 500 + 0.017e-3)


def test_copies_that_were_not_watched_count_as_the_others(tmp_path, library, netlist):
    top = netlist.folders["top"] / "mapped.v"
    copies = "".join(f"  part copy{index} ( .clk(clk), .i(q), .o() );\n" for index in range(2))
    top.write_text(TOP.replace("  part inside", f"{copies}  part inside"))
    saif = tmp_path / "dump.saif"
    saif.write_text(ACTIVITY)
    found = power.measure(netlist, saif, pdk=library)
    assert found["part"].internal_fj == pytest.approx(3 * 0.4 * 2)
    assert found["part"].leakage_uw == pytest.approx(3 * 0.005)


def test_power_between_two_runs_is_that_of_the_time_between_their_ends(tmp_path, library, netlist):
    before, after = tmp_path / "before.saif", tmp_path / "after.saif"
    after.write_text(ACTIVITY.replace("INSTANCE top", "INSTANCE unit"))
    before.write_text(re.sub(r"\(TC 5\)", "(TC 0)", after.read_text()).replace("(TC 20)", "(TC 10)"))
    found = power.measure(netlist, after, before=before, pdk=library, instance="unit")
    assert found["top"].switching_fj == pytest.approx(2 * (7 * 1.0 + 1 * 1.0)), "q, 5 times in 5 cycles"
    assert found["part"].internal_fj == 0, "o changed before"


def test_clocks_behind_a_gate_are_clocks(tmp_path, library, netlist):
    for folder in netlist.folders.values():
        for path in (folder / "mapped.v", folder / "boxes.v"):
            path.write_text(path.read_text().replace("clk", "gated_clk"))
    saif = tmp_path / "dump.saif"
    saif.write_text(ACTIVITY.replace("(clk", "(gated_clk"))
    found = power.measure(netlist, saif, pdk=library, clock="gated_clk")
    assert found["top"].clock_fj == pytest.approx(2 * (1 + 2 * 2 / 2 * 2))


#: Two cycles of a unit in which o follows i, whose clock is its own.
WAVES = """$scope module $rootio $end
 $var wire 1 d clk $end
$upscope $end
$scope module top $end
 $var wire 1 a clk $end
 $scope module core $end
  $scope module unit$471 $end
   $var wire 1 a clk$3 $end
   $var wire 4 b i [3:0] $end
   $var wire 1 c o $end
  $upscope $end
 $upscope $end
$upscope $end
$enddefinitions $end
#0
0a
b0000 b
0c
#5
1a
b101 b
#10
0a
1c
#15
1a
b111 b
"""


def test_a_recording_holds_what_ports_are_when_a_cycle_ends(tmp_path):
    waves = tmp_path / "dump.vcd"
    waves.write_text(WAVES)
    ports = Ports(inputs=("i",), outputs=("o",), clocks=("clk$3",))
    found = read(waves, {("core", "unit"): ports})["core", "unit"]
    assert (found.inputs, found.outputs, found.output("o")) == ([(0,), (5,)], [(0,), (1,)], [0, 1])
    with pytest.raises(ValueError, match="does not hold 'j' of core/unit"):
        read(waves, {("core", "unit"): Ports(inputs=("j",), outputs=(), clocks=())})


class Lane(wiring.Component):
    """Five times a number, a cycle later."""

    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(5 * self.i)
        return m


class Lanes(wiring.Component):
    """Six of them in a row; a port is called as something of Verilator's is."""

    LANES = 6

    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8), "threads": Out(1)})

    def elaborate(self, platform):
        m = Module()
        body, value = Lane(), self.i
        for index in range(self.LANES):
            m.submodules[f"lane_{index}"] = lane = Block(module="lane", body=body)
            m.d.comb += lane.i.eq(value)
            value = lane.o
        m.d.comb += [self.o.eq(value), self.threads.eq(value.xor())]
        return m


class Node(wiring.Component):
    """What the lanes are a unit of."""

    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8), "odd": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.lanes = lanes = Lanes()
        m.d.comb += [lanes.i.eq(~self.i), self.o.eq(lanes.o), self.odd.eq(lanes.threads)]
        return m


@needs_asap7
def test_gates_are_given_what_the_rtl_was_given(tmp_path):
    assert ASAP7 is not None
    cycles, busy = 300, (100, 300)
    rng = np.random.default_rng(1)
    given = Recording(Ports(inputs=("rst", "i"), outputs=(), clocks=("clk",)))
    given.inputs.extend((int(cycle < 3), int(number)) for cycle, number in enumerate(rng.integers(256, size=cycles)))
    given.outputs.extend([()] * cycles)
    file = tmp_path / "given.pickle"
    file.write_bytes(pickle.dumps(given))
    rtl = build(Node(), name="node", waves=True)
    run(rtl, bench="verif.synth.replay", work=tmp_path, seed=1, RECORDING=file, CYCLES=cycles, HELD=0)

    text = emit(Node(), name="node", view=View.ASIC)
    split = units.split(units.renumbered(text), "node")
    (path, unit), = bench.parts_of(split).items()
    ports = bench.ports_of(unit)
    assert (path, sorted(ports.inputs), ports.clocks) == (("lanes",), ["i", "rst"], ("clk",))
    named = bench.ports_of(bench.parts_of(units.split(text, "node"))[path])  # as they are called in the waveform
    recording = read(tmp_path / "dump.vcd", {path: named})[path]
    mapped = map_units(units.below(split, unit.name), pdk=ASAP7, target_ps=250, build=tmp_path)
    found = bench.measure(mapped, ports, recording, window=busy, cells=ASAP7)
    assert found["GEMM"].switching_fj > 10 * found["idle"].switching_fj
    assert found["GEMM"].clock_fj == pytest.approx(found["idle"].clock_fj)
    flip_flop = 0.7  # fJ that the clock of one takes, or somewhat more
    assert found["idle"].clock_fj == pytest.approx(8 * Lanes.LANES * flip_flop, rel=0.5)
    activity = power.changes(bench.RUNS / "power" / "node_lanes" / "100-0" / "dump.saif")
    assert len([place for place in activity if len(place) == 2]) == bench.WATCHED

    recording.outputs[200] = tuple(value ^ (name != "threads") for name, value in zip(
        ports.outputs, recording.outputs[200], strict=True))
    with pytest.raises(BenchFailed, match=r"cycle 200: o\S* is 0x"):
        bench.measure(mapped, ports, recording, window=busy, cells=ASAP7)


def test_activity_of_something_else_is_refused(tmp_path, library, netlist):
    saif = tmp_path / "dump.saif"
    saif.write_text(ACTIVITY.replace("INSTANCE top", "INSTANCE other"))
    with pytest.raises(ValueError, match="has no instance called top"):
        power.measure(netlist, saif, pdk=library)
    saif.write_text(ACTIVITY.replace("(TC 20)", "(TC 0)"))
    with pytest.raises(ValueError, match="clk of top never changes"):
        power.measure(netlist, saif, pdk=library)


def test_gates_begin_with_the_zeros_of_the_rtl():
    """A flip-flop that keeps the complement of its data begins with one, any other as it is."""
    complement = ("module A(C, D, Q);\n  reg S;\n  wire N;\n  always @(posedge C)\n    S <= N;\n  assign N = ~D;\n"
                  "  assign Q = S;\nendmodule\n")
    plain = complement.replace("module A", "module B").replace("~D", "D")
    begun = complement.replace("endmodule", "  initial S = 1'b1;\nendmodule")
    assert bench.begun_as_rtl(complement + plain) == begun + plain
