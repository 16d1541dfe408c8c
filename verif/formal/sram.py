"""The SRAM: its code, the waiting times of its banks, that a load returns the last store, and atomicity.

docs/memory.md says how they are put together. A bank decides by rows, masks and what the decoders say, never by the
data, and treats all rows, words, bytes and bits alike. So what is proved for one of them, which may be any, holds for
all, and short lines and few rows do.
"""

from dataclasses import replace

from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.config import ULX3S
from hdl.mem.bank import Bank, BankReads
from hdl.mem.buffer import BankWrites
from hdl.mem.crossbar import Crossbar, bank_of, line_at
from hdl.mem.ecc import CODE_BITS, DATA_BITS, Decoder, encode, words_per_line
from hdl.mem.port import request_layout
from hdl.mem.read_path import ReadPath
from hdl.mem.sram import FivePortSram
from hdl.mem.storage import Storage
from verif.formal.proof import Proof

#: Banks of 16 rows of 2 words.
CONFIG = replace(ULX3S, name="PROOF", sram_bytes=4096, sram_banks=16)
ROW_BITS = 4

#: Banks that share the way for fills.
BANKS = 2

READERS, WRITERS = 3, 2


class Linear(wiring.Component):
    """A data bit that turns over turns over its column of the check bits, and nothing else does."""

    def __init__(self):
        super().__init__({"data": In(DATA_BITS), "bit": In(range(DATA_BITS))})

    def elaborate(self, platform):
        m = Module()
        flip = Signal(DATA_BITS)
        m.d.comb += [
            flip.eq(1 << self.bit),
            Assert(encode(self.data ^ flip) == encode(self.data) ^ encode(flip)),
        ]
        return m


