"""Runs the benches of packets on the network interface, and on a mesh of nodes without cores."""

import pytest

from hdl.config import PRESETS
from hdl.noc.interface import NetworkInterface
from sim.build import build, run
from verif.interface.mesh import NODE_MODULE, MeshWithoutCores


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_packets(name):
    config = PRESETS[name].with_mesh(columns=3, rows=3)
    model = build(NetworkInterface(config=config), name=f"interface_{name}")
    run(model, bench="verif.interface.packets", CONFIG=name)


def test_mesh():
    columns, rows = 3, 2
    config = PRESETS["SIM"].with_mesh(columns=columns, rows=rows)
    model = build(MeshWithoutCores(config=config), name="mesh_without_cores", no_inline=(NODE_MODULE,))
    run(model, bench="verif.interface.mesh_bench", CONFIG="SIM", COLUMNS=columns, ROWS=rows)
