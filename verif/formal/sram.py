"""The SRAM: its code, the waiting times of its banks, and that a load returns the last store.

A bank decides by rows, masks and what the decoders say, never by the data, and treats all rows, words and bytes alike.
So what is proved for one row and one byte, which may be any, holds for all of them, and short lines and few rows do.
"""

from dataclasses import replace

from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.config import ULX3S
from hdl.mem.bank import Bank
from hdl.mem.ecc import CODE_BITS, DATA_BITS, Decoder, encode, words_per_line
from hdl.mem.read_path import ReadPath
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
    """Storage that keeps the row `watched`; the others hold anything. Without check bits."""

    def __init__(self):
        super().__init__(config=CONFIG)
        self.watched = Signal(ROW_BITS)
        self.other = Signal(DATA_BITS)

    def elaborate(self, platform):
        m = Module()
        words = range(words_per_line(CONFIG))
        data = [Signal(DATA_BITS, name=f"data_{word}") for word in words]
        for word in words:
            with m.If(self.enable & self.write & self.words[word] & (self.row == self.watched)):
                m.d.sync += data[word].eq(self.i.data[word])
            with m.If(self.enable & ~self.write):
                m.d.sync += self.o.data[word].eq(Mux(self.row == self.watched, data[word], self.other))
        return m


class BankInUse(wiring.Component):
    """A bank with the ways in and out that it has in the SRAM; users hold their requests until they are taken.

    Parameters
    ----------
    storage : Storage
    """

    def __init__(self, *, storage: Storage):
        self.storage = storage
        self.bank = Bank(config=CONFIG, readers=READERS, writers=WRITERS, storage=storage)
        super().__init__({
            "read_valid": In(READERS), "read_rows": In(READERS * ROW_BITS),
            "write_valid": In(WRITERS), "write_rows": In(WRITERS * ROW_BITS),
            "write_masks": In(WRITERS * CONFIG.vector_bytes), "write_bytes": In(WRITERS * 8),
            "repair": In(1), "repair_row": In(ROW_BITS), "repair_flawed": In(1), "fill": In(1), "uncorrectable": In(2),
        })

    def use(self, m: Module) -> tuple[ReadPath, Signal]:
        """Use the bank in a module; return the way out of it, and when that has the line of a fill."""
        m.submodules.bank = bank = self.bank
        m.submodules.path = path = ReadPath(config=CONFIG, decoder=NoErrors)

        # What is written has the same value in all bytes: which one a byte gets is all that matters.
        m.d.comb += [
            bank.read_valid.eq(self.read_valid),
            bank.read_row.eq(self.read_rows),
            bank.write_valid.eq(self.write_valid),
            bank.write_row.eq(self.write_rows),
            bank.write_mask.eq(self.write_masks),
            bank.write_data.eq(Cat(self.write_bytes.word_select(writer, 8).replicate(CONFIG.vector_bytes)
                                   for writer in range(WRITERS))),
            bank.repair.eq(self.repair),
            bank.repair_row.eq(self.repair_row),
            bank.fill.eq(self.fill),
        ]

        # Requests wait until they are taken.
        for valid, taken, *payloads in (
            (self.read_valid, bank.read_taken, self.read_rows),
            (self.write_valid, bank.write_taken, self.write_rows, self.write_masks, self.write_bytes),
        ):
            for port in range(len(valid)):
                waited = Signal(name=f"waited_{len(valid)}_{port}")
                m.d.sync += waited.eq(valid[port] & ~taken[port])
                m.d.comb += Assume(~waited | valid[port])
                for payload in payloads:
                    width = len(payload) // len(valid)
                    last = Signal(width)
                    m.d.sync += last.eq(payload.word_select(port, width))
                    m.d.comb += Assume(~waited | (payload.word_select(port, width) == last))

        # Fills: each bank in its turn, and the corrected line 2 cycles later.
        refused = Signal(range(BANKS + 1))
        filling, filled = Signal(), Signal()
        m.d.sync += [
            refused.eq(Mux(bank.needs_fill & ~self.fill, refused + 1, 0)),
            filling.eq(self.fill),
            filled.eq(filling),
        ]
        m.d.comb += [
            Assume(~self.fill | bank.needs_fill),
            Assume(refused < BANKS),
            bank.coming.eq(filling | filled),
            bank.filled.eq(filled),
        ]
        return path, filling


