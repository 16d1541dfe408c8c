"""Control and status registers of all threads."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import Config
from ..isa import CsrNumber
from ..noc.packet import Coordinate
from ..number_formats import BIAS_BITS, FORMAT_BITS, Denormals
from .layouts import TILE
from .matrix_operand import MATRIX_FORMATS
from .vector_conversion import Conversion, is_defined

#: Why and where a thread trapped, as the host reads it.
TRAP_REPORT = data.StructLayout({"cause": 64, "pc": 64, "value": 64})


#: The CSR mformat: the formats of A and B.
OPERAND_FORMAT = data.StructLayout({"code": FORMAT_BITS, "bias": BIAS_BITS, "denormals": Denormals})
OPERAND_FORMATS = data.FlexibleLayout(32, {"a": data.Field(OPERAND_FORMAT, 0), "b": data.Field(OPERAND_FORMAT, 16)})


def entry_layout(config: Config) -> data.StructLayout:
    """A trap that a thread takes in this cycle, if ``valid``."""
    return data.StructLayout({
        "valid": 1, "thread": config.thread_bits, "cause": isa.Cause, "pc": 64, "value": 64})


#: Bits of mstatus: MIE, MPIE and the constant MPP = 3 (machine mode is all there is).
_MIE, _MPIE, _MPP = 3, 7, 3 << 11


class Csrs(wiring.Component):
    """The CSRs of `hdl.isa.CSRS`, for the one CSR instruction of a cycle and the traps of all groups.

    Members
    -------
    position : In(Coordinate)
        The node's place in the mesh.
    thread : In
        Thread of the executing instruction.
    number : In(12), function : In(isa.Csr), operand : In(64), writes : In(1)
        A CSR instruction; ``writes`` is clear if it only reads.
    access : In(1)
        Perform the write.
    exists : Out(1), value : Out(64)
        There is such a CSR, and if ``writes`` that may be written; its value before the write.
    mret : In(1), resume : Out(64)
        The thread leaves a trap; its mepc.
    entries : In
        For each group, the trap that one of its threads takes; see `entry_layout`. It is in the CSRs after 2 cycles.
    clear : In(threads)
        Forget the cause of these threads' last traps.
    data_writes : In(threads), data : In(64), datas : Out
        Each thread's dscratch0, which the host can write.
    cycle : In(64), retired : In(64)
        Counters.
    handlers, reports : Out
        Each thread's mtvec, and what its last trap was.
    conversions, operands : Out
        Each thread's vformat and mformat, which never name a format that is undefined.
    tiles : Out
        Each thread's vtile.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "thread": In(config.thread_bits),
            "number": In(12),
            "function": In(isa.Csr),
            "operand": In(64),
            "writes": In(1),
            "access": In(1),
            "exists": Out(1),
            "value": Out(64),
            "mret": In(1),
            "resume": Out(64),
            "entries": In(data.ArrayLayout(entry_layout(config), config.groups)),
            "clear": In(config.threads),
            "data_writes": In(config.threads),
            "data": In(64),
            "datas": Out(data.ArrayLayout(64, config.threads)),
            "cycle": In(64),
            "retired": In(64),
            "handlers": Out(data.ArrayLayout(64, config.threads)),
            "reports": Out(data.ArrayLayout(TRAP_REPORT, config.threads)),
            "conversions": Out(data.ArrayLayout(Conversion, config.threads)),
            "operands": Out(data.ArrayLayout(OPERAND_FORMATS, config.threads)),
            "tiles": Out(data.ArrayLayout(TILE, config.threads)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        stored = {
            number: Array(Signal(64, name=f"{number.name.lower()}_{thread}") for thread in range(config.threads))
            for number in (CsrNumber.MTVEC, CsrNumber.MSCRATCH, CsrNumber.MEPC, CsrNumber.MCAUSE, CsrNumber.MTVAL,
                           CsrNumber.VFORMAT, CsrNumber.MFORMAT, CsrNumber.VTILE, CsrNumber.DSCRATCH0)
        }
        mstatus = Array(Signal(64, name=f"mstatus_{thread}", init=_MPP) for thread in range(config.threads))
        stored[CsrNumber.MSTATUS] = mstatus
        # What minstret is ahead of the thread's count since reset, which the host reads.
        ahead = Array(Signal(64, name=f"ahead_{thread}") for thread in range(config.threads))
        instret = (self.retired + ahead[self.thread])[:64]
        node = (self.position.y - 1) * config.columns + self.position.x
        constant = {
            CsrNumber.MISA: Const(isa.MISA, 64),
            CsrNumber.MCYCLE: self.cycle,
            CsrNumber.CYCLE: self.cycle,
            CsrNumber.MINSTRET: instret,
            CsrNumber.INSTRET: instret,
            CsrNumber.MHARTID: (node * config.threads + self.thread)[:64],
            CsrNumber.MNODE: Cat(self.position.x, Const(0, 1), self.position.y),
            CsrNumber.MMESH: Const(config.columns | config.rows << 8, 64),
        }
        values = constant | {number: register[self.thread] for number, register in stored.items()}

        read_only, undefined = self.number[10:12].all(), Signal()
        new, written = Signal(64), Signal(64)
        with m.Switch(self.number):
            for number in isa.CSRS:
                with m.Case(number):
                    m.d.comb += [
                        self.exists.eq(~(self.writes & (read_only | undefined))),
                        self.value.eq(values.get(number, 0)),
                    ]
        with m.Switch(self.function):
            with m.Case(isa.Csr.SET):
                m.d.comb += new.eq(self.value | self.operand)
            with m.Case(isa.Csr.CLEAR):
                m.d.comb += new.eq(self.value & ~self.operand)
            with m.Default():
                m.d.comb += new.eq(self.operand)
        with m.Switch(self.number):
            for number, register in stored.items():
                mask = Const(isa.CSRS[number][0], 64)
                with m.Case(number):
                    m.d.comb += written.eq((new & mask) | (self.value & ~mask))
                    with m.If(self.access & self.writes):
                        m.d.sync += register[self.thread].eq(written)
            with m.Case(CsrNumber.MINSTRET):
                with m.If(self.access & self.writes):
                    m.d.sync += ahead[self.thread].eq(new - self.retired - 1)
        operands = data.View(OPERAND_FORMATS, written[:32])
        with m.Switch(self.number):
            with m.Case(CsrNumber.VFORMAT):
                m.d.comb += undefined.eq(~is_defined(data.View(Conversion, written[:Conversion.as_shape().size])))
            with m.Case(CsrNumber.MFORMAT):
                m.d.comb += undefined.eq(~(operands.a.code.matches(*MATRIX_FORMATS)
                                           & operands.b.code.matches(*MATRIX_FORMATS)))

        status = mstatus[self.thread]
        with m.If(self.mret):
            m.d.sync += status.eq(Mux(status[_MPIE], _MPP | 1 << _MPIE | 1 << _MIE, _MPP | 1 << _MPIE))
        # Traps are known late in their cycle, and their threads execute nothing in the next one.
        entries = Signal.like(self.entries)
        m.d.sync += entries.eq(self.entries)
        for entry in entries:
            status = mstatus[entry.thread]
            with m.If(entry.valid):
                m.d.sync += [
                    stored[CsrNumber.MEPC][entry.thread].eq(entry.pc),
                    stored[CsrNumber.MCAUSE][entry.thread].eq(entry.cause),
                    stored[CsrNumber.MTVAL][entry.thread].eq(entry.value),
                    status.eq(Mux(status[_MIE], _MPP | 1 << _MPIE, _MPP)),
                ]
        for thread, cause in enumerate(stored[CsrNumber.MCAUSE]):
            with m.If(self.clear[thread]):
                m.d.sync += cause.eq(0)
        m.d.comb += self.resume.eq(stored[CsrNumber.MEPC][self.thread])
        for thread in range(config.threads):
            shared = stored[CsrNumber.DSCRATCH0][thread]
            m.d.comb += self.datas[thread].eq(shared)
            with m.If(self.data_writes[thread]):
                m.d.sync += shared.eq(self.data)
            m.d.comb += [
                self.handlers[thread].eq(stored[CsrNumber.MTVEC][thread]),
                self.conversions[thread].eq(stored[CsrNumber.VFORMAT][thread]),
                self.operands[thread].eq(stored[CsrNumber.MFORMAT][thread]),
                self.tiles[thread].eq(stored[CsrNumber.VTILE][thread]),
                self.reports[thread].cause.eq(stored[CsrNumber.MCAUSE][thread]),
                self.reports[thread].pc.eq(stored[CsrNumber.MEPC][thread]),
                self.reports[thread].value.eq(stored[CsrNumber.MTVAL][thread]),
            ]
        return m
