"""A node: core, SRAM, network interface and router."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import Config
from .control import Control
from .core.core import Core
from .core.layouts import retirement_layout
from .mem.sram import Sram
from .noc.interface import NetworkInterface
from .noc.link import Hop
from .noc.packet import Coordinate, flit_layout
from .noc.router import Router
from .noc.routing import NEIGHBOURS

#: The SRAM's ports for the loads of the core's groups.
LOADS = ("load0", "load1")


class Node(wiring.Component):
    """The repeated block of the mesh.

    Members
    -------
    position : In(Coordinate)
        Where the node stands; constant.
    neighbours : In(4)
        Which sides of `NEIGHBOURS` have a live neighbour; constant.
    inputs, outputs : Hop of each side in `NEIGHBOURS`
        To the neighbours' routers.
    retirement : Out
        For traces; see `hdl.core.core.retirement_layout`.
    """

    def __init__(self, *, config: Config):
        self.config = config
        hop = Hop(flit=flit_layout(config), depth=config.fifo_depth)
        super().__init__({
            "position": In(Coordinate),
            "neighbours": In(len(NEIGHBOURS)),
            "inputs": In(hop).array(len(NEIGHBOURS)),
            "outputs": Out(hop).array(len(NEIGHBOURS)),
            "retirement": Out(retirement_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.router = router = Router(config=config)
        m.submodules.interface = interface = NetworkInterface(config=config)
        loads = LOADS[:config.groups]
        m.submodules.sram = sram = Sram(
            config=config, readers=("fetch", *loads, "mesh_read", "mesh_write"), writers=("store", "mesh_write"),
            yielding=("mesh_read", "mesh_write"))
        m.submodules.core = core = Core(config=config)
        m.submodules.control = control = Control(config=config)

        cycle = Signal(64)
        m.d.sync += cycle.eq(cycle + 1)
        m.d.comb += [
            router.position.eq(self.position),
            router.neighbours.eq(self.neighbours),
            interface.position.eq(self.position),
            core.position.eq(self.position),
            interface.cycle.eq(cycle),
            core.cycle.eq(cycle),
            control.cycle.eq(cycle),
            self.retirement.eq(core.retirement),
        ]
        for side in NEIGHBOURS:
            wiring.connect(m, wiring.flipped(self.inputs[side]), router.inputs[side])
            wiring.connect(m, router.outputs[side], wiring.flipped(self.outputs[side]))
        wiring.connect(m, router.local_out, interface.mesh_in)
        wiring.connect(m, interface.mesh_out, router.local_in)
        wiring.connect(m, control.routing, router.settings)

        wiring.connect(m, core.fetch, sram.fetch)
        for group, load in enumerate(loads):
            wiring.connect(m, core.loads[group], getattr(sram, load))
        wiring.connect(m, core.store, sram.store)
        wiring.connect(m, interface.read, sram.mesh_read)
        wiring.connect(m, interface.write, sram.mesh_write)

        requests = {name: getattr(sram, name).request for name in dict.fromkeys((*sram.readers, *sram.writers))}
        waiting = {name: request.valid & ~request.ready for name, request in requests.items()}
        m.d.sync += [  # counted a cycle later, since who waits is known late
            control.waits.fetch.eq(waiting.pop("fetch")),
            control.waits.mesh.eq(waiting.pop("mesh_read") | waiting.pop("mesh_write")),
            control.waits.core.eq(Cat(waiting.values()).any()),
        ]

        wiring.connect(m, core.ask, interface.ask)
        wiring.connect(m, core.tell, interface.tell)
        wiring.connect(m, interface.answer, core.answer)
        wiring.connect(m, core.push, interface.push)
        wiring.connect(m, core.pull, interface.pull)
        wiring.connect(m, interface.post, core.mesh_post)
        wiring.connect(m, interface.control, control.bus)
        wiring.connect(m, control.threads, core.control)
        wiring.connect(m, control.injection, sram.injection)
        m.d.comb += [
            interface.overflow.eq(core.overflow),
            interface.awaiting.eq(core.awaiting),
            control.activity.eq(core.activity),
            control.network.eq(interface.status),
            control.flits.eq(router.flits),
            control.sram.eq(sram.errors),
            sram.scrub_interval.eq(control.scrub_interval),
            control.stalls.eq(router.stalls),
            control.refused.eq(router.refused),
        ]
        return m
