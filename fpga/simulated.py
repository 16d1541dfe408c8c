"""A board in Verilator: the tile, RTL or netlist, behind a serial line that carries bits, not bytes."""

import ctypes
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hdl import verilog
from hdl.mesh import NODE_MODULE
from sim import build as models
from synth.ecp5_netlist import netlist_of

from .ecp5 import CELLS
from .link.frame import END, MAX_DATA
from .tile import TILE_MODULE, Tile, TileOptions

#: Netlists that are simulated.
NETLISTS = models.ROOT / "build" / "fpga" / "netlists"

_DRIVER = """
#include <cstdint>
#include "Vtop.h"
#include "verilated.h"
struct Board {{
    VerilatedContext context;
    Vtop top{{&context, "top"}};
    uint64_t cycles = 0;
    int64_t wait = -1;      // cycles until the next sample of a byte that comes; -1: none does
    unsigned sampled = 0, bits = 0;
    Board() {{
        context.randReset(0);
        top.rx = 1; top.rst = 1; tick(); tick(); top.rst = 0;
    }}
    void tick() {{ top.clk = 0; top.eval(); top.clk = 1; top.eval(); ++cycles; }}
}};
extern "C" void* board_new() {{ return new Board; }}
extern "C" void board_delete(void* board) {{ delete static_cast<Board*>(board); }}
extern "C" uint64_t board_cycles(void* board) {{ return static_cast<Board*>(board)->cycles; }}
extern "C" void board_reset(void* pointer) {{
    Board& board = *static_cast<Board*>(pointer);
    board.top.rst = 1; board.tick(); board.tick(); board.top.rst = 0;
}}
extern "C" unsigned board_leds(void* pointer) {{
    Board& board = *static_cast<Board*>(pointer);
    return board.top.heartbeat | board.top.link << 1 | board.top.error << 2;
}}
// Drives symbols of 10 bit times, low bit first, then idles; ends `after` the last, or with a byte END if `until_end`.
extern "C" uint64_t board_run(void* pointer, const uint16_t* symbols, uint64_t count, uint64_t after, int until_end,
                              uint8_t* out, uint64_t room) {{
    Board& board = *static_cast<Board*>(pointer);
    const uint64_t sending = count * 10 * {divisor};
    uint64_t received = 0, timer = 0, bit = 0, symbol = 0;
    bool spoken = false;
    for (uint64_t cycle = 0; cycle < sending + after && received < room; ++cycle) {{
        if (symbol < count && timer == 0) {{
            board.top.rx = symbols[symbol] >> bit & 1;
            timer = {divisor};
            if (++bit == 10) {{ bit = 0; ++symbol; }}
        }} else if (symbol == count && timer == 0) {{
            board.top.rx = 1;
        }}
        if (timer) --timer;
        board.tick();
        if (board.wait < 0) {{
            if (!board.top.tx) {{ board.wait = {divisor} / 2; board.sampled = board.bits = 0; }}
        }} else if (--board.wait <= 0) {{
            board.bits |= static_cast<unsigned>(board.top.tx) << board.sampled;
            board.wait = {divisor};
            if (++board.sampled == 10) {{
                board.wait = -1;
                const uint8_t byte = board.bits >> 1;
                out[received++] = byte;
                // A frame's last END, not its first.
                if (until_end && byte == {end} && spoken && cycle >= sending) break;
                spoken = byte != {end};
            }}
        }}
    }}
    return received;
}}
"""

END_BYTE = bytes([END])

#: A symbol is what is on the line in 10 bit times. A byte's is a start bit (0), the byte and a stop bit (1).
IDLE = 0x3FF


def symbols_of(data: bytes) -> NDArray[np.uint16]:
    """The symbols of bytes."""
    return (np.frombuffer(data, np.uint8).astype(np.uint16) << np.uint16(1)) | np.uint16(1 << 9)


@cache
def _library(options: TileOptions, netlist: bool) -> ctypes.CDLL:
    tile = Tile(options=options)
    if netlist:
        text = verilog.emit(tile, name=TILE_MODULE, view=verilog.View.FPGA)
        text = netlist_of(text, top=TILE_MODULE, build=NETLISTS) + CELLS.read_text()
    else:
        text = verilog.emit(tile, name=TILE_MODULE)
    library = ctypes.CDLL(str(models.library(
        text, name=TILE_MODULE, driver=_DRIVER.format(divisor=options.divisor, end=END), no_inline=(NODE_MODULE,))))
    library.board_new.restype = ctypes.c_void_p
    library.board_cycles.restype = library.board_run.restype = ctypes.c_uint64
    library.board_leds.restype = ctypes.c_uint
    for function in (library.board_delete, library.board_cycles, library.board_reset, library.board_leds):
        function.argtypes = [ctypes.c_void_p]
    library.board_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int,
                                  ctypes.c_void_p, ctypes.c_uint64]
    return library


class SimulatedBoard:
    """The tile as a serial port; time passes only while somebody writes or reads.

    Parameters
    ----------
    options : TileOptions
    netlist : bool
        It is what Yosys makes of the tile for the board, not the RTL; what has been mapped before is kept.
    """

    def __init__(self, options: TileOptions, *, netlist: bool = False):
        self.options = options
        self._library = _library(options, netlist)
        self._board = self._library.board_new()
        self._received = bytearray()

    def __del__(self):
        if hasattr(self, "_board"):
            self._library.board_delete(self._board)

    @property
    def cycles(self) -> int:
        """Clock cycles so far."""
        return self._library.board_cycles(self._board)

    @property
    def leds(self) -> tuple[bool, bool, bool]:
        """Heartbeat, link, error."""
        bits = self._library.board_leds(self._board)
        return bool(bits & 1), bool(bits & 2), bool(bits & 4)

    def press_reset(self) -> None:
        """As the button does."""
        self._library.board_reset(self._board)

    def drive(self, symbols: NDArray[np.uint16], *, after: int = 0, until_end: bool = False) -> bytes:
        """Put symbols onto the line, wait `after` cycles, or for the end of a frame, and return what came."""
        symbols = np.ascontiguousarray(symbols, np.uint16)
        out = np.empty(len(symbols) + after // (9 * self.options.divisor) + 2, np.uint8)
        count = self._library.board_run(self._board, symbols.ctypes.data, len(symbols), after, until_end,
                                        out.ctypes.data, len(out))
        return out[:count].tobytes()

    @property
    def baud(self) -> int:
        """Bits per second of the board's clock."""
        return self.options.baud

    @property
    def latency_s(self) -> float:
        """Seconds of the board's clock that a response may take, besides those of its bytes."""
        return 2 * (self.options.patience + MAX_DATA) / self.options.clock_hz

    def wait(self, seconds: float) -> None:
        """Let the board run."""
        self._received += self.drive(symbols_of(b""), after=round(seconds * self.options.clock_hz))

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.send(symbols_of(data))

    def send(self, symbols: NDArray[np.uint16]) -> None:
        """Put symbols onto the line, which may be anything."""
        self._received += self.drive(symbols)

    def read_frame(self, *, seconds: float) -> bytes | None:
        """What comes up to the next END, without it; None if no END comes within that time of the board's clock."""
        if END not in self._received:
            self._received += self.drive(symbols_of(b""), after=round(seconds * self.options.clock_hz), until_end=True)
        frame, end, rest = self._received.partition(END_BYTE)
        if not end:
            return None
        self._received = rest
        return bytes(frame)
