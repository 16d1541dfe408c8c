"""The whole FPGA: a tile, its clock, and the pins of a board."""

from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring

from hdl.verilog import emit

from .boards import Board
from .pll import ClockGenerator
from .tile import TILE_MODULE


def _pin(platform, place: str):
    """The pin called e.g. ``rgb_led 0.g``."""
    name, _, part = place.partition(".")
    resource, number = name.split()
    requested = platform.request(resource, int(number))
    return getattr(requested, part) if part else requested


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
        input_hz = round(platform.default_clk_frequency)
        m.submodules.clock = clock = ClockGenerator(input_hz=input_hz, output_hz=board.clock_hz)
        m.d.comb += [
            clock.oscillator.eq(platform.request(platform.default_clk).i),
            clock.reset.eq(_pin(platform, board.button).i),
        ]
        uart = platform.request("uart")
        leds = {name: Signal(name=name) for name in ("heartbeat", "link", "error")}
        for pin, value in zip(board.leds, leds.values(), strict=True):
            m.d.comb += _pin(platform, pin).o.eq(value)

        # The tile repeats blocks by name, which `hdl.verilog.emit` alone can put into Verilog.
        platform.add_file(f"{TILE_MODULE}.sv", emit(self.tile, name=TILE_MODULE))
        m.submodules.tile = Instance(
            TILE_MODULE, i_clk=ClockSignal(), i_rst=ResetSignal(), i_rx=uart.rx.i, o_tx=uart.tx.o,
            **{f"o_{name}": value for name, value in leds.items()})
        return m
