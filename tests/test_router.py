"""Runs the benches of `verif/router`."""

import pytest

from hdl.config import PRESETS
from hdl.noc.router import Router
from sim.build import build, run
from verif.router.mesh import ROUTER_MODULE, RouterMesh


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_router(name):
    columns, rows = 18, 9
    config = PRESETS[name].with_mesh(columns=columns, rows=rows)
    model = build(Router(config=config), name=f"router_{name}")
    run(model, bench="verif.router.bench", CONFIG=name, COLUMNS=columns, ROWS=rows)


def test_mesh():
    columns, rows = 3, 3
    config = PRESETS["SIM"].with_mesh(columns=columns, rows=rows)
    model = build(RouterMesh(config=config), name="router_mesh", no_inline=(ROUTER_MODULE,))
    run(model, bench="verif.router.mesh_bench", CONFIG="SIM", COLUMNS=columns, ROWS=rows)
