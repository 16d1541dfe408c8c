"""A bench of the SRAM: drives all its ports, knows what has to come, and makes mixtures of requests."""

import os
import random
from collections import Counter, deque
from dataclasses import dataclass, replace
from itertools import combinations

from amaranth.lib import data

from hdl.config import PRESETS
from hdl.mem.monitor import ErrorStatus
from hdl.mem.port import request_layout
from hdl.mem.repair import injection_layout
from hdl.mem.sram import Sram
from verif.noc import Stage, fields_of

from .reference import Reference
from .top import LOCKS, PORTS, READERS, WRITERS, YIELDING

CONFIG = PRESETS[os.environ["CONFIG"]]
if "SRAM_BYTES" in os.environ:
    CONFIG = replace(CONFIG, sram_bytes=int(os.environ["SRAM_BYTES"]))
LINE, LINES, BANKS = CONFIG.vector_bytes, CONFIG.sram_lines, CONFIG.sram_banks
WORDS = LINE // 8
EVERY = (1 << LINE) - 1

REQUEST = request_layout(CONFIG)
FLAW = injection_layout(CONFIG)

#: Longest waits, in cycles, as docs/memory.md states them, while nobody else has locked the bank.
CORE_READ_BOUND = 3 * (len(READERS) - len(YIELDING) + 1) - 1
MESH_READ_BOUND = len(YIELDING) * (CORE_READ_BOUND + 1) - 1
WRITE_BOUND = len(WRITERS) * (BANKS + 7)
BOUNDS = {**dict.fromkeys(READERS, CORE_READ_BOUND), **dict.fromkeys(YIELDING, MESH_READ_BOUND),
          **dict.fromkeys(WRITERS, WRITE_BOUND)}


@dataclass(kw_only=True)
class Request:
    line: int
    mask: int = 0
    data: int = 0
    lock: bool = False
    since: int = 0
    free: int = 0  # the first cycle from which on no lock has been in its way

    def bits(self) -> int:
        return (self.line << REQUEST["line"].offset | self.mask << REQUEST["mask"].offset
                | self.data << REQUEST["data"].offset | self.lock << REQUEST["lock"].offset)


def piece() -> int:
    """The mask of some bytes of a line: 1 to all of them, anywhere."""
    size = random.choice((1, 2, 4, 8, LINE, random.randint(1, LINE)))
    return (1 << size) - 1 << random.randint(0, LINE - size)


def any_mask() -> int:
    """A piece; rarely, anything."""
    return piece() if random.random() < 0.9 else random.getrandbits(LINE)


