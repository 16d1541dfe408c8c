"""`synth`: counts are right on designs small enough to count by hand, and errors are a line."""

# pyright: reportAttributeAccessIssue=none

import dataclasses
import errno
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from amaranth.hdl import DomainRenamer, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import SIM, ULX3S
from hdl.core.accumulator import Accumulators, state_layout
from hdl.core.threads import Threads
from hdl.mem.storage import Storage
from hdl.mesh import NODE_MODULE
from hdl.noc.packet import flit_layout
from hdl.noc.pool import Pool
from hdl.queue import Queue
from hdl.verilog import Block, View, emit
from synth import ecp5, flow, history, netlist, pdk, report, timing, units, yosys
from synth.__main__ import main, notes
from tests.cells import ASAP7, needs_asap7

ROOT = Path(__file__).resolve().parent.parent

needs_sta = pytest.mark.skipif(timing.sta_version() is None, reason="OpenSTA is not installed")


class Stage(wiring.Component):
    """A register behind an inverter."""

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(~self.i)
        return m


class Small(wiring.Component):
    """Five registers in blocks, eight of a FIFO, and a register file of 32 words that is kept out."""

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1), "address": In(5), "data": Out(8)})

    def elaborate(self, platform):
        m = Module()
        body, value = Stage(), self.i
        for index in range(5):
            m.submodules[f"stage_{index}"] = stage = Block(module="stage", body=body)
            m.d.comb += stage.i.eq(value)
            value = stage.o
        m.submodules.queue = queue = Queue(shape=4, depth=2)
        m.submodules.memory = memory = Memory(shape=8, depth=32, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            queue.i.payload.eq(self.address), queue.i.valid.eq(self.i), queue.o.ready.eq(value),
            self.o.eq(queue.o.payload.xor() & queue.o.valid),
            write.addr.eq(self.address), write.data.eq(self.address), write.en.eq(value),
            read.addr.eq(self.address), self.data.eq(read.data),
        ]
        return m


