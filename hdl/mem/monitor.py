"""Counts the errors that were found in the SRAM."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import SRAM_BASE, Config, bits_for_count
from .ecc import words_per_line
from .read_path import finding_layout


class ErrorStatus(data.Struct):
    """Node registers that the SRAM keeps; see docs/memory.md."""

    corrected: unsigned(64)
    uncorrectable: unsigned(64)
    first_corrected: unsigned(32)
    first_uncorrectable: unsigned(32)


class Waits(data.Struct):
    """Whose requests the SRAM does not take in a cycle in which they are there."""

    fetch: unsigned(1)
    core: unsigned(1)
    mesh: unsigned(1)


class Monitor(wiring.Component):
    """Counts lines with errors and keeps the address of the first wrong word of each kind. Latency 1 cycle.

    Members
    -------
    findings : In(count)
        What each reader found; of those of one cycle, the first in this order counts as the first error.
    status : Out(ErrorStatus)
    """

    def __init__(self, *, config: Config, count: int):
        self.config = config
        self.count = count
        super().__init__({
            "findings": In(data.ArrayLayout(finding_layout(config), count)),
            "status": Out(ErrorStatus),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        words = words_per_line(config)
        for kind in ("corrected", "uncorrectable"):
            found = [self.findings[index][kind] for index in range(self.count)]
            strobes = Signal(self.count, name=f"{kind}_strobes")
            line = Signal(config.line_bits, name=f"{kind}_line", reset_less=True)
            wrong = Signal(words, name=f"{kind}_words", reset_less=True)
            m.d.sync += strobes.eq(Cat(each.any() for each in found))
            for index in reversed(range(self.count)):
                with m.If(found[index].any()):
                    m.d.sync += [line.eq(self.findings[index].line), wrong.eq(found[index])]
            word = Signal(bits_for_count(words), name=f"{kind}_word")
            for index in reversed(range(words)):
                with m.If(wrong[index]):
                    m.d.comb += word.eq(index)
            count, first = self.status[kind], self.status[f"first_{kind}"]
            with m.If(strobes.any()):
                m.d.sync += count.eq(count + sum(strobes))
                offset = Cat(0, 0, 0, word, line)
                m.d.sync += first.eq(Mux(first.any(), first, offset | SRAM_BASE))
        return m
