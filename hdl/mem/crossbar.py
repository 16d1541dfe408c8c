"""From the ports of the SRAM to its banks: who asks which bank for what, and who has locked which."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Config, bits_for_count
from .bank import BankReads
from .buffer import BankWrites
from .port import MemoryPort


def _bank_bits(config: Config) -> int:
    return bits_for_count(config.sram_banks) if config.sram_banks > 1 else 0


def bank_of(config: Config, line: Value) -> Value:
    """The bank that has a line."""
    return line[:_bank_bits(config)] if config.sram_banks > 1 else Const(0, 1)


def row_of(config: Config, line: Value) -> Value:
    """Where in its bank a line is."""
    return line[_bank_bits(config):][:bits_for_count(config.bank_lines)]


def line_at(config: Config, bank: int, row: Value) -> Value:
    """The line in a row of a bank."""
    return Cat(Const(bank, _bank_bits(config)), row)


class Crossbar(wiring.Component):
    """Asks each bank for what the ports want of it, as far as locks allow. Combinational, but for the locks.

    Parameters and ports are those of `hdl.mem.sram.Sram`; of the ports only the requests are used.

    Members
    -------
    reads : Out(BankReads) of each bank, writes : Out(BankWrites) of each bank
        Bit i of them is the i-th reader's or writer's.
    """

    def __init__(self, *, config: Config, readers: tuple[str, ...], writers: tuple[str, ...], locks: Mapping[str, str]):
        self.config = config
        self.readers, self.writers, self.locks = readers, writers, locks
        request = MemoryPort(config).members["request"].signature
        super().__init__({
            **{name: In(request) for name in dict.fromkeys((*readers, *writers))},
            "reads": Out(BankReads(config, readers=len(readers))).array(config.sram_banks),
            "writes": Out(BankWrites(config, writers=len(writers))).array(config.sram_banks),
        })
        #: Of each reader that may lock: whether it does, and which line.
        self.held = {reader: Signal(name=f"held_{reader}") for reader in locks}
        self.line = {reader: Signal(config.line_bits, name=f"locked_{reader}") for reader in locks}

    def elaborate(self, platform):
        m = Module()
        config = self.config
        for reader, writer in self.locks.items():
            locking, write = getattr(self, reader), getattr(self, writer)
            held, line = self.held[reader], self.line[reader]
            with m.If(write.valid & write.ready & write.payload.write & (write.payload.line == line)):
                m.d.sync += held.eq(0)
            with m.If(locking.valid & locking.ready & ~locking.payload.write & locking.payload.lock):
                m.d.sync += [held.eq(1), line.eq(locking.payload.line)]

        taken = {name: [] for name in (*self.readers, *self.writers)}
        for bank, (reads, writes) in enumerate(zip(self.reads, self.writes, strict=True)):
            for index, name in enumerate(self.readers):
                request = getattr(self, name)
                here = bank_of(config, request.payload.line) == bank
                is_read = ~request.payload.write if name in self.writers else 1
                barred = request.payload.lock & self._locked(bank, but=(name,))
                m.d.comb += [
                    reads.valid[index].eq(request.valid & is_read & here & ~barred),
                    reads.row[index].eq(row_of(config, request.payload.line)),
                ]
                taken[name].append(reads.taken[index])
            for index, name in enumerate(self.writers):
                request = getattr(self, name)
                here = bank_of(config, request.payload.line) == bank
                is_write = request.payload.write if name in self.readers else 1
                barred = self._locked(bank, but=[reader for reader, writer in self.locks.items() if writer == name])
                m.d.comb += [
                    writes.valid[index].eq(request.valid & is_write & here & ~barred),
                    writes.row[index].eq(row_of(config, request.payload.line)),
                    writes.mask[index].eq(request.payload.mask),
                    writes.data[index].eq(request.payload.data),
                ]
                taken[name].append(writes.taken[index])
        for name, strobes in taken.items():
            m.d.comb += getattr(self, name).ready.eq(Cat(strobes).any())
        return m

    def _locked(self, bank: int, *, but) -> Value:
        """A lock is on the bank, other than those of these readers."""
        return Cat(held & (bank_of(self.config, self.line[reader]) == bank) for reader, held in self.held.items()
                   if reader not in but).any()
