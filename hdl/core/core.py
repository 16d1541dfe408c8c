"""The compute core: threads, front end, scalar execution, vector and matrix units."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..clock_gate import gated_domain
from ..config import Config
from ..isa import Unit
from ..mem.port import MemoryPort
from ..noc.control_bus import ControlBus
from ..noc.packet import Coordinate, flit_layout
from ..onehot import select
from ..queue import Queue
from .decode import fields, is_unit
from .execute import Execute
from .front_end import FrontEnd
from .gather import Gather
from .issue import Issue, chained, changes_matrix, loads, multiplies_divides, stores, takes_vectors, writes_sram
from .layouts import retirement_layout, scalar_result_layout
from .lsu import REQUESTS, LoadStoreUnit
from .matrix import MatrixUnit
from .matrix_serial import SerialMatrixUnit
from .memory_ports import MemoryPorts
from .muldiv import PLACES, MulDiv, places
from .registers import RegisterFile
from .remote import Remote
from .result import vector_result_layout
from .scoreboard import LATE_SCALARS, Scoreboard
from .semaphores import Semaphores
from .threads import Threads
from .vector import VectorUnit
from .writeback import Writeback


class Activity(data.Struct):
    """What the node's counters count: how many of each in this cycle."""

    matrix_step: unsigned(1)
    vector_operation: unsigned(1)
    busy: unsigned(1)  # a thread is running or waiting
    stalled: unsigned(1)  # a thread is running, and nothing is issued
    instructions: unsigned(3)  # executed, as are those below; a `sem.wait` counts when it starts to wait
    integer: unsigned(3)
    muldiv: unsigned(1)
    loads: unsigned(2)
    stores: unsigned(1)
    branches: unsigned(3)
    mispredictions: unsigned(2)
    fetch_miss: unsigned(1)


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
    fetch, store : Out(MemoryPort), loads : Out(MemoryPort) of each group
        Instructions; data.
    control : In(ControlBus)
        The threads' control registers.
    mesh_post : In(stream), overflow : Out(2)
        Posts from the mesh and the list engines, which count from the next cycle on; see `Semaphores`.
    ask, tell : Out(stream of flits), answer : In(stream of flits), awaiting : Out(threads)
        To and from other nodes; see `hdl.noc.interface.NetworkInterface`.
    push, pull : Out(stream)
        Descriptor addresses for the list engines.
    activity : Out(Activity), retirement : Out
        For counters; for traces.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "cycle": In(64),
            "fetch": Out(MemoryPort(config)),
            "loads": Out(MemoryPort(config)).array(config.groups),
            "store": Out(MemoryPort(config)),
            "control": In(ControlBus()),
            "mesh_post": In(stream.Signature(config.semaphore_bits, always_ready=True)),
            "overflow": Out(2),
            "ask": Out(stream.Signature(flit_layout(config))),
            "tell": Out(stream.Signature(flit_layout(config))),
            "answer": In(stream.Signature(flit_layout(config), always_ready=True)),
            "awaiting": Out(config.threads),
            "push": Out(stream.Signature(32)),
            "pull": Out(stream.Signature(32)),
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
        m.submodules.remote = remote = Remote(config=config)
        m.submodules.muldiv = muldiv = MulDiv(config=config)
        m.submodules.vector = vector = VectorUnit(config=config)
        m.submodules.matrix = matrix = (
            SerialMatrixUnit(config=config) if config.serial_matrix
            else MatrixUnit(config=config, cfloat8=config.cfloat8))
        m.submodules.semaphores = semaphores = Semaphores(config=config)
        m.submodules.memory_ports = memory_ports = MemoryPorts(config=config)
        lsus = [LoadStoreUnit(config=config) for _ in range(config.groups)]
        for group, lsu in enumerate(lsus):
            m.submodules[f"lsu{group}"] = lsu
            wiring.connect(m, execute.loads[group], lsu.load)
            wiring.connect(m, execute.stores[group], lsu.store)
            wiring.connect(m, lsu.reads, memory_ports.reads[group])
            wiring.connect(m, lsu.writes, memory_ports.writes[group])
            m.d.comb += memory_ports.may_read[group].eq(lsu.may_read)
            wiring.connect(m, memory_ports.loads[group], wiring.flipped(self.loads[group]))
            m.d.comb += [
                lsu.void.eq(execute.voids[group]),
                lsu.store_first.eq(execute.store_first[group]),
                remote.line_threads[group].eq(lsu.line_thread),
                lsu.line.eq(remote.lines[group]),
                execute.load_error_addresses[group].eq(lsu.error_address),
            ]
        wiring.connect(m, memory_ports.store, wiring.flipped(self.store))
        m.submodules.pushes = pushes = Queue(shape=32, depth=1)
        m.submodules.pulls = pulls = Queue(shape=32, depth=1)
        special, width = execute.special, config.issue_width

        # Threads: the host starts and halts them, instructions steer them.
        starts = threads.started | threads.given
        void = starts | threads.halted
        wiring.connect(m, wiring.flipped(self.control), threads.control)
        m.d.comb += [
            threads.steps.eq(execute.steps),
            threads.following.eq(execute.following),
            threads.traps.eq(execute.traps),
            threads.stops.eq(execute.stops),
            threads.away.eq(remote.away),
            threads.data.eq(special.datas),
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
            front_end.single.eq(threads.single),
            front_end.injects.eq(threads.injects),
            front_end.words.eq(threads.words),
            front_end.restart.eq(execute.leaves | starts),  # what was fetched for one that has stopped waits till then
            *(front_end.targets[thread].eq(Mux(starts[thread], threads.pcs[thread], execute.following[thread]))
              for thread in range(config.threads)),
            front_end.flush.eq(execute.flush | threads.started.any()),
            front_end.outcome.eq(execute.outcome),
            front_end.pops.eq(issue.pops),
        ]

        # Issue.
        held = execute.executing
        given = {unit: sum(each.valid & is_unit(each.instruction.control, unit) for each in held) for unit in Unit}
        room = {
            Unit.MULDIV: muldiv.waiting + sum(
                Mux(each.valid & multiplies_divides(each.instruction.control),
                    places(each.instruction.control.function), 0) for each in held) < PLACES,
            Unit.VECTOR: vector.room,
            Unit.MATRIX: matrix.room,
            Unit.LIST: pushes.i.ready & pulls.i.ready & (given[Unit.LIST] == 0),
        }
        for unit, interval in ((Unit.VECTOR, config.vector_interval), (Unit.MATRIX, config.matrix_interval)):
            if interval > 1:
                room[unit] &= given[unit] == 0
        for group, lsu in enumerate(lsus):
            own = [held[slot] for slot in range(group * width, (group + 1) * width)]
            more_loads, more_stores = (
                waiting + sum(each.valid & uses(each.instruction.control) for each in own) < REQUESTS
                for waiting, uses in ((lsu.loads_waiting, loads), (lsu.stores_waiting, writes_sram)))
            in_room = room | {Unit.MEMORY: more_loads, Unit.ATOMIC: more_loads, Unit.GATHER: more_loads}
            m.d.comb += [
                issue.units[group].eq(Cat(in_room.get(unit, 1) for unit in Unit)),
                issue.stores[group].eq(more_stores),
            ]
        m.d.comb += [
            issue.heads.eq(front_end.heads),
            issue.counts.eq(front_end.counts),
            issue.active.eq(threads.running & ~semaphores.waiting & ~remote.waiting),
            issue.busy.eq(scoreboard.busy),
            issue.drained.eq(scoreboard.drained),
            issue.predicates.eq(execute.predicates),
            issue.executing.eq(held),
        ]

        # Integer registers, a file for each group. The execute stage writes at once, late results where it does not.
        late_scalars = []
        scalar = scalar_result_layout(config)
        for group in range(config.groups):
            slots = range(group * width, (group + 1) * width)
            m.submodules[f"x{group}"] = x = RegisterFile(
                threads=config.threads // config.groups, groups=config.groups, result=scalar, reads=2 * width + 1,
                writes=config.integer_writes)
            m.submodules[f"scalar_late{group}"] = late = Writeback(
                layout=scalar, sources=LATE_SCALARS, ports=config.integer_writes)
            late_scalars.append(late)
            m.d.comb += issue.late_results[group].eq(late.short)
            for port, write in enumerate(late.writes):
                m.d.comb += [x.writes[port].eq(write), x.forwards[port].eq(write.valid)]
            # By source: which register it is for is known earlier than whether there is a port.
            for source, result in enumerate(late.results):
                done = scoreboard.scalar_done[group * LATE_SCALARS + source]
                m.d.comb += [
                    done.valid.eq(result.valid & result.ready),
                    done.thread.eq(result.payload.thread),
                    done.destination.eq(result.payload.destination),
                ]
            for port, slot in enumerate(slots):
                write, operation = execute.writes[slot], execute.operations[slot]
                older = [issue.instructions[index] for index in slots[:port]]
                m.d.comb += [
                    late.free[port].eq(~execute.keeps[slot]),
                    operation.thread.eq(issue.threads[slot]),
                    operation.instruction.eq(issue.instructions[slot]),
                    operation.off.eq(issue.offs[slot]),
                ]
                with m.If(execute.keeps[slot]):
                    m.d.comb += [x.writes[port].eq(write), x.forwards[port].eq(1)]
                _, *sources = fields(issue.instructions[slot])
                for number, (source, value) in enumerate(zip(sources, (operation.x1, operation.x2), strict=True)):
                    m.d.comb += [
                        x.threads[2 * port + number].eq(issue.threads[slot]),
                        x.indices[2 * port + number].eq(source),
                        value.eq(Mux(source == 0, 0, x.data[2 * port + number])),
                    ]
                    for before in older:  # it may be issued beside what loads a constant
                        with m.If(before.constant & (source != 0) & (source == fields(before)[0])):
                            m.d.comb += value.eq(before.value)
                if port:
                    m.d.comb += operation.chained.eq(chained(older, issue.instructions[slot]))
                if port == 0:  # atomics are the first of their group
                    old, *_ = fields(issue.instructions[slot])
                    m.d.comb += [
                        x.threads[2 * width].eq(issue.threads[slot]),
                        x.indices[2 * width].eq(old),
                        operation.x3.eq(Mux(old == 0, 0, x.data[2 * width])),
                    ]
            wiring.connect(m, lsus[group].scalar, late.results[0])
            here = (muldiv.result.payload.thread % config.groups) == group
            m.d.comb += [
                late.results[1].valid.eq(muldiv.result.valid & here),
                late.results[1].payload.eq(muldiv.result.payload),
            ]
            with m.If(here):
                m.d.comb += muldiv.result.ready.eq(late.results[1].ready)

        # Vector registers, which all groups share.
        vector_line = vector_result_layout(config)
        m.submodules.v = v = RegisterFile(
            threads=config.threads, groups=1, result=vector_line, reads=6 if config.slots > 1 else 3,
            writes=config.vector_writes)
        m.submodules.vector_late = vector_late = Writeback(
            layout=vector_line, sources=3 + config.groups, ports=config.vector_writes)
        for index, result in enumerate((vector.result, vector.estimate, matrix.result, *(lsu.vector for lsu in lsus))):
            wiring.connect(m, result, vector_late.results[index])
        m.d.comb += v.writes.eq(vector_late.writes)
        for done, write in zip(scoreboard.vector_done, vector_late.writes, strict=True):
            m.d.comb += [
                done.valid.eq(write.valid),
                done.thread.eq(write.result.thread),
                done.destination.eq(write.result.destination),
            ]
        for port, (uses, source, value) in enumerate((
            *((takes_vectors, field, execute.vectors.vector[field]) for field in range(3)),  # rd, rs1, rs2
            (changes_matrix, 1, execute.vectors.matrix[0]), (changes_matrix, 2, execute.vectors.matrix[1]),
            (stores, 2, execute.vectors.store),
        )):
            if config.slots == 1:  # there is but one instruction: a port for each of its fields
                m.d.comb += [
                    v.threads[source].eq(issue.threads[0]),
                    v.indices[source].eq(fields(issue.instructions[0])[source]),
                    value.eq(v.data[source]),
                ]
                continue
            chosen = issue.issued & ~issue.offs & Cat(uses(each.control) for each in issue.instructions)
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
            special.restarted.eq(threads.restarted),
            special.data_writes.eq(threads.data_writes),
            special.data.eq(self.control.write_data),
            scoreboard.claims.eq(execute.claims),
            scoreboard.accesses.eq(execute.accesses),
            *(done.eq(lsus[thread % config.groups].performed[thread])
              for thread, done in enumerate(scoreboard.performed)),
            self.awaiting.eq(remote.awaiting),
            remote.drained.eq(scoreboard.drained),
            remote.cancel.eq(void),
            execute.may_tell.eq(remote.may_tell),
            remote.finish.eq(execute.finish),
            remote.load.eq(execute.load),
            remote.loaded.eq(reduce(or_, (lsu.loaded for lsu in lsus))),
            execute.load_errors.eq(reduce(or_, (lsu.error for lsu in lsus))),
            execute.answered.eq(remote.answered),
            execute.refused.eq(remote.failed),
            self.overflow.eq(semaphores.overflow),
            semaphores.post.eq(special.post),
            semaphores.post_index.eq(special.post_index),
            semaphores.wait.eq(special.wait & ~threads.cancels),
            semaphores.wait_index.eq(special.wait_index),
            semaphores.wait_amount.eq(special.wait_amount),
            semaphores.tries.eq(special.tries),
            semaphores.take.eq(special.take),
            special.taken.eq(semaphores.taken),
            semaphores.cancel.eq(threads.cancels),  # who waits for a semaphore has no access under way
        ]
        wiring.connect(m, execute.muldiv, muldiv.request)
        wiring.connect(m, execute.vector, vector.request)
        wiring.connect(m, execute.matrix, matrix.request)
        wiring.connect(m, execute.matrix_read, matrix.read)
        wiring.connect(m, special.push, pushes.i)
        wiring.connect(m, special.pull, pulls.i)
        wiring.connect(m, pushes.o, wiring.flipped(self.push))
        wiring.connect(m, pulls.o, wiring.flipped(self.pull))
        wiring.connect(m, execute.packet, remote.packet)
        m.d.comb += remote.gathers.eq(execute.gathers)
        if config.gather:
            gather = Gather(config=config)
            m.submodules.gather = DomainRenamer("gathering")(gather)
            gated_domain(m, enable=gather.request.valid | ~gather.request.ready, name="gathering")
            wiring.connect(m, gather.memory, memory_ports.engine)
            wiring.connect(m, gather.answer, remote.gathered)
            m.d.comb += [
                gather.request.valid.eq(remote.gather),
                gather.request.payload.eq(execute.gather),
                remote.gather_ready.eq(gather.request.ready),
                execute.failures.eq(gather.failures),
            ]
        wiring.connect(m, remote.ask, wiring.flipped(self.ask))
        wiring.connect(m, remote.tell, wiring.flipped(self.tell))
        wiring.connect(m, wiring.flipped(self.answer), remote.answer)
        # What the list engines post comes late in its cycle.
        m.d.sync += [
            semaphores.mesh_post.valid.eq(self.mesh_post.valid),
            semaphores.mesh_post.payload.eq(self.mesh_post.payload),
        ]

        # What the node counts and what traces show.
        executed = [(shown.valid, each.instruction.control)
                    for shown, each in zip(execute.retirement, held, strict=True)]

        def count(uses):
            return sum(valid & uses(control) for valid, control in executed)

        m.d.comb += [
            self.activity.instructions.eq(count(lambda _: 1)),
            self.activity.integer.eq(count(lambda control: is_unit(control, Unit.ALU))),
            self.activity.muldiv.eq(count(lambda control: is_unit(control, Unit.MULDIV))),
            self.activity.loads.eq(count(lambda control: is_unit(control, Unit.MEMORY) & ~stores(control))),
            self.activity.stores.eq(count(stores)),
            self.activity.branches.eq(count(lambda control: is_unit(control, Unit.BRANCH))),
            self.activity.mispredictions.eq(sum(execute.strays)),
            self.activity.fetch_miss.eq(front_end.miss),
            self.activity.matrix_step.eq(matrix.step),
            self.activity.vector_operation.eq(vector.request.valid & vector.request.ready),
            self.activity.busy.eq(threads.running.any()),
            self.activity.stalled.eq(threads.running.any() & ~issue.issued.any()),
            self.retirement.slots.eq(execute.retirement),
            self.retirement.resumed.eq(semaphores.granted),
            self.retirement.scalar.eq(Cat(late.writes.as_value() for late in late_scalars)),
            self.retirement.vector.eq(vector_late.writes),
        ]
        return m
