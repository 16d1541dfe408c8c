"""`synth.sweep` and `synth.pipeline`: what the Pareto front is, and that a pipeline with fewer stages does the same."""

# pyright: reportAttributeAccessIssue=none

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.verilog import View, emit
from synth import pipeline, sweep
from synth.yosys import SynthesisError
from verif import batch


class Polynomial(wiring.Component):
    """x, for a Horner scheme of x^4 + 3 x^3 + 3 x^2 + 3 x + 3 modulo 2^8, in four stages.

    Parameters
    ----------
    hurries, turns : bool
        One term comes a stage too early; a stage adds what it was before.
    """

    STAGES, TERM = 4, 3

    def __init__(self, *, hurries: bool = False, turns: bool = False):
        self.hurries, self.turns = hurries, turns
        super().__init__({"x": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        x, total = self.x, 1
        for stage in range(self.STAGES):
            before, after, carried = x, Signal(8, name=f"sum{stage}"), Signal(8, name=f"x{stage}", reset_less=True)
            m.d.sync += [carried.eq(before), after.eq(total * before + self.TERM)]
            total, x = after, self.x if self.hurries and stage == 1 else carried
        if self.turns:
            m.d.sync += total.eq(total + 1)
        m.d.comb += self.o.eq(total)
        return m


def test_a_pipeline_of_fewer_stages_does_the_same_in_fewer_cycles(tmp_path):
    component = Polynomial()
    inputs, outputs = batch.ports_of(component)
    numbers = np.arange(1 << 8)
    expected = numbers**4 + Polynomial.TERM * (numbers**3 + numbers**2 + numbers + 1) & 0xff
    text = emit(component, name="polynomial", view=View.ASIC)
    short = pipeline.shortened(text, name="polynomial", stages=3, folder=tmp_path)
    unit = batch.build_text(short, name="polynomial", latency=3, inputs=inputs, outputs=outputs)
    assert (unit(x=numbers)["o"] == expected).all()
    with pytest.raises(SynthesisError, match="a pipeline of 5 stages: it has 4 stages"):
        pipeline.shortened(text, name="polynomial", stages=5, folder=tmp_path)


@pytest.mark.parametrize("fault, said", [("hurries", "has been through 0 and 2 registers"),
                                         ("turns", "there is a loop through")])
def test_what_is_no_pipeline_is_refused(tmp_path, fault, said):
    text = emit(Polynomial(**{fault: True}), name="polynomial", view=View.ASIC)
    with pytest.raises(SynthesisError, match=said):
        pipeline.shortened(text, name="polynomial", stages=2, folder=tmp_path)


def test_the_front_is_what_nothing_else_beats():
    assert sweep.front([(500, 10), (400, 20), (450, 25), (600, 5), (600, 7), (400, 30)]) == [1, 0, 3]


def test_a_sweep_that_there_is_not_is_refused_in_a_line(monkeypatch):
    monkeypatch.setattr("sys.argv", ["sweep", "--block", "rooter"])
    with pytest.raises(SystemExit, match=r"^python -m synth.sweep: no sweep is called 'rooter'; there are router, "):
        sweep.main()
