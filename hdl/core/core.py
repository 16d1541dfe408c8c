"""The compute core: threads, front end, scalar execution, vector and matrix units."""

from amaranth.hdl import Cat, Module, Mux, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import Unit
from ..mem.port import MemoryPort
from ..noc.control_bus import ControlBus
from ..noc.interface import signal_layout
from ..noc.packet import Coordinate
from ..queue import Queue
from .decode import fields
from .execute import Execute
from .front_end import FrontEnd
from .issue import Issue, is_unit
from .layouts import retirement_layout, scalar_result_layout
from .lsu import REQUESTS, LoadStoreUnit
from .matrix import MatrixUnit
from .muldiv import MulDiv
from .onehot import select
from .registers import RegisterFile
from .result import vector_result_layout
from .scoreboard import Scoreboard
from .semaphores import Semaphores
from .threads import Threads
from .vector import VectorUnit
from .writeback import Writeback


class Activity(data.Struct):
    """Strobes for the node's counters."""

    matrix_step: unsigned(1)
    vector_operation: unsigned(1)
    busy: unsigned(1)  # a thread is running or waiting
    stalled: unsigned(1)  # a thread is running, and nothing is issued


class Core(wiring.Component):
    """`config.threads` hardware threads that share the units.

    The stages, a cycle each: fetch (a window of instructions); decode; issue (hazards, choice of threads, register
    read); execute (scalar results, branches, traps). Loads, multiplications, vector and matrix operations end later,
    out of order with the instructions behind them, guarded by the scoreboard. A branch that was predicted wrongly
    costs 3 cycles.

    Members
    -------
    position : In(Coordinate), cycle : In(64)
        Straps and time.
    fetch, memory : Out(MemoryPort)
        Instructions; data.
    control : In(ControlBus)
        The threads' control registers.
    mesh_post : In(stream), overflow : Out(1)
        Posts from the mesh and the list engine; see `Semaphores`.
    signal : Out(stream), push : Out(stream)
        Remote posts; descriptor addresses for the list engine.
    activity : Out(Activity), retirement : Out
        For counters; for traces.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "cycle": In(64),
            "fetch": Out(MemoryPort(config)),
            "memory": Out(MemoryPort(config)),
            "control": In(ControlBus()),
            "mesh_post": In(stream.Signature(config.semaphore_bits)),
            "overflow": Out(1),
            "signal": Out(stream.Signature(signal_layout())),
            "push": Out(stream.Signature(32)),
            "activity": Out(Activity),
            "retirement": Out(retirement_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.threads = threads = Threads(config=config)
        m.submodules.front_end = front_end = FrontEnd(config=config)
        m.submodules.issue = issue = Issue(config=config)
        m.submodules.scoreboard = scoreboard = Scoreboard(config=config)
        m.submodules.execute = execute = Execute(config=config)
        m.submodules.lsu = lsu = LoadStoreUnit(config=config)
        m.submodules.muldiv = muldiv = MulDiv(config=config)
        m.submodules.vector = vector = VectorUnit(config=config)
        m.submodules.matrix = matrix = MatrixUnit(config=config)
        m.submodules.semaphores = semaphores = Semaphores(config=config)
        m.submodules.pushes = pushes = Queue(shape=32, depth=1)
        m.submodules.signals = signals = Queue(shape=signal_layout(), depth=1)
        special = execute.special

        # Threads: the host starts and halts them, instructions steer them.
        void = threads.started | threads.halted
        wiring.connect(m, wiring.flipped(self.control), threads.control)
        m.d.comb += [
            threads.steps.eq(execute.steps),
            threads.following.eq(execute.following),
            threads.stops.eq(execute.stops),
            threads.waits.eq(special.wait),
            threads.waiting.eq(semaphores.waiting),
            threads.granted.eq(semaphores.granted),
            threads.retired.eq(execute.retired),
            threads.reports.eq(special.reports),
        ]

        # Fetch and decode.
        wiring.connect(m, front_end.memory, wiring.flipped(self.fetch))
        m.d.comb += [
            front_end.running.eq(threads.running),
            front_end.restart.eq(execute.leaves | execute.stops | void),
            *(front_end.targets[thread].eq(
                Mux(threads.started[thread], threads.pcs[thread], execute.following[thread]))
              for thread in range(config.threads)),
            front_end.flush.eq(execute.flush | threads.started.any()),
            front_end.outcome.eq(execute.outcome),
            front_end.pops.eq(issue.pops),
        ]

        # Issue.
        held = execute.executing
        given = {unit: sum(each.valid & is_unit(each.instruction.control, unit) for each in held) for unit in Unit}
        room = {
            Unit.MEMORY: lsu.waiting + given[Unit.MEMORY] < REQUESTS,
            Unit.MULDIV: muldiv.request.ready & (given[Unit.MULDIV] == 0),
            Unit.VECTOR: vector.room,
            Unit.MATRIX: matrix.room,
            Unit.LIST: pushes.i.ready & (given[Unit.LIST] == 0),
            Unit.SEMAPHORE: signals.i.ready & (given[Unit.SEMAPHORE] == 0),
        }
        m.d.comb += [
            issue.heads.eq(front_end.heads),
            issue.counts.eq(front_end.counts),
            issue.active.eq(threads.running & ~semaphores.waiting),
            issue.busy.eq(scoreboard.busy),
            issue.drained.eq(scoreboard.drained),
            issue.units.eq(Cat(room.get(unit, 1) for unit in Unit)),
            issue.executing.eq(held),
        ]

        # Integer registers, a file for each group. The execute stage writes at once, late results where it does not.
        late_scalars = []
        width = config.issue_width
        scalar = scalar_result_layout(config)
        for group in range(config.groups):
            slots = range(group * width, (group + 1) * width)
            m.submodules[f"x{group}"] = x = RegisterFile(
                threads=config.threads // config.groups, groups=config.groups, result=scalar, reads=2 * width,
                writes=width, bypass=True)
            m.submodules[f"scalar_late{group}"] = late = Writeback(layout=scalar, sources=2, ports=width)
            late_scalars.append(late)
            m.d.comb += issue.late_results[group].eq(late.short)
            for port, slot in enumerate(slots):
                write, operation = execute.writes[slot], execute.operations[slot]
                m.d.comb += [
                    late.free[port].eq(~write.valid),
                    x.writes[port].eq(Mux(write.valid, write.as_value(), late.writes[port].as_value())),
                    operation.thread.eq(issue.threads[slot]),
                    operation.instruction.eq(issue.instructions[slot]),
                ]
                _, *sources = fields(issue.instructions[slot])
                for number, (source, value) in enumerate(zip(sources, (operation.x1, operation.x2), strict=True)):
                    m.d.comb += [
                        x.threads[2 * port + number].eq(issue.threads[slot]),
                        x.indices[2 * port + number].eq(source),
                        value.eq(Mux(source == 0, 0, x.data[2 * port + number])),
                    ]
                done = scoreboard.scalar_done[slot]
                m.d.comb += [
                    done.valid.eq(late.writes[port].valid),
                    done.thread.eq(late.writes[port].result.thread),
                    done.destination.eq(late.writes[port].result.destination),
                ]
        for index, result in enumerate((lsu.scalar, muldiv.result)):
            for group, late in enumerate(late_scalars):
                here = (result.payload.thread % config.groups) == group
                m.d.comb += [
                    late.results[index].valid.eq(result.valid & here),
                    late.results[index].payload.eq(result.payload),
                ]
                with m.If(here):
                    m.d.comb += result.ready.eq(late.results[index].ready)

        # Vector registers, which all groups share.
        vector_line = vector_result_layout(config)
        m.submodules.v = v = RegisterFile(
            threads=config.threads, groups=1, result=vector_line, reads=5, writes=config.vector_writes, bypass=False)
        m.submodules.vector_late = vector_late = Writeback(
            layout=vector_line, sources=3, ports=config.vector_writes)
        wiring.connect(m, lsu.vector, vector_late.results[0])
        wiring.connect(m, vector.result, vector_late.results[1])
        wiring.connect(m, matrix.result, vector_late.results[2])
        m.d.comb += v.writes.eq(vector_late.writes)
        for done, write in zip(scoreboard.vector_done, vector_late.writes, strict=True):
            m.d.comb += [
                done.valid.eq(write.valid),
                done.thread.eq(write.result.thread),
                done.destination.eq(write.result.destination),
            ]
        for port, (unit, source, value) in enumerate((
            (Unit.VECTOR, 1, execute.vectors.vector[0]), (Unit.VECTOR, 2, execute.vectors.vector[1]),
            (Unit.MATRIX, 1, execute.vectors.matrix[0]), (Unit.MATRIX, 2, execute.vectors.matrix[1]),
            (Unit.MEMORY, 2, execute.vectors.store),
        )):
            chosen = issue.issued & Cat(is_unit(each.control, unit) for each in issue.instructions)
            m.d.comb += [
                v.threads[port].eq(select(chosen, issue.threads)),
                v.indices[port].eq(select(chosen, [fields(each)[source] for each in issue.instructions])),
                value.eq(v.data[port]),
            ]

        # Execute; the units.
        m.d.comb += [
            execute.issued.eq(issue.issued),
            execute.void.eq(void),
            special.position.eq(self.position),
            special.cycle.eq(self.cycle),
            special.instret.eq(threads.instret),
            special.started.eq(threads.started),
            scoreboard.claims.eq(execute.claims),
            scoreboard.store.eq(execute.store),
            scoreboard.stored.eq(lsu.stored),
            self.overflow.eq(semaphores.overflow),
            semaphores.post.eq(special.post),
            semaphores.post_index.eq(special.post_index),
            semaphores.wait.eq(special.wait & ~void),
            semaphores.wait_index.eq(special.wait_index),
            semaphores.wait_amount.eq(special.wait_amount),
            semaphores.cancel.eq(void),
        ]
        wiring.connect(m, execute.memory, lsu.request)
        wiring.connect(m, execute.muldiv, muldiv.request)
        wiring.connect(m, execute.vector, vector.request)
        wiring.connect(m, execute.matrix, matrix.request)
        wiring.connect(m, special.push, pushes.i)
        wiring.connect(m, special.signal, signals.i)
        wiring.connect(m, pushes.o, wiring.flipped(self.push))
        wiring.connect(m, signals.o, wiring.flipped(self.signal))
        wiring.connect(m, lsu.memory, wiring.flipped(self.memory))
        wiring.connect(m, wiring.flipped(self.mesh_post), semaphores.mesh_post)

        # What the node counts and what traces show.
        m.d.comb += [
            self.activity.matrix_step.eq(matrix.step),
            self.activity.vector_operation.eq(vector.request.valid & vector.request.ready),
            self.activity.busy.eq(threads.running.any()),
            self.activity.stalled.eq(threads.running.any() & ~issue.issued.any()),
            self.retirement.slots.eq(execute.retirement),
            self.retirement.resumed.eq(semaphores.granted),
            *(self.retirement.scalar[slot].eq(late_scalars[slot // width].writes[slot % width])
              for slot in range(config.slots)),
            self.retirement.vector.eq(vector_late.writes),
        ]
        return m
