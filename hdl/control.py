"""The control registers of a node: the threads' blocks and the node's counters."""

from amaranth.hdl import Module, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .config import Config
from .core.core import Activity
from .counters import Counters
from .mem.ecc import CODE_BITS
from .mem.monitor import ErrorStatus, Waits
from .mem.repair import INTERVAL_BITS, injection_layout
from .memory_map import NODE_BLOCK, REGISTER_BYTES, ROUTE_BLOCK, ROUTE_ROW_BYTES, NodeRegister
from .noc.address import in_sram
from .noc.control_bus import ControlBus
from .noc.interface import NetworkStatus
from .noc.routing import RouteSettings, Side


class Injection(data.Struct):
    """The register SRAM_INJECT: turn these bits of the word at the address over; equal ones are a single bit.

    Read, it says ``busy`` until that is done.
    """

    address: unsigned(32)
    first: unsigned(8)
    second: unsigned(8)
    reserved: unsigned(15)
    busy: unsigned(1)


class Control(wiring.Component):
    """Splits the control bus between the threads, the node's registers and the routing table.

    Members
    -------
    bus : In(ControlBus)
        From the network interface.
    threads : Out(ControlBus)
        To the core.
    cycle : In(64)
        Cycles since reset.
    activity : In(Activity), network : In(NetworkStatus), flits, stalls, refused : In(len(Side))
        What is counted, or has been; see `hdl.noc.router.Router` for the last three.
    routing : Out(RouteSettings)
        To the router.
    waits : In(Waits), sram : In(ErrorStatus), scrub_interval : Out(16), injection : Out(stream)
        Who waits for the SRAM, and its errors; its scrubber; errors to be made, see `hdl.mem.repair`.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "bus": In(ControlBus()),
            "threads": Out(ControlBus()),
            "cycle": In(64),
            "activity": In(Activity),
            "network": In(NetworkStatus),
            "flits": In(len(Side)),
            "waits": In(Waits),
            "sram": In(ErrorStatus),
            "scrub_interval": Out(INTERVAL_BITS),
            "injection": Out(stream.Signature(injection_layout(config))),
            "stalls": In(len(Side)),
            "refused": In(len(Side)),
            "routing": Out(RouteSettings()),
        })

    def elaborate(self, platform):
        m = Module()

        # Counters in a memory are looked up by their number there.
        counted: dict[str, Value] = {}
        number, looked_up = Signal(range(len(NodeRegister)), name="number"), Signal(self.config.counter_bits)

        def count(strobe, name: str):
            """A counter or, if they are in a memory, its number there."""
            if self.config.shared_counters:
                counted[name] = Value.cast(strobe)
                return len(counted) - 1
            counter = Signal(self.config.counter_bits, name=name)
            m.d.sync += counter.eq(counter + strobe)
            return counter

        injection, new = Signal(Injection), Signal(Injection)
        word_offset = self.config.line_offset_bits
        m.d.comb += [
            self.injection.valid.eq(injection.busy),
            self.injection.payload.line.eq(injection.address[word_offset:]),
            self.injection.payload.word.eq(injection.address[3:word_offset]),
            self.injection.payload.first.eq(injection.first),
            self.injection.payload.second.eq(injection.second),
            new.eq(self.bus.write_data),
        ]
        with m.If(self.injection.ready):
            m.d.sync += injection.busy.eq(0)

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
        registers |= {
            NodeRegister.SRAM_CORRECTED: self.sram.corrected,
            NodeRegister.SRAM_UNCORRECTABLE: self.sram.uncorrectable,
            NodeRegister.SRAM_FIRST_CORRECTED: self.sram.first_corrected,
            NodeRegister.SRAM_FIRST_UNCORRECTABLE: self.sram.first_uncorrectable,
            NodeRegister.SRAM_SCRUB: self.scrub_interval,
            NodeRegister.SRAM_INJECT: injection,
            NodeRegister.SRAM_WAITS_FETCH: count(self.waits.fetch, "sram_waits_fetch"),
            NodeRegister.SRAM_WAITS_CORE: count(self.waits.core, "sram_waits_core"),
            NodeRegister.SRAM_WAITS_MESH: count(self.waits.mesh, "sram_waits_mesh"),
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
        if counted:
            m.submodules.counters = counters = Counters(
                bits=self.config.counter_bits, widths={name: len(strobe) for name, strobe in counted.items()})
            m.d.comb += [
                *(counters.strobes[name].eq(strobe) for name, strobe in counted.items()),
                counters.index.eq(number),
                looked_up.eq(counters.value),
            ]
        with m.If(node):
            with m.Switch(self.bus.address):
                for offset, register in registers.items():
                    with m.Case(NODE_BLOCK + offset):
                        if isinstance(register, int):
                            m.d.comb += [number.eq(register), self.bus.read_data.eq(looked_up)]
                        else:
                            m.d.comb += self.bus.read_data.eq(register)

        writes = self.bus.valid & self.bus.write
        with m.If(writes), m.Switch(self.bus.address):
            with m.Case(NODE_BLOCK + NodeRegister.SRAM_SCRUB):
                m.d.sync += self.scrub_interval.eq(self.bus.write_data)
            with m.Case(NODE_BLOCK + NodeRegister.SRAM_INJECT):
                with m.If(~injection.busy & in_sram(self.config, new.address)):
                    m.d.sync += [
                        injection.eq(new),
                        injection.reserved.eq(0),
                        injection.busy.eq((new.first < CODE_BITS) & (new.second < CODE_BITS)),
                    ]
            with m.Case(NODE_BLOCK + NodeRegister.ROUTING):
                m.d.sync += self.routing.by_table.eq(self.bus.write_data[0])
        route = self.bus.address - ROUTE_BLOCK
        m.d.comb += [
            self.routing.write.eq(writes & (self.bus.address >= ROUTE_BLOCK)),
            self.routing.row.eq(route // ROUTE_ROW_BYTES),
            self.routing.group.eq(route % ROUTE_ROW_BYTES // REGISTER_BYTES),
            self.routing.routes.eq(self.bus.write_data),
        ]
        return m
