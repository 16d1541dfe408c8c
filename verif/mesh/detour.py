"""A mesh with dead nodes and links: the host loads tables through its port, and a program runs around the dead."""

import os
import pickle
from pathlib import Path

import cocotb
import pytest

from hdl.config import PRESETS, SRAM_BASE
from hdl.memory_map import NodeRegister, RoutingMode, State, ThreadRegister, node_register, thread_register
from hdl.noc.grid import Broken, Site
from sim.elf import Program
from sim.route_check import check
from sim.routing import loading, tables
from verif.host import Host, Refused, now, start

CONFIG = PRESETS["ULX3S"].with_mesh(columns=3, rows=3)
DEAD: frozenset[Site] = frozenset({(1, 1)})
BROKEN: frozenset[Broken] = frozenset({frozenset({(1, 2), (2, 2)})})
NODES = [site for site in CONFIG.coordinates() if site not in DEAD]

#: Nobody is on the way of a table for longer.
LOADED = 200


async def loaded(dut) -> Host:
    """A host that has loaded the tables, which have been checked."""
    await start(dut)
    host = Host(dut, CONFIG)
    made = tables(config=CONFIG, dead=DEAD, broken=BROKEN)
    check(made, config=CONFIG, dead=DEAD, broken=BROKEN)
    await host.put((site, address, value.to_bytes(8, "little")) for site, address, value in loading(CONFIG, made))
    await host.cycles(LOADED)
    return host


async def registers(host: Host, register: NodeRegister) -> list[int]:
    """A register of each live node."""
    found = await host.read([(node, node_register(register), 8) for node in NODES])
    return [int.from_bytes(data, "little") for data in found]


@cocotb.test()
async def nodes_behind_the_dead_are_refused_without_tables(dut):
    """X first, the way to them leads over a dead one, and ends at the node before it."""
    await start(dut)
    host = Host(dut, CONFIG)
    for node in ((2, 1), (2, 2), (1, 1)):
        with pytest.raises(Refused, match=rf"of node {node[0]},{node[1]}: refused, error DESTINATION"):
            await host.read([(node, SRAM_BASE, 8)])
    data, = await host.read([((0, 1), node_register(NodeRegister.REFUSED_NORTH), 8)])
    assert int.from_bytes(data, "little") == 3


@cocotb.test()
async def every_live_node_is_reached_and_the_dead_are_refused(dut):
    host = await loaded(dut)
    assert await registers(host, NodeRegister.ROUTING) == [RoutingMode.TABLE] * len(NODES)
    content = {node: bytes([16 * node[0] + node[1]]) * 100 for node in NODES}
    await host.write([(node, SRAM_BASE + 8, content[node]) for node in NODES])
    assert await host.read([(node, SRAM_BASE + 8, 100) for node in NODES]) == list(content.values())
    assert await registers(host, NodeRegister.ERRORS) == [0] * len(NODES)
    for node in DEAD:
        with pytest.raises(Refused, match="error DESTINATION"):
            await host.read([(node, SRAM_BASE, 8)])
    assert sum(await registers(host, NodeRegister.ERRORS)) == len(DEAD)


@cocotb.test()
async def a_program_runs_around_them(dut):
    """Barriers, lists from each node to each, and sums of what has come, on all live nodes: `sw/examples/group.c`."""
    program: Program = pickle.loads(Path(os.environ["PROGRAM"]).read_bytes())
    host = await loaded(dut)
    await host.write([(node, address, data) for node in NODES for address, data in program.segments])
    for register, value in ((ThreadRegister.PC, program.entry), (ThreadRegister.STATE, State.RUNNING)):
        await host.write([(node, thread_register(0, register), value.to_bytes(8, "little")) for node in NODES])
    ends = []
    while not ends or not all(any(end) for end in ends):
        assert now() < 100_000, "the program ends"
        await host.cycles(500)
        ends = await host.read([(node, program.symbols["tohost"], 8) for node in NODES])
    assert [int.from_bytes(end, "little") for end in ends] == [1] * len(NODES)
    assert await registers(host, NodeRegister.ERRORS) == [0] * len(NODES)
