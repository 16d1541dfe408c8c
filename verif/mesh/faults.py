"""What can be dead of a mesh."""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations

from hdl.config import Config
from hdl.noc.grid import Broken, Site, neighbour
from hdl.noc.routing import Side


def links_of(sites: Sequence[Site]) -> list[Broken]:
    """The links between neighbours of these sites."""
    return [frozenset((site, neighbour(site, side))) for site in sites for side in (Side.EAST, Side.SOUTH)
            if neighbour(site, side) in sites]


def all_faults(config: Config) -> Iterator[tuple[list[Site], list[Broken]]]:
    """Every set of dead nodes, but for the host's, with every set of broken links between the others."""
    first, *others = config.coordinates()
    for dead in _subsets(others):
        for broken in _subsets(links_of([first, *(site for site in others if site not in dead)])):
            yield dead, broken


def _subsets(things: Sequence) -> Iterator[list]:
    return map(list, chain.from_iterable(combinations(things, count) for count in range(len(things) + 1)))
