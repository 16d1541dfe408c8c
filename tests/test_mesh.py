"""A mesh of compiled routers: every flit accounted for, and the throughput that the design promises."""

import pytest

from hdl.config import PRESETS
from sim.build import new_seed
from verif.mesh.campaign import campaign
from verif.mesh.model import MeshFault, MeshModel, Traffic
from verif.mesh.patterns import distance, ideal, uniform

CONFIG = PRESETS["SIM"]


def test_a_million_flits():
    seed = new_seed()
    print(f"replay with SEED={seed}")
    rounds = campaign(seed=seed, flits=1_000_000, preset=CONFIG, sizes=((2, 2), (4, 4), (8, 8), (7, 3)))
    assert sum(done.flits for done in rounds) >= 1_000_000
    assert any(done.dead for done in rounds)
    assert any(done.misplaced for done in rounds)


def test_three_quarters_of_ideal_under_uniform_traffic():
    config = CONFIG.with_mesh(columns=8, rows=8)
    places = uniform(config)
    assert ideal(config, places) == pytest.approx(0.492, abs=1e-3)
    with MeshModel(config=config, seed=1) as mesh:
        idle = mesh.run(Traffic(places=places, load=0.005, class_1=1.0), cycles=4000)
        assert idle.latency == pytest.approx(distance(config, places), abs=0.15)
        full = Traffic(places=places, load=1.0, class_1=1.0)
        mesh.run(full, cycles=1000)
        assert mesh.run(full, cycles=3000).arrived / 3000 / config.nodes >= 0.75 * ideal(config, places)


def test_a_hang_is_seen():
    config = CONFIG.with_mesh(columns=2, rows=2)
    with MeshModel(config=config, seed=1) as mesh, pytest.raises(MeshFault, match="none has arrived for 50 cycles"):
        mesh.run(Traffic(places=uniform(config), load=1.0, stalls=(1.0, 1.0)), cycles=1000, limit=50)


def test_bad_places_are_refused():
    config = CONFIG.with_mesh(columns=2, rows=2)
    with MeshModel(config=config, seed=1) as mesh, pytest.raises(ValueError, match=r"\[4, choices\] indices below 4"):
        mesh.run(Traffic(places=[[1], [2], [3], [4]], load=1.0), cycles=1)
