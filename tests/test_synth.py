"""`synth`: counts are right on designs small enough to count by hand, and errors are a line."""

import dataclasses
import gzip
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import SIM
from hdl.queue import Queue
from hdl.verilog import Block
from synth import flow, history, netlist, pdk, report, timing

ROOT = Path(__file__).resolve().parent.parent
ASAP7 = pdk.find(None)

needs_pdk = pytest.mark.skipif(ASAP7 is None, reason="no PDK")
needs_sta = pytest.mark.skipif(ASAP7 is None or timing.sta_version() is None, reason="no PDK or no OpenSTA")


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


class Wide(wiring.Component):
    """One register that 200 others read."""

    def __init__(self):
        super().__init__({"i": In(1), "word": In(200), "o": Out(200)})

    def elaborate(self, platform):
        m = Module()
        enable = Signal()
        m.d.sync += [enable.eq(self.i), self.o.eq(self.word & enable.replicate(200))]
        return m


@pytest.fixture
def synthesise(monkeypatch, tmp_path):
    """Synthesise a component as if it were a block called ``small``."""
    def run(component: wiring.Component, *, cells: pdk.Pdk | None = None) -> flow.Result:
        monkeypatch.setattr(flow, "block", lambda name, config: component)
        return flow.synthesise("small", config=SIM, pdk=cells, target_ps=250, build=tmp_path)
    return run


def test_counts_without_a_pdk(synthesise, monkeypatch, tmp_path):
    result = synthesise(Small())
    queue = 2 * 4 + 2 + 1 + 1  # words, level, place to write, place to read
    assert result.flip_flops == 5 + queue
    assert result.memories == {"memory_32x8_1r1w_direct": 1}
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

    netlists = [path.read_text() for path in tmp_path.glob("*/mapped.v")]
    assert [netlist.count("\nmodule stage(") for netlist in netlists] == [1], "a block is mapped once"

    def not_again(*arguments):
        raise AssertionError("it was in the cache")
    monkeypatch.setattr(flow, "_synthesise", not_again)
    assert synthesise(Small()) == result


@needs_pdk
def test_cells_of_the_pdk_have_an_area(synthesise, monkeypatch):
    monkeypatch.setattr(timing, "sta_version", lambda: None)
    result = synthesise(Stage(), cells=ASAP7)
    assert result.flip_flops == 1
    assert result.transistors is None
    assert 0.29 < result.area_um2 < 1  # a flip-flop of 0.29 um2, and a gate that resets it
    assert result.timing_tool.startswith("ABC")


@needs_sta
def test_opensta_times_paths_through_memories_and_wide_nets(synthesise):
    small, wide = synthesise(Small(), cells=ASAP7), synthesise(Wide(), cells=ASAP7)
    assert small.timing_tool.startswith("OpenSTA")
    assert 50 < small.period_ps < 400
    assert small.start.startswith(("stage_", "queue.", "i", "address"))
    assert small.end.startswith(("stage_", "queue.", "o", "data"))
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
    assert netlist.depth(two_gates(3), {}) == 2
    assert netlist.depth(two_gates(2), {}) == 1
    register = two_gates(3)
    register["cells"]["b"]["type"] = "$_DFF_P_"
    assert netlist.depth(register, {}) == 1


def test_depth_refuses_a_loop():
    with pytest.raises(ValueError, match="1 gates are in or behind a combinational loop"):
        netlist.depth(two_gates(4), {})


def test_cells_of_blocks_are_multiplied():
    def of(*types: str) -> dict:
        return {"cells": {str(index): {"type": cell} for index, cell in enumerate(types)}}
    modules = {"top": of("block", "block", "NOT"), "block": of("leaf", "leaf", "NOT"), "leaf": of("DFF")}
    assert netlist.count(modules, "top") == {"DFF": 4, "NOT": 3}


@pytest.mark.parametrize("is_top, roots", [(True, 2), (False, 1)])
def test_a_wide_net_gets_a_tree_of_buffers(is_top, roots):
    loads = {str(index): {"type": "NOT", "port_directions": {"A": "input", "Y": "output"},
                          "connections": {"A": [2], "Y": [index + 3]}} for index in range(300)}
    module = {"ports": {"i": {"direction": "input", "bits": [2]}}, "cells": loads,
              "netnames": {str(bit): {"bits": [bit]} for bit in range(2, 303)}}
    buffers = 19 + 2 + (0 if is_top else 1)  # 300 loads, 16 each; a block's input has one load
    assert netlist.buffer(module, "BUF", clock="clk", is_top=is_top) == buffers
    readers = Counter(cell["connections"]["A"][0] for cell in module["cells"].values())
    assert readers.pop(2) == roots
    assert max(readers.values()) == netlist.FANOUT
    assert readers.total() == 300 + buffers - roots


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


def run(*arguments: str) -> str:
    result = subprocess.run([sys.executable, "-m", "synth", *arguments], cwd=ROOT, capture_output=True, text=True,
                            check=False)
    assert result.returncode == 1
    return result.stderr


def test_an_unknown_block_is_refused_in_a_line():
    assert run("--block", "router", "rooter") == (
        "python -m synth: no block is called 'rooter'; there are mesh, node, core, matrix, vector, sram, router\n")


def test_an_unknown_commit_is_refused_in_a_line():
    assert run("--diff", "nowhere", "--block", "router", "--pdk", "").startswith("python -m synth: git rev-parse")


def test_an_unknown_preset_is_refused_in_a_line():
    assert run("--preset", "D2") == "python -m synth: no preset is called 'D2'; there are D1, SIM, ULX3S\n"


def test_a_folder_without_liberty_is_refused_in_a_line(tmp_path):
    message = f"PDK {tmp_path}: neither asap7_rvt_tt_synth.lib nor asap7_rvt_tt_synth.lib.gz is there"
    assert run("--pdk", str(tmp_path)) == f"python -m synth: {message}\n"


@pytest.mark.parametrize("content, complaint", [
    (b"library (x) { cell (a) {", "is malformed"),
    (b"<html>not found</html>", "is malformed"),
    (b"library (x) { }", "has no cell BUFx4_ASAP7_75t_R"),
    (b"\xff\xfe", "cannot be read"),
])
def test_a_malformed_liberty_is_refused(tmp_path, content, complaint):
    path = tmp_path / "asap7_rvt_tt_synth.lib"
    path.write_bytes(content)
    with pytest.raises(pdk.PdkError, match=complaint):
        pdk.read_liberty(path)


def test_a_cut_off_archive_is_refused(tmp_path):
    path = tmp_path / "asap7_rvt_tt_synth.lib.gz"
    path.write_bytes(gzip.compress(b"library (x) { }")[:-6])
    with pytest.raises(pdk.PdkError, match="cannot be read"):
        pdk.read_liberty(path)


def test_opensta_is_asked_for_its_version_only_if_it_is_there(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    assert timing.sta_version() is None
