"""The way of a line from a bank to a reader: correction, and the bytes that are newer than the stored ones."""

from collections.abc import Callable

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from .buffer import WORD_BYTES, overlay_layout
from .ecc import DATA_BITS, Decoder, stored_layout, words_per_line


def line_layout(config: Config) -> data.StructLayout:
    """A line on its way: whose it is, which of its words the reader wants, and what the bank has of it."""
    words = words_per_line(config)
    return data.StructLayout({
        "stored": stored_layout(config),
        "overlay": overlay_layout(config),
        "line": config.line_bits,
        "wanted": words,
    })


def finding_layout(config: Config) -> data.StructLayout:
    """Words of a line in which errors were found."""
    words = words_per_line(config)
    return data.StructLayout({"line": config.line_bits, "corrected": words, "uncorrectable": words})


class ReadPath(wiring.Component):
    """Corrects lines, one a cycle. Latency 1 cycle.

    Errors in words of which every byte is newer are none, since nothing of what is stored is used.

    Parameters
    ----------
    decoder : callable
        Makes what corrects a word; another one stands in for it in proofs.

    Members
    -------
    i_valid : In(1), i : In
    o_valid : Out(1), o : Out
        The line.
    error : Out(1)
        A word that the reader wants could not be corrected.
    finding : Out
        Which words were wrong, wanted or not; nothing without ``o_valid``.
    """

    LATENCY = 1

    def __init__(self, *, config: Config, decoder: Callable[[], Decoder] = Decoder):
        self.config = config
        self.decoder = decoder
        super().__init__({
            "i_valid": In(1),
            "i": In(line_layout(config)),
            "o_valid": Out(1),
            "o": Out(config.vector_bits),
            "error": Out(1),
            "finding": Out(finding_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        line = Signal(line_layout(config), reset_less=True)
        m.d.sync += self.o_valid.eq(self.i_valid)
        with m.If(self.i_valid):
            m.d.sync += line.eq(self.i)

        m.d.comb += self.finding.line.eq(line.line)
        for word in range(words_per_line(config)):
            m.submodules[f"decoder_{word}"] = decoder = self.decoder()
            newer = line.overlay.mask.word_select(word, WORD_BYTES)
            counts = self.o_valid & ~newer.all()
            fresh = line.overlay.data.word_select(word, DATA_BITS)
            m.d.comb += [
                decoder.i.data.eq(line.stored.data[word]),
                decoder.i.check.eq(line.stored.check[word]),
                self.finding.corrected[word].eq(counts & decoder.corrected),
                self.finding.uncorrectable[word].eq(counts & decoder.uncorrectable),
                self.o.word_select(word, DATA_BITS).eq(decoder.o),
            ]
            with m.If(newer.any()):
                for byte in range(WORD_BYTES):
                    with m.If(newer[byte]):
                        m.d.comb += self.o.word_select(word * WORD_BYTES + byte, 8).eq(fresh.word_select(byte, 8))
        m.d.comb += self.error.eq((self.finding.uncorrectable & line.wanted).any())
        return m
