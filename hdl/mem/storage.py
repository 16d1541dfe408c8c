"""The macro that holds a bank's lines."""

from pathlib import Path

from amaranth.hdl import ClockSignal, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Config, bits_for_count
from ..verilog import use_macro
from .ecc import stored_layout, words_per_line

#: The macro's bodies, one for each `hdl.verilog.View`.
BODIES = Path(__file__).with_name("storage_views")


class Storage(wiring.Component):
    """`config.bank_lines` lines behind one port: one read or write in each cycle with ``enable``.

    Members
    -------
    enable, write : In(1), row : In
    words : In
        Which words are written.
    i : In, o : Out
        What is written, and from the next cycle on what the last read has found; see `stored_layout`.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "enable": In(1),
            "write": In(1),
            "row": In(bits_for_count(config.bank_lines)),
            "words": In(words_per_line(config)),
            "i": In(stored_layout(config)),
            "o": Out(stored_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        use_macro(BODIES)
        m.submodules.macro = Instance(
            "d1_sram_bank",
            p_DEPTH=self.config.bank_lines, p_WORDS=words_per_line(self.config), p_ADDRESS_BITS=len(self.row),
            i_clk=ClockSignal(), i_enable=self.enable, i_write=self.write, i_address=self.row, i_words=self.words,
            i_write_data=self.i.data, i_write_check=self.i.check, o_read_data=self.o.data, o_read_check=self.o.check)
        return m
