"""A session with a board: requests go out and are repeated until their responses come in."""

import json
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from hdl.config import Config
from sim.errors import SimulationError

from .link.frame import DESIGN, HELLO_BYTES, MAX_DATA, PROTOCOL, Kind, pack_request, status_name, unpack_response

#: Most bytes that a response has besides its data, and doubled by their stuffing.
_OVERHEAD = 40

#: How often a frame is sent before the link is given up.
ATTEMPTS = 16


class Line(Protocol):
    """A serial line."""

    @property
    def baud(self) -> int:
        """Bits per second."""
        ...

    @property
    def latency_s(self) -> float:
        """Seconds that a response may take, besides those that its bytes and the request's take on the line."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def read_frame(self, *, seconds: float) -> bytes | None:
        """What comes up to the next END, without it; None if no END comes within `seconds`."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""


class LinkLost(SimulationError):
    """The board does not answer, or is not one of ours; the message says what to do."""


class Failed(SimulationError):
    """The board could not carry out a request; the message names the request and the reason."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a board says that it is."""

    board: str
    clock_hz: int
    config: Config


def _identity(content: bytes) -> Identity:
    try:
        said: dict[str, Any] = json.loads(content)
        design, protocol = said.pop("design"), said.pop("protocol")
        if (design, protocol) != (DESIGN, PROTOCOL):
            raise LinkLost(f"the board says it is {design!r} with protocol {protocol!r}, not {DESIGN!r} with "
                           f"{PROTOCOL}: build and flash it again, with 'make fpga flash'")
        config = said.pop("config")
        return Identity(config=Config(**config | {"matrix": tuple(config["matrix"])}), **said)
    except (ValueError, KeyError, TypeError) as error:
        raise LinkLost(f"the board does not say what it is: {content[:80]!r}") from error


class Session:
    """Requests to a board, one after the other.

    Parameters
    ----------
    line : Line

    Attributes
    ----------
    identity : Identity
    dropped : int
        Frames that the board has dropped since its reset, as of its last response.
    repeated : int
        Frames that were sent again in this session.

    Raises
    ------
    LinkLost
        If nobody answers, or somebody else.
    """

    def __init__(self, line: Line):
        self.line = line
        self.dropped = self.repeated = 0
        self._sequence = secrets.randbelow(256)
        self.identity = _identity(self._what_it_is())

    def _what_it_is(self) -> bytes:
        """Begin a session; what the board says that it is, up to the zeros that follow it."""
        session = 1 + secrets.randbelow((1 << 32) - 1)
        said = b""
        for offset in range(0, MAX_DATA, HELLO_BYTES):
            said += (piece := self._request(Kind.HELLO, address=session, size=offset))
            if len(piece) != HELLO_BYTES or piece.endswith(b"\0"):
                break
        return said.rstrip(b"\0")

    def read(self, node: tuple[int, int], address: int, size: int) -> bytes:
        """Read any number of bytes of a node.

        Raises
        ------
        Failed
            If the node, or the mesh, refuses.
        LinkLost
            If the board stops answering.
        """
        return b"".join(self._request(Kind.READ, node=node, address=address + start, size=min(MAX_DATA, size - start))
                        for start in range(0, size, MAX_DATA))

    def write(self, node: tuple[int, int], address: int, content: bytes) -> None:
        """Write any number of bytes of a node; errors are those of `read`."""
        for start in range(0, len(content), MAX_DATA):
            piece = content[start:start + MAX_DATA]
            self._request(Kind.WRITE, node=node, address=address + start, size=len(piece), content=piece)

    def reset(self) -> None:
        """Reset the mesh."""
        self._request(Kind.RESET)

    def _request(self, kind: Kind, *, node: tuple[int, int] = (0, 0), address: int = 0, size: int = 0,
                 content: bytes = b"") -> bytes:
        self._sequence = (self._sequence + 1) % 256
        frame = pack_request(sequence=self._sequence, kind=kind, node=node, address=address, size=size, content=content)
        most = {Kind.HELLO: HELLO_BYTES, Kind.READ: size}.get(kind, 0)
        patience = self.line.latency_s + 10 * (len(frame) + 2 * most + _OVERHEAD) / self.line.baud
        name = f"{kind.name} of {size} bytes at {address:#x} of node {node[0]},{node[1]}"
        if kind not in (Kind.READ, Kind.WRITE):
            name = kind.name
        for attempt in range(ATTEMPTS):
            self.repeated += attempt > 0
            self.line.write(frame)
            while (came := self.line.read_frame(seconds=patience)) is not None:
                response = unpack_response(came)
                if response is None or response[0]["sequence"] != self._sequence:
                    continue
                fields, result = response
                self.dropped = fields["dropped"]
                if fields["status"]:
                    raise Failed(f"{name}: refused, {status_name(fields['status'])} at {fields['address']:#x}")
                return result
        raise LinkLost(f"no answer to {name}, sent {ATTEMPTS} times: is the board the one that was built for, is it "
                       "flashed ('make flash'), and was its reset button not pressed meanwhile?")
