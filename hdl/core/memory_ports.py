"""From the load-store units of the groups, and the gather engine, to the SRAM's load ports and its store port."""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config, bits_for_count
from ..mem.port import MemoryPort
from ..onehot import select
from ..queue import Queue
from .gather import READS
from .lsu import LOADS


class SharedLoads(wiring.Component):
    """Two users of a load port, in turn. Whose turn it is does not depend on requests, which may come late.

    Members
    -------
    users : In(MemoryPort), 2 of them
        Which read.
    may : In(2)
        They may have a request in this cycle.
    memory : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        super().__init__({"users": In(MemoryPort(config)).array(2), "may": In(2), "memory": Out(MemoryPort(config))})

    def elaborate(self, platform):
        m = Module()
        request, response = self.memory.request, self.memory.response
        m.submodules.turn = turn = RoundRobin(count=2)
        # Whom the answers under way are for.
        m.submodules.owners = owners = Queue(shape=1, depth=1 << bits_for_count(LOADS + READS), early=True)
        m.d.comb += [
            turn.requests.eq(self.may),
            turn.advance.eq(request.ready | ~request.valid),
            request.valid.eq((turn.grant & Cat(self.users[index].request.valid for index in range(2))).any()),
            request.payload.eq(select(
                turn.grant, [self.users[index].request.payload.as_value() for index in range(2)])),
            owners.i.valid.eq(request.valid & request.ready),
            owners.i.payload.eq(turn.grant[1]),
            owners.o.ready.eq(response.valid),
        ]
        for index in range(2):
            user = self.users[index]
            m.d.comb += [
                user.request.ready.eq(turn.grant[index] & request.ready),
                user.response.valid.eq(response.valid & (owners.o.payload == index)),
                user.response.payload.eq(response.payload),
                user.error.eq(self.memory.error),
            ]
        return m


class MemoryPorts(wiring.Component):
    """Sends the loads of each group's unit to a port of its own, and the stores of all, in turn, to one.

    Members
    -------
    reads, writes : In(MemoryPort) of each group
    may_read : In(groups)
        The group's unit may have a read.
    engine : In(MemoryPort)
        The gather engine, if the configuration has it; it shares the port of the last group.
    loads : Out(MemoryPort) of each group
    store : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "reads": In(MemoryPort(config)).array(config.groups),
            "writes": In(MemoryPort(config)).array(config.groups),
            "may_read": In(config.groups),
            **({"engine": In(MemoryPort(config))} if config.gather else {}),
            "loads": Out(MemoryPort(config)).array(config.groups),
            "store": Out(MemoryPort(config)),
        })

    def elaborate(self, platform):
        m = Module()
        groups = range(self.config.groups)
        ports = [wiring.flipped(self.loads[group]) for group in groups]
        stores = [self.writes[group].request for group in groups]
        m.submodules.turn = turn = RoundRobin(count=len(stores) + self.config.gather)
        m.d.comb += turn.requests.eq(Cat(store.valid for store in stores))
        if self.config.gather:
            m.submodules.shared = shared = SharedLoads(config=self.config)
            wiring.connect(m, shared.memory, ports[-1])
            ports[-1] = shared.users[0]
            engine, user, grant = self.engine.request, shared.users[1], turn.grant[-1]
            writes = engine.valid & engine.payload.write
            m.d.comb += [
                shared.may.eq(Cat(self.may_read[-1], user.request.valid)),
                user.request.valid.eq(engine.valid & ~writes),
                user.request.payload.eq(engine.payload),
                self.engine.response.valid.eq(user.response.valid),
                self.engine.response.payload.eq(user.response.payload),
                self.engine.error.eq(user.error),
                turn.requests[-1].eq(writes),
                engine.ready.eq(Mux(engine.payload.write, grant & self.store.request.ready, user.request.ready)),
            ]
            stores.append(engine)
        for group, port in zip(groups, ports, strict=True):
            wiring.connect(m, wiring.flipped(self.reads[group]), port)
            m.d.comb += stores[group].ready.eq(turn.grant[group] & self.store.request.ready)
        m.d.comb += [
            turn.advance.eq(self.store.request.ready),
            self.store.request.valid.eq(turn.requests.any()),
            self.store.request.payload.eq(select(turn.grant, [store.payload.as_value() for store in stores])),
        ]
        return m
