"""The core with its SRAM, as the lock-step bench drives it."""

# pyright: reportAttributeAccessIssue=none

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.core.core import Core
from hdl.core.layouts import retirement_layout
from hdl.mem.port import MemoryPort
from hdl.mem.repair import injection_layout
from hdl.mem.sram import Sram
from hdl.noc.control_bus import ControlBus
from hdl.noc.interface import NetworkInterface
from hdl.noc.packet import CLASSES
from hdl.node import LOADS
from hdl.verilog import Block


class CoreWithSram(wiring.Component):
    """A core at node (0, 1) whose network interface sends to itself, as a router does with packets for the own node.

    The SRAM has one more port, `host`, by which the bench loads and reads it. Classes of packets that `hold` names do
    not move, as in a mesh that is full.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "host": In(MemoryPort(config)),
            "injection": In(stream.Signature(injection_layout(config))),
            "control": In(ControlBus()),
            "hold": In(CLASSES),
            "errors": Out(64),
            "retirement": Out(retirement_layout(config)),
        })

    def make_core(self) -> Core | Block:
        """The core."""
        return Core(config=self.config)

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.make_core()
        m.submodules.interface = interface = NetworkInterface(config=self.config)
        loads = LOADS[:self.config.groups]
        m.submodules.sram = sram = Sram(
            config=self.config, readers=("fetch", *loads, "mesh_read", "mesh_write", "host"),
            writers=("store", "mesh_write", "host"))
        wiring.connect(m, core.fetch, sram.fetch)
        for group, load in enumerate(loads):
            wiring.connect(m, core.loads[group], getattr(sram, load))
        wiring.connect(m, core.store, sram.store)
        wiring.connect(m, interface.read, sram.mesh_read)
        wiring.connect(m, interface.write, sram.mesh_write)
        wiring.connect(m, wiring.flipped(self.host), sram.host)
        wiring.connect(m, wiring.flipped(self.injection), sram.injection)
        wiring.connect(m, wiring.flipped(self.control), core.control)
        wiring.connect(m, core.ask, interface.ask)
        wiring.connect(m, core.tell, interface.tell)
        wiring.connect(m, interface.answer, core.answer)
        wiring.connect(m, core.push, interface.push)
        wiring.connect(m, core.pull, interface.pull)
        wiring.connect(m, interface.post, core.mesh_post)
        cycle = Signal(64)
        m.d.sync += cycle.eq(cycle + 1)
        m.d.comb += [
            core.cycle.eq(cycle),
            core.position.y.eq(1),
            interface.position.y.eq(1),
            interface.cycle.eq(cycle),
            interface.overflow.eq(core.overflow),
            interface.awaiting.eq(core.awaiting),
            interface.mesh_in.flit.eq(interface.mesh_out.flit),
            interface.mesh_in.valid.eq(interface.mesh_out.valid & ~self.hold),
            interface.mesh_out.ready.eq(interface.mesh_in.ready & ~self.hold),
            self.errors.eq(interface.status.errors),
            self.retirement.eq(core.retirement),
        ]
        return m
