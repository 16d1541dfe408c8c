"""How fast lists are, on a mesh of nodes without cores; `verif.bench.lists` runs this and shows what it finds."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import cocotb

from hdl.config import SRAM_BASE, global_address
from hdl.memory_map import Descriptor
from hdl.noc.packet import Op
from verif.interface.mesh_bench import CONFIG, LINE, NODES, Bench, Node

#: Where descriptors, lists' sources and destinations begin, in lines.
DESCRIPTORS, SOURCE, TARGET = 16, 256, 1024

#: A node's list: pull instead of push, and its descriptor.
List = tuple[Node, bool, Descriptor]


def at(line: int) -> int:
    return SRAM_BASE + line * LINE


def far(node: Node, line: int) -> int:
    return global_address(x=node[0], y=node[1], address=at(line))


class Speed(Bench):
    """Lays lists down, starts them all in one cycle, and counts the cycles until everything has been posted."""

    async def cycles(self, lists: Iterable[List], *, posts: int) -> int:
        """Cycles from the start until the last of `posts` posts, of the whole mesh."""
        addresses: dict[tuple[Node, bool], list[int]] = {}
        lines = dict.fromkeys(NODES, DESCRIPTORS)
        for node, pull, descriptor in lists:
            content = descriptor.to_bytes(CONFIG)
            addresses.setdefault((node, pull), []).append(at(lines[node]))
            for start in range(0, len(content), LINE):
                self.send(Op.WRITE, node, lines[node], int.from_bytes(content[start:start + LINE], "little"))
                lines[node] += 1
        await self.settle()
        began, before = self.stage.now, self.posts
        for (node, pull), where in addresses.items():
            (self.pulls if pull else self.pushes)[NODES.index(node)].waiting += where
        await self.stage.until(lambda: self.posts - before == posts, limit=200_000, what="everything has been posted")
        took = self.stage.now - began
        await self.stage.cycles(20)
        assert self.posts - before == posts
        return took

    async def per_line(self, lists: Callable[[int], list[Descriptor]], placed: list[tuple[Node, bool]]) -> float:
        """Cycles for each further line of lists of some length, each of which posts one semaphore."""
        short, long = 128, 640
        took = [
            await self.cycles([(*place, made) for place, made in zip(placed, lists(count), strict=True)],
                              posts=len(placed))
            for count in (short, long)]
        return (took[1] - took[0]) / (long - short)


def bound(lines: int) -> int:
    """Least cycles of an exchange in which each node gets `lines` lines from each node, itself included.

    What a node's own link takes, and what the links between two halves of the mesh take.
    """
    columns, rows = CONFIG.columns, CONFIG.rows
    across = columns // 2 * (columns - columns // 2) * rows
    down = rows // 2 * (rows - rows // 2) * columns
    return lines * max(len(NODES), across, down)


@cocotb.test()
async def measure(dut):
    tb = Speed(dut)
    await tb.stage.start()
    here, there = NODES[0], NODES[1]
    push = Descriptor(source=at(SOURCE), destination=far(there, TARGET), signal=1)
    back = replace(push, destination=far(here, TARGET))
    pull = Descriptor(source=far(there, SOURCE), destination=at(TARGET), done=1)
    found: dict[str, float] = {
        "push": await tb.per_line(lambda lines: [replace(push, lines=lines)], [(here, False)]),
        "push, one line a row": await tb.per_line(
            lambda lines: [replace(push, rows=lines, source_stride=LINE, destination_stride=LINE)], [(here, False)]),
        "pull": await tb.per_line(lambda lines: [replace(pull, lines=lines)], [(here, True)]),
        "pushes both ways": await tb.per_line(
            lambda lines: [replace(push, lines=lines), replace(back, lines=lines)], [(here, False), (there, False)]),
        "pulls both ways": await tb.per_line(
            lambda lines: [replace(pull, lines=lines), replace(pull, source=far(here, SOURCE), lines=lines)],
            [(here, True), (there, True)]),
        "push and pull of one node": await tb.per_line(
            lambda lines: [replace(push, lines=lines), replace(pull, lines=lines)],
            [(here, False), (here, True)]),
    }
    lines = 32
    whole = {"more_columns": CONFIG.columns - 1, "more_rows": CONFIG.rows - 1}
    first = replace(push, destination=far(NODES[0], TARGET), lines=lines)
    collectives = {
        "broadcast from a corner": (
            await tb.cycles([(here, False, replace(first, **whole))], posts=len(NODES)), len(NODES) * lines),
        "all-to-all": (
            await tb.cycles([(node, False, replace(first, destination=far(other, TARGET + 32 * index)))
                             for index, node in enumerate(NODES) for other in _shifted(index)], posts=len(NODES) ** 2),
            bound(lines)),
        "all-gather (everybody broadcasts)": (
            await tb.cycles([(node, False, replace(first, destination=far(NODES[0], TARGET + 32 * index), **whole))
                             for index, node in enumerate(NODES)], posts=len(NODES) ** 2), bound(lines)),
        "all-to-all by pulls": (
            await tb.cycles([(node, True, replace(pull, source=far(other, SOURCE), lines=lines,
                                                  destination=at(TARGET + 32 * NODES.index(other))))
                             for index, node in enumerate(NODES) for other in _shifted(index)], posts=len(NODES) ** 2),
            bound(2 * lines)),  # a request for each line
    }
    assert not tb.errors()
    result = {"cycles per line": found, "collectives": collectives, "lines": lines}
    Path(os.environ["RESULT"]).write_text(json.dumps(result))


def _shifted(index: int) -> list[Node]:
    """Every node, one's own first: each step shifts the whole mesh, so that no two send to the same one."""
    columns, rows = CONFIG.columns, CONFIG.rows
    x, y = index % columns, index // columns
    return [NODES[(y + down) % rows * columns + (x + right) % columns]
            for down in range(rows) for right in range(columns)]