class Correction(wiring.Component):
    """Any stored word, whose check bits are wrong as two bits, or one if they are the same, or none make them."""

    def __init__(self):
        super().__init__({"stored": In(DATA_BITS), "first": In(7), "second": In(7), "wrong": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = Decoder()
        flips = Signal(CODE_BITS)
        single = self.first == self.second
        m.d.comb += [
            Assume(self.first < CODE_BITS),
            Assume(self.second < CODE_BITS),
            flips.eq(Mux(self.wrong, (1 << self.first) | (1 << self.second), 0)),
            decoder.i.data.eq(self.stored),
            decoder.i.check.eq(encode(self.stored) ^ encode(flips[:DATA_BITS]) ^ flips[DATA_BITS:]),
            Assert(decoder.corrected == (self.wrong & single)),
            Assert(decoder.uncorrectable == (self.wrong & ~single)),
            Assert((decoder.o == self.stored ^ flips[:DATA_BITS]) | (self.wrong & ~single)),
        ]
        return m


class NoErrors(Decoder):
    """A word without errors, which is what `Correction` says of what comes out of a decoder."""

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.i.data)
        return m


class AnyRow(Storage):
    """Storage that keeps the row `watched`; what is read of another one is `other`. Without check bits."""

    def __init__(self):
        super().__init__(config=CONFIG)
        self.watched = Signal(ROW_BITS)
        self.other = Signal(DATA_BITS)
        self.data = [Signal(DATA_BITS, name=f"data_{word}") for word in range(words_per_line(CONFIG))]

    def elaborate(self, platform):
        m = Module()
        for word, data in enumerate(self.data):
            with m.If(self.enable & self.write & self.words[word] & (self.row == self.watched)):
                m.d.sync += data.eq(self.i.data[word])
            with m.If(self.enable & ~self.write):
                m.d.sync += self.o.data[word].eq(Mux(self.row == self.watched, data, self.other))
        return m


class BankInUse(wiring.Component):
    """A bank with the ways in and out that it has in the SRAM.

    What has no driver here is an input of the proof, and so anything: what is read of other rows, too.
    """

    def __init__(self):
        self.storage = AnyRow()
        self.bank = Bank(config=CONFIG, readers=READERS, writers=WRITERS, storage=self.storage)
        super().__init__({
            "reads": In(BankReads(CONFIG, readers=READERS)), "writes": In(BankWrites(CONFIG, writers=WRITERS)),
            "repair": In(1), "repair_row": In(ROW_BITS), "repair_flawed": In(1), "fill": In(1),
            "uncorrectable": In(words_per_line(CONFIG)), "corrected": In(1),
            "watched": In(ROW_BITS), "other": In(DATA_BITS),
        })
        #: In the cycle after a fill's read, and in the one in which the bank gets the line.
        self.filling, self.filled = Signal(), Signal()

    def use(self, m: Module) -> None:
        """Use the bank in a module."""
        m.submodules.bank = bank = self.bank
        wiring.connect(m, wiring.flipped(self.reads), bank.reads)
        wiring.connect(m, wiring.flipped(self.writes), bank.writes)
        m.d.sync += [self.filling.eq(self.fill), self.filled.eq(self.filling)]
        m.d.comb += [
            self.storage.watched.eq(self.watched),
            self.storage.other.eq(self.other),
            bank.repair.eq(self.repair),
            bank.repair_row.eq(self.repair_row),
            bank.repair_flawed.eq(self.repair_flawed),
            bank.fill.eq(self.fill),
            bank.coming.eq(self.filling | self.filled),
            bank.filled.eq(self.filled),
            bank.filling.uncorrectable.eq(self.uncorrectable),
            bank.filling.corrected.eq(self.corrected),
            Assume(~self.fill | bank.needs_fill),
        ]


class Waiting(BankInUse):
    """Counts how long each request waits. Users hold theirs until they are taken; each bank is filled in its turn."""

    READ_BOUND = 3 * READERS - 1
    WRITE_BOUND = WRITERS * (BANKS + 7)

    def elaborate(self, platform):
        m = Module()
        self.use(m)
        for port, bound in ((self.reads, self.READ_BOUND), (self.writes, self.WRITE_BOUND)):
            for index in range(len(port.valid)):
                waited = Signal(name=f"waited_{bound}_{index}")
                m.d.sync += waited.eq(port.valid[index] & ~port.taken[index])
                m.d.comb += Assume(~waited | port.valid[index])
                for payload in (port.row, port.mask) if port is self.writes else (port.row,):
                    last = Signal.like(payload[index], name=f"last_{bound}_{index}")
                    m.d.sync += last.eq(payload[index])
                    m.d.comb += Assume(~waited | (payload[index] == last))
                waits = Signal(range(bound + 2), name=f"waits_{bound}_{index}")
                m.d.sync += waits.eq(Mux(port.valid[index] & ~port.taken[index], waits + 1, 0))
                m.d.comb += Assert(waits <= bound)
        refused = Signal(range(BANKS + 1))
        m.d.sync += refused.eq(Mux(self.bank.needs_fill & ~self.fill, refused + 1, 0))
        m.d.comb += Assume(refused < BANKS)
        return m


class LastStore(BankInUse):
    """Follows a bit of a line through everything that a bank does while its word has no uncorrectable error.

    It is bit 0 of a row that may be any. Which row, byte and bit it is makes no difference to the bank: rows are
    compared with each other and nothing else, and each word, byte and bit is handled as every other.
    """

    def __init__(self, *, cover: bool = False):
        self.cover = cover
        super().__init__()

    def elaborate(self, platform):
        m, bank, watched = Module(), self.bank, self.watched
        self.use(m)
        m.submodules.path = path = ReadPath(config=CONFIG, decoder=NoErrors)
        m.submodules.fill_path = fill_path = ReadPath(config=CONFIG, decoder=NoErrors)
        started, row = Signal(), Signal(ROW_BITS)
        m.d.sync += [started.eq(1), row.eq(watched)]
        m.d.comb += [Assume(~started | (watched == row)), Assume(~self.uncorrectable[0])]

        # The last store; the writes of a cycle come before its reads.
        now, known_now, last, known = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [now.eq(last), known_now.eq(known)]
        for index in range(WRITERS):
            with m.If(self.writes.taken[index] & (self.writes.row[index] == watched) & self.writes.mask[index][0]):
                m.d.comb += [now.eq(self.writes.data[index][0]), known_now.eq(1)]
        m.d.sync += [last.eq(now), known.eq(known_now)]

        # A read of any port, and its answer two cycles later.
        read, answered = Signal(), Signal()
        expected, wanted = Signal(), Signal()
        hits = Cat(taken & (row == watched) for taken, row in zip(self.reads.taken, self.reads.row, strict=True))
        m.d.sync += [read.eq(hits.any() & known_now), expected.eq(now), answered.eq(read), wanted.eq(expected)]
        for way, valid in ((path, read), (fill_path, self.filling)):
            m.d.comb += [way.i_valid.eq(valid), way.i.stored.eq(bank.stored), way.i.overlay.eq(bank.overlay)]
        m.d.comb += bank.filling.data.eq(fill_path.o)
        if self.cover:
            # It was written, pushed out by a write to another row, written in part, filled, and read.
            filled, drained = Signal(), Signal()
            m.d.sync += [
                drained.eq(known & (drained | self.storage.write)),
                filled.eq(drained & (filled | (self.filled & (bank.buffer.row == watched)))),
            ]
            m.d.comb += Cover(answered & filled & (path.o[0] == wanted))
            return m
        m.d.comb += Assert(~answered | (path.o[0] == wanted))

        # Where the last store is: in the buffer, or in the storage.
        buffer = bank.buffer
        has_row = buffer.occupied & (buffer.row == watched)
        is_newer = has_row & buffer.newer.mask[0]
        stored = self.storage.data[0][0]
        m.d.comb += [
            Assert(~known | (Mux(is_newer, buffer.newer.data[0], stored) == last)),
            Assert(~read | (bank.read_row == watched)),
            Assert(~read | (Mux(is_newer, buffer.newer.data[0], bank.stored.data[0][0]) == expected)),
        ]
        # A line for the buffer is under way only if that has the row, and stays until it has come.
        m.d.comb += [
            Assert(buffer.occupied | ~(self.filling | self.filled | buffer.repairing | buffer.newer.mask.any())),
            Assert(~(self.filling & self.filled)),
            Assert(~self.filling | (bank.read_row == buffer.row)),
        ]
        with m.If(known & has_row & ~is_newer):
            m.d.comb += [
                Assert(~self.filling | (bank.stored.data[0][0] == last)),
                Assert(~self.filled | (fill_path.o[0] == last)),
            ]
        return m


class Ways(wiring.Component):
    """What the banks are asked, and a lock that is held, as the ports of a node's SRAM see it."""

    READERS, WRITERS, LOCKS = FivePortSram.READERS, FivePortSram.WRITERS, FivePortSram.LOCKS

    def __init__(self):
        self.config = replace(CONFIG, sram_banks=4)
        self.crossbar = Crossbar(config=self.config, readers=self.READERS, writers=self.WRITERS, locks=self.LOCKS)
        request = request_layout(self.config)
        super().__init__({
            **{f"{name}_{what}": In(shape) for name in (*self.READERS, *self.WRITERS)
               for what, shape in (("valid", 1), ("request", request))},
            "read_taken": In(len(self.READERS)).array(self.config.sram_banks),
            "write_taken": In(len(self.WRITERS)).array(self.config.sram_banks),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.crossbar = crossbar = self.crossbar
        banks = range(self.config.sram_banks)
        ports = {name: getattr(crossbar, name) for name in (*self.READERS, *self.WRITERS)}
        for name, port in ports.items():
            m.d.comb += [
                port.valid.eq(getattr(self, f"{name}_valid")),
                port.payload.eq(getattr(self, f"{name}_request")),
                port.payload.write.eq(name in self.WRITERS),
            ]
        for bank in banks:
            reads, writes = crossbar.reads[bank], crossbar.writes[bank]
            m.d.comb += [
                reads.taken.eq(self.read_taken[bank] & reads.valid),
                writes.taken.eq(self.write_taken[bank] & writes.valid),
                Assume((reads.taken & (reads.taken - 1)) == 0),
            ]

        # A bank is asked for what is in it and for nothing else; a request is taken if its bank takes it.
        for names, asked in ((self.READERS, crossbar.reads), (self.WRITERS, crossbar.writes)):
            for index, name in enumerate(names):
                port, payload = ports[name], ports[name].payload
                for bank in banks:
                    m.d.comb += Assert(~asked[bank].valid[index] | (
                        port.valid & (payload.line == line_at(self.config, bank, asked[bank].row[index]))))
                    if name in self.WRITERS:
                        m.d.comb += Assert(~asked[bank].valid[index] | (
                            (asked[bank].mask[index] == payload.mask) & (asked[bank].data[index] == payload.data)))
                m.d.comb += Assert((port.valid & port.ready) == Cat(each.taken[index] for each in asked).any())
                is_asked = Cat(each.valid[index] for each in asked).any()
                locks = Cat(crossbar.held.values()).any()
                m.d.comb += Assert(is_asked | ~port.valid | (locks & (port.payload.lock | (name in self.WRITERS))))

        # Until the write that ends a lock, nobody else writes to the bank or reads there with a lock.
        for reader, writer in self.LOCKS.items():
            held, line = Signal(name=f"lock_of_{reader}"), Signal(self.config.line_bits, name=f"line_of_{reader}")
            begins = ports[reader].valid & ports[reader].ready & ports[reader].payload.lock
            ends = ports[writer].valid & ports[writer].ready & (ports[writer].payload.line == line)
            with m.If(begins):
                m.d.sync += [held.eq(1), line.eq(ports[reader].payload.line)]
            with m.Elif(ends):
                m.d.sync += held.eq(0)
            m.d.comb += [Assert(crossbar.held[reader] == held), Assert(crossbar.line[reader] == line)]
            for name, port in ports.items():
                if name not in (reader, writer):
                    harms = port.valid & port.ready & (name in self.WRITERS or port.payload.lock)
                    same = bank_of(self.config, port.payload.line) == bank_of(self.config, line)
                    m.d.comb += Assert(~(held & harms & same))
        one, other = crossbar.held
        m.d.comb += Assert(~(crossbar.held[one] & crossbar.held[other] & (
            bank_of(self.config, crossbar.line[one]) == bank_of(self.config, crossbar.line[other]))))
        return m


PROOFS = (
    Proof(name="sram_code_is_linear", mode="prove", depth=1, quick=True, component=Linear,
          states="a bit of any word turns over the same check bits whatever the word; so errors add up"),
    Proof(name="sram_code", mode="prove", depth=1, quick=True, component=Correction,
          states="every single error in any word is corrected, every double error detected, and no other reported"),
    Proof(name="sram_waiting", mode="prove", depth=Waiting.WRITE_BOUND + 2, component=Waiting,
          states=f"no read of a bank waits for more than {Waiting.READ_BOUND} cycles, no write for more than "
                 f"{Waiting.WRITE_BOUND}: {READERS} readers, {WRITERS} writers, {BANKS} banks, whatever errors"),
    Proof(name="sram_last_store", mode="prove", depth=2, quick=True, component=LastStore,
          states="a read of a bank returns the last store to each bit, for any row and all orders of reads, whole and "
                 "partial writes, fills and repairs, if decoders do what sram_code says"),
    Proof(name="sram_last_store_reached", mode="cover", depth=20, quick=True, component=lambda: LastStore(cover=True),
          states="such a read happens of what was stored, written back, filled up again and read"),
    Proof(name="sram_ways", mode="prove", depth=2, quick=True, component=Ways,
          states="the banks are asked for what the ports ask, each for its own lines; while a user has a lock, no "
                 "other one's write to the bank and no other one's locked read of it is taken"),
)
