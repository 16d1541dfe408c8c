"""The boards that a tile is built for."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from amaranth.vendor import LatticeECP5Platform
from amaranth_boards.ecpix5 import ECPIX585Platform
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from hdl.config import ULX3S, Config

from .tile import TileOptions


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board and what is built for it.

    Attributes
    ----------
    name : str
        What the command line calls it.
    platform : callable
        Makes the platform of amaranth-boards.
    config : Config
    clock_hz : int
        The tile's clock, from the PLL.
    baud : int
        Bits per second of the link.
    leds : tuple of str
        Pins of heartbeat, link and error: resource, number and, after a dot, its part.
    button : str
        The pin that resets, in the same way.
    loader : str
        What openFPGALoader calls the board.
    usb : str
        What the system says of its serial port, as a regular expression.
    """

    name: str
    platform: Callable[[], LatticeECP5Platform]
    config: Config
    clock_hz: int
    baud: int
    leds: tuple[str, str, str]
    button: str
    loader: str
    usb: str

    @property
    def tile(self) -> TileOptions:
        """The tile to build."""
        return TileOptions(board=self.name, config=self.config, clock_hz=self.clock_hz, baud=self.baud)

    def with_mesh(self, columns: int, rows: int) -> "Board":
        """The same board with a mesh of another size."""
        return replace(self, config=self.config.with_mesh(columns=columns, rows=rows))


#: What fits on an LFE5U-85F, see docs/board.md.
_NODE = ULX3S.with_mesh(columns=1, rows=1)

BOARDS = {board.name: board for board in (
    Board(name="ulx3s", platform=ULX3S_85F_Platform, config=_NODE, clock_hz=20_000_000, baud=1_000_000,
          leds=("led 0", "led 1", "led 2"), button="button_fire 0", loader="ulx3s", usb="ULX3S|0403:6015"),
    Board(name="ecpix5", platform=ECPIX585Platform, clock_hz=25_000_000, baud=1_000_000,
          config=replace(_NODE, name="ECPIX5"),
          leds=("rgb_led 0.g", "rgb_led 1.b", "rgb_led 2.r"), button="rst 0", loader="ecpix5_r03",
          usb="ECPIX|0403:6010"),
)}


def board(name: str) -> Board:
    """The board called `name`, or a ValueError that lists the boards there are."""
    if name not in BOARDS:
        raise ValueError(f"no board is called {name!r}; there are {', '.join(BOARDS)}")
    return BOARDS[name]
