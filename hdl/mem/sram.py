"""The SRAM of a node: error-corrected banks behind the ports of the core and of the mesh."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config
from ..onehot import select
from ..verilog import Block
from .bank import Bank
from .buffer import WORD_BYTES
from .crossbar import Crossbar, bank_of, line_at, row_of
from .ecc import CODE_BITS, DATA_BITS, words_per_line
from .monitor import ErrorStatus, Monitor
from .port import MemoryPort
from .read_path import ReadPath
from .repair import INTERVAL_BITS, Repairs, injection_layout

#: Verilog names of what an SRAM has many of.
BANK_MODULE, READ_PATH_MODULE = "d1_sram_buffered_bank", "d1_sram_read_path"


class Sram(wiring.Component):
    """`config.sram_bytes` of memory, line-interleaved over `config.sram_banks` banks (`hdl.mem.bank.Bank`).

    docs/memory.md has the rules. A read answers `LATENCY` cycles after it was taken.

    **Atomic operations.** A read with ``lock`` keeps its bank for its user until the user's next write to the line,
    which may be one of no bytes: until then no other user's write and no other user's locked read of that bank is
    taken. A user has to do its write without waiting for another lock.

    Parameters
    ----------
    readers, writers : tuple of str
        Names of the ports, each an ``In(MemoryPort)``, that read and that write; a port may do both.
    locks : mapping of str to str
        Readers that lock to the writers that end their locks. Default: every port that reads and writes, to itself.
    yielding : tuple of str
        Readers that yield to the others, but not for ever (`hdl.arbiter.Yielding`).

    Members
    -------
    scrub_interval : In(16), injection : In(stream)
        See `hdl.mem.repair.Repairs`.
    errors : Out(ErrorStatus)
    """

    #: Cycles from a read to its answer: the storage's macro and the way out of the bank; correction.
    LATENCY = 1 + ReadPath.LATENCY

    def __init__(self, *, config: Config, readers: tuple[str, ...], writers: tuple[str, ...],
                 locks: Mapping[str, str] | None = None, yielding: tuple[str, ...] = ()):
        if not readers or not writers:
            raise ValueError(f"an SRAM needs readers and writers, not {readers!r} and {writers!r}")
        self.config = config
        self.readers, self.writers = readers, writers
        self.locks = {name: name for name in readers if name in writers} if locks is None else dict(locks)
        for reader, writer in self.locks.items():
            if reader not in readers or writer not in writers:
                raise ValueError(f"a lock needs a reader of {readers} and a writer of {writers}, "
                                 f"not {reader!r} and {writer!r}")
        if not set(yielding) < set(readers):
            raise ValueError(f"those that yield must be some of the readers {readers}, not all, not {yielding!r}")
        #: Indices of the readers that yield.
        self.yielding = tuple(readers.index(name) for name in yielding)
        super().__init__({
            **{name: In(MemoryPort(config)) for name in dict.fromkeys((*readers, *writers))},
            "scrub_interval": In(INTERVAL_BITS),
            "injection": In(stream.Signature(injection_layout(config))),
            "errors": Out(ErrorStatus),
        })

    def make_banks(self) -> Sequence[Block | Bank]:
        """The banks, of which each is the same."""
        body = Bank(config=self.config, readers=len(self.readers), writers=len(self.writers), yielding=self.yielding)
        return [Block(module=BANK_MODULE, body=body) for _ in range(self.config.sram_banks)]

    def make_paths(self) -> Sequence[Block | ReadPath]:
        """The ways out of the banks: one for each reader and, the last, one for fills. A single bank has one."""
        body = ReadPath(config=self.config)
        count = len(self.readers) + 1 if self.config.sram_banks > 1 else 1
        return [Block(module=READ_PATH_MODULE, body=body) for _ in range(count)]

    def elaborate(self, platform):
        m = Module()
        config = self.config
        banks, paths = self.make_banks(), self.make_paths()
        for index, bank in enumerate(banks):
            m.submodules[f"bank_{index}"] = bank
        m.submodules.crossbar = crossbar = Crossbar(
            config=config, readers=self.readers, writers=self.writers, locks=self.locks)
        m.submodules.repairs = repairs = Repairs(config=config)
        m.submodules.fills = fills = RoundRobin(count=config.sram_banks)
        m.submodules.monitor = monitor = Monitor(config=config, count=len(paths))

        for name in dict.fromkeys((*self.readers, *self.writers)):
            wiring.connect(m, wiring.flipped(getattr(self, name).request), getattr(crossbar, name))
        for bank, reads, writes in zip(banks, crossbar.reads, crossbar.writes, strict=True):
            wiring.connect(m, reads, bank.reads)
            wiring.connect(m, writes, bank.writes)

        # Reads, and fills: one bank a cycle, in turn.
        reads = []
        for index, name in enumerate(self.readers):
            request = getattr(self, name).request.payload
            words = Cat(request.mask.word_select(word, WORD_BYTES).any() for word in range(words_per_line(config)))
            taken = Cat(bank.taken[index] for bank in crossbar.reads).any()
            reads.append((name, taken, request.line, Mux(words.any(), words, ~0)))
        m.d.comb += [fills.requests.eq(Cat(bank.needs_fill for bank in banks)), fills.advance.eq(1)]
        lines = [line_at(config, number, bank.fill_row) for number, bank in enumerate(banks)]
        reads.append(("fill", fills.grant.any(), select(fills.grant, lines), 0))

        # The ways out of the banks. A single bank does one of the reads a cycle: what comes out is for whose it was.
        if config.sram_banks == 1:
            takes = Cat(taken for _, taken, *_ in reads)
            reading, read = Signal(len(reads)), Signal(len(reads))
            m.d.sync += [reading.eq(takes), read.eq(reading)]
            answers = [(read[index], paths[0].o, paths[0].error & read[index]) for index in range(len(self.readers))]
            ways = [("read", takes.any(), select(takes, [line for _, _, line, _ in reads]),
                     select(takes, [wanted for *_, wanted in reads]))]
        else:
            answers = [(path.o_valid, path.o, path.error) for path in paths[:-1]]
            ways = reads
        stored = Array(bank.stored.as_value() for bank in banks)
        overlays = Array(bank.overlay.as_value() for bank in banks)
        for path, (name, taken, line, wanted) in zip(paths, ways, strict=True):
            m.submodules[f"{name}_path"] = path
            source = Signal.like(bank_of(config, line), name=f"{name}_bank", reset_less=True)
            m.d.sync += path.i_valid.eq(taken)
            with m.If(taken):
                m.d.sync += [source.eq(bank_of(config, line)), path.i.line.eq(line), path.i.wanted.eq(wanted)]
            m.d.comb += [path.i.stored.eq(stored[source]), path.i.overlay.eq(overlays[source])]
        for name, (valid, line, error) in zip(self.readers, answers, strict=True):
            port = getattr(self, name)
            m.d.comb += [port.response.valid.eq(valid), port.response.payload.eq(line), port.error.eq(error)]
        fill_path = paths[-1]
        filling, filled = Signal(config.sram_banks), Signal(config.sram_banks)
        m.d.sync += [filling.eq(fills.grant), filled.eq(filling)]

        # Repairs, and what was found.
        injection = self.injection.payload
        flips = Signal(CODE_BITS)
        m.d.comb += [
            flips.eq((1 << injection.first) | (1 << injection.second)),
            repairs.interval.eq(self.scrub_interval),
            repairs.taken.eq(Cat(bank.repair_taken for bank in banks).any()),
            repairs.injected.eq(Cat(bank.flawed for bank in banks).any()),
            self.errors.eq(monitor.status),
        ]
        wiring.connect(m, wiring.flipped(self.injection), repairs.injection)
        for index, path in enumerate(paths):
            m.d.comb += monitor.findings[index].eq(path.finding)
            with m.If(path.finding.corrected.any()):
                m.d.comb += [repairs.found.valid.eq(1), repairs.found.payload.eq(path.finding.line)]
        for number, bank in enumerate(banks):
            m.d.comb += [
                bank.fill.eq(fills.grant[number]),
                bank.coming.eq(filling[number] | filled[number]),
                bank.filled.eq(filled[number]),
                bank.filling.data.eq(fill_path.o),
                bank.filling.uncorrectable.eq(fill_path.finding.uncorrectable),
                bank.filling.corrected.eq(fill_path.finding.corrected.any()),
                bank.repair.eq(repairs.request & (bank_of(config, repairs.line) == number)),
                bank.repair_row.eq(row_of(config, repairs.line)),
                bank.repair_flawed.eq(repairs.flawed),
                bank.flaw.word.eq(injection.word),
                bank.flaw.data.eq(flips[:DATA_BITS]),
                bank.flaw.check.eq(flips[DATA_BITS:]),
            ]
        return m


class FivePortSram(Sram):
    """The SRAM with the ports that D1's core and mesh have, and that of instruction fetch."""

    READERS, WRITERS = ("load0", "load1", "mesh_read", "fetch"), ("store", "mesh_write")

    #: Readers that lock, and who ends their locks.
    LOCKS: ClassVar = {"load0": "store", "mesh_read": "mesh_write"}

    #: Readers that yield to the core's.
    YIELDING = ("mesh_read",)

    def __init__(self, *, config: Config):
        super().__init__(config=config, readers=self.READERS, writers=self.WRITERS, locks=self.LOCKS,
                         yielding=self.YIELDING)
