"""The whole FPGA: a tile, its clock, and the pins of a board."""

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Instance, Module, ResetSignal
from amaranth.lib import io, wiring

from hdl.verilog import View, emit

from .boards import Board
from .pll import ClockGenerator
from .tile import TILE_MODULE


class Top(Elaboratable):
    """What `board.platform` builds.

    Parameters
    ----------
    board : Board
    tile : wiring.Component
        A `Tile`, or what has its ports.
    """

    def __init__(self, *, board: Board, tile: wiring.Component):
        self.board = board
        self.tile = tile

    def elaborate(self, platform):
        m = Module()
        board = self.board

        def buffer(name: str, direction: io.Direction, place: str):
            """A pin by the name of its resource, its number and, after a dot, its part."""
            resource, _, part = place.partition(".")
            port = platform.request(*_numbered(resource), dir="-")
            m.submodules[f"pin_{name}"] = made = io.Buffer(direction, getattr(port, part) if part else port)
            return made

        # A resource can be requested once, so both lines of the port come from one request.
        uart = platform.request("uart", 0, dir="-")
        m.submodules.pin_rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.pin_tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        leds = {name: buffer(name, io.Direction.Output, place).o
                for name, place in zip(("heartbeat", "link", "error"), board.leds, strict=True)}

        m.domains.sync = ClockDomain()
        m.submodules.clock = clock = ClockGenerator(
            input_hz=round(platform.default_clk_frequency), output_hz=board.clock_hz)
        m.d.comb += [
            clock.oscillator.eq(buffer("oscillator", io.Direction.Input, f"{platform.default_clk} 0").i),
            clock.reset.eq(buffer("reset", io.Direction.Input, board.button).i),
        ]

        # The tile repeats blocks by name, which `hdl.verilog.emit` alone can put into Verilog.
        platform.add_file(f"{TILE_MODULE}.sv", emit(self.tile, name=TILE_MODULE, view=View.FPGA))
        m.submodules.tile = Instance(
            TILE_MODULE, i_clk=ClockSignal(), i_rst=ResetSignal(), i_rx=rx.i, o_tx=tx.o,
            **{f"o_{name}": value for name, value in leds.items()})
        return m


def _numbered(resource: str) -> tuple[str, int]:
    name, number = resource.split()
    return name, int(number)
