"""From the load-store units of the groups to the SRAM's ports: a load port for each, and one store port."""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config
from ..mem.port import MemoryPort
from .onehot import select


class MemoryPorts(wiring.Component):
    """Sends the loads of each group's unit to a port of its own, and the stores of all, in turn, to one.

    Members
    -------
    units : In(MemoryPort) of each group
    loads : Out(MemoryPort) of each group
    store : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "units": In(MemoryPort(config)).array(config.groups),
            "loads": Out(MemoryPort(config)).array(config.groups),
            "store": Out(MemoryPort(config)),
        })

    def elaborate(self, platform):
        m = Module()
        units = [self.units[group].request for group in range(self.config.groups)]
        m.submodules.turn = turn = RoundRobin(count=len(units))
        store = self.store.request
        m.d.comb += [
            turn.requests.eq(Cat(unit.valid & unit.payload.write for unit in units)),
            turn.advance.eq(store.ready),
            store.valid.eq(turn.requests.any()),
            store.payload.eq(select(turn.grant, [unit.payload.as_value() for unit in units])),
        ]
        for group, unit in enumerate(units):
            load = self.loads[group]
            m.d.comb += [
                load.request.valid.eq(unit.valid & ~unit.payload.write),
                load.request.payload.eq(unit.payload),
                unit.ready.eq(Mux(unit.payload.write, turn.grant[group] & store.ready, load.request.ready)),
                self.units[group].response.valid.eq(load.response.valid),
                self.units[group].response.payload.eq(load.response.payload),
                self.units[group].error.eq(load.error),
            ]
        return m
