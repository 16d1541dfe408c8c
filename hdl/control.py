"""The control registers of a node: the threads' blocks and the node's counters."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .core.core import Activity
from .noc.control_bus import ControlBus
from .noc.interface import NetworkStatus
from .noc.router import Side

#: Node registers start here in the control region, 8 bytes each, in the order of docs/architecture.md.
NODE_REGISTERS = 0x1000


class Control(wiring.Component):
    """Splits the control bus between the threads and the node's counters.

    Members
    -------
    bus : In(ControlBus)
        From the network interface.
    threads : Out(ControlBus)
        To the core.
    cycle : In(64)
        Cycles since reset.
    activity : In(Activity), network : In(NetworkStatus), flits : In
        What is counted, or has been.
    """

    def __init__(self):
        super().__init__({
            "bus": In(ControlBus()),
            "threads": Out(ControlBus()),
            "cycle": In(64),
            "activity": In(Activity),
            "network": In(NetworkStatus),
            "flits": In(len(Side)),
        })

    def elaborate(self, platform):
        m = Module()

        def count(strobe, name: str):
            counter = Signal(64, name=name)
            m.d.sync += counter.eq(counter + strobe)
            return counter

        registers = [
            self.cycle,
            count(self.activity.matrix_step, "matrix_steps"),
            count(self.activity.vector_operation, "vector_operations"),
            self.network.packets_in,
            self.network.latency_sum,
            self.network.errors,
            self.network.first_error,
            *(count(self.flits[side], f"flits_{side.name.lower()}") for side in Side),
            count(self.activity.busy, "busy_cycles"),
            count(self.activity.stalled, "stall_cycles"),
        ]
        node = Signal()
        m.d.comb += [
            node.eq(self.bus.address >= NODE_REGISTERS),
            self.threads.valid.eq(self.bus.valid & ~node),
            self.threads.write.eq(self.bus.write),
            self.threads.address.eq(self.bus.address),
            self.threads.write_data.eq(self.bus.write_data),
            self.bus.read_data.eq(self.threads.read_data),
        ]
        with m.If(node):
            with m.Switch(self.bus.address):
                for index, register in enumerate(registers):
                    with m.Case(NODE_REGISTERS + 8 * index):
                        m.d.comb += self.bus.read_data.eq(register)
        return m
