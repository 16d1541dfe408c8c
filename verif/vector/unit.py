"""A unit that takes requests and gives vector register results: the driver, monitor and scoreboard of its bench.

The matrix unit and the vector unit both look like this from outside.
"""

import random
from bisect import insort
from collections import defaultdict, deque
from dataclasses import dataclass
from operator import itemgetter

from amaranth.lib import data

from hdl.config import Config
from hdl.core.result import vector_result_layout
from verif.noc import Port, Stage


def pack(layout: data.Layout, values: dict[str, int]) -> int:
    """The bits of a structure."""
    return sum(value << layout[name].offset for name, value in values.items())


@dataclass(frozen=True)
class Operation:
    """A request by its fields, and the data of its result; None if it gives none."""

    request: dict[str, int]
    expected: int | None


class Unit:
    """Offers `operations` in order and takes results, each with a probability; results must be the expected ones.

    Attributes
    ----------
    waiting : deque of Operation
        What is yet to be taken.
    offer, take : float
        Probability, each cycle, that a request is offered and that a result is taken.
    taken : int
        Requests taken.
    refused : int
        Cycles in which a request was offered and not taken.
    inside : list of (int, int, dict, int) for each of `results`
        Of what was taken and whose result has not come yet, in the order in which the results come: the cycle for that
        order, see `out`, the cycle in which it was taken, request and expected data.
    latencies : list of int
        Cycles of each result from its request.
    """

    def __init__(self, dut, *, config: Config, layout: data.StructLayout):
        self.dut = dut
        self.ways: list[tuple[Port, data.Layout]] = [(Port(dut, "request"), layout)]
        self.results, self.result_layout = [Port(dut, "result")], vector_result_layout(config)
        self.waiting: deque[Operation] = deque()
        self.inside: dict[int, list[tuple[int, int, dict[str, int], int]]] = defaultdict(list)
        self.offer = self.take = 1.0
        self.taken = self.refused = 0
        self.latencies: list[int] = []
        self.stage = Stage(dut, [self])
        self.offered: list[Operation] = []
        self.takes = False

    async def start(self) -> None:
        for port, _ in self.ways:
            port.valid.value = 0
        for port in self.results:
            port.ready.value = 0
        await self.stage.start()

    async def finish(self) -> None:
        """Until every request has been taken and every result has come."""
        left = len(self.waiting) + sum(map(len, self.inside.values()))
        limit = 100 + int(20 * left / min(self.offer, self.take))
        await self.stage.until(lambda: not self.waiting and not any(self.inside.values()), limit=limit,
                               what="the unit finishes")

    def way(self, operation: Operation) -> int:
        """Which of `ways` a request goes."""
        return 0

    def out(self, operation: Operation) -> tuple[int, int]:
        """Which of `results` a request's result comes by, and how many cycles later than others' that are as old."""
        return 0, 0

    def next(self) -> list[Operation]:
        """What is offered together; each operation goes another way."""
        return [self.waiting[0]] if self.waiting else []

    def drive(self) -> None:
        before = self.offered
        self.offered = self.next() if random.random() < self.offer else []
        if self.offered != before:
            by_way = {self.way(operation): operation for operation in self.offered}
            for index, (port, layout) in enumerate(self.ways):
                port.valid.value = index in by_way
                if index in by_way:
                    names = {name for name, _ in layout}
                    request = by_way[index].request
                    port.payload.value = pack(layout, {name: request[name] for name in request if name in names})
        takes = random.random() < self.take
        if takes is not self.takes:
            self.takes = takes
            for port in self.results:
                port.ready.value = takes

    def sample(self) -> None:
        # Results first: one cannot come in the cycle of its request.
        for index, port in enumerate(self.results):
            if self.takes and port.valid.value:
                self._check(index, int(port.payload.value))
        for operation in self.offered:
            port, _ = self.ways[self.way(operation)]
            if not port.ready.value:
                self.refused += 1
                return
            self.waiting.popleft()
            self.taken += 1
            if operation.expected is not None:
                port, cycles = self.out(operation)
                insort(self.inside[port],
                       (self.stage.now + cycles, self.stage.now, operation.request, operation.expected),
                       key=itemgetter(0))

    def _check(self, index: int, payload: int) -> None:
        assert self.inside[index], "a result came that no request asked for"
        _, cycle, request, value = self.inside[index].pop(0)
        fields = {name: request[name] for name in ("thread", "destination")}
        expected = pack(self.result_layout, fields | {"data": value})
        assert payload == expected, f"{payload:#x} came, and not\n{expected:#x} for {request}"
        self.latencies.append(self.stage.now - cycle)
