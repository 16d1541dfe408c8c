"""The control registers of a node: the threads' blocks and the node's counters."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .core.core import Activity
from .memory_map import NODE_BLOCK, REGISTER_BYTES, ROUTE_BLOCK, ROUTE_ROW_BYTES, NodeRegister
from .noc.control_bus import ControlBus
from .noc.interface import NetworkStatus
from .noc.routing import RouteSettings, Side


class Control(wiring.Component):
    """Splits the control bus between the threads, the node's counters and the routing table.

    Members
    -------
    bus : In(ControlBus)
        From the network interface.
    threads : Out(ControlBus)
        To the core.
    cycle : In(64)
        Cycles since reset.
    routing : Out(RouteSettings)
        To the router.
    activity : In(Activity), network : In(NetworkStatus), flits, stalls, refused : In(len(Side))
        What is counted, or has been; see `hdl.noc.router.Router` for the last three.
    """

    def __init__(self):
        super().__init__({
            "bus": In(ControlBus()),
            "threads": Out(ControlBus()),
            "cycle": In(64),
            "activity": In(Activity),
            "network": In(NetworkStatus),
            "flits": In(len(Side)),
            "stalls": In(len(Side)),
            "refused": In(len(Side)),
            "routing": Out(RouteSettings()),
        })

    def elaborate(self, platform):
        m = Module()

        def count(strobe, name: str):
            counter = Signal(64, name=name)
            m.d.sync += counter.eq(counter + strobe)
            return counter

        activity, network = self.activity, self.network
        registers = {
            NodeRegister.CYCLES: self.cycle,
            NodeRegister.MATRIX_STEPS: count(activity.matrix_step, "matrix_steps"),
            NodeRegister.VECTOR_OPS: count(activity.vector_operation, "vector_operations"),
            NodeRegister.PACKETS_IN: network.packets_in,
            NodeRegister.LATENCY_SUM: network.latency_sum,
            NodeRegister.ERRORS: network.errors,
            NodeRegister.FIRST_ERROR: network.first_error,
            NodeRegister.BUSY_CYCLES: count(activity.busy, "busy_cycles"),
            NodeRegister.STALL_CYCLES: count(activity.stalled, "stall_cycles"),
        }
        for side in Side:
            for what in ("flits", "stalls", "refused"):
                strobe = getattr(self, what)[side]
                registers[NodeRegister[f"{what.upper()}_{side.name}"]] = count(strobe, f"{what}_{side.name.lower()}")
        registers[NodeRegister.ROUTING] = self.routing.by_table
        node = Signal()
        m.d.comb += [
            node.eq(self.bus.address >= NODE_BLOCK),
            self.threads.valid.eq(self.bus.valid & ~node),
            self.threads.write.eq(self.bus.write),
            self.threads.address.eq(self.bus.address),
            self.threads.write_data.eq(self.bus.write_data),
            self.bus.read_data.eq(self.threads.read_data),
        ]
        with m.If(node):
            with m.Switch(self.bus.address):
                for offset, register in registers.items():
                    with m.Case(NODE_BLOCK + offset):
                        m.d.comb += self.bus.read_data.eq(register)

        writes = self.bus.valid & self.bus.write
        with m.If(writes & (self.bus.address == NODE_BLOCK + NodeRegister.ROUTING)):
            m.d.sync += self.routing.by_table.eq(self.bus.write_data[0])
        route = self.bus.address - ROUTE_BLOCK
        m.d.comb += [
            self.routing.write.eq(writes & (self.bus.address >= ROUTE_BLOCK)),
            self.routing.row.eq(route // ROUTE_ROW_BYTES),
            self.routing.group.eq(route % ROUTE_ROW_BYTES // REGISTER_BYTES),
            self.routing.routes.eq(self.bus.write_data),
        ]
        return m
