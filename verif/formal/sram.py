"""The SRAM: its code, the waiting times of its banks, that a load returns the last store, and atomicity.

docs/memory.md says how they are put together. A bank decides by rows, masks and what the decoders say, never by the
data, and treats all rows, words, bytes and bits alike. So what is proved for one of them, which may be any, holds for
all, and short lines and few rows do.
"""

from dataclasses import replace
from functools import partial

from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.config import ULX3S, Config
from hdl.mem.bank import Bank, BankReads
from hdl.mem.buffer import BankWrites
from hdl.mem.crossbar import Crossbar, bank_of, line_at, row_of
from hdl.mem.ecc import CODE_BITS, DATA_BITS, Decoder, encode, words_per_line
from hdl.mem.port import MemoryPort, request_layout
from hdl.mem.read_path import ReadPath
from hdl.mem.sram import FivePortSram
from hdl.mem.storage import Storage
from verif.formal.proof import Proof

#: Banks of 16 rows of 2 words.
CONFIG = replace(ULX3S, name="PROOF", sram_bytes=4096, sram_banks=16)
ROW_BITS = 4

#: Banks that share the way for fills.
BANKS = 2

WRITERS = 2


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


class AnyRow(Storage):
    """Storage without check bits that keeps the row `watched`; what is read of another one is `other`.

    `flaw` is what is to be stored wrong. It is not, since no reader of a word that can be corrected sees it.
    """

    def __init__(self, *, config: Config):
        super().__init__(config=config)
        words = range(words_per_line(config))
        self.watched, self.other = Signal(len(self.row)), Signal(DATA_BITS)
        self.flaw = [Signal(DATA_BITS, name=f"flaw_{word}") for word in words]
        self.data = [Signal(DATA_BITS, name=f"data_{word}") for word in words]

    def elaborate(self, platform):
        m = Module()
        for word, (data, flaw) in enumerate(zip(self.data, self.flaw, strict=True)):
            with m.If(self.enable & self.write & self.words[word] & (self.row == self.watched)):
                m.d.sync += data.eq(self.i.data[word] ^ flaw)
            with m.If(self.enable & ~self.write):
                m.d.sync += self.o.data[word].eq(Mux(self.row == self.watched, data, self.other))
        return m


