"""The control registers of a node: the threads' blocks and the node's counters."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .core.core import Activity
from .memory_map import NODE_BLOCK, NodeRegister
from .noc.control_bus import ControlBus
from .noc.interface import NetworkStatus
from .noc.router import Side


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
            NodeRegister.INSTRUCTIONS: count(activity.instructions, "instructions"),
            NodeRegister.INTEGER_OPS: count(activity.integer, "integer_operations"),
            NodeRegister.MULDIV_OPS: count(activity.muldiv, "muldiv_operations"),
            NodeRegister.LOADS: count(activity.loads, "loads"),
            NodeRegister.STORES: count(activity.stores, "stores"),
            NodeRegister.BRANCHES: count(activity.branches, "branches"),
            NodeRegister.MISPREDICTIONS: count(activity.mispredictions, "mispredictions"),
            NodeRegister.FETCH_MISSES: count(activity.fetch_miss, "fetch_misses"),
        }
        for side in Side:
            registers[NodeRegister[f"FLITS_{side.name}"]] = count(self.flits[side], f"flits_{side.name.lower()}")
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
        return m
