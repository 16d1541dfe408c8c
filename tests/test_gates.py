"""Mapped netlists do what the hardware does that they were mapped from: proofs of small units, benches on gates.

`make verify-synth` does the same with whole units.
"""

# pyright: reportAttributeAccessIssue=none

import re

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.arbiter import LeastRecent
from hdl.config import ULX3S
from hdl.core.matrix_element import MatrixElement
from hdl.noc.link import Slots
from hdl.noc.routing import Routing
from hdl.verilog import Block, View, emit
from sim.build import build_text, ports, run
from synth import equivalence, flow, gates, yosys
from tests.cells import ASAP7, needs_asap7

CELLS = [None, pytest.param(ASAP7, marks=needs_asap7)]
IDS = ["gates", "asap7"]


@pytest.mark.parametrize("cells", CELLS, ids=IDS)
@pytest.mark.parametrize("name, component, ports_and_registers", [
    ("least_recent", lambda: LeastRecent(count=5), 5 + 10),
    ("slots", lambda: Slots(depth=4), 2 * 4 + 2 + 4 + 2),
    ("routing", lambda: Routing(config=ULX3S), 5 * 5 + 5 + 3 * 2 * 3),
])
def test_gates_are_proved_equal(tmp_path, name, component, ports_and_registers, cells):
    proved = equivalence.prove(component(), name=name, pdk=cells, target_ps=250, build=tmp_path)
    assert proved == ports_and_registers


@pytest.mark.parametrize("cells, right, wrong", [
    (None, r"\\\$_NAND_", r"\$_NOR_"),
    pytest.param(ASAP7, r"(?:NAND|NOR|AND|OR)2x\w+", "XOR2x2_ASAP7_75t_R", marks=needs_asap7),
], ids=IDS)
def test_one_wrong_gate_is_noticed(tmp_path, cells, right, wrong):
    mapped = flow.map_text(emit(LeastRecent(count=5), name="arbiter", view=View.ASIC), name="arbiter", pdk=cells,
                           target_ps=250, build=tmp_path)
    path, = mapped.verilog()
    changed, count = re.subn(rf"^  {right} ", lambda _: f"  {wrong} ", path.read_text(), count=1,
                             flags=re.MULTILINE)
    assert count == 1
    path.write_text(changed)
    figures = path.with_name("figures.json")
    figures.write_text(figures.read_text().replace('"cells": {', f'"cells": {{"{wrong.removeprefix(chr(92))}": 1, '))
    with pytest.raises(yosys.SynthesisError, match="signals are not proved equal"):
        equivalence.prove_netlist(mapped, pdk=cells, folder=tmp_path / "proof")


def test_gates_stand_in_for_a_block(tmp_path):
    class Around(wiring.Component):
        """An arbiter as a block."""

        def __init__(self):
            super().__init__({"requests": In(5), "grant": Out(5)})

        def elaborate(self, platform):
            m = Module()
            m.submodules.arbiter = arbiter = Block(module="arbiter", body=LeastRecent(count=5))
            m.d.comb += [arbiter.requests.eq(self.requests), arbiter.advance.eq(1), self.grant.eq(arbiter.grant)]
            return m

    mapped = flow.map_text(emit(LeastRecent(count=5), name="arbiter", view=View.ASIC), name="arbiter", pdk=None,
                           target_ps=250, build=tmp_path)
    of_gates = gates.verilog(mapped, None)
    text = gates.instead(emit(Around(), name="around"), mapped, of_gates)
    assert of_gates in text
    assert text.count("module arbiter(") == text.count("module around(") == 1


def test_what_cannot_be_proved_at_once_is_refused(tmp_path):
    with pytest.raises(ValueError, match="element has blocks or memories in it"):
        equivalence.prove(MatrixElement(depth=1, accumulators=2), name="element", pdk=None, target_ps=250,
                          build=tmp_path)


@pytest.mark.parametrize("cells, accumulators", [(None, 16), pytest.param(ASAP7, 4, marks=needs_asap7)])
def test_gates_of_a_matrix_element_pass_its_bench(cells, accumulators):
    """With the cells of a PDK its accumulators are latches, of which two are read at once."""
    depth = 1
    element = MatrixElement(depth=depth, accumulators=accumulators)
    name = "element_gates"
    mapped = flow.map_text(emit(element, name=name, view=View.ASIC), name=name, pdk=cells, target_ps=250)
    model = build_text(gates.verilog(mapped, cells), name=name, visible=ports(element))
    run(model, bench="verif.matrix.element", DEPTH=depth, ACCUMULATORS=accumulators)
