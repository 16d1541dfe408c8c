"""A mesh with dead nodes and links: the host loads tables through its port, and a program runs around the dead."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hdl.config import PRESETS, SRAM_BASE
from hdl.memory_map import NodeRegister, RoutingMode, State, ThreadRegister, node_register, thread_register
from hdl.noc.grid import Broken, Site
from sim import software
from sim.route_check import check
from sim.routing import loading, tables
from verif.host import Refused
from verif.mesh.nodes import Nodes

CONFIG = PRESETS["ULX3S"].with_mesh(columns=4, rows=4)
DEAD: frozenset[Site] = frozenset({(1, 1), (2, 3)})
BROKEN: frozenset[Broken] = frozenset({frozenset({(1, 2), (2, 2)})})

#: Nobody is on the way of a table for longer.
LOADED = 1000


@asynccontextmanager
async def loaded() -> AsyncIterator[Nodes]:
    """A mesh whose tables the host has loaded; they have been checked."""
    made = tables(config=CONFIG, dead=DEAD, broken=BROKEN)
    check(made, config=CONFIG, dead=DEAD, broken=BROKEN)
    with Nodes(CONFIG, dead=DEAD, broken=BROKEN) as mesh:
        await mesh.put((site, address, value.to_bytes(8, "little")) for site, address, value in loading(CONFIG, made))
        await mesh.cycles(LOADED)
        assert await registers(mesh, NodeRegister.ROUTING) == [RoutingMode.TABLE] * len(mesh.nodes)
        yield mesh


async def registers(mesh: Nodes, register: NodeRegister) -> list[int]:
    """A register of each live node."""
    found = await mesh.read([(node, node_register(register), 8) for node in mesh.nodes])
    return [int.from_bytes(data, "little") for data in found]


async def nodes_behind_the_dead_are_refused_without_tables():
    """X first, the way to them leads over a dead one, and ends at the node before it."""
    with Nodes(CONFIG, dead=DEAD, broken=BROKEN) as mesh:
        for node in ((2, 1), (2, 2), (1, 1)):
            with pytest.raises(Refused, match=rf"of node {node[0]},{node[1]}: refused, error DESTINATION"):
                await mesh.read([(node, SRAM_BASE, 8)])
        data, = await mesh.read([((0, 1), node_register(NodeRegister.REFUSED_NORTH), 8)])
        assert int.from_bytes(data, "little") == 3


async def every_live_node_is_reached_and_the_dead_are_refused():
    async with loaded() as mesh:
        content = {node: bytes([16 * node[0] + node[1]]) * 100 for node in mesh.nodes}
        await mesh.write([(node, SRAM_BASE + 8, content[node]) for node in mesh.nodes])
        assert await mesh.read([(node, SRAM_BASE + 8, 100) for node in mesh.nodes]) == list(content.values())
        assert await registers(mesh, NodeRegister.ERRORS) == [0] * len(mesh.nodes)
        for node in DEAD:
            with pytest.raises(Refused, match="error DESTINATION"):
                await mesh.read([(node, SRAM_BASE, 8)])
        assert sum(await registers(mesh, NodeRegister.ERRORS)) == len(DEAD)


async def a_program_runs_around_them():
    """Barriers, lists from each node to each, and sums of what has come, on all live nodes: `sw/examples/group.c`."""
    live = sum(1 << index for index, site in enumerate(CONFIG.coordinates()) if site not in DEAD)
    program = software.program("examples/group.c", config=CONFIG, macros={"LIVE": live})
    async with loaded() as mesh:
        await mesh.write([(node, address, data) for node in mesh.nodes for address, data in program.segments])
        for register, value in ((ThreadRegister.PC, program.entry), (ThreadRegister.STATE, State.RUNNING)):
            await mesh.write([(node, thread_register(0, register), value.to_bytes(8, "little"))
                              for node in mesh.nodes])
        ends = []
        while not ends or not all(any(end) for end in ends):
            assert await mesh.now() < 100_000, "the program ends"
            await mesh.cycles(500)
            ends = await mesh.read([(node, program.symbols["tohost"], 8) for node in mesh.nodes])
        assert [int.from_bytes(end, "little") for end in ends] == [1] * len(mesh.nodes)
        assert await registers(mesh, NodeRegister.ERRORS) == [0] * len(mesh.nodes)
