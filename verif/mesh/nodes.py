"""A mesh of whole nodes, any size: one compiled node, wired many times in C++, with a host that runs jobs.

Verilator takes memory and time for each node of a `hdl.mesh.Mesh`; here it sees one. The host's port is C++, too.
"""

import asyncio
import ctypes
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from hdl import verilog
from hdl.config import Config
from hdl.noc.edge import EDGE_X, EDGE_Y
from hdl.noc.grid import Broken, Site, neighbour
from hdl.noc.packet import flit_layout
from hdl.noc.routing import NEIGHBOURS
from hdl.node import Node
from sim import build
from sim.job import Job, Result
from sim.job_runner import JobRunner
from sim.rtl import REPEATED
from verif.driver import driver
from verif.host import TAGS, Access, Requests
from verif.mesh import wires
from verif.noc import COORDINATE, HEADER


@cache
def library(config: Config) -> Path:
    """The shared library with the compiled node and its wires."""
    op = HEADER["op"]
    constants = {
        **wires.constants(config), "DEPTH": config.fifo_depth,
        "CLASS_BIT": flit_layout(config)["header"].offset + op.offset + op.width - 1,
        **{f"POSITION_{axis.upper()}": COORDINATE[axis].offset for axis in "xy"},
    }
    return build.library(verilog.emit(Node(config=config), name="node"), name="node", no_inline=REPEATED,
                         driver=driver(Path(__file__).with_name("nodes.cpp"), constants, wires.HEADER))


class Nodes(Requests):
    """`config.columns` x `config.rows` nodes and their host, as `sim.job_runner.Host`.

    Parameters
    ----------
    config : Config
    dead, broken
        As for `hdl.mesh.Mesh`.
    """

    def __init__(self, config: Config, *, dead: Collection[Site] = (), broken: Collection[Broken] = ()):
        super().__init__(config)
        #: Live nodes.
        self.nodes = [site for site in config.coordinates() if site not in dead]
        index = {site: number for number, site in enumerate(self.nodes)}
        links = [wires.links(site, known={*self.nodes, (EDGE_X, EDGE_Y)}, broken=broken) for site in self.nodes]
        neighbours = [[index.get(neighbour(site, side), -1) if linked >> side & 1 else -1 for side in NEIGHBOURS]
                      for site, linked in zip(self.nodes, links, strict=True)]
        self._library = ctypes.CDLL(str(library(config)))
        self._library.nodes_new.restype = ctypes.c_void_p
        self._library.nodes_receive.restype = ctypes.c_bool
        self._library.nodes_run.restype = ctypes.c_uint64
        self._mesh = ctypes.c_void_p(self._library.nodes_new(
            len(self.nodes), wires.integers(self.nodes, np.int32), wires.integers(neighbours, np.int32),
            wires.integers(links, np.uint8)))
        self._flit_bytes = 4 * int(str(wires.constants(config)["FLIT_WORDS"]))

    def close(self) -> None:
        self._library.nodes_delete(self._mesh)

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _run(self, cycles: int, *, until_answer: bool = False) -> int:
        return self._library.nodes_run(self._mesh, ctypes.c_uint64(cycles), ctypes.c_bool(until_answer))

    def _send(self, access: Access, tag: int = 0) -> None:
        self._library.nodes_send(self._mesh, self._flit(access, tag).to_bytes(self._flit_bytes, "little"))

    async def cycles(self, count: int) -> None:
        """Let the mesh run."""
        self._run(count)

    async def now(self) -> int:
        """Cycles since reset."""
        return self._run(0)

    async def put(self, writes: Iterable[tuple[Site, int, bytes]]) -> None:
        """As `write`, pieces of a line, in PUTs, which nobody answers: they leave as the mesh runs."""
        for node, address, data in writes:
            self._send(Access(node=node, address=address, size=len(data), data=data, posted=True))

    async def _carry_out(self, accesses: Sequence[Access]) -> list[bytes]:
        answers = [b""] * len(accesses)
        left = deque(enumerate(accesses))
        tags = deque(range(TAGS))
        waiting: dict[int, tuple[int, Access]] = {}
        flit = ctypes.create_string_buffer(self._flit_bytes)
        while left or waiting:
            while left and tags:
                tag = tags.popleft()
                waiting[tag] = left.popleft()
                self._send(waiting[tag][1], tag)
            self._run(self.patience, until_answer=True)
            if not self._library.nodes_receive(self._mesh, flit):
                raise self._no_answer(waiting)
            packet = self.codec.unpack(int.from_bytes(flit.raw, "little"))
            index, access = waiting.pop(packet.tag)
            tags.append(packet.tag)
            answers[index] = self._answer(access, packet)
        return answers


def run_nodes(job: Job) -> Result:
    """Run a job, as `sim.rtl.run_rtl`.

    Raises
    ------
    SimulationError
        If the host got no answer or an error, or the job did not end.
    """
    with Nodes(job.config) as nodes:
        return asyncio.run(JobRunner(nodes, job).run())