class Bench:
    """Drives every port; checks each answer, the locks and the waiting times.

    `traffic` gives the next request of a port, or None, when the one before has been taken.
    """

    def __init__(self, dut):
        self.dut = dut
        self.stage = Stage(dut, [self])
        self.reference = Reference(CONFIG)
        self.traffic = lambda port: None
        self.flaws: deque[dict[str, int]] = deque()
        self.offered: list[Request | None] = [None] * len(PORTS)
        self.expected: list[deque] = [deque() for _ in READERS]
        self.locks: dict[int, Request] = {}  # by the reader's index
        self.taken = Counter()  # by port
        self.longest = Counter()  # waits, by port
        self.seen = Counter()  # coverage
        self.errors_reported = 0
        self.injections = 0
        self.last_writes: dict[int, int] = {}
        self.valid = 0
        self.injecting = self.injected_now = False
        for handle in (dut.valid, dut.requests, dut.scrub_interval, dut.inject):
            handle.value = 0

    async def start(self) -> None:
        """Reset, and fill the SRAM, whose content is otherwise not known, through a port."""
        await self.stage.start()
        lines = iter(range(LINES))
        store = PORTS.index("store")

        def write(port):
            if port != store:
                return None
            line = next(lines, None)
            return None if line is None else Request(line=line, mask=EVERY, data=random.getrandbits(8 * LINE))

        self.traffic = write
        await self.stage.until(lambda: self.taken[store] == LINES, limit=4 * LINES, what="filling the SRAM")
        await self.stop()
        self.taken.clear()
        self.seen.clear()

    async def stop(self) -> None:
        """No new requests but those that end locks, and wait until what is under way has been done."""
        self.traffic = self._end_of_lock
        await self.stage.until(lambda: not (any(self.offered) or any(self.expected) or self.flaws or self.locks),
                               limit=1000 + 20 * len(self.flaws), what="requests are served")
        await self.stage.cycles(20)

    def _end_of_lock(self, port: int) -> Request | None:
        """A write of nothing for which others may be waiting."""
        ended = (lock for reader, lock in self.locks.items() if LOCKS[READERS[reader]] == PORTS[port])
        return next((Request(line=lock.line) for lock in ended), None)

    def drive(self) -> None:
        changed = False
        for port, request in enumerate(self.offered):
            if request is None and (request := self.traffic(port)) is not None:
                request.since = request.free = self.stage.now
                self.offered[port] = request
                changed = True
        valid = sum((request is not None) << port for port, request in enumerate(self.offered))
        if changed:
            size = REQUEST.size
            self.dut.requests.value = sum(
                request.bits() << port * size for port, request in enumerate(self.offered) if request is not None)
        if valid != self.valid:
            self.dut.valid.value = self.valid = valid
        if self.injecting and self.injected_now:
            self.flaws.popleft()
            self.injecting = self.injected_now = False
            self.dut.inject.value = 0
        elif self.flaws and not self.injecting:
            self.injecting = True
            self.dut.flaw.value = sum(value << FLAW[name].offset for name, value in self.flaws[0].items())
            self.dut.inject.value = 1

    def sample(self) -> None:
        ready = int(self.dut.ready.value) if self.valid else 0
        self._answers()
        taken = [port for port in range(len(PORTS)) if (self.valid & ready) >> port & 1]
        self._cover(taken)
        # An injection of this cycle comes before its writes, and these before its reads.
        if self.injecting and int(self.dut.injected.value):
            self.reference.flaw(**self.flaws[0])
            self.injected_now = True
            self.injections += 1
        for port in reversed(taken):
            request = self.offered[port]
            assert request is not None
            self.taken[port] += 1
            self.longest[port] = max(self.longest[port], self.stage.now - request.since)
            waited, bound = self.stage.now - request.free, BOUNDS[PORTS[port]]
            assert waited <= bound, f"{PORTS[port]} has waited for {waited} cycles, and {bound} are the most"
            if PORTS[port] in WRITERS:
                self._wrote(port, request)
                self.reference.write(request.line, request.mask, request.data)
            else:
                if request.lock:
                    held = [other.line for reader, other in self.locks.items() if reader != port]
                    assert request.line % BANKS not in [line % BANKS for line in held], "a lock was not respected"
                    self.locks[port] = request
                self.expected[port].append(
                    (self.stage.now + Sram.LATENCY, request, self.reference.read(request.line)))
            self.offered[port] = None

    def _wrote(self, port: int, request: Request) -> None:
        for reader, lock in list(self.locks.items()):
            if LOCKS[READERS[reader]] == PORTS[port]:
                if lock.line == request.line:
                    del self.locks[reader]
            else:
                assert lock.line % BANKS != request.line % BANKS, "a write broke a lock"

    def _answers(self) -> None:
        answered = int(self.dut.answered.value)
        due = sum((bool(waiting) and waiting[0][0] == self.stage.now) << reader
                  for reader, waiting in enumerate(self.expected))
        assert answered == due, f"cycle {self.stage.now}: readers {answered:#b} are answered, not {due:#b}"
        if not answered:
            return
        answers, errors = int(self.dut.answers.value), int(self.dut.error.value)
        for reader, waiting in enumerate(self.expected):
            if answered >> reader & 1:
                _, request, expected = waiting.popleft()
                error = errors >> reader & 1
                self.errors_reported += error
                found = answers >> reader * 8 * LINE & (1 << 8 * LINE) - 1
                problem = self.reference.check(expected, request.mask, found, error)
                assert not problem, f"cycle {self.stage.now}: {PORTS[reader]} of line {request.line:#x}: {problem}"
                self.seen[f"{PORTS[reader]} gets {'an error' if error else 'an answer'}"] += 1

    def _cover(self, taken: list[int]) -> None:
        """Count which ports met in a bank, and what came of it."""
        writes: dict[int, int] = {}
        by_bank: dict[int, list[int]] = {}
        for port, request in enumerate(self.offered):
            if request is not None:
                by_bank.setdefault(request.line % BANKS, []).append(port)
        for bank, ports in by_bank.items():
            for pair in combinations(ports, 2):
                one, other = (self.offered[port] for port in pair)
                assert one is not None and other is not None
                self.seen[meeting(pair, one.line == other.line, (pair[0] in taken, pair[1] in taken))] += 1
            for kind, names in (("reader", READERS), ("writer", WRITERS)):
                mine = [port for port in ports if PORTS[port] in names]
                if mine and not any(port in taken for port in mine):
                    self.seen[f"{kind} waits for the bank"] += 1
            for port in ports:
                request = self.offered[port]
                assert request is not None
                is_write = PORTS[port] in WRITERS
                if port not in taken and (is_write or request.lock) and any(
                        lock.line % BANKS == bank and (LOCKS[READERS[reader]] != PORTS[port] if is_write
                                                       else reader != port) for reader, lock in self.locks.items()):
                    self.seen[f"{'write' if is_write else 'locked read'} waits for a lock"] += 1
                    request.free = self.stage.now + 1
        for port in taken:
            request = self.offered[port]
            assert request is not None
            if PORTS[port] in WRITERS:
                writes[request.line] = request.mask
                before = self.last_writes.get(request.line)
                if before is not None:
                    self.seen["writes to a line back to back"] += 1
                    self.seen["partial writes to a word back to back"] += any(
                        0 < (before >> 8 * word & 0xFF) < 0xFF and 0 < (request.mask >> 8 * word & 0xFF) < 0xFF
                        for word in range(WORDS))
            else:
                self.seen["read right after a write of the line"] += request.line in self.last_writes
                self.seen["locked read"] += request.lock
        for port in taken:
            request = self.offered[port]
            assert request is not None
            if PORTS[port] in READERS and request.line in writes:
                self.seen["read in the cycle of a write of the line"] += 1
        self.last_writes = writes

    def status(self) -> dict[str, int]:
        """The error counters."""
        return fields_of(data.Layout.cast(ErrorStatus), int(self.dut.errors.value))

    async def perform(self, name: str, line: int, *, mask: int = EVERY, data: int = 0) -> None:
        """One access of a port, to its end."""
        requests = iter([Request(line=line, mask=mask, data=data)])
        index = PORTS.index(name)
        self.traffic = lambda port: next(requests, None) if port == index else None
        await self.stage.step()
        await self.stop()

    async def check_all(self) -> None:
        """Read every line."""
        loads = [PORTS.index(name) for name in ("load0", "load1")]
        lines = iter(range(LINES))

        def read(port):
            line = next(lines, None) if port in loads else None
            return None if line is None else Request(line=line)

        self.traffic = read
        before = self.taken.total()
        await self.stage.until(lambda: self.taken.total() - before == LINES, limit=2 * LINES, what="reading the SRAM")
        await self.stop()

    def inject(self, line: int, word: int, first: int, second: int) -> None:
        self.flaws.append({"line": line, "word": word, "first": first, "second": second})

    async def injected(self) -> None:
        await self.stage.until(lambda: not self.flaws, limit=2000, what="errors are injected")
        await self.stage.cycles(10)


