"""Runs the bench of lists, on the whole network interface."""

import pytest

from hdl.config import PRESETS
from hdl.noc.interface import NetworkInterface
from sim.build import build, run


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_lists(name):
    config = PRESETS[name].with_mesh(columns=3, rows=3)
    model = build(NetworkInterface(config=config), name=f"interface_{name}")
    run(model, bench="verif.interface.lists", CONFIG=name)