class Waiting(wiring.Component):
    """Counts how long each request to a bank waits. Users hold theirs until they are taken; fills come in turn.

    Parameters
    ----------
    eager, yielding : int
        Readers of each kind; the eager ones come first.
    """

    WRITE_BOUND = WRITERS * (BANKS + 7)

    def __init__(self, *, eager: int, yielding: int):
        readers = eager + yielding
        self.read_bounds = [3 * (eager + 1) - 1] * eager + [3 * yielding * (eager + 1) - 1] * yielding
        self.storage = AnyRow(config=CONFIG)
        self.bank = Bank(config=CONFIG, readers=readers, writers=WRITERS, yielding=range(eager, readers),
                         storage=self.storage)
        super().__init__({
            "reads": In(BankReads(CONFIG, readers=readers)), "writes": In(BankWrites(CONFIG, writers=WRITERS)),
            "repair": In(1), "repair_row": In(ROW_BITS), "repair_flawed": In(1), "fill": In(1),
            "uncorrectable": In(words_per_line(CONFIG)), "corrected": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = self.bank
        wiring.connect(m, wiring.flipped(self.reads), bank.reads)
        wiring.connect(m, wiring.flipped(self.writes), bank.writes)
        filling, filled, refused = Signal(), Signal(), Signal(range(BANKS + 1))
        m.d.sync += [
            filling.eq(self.fill),
            filled.eq(filling),
            refused.eq(Mux(bank.needs_fill & ~self.fill, refused + 1, 0)),
        ]
        m.d.comb += [
            bank.repair.eq(self.repair),
            bank.repair_row.eq(self.repair_row),
            bank.repair_flawed.eq(self.repair_flawed),
            bank.fill.eq(self.fill),
            bank.coming.eq(filling | filled),
            bank.filled.eq(filled),
            bank.filling.uncorrectable.eq(self.uncorrectable),
            bank.filling.corrected.eq(self.corrected),
            Assume(~self.fill | bank.needs_fill),
            Assume(refused < BANKS),
        ]
        for kind, port, bounds in (("read", self.reads, self.read_bounds),
                                   ("write", self.writes, [self.WRITE_BOUND] * WRITERS)):
            for index, bound in enumerate(bounds):
                waited = Signal(name=f"{kind}_{index}_waited")
                m.d.sync += waited.eq(port.valid[index] & ~port.taken[index])
                m.d.comb += Assume(~waited | port.valid[index])
                for payload in (port.row, port.mask) if port is self.writes else (port.row,):
                    last = Signal.like(payload[index], name=f"{kind}_{index}_last")
                    m.d.sync += last.eq(payload[index])
                    m.d.comb += Assume(~waited | (payload[index] == last))
                waits = Signal(range(bound + 2), name=f"{kind}_{index}_waits")
                m.d.sync += waits.eq(Mux(port.valid[index] & ~port.taken[index], waits + 1, 0))
                m.d.comb += Assert(waits <= bound)
        return m


class Correctable(Decoder):
    """Of a word without uncorrectable errors comes out what was meant, which is what `Correction` says.

    `flagged` is whether there was one that was corrected.
    """

    def __init__(self):
        super().__init__()
        self.flagged = Signal()

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.o.eq(self.i.data), self.corrected.eq(self.flagged)]
        return m


class SramInParts(FivePortSram):
    """The SRAM of a node, with banks and ways out that a proof can look into, and `AnyRow`s as storage."""

    def __init__(self, *, config: Config):
        super().__init__(config=config)
        self.banks = [
            Bank(config=config, readers=len(self.readers), writers=len(self.writers), yielding=self.yielding,
                 storage=AnyRow(config=config)) for _ in range(config.sram_banks)]
        self.decoders = [[Correctable() for _ in range(words_per_line(config))] for _ in range(len(self.readers) + 1)]
        self.paths = [ReadPath(config=config, decoder=iter(decoders).__next__) for decoders in self.decoders]

    def make_banks(self):
        return self.banks

    def make_paths(self):
        return self.paths


class LastStore(wiring.Component):
    """Follows a bit of a line through all that an SRAM does while no word has an uncorrectable error.

    It is bit 0 of a line that may be any. Which word, byte and bit it is makes no difference: each is handled as every
    other.
    """

    def __init__(self, *, cover: bool = False):
        self.cover = cover
        self.sram = SramInParts(config=replace(CONFIG, sram_banks=BANKS))
        self.names = (*self.sram.readers, *self.sram.writers)
        request = MemoryPort(self.sram.config).members["request"].signature
        super().__init__({
            **{name: In(request) for name in self.names},
            **{name: self.sram.signature.members[name] for name in ("scrub_interval", "injection")},
            "line": In(self.sram.config.line_bits), "others": In(DATA_BITS),
            "flagged": In(sum(map(len, self.sram.decoders))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sram = sram = self.sram
        config = sram.config
        wiring.connect(m, wiring.flipped(self.injection), sram.injection)
        m.d.comb += sram.scrub_interval.eq(self.scrub_interval)
        for name in self.names:
            port, own = getattr(sram, name).request, getattr(self, name)
            m.d.comb += [port.valid.eq(own.valid), port.payload.eq(own.payload), own.ready.eq(port.ready),
                         port.payload.write.eq(name in sram.writers)]

        # The last store; the writes of a cycle come before its reads.
        line, started, before = self.line, Signal(), Signal.like(self.line)
        m.d.sync += [started.eq(1), before.eq(line)]
        m.d.comb += [
            Assume(~started | (line == before)),
            Cat(decoder.flagged for decoders in sram.decoders for decoder in decoders).eq(self.flagged),
        ]
        now, known_now, last, known = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [now.eq(last), known_now.eq(known)]
        for name in sram.writers:
            write = getattr(sram, name).request
            with m.If(write.valid & write.ready & (write.payload.line == line) & write.payload.mask[0]):
                m.d.comb += [now.eq(write.payload.data[0]), known_now.eq(1)]
        m.d.sync += [last.eq(now), known.eq(known_now)]

        # A read of any port, and its answer two cycles later.
        answered = Signal(len(sram.readers))
        for index, (name, path) in enumerate(zip(sram.readers, sram.paths, strict=False)):
            port = getattr(sram, name)
            took, taken = port.request.valid & port.request.ready, Signal(name=f"taken_{name}")
            read, expected = Signal(name=f"read_{name}"), Signal(name=f"expected_{name}")
            due, wanted = Signal(name=f"due_{name}"), Signal(name=f"wanted_{name}")
            m.d.sync += [
                taken.eq(took), due.eq(taken),
                read.eq(took & (port.request.payload.line == line) & known_now), expected.eq(now),
                answered[index].eq(read), wanted.eq(expected),
            ]
            m.d.comb += [
                Assert(port.response.valid == due),
                Assert(~answered[index] | (port.response.payload[0] == wanted)),
                # On the way there:
                Assert(path.i_valid == taken),
                Assert(~read | taken), Assert(~answered[index] | due),
                Assert(~read | (newest(path.i) == expected)),
            ]

        # Where the last store is: in the buffer of the line's bank, or in its storage.
        fill_path = sram.paths[-1]
        was_filled = Signal(config.sram_banks)
        for number, bank in enumerate(sram.banks):
            buffer, storage = bank.buffer, bank.storage
            m.d.comb += [storage.watched.eq(row_of(config, line)), storage.other.eq(self.others)]
            for word, flaw in enumerate(storage.flaw):
                m.d.comb += flaw.eq(Mux(buffer.flawed & (bank.flaw.word == word), bank.flaw.data, 0))
            has_line = (bank_of(config, line) == number) & buffer.occupied & (buffer.row == row_of(config, line))
            is_newer = has_line & buffer.newer.mask[0]
            with m.If(known & (bank_of(config, line) == number)):
                m.d.comb += Assert(Mux(is_newer, buffer.newer.data[0], storage.data[0][0]) == last)

            # A line for the buffer is under way only if that has the row, and stays until it has come.
            filling, filled = Signal(name=f"filling_{number}"), Signal(name=f"filled_{number}")
            m.d.sync += [filling.eq(bank.fill), filled.eq(filling)]
            m.d.comb += [
                Assert(bank.coming == (filling | filled)),
                Assert(bank.filled == filled),
                Assert(~(filling & filled)),
                Assert(bank.needs_fill == (~(filling | filled) & (buffer.repairing | has_part(buffer.newer.mask)))),
                Assert(~filling | fill_path.i_valid),
                Assert(~filling | (bank.read_row == buffer.row)),
                Assert(buffer.occupied | ~(filling | filled | buffer.repairing | buffer.newer.mask.any())),
            ]
            with m.If(known & has_line & ~is_newer):
                m.d.comb += [
                    Assert(~filling | (newest(fill_path.i) == last)),
                    Assert(~filled | (fill_path.o[0] == last)),
                ]
            m.d.sync += was_filled[number].eq(was_filled[number] | (filled & has_line & known & ~is_newer))
        if self.cover:
            # It was written, written back, and read into the buffer again for another byte's sake.
            m.d.comb += Cover(answered[0] & was_filled.any())
        return m


def newest(line) -> Value:
    """Bit 0 of what is on its way out of a bank."""
    return Mux(line.overlay.mask[0], line.overlay.data[0], line.stored.data[0][0])


def has_part(mask: Value) -> Value:
    """Some word of a line has bytes of which others are missing."""
    words = [mask.word_select(word, DATA_BITS // 8) for word in range(words_per_line(CONFIG))]
    return Cat(word.any() & ~word.all() for word in words).any()


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
    *(Proof(name=f"sram_waiting_{eager}_{yielding}", mode="prove", depth=Waiting.WRITE_BOUND + 2,
            component=partial(Waiting, eager=eager, yielding=yielding),
            states=f"no read of a bank waits for more than {3 * (eager + 1) - 1} cycles, or, if it yields, "
                   f"{3 * yielding * (eager + 1) - 1}, no write for more than {Waiting.WRITE_BOUND}: {eager} eager and "
                   f"{yielding} yielding readers, {WRITERS} writers, {BANKS} banks, whatever errors")
      for eager, yielding in ((2, 1), (1, 2))),
    Proof(name="sram_last_store", mode="prove", depth=2, quick=True, component=LastStore,
          states=f"a read of any port returns, two cycles later, the last store to each bit: any line of {BANKS} "
                 "banks, any traffic of all ports with whole and partial writes, locks, fills, repairs, scrubbing and "
                 "injections, as long as no error is uncorrectable and decoders do what sram_code says"),
    Proof(name="sram_last_store_reached", mode="cover", depth=20, quick=True, component=lambda: LastStore(cover=True),
          states="such a read happens of what was stored, written back, and filled up again"),
    Proof(name="sram_ways", mode="prove", depth=2, quick=True, component=Ways,
          states="the banks are asked for what the ports ask, each for its own lines; while a user has a lock, no "
                 "other one's write to the bank and no other one's locked read of it is taken"),
)