async def made(dut) -> Bench:
    bench = Bench(dut)
    await bench.start()
    return bench


def meeting(pair: tuple[int, int], same_line: bool, taken: tuple[bool, bool]) -> str:
    """Two ports ask for lines of one bank in a cycle, and some of them are served."""
    one, other = (PORTS[port] for port in pair)
    served = {(True, True): "both are served", (True, False): f"{one} is", (False, True): f"{other} is",
              (False, False): "neither is"}[taken]
    return f"{one} and {other} want a {'line' if same_line else 'bank'}: {served}"


def goals() -> list[str]:
    """Everything that random traffic has to meet. A bank serves a read and a write in a cycle, never two of a kind."""
    return [
        *(f"{reader} gets {what}" for reader in READERS for what in ("an answer", "an error")),
        *(f"{kind} waits for the bank" for kind in ("reader", "writer")),
        *(f"{kind} waits for a lock" for kind in ("write", "locked read")),
        "read in the cycle of a write of the line", "read right after a write of the line", "locked read",
        "writes to a line back to back", "partial writes to a word back to back",
        *(meeting(pair, same_line, taken) for pair in combinations(range(len(PORTS)), 2) for same_line in (True, False)
          for taken in ((True, True), (True, False), (False, True), (False, False))
          if taken != (True, True) or len({PORTS[port] in READERS for port in pair}) == 2),
    ]


class Mixture:
    """Requests of all ports: to a few hot lines or to any, in order or not; locked reads with their writes."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.locker = {writer: READERS.index(reader) for reader, writer in LOCKS.items()}
        self.renew()

    def renew(self) -> None:
        """Another kind of traffic."""
        size = random.choice((1, 2, 6, 40, 400, LINES))
        base = random.randrange(LINES)
        stride = random.choice((1, 1, BANKS, 2 * BANKS + 1))
        self.lines = [(base + index * stride) % LINES for index in range(size)]
        self.rate = random.choice((0.2, 0.6, 1.0, 1.0))
        self.sequential = {port: random.random() < 0.4 for port in range(len(PORTS))}
        self.place = [random.randrange(size) for _ in PORTS]
        self.full = random.random()
        self.lock_rate = random.choice((0, 0, 0.2))

    def line(self, port: int) -> int:
        if self.sequential[port]:
            self.place[port] = (self.place[port] + 1) % len(self.lines)
            return self.lines[self.place[port]]
        return random.choice(self.lines)

    def __call__(self, port: int) -> Request | None:
        name = PORTS[port]
        if name in WRITERS:
            reader = self.locker[name]
            offered, held = self.bench.offered[reader], self.bench.locks.get(reader)
            if offered is not None and offered.lock:
                return None  # it may wait for a lock, and nothing that ends that one may wait for this port
            if held is not None:
                mask = random.choice((0, any_mask()))
                return Request(line=held.line, mask=mask, data=random.getrandbits(8 * LINE))
            if random.random() > self.rate:
                return None
            mask = EVERY if random.random() < self.full else any_mask()
            return Request(line=self.line(port), mask=mask, data=random.getrandbits(8 * LINE))
        if random.random() > self.rate:
            return None
        lock = name in LOCKS and port not in self.bench.locks and random.random() < self.lock_rate \
            and self.bench.offered[PORTS.index(LOCKS[name])] is None
        return Request(line=self.line(port), mask=random.choice((0, any_mask())), lock=lock)
