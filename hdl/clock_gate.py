"""A clock that stops while a block has nothing to do."""

from pathlib import Path

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .verilog import use_macro

#: The macro. Verilator spends no time on a block whose clock stands still; nothing may depend on whether it does.
MACRO = Path(__file__).with_name("clock_gate.v")


class ClockGate(wiring.Component):
    """Lets ``sync``'s clock through, from register to register without a cycle of its own.

    Members
    -------
    enable : In(1)
        The gated clock ticks at the end of this cycle. While it is not set, no register behind the gate may have
        anything to do. In reset the clock always ticks.
    clk : Out(1)
        The gated clock.
    """

    def __init__(self):
        super().__init__({"enable": In(1), "clk": Out(1)})

    def elaborate(self, platform):
        m = Module()
        use_macro(MACRO)
        m.submodules.macro = Instance(
            "d1_clock_gate", i_clk=ClockSignal(), i_enable=self.enable | ResetSignal(), o_gated=self.clk)
        return m


def gated_domain(m: Module, *, enable, name: str = "gated") -> None:
    """Give a module a domain, seen by it and its submodules alone: ``sync`` behind a `ClockGate`.

    No module within another one's gated domain may have a domain of the same name.
    """
    m.submodules.clock_gate = gate = ClockGate()
    domain = ClockDomain(name, local=True)
    m.domains += domain
    m.d.comb += [gate.enable.eq(enable), domain.clk.eq(gate.clk), domain.rst.eq(ResetSignal())]
