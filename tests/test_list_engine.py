"""Runs the benches of lists, on the whole network interface."""

import pytest

from hdl.config import PRESETS
from hdl.noc.interface import NetworkInterface
from sim.build import build, run


@pytest.mark.parametrize("bench", ["lists", "list_errors"])
@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_lists(name, bench):
    config = PRESETS[name].with_mesh(columns=3, rows=3)
    model = build(NetworkInterface(config=config), name=f"interface_{name}")
    run(model, bench=f"verif.interface.{bench}", CONFIG=name)
