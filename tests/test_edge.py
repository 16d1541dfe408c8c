"""Runs the bench of `verif/edge`."""

import pytest

from hdl.config import PRESETS
from hdl.noc.edge import EdgePort
from sim.build import build, run


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_edge(name):
    model = build(EdgePort(config=PRESETS[name]), name=f"edge_{name}")
    run(model, bench="verif.edge.bench", CONFIG=name)
