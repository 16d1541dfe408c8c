"""Routing tables: every set of dead nodes and links that leaves the mesh connected, and what the checker refuses."""

import random

import pytest

from hdl.config import PRESETS
from hdl.noc.grid import neighbour
from hdl.noc.routing import NEIGHBOURS, Side
from sim.build import new_seed
from sim.route_check import RouteFault, check
from sim.routing import EDGE, loading, tables
from verif.mesh.faults import all_faults, links_of


def mesh(columns: int, rows: int):
    return PRESETS["SIM"].with_mesh(columns=columns, rows=rows)


@pytest.mark.parametrize("columns, rows", [(1, 1), (1, 9), (9, 1), (4, 4), (8, 8)])
def test_a_whole_mesh_has_shortest_ways(columns, rows):
    config = mesh(columns, rows)
    made = tables(config=config)
    assert check(made, config=config) == columns + rows - 1  # from the host to the far corner
    for site, table in made.items():
        for place in table:
            here, steps = site, 0
            while here != place:
                here, steps = neighbour(here, made[here][place]), steps + 1
            assert steps == abs(site[0] - place[0]) + abs(site[1] - place[1])


def test_the_die_with_six_dead_sites():
    config = mesh(18, 20)
    dead = {(3, 4), (4, 4), (9, 10), (17, 20), (0, 9), (12, 1)}
    assert check(tables(config=config, dead=dead), config=config, dead=dead) <= 18 + 20 + 4


def test_a_row_that_is_gone_but_for_one_node():
    config = mesh(6, 6)
    for row in range(1, 7):
        for gate in range(6):
            dead = {(x, row) for x in range(6) if x != gate}
            if (0, 1) not in dead:
                check(tables(config=config, dead=dead), config=config, dead=dead)


def test_random_dead_nodes_and_links():
    seed = new_seed()
    print(f"replay with SEED={seed}")
    generator = random.Random(seed)
    connected = 0
    for _ in range(400):
        config = mesh(generator.randint(1, 7), generator.randint(1, 7))
        share = generator.choice((0.05, 0.15, 0.3))
        dead = {site for site in config.coordinates() if site != (0, 1) and generator.random() < share}
        broken = {link for link in links_of(config.coordinates()) if generator.random() < share}
        if reachable(config, dead, broken):
            check(tables(config=config, dead=dead, broken=broken), config=config, dead=dead, broken=broken)
            connected += 1
        else:
            with pytest.raises(ValueError, match="cannot be reached from the host"):
                tables(config=config, dead=dead, broken=broken)
    assert 20 < connected < 380


@pytest.mark.parametrize("columns, rows, expected", [(2, 2, 11), (3, 2, 57), (2, 3, 57), (3, 3, 1283)])
def test_every_set_of_dead_nodes_and_links_of_small_meshes(columns, rows, expected):
    """The tables of all that are connected are free of circles; all others are refused."""
    config, connected = mesh(columns, rows), 0
    for dead, broken in all_faults(config):
        try:
            made = tables(config=config, dead=dead, broken=broken)
        except ValueError:
            assert not reachable(config, set(dead), set(broken))
        else:
            check(made, config=config, dead=dead, broken=broken)
            connected += 1
    assert connected == expected


def reachable(config, dead, broken) -> bool:
    live = set(config.coordinates()) - dead
    found, waiting = {(0, 1)}, [(0, 1)]
    while waiting:
        site = waiting.pop()
        for side in NEIGHBOURS:
            there = neighbour(site, side)
            if there in live and there not in found and frozenset((site, there)) not in broken:
                found.add(there)
                waiting.append(there)
    return found == live


@pytest.mark.parametrize("arguments, message", [
    ({"dead": {(9, 1)}}, r"dead nodes must be in a mesh of 4 x 4, not \[\(9, 1\)\]"),
    ({"dead": {(0, 0)}}, r"dead nodes must be in a mesh of 4 x 4, not \[\(0, 0\)\]"),
    ({"dead": {(0, 1)}}, r"with \[\(0, 1\)\] dead, 15 nodes of the 4 x 4 mesh cannot be reached"),
    ({"dead": {(2, 4), (3, 3)}}, r"1 nodes of the 4 x 4 mesh cannot be reached from the host: \[\(3, 4\)\]"),
    ({"broken": {frozenset({(0, 1), (1, 2)})}}, r"between two neighbours of the mesh, not \[\(0, 1\), \(1, 2\)\]"),
    ({"broken": {frozenset({(0, 1)})}}, r"between two neighbours of the mesh, not \[\(0, 1\)\]"),
    ({"broken": {frozenset({(0, 0), (0, 1)})}}, r"16 nodes of the 4 x 4 mesh cannot be reached"),
])
def test_bad_sets_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tables(config=mesh(4, 4), **arguments)


def changed(made, site, place, side):
    return made | {site: made[site] | {place: side}}


@pytest.mark.parametrize("change, message", [
    (lambda made: {site: table for site, table in made.items() if site != (2, 2)}, r"missing \[\(2, 2\)\]"),
    (lambda made: made | {(2, 2): {}}, r"\(2, 2\) has no route to \(0, 0\)"),
    (lambda made: changed(made, (2, 2), (1, 3), Side.EAST), r"\(2, 2\) has a route to \(1, 3\), where nobody lives"),
    (lambda made: changed(made, (1, 2), (1, 4), Side.SOUTH), r"\(1, 2\) sends .* to \(1, 4\) by <Side.SOUTH"),
    (lambda made: changed(made, (3, 2), (0, 2), Side.EAST), r"\(3, 2\) sends .* to \(0, 2\) by <Side.EAST"),
    (lambda made: changed(made, (2, 1), (3, 3), Side.NORTH), r"\(2, 1\) sends .* to \(3, 3\) by <Side.NORTH"),
    (lambda made: changed(made, (2, 2), (2, 2), Side.EAST), r"\(2, 2\) sends its own flits away"),
    (lambda made: changed(changed(made, (2, 2), (0, 4), Side.EAST), (3, 2), (0, 4), Side.WEST), "never arrives"),
    (lambda made: changed(made, (2, 2), (0, 4), Side.LOCAL), r"\(2, 2\) sends what goes to \(0, 4\) by <Side.LOCAL"),
])
def test_the_checker_finds_wrong_tables(change, message):
    config, dead = mesh(4, 4), {(1, 3)}
    made = tables(config=config, dead=dead)
    check(made, config=config, dead=dead)
    with pytest.raises(RouteFault, match=message):
        check(change(made), config=config, dead=dead)


def test_the_checker_finds_circles():
    """Around a square, each corner sends what goes to the opposite one clockwise."""
    config = mesh(2, 2)
    made = tables(config=config)
    clockwise = {(0, 1): Side.EAST, (1, 1): Side.SOUTH, (1, 2): Side.WEST, (0, 2): Side.NORTH}
    for (x, y), side in clockwise.items():
        made[x, y][1 - x, 3 - y] = side
    with pytest.raises(RouteFault, match=r"wait for each other in a circle, among the links .*\(\(0, 1\), \(1, 1\)\)"):
        check(made, config=config)


def test_tables_are_loaded_over_loaded_nodes():
    config, dead = mesh(5, 5), {(1, 1), (3, 3)}
    made = tables(config=config, dead=dead)
    ready = set()
    for site, address, _ in loading(config, made):
        here = (0, 1)
        while here != site:
            assert here in ready
            here = neighbour(here, made[here][site])
        if address & 0xFFF == 0x0C0:
            ready.add(site)
    assert ready == made.keys()
    assert EDGE not in ready
