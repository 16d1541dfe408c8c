"""What C++ has to know of a compiled router or node to wire it."""

import ctypes
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from hdl.config import Config
from hdl.noc.grid import Broken, Site, neighbour
from hdl.noc.packet import flit_layout
from hdl.noc.routing import NEIGHBOURS

#: The C++ that goes with it.
HEADER = Path(__file__).with_name("wires.h")


def constants(config: Config) -> dict[str, object]:
    """Words of a flit, and the ports of the model ``r``."""
    def ports(kind: str) -> str:
        return "{" + ", ".join(f"{{&r.{kind}__{side}__slot, &r.{kind}__{side}__freed, &r.{kind}__{side}__flit}}"
                               for side in map(int, NEIGHBOURS)) + "}"

    return {"FLIT_WORDS": -(-flit_layout(config).size // 32), "INPUT_PORTS": ports("inputs"),
            "OUTPUT_PORTS": ports("outputs")}


def links(site: Site, *, known: Collection[Site], broken: Collection[Broken]) -> int:
    """Of a node, a bit for each side on which there is a known site behind a link that is not broken."""
    there = {side: neighbour(site, side) for side in NEIGHBOURS}
    return sum((other in known and frozenset((site, other)) not in broken) << side for side, other in there.items())


def integers(values: ArrayLike, kind: DTypeLike) -> ctypes.c_void_p:
    """An array for C++, as long as what is returned lives."""
    return np.ascontiguousarray(values, kind).ctypes.data_as(ctypes.c_void_p)
