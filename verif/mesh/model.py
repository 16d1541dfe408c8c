"""A mesh of routers as fast as it goes: one compiled router, wired many times in C++, with a scoreboard."""

import ctypes
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hdl import verilog
from hdl.config import Config
from hdl.memory_map import ROUTE_BITS, ROUTES_PER_REGISTER
from hdl.noc.grid import Broken, Site
from hdl.noc.packet import Coordinate, Header, Op, flit_layout
from hdl.noc.routing import Side
from sim import build, verilator
from verif.driver import driver
from verif.mesh import wires
from verif.mesh.tile import Tile

#: What a link counts; see `hdl.noc.router.Router`.
LINK_COUNTS = ("flits", "stalls", "refused")

#: Latencies are counted one by one up to here.
LATENCIES = 1 << 14

#: What flits of each class say they are.
OPS = (Op.READ, Op.PUT)


class MeshFault(AssertionError):
    """A flit was lost, doubled, changed, overtaken or sent to the wrong node, or nothing moves any more."""


class _Traffic(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in
                ("load", "class_1", "stall_0", "stall_1", "burst", "queue", "length", "choices")]
    _fields_ += [("places", ctypes.c_void_p)]


_NUMBERS = ("cycles", "made", "dropped", "entered", "arrived", "misplaced", "latency_sum", "latency_max")


class _Counts(ctypes.Structure):
    _fields_ = [*((name, ctypes.c_uint64) for name in _NUMBERS), ("links", ctypes.c_void_p),
                ("latencies", ctypes.c_void_p)]


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What sources and sinks do.

    Parameters
    ----------
    places : array [nodes, choices]
        For each node, the indices of the places that it sends to, each as likely as the others.
    load : float
        Flits made by each node in a cycle.
    class_1 : float
        Share of class 1.
    stalls : tuple of float
        Probability, for each class, that a sink takes nothing.
    burst : int
        Cycles for which a sink stays as it is.
    queue : int
        Flits of a class that may wait at their source; beyond that none is made.
    length : int
        Flits of a list: they are made at once, all of them to the same place.
    """

    places: ArrayLike
    load: float
    class_1: float = 0.5
    stalls: tuple[float, float] = (0.0, 0.0)
    burst: int = 1
    queue: int = 64
    length: int = 1


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What has happened in a number of cycles, in all of the mesh.

    Attributes
    ----------
    made, dropped : int
        Flits that sources made, and would have made if there had been room to wait.
    entered, arrived : int
        Flits that entered the mesh, and that left it.
    misplaced : int
        Flits that have arrived and whose destination does not live: at the node that noticed.
    latency_sum, latency_max : int
        In cycles, from the making of a flit to its arrival.
    links : array [nodes, len(LINK_COUNTS), len(Side)]
    latencies : array
        How many flits had each latency.
    """

    cycles: int
    made: int
    dropped: int
    entered: int
    arrived: int
    misplaced: int
    latency_sum: int
    latency_max: int
    links: NDArray[np.uint64]
    latencies: NDArray[np.uint64]

    @property
    def latency(self) -> float:
        """Mean cycles from the making of a flit to its arrival."""
        return self.latency_sum / self.arrived if self.arrived else float("nan")


#: Columns and rows of the largest mesh; the tables of the compiled router are made for it, whatever the mesh.
LARGEST = (18, 20)


#: What the loop knows of Verilator's insides: where a model keeps what its clock was at the last look.
_INSIDES = '#include "Vtop___024root.h"\n#define CLOCK_BEFORE __Vtrigprevexpr___TOP__clk__0\n'


@cache
def library(config: Config) -> Path:
    """The shared library with the compiled router and its loop."""
    layout = flit_layout(config)
    header = layout["header"].offset
    fields = {str(name): header + field.offset for name, field in Header.as_shape()}
    coordinate = {str(name): field.offset for name, field in Coordinate.as_shape()}
    constants = {
        **wires.constants(config),
        **{f"{what.upper()}_{axis.upper()}": fields[what] + coordinate[axis]
           for what in ("destination", "source") for axis in "xy"},
        "OP": fields["op"], "ADDRESS": fields["address"],
        "PAYLOAD": layout["payload"].offset, "PAYLOAD_WORDS": config.vector_bits // 32,
        "OP_OF_CLASS_0": OPS[0].value, "OP_OF_CLASS_1": OPS[1].value, "LATENCIES": LATENCIES,
    }
    return build.library(verilog.emit(Tile(config=config), name="tile"), name="tile",
                         driver=_INSIDES + driver(Path(__file__).with_name("model.cpp"), constants, wires.HEADER),
                         options=verilator.BLOCK_OPTIONS)