class RegisteredRead(wiring.Component):
    """A memory whose read port answers a cycle later."""

    def __init__(self):
        super().__init__({"address": In(5), "i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=32, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [write.addr.eq(self.address), write.data.eq(self.i), write.en.eq(1),
                     read.addr.eq(self.address), read.en.eq(1), self.o.eq(read.data)]
        return m


class Wide(wiring.Component):
    """One register that 200 others read."""

    def __init__(self):
        super().__init__({"i": In(1), "word": In(200), "o": Out(200)})

    def elaborate(self, platform):
        m = Module()
        enable = Signal()
        m.d.sync += [enable.eq(self.i), self.o.eq(self.word & enable.replicate(200))]
        return m


class SmallNode(wiring.Component):
    """A node whose core is slower than its router, and than what is between nodes."""

    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.router = router = Part(lambda value: ~value)
        m.submodules.core = core = Part(lambda value: value * value)
        m.d.comb += [router.i.eq(self.i ^ core.o), core.i.eq(router.o), self.o.eq(router.o)]
        return m


class Part(wiring.Component):
    """A function with a register before it and one behind it."""

    def __init__(self, function):
        self.function = function
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        taken = Signal(8)
        m.d.sync += [taken.eq(self.i), self.o.eq(self.function(taken))]
        return m


class SmallMesh(wiring.Component):
    """Two nodes and a link from one to the other."""

    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        body = SmallNode()
        m.submodules.first = first = Block(module=NODE_MODULE, body=body)
        m.submodules.second = second = Block(module=NODE_MODULE, body=body)
        m.d.comb += [first.i.eq(self.i), second.i.eq(first.o), self.o.eq(second.o)]
        return m


@pytest.fixture
def synthesise(monkeypatch, tmp_path):
    """Synthesise a component as if it were a block called ``small``, or `name`."""
    def run(component: wiring.Component, *, name: str = "small", cells: pdk.Pdk | None = None,
            fpga: bool = False) -> flow.Result:
        monkeypatch.setattr(flow, "block", lambda name, config: component)
        return flow.synthesise(name, config=SIM, pdk=cells, target_ps=250, fpga=fpga, build=tmp_path)
    return run


def test_counts_without_a_pdk(synthesise, monkeypatch, tmp_path):
    result = synthesise(Small())
    queue = 2 * 4 + 2 + 1 + 1  # words, level, place to write, place to read
    assert result.flip_flops == 5 + queue
    assert result.memories == {"memory_32x8_1r1w": 1}
    assert result.memory_bits == 256
    assert result.cells > result.flip_flops
    assert result.transistors is not None
    assert result.transistors > 16 * result.flip_flops
    assert result.nand2 == result.transistors / 4
    assert result.depth >= 3  # two XOR levels and the valid bit
    assert result.parts.keys() == {"small", "stage"}
    assert sum(result.parts.values()) == result.transistors
    assert result.parts["stage"] % 5 == 0, "all copies of a block count"
    assert result.area_um2 is result.period_ps is None

    netlists = [path.read_text() for path in tmp_path.glob("units/*/mapped.v")]
    assert sorted(netlist.count("\nmodule stage(") for netlist in netlists) == [0, 1], "a block is mapped once"

    def not_again(*arguments, **named):
        raise AssertionError("it was in the cache")
    monkeypatch.setattr(yosys, "run", not_again)
    assert synthesise(Small()) == result
    for path in tmp_path.glob("*/result.json"):
        path.unlink()
    assert synthesise(Small()) == result, "its units were in the cache"


def test_an_ecp5_is_counted_of_what_has_nets_called_as_abc9s(tmp_path):
    """Of the threads of ULX3S, ABC9 once gave a net a name that there was."""
    counted = ecp5.count(emit(Threads(config=ULX3S), name="threads", view=View.FPGA), top="threads", folder=tmp_path)
    assert counted["LUT"] > counted["FF"] > 64 * ULX3S.threads


def test_the_register_of_a_read_is_not_kept_out_with_the_memory(synthesise):
    result = synthesise(RegisteredRead())
    assert result.memories == {"memory_32x8_1r1w": 1}
    assert result.flip_flops == 8


def test_parts_of_a_node_have_figures_of_their_own(synthesise, tmp_path):
    node = synthesise(SmallNode(), name="node")
    assert [part.block for part in node.inside] == ["node.core", "node.router"], "the largest first"
    assert [part.flip_flops for part in node.inside] == [16, 16]
    assert sum(part.transistors for part in node.inside) + node.parts["node"] == node.transistors
    table = report.table([node], title="node")
    *_, shares = table.columns
    assert list(shares.cells) == [f"{part.whole / node.whole:.1%}" for part in (node, *node.inside)]
    page = report.write(tmp_path / "report", [node], title="node", notes=[])
    assert {path.name for path in page.parent.iterdir()} == {
        "report.html", "node-area.png", "node.core-area.png", "node.router-area.png"}


def test_a_slice_of_a_mesh_shares_its_nodes_with_the_node(synthesise, tmp_path, capsys):
    node = synthesise(SmallNode(), name="node")
    mesh = synthesise(SmallMesh(), name="mesh")
    assert mesh.transistors == 2 * node.transistors
    assert mesh.inside == []
    assert "mesh: 4 units, 1 to map" in capsys.readouterr().err


@needs_asap7
@needs_sta
def test_between_nodes_their_routers_are_timed(synthesise, tmp_path):
    node = synthesise(SmallNode(), name="node", cells=ASAP7)
    mesh = synthesise(SmallMesh(), name="mesh", cells=ASAP7)
    assert node.start.startswith("core/")
    assert mesh.start.startswith(("first/router/", "second/router/"))
    assert mesh.period_ps < node.period_ps
    assert len(mesh.periods_ps) == 2 * 16 + 8, "registers of two routers, and the output"
    closed, = tmp_path.glob("SIM-mesh-*/closed.v")
    assert closed.read_text().count("module") == 2, "the core, and where it ends"


def test_primitives_of_an_fpga(synthesise):
    result = synthesise(Small(), fpga=True)
    assert result.ecp5["FF"] == result.flip_flops - 8  # the queue's words are in LUTs
    assert result.ecp5["LUT"] >= 2 * 2 * 4  # two 16 x 4 RAMs for 32 words of 8 bits, each four LUTs and what writes it
    assert result.ecp5["EBR"] == result.ecp5["multipliers"] == 0


class Exploding(wiring.Component):
    """A memory of few words that is too wide to be flip-flops."""

    def __init__(self):
        super().__init__({"address": In(1), "data": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.lines = lines = Memory(shape=10_000, depth=2, init=[])
        write, read = lines.write_port(), lines.read_port(domain="comb")
        m.d.comb += [write.addr.eq(self.address), write.data.eq(~read.data), write.en.eq(1),
                     read.addr.eq(~self.address), self.data.eq(read.data)]
        return m


def test_a_memory_that_would_explode_is_named(synthesise):
    with pytest.raises(yosys.SynthesisError, match=r"memory lines.* of 2 x 10000 bits would become flip-flops"):
        synthesise(Exploding())


def liberty(*, without: str = "", text: str = "") -> str:
    """A library of few cells in nanoseconds and picofarads, one of them left out."""
    def table(value: float) -> str:
        return f'(scalar) {{ values ("{value}"); }}'

    def timing(pin: str, kind: str) -> str:
        return (f'timing () {{ related_pin : "{pin}"; {kind} cell_rise {table(0.02)} cell_fall {table(0.02)} '
                f'rise_transition {table(0.01)} fall_transition {table(0.01)} }}')

    def gate(name: str, area: float, inputs: str, function: str, state: str = "", kind: str = "") -> str:
        pins = "".join(f"pin ({pin}) {{ direction : input; capacitance : 0.001; "
                       f"{'clock : true;' if pin == 'C' else ''} }}\n" for pin in inputs)
        arcs = "".join(timing(pin, kind) for pin in ("C" if state else inputs))
        return (f'cell ("{name}") {{ area : {area};\n{state}{pins}pin (Z) {{ direction : output; '
                f'max_capacitance : 0.1; function : "{function}"; {arcs} }}\n}}\n')

    cells = {
        "INV": gate("INV", 1, "A", "!A"), "BUF": gate("BUF", 2, "A", "A"), "NAND2": gate("NAND2", 2, "AB", "!(A&B)"),
        "NOR2": gate("NOR2", 2, "AB", "!(A|B)"), "ONE": gate("ONE", 1, "", "1"), "ZERO": gate("ZERO", 1, "", "0"),
        "FF": gate("FF", 8, "CD", "IQ", 'ff (IQ,IQN) { clocked_on : "C"; next_state : "D"; }\n',
                   "timing_type : rising_edge;"),
    }
    return ("library (toy) {\n  delay_model : table_lookup; time_unit : \"1ns\"; voltage_unit : \"1V\"; "
            "current_unit : \"1mA\"; capacitive_load_unit (1,pf); pulling_resistance_unit : \"1kohm\"; "
            "nom_voltage : 1.1; nom_temperature : 25; "
            "slew_lower_threshold_pct_rise : 20; slew_lower_threshold_pct_fall : 20; "
            "slew_upper_threshold_pct_rise : 80; slew_upper_threshold_pct_fall : 80; "
            "input_threshold_pct_rise : 50; input_threshold_pct_fall : 50; "
            "output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;\n"
            + "".join(cell for name, cell in cells.items() if name != without) + text + "}\n")


@pytest.fixture
def toy(tmp_path):
    path = tmp_path / "toy.lib"
    path.write_text(liberty())
    return pdk.Pdk(synthesis=path, timing=path)


def test_any_library_will_do(synthesise, toy):
    assert toy.library.corner == "toy, 1.1 V, 25 C"
    result = synthesise(Small(), cells=toy)
    assert result.flip_flops == 17
    assert result.area_um2 > 17 * 8
    assert result.latches == 0
    if timing.sta_version():
        assert result.timing_tool.startswith("OpenSTA")
        assert 40 < result.period_ps < 2000, "in ps, whatever the library's unit"


def test_a_library_without_latches_does_without(synthesise, toy):
    result = synthesise(Accumulators(count=2, depth=1), cells=toy)
    assert result.latches == 0
    assert result.memories == {}
    assert result.flip_flops >= 2 * state_layout(1).size
    assert any(line.startswith("The library has no latch") for line in notes([result], pdk=toy))


@needs_sta
def test_clocks_of_any_name_are_timed(synthesise, toy):
    result = synthesise(DomainRenamer("gathering")(Stage()), cells=toy)
    assert (result.start, result.period_ps) == ("o", 20), "from the clock to the output"


@pytest.mark.parametrize("name, what", [("BUF", "buffer"), ("NAND2", "NAND2"), ("FF", "flip-flop"),
                                        ("ONE", "cell whose function is 1"), ("ZERO", "cell whose function is 0")])
def test_a_library_without_a_needed_cell_is_refused(tmp_path, name, what):
    path = tmp_path / "toy.lib"
    path.write_text(liberty(without=name))
    with pytest.raises(pdk.PdkError, match=rf"{path} has no {what}.*: the flow needs one"):
        pdk.find(str(path))


def test_a_netlist_that_was_cut_off_is_not_kept(synthesise, monkeypatch, tmp_path):
    """Yosys does not notice when a disk gets full while it writes."""
    monkeypatch.setattr(yosys, "run", lambda program, folder, what: (folder / "mapped.v").write_text("module small(i"))
    with pytest.raises(yosys.SynthesisError, match="the netlist of small could not be written: no room in"):
        synthesise(Stage())
    assert [path.name.count("-") for path in (tmp_path / "units").iterdir()] == [2], "a draft, with a process's number"


def test_yosys_on_a_full_disk_is_told_as_such(monkeypatch, tmp_path):
    with pytest.raises(yosys.SynthesisError, match="could not map nothing: FileNotFoundError"):
        yosys.run("mapping", tmp_path, what="map nothing")

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path}'"):
        yosys.run("mapping", tmp_path, what="map nothing")


def test_lines_of_the_sram_are_in_macros(synthesise):
    result = synthesise(Storage(config=ULX3S))
    rows = ULX3S.sram_lines // ULX3S.sram_banks
    assert result.macros == 2 * 2 * (rows // 1024)  # of two words, each of 64 bits and of 8
    assert result.memory_bits == 8 * ULX3S.sram_bytes // ULX3S.sram_banks * 72 // 64
    assert result.flip_flops < 8


@needs_asap7
def test_flits_of_the_router_are_in_latches(synthesise):
    flit = flit_layout(ULX3S)
    result = synthesise(Pool(flit=flit, depth=3, ways=5, registered=True), cells=ASAP7)
    assert result.latches == 3 * flit.size
    assert result.memories == {}


def test_units_are_blocks_and_parts_of_the_node():
    def module(name: str, inside: str = "") -> str:
        return f"module {name}(a);\n  input [3:0] a;\n{inside}endmodule\n"

    macro = "module storage #(\n    parameter DEPTH = 512\n) (\n    input clk\n);\nendmodule\n"
    def placed(*names: str) -> str:
        return "".join(f"  {name} ({chr(10)}  );{chr(10)}" for name in names)

    sram = placed("bank bank_0", "bank bank_1", r"\node.sram$1.merge  merge")
    text = macro + "".join((
        module("bank", placed("storage macro")), module("node", placed(r"\node.sram$1  sram", r"\node.router  router")),
        module(r"\node.sram$1 ", sram), module(r"\node.sram$1.merge "), module(r"\node.router ")))
    found = {unit.name: unit for unit in units.split(text, "node")}
    assert list(found) == ["node.router", "bank", "node.sram$1", "node"], "what is placed comes first"
    assert found["node"].inside == ("node.router", "node.sram$1")
    assert found["node.sram$1"].inside == ("bank",)
    assert found["node.sram$1"].boxes == "(* blackbox *)\nmodule bank(a);\n  input [3:0] a;\nendmodule\n"
    assert "node.sram$1.merge" in found["node.sram$1"].text
    assert "module storage" in found["bank"].text
    assert "module storage" not in found["node"].text


def test_numbers_of_names_count_names_of_the_same_kind():
    text = "module \\node.sram$235 (\\port$42$9 , \\clk$890 , q);\n \\port$42$9 \\$4 \\port$7$1 8'hff\nendmodule\n"
    made = "module \\node.sram$1 (\\port$1 , \\clk$1 , q);\n \\port$1 \\$4 \\port$2 8'hff\nendmodule\n"
    bank = "module bank(\\port$9$1 );\nendmodule\n"
    assert units.renumbered(text + bank) == made + "module bank(\\port$1 );\nendmodule\n", "a block has its own"


@needs_asap7
def test_cells_are_found_by_what_they_do():
    assert ASAP7 is not None
    cells = ASAP7.library
    assert cells.latch is not None
    assert cells.buffer.name == "BUFx4_ASAP7_75t_R"
    assert cells.latch.name == "DHLx1_ASAP7_75t_R"
    assert cells.tie_high == ("TIEHIx1_ASAP7_75t_R", "H")
    assert len(cells.flip_flops) == 7
    assert "HB1xp67_ASAP7_75t_R" in cells.avoided


@needs_asap7
def test_cells_of_the_pdk_have_an_area(synthesise, monkeypatch):
    monkeypatch.setattr(timing, "sta_version", lambda: None)
    result = synthesise(Stage(), cells=ASAP7)
    assert result.flip_flops == 1
    assert result.transistors is None
    assert 0.29 < result.area_um2 < 1  # a flip-flop of 0.29 um2, and a gate that resets it
    assert result.timing_tool.startswith("ABC")


@needs_asap7
@needs_sta
def test_opensta_times_paths_through_memories_and_wide_nets(synthesise):
    small, wide = synthesise(Small(), cells=ASAP7), synthesise(Wide(), cells=ASAP7)
    assert small.timing_tool.startswith("OpenSTA")
    assert 50 < small.period_ps < 400
    assert small.start.startswith(("stage_", "queue.", "i", "address"))
    assert small.end.startswith(("stage_", "queue.", "o", "data"))
    assert ASAP7 is not None
    assert ASAP7.library.latch is not None
    bit = ASAP7.library.latch.area + 1.5 * ASAP7.library.nand2.area  # one port to read, one to write
    assert small.memories_um2 == pytest.approx(small.memory_bits * bit)
    assert max(small.periods_ps) == small.period_ps
    assert len(wide.periods_ps) == 401  # the enable, and 200 registers and outputs
    assert wide.period_ps < 300, "200 loads are not buffered"


def two_gates(net: int) -> dict:
    """q = not (not i), with `net` between."""
    gate = {"type": "$_NOT_", "port_directions": {"A": "input", "Y": "output"}}
    return {
        "ports": {"i": {"direction": "input", "bits": [2]}, "q": {"direction": "output", "bits": [4]}},
        "netnames": {"i": {"bits": [2]}, "n": {"bits": [3]}, "q": {"bits": [4]}},
        "cells": {"a": gate | {"connections": {"A": [2], "Y": [3]}},
                  "b": gate | {"connections": {"A": [net], "Y": [4]}}},
    }


def test_depth_counts_gates_between_registers():
    assert netlist.depth(two_gates(3), {"$_NOT_"}) == 2
    assert netlist.depth(two_gates(2), {"$_NOT_"}) == 1
    register = two_gates(3)
    register["cells"]["b"]["type"] = "$_DFF_P_"
    assert netlist.depth(register, {"$_NOT_"}) == 1


def test_depth_refuses_a_loop():
    with pytest.raises(ValueError, match="1 gates are in or behind a combinational loop"):
        netlist.depth(two_gates(4), {"$_NOT_"})


def test_cells_of_blocks_are_multiplied():
    cells = {"top": {"block": 2, "NOT": 1}, "block": {"leaf": 2, "NOT": 1}, "leaf": {"DFF": 1}}
    assert netlist.count(cells, "top") == {"DFF": 4, "NOT": 3}
    assert netlist.placements(cells, "top") == {"top": 1, "block": 2, "leaf": 4}


def test_a_wide_net_gets_a_tree_of_buffers():
    loads = {str(index): {"type": "NOT", "port_directions": {"A": "input", "Y": "output"},
                          "connections": {"A": [2], "Y": [index + 3]}} for index in range(300)}
    module = {"ports": {"i": {"direction": "input", "bits": [2]}}, "cells": loads,
              "netnames": {str(bit): {"bits": [bit]} for bit in range(2, 303)}}
    buffers = 19 + 2 + 1  # 300 loads, 16 each; an input has one load
    cell = pdk.Cell(name="BUF", area=1, inputs=("I",), functions={"Z": "I"}, max_capacitance=1)
    assert netlist.buffer(module, cell) == buffers
    readers = Counter(next(iter(cell["connections"].values()))[0] for cell in module["cells"].values())
    assert readers.pop(2) == 1
    assert max(readers.values()) == netlist.FANOUT
    assert readers.total() == 300 + buffers - 1


@pytest.mark.parametrize("clock", ["clk", "clk$84", "gathering_clk"])
def test_clocks_get_no_buffers(clock):
    cells = {str(index): {"type": "FF", "port_directions": {"C": "input", "Q": "output"},
                          "connections": {"C": [2], "Q": [index + 3]}} for index in range(100)}
    module = {"ports": {clock: {"direction": "input", "bits": [2]}}, "cells": cells,
              "netnames": {str(bit): {"bits": [bit]} for bit in range(2, 103)}}
    cell = pdk.Cell(name="BUF", area=1, inputs=("I",), functions={"Z": "I"}, max_capacitance=1)
    assert netlist.buffer(module, cell) == 0
    module["ports"] = {"click": module["ports"][clock]}
    assert netlist.buffer(module, cell) == 7 + 1


def test_each_input_of_a_macro_gets_a_buffer():
    macros = {name: {"type": "RAM", "port_directions": {"CE": "input", "I": "input", "O": "output"},
                     "connections": {"CE": [2], "I": [3, 3, "0"], "O": outputs}}
              for name, outputs in (("low", [4, 5]), ("high", [6, 7]))}
    module = {"ports": {"clk": {"direction": "input", "bits": [2]}, "i": {"direction": "input", "bits": [3]}},
              "cells": macros, "netnames": {str(bit): {"bits": [bit]} for bit in range(2, 8)}}
    cell = pdk.Cell(name="BUF", area=1, inputs=("I",), functions={"Z": "I"}, max_capacitance=1)
    assert netlist.buffer(module, cell, heavy={"RAM"}) == 5
    driven = Counter(bit for name in ("low", "high") for bit in module["cells"][name]["connections"]["I"])
    assert driven.pop("0") == 2
    assert list(driven.values()) == [1, 1, 1, 1] and 3 not in driven
    assert all(module["cells"][name]["connections"]["CE"] == [2] for name in ("low", "high"))


def test_a_report_has_a_page_and_its_pictures(synthesise, tmp_path):
    result = synthesise(Small())
    page = report.write(tmp_path / "report", [result], title="Small things", notes=["<none>"])
    text = page.read_text()
    assert "Small things" in text
    assert "&lt;none&gt;" in text
    assert f"{result.transistors:,}" in text
    assert {path.name for path in page.parent.iterdir()} == {"report.html", "small-area.png"}


def test_watched_blocks_have_not_grown():
    """If growth is wanted, `make synth-reference` stores it, to be committed with what caused it."""
    reference = json.loads(history.REFERENCE.read_text())
    assert history.grown(reference, history.watched_figures()) == []


def test_growth_is_told_with_its_figures():
    reference = {"SIM router": {"transistors": 1000, "depth": 30}}
    assert history.grown(reference, {"SIM router": {"transistors": 1030, "depth": 20}}) == []
    assert history.grown(reference, {"SIM router": {"transistors": 1031, "depth": 31}}) == [
        "SIM router: transistors 1,000 became 1,031 (+3.1%)", "SIM router: depth 30 became 31 (+3.3%)"]
    assert history.grown(reference, {"SIM core": {"depth": 1}}) == ["SIM core: no reference of its depth"]


def test_figures_of_another_commit_are_recorded_outside_of_the_tree(monkeypatch, tmp_path, synthesise, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(history, "_git", lambda *arguments: "" if arguments[0] == "status" else "abc123")
    small = synthesise(Small())
    path = history.record([small], config=SIM, pdk=None, target_ps=250)
    assert path is not None
    assert path.is_relative_to(tmp_path / "cache" / "open-d1")
    assert history.results_at("abc123", blocks=["small"], config=SIM, pdk=None, target_ps=250) == [small]
    history.print_difference([small], [dataclasses.replace(small, depth=2 * small.depth)], revision="HEAD~2")
    assert "+100.0%" in capsys.readouterr().out


def run(*arguments: str, **options) -> str:
    result = subprocess.run([sys.executable, "-m", "synth", *arguments], cwd=ROOT, capture_output=True, text=True,
                            check=False, **options)
    assert result.returncode == 1
    assert result.stderr.count("python -m synth: ") == 1
    return result.stderr


def test_an_unknown_block_is_refused_in_a_line():
    assert run("--block", "router", "rooter") == (
        "python -m synth: no block is called 'rooter'; there are mesh, node, core, matrix, vector, sram, router\n")


def test_a_mesh_that_is_none_is_refused_in_a_line():
    assert run("--mesh", "0x2") == "python -m synth: config 'SIM': columns must be an integer from 1 to 127, not 0\n"
    assert run("--mesh", "2x2", "--diff", "HEAD") == (
        "python -m synth: --diff compares presets as they are: leave --mesh out\n")


def test_a_liberty_that_cannot_be_used_is_refused_in_a_line(tmp_path):
    path = tmp_path / "cells.lib"
    for content, complaint in (("library (x) {", "is malformed: it is not one complete 'library (...) { ... }'"),
                               (liberty(without="FF"), "has no flip-flop: the flow needs one")):
        path.write_text(content)
        assert run("--pdk", str(path)) == f"python -m synth: Liberty file {path} {complaint}\n"


def test_an_unknown_commit_is_refused_in_a_line():
    assert run("--diff", "nowhere", "--block", "router", "--pdk", "").startswith("python -m synth: git rev-parse")


def test_without_git_there_are_figures_but_no_difference(monkeypatch, synthesise):
    assert run("--diff", "HEAD", "--block", "router", "--pdk", "", env={"PATH": "/nowhere"}) == (
        "python -m synth: git, which knows other commits, was not found: install it, e.g. with 'apt-get install git'\n")
    small = synthesise(Small())
    monkeypatch.setenv("PATH", "/nowhere")
    assert history.record([small], config=SIM, pdk=None, target_ps=250) is None


def test_an_unknown_preset_is_refused_in_a_line():
    assert run("--preset", "D2") == "python -m synth: no preset is called 'D2'; there are D1, SIM, ULX3S\n"


@pytest.mark.parametrize("clock", ["0", "-5", "fast", "2.5"])
def test_a_clock_that_is_none_is_refused_in_a_line(clock):
    assert run(f"--clock={clock}") == f"python -m synth: a clock period must be 1 to 1,000,000 ps, not {clock!r}\n"


def test_a_place_without_liberty_is_refused_in_a_line(tmp_path):
    assert run("--pdk", str(tmp_path)).startswith(f"python -m synth: PDK {tmp_path}: there has to be one Liberty file")
    missing = tmp_path / "missing.lib"
    assert run("--pdk", str(missing)) == f"python -m synth: PDK {missing}: there is no such file or folder\n"


@pytest.mark.parametrize("full", ["source.sv", "result.json", "SIM.json", "report.html"])
def test_no_room_on_the_disk_is_told_in_a_line_and_leaves_no_half_report(monkeypatch, tmp_path, full):
    write = Path.write_text

    def written(path: Path, text: str) -> int:
        if not path.name.startswith(full):
            return write(path, text)
        write(path, text[:len(text) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_text", written)
    monkeypatch.setattr(flow, "block", lambda name, config: Small())
    monkeypatch.setattr(history, "record", lambda *results, **named: None)
    monkeypatch.setattr(sys, "argv", ["synth", "--block", "router", "--pdk", "none", "--build", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^python -m synth: \[Errno 28\] No space left on device: \S+$"):
        main()
    half = {"report.html", full} - {"source.sv"}  # that is in a draft of a folder, not in the cache
    assert not [path for path in tmp_path.rglob("*") if path.name.removesuffix(".new") in half]


def test_a_memory_that_would_explode_is_told_in_a_line(monkeypatch, tmp_path):
    monkeypatch.setattr(flow, "block", lambda name, config: Exploding())
    monkeypatch.setattr(sys, "argv", ["synth", "--block", "router", "--pdk", "none", "--build", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^python -m synth: Yosys could not map router: memory lines[^\n]*$"):
        main()
    assert not list(tmp_path.rglob("SIM*"))


@pytest.mark.parametrize("content, complaint", [
    (b"library (x) { cell (a) {", "is malformed"),
    (b"<html>not found</html>", "is malformed"),
    (b"library (x) { }", "has no NAND2"),
    (b"\xff\xfe", "cannot be read"),
])
def test_a_malformed_liberty_is_refused(tmp_path, content, complaint):
    path = tmp_path / "asap7_rvt_tt_synth.lib"
    path.write_bytes(content)
    with pytest.raises(pdk.PdkError, match=complaint):
        pdk.library(path)


def test_a_cut_off_archive_is_refused(tmp_path):
    path = tmp_path / "asap7_rvt_tt_synth.lib.gz"
    path.write_bytes(gzip.compress(b"library (x) { }")[:-6])
    with pytest.raises(pdk.PdkError, match="cannot be read"):
        pdk.read_liberty(path)


def test_opensta_is_asked_for_its_version_only_if_it_is_there(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    assert timing.sta_version() is None
