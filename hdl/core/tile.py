"""Where the bytes of a padded load are: a piece of a row of an array, of which some may be outside of it."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from .layouts import TILE

#: The row and the column of byte 0.
PLACE = data.StructLayout({"column": signed(32), "row": signed(32)})


class Tile(wiring.Component):
    """What is outside of an array is not read, and is 0. Latency 2 cycles.

    Members
    -------
    shape : In(TILE), base : In(64)
        The array.
    place : In(PLACE)
    mask : In
        The bytes that are wanted.
    inside : Out
        Those of them that are in the array.
    offset : Out, lines : Out(64) x 2
        The place of byte 0 in its line; the addresses of this line and of the next one.
    wanted : Out
        Bytes of these two lines, one bit for each, that are wanted and in the array.
    """

    def __init__(self, *, config: Config):
        self.config = config
        size = config.vector_bytes
        super().__init__({
            "shape": In(TILE),
            "base": In(64),
            "place": In(PLACE),
            "mask": In(size),
            "inside": Out(size),
            "offset": Out(config.line_offset_bits),
            "lines": Out(data.ArrayLayout(64, 2)),
            "wanted": Out(2 * size),
        })

    def elaborate(self, platform):
        m = Module()
        size, offset_bits = self.config.vector_bytes, self.config.line_offset_bits
        row, column, shape = self.place.row, self.place.column, self.shape

        # Cycle 1: the row's distance; which bytes are in the array: from the one of column 0 on, and to the last one.
        distance = Signal(signed(64), reset_less=True)
        inside = Signal(size, reset_less=True)
        before, left = Signal(range(size + 1)), Signal(range(size + 1))
        rest = shape.row_bytes - column
        m.d.comb += [
            before.eq(Mux(column >= 0, 0, Mux(column <= -size, size, -column))),
            left.eq(Mux(rest <= 0, 0, Mux(rest >= size, size, rest))),
        ]
        ones = (1 << size) - 1
        in_rows = (row >= 0) & (row < shape.rows)
        m.d.sync += [
            distance.eq(row[:16] * shape.pitch),
            inside.eq(Mux(in_rows, self.mask & (ones << before) & ~(ones << left), 0)),
        ]

        # Cycle 2: where that is.
        address = Signal(64)
        line = address[offset_bits:]
        m.d.comb += address.eq(self.base + distance + column)
        m.d.sync += [
            self.inside.eq(inside),
            self.offset.eq(address),
            self.lines[0].eq(line << offset_bits),
            self.lines[1].eq((line + 1) << offset_bits),
            self.wanted.eq(inside << address[:offset_bits]),
        ]
        return m
