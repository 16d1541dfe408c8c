"""From the load-store units of the groups, and the gather engine, to the SRAM's load ports and its store port."""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config
from ..mem.port import MemoryPort
from ..onehot import select
from ..queue import Queue
from .gather import READS
from .lsu import LOADS


class SharedLoads(wiring.Component):
    """Two users of a load port, in turn.

    Members
    -------
    users : In(MemoryPort), 2 of them
        Which read.
    memory : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        super().__init__({"users": In(MemoryPort(config)).array(2), "memory": Out(MemoryPort(config))})

    def elaborate(self, platform):
        m = Module()
        request, response = self.memory.request, self.memory.response
        m.submodules.turn = turn = RoundRobin(count=2)
        m.submodules.owners = owners = Queue(shape=1, depth=LOADS + READS)  # whom the answers under way are for
        m.d.comb += [
            turn.requests.eq(Cat(self.users[index].request.valid for index in range(2))),
            turn.advance.eq(request.ready),
            request.valid.eq(turn.requests.any()),
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
    units : In(MemoryPort) of each group
    engine : In(MemoryPort)
        The gather engine, if the configuration has it; it shares the port of the last group.
    loads : Out(MemoryPort) of each group
    store : Out(MemoryPort)
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "units": In(MemoryPort(config)).array(config.groups),
            **({"engine": In(MemoryPort(config))} if config.gather else {}),
            "loads": Out(MemoryPort(config)).array(config.groups),
            "store": Out(MemoryPort(config)),
        })

    def elaborate(self, platform):
        m = Module()
        users = [self.units[group] for group in range(self.config.groups)]
        ports = [self.loads[group] for group in range(self.config.groups)]
        if self.config.gather:
            m.submodules.shared = shared = SharedLoads(config=self.config)
            wiring.connect(m, shared.memory, wiring.flipped(ports.pop()))
            users.append(self.engine)
            ports += [shared.users[0], shared.users[1]]
        m.submodules.turn = turn = RoundRobin(count=len(users))
        store = self.store.request
        m.d.comb += [
            turn.requests.eq(Cat(user.request.valid & user.request.payload.write for user in users)),
            turn.advance.eq(store.ready),
            store.valid.eq(turn.requests.any()),
            store.payload.eq(select(turn.grant, [user.request.payload.as_value() for user in users])),
        ]
        for index, (user, load) in enumerate(zip(users, ports, strict=True)):
            request = user.request
            m.d.comb += [
                load.request.valid.eq(request.valid & ~request.payload.write),
                load.request.payload.eq(request.payload),
                request.ready.eq(Mux(request.payload.write, turn.grant[index] & store.ready, load.request.ready)),
                user.response.valid.eq(load.response.valid),
                user.response.payload.eq(load.response.payload),
                user.error.eq(load.error),
            ]
        return m
