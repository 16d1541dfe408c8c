"""Traffic patterns: where each node of a mesh sends to."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hdl.config import Config
from hdl.noc.grid import Site


def _one(config: Config, place: Callable[[int, int], Site]) -> NDArray[np.uint32]:
    """Each node sends to one other. `place` takes and gives columns and rows that both count from 0."""
    there = (place(x, y - 1) for x, y in config.coordinates())
    return np.array([[y * config.columns + x] for x, y in there], np.uint32)


def uniform(config: Config) -> NDArray[np.uint32]:
    """To every other node, each as often as the others."""
    nodes = range(config.nodes)
    return np.array([[there for there in nodes if there != here] for here in nodes], np.uint32)


def transpose(config: Config) -> NDArray[np.uint32]:
    """From (x, y) to (y, x); in a mesh that is not square, scaled to its sides."""
    return _one(config, lambda x, y: (y * config.columns // config.rows, x * config.rows // config.columns))


def tornado(config: Config) -> NDArray[np.uint32]:
    """Half a row to the right, around its end."""
    return _one(config, lambda x, y: ((x + (config.columns + 1) // 2 - 1) % config.columns, y))


def neighbour(config: Config) -> NDArray[np.uint32]:
    """To the next node of the row, around its end."""
    return _one(config, lambda x, y: ((x + 1) % config.columns, y))


def bit_reverse(config: Config) -> NDArray[np.uint32]:
    """To the node whose number has the bits in the opposite order; if there is none, to the last minus its own."""
    bits = (config.nodes - 1).bit_length()
    turned = [int(f"{node:0{bits}b}"[::-1], 2) for node in range(config.nodes)]
    return np.array([[there if there < config.nodes else config.nodes - 1 - node] for node, there in enumerate(turned)],
                    np.uint32)


def hotspot(config: Config) -> NDArray[np.uint32]:
    """A tenth of the flits to the node in the middle, the others uniformly."""
    others = uniform(config)
    middle = config.rows // 2 * config.columns + config.columns // 2
    return np.concatenate([others, np.full((config.nodes, max(1, config.nodes // 9)), middle, np.uint32)], axis=1)


PATTERNS = {pattern.__name__: pattern
            for pattern in (uniform, transpose, tornado, hotspot, neighbour, bit_reverse)}


def ideal(config: Config, places: NDArray[np.uint32]) -> float:
    """Flits per node and cycle at which the first link is always busy, X first; 1 at most, what a node can send."""
    links: dict[tuple[Site, Site | None], float] = {}
    sites = config.coordinates()
    for (x, y), choices in zip(sites, places, strict=True):
        targets, counts = np.unique(choices, return_counts=True)
        for target, count in zip(targets, counts, strict=True):
            here = (x, y)
            while True:
                to_x, to_y = sites[target]
                if here[0] != to_x:
                    there = here[0] + (1 if to_x > here[0] else -1), here[1]
                elif here[1] != to_y:
                    there = here[0], here[1] + (1 if to_y > here[1] else -1)
                else:
                    there = None
                links[here, there] = links.get((here, there), 0.0) + count / len(choices)
                if there is None:
                    break
                here = there
    return min(1.0, 1 / max(links.values()))


def distance(config: Config, places: NDArray[np.uint32]) -> float:
    """Mean number of routers on the way, those of source and destination included."""
    sites = np.array(config.coordinates())
    return float(np.mean(np.abs(sites[:, None] - sites[places]).sum(axis=2)) + 1)
