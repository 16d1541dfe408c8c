"""The SRAM of a node: single-ported banks behind the ports of the core and of the mesh."""

from pathlib import Path

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ..arbiter import RoundRobin
from ..config import Config, bits_for_count
from ..verilog import use_macro
from .port import MemoryPort, request_layout

BANK_MACRO = Path(__file__).with_name("sram_bank.v")


class Sram(wiring.Component):
    """`config.sram_bytes` of memory, line-interleaved over `config.sram_banks` banks.

    Every bank serves one access a cycle. Users that want the same bank in the same cycle are served in turn
    (round-robin), so a request waits for at most as many cycles as there are other users, and for whoever has locked
    the bank. Reads answer in the next cycle.

    Parameters
    ----------
    users : tuple of str
        Names of the ports, each an ``In(MemoryPort)``.
    """

    def __init__(self, *, config: Config, users: tuple[str, ...]):
        self.config = config
        self.users = users
        super().__init__({user: In(MemoryPort(config)) for user in users})

    def elaborate(self, platform):
        m = Module()
        config = self.config
        ports = [getattr(self, user) for user in self.users]
        use_macro(BANK_MACRO)

        def bank_of(line):
            return line[:bits_for_count(config.sram_banks)] if config.sram_banks > 1 else 0

        def row_of(line):
            return line[bits_for_count(config.sram_banks):] if config.sram_banks > 1 else line

        grants, read_data = [], []
        for bank in range(config.sram_banks):
            m.submodules[f"arbiter_{bank}"] = arbiter = RoundRobin(count=len(ports))
            request = Signal(request_layout(config), name=f"request_{bank}")
            data = Signal(config.vector_bits, name=f"read_data_{bank}")
            wants = [port.request.valid & (bank_of(port.request.payload.line) == bank) for port in ports]
            owner = Signal(len(ports), name=f"owner_{bank}")  # one-hot: the user that has locked the bank, or 0
            m.d.comb += [arbiter.requests.eq(Mux(owner.any(), Cat(wants) & owner, Cat(wants))), arbiter.advance.eq(1)]
            with m.If(arbiter.grant.any()):
                m.d.sync += owner.eq(Mux(request.lock, arbiter.grant, 0))
            for index, port in enumerate(ports):
                with m.If(arbiter.grant[index]):
                    m.d.comb += request.eq(port.request.payload)
            address_bits = bits_for_count(config.bank_lines)
            m.submodules[f"bank_{bank}"] = Instance(
                "d1_sram_bank",
                p_DEPTH=config.bank_lines, p_WIDTH=config.vector_bits, p_ADDRESS_BITS=address_bits,
                i_clk=ClockSignal(), i_enable=arbiter.grant.any(), i_write=request.write,
                i_address=row_of(request.line)[:address_bits], i_mask=request.mask, i_write_data=request.data,
                o_read_data=data)
            grants.append(arbiter.grant)
            read_data.append(data)

        for index, port in enumerate(ports):
            granted = Cat(grant[index] for grant in grants)
            answering = Signal(config.sram_banks, name=f"answering_{self.users[index]}")
            m.d.comb += port.request.ready.eq(granted.any())
            m.d.sync += answering.eq(Mux(port.request.payload.write, 0, granted))
            m.d.comb += port.response.valid.eq(answering.any())
            for bank, data in enumerate(read_data):
                with m.If(answering[bank]):
                    m.d.comb += port.response.payload.eq(data)
        return m
