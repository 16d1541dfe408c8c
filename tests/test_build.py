"""`sim.build`: models are built once and right, and a bench that fails cannot look as if it had passed."""

# pyright: reportAttributeAccessIssue=none

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim import build

BENCH = "verif.runner.bench"


class Tiny(wiring.Component):
    """b has a in its lower digit, if a is odd, and 0xA, which nothing drives, in its upper."""

    def __init__(self):
        super().__init__({"a": In(4), "b": Out(8)})

    def elaborate(self, platform):
        m = Module()
        c = Signal(8, init=0xA0)
        m.d.comb += self.b.eq(c)
        with m.If(self.a[0]):
            m.d.comb += c[:4].eq(self.a)
        return m


@pytest.fixture
def model() -> build.Model:
    return build.build(Tiny(), name="tiny", waves=False)


def test_a_passing_test_passes(model):
    """And bits that nothing drives keep their initial value, which takes care in `hdl.verilog.emit`."""
    build.run(model, bench=BENCH, test="passes")


def test_a_failing_test_raises_and_says_why(model):
    with pytest.raises(build.BenchFailed, match=r"SEED=7.*1 of 1 failed\nfails: .*0x123") as failed:
        build.run(model, bench=BENCH, test="fails", seed=7)
    assert "SEED=7" in str(failed.value)


def test_one_failing_test_among_others_raises(model, tmp_path):
    with pytest.raises(build.BenchFailed, match=r"1 of 2 failed"):
        build.run(model, bench=BENCH, test="passes,fails", work=tmp_path)


def test_a_simulator_that_ends_early_raises(model):
    with pytest.raises(build.BenchFailed, match="ended before the tests did"):
        build.run(model, bench=BENCH, test="ends_the_simulator")


def test_a_test_that_does_not_exist_raises(model):
    with pytest.raises(build.BenchFailed, match="no test ran"):
        build.run(model, bench=BENCH, test="mistyped")


def test_a_bench_that_does_not_exist_raises(model):
    with pytest.raises(build.BenchFailed):
        build.run(model, bench="verif.runner.mistyped")


def test_failures_count_outside_pytest_too(model, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with pytest.raises(build.BenchFailed, match="1 of 1 failed"):
        build.run(model, bench=BENCH, test="fails")


def test_a_seed_replays_a_run(model, tmp_path, monkeypatch):
    def drawn(**options) -> str:
        build.run(model, bench=BENCH, test="draws", DRAWN=tmp_path / "drawn", **options)
        return (tmp_path / "drawn").read_text()

    monkeypatch.setenv("SEED", "11")
    assert drawn(seed=11) == drawn() != drawn(seed=12)


def test_waves_are_written_on_demand(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("WAVES", "1")
    model = build.build(Tiny(), name="tiny")
    assert model.trace == "dump.vcd"
    build.run(model, bench=BENCH, test="passes", work=tmp_path)
    assert "$enddefinitions" in (tmp_path / "dump.vcd").read_text()
    assert "dump.vcd" in capfd.readouterr().out


def test_waves_hold_what_has_a_name_and_not_the_insides_of_many_copies(tmp_path):
    text = """
module inner(input clk, output q); reg hidden; always @(posedge clk) hidden <= ~hidden; assign q = hidden; endmodule
module outer(input clk, input rst, output q);
  wire \\$1 ; reg named;
  inner i(clk, \\$1 );
  always @(posedge clk) named <= \\$1 ;
  assign q = named;
endmodule
""".replace("; endmodule", ";\nendmodule")
    model = build.build_text(text, name="outer", visible=["clk", "rst", "q"], waves=True, untraced=("inner",))
    build.run(model, bench=BENCH, test="runs", work=tmp_path)
    header = (tmp_path / "dump.vcd").read_text().partition("$enddefinitions")[0]
    assert " named " in header
    assert "$1" not in header
    assert "hidden" not in header


def test_a_model_is_built_once_by_two_processes_at_once(tmp_path):
    program = f"""
import sys
from pathlib import Path
from sim import build
build.MODELS = Path({str(tmp_path)!r})
build.build_text("module twin(input clk, input rst, output q); assign q = rst; endmodule", name="twin", visible=["q"])
"""
    root = Path(__file__).resolve().parent.parent
    both = [subprocess.Popen([sys.executable, "-c", program], cwd=root, stderr=subprocess.PIPE, text=True)
            for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "".join(said).count("building RTL model") == 1
    assert len(list(tmp_path.glob("twin-*/complete"))) == 1


def test_text_that_verilator_refuses_is_quoted():
    with pytest.raises(RuntimeError, match=r"(?s)Verilator could not build 'broken'.*nowhere"):
        build.build_text("module broken(output q); assign q = nowhere.x; endmodule", name="broken", visible=[])


def test_a_missing_compiler_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "MODELS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build.MissingTool, match=r"'g\+\+' was not found: install it.*apt-get install g\+\+"):
        build.build(Tiny(), name="tiny")


def test_verilator_is_the_one_that_is_pinned():
    pins = (Path(__file__).resolve().parent.parent / "constraints.txt").read_text().split()
    assert f"verilator=={importlib.metadata.version('verilator')}" in pins


def test_ports_are_named_as_in_verilog():
    assert build.ports(Tiny()) == ["clk", "rst", "a", "b"]
    assert os.path.isabs(build.MODELS)


def test_what_is_0_unless_a_bit_is_set_is_masked():
    """Models run faster so; the Verilog that users get is Yosys's."""
    kept = "  assign d = b ? c : 8'h01;\n  assign e = b ? c : 65'h00000000000000000;\n  assign f = b ? 8'h00 : c;\n"
    assert build.masked("  assign a = b ? c : 8'h00;\n  assign \\x.y  = \\y.z [3] ? { q, 2'h1 } : 5'h00;\n" + kept) == (
        "  assign a = {8{|b}} & (c);\n  assign \\x.y  = {5{|\\y.z [3]}} & ({ q, 2'h1 });\n" + kept)
