"""Checks routing tables before they are loaded, from the tables alone: it does not know how they were made."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from hdl.config import Config
from hdl.noc.edge import EDGE_X, EDGE_Y
from hdl.noc.grid import Broken, Site, neighbour
from hdl.noc.routing import NEIGHBOURS, Side

#: A link in one direction: from, to.
Channel = tuple[Site, Site]


class RouteFault(ValueError):
    """Tables could lead a flit astray, or into a deadlock; the message says where."""


def check(tables: Mapping[Site, Mapping[Site, Side]], *, config: Config, dead: Collection[Site] = (),
          broken: Collection[Broken] = ()) -> int:
    """Check that the tables lead every flit to its destination, and that no flits can wait for each other in a circle.

    Checked are: there is a table for each live node; every route leads over a usable link; from each live node and from
    the host, each live node and the host are reached in a finite number of steps; what is dead or not in the mesh has
    no route; no route turns back; and the channel dependency graph, whose edges are the pairs of links that some flit
    takes one after the other, has no circle.

    Returns
    -------
    int
        Steps of the longest way.

    Raises
    ------
    RouteFault
    """
    host = (EDGE_X, EDGE_Y)
    first = neighbour(host, Side.SOUTH)
    live = set(config.coordinates()) - set(dead)
    if tables.keys() != live:
        raise RouteFault(f"there must be a table for each live node: missing {sorted(live - tables.keys())[:8]}, "
                         f"too many {sorted(tables.keys() - live)[:8]}")
    destinations = live | {host}
    for site, table in tables.items():
        if astray := sorted(place for place, side in table.items() if place not in destinations and side != Side.LOCAL):
            raise RouteFault(f"{site} has a route to {astray[0]}, where nobody lives")
        if unrouted := sorted(destinations - table.keys()):
            raise RouteFault(f"{site} has no route to {unrouted[0]}")

    follows: defaultdict[Channel, set[Channel]] = defaultdict(set)
    longest = 0
    for destination in destinations:
        steps = {destination: 0}
        for start in live:
            way = [start]
            while way[-1] not in steps:
                here = way[-1]
                side = tables[here][destination]
                there = neighbour(here, side) if side in NEIGHBOURS else None
                to_host = destination == host and here == first
                if there is None or there not in destinations or (there == host) != to_host \
                        or frozenset((here, there)) in broken:
                    raise RouteFault(f"{here} sends what goes to {destination} by {side!r}, where there is no way")
                if there in way:
                    raise RouteFault(f"what goes from {start} to {destination} comes back to {there} and never arrives")
                way.append(there)
            for distance, site in enumerate(reversed(way), start=steps[way[-1]]):
                steps[site] = distance
        longest = max(longest, *steps.values())
        if destination in live and tables[destination][destination] != Side.LOCAL:
            raise RouteFault(f"{destination} sends its own flits away, by {tables[destination][destination]!r}")
        onwards = {site: neighbour(site, tables[site][destination]) for site in live if site != destination}
        if destination != host:
            onwards[host] = first
        for site, there in onwards.items():
            if there in onwards and there != host:
                if onwards[there] == site:
                    raise RouteFault(f"what goes from {site} to {destination} turns back at {there}")
                follows[site, there].add((there, onwards[there]))

    waits_for = Counter(dict.fromkeys(follows, 0))
    waits_for.update(after for afters in follows.values() for after in afters)
    ready = [channel for channel, count in waits_for.items() if count == 0]
    done = 0
    while ready:
        done += 1
        for after in follows[ready.pop()]:
            waits_for[after] -= 1
            if waits_for[after] == 0:
                ready.append(after)
    if done != len(waits_for):
        circle = sorted(channel for channel, count in waits_for.items() if count)
        raise RouteFault(f"flits could wait for each other in a circle, among the links {circle[:6]}")
    return longest
