"""Issue: one waiting instruction for each thread, and the choice of the one that goes next."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..arbiter import RoundRobin
from ..config import Config
from ..isa import File, Unit
from .decode import fields
from .layouts import Decoded
from .onehot import select

#: Units whose result is written by the execute stage itself, in its own cycle.
_EXECUTE_STAGE = (Unit.ALU, Unit.BRANCH, Unit.CSR)


class Issue(wiring.Component):
    """Holds one decoded instruction for each thread and issues one of them a cycle, in turn.

    A thread's next instruction comes into its place in the cycle after the last one left, so a thread issues every
    other cycle at most, and the instruction before has then been executed: its jump or trap needs no recovery here, and
    its result no bypass. Two threads fill every cycle.

    Members
    -------
    fill : In(threads), decoded : In(Decoded)
        One-hot: put the decoded instruction into this thread's place.
    kill : In(threads)
        Empty the places of these threads, also if they are being filled.
    active : In(threads)
        Threads that may issue.
    busy, drained : In
        From the scoreboard.
    units : In
        One bit for each `Unit`: it takes an operation.
    late_result : In(1)
        A late integer result waits for the register file's write port: leave a cycle free for it.
    stall : In(1)
        The execute stage is occupied.
    empty : Out(threads)
        Places without an instruction.
    issued : Out(threads), instruction : Out(Decoded)
        One-hot: this thread's instruction goes to the execute stage at the end of the cycle.
    next_pcs : Out, pcs : In
        Address of each thread's oldest instruction that has not been issued, given where it fetches.
    """

    def __init__(self, *, config: Config):
        self.config = config
        pcs = data.ArrayLayout(64, config.threads)
        super().__init__({
            "fill": In(config.threads),
            "decoded": In(Decoded),
            "kill": In(config.threads),
            "active": In(config.threads),
            "busy": In(data.ArrayLayout(data.ArrayLayout(32, 2), config.threads)),
            "drained": In(config.threads),
            "units": In(len(Unit)),
            "late_result": In(1),
            "stall": In(1),
            "empty": Out(config.threads),
            "issued": Out(config.threads),
            "instruction": Out(Decoded),
            "pcs": In(pcs),
            "next_pcs": Out(pcs),
        })

    def elaborate(self, platform):
        m = Module()
        threads = range(self.config.threads)
        full = Signal(self.config.threads)
        places = [Signal(Decoded, name=f"place_{thread}") for thread in threads]
        ready = [
            self._ready(m, places[thread], self.busy[thread], self.drained[thread], thread) for thread in threads
        ]
        m.submodules.turn = turn = RoundRobin(count=self.config.threads)
        m.d.comb += [
            turn.requests.eq(Mux(self.stall, 0, full & self.active & Cat(ready))),
            turn.advance.eq(1),
            self.issued.eq(turn.grant),
            self.instruction.eq(select(turn.grant, [place.as_value() for place in places])),
            self.empty.eq(~full),
        ]
        m.d.sync += full.eq(((full & ~self.issued) | self.fill) & ~self.kill)
        for thread, place in enumerate(places):
            with m.If(self.fill[thread]):
                m.d.sync += place.eq(self.decoded)
            m.d.comb += self.next_pcs[thread].eq(Mux(full[thread], place.pc, self.pcs[thread]))
        return m

    def _ready(self, m, place, busy, drained, thread):
        """Nothing stands in the way of the instruction in this place."""
        control = place.control
        hazard, unit, ready = (Signal(name=f"{name}_{thread}") for name in ("hazard", "unit_ready", "ready"))
        for file, register in zip((control.rd_file, control.rs1_file, control.rs2_file), fields(place), strict=True):
            with m.If(((file == File.X) & busy[0].bit_select(register, 1))
                      | ((file == File.V) & busy[1].bit_select(register, 1))):
                m.d.comb += hazard.eq(1)
        # What tells others of this thread's accesses waits until they have reached the SRAM.
        publishes = (control.unit == Unit.LIST) | (control.unit == Unit.SYSTEM) | (control.unit == Unit.ATOMIC) | (
            (control.unit == Unit.SEMAPHORE) & (control.function == isa.Semaphore.POST))
        with m.If(publishes & ~drained):
            m.d.comb += hazard.eq(1)
        in_execute_stage = Cat(control.unit == user for user in _EXECUTE_STAGE).any()
        with m.If(in_execute_stage & self.late_result):
            m.d.comb += hazard.eq(1)
        m.d.comb += [
            unit.eq(self.units.bit_select(control.unit, 1)),
            ready.eq(~hazard & unit),
        ]
        return ready
