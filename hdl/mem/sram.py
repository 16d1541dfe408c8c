"""The SRAM of a node: error-corrected banks behind the ports of the core and of the mesh."""

from collections.abc import Mapping
from typing import ClassVar

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config, bits_for_count
from ..core.onehot import select
from ..verilog import Block
from .bank import WORD_BYTES, Bank
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

    Members
    -------
    scrub_interval : In(16), injection : In(stream)
        See `hdl.mem.repair.Repairs`.
    errors : Out(ErrorStatus)
    """

    #: Cycles from a read to its answer: the storage's macro and the way out of the bank; correction.
    LATENCY = 1 + ReadPath.LATENCY

    def __init__(self, *, config: Config, readers: tuple[str, ...], writers: tuple[str, ...],
                 locks: Mapping[str, str] | None = None):
        if not readers or not writers:
            raise ValueError(f"an SRAM needs readers and writers, not {readers!r} and {writers!r}")
        self.config = config
        self.readers, self.writers = readers, writers
        self.locks = {name: name for name in readers if name in writers} if locks is None else dict(locks)
        for reader, writer in self.locks.items():
            if reader not in readers or writer not in writers:
                raise ValueError(f"a lock needs a reader of {readers} and a writer of {writers}, "
                                 f"not {reader!r} and {writer!r}")
        super().__init__({
            **{name: In(MemoryPort(config)) for name in dict.fromkeys((*readers, *writers))},
            "scrub_interval": In(INTERVAL_BITS),
            "injection": In(stream.Signature(injection_layout(config))),
            "errors": Out(ErrorStatus),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        bank_bits = bits_for_count(config.sram_banks) if config.sram_banks > 1 else 0
        body = Bank(config=config, readers=len(self.readers), writers=len(self.writers))
        banks = [Block(module=BANK_MODULE, body=body) for _ in range(config.sram_banks)]
        for index, bank in enumerate(banks):
            m.submodules[f"bank_{index}"] = bank
        m.submodules.repairs = repairs = Repairs(config=config)
        m.submodules.fills = fills = RoundRobin(count=config.sram_banks)
        m.submodules.monitor = monitor = Monitor(config=config, count=len(self.readers) + 1)

        def bank_of(line):
            return line[:bank_bits] if bank_bits else Const(0, 1)

        def row_of(line):
            return line[bank_bits:][:bits_for_count(config.bank_lines)]

        # Locks: who may not write to, or lock, which bank.
        locks = {}
        for reader, writer in self.locks.items():
            held, line = Signal(name=f"held_{reader}"), Signal(config.line_bits, name=f"locked_{reader}")
            locks[reader] = held, line
            locking, write = getattr(self, reader).request, getattr(self, writer).request
            with m.If(write.valid & write.ready & write.payload.write & (write.payload.line == line)):
                m.d.sync += held.eq(0)
            with m.If(locking.valid & locking.ready & ~locking.payload.write & locking.payload.lock):
                m.d.sync += [held.eq(1), line.eq(locking.payload.line)]

        def locked(bank, *, but):
            """A lock is on the bank, other than those of these readers."""
            return Cat(held & (bank_of(line) == bank) for reader, (held, line) in locks.items()
                       if reader not in but).any()

        # Requests to the banks, and which bank takes them.
        reads = {name: [] for name in self.readers}
        writes = {name: [] for name in self.writers}
        for number, bank in enumerate(banks):
            for index, name in enumerate(self.readers):
                request = getattr(self, name).request
                is_read = ~request.payload.write if name in self.writers else 1
                allowed = ~(request.payload.lock & locked(number, but=(name,)))
                m.d.comb += [
                    bank.read_valid[index].eq(
                        request.valid & is_read & (bank_of(request.payload.line) == number) & allowed),
                    bank.read_row[index].eq(row_of(request.payload.line)),
                ]
                reads[name].append(bank.read_taken[index])
            for index, name in enumerate(self.writers):
                request = getattr(self, name).request
                is_write = request.payload.write if name in self.readers else 1
                own = [reader for reader, writer in self.locks.items() if writer == name]
                m.d.comb += [
                    bank.write_valid[index].eq(
                        request.valid & is_write & (bank_of(request.payload.line) == number)
                        & ~locked(number, but=own)),
                    bank.write_row[index].eq(row_of(request.payload.line)),
                    bank.write_mask[index].eq(request.payload.mask),
                    bank.write_data[index].eq(request.payload.data),
                ]
                writes[name].append(bank.write_taken[index])
        for name in (*reads, *writes):
            taken = Cat(*reads.get(name, ()), *writes.get(name, ()))
            m.d.comb += getattr(self, name).request.ready.eq(taken.any())

        # The ways out of the banks. The last one is that of fills.
        stored = Array(bank.stored.as_value() for bank in banks)
        overlays = Array(bank.overlay.as_value() for bank in banks)

        def way_out(name, taken, line, wanted):
            m.submodules[f"{name}_path"] = path = Block(module=READ_PATH_MODULE, body=read_path)
            source = Signal(max(1, bank_bits), name=f"{name}_bank", reset_less=True)
            m.d.sync += path.i_valid.eq(taken)
            with m.If(taken):
                m.d.sync += [source.eq(bank_of(line)), path.i.line.eq(line), path.i.wanted.eq(wanted)]
            m.d.comb += [path.i.stored.eq(stored[source]), path.i.overlay.eq(overlays[source])]
            return path

        read_path = ReadPath(config=config)
        paths = []
        for name in self.readers:
            port = getattr(self, name)
            mask = port.request.payload.mask
            words = Cat(mask.word_select(word, WORD_BYTES).any() for word in range(words_per_line(config)))
            path = way_out(name, Cat(reads[name]).any(), port.request.payload.line, Mux(words.any(), words, ~0))
            m.d.comb += [
                port.response.valid.eq(path.o_valid),
                port.response.payload.eq(path.o),
                port.error.eq(path.error),
            ]
            paths.append(path)

        # Fills: one bank a cycle, in turn.
        m.d.comb += [fills.requests.eq(Cat(bank.needs_fill for bank in banks)), fills.advance.eq(1)]
        lines = [Cat(Const(number, bank_bits), bank.fill_row) for number, bank in enumerate(banks)]
        path = way_out("fill", fills.grant.any(), select(fills.grant, lines), 0)
        paths.append(path)
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
                bank.filling.data.eq(path.o),
                bank.filling.uncorrectable.eq(path.finding.uncorrectable),
                bank.filling.corrected.eq(path.finding.corrected.any()),
                bank.repair.eq(repairs.request & (bank_of(repairs.line) == number)),
                bank.repair_row.eq(row_of(repairs.line)),
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

    def __init__(self, *, config: Config):
        super().__init__(config=config, readers=self.READERS, writers=self.WRITERS, locks=self.LOCKS)
