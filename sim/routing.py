"""Makes routing tables for meshes with dead nodes and dead links. See docs/mesh.md, "Routing around the dead"."""

import heapq
from collections.abc import Collection, Iterator, Mapping

from hdl.config import Config
from hdl.memory_map import (
    ROUTE_BITS,
    ROUTES_PER_REGISTER,
    NodeRegister,
    RoutingMode,
    node_register,
    route_register,
)
from hdl.noc.edge import EDGE_X, EDGE_Y
from hdl.noc.grid import Broken, Site, neighbour
from hdl.noc.routing import NEIGHBOURS, Side

#: Where the host is.
EDGE: Site = (EDGE_X, EDGE_Y)

#: For each node, the side by which it sends on what goes to a site. What is not there goes to LOCAL.
Tables = dict[Site, dict[Site, Side]]


def tables(*, config: Config, dead: Collection[Site] = (), broken: Collection[Broken] = ()) -> Tables:
    """Tables of all live nodes, with a route to every live node and to the host.

    Parameters
    ----------
    config : Config
        The mesh's size.
    dead : collection of (x, y)
        Nodes that are not to be used.
    broken : collection of frozenset of two (x, y)
        Links that are not to be used, in either direction.

    Raises
    ------
    ValueError
        If a site or a link is none of the mesh, or a live node cannot be reached.
    """
    links = _links(config, dead, broken)
    order = _order(links, config, dead)
    made: Tables = {site: {} for site in links if site != EDGE}
    for destination in links:
        for site, side in _routes(links, order, destination).items():
            if site != EDGE:
                made[site][destination] = side
    return made


def loading(config: Config, made: Mapping[Site, Mapping[Site, Side]]) -> Iterator[tuple[Site, int, int]]:
    """The (node, local address, 8-byte value) of the writes that load tables, in an order in which they can be sent.

    Every write goes only through nodes whose tables have been loaded, so it arrives whatever is dead. They have to be
    PUTs: answers could not come back before the last of them.
    """
    for site in sorted(made, key=lambda site: len(_path(made, site))):
        for y in range(config.rows + 1):
            for start in range(0, config.columns, ROUTES_PER_REGISTER):
                routes = (made[site].get((start + i, y), Side.LOCAL) for i in range(ROUTES_PER_REGISTER))
                yield site, route_register(x=start, y=y), sum(
                    route << ROUTE_BITS * i for i, route in enumerate(routes))
        yield site, node_register(NodeRegister.ROUTING), RoutingMode.TABLE


def _path(made: Mapping[Site, Mapping[Site, Side]], destination: Site) -> list[Site]:
    """The nodes on the way from the host to a node."""
    path = [neighbour(EDGE, Side.SOUTH)]
    while path[-1] != destination:
        path.append(neighbour(path[-1], made[path[-1]][destination]))
    return path


def _links(config: Config, dead: Collection[Site], broken: Collection[Broken]) -> dict[Site, dict[Site, Side]]:
    """For each live node, and the edge, the live ones that it has a link to, and on which side."""
    sites = set(config.coordinates())
    if unknown := set(dead) - sites:
        raise ValueError(f"dead nodes must be in a mesh of {config.columns} x {config.rows}, not {sorted(unknown)}")
    live = sites - set(dead) | {EDGE}
    near = {site: {neighbour(site, side): side for side in NEIGHBOURS} for site in sites | {EDGE}}
    for link in broken:
        pair = sorted(link)
        if len(pair) != 2 or not {*pair} <= sites | {EDGE} or pair[1] not in near[pair[0]]:
            raise ValueError(f"a broken link must be between two neighbours of the mesh, not {pair}")
    return {site: {there: side for there, side in near[site].items()
                   if there in live and frozenset((site, there)) not in broken} for site in live}


def _order(links: Mapping[Site, Mapping[Site, Side]], config: Config, dead: Collection[Site]) -> dict[Site, int]:
    """Numbers the sites from the host on, each with a neighbour of a smaller number; by diagonals, if possible."""
    order: dict[Site, int] = {}
    waiting = [(0, EDGE)]
    while waiting:
        _, site = heapq.heappop(waiting)
        if site not in order:
            order[site] = len(order)
            for there in links[site]:
                heapq.heappush(waiting, (sum(there), there))
    if unreached := sorted(links.keys() - order.keys()):
        raise ValueError(f"with {sorted(dead)} dead, {len(unreached)} nodes of the {config.columns} x {config.rows} "
                         f"mesh cannot be reached from the host: {unreached[:8]}")
    return order


def _routes(links: Mapping[Site, Mapping[Site, Side]], order: Mapping[Site, int],
            destination: Site) -> dict[Site, Side]:
    """Each site's way to the destination: to larger numbers only if those lead there, or else to a smaller one."""
    routes = {destination: Side.LOCAL}
    length = {destination: 0}
    level = [destination]
    while level:  # those that are at the end of a way of ever larger numbers, nearest first
        following = []
        for site in level:
            for there in sorted(links[site]):
                if order[there] < order[site] and there not in routes:
                    routes[there] = links[there][site]
                    length[there] = length[site] + 1
                    following.append(there)
        level = following
    for site in sorted(links.keys() - routes.keys(), key=order.__getitem__):
        smaller = [there for there in links[site] if order[there] < order[site]]
        best = min(smaller, key=lambda there: (length[there], there))
        routes[site] = links[site][best]
        length[site] = length[best] + 1
    return routes
