"""Wires routers, or nodes, to a mesh."""

from collections.abc import Collection, Mapping

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring

from .routing import NEIGHBOURS, Side

#: The step to the neighbour on a side, and that neighbour's side that faces back.
FACING = {
    Side.NORTH: ((0, -1), Side.SOUTH),
    Side.SOUTH: ((0, 1), Side.NORTH),
    Side.EAST: ((1, 0), Side.WEST),
    Side.WEST: ((-1, 0), Side.EAST),
}

#: A site, (column, row), and a link, the two sites that it connects.
Site = tuple[int, int]
Broken = frozenset[Site]


def neighbour(site: Site, side: Side) -> Site:
    """The site next to one, whether it is in the mesh or not."""
    (dx, dy), _ = FACING[side]
    return site[0] + dx, site[1] + dy


def connect(m: Module, nodes: Mapping[Site, wiring.PureInterface], *, edges: Collection[Site] = (),
            broken: Collection[Broken] = ()) -> None:
    """Connect nodes to their neighbours and tell them where they are.

    Parameters
    ----------
    m : Module
    nodes : mapping of (x, y)
        Components with ``position``, ``neighbours``, ``inputs`` and ``outputs`` as `hdl.noc.router.Router` has them.
    edges : collection of (x, y)
        Sites where something else than a node is, which the caller connects.
    broken : collection of frozenset of two (x, y)
        Links not to be used.
    """
    for site, node in nodes.items():
        present = []
        for side in NEIGHBOURS:
            there = neighbour(site, side)
            usable = frozenset((site, there)) not in broken
            present.append(usable and (there in nodes or there in edges))
            if usable and there in nodes:
                wiring.connect(m, node.outputs[side], nodes[there].inputs[FACING[side][1]])
        m.d.comb += [
            node.position.x.eq(site[0]),
            node.position.y.eq(site[1]),
            node.neighbours.eq(Cat(present)),
        ]
