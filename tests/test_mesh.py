"""A mesh of compiled routers: every flit accounted for, and the throughput that the design promises."""

import asyncio

import pytest

from hdl.config import PRESETS
from hdl.noc.grid import neighbour
from hdl.noc.routing import NEIGHBOURS
from sim.build import new_seed
from sim.route_check import RouteFault, check
from sim.routing import tables
from verif.mesh import detour
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


def test_the_die_with_six_dead_sites():
    config = CONFIG.with_mesh(columns=18, rows=20)
    dead = {(3, 4), (4, 4), (9, 10), (17, 20), (0, 9), (12, 1)}
    made = tables(config=config, dead=dead)
    check(made, config=config, dead=dead)
    with MeshModel(config=config, dead=dead, seed=1) as mesh:
        mesh.load_routes(made)
        live = [mesh.places.index(site) for site in mesh.nodes]
        counts = mesh.run(Traffic(places=[live] * len(live), load=0.1), cycles=1000)
        assert counts.entered + mesh.drain().entered == counts.made > 30_000
        assert counts.misplaced == 0


def test_ways_in_a_circle_hang():
    """All go clockwise around a dead node: tables that the checker refuses. So what it checks is needed."""
    config, dead = CONFIG.with_mesh(columns=3, rows=3), {(1, 2)}
    ring = [(0, 1), (1, 1), (2, 1), (2, 2), (2, 3), (1, 3), (0, 3), (0, 2)]
    made = tables(config=config, dead=dead)
    for site, after in zip(ring, ring[1:] + ring[:1], strict=True):
        clockwise = next(side for side in NEIGHBOURS if neighbour(site, side) == after)
        made[site] |= dict.fromkeys([place for place in ring if place != site], clockwise)
    with pytest.raises(RouteFault, match="in a circle"):
        check(made, config=config, dead=dead)
    with MeshModel(config=config, dead=dead, seed=1) as mesh:
        mesh.load_routes(made)
        opposite = [[mesh.places.index(ring[(ring.index(site) + 4) % len(ring)])] for site in mesh.nodes]
        with pytest.raises(MeshFault, match="none has arrived for 500 cycles"):
            mesh.run(Traffic(places=opposite, load=1.0), cycles=10_000, limit=500)


def test_lists_longer_than_their_queue_are_refused():
    config = CONFIG.with_mesh(columns=2, rows=2)
    with MeshModel(config=config, seed=1) as mesh, \
            pytest.raises(ValueError, match="a list has 1 to 64 flits, what its source's queue holds, not 65"):
        mesh.run(Traffic(places=uniform(config), load=1.0, length=65), cycles=1)


def test_bad_places_are_refused():
    config = CONFIG.with_mesh(columns=2, rows=2)
    with MeshModel(config=config, seed=1) as mesh, pytest.raises(ValueError, match=r"\[4, choices\] indices below 4"):
        mesh.run(Traffic(places=[[1], [2], [3], [4]], load=1.0), cycles=1)


@pytest.mark.parametrize("test", [
    detour.nodes_behind_the_dead_are_refused_without_tables,
    detour.every_live_node_is_reached_and_the_dead_are_refused,
    detour.a_program_runs_around_them,
])
def test_whole_nodes_around_dead_ones(test):
    asyncio.run(test())