class Waiting(BankInUse):
    """Counts how long each request waits."""

    READ_BOUND = 3 * READERS - 1
    WRITE_BOUND = WRITERS * (BANKS + 7)

    def __init__(self):
        super().__init__(storage=AnyRow())

    def elaborate(self, platform):
        m, bank = Module(), self.bank
        self.use(m)
        m.d.comb += [
            bank.repair_flawed.eq(self.repair_flawed),
            bank.filling.uncorrectable.eq(self.uncorrectable),
            bank.filling.corrected.eq(self.repair_flawed),
        ]
        for valid, taken, bound in ((self.read_valid, bank.read_taken, self.READ_BOUND),
                                    (self.write_valid, bank.write_taken, self.WRITE_BOUND)):
            for port in range(len(valid)):
                waits = Signal(range(bound + 2), name=f"waits_{bound}_{port}")
                m.d.sync += waits.eq(Mux(valid[port] & ~taken[port], waits + 1, 0))
                m.d.comb += Assert(waits <= bound)
        return m


class LastStore(BankInUse):
    """Follows one byte of one row through everything that a bank does without errors in it."""

    def __init__(self, *, cover: bool = False):
        self.cover = cover
        super().__init__(storage=AnyRow())

    def elaborate(self, platform):
        m, bank, storage = Module(), self.bank, self.storage
        path, filling = self.use(m)
        watched, byte = Signal(ROW_BITS), Signal(range(CONFIG.vector_bytes))
        expected, known = Signal(8), Signal()
        m.d.comb += [storage.watched.eq(watched), storage.other.eq(self.write_bytes[:8].replicate(8))]

        # The last store, and the writes of a cycle come before its reads.
        now, known_now = Signal.like(expected), Signal.like(known)
        m.d.comb += [now.eq(expected), known_now.eq(known)]
        for port in range(WRITERS):
            mask = self.write_masks.word_select(port, CONFIG.vector_bytes)
            hit = bank.write_taken[port] & (bank.write_row[port] == watched) & mask.bit_select(byte, 1)
            with m.If(hit):
                m.d.comb += [now.eq(self.write_bytes.word_select(port, 8)), known_now.eq(1)]
        m.d.sync += [expected.eq(now), known.eq(known_now)]

        # One reader and the fills share the way out: the reader's line, if it reads, else the fill's.
        reads = bank.read_taken[0] & (bank.read_row[0] == watched)
        was_read, due = Signal(), Signal()
        value, wanted = Signal.like(now), Signal.like(now)
        checked, checks = Signal(), Signal()
        m.d.sync += [
            was_read.eq(reads), value.eq(now), checked.eq(known_now),
            due.eq(was_read), wanted.eq(value), checks.eq(checked),
        ]
        m.d.comb += [
            path.i_valid.eq(was_read | filling),
            path.i.stored.eq(bank.stored),
            path.i.overlay.eq(bank.overlay),
            path.i.wanted.eq(~0),
            bank.filling.data.eq(path.o),
            bank.filling.corrected.eq(self.repair_flawed),
        ]
        right = path.o.word_select(byte, 8) == wanted
        if self.cover:
            m.d.comb += Cover(due & checks & right & (wanted == 0xA5))
        else:
            m.d.comb += Assert(~(due & checks) | right)
        # Whatever row and byte they are, they stay.
        for signal, name in ((watched, "row"), (byte, "byte")):
            chosen, first = Signal.like(signal, name=f"any_{name}"), Signal(init=1)
            m.d.sync += [first.eq(0), chosen.eq(signal)]
            m.d.comb += Assume(first | (signal == chosen))
        return m


PROOFS = (
    Proof(name="sram_code_is_linear", mode="prove", depth=1, quick=True, component=Linear,
          states="a bit of any word turns over the same check bits whatever the word; so errors add up"),
    Proof(name="sram_code", mode="prove", depth=1, quick=True, component=Correction,
          states="every single error in any word is corrected, every double error detected, and no other reported"),
    Proof(name="sram_waiting", mode="prove", depth=Waiting.WRITE_BOUND + 2, component=Waiting,
          states=f"no read of a bank waits for more than {Waiting.READ_BOUND} cycles, no write for more than "
                 f"{Waiting.WRITE_BOUND}: {READERS} readers, {WRITERS} writers, {BANKS} banks, whatever errors"),
    Proof(name="sram_last_store", mode="bmc", depth=8, component=LastStore,
          states="a read of a bank returns the last store to each byte, for any row and byte and all orders of reads, "
                 "whole and partial writes, fills and repairs, if decoders do what sram_code says"),
    Proof(name="sram_last_store_reached", mode="cover", depth=8, component=lambda: LastStore(cover=True),
          states="such a read of what was stored happens"),
)