class MeshModel:
    """`config.columns` x `config.rows` routers with a source and a sink each.

    Parameters
    ----------
    config : Config
    dead, broken
        As for `hdl.mesh.Mesh`.
    places : collection of (x, y)
        Where flits may be sent to. Default: every site of the mesh.
    seed : int
    threads : int
        Of the computer; they change nothing but the time it takes.

    Attributes
    ----------
    nodes : list of (x, y)
        Live nodes, in the order of all arrays.
    places : list of (x, y)
    """

    def __init__(self, *, config: Config, dead: Collection[Site] = (), broken: Collection[Broken] = (),
                 places: Collection[Site] | None = None, seed: int, threads: int = 1):
        columns, rows = LARGEST
        if config.columns > columns or config.rows > rows:
            raise ValueError(f"the largest mesh is {columns} x {rows}, not {config.columns} x {config.rows}")
        if threads < 1:
            raise ValueError(f"a mesh needs a thread or more, not {threads!r}")
        self.config = config
        self.nodes = [site for site in config.coordinates() if site not in dead]
        self.places = list(config.coordinates() if places is None else places)
        live = set(self.nodes)
        links = [wires.links(site, known=live, broken=broken) for site in self.nodes]
        self._library = ctypes.CDLL(str(library(config.with_mesh(columns=columns, rows=rows))))
        self._library.mesh_new.restype = ctypes.c_void_p
        self._library.mesh_error.restype = ctypes.c_char_p
        self._library.mesh_inside.restype = ctypes.c_uint64
        self._mesh = ctypes.c_void_p(self._library.mesh_new(
            len(self.nodes), wires.integers(self.nodes, np.int32), wires.integers(links, np.uint8),
            len(self.places), wires.integers(self.places, np.int32), ctypes.c_uint64(seed), threads))

    def close(self) -> None:
        self._library.mesh_delete(self._mesh)

    def __enter__(self) -> "MeshModel":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def load_routes(self, tables: Mapping[Site, Mapping[Site, Side]]) -> None:
        """Give the nodes their routing tables, as `sim.routing.tables` makes them, and switch them on."""
        for site, table in tables.items():
            index = ctypes.c_int(self.nodes.index(site))
            for y in range(self.config.rows + 1):
                for group in range(-(-self.config.columns // ROUTES_PER_REGISTER)):
                    routes = sum(int(table.get((group * ROUTES_PER_REGISTER + x, y), Side.LOCAL)) << ROUTE_BITS * x
                                 for x in range(ROUTES_PER_REGISTER))
                    self._library.mesh_set_routes(self._mesh, index, 0, 1, y, group, ctypes.c_uint64(routes))
            self._library.mesh_set_routes(self._mesh, index, 1, 0, 0, 0, ctypes.c_uint64(0))

    def run(self, traffic: Traffic, *, cycles: int, until_empty: bool = False, limit: int = 1000) -> Counts:
        """Run for `cycles`, or, with `until_empty`, until no flit is left if that is sooner.

        Raises
        ------
        MeshFault
            If a flit is not what and where it should be; or if none has arrived for `limit` cycles.
        """
        places = np.ascontiguousarray(traffic.places, np.uint32)
        if places.ndim != 2 or len(places) != len(self.nodes) or places.max() >= len(self.places):
            raise ValueError(f"places must be [{len(self.nodes)}, choices] indices below {len(self.places)}, "
                             f"not {places.shape} up to {places.max()}")
        if not 1 <= traffic.length <= traffic.queue:
            raise ValueError(f"a list has 1 to {traffic.queue} flits, what its source's queue holds, not "
                             f"{traffic.length!r}")
        links = np.zeros((len(self.nodes), len(LINK_COUNTS), len(Side)), np.uint64)
        latencies = np.zeros(LATENCIES, np.uint64)

        def chance(probability: float) -> int:
            return min(round(probability * (1 << 32)), (1 << 32) - 1)

        wanted = _Traffic(chance(traffic.load / traffic.length), chance(traffic.class_1),
                          *map(chance, traffic.stalls), traffic.burst, traffic.queue, traffic.length, places.shape[1],
                          places.ctypes.data)
        counts = _Counts(links=links.ctypes.data, latencies=latencies.ctypes.data)
        self._library.mesh_run(self._mesh, ctypes.c_uint64(cycles), until_empty, ctypes.c_uint64(limit),
                               ctypes.byref(wanted), ctypes.byref(counts))
        if error := self._library.mesh_error(self._mesh).decode():
            raise MeshFault(error)
        numbers = {name: getattr(counts, name) for name in _NUMBERS}
        return Counts(**numbers, links=links, latencies=latencies)

    def drain(self, *, limit: int = 1000) -> Counts:
        """Make no more flits, take everything, and run until nothing is left.

        Raises
        ------
        MeshFault
            As for `run`.
        """
        nothing = Traffic(places=np.zeros((len(self.nodes), 1), np.uint32), load=0.0)
        counts = self.run(nothing, cycles=1 << 40, until_empty=True, limit=limit)
        assert self._library.mesh_inside(self._mesh) == 0
        return counts
