"""The host of a mesh, at its edge port: reads and writes any node, many requests at a time."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time

from hdl.config import Config
from hdl.memory_map import ErrorCode
from hdl.noc.packet import Op
from sim.errors import SimulationError

from .noc import HEADER, Codec, Packet, Port

#: Period of the bench's clock.
CLOCK_NS = 10

#: Values of a packet's tag.
TAGS = 1 << HEADER["tag"].width


class Refused(SimulationError):
    """A node, or the edge port, answered a request with an error."""


class NoAnswer(SimulationError):
    """A request was not taken, or not answered, in time."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """A WRITE or a posted PUT, if there is `data`, or a READ of `size` bytes within a line; `index` is the caller's."""

    node: tuple[int, int]
    address: int
    size: int
    data: bytes | None = None
    posted: bool = False
    index: int = 0

    @property
    def op(self) -> Op:
        return Op.READ if self.data is None else Op.PUT if self.posted else Op.WRITE

    def __str__(self) -> str:
        return f"{self.op.name} of {self.size} bytes at {self.address:#x} of node {self.node[0]},{self.node[1]}"


async def start(dut) -> None:
    """Start the clock of a mesh and reset it."""
    dut.rst.value = 1
    cocotb.start_soon(Clock(dut.clk, CLOCK_NS, unit="ns", impl="gpi").start())
    for _ in range(2):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


def now() -> int:
    """Cycles of the bench's clock so far."""
    return round(get_sim_time("ns")) // CLOCK_NS


class Requests(ABC):
    """Reads and writes of any size as packets of a line at most, whatever carries them.

    Answers come in any order and are told apart by their tags. A WRITE is done when its ACK is here.

    Parameters
    ----------
    config : Config
    patience : int
        Cycles without any progress after which the oldest request, and with it the mesh, is given up.
    """

    def __init__(self, config: Config, *, patience: int = 10_000):
        self.config = config
        self.patience = patience
        self.codec = Codec(config)

    @abstractmethod
    async def _carry_out(self, accesses: Sequence[Access]) -> list[bytes]:
        """The answers' bytes in the order of `accesses`."""

    async def write(self, accesses: Iterable[tuple[tuple[int, int], int, bytes]]) -> None:
        """Write any number of bytes to each ((x, y), address).

        Raises
        ------
        Refused, NoAnswer
            The message names the access.
        """
        await self._carry_out([
            Access(node=node, address=address + start, size=end - start, data=data[start:end])
            for node, address, data in accesses for start, end in self._lines(address, len(data))])

    async def read(self, accesses: Sequence[tuple[tuple[int, int], int, int]]) -> list[bytes]:
        """Read the `size` bytes at each ((x, y), address, size); errors are those of `write`."""
        pieces = [
            Access(node=node, address=address + start, size=end - start, index=index)
            for index, (node, address, size) in enumerate(accesses) for start, end in self._lines(address, size)]
        results = [bytearray() for _ in accesses]
        for piece, data in zip(pieces, await self._carry_out(pieces), strict=True):
            results[piece.index] += data
        return [bytes(result) for result in results]

    def _lines(self, address: int, size: int) -> Iterable[tuple[int, int]]:
        """Cut a range of bytes at the borders of lines; a packet never crosses one."""
        line = self.config.vector_bytes
        start = 0
        while start < size:
            end = min(size, start + line - (address + start) % line)
            yield start, end
            start = end

    def _flit(self, access: Access, tag: int) -> int:
        data = int.from_bytes(access.data or b"", "little")
        return self.codec.pack(Packet(
            destination=access.node, op=access.op.value, tag=tag, size=access.size, address=access.address,
            payload=data << access.address % self.config.vector_bytes * 8))

    def _answer(self, access: Access, packet: Packet) -> bytes:
        if packet.op == Op.ERROR.value:
            code, address = ErrorCode(packet.payload & 15).name, packet.payload >> 32 & 0xFFFF_FFFF
            raise Refused(f"{access}: refused, error {code} at {address:#x}")
        expected = Op.DATA if access.data is None else Op.ACK
        if packet.op != expected.value:
            raise Refused(f"{access}: answered with operation {packet.op} instead of {expected.name}")
        data = packet.payload >> access.address % self.config.vector_bytes * 8
        return b"" if access.data is not None else (data & (1 << 8 * access.size) - 1).to_bytes(access.size, "little")

    def _no_answer(self, waiting: Mapping[int, tuple[int, Access]]) -> NoAnswer:
        _, oldest = next(iter(waiting.values()))
        return NoAnswer(f"no answer to a {oldest}, nor to {len(waiting) - 1} other requests, "
                        f"for {self.patience:,} cycles")


class Host(Requests):
    """Drives the edge port of a `hdl.mesh.Mesh`.

    Parameters
    ----------
    dut
        The mesh; its clock runs.
    config, patience
        See `Requests`.
    outstanding : int
        Requests that may be under way.
    """

    def __init__(self, dut, config: Config, *, outstanding: int = TAGS, patience: int = 10_000):
        if outstanding not in range(1, TAGS + 1):
            raise ValueError(f"outstanding must lie in 1 .. {TAGS}, not {outstanding}")
        super().__init__(config, patience=patience)
        self.dut = dut
        self.outstanding = outstanding
        # Every packet of this host is a request, of class 0, but for PUTs.
        self.i, self.o = Port(dut, "edge__i"), Port(dut, "edge__o")
        self.i.valid.value = 0
        self.o.ready.value = 1

    async def cycles(self, count: int) -> None:
        """Let the mesh run."""
        await Timer(count * CLOCK_NS, unit="ns")

    async def now(self) -> int:
        """Cycles of the bench's clock so far."""
        return now()

    async def put(self, writes: Iterable[tuple[tuple[int, int], int, bytes]]) -> None:
        """As `write`, pieces of a line, in PUTs, which nobody answers: it returns when all have been taken."""
        edge = RisingEdge(self.dut.clk)
        for node, address, data in writes:
            self.i.flit.value = self._flit(
                Access(node=node, address=address, size=len(data), data=data, posted=True), 0)
            self.i.valid.value = 2
            await edge
            while not int(self.i.ready.value) & 2:
                await edge
        self.i.valid.value = 0

    async def _carry_out(self, accesses: Sequence[Access]) -> list[bytes]:
        """Offer a request in every cycle as long as there are tags; the answers' bytes in the order of `accesses`."""
        answers: list[bytes] = [b""] * len(accesses)
        left = deque(enumerate(accesses))
        tags = deque(range(self.outstanding))
        waiting: dict[int, tuple[int, Access]] = {}
        offered, idle, refusal = None, 0, None
        edge = RisingEdge(self.dut.clk)
        while left or waiting:
            if offered is None and left and tags:
                offered = tags.popleft()
                waiting[offered] = left.popleft()
                self.i.flit.value = self._flit(waiting[offered][1], offered)
                self.i.valid.value = 1
            await edge
            idle += 1
            # Right after the edge, signals still show what the edge has seen.
            if offered is not None and int(self.i.ready.value) & 1:
                offered, idle = None, 0
                if not (left and tags):
                    self.i.valid.value = 0
            if self.o.valid.value:
                packet, idle = self.codec.unpack(int(self.o.payload.value)), 0
                index, access = waiting.pop(packet.tag)
                tags.append(packet.tag)
                try:
                    answers[index] = self._answer(access, packet)
                except Refused as error:
                    # Send nothing more, but wait for what is under way: its answers must not meet later requests.
                    refusal = refusal or error
                    left.clear()
            if idle > self.patience:
                raise self._no_answer(waiting)
        if refusal is not None:
            raise refusal
        return answers
