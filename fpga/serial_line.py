"""A board's serial port."""

import errno
import grp
import os
import re
import time

import serial
from serial.tools import list_ports

from .boards import BOARDS, Board
from .link.frame import END
from .session import LinkLost

#: Seconds that a response may take besides those of its bytes: USB adds milliseconds, the mesh's patience 52.
LATENCY_S = 0.25


def find_port(made_for: Board) -> str:
    """The serial port of a board of that kind.

    Raises
    ------
    LinkLost
        If there is none, or more than one.
    """
    ports = sorted(list_ports.comports())
    fits = [port.device for port in ports
            if re.search(made_for.usb, f"{port.product} {port.vid or 0:04x}:{port.pid or 0:04x}", re.IGNORECASE)]
    if len(fits) == 1:
        return fits[0]
    listed = ", ".join(f"{port.device} ({port.description})" for port in ports) or "none at all"
    what = f"no port looks like a {made_for.name}" if not fits else f"{len(fits)} ports look like a {made_for.name}"
    raise LinkLost(f"{what}; there are: {listed}. Connect the board, or name its port with --port, or the board with "
                   f"--board ({', '.join(BOARDS)}); --port sim needs none")


class SerialLine:
    """A serial port as a `fpga.session.Line`.

    Raises
    ------
    LinkLost
        If the port cannot be opened, or is gone later; the message says what to do.
    """

    latency_s = LATENCY_S

    def __init__(self, port: str, *, baud: int):
        self.baud = baud
        try:
            self._serial = serial.Serial(port, baud, exclusive=True, timeout=0.02)
        except (OSError, ValueError) as error:
            raise LinkLost(_cannot_open(port, error)) from error
        self._received = bytearray()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._serial.write(data)
        except OSError as error:
            raise self._gone(error) from error

    def read_frame(self, *, seconds: float) -> bytes | None:
        """What comes up to the next END, without it; None if no END comes within `seconds`."""
        deadline = time.monotonic() + seconds
        while END not in self._received:
            if time.monotonic() > deadline:
                return None
            try:
                self._received += self._serial.read(max(1, self._serial.in_waiting))
            except OSError as error:
                raise self._gone(error) from error
        frame, _, self._received = self._received.partition(bytes([END]))
        return bytes(frame)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def _gone(self, error: OSError) -> LinkLost:
        return LinkLost(f"{self._serial.port} does not answer any more, is the cable still there? ({error})")


def _cannot_open(port: str, error: OSError | ValueError) -> str:
    match getattr(error, "errno", None):
        case errno.ENOENT:
            return f"there is no port {port!r}: is the board connected? --port sim needs none"
        case errno.EACCES:
            group = grp.getgrgid(os.stat(port).st_gid).gr_name
            return (f"you may not open {port}: join its group, with 'sudo usermod -aG {group} $USER', and log in again")
        case errno.EBUSY | errno.EAGAIN:
            return f"another program has {port} open: end it"
        case _:
            return f"{port!r} cannot be opened as a serial port: {error}"
