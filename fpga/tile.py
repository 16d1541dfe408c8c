"""What goes onto a board, whichever board it is: a mesh, its link and the LEDs."""

import json
from dataclasses import asdict, dataclass

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.mesh import Mesh
from hdl.verilog import Block

from .link.frame import DESIGN, PROTOCOL
from .link.link import PATIENCE, SerialLink

#: Verilog names of the tile and of the mesh in it.
TILE_MODULE, MESH_MODULE = "d1_tile", "d1_mesh"


@dataclass(frozen=True, kw_only=True)
class TileOptions:
    """What a tile is like.

    Attributes
    ----------
    board : str
        What the host is told that it talks to.
    config : Config
    clock_hz : int
        The clock, which a heartbeat and the link's rate come from.
    baud : int
        Bits per second of the link.
    patience : int
        Cycles for which the link waits for the mesh to answer a packet.
    """

    board: str
    config: Config
    clock_hz: int
    baud: int
    patience: int = PATIENCE

    def __post_init__(self):
        error = abs(self.clock_hz / max(self.divisor, 1) / self.baud - 1)
        if error > 0.02:
            raise ValueError(f"{self.baud:,} baud cannot be made of a clock of {self.clock_hz:,} Hz: off by "
                             f"{error:.0%}")

    @property
    def divisor(self) -> int:
        """Clock cycles of a bit."""
        return round(self.clock_hz / self.baud)

    @property
    def identity(self) -> bytes:
        """What HELLO is answered with."""
        return json.dumps({
            "design": DESIGN, "protocol": PROTOCOL, "board": self.board, "clock_hz": self.clock_hz,
            "config": asdict(self.config),
        }, separators=(",", ":")).encode()


class Tile(wiring.Component):
    """A mesh behind a serial line.

    Members
    -------
    rx : In(1), tx : Out(1)
        The line.
    heartbeat, link, error : Out(1)
        For LEDs; see docs/board.md.
    """

    def __init__(self, *, options: TileOptions):
        self.options = options
        self.link_unit = SerialLink(config=options.config, divisor=options.divisor, identity=options.identity,
                                    patience=options.patience)
        super().__init__({
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            "heartbeat": Out(1),
            "link": Out(1),
            "error": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self.link_unit
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]

        # The host can reset the mesh without the link.
        m.domains.mesh = ClockDomain()
        mesh_reset = Signal()
        m.d.sync += mesh_reset.eq(link.mesh_reset)
        m.d.comb += [ClockSignal("mesh").eq(ClockSignal()), ResetSignal("mesh").eq(ResetSignal() | mesh_reset)]
        mesh = Block(module=MESH_MODULE, body=Mesh(config=self.options.config))
        m.submodules.mesh = DomainRenamer("mesh")(mesh)
        wiring.connect(m, link.edge_i, mesh.edge.i)
        wiring.connect(m, mesh.edge.o, link.edge_o)

        # A bit of a counter of cycles changes twice a second or thereabouts; an event shines for an eighth of that.
        cycles = Signal((self.options.clock_hz // 2).bit_length())
        m.d.sync += cycles.eq(cycles + 1)
        m.d.comb += self.heartbeat.eq(cycles[-1])
        for led, event in ((self.link, link.served), (self.error, link.failed)):
            left = Signal(range(self.options.clock_hz // 8 + 1))
            m.d.comb += led.eq(left != 0)
            with m.If(event):
                m.d.sync += left.eq(self.options.clock_hz // 8)
            with m.Elif(left != 0):
                m.d.sync += left.eq(left - 1)
        return m
