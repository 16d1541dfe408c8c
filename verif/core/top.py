"""The core with its SRAM, as the lock-step bench drives it."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.core.core import Core
from hdl.core.layouts import retirement_layout
from hdl.mem.port import MemoryPort
from hdl.mem.sram import Sram
from hdl.noc.control_bus import ControlBus
from hdl.noc.interface import signal_layout


class CoreWithSram(wiring.Component):
    """A core at node (0, 1) and an SRAM with one more port, `host`, by which the bench loads and reads it."""

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "host": In(MemoryPort(config)),
            "control": In(ControlBus()),
            "mesh_post": In(stream.Signature(config.semaphore_bits)),
            "overflow": Out(1),
            "signal": Out(stream.Signature(signal_layout())),
            "push": Out(stream.Signature(32)),
            "retirement": Out(retirement_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = Core(config=self.config)
        m.submodules.sram = sram = Sram(config=self.config, readers=("fetch", "core", "host"), writers=("core", "host"))
        wiring.connect(m, core.fetch, sram.fetch)
        wiring.connect(m, core.memory, sram.core)
        wiring.connect(m, wiring.flipped(self.host), sram.host)
        wiring.connect(m, wiring.flipped(self.control), core.control)
        wiring.connect(m, wiring.flipped(self.mesh_post), core.mesh_post)
        wiring.connect(m, core.signal, wiring.flipped(self.signal))
        wiring.connect(m, core.push, wiring.flipped(self.push))
        cycle = Signal(64)
        m.d.sync += cycle.eq(cycle + 1)
        m.d.comb += [
            core.cycle.eq(cycle),
            core.position.y.eq(1),
            self.overflow.eq(core.overflow),
            self.retirement.eq(core.retirement),
        ]
        return m
