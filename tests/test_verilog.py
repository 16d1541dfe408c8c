"""`hdl.verilog`, `python -m hdl` and Verilator's lint of what they write."""

# pyright: reportAttributeAccessIssue=none

import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.blocks import BLOCKS, block
from hdl.config import SIM, ULX3S
from hdl.verilog import Block, emit, ports_of, use_macro
from sim import lint

ROOT = Path(__file__).resolve().parent.parent


class Inverter(wiring.Component):
    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(~self.i)
        return m


class Chain(wiring.Component):
    """Three inverters, one of which is a `Block` in a `Block`."""

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1), "pairs": Out(wiring.Signature({"half": Out(4)})).array(2)})

    def elaborate(self, platform):
        m = Module()
        body = Inverter()
        value = self.i
        for index in range(3):
            m.submodules[f"inverter_{index}"] = inverter = Block(module="inverter", body=body)
            m.d.comb += inverter.i.eq(value)
            value = inverter.o
        m.d.comb += self.o.eq(value)
        return m


class Incomplete(wiring.Component):
    """Instantiates what is not there."""

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.missing = Instance("nowhere", i_i=self.i, o_o=self.o)
        return m


class UsesMacro(wiring.Component):
    def __init__(self, macro: Path):
        self.macro = macro
        super().__init__({"o": Out(1)})

    def elaborate(self, platform):
        use_macro(self.macro)
        return Module()


def modules(text: str) -> list[str]:
    return re.findall(r"^module (\S+?)\(", text, re.MULTILINE)


def test_a_repeated_block_is_emitted_once():
    text = emit(Chain(), name="chain")
    assert sorted(modules(text)) == ["chain", "inverter"]
    assert len(re.findall(r"^  inverter ", text, re.MULTILINE)) == 3


def test_ports_are_called_by_their_paths():
    assert list(ports_of(Chain())) == ["i", "o", "pairs__0__half", "pairs__1__half"]
    header = re.search(r"module chain\((.*?)\);", emit(Chain(), name="chain"))
    assert header is not None
    assert set(header[1].split(", ")) >= {"i", "o", "pairs__0__half", "pairs__1__half"}


def test_a_macro_is_carried_along(tmp_path):
    macro = tmp_path / "macro.v"
    macro.write_text("module macro; endmodule\n")
    assert "module macro; endmodule\n" in emit(UsesMacro(macro), name="top")


def test_blocks_can_only_be_placed_by_emit():
    with pytest.raises(RuntimeError, match=r"only be elaborated by hdl\.verilog\.emit"):
        Block(module="inverter", body=Inverter()).elaborate(None)


def test_emission_is_repeatable():
    assert emit(block("router", ULX3S), name="router") == emit(block("router", ULX3S), name="router")


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_can_be_made(name):
    assert block(name, SIM).signature.members


def test_an_unknown_block_is_refused():
    with pytest.raises(ValueError, match=r"no block is called 'rooter'; there are mesh, node, core"):
        block("rooter", SIM)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hdl", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_writes_a_block(tmp_path):
    output = tmp_path / "new" / "router.sv"
    result = run("verilog", "--config", "ULX3S", "--block", "router", "-o", str(output))
    assert (result.returncode, result.stdout.strip()) == (0, str(output)), result.stderr
    assert "router" in modules(output.read_text())


@pytest.mark.parametrize("arguments, message", [
    (("--config", "SIM2"), "python -m hdl: no preset is called 'SIM2'; there are D1, SIM, ULX3S"),
    (("--block", "x"),
     "python -m hdl: no block is called 'x'; there are mesh, node, core, matrix, vector, sram, router"),
])
def test_the_command_says_what_is_wrong_in_a_line(arguments, message):
    result = run("verilog", *arguments)
    assert (result.returncode, result.stderr.strip()) == (1, message)


def test_lint_finds_the_router_clean():
    assert lint.lint("router", "ULX3S") == ""


def test_lint_finds_a_missing_module(monkeypatch):
    monkeypatch.setattr(lint, "block", lambda name, config: Incomplete())
    assert "'nowhere'" in lint.lint("incomplete", "SIM")
