"""The compute core: threads, front end, scalar execution, vector and matrix units."""

from amaranth.hdl import Cat, Module, Mux, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import Unit
from ..mem.port import MemoryPort
from ..noc.control_bus import ControlBus
from ..noc.packet import Coordinate, flit_layout
from .decode import Decoder, fields
from .execute import Execute
from .fetch import Fetch
from .issue import Issue
from .layouts import retirement_layout, scalar_result_layout
from .lsu import LoadStoreUnit
from .matrix import MatrixUnit
from .muldiv import MulDiv
from .onehot import select
from .registers import RegisterFile
from .remote import Remote
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
    """`config.threads` hardware threads that share one instruction issue a cycle.

    The stages, a cycle each: fetch and decode (a word of one thread); issue (hazards, choice of a thread, register
    read); execute (scalar results, branches, traps). Loads, multiplications, vector and matrix operations end later,
    out of order with the instructions behind them, guarded by the scoreboard.

    Members
    -------
    position : In(Coordinate), cycle : In(64)
        Straps and time.
    fetch, memory : Out(MemoryPort)
        Instructions; data.
    control : In(ControlBus)
        The threads' control registers.
    mesh_post : In(stream), overflow : Out(2)
        Posts from the mesh and the list engines; see `Semaphores`.
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
            "memory": Out(MemoryPort(config)),
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
        m.submodules.fetch = fetch = Fetch(config=config)
        m.submodules.decoder = decoder = Decoder(config=config)
        m.submodules.issue = issue = Issue(config=config)
        m.submodules.scoreboard = scoreboard = Scoreboard(config=config)
        scalar, vector_line = scalar_result_layout(config), vector_result_layout(config)
        m.submodules.x = x = RegisterFile(config=config, result=scalar, reads=3)
        m.submodules.v = v = RegisterFile(config=config, result=vector_line)
        m.submodules.execute = execute = Execute(config=config)
        m.submodules.lsu = lsu = LoadStoreUnit(config=config)
        m.submodules.remote = remote = Remote(config=config)
        m.submodules.muldiv = muldiv = MulDiv(config=config)
        m.submodules.vector = vector = VectorUnit(config=config)
        m.submodules.matrix = matrix = MatrixUnit(config=config)
        m.submodules.semaphores = semaphores = Semaphores(config=config)
        m.submodules.scalar_late = scalar_late = Writeback(layout=scalar, sources=2)
        m.submodules.vector_late = vector_late = Writeback(layout=vector_line, sources=3)

        # Threads: the host starts and halts them, instructions steer them.
        void = threads.started | threads.halted
        wiring.connect(m, wiring.flipped(self.control), threads.control)
        m.d.comb += [
            threads.fetched.eq(fetch.chosen),
            threads.redirect.eq(execute.redirect),
            threads.target.eq(execute.target),
            threads.stop.eq(execute.stop),
            threads.waiting.eq(semaphores.waiting),
            threads.retired.eq(execute.retired | semaphores.granted),
            threads.next_pcs.eq(issue.next_pcs),
            threads.reports.eq(execute.reports),
        ]

        # Fetch and decode.
        wiring.connect(m, wiring.flipped(self.fetch), fetch.memory)
        pc = select(fetch.chosen, [threads.pcs[thread] for thread in range(config.threads)])
        m.d.comb += [
            fetch.pcs.eq(threads.pcs),
            fetch.wants.eq(issue.empty & threads.running),
            fetch.flush.eq(execute.flush | threads.started),
            decoder.word.eq(fetch.word),
            issue.fill.eq(fetch.chosen),
            issue.decoded.pc.eq(pc),
            issue.decoded.word.eq(fetch.word),
            issue.decoded.fetch_fault.eq(fetch.fault),
            issue.decoded.fetch_error.eq(fetch.error),
            issue.decoded.control.eq(Mux(fetch.fault | fetch.error, 0, decoder.control.as_value())),
            issue.decoded.value.eq(decoder.value),
        ]

        # Issue and register read.
        units = {
            Unit.MEMORY: lsu.request.ready, Unit.MULDIV: muldiv.request.ready, Unit.VECTOR: vector.request.ready,
            Unit.MATRIX: matrix.request.ready, Unit.LIST: self.push.ready & self.pull.ready,
            Unit.ATOMIC: lsu.request.ready, Unit.PUT: lsu.request.ready,
        }
        destination, source1, source2 = fields(issue.instruction)
        issued_thread = select(issue.issued, range(config.threads))
        m.d.comb += [
            issue.kill.eq(execute.redirect | execute.stop | void),
            issue.active.eq(threads.running & ~semaphores.waiting & ~remote.waiting & ~void),
            issue.busy.eq(scoreboard.busy),
            issue.drained.eq(scoreboard.drained),
            issue.units.eq(Cat(units.get(unit, 1) for unit in Unit)),
            issue.late_result.eq(scalar_late.waiting),
            issue.stall.eq(execute.stall),
            issue.pcs.eq(threads.pcs),
            x.thread.eq(issued_thread),
            x.index1.eq(source1),
            x.index2.eq(source2),
            x.index3.eq(destination),
            v.thread.eq(issued_thread),
            v.index1.eq(source1),
            v.index2.eq(source2),
            execute.issued.eq(issue.issued.any()),
            execute.operation.thread.eq(issued_thread),
            execute.operation.instruction.eq(issue.instruction),
            execute.operation.x1.eq(Mux(source1 == 0, 0, x.data1)),
            execute.operation.x2.eq(Mux(source2 == 0, 0, x.data2)),
            execute.operation.x3.eq(Mux(destination == 0, 0, x.data3)),
            execute.operation.v1.eq(v.data1),
            execute.operation.v2.eq(v.data2),
        ]

        # Execute; the units.
        m.d.comb += [
            execute.position.eq(self.position),
            execute.cycle.eq(self.cycle),
            execute.instret.eq(threads.instret),
            execute.started.eq(threads.started),
            execute.load_error.eq(lsu.error),
            execute.load_error_address.eq(lsu.error_address),
        ]
        wiring.connect(m, execute.memory, lsu.request)
        wiring.connect(m, execute.muldiv, muldiv.request)
        wiring.connect(m, execute.vector, vector.request)
        wiring.connect(m, execute.matrix, matrix.request)
        wiring.connect(m, execute.push, wiring.flipped(self.push))
        wiring.connect(m, execute.pull, wiring.flipped(self.pull))
        wiring.connect(m, execute.packet, remote.packet)
        wiring.connect(m, remote.ask, wiring.flipped(self.ask))
        wiring.connect(m, remote.tell, wiring.flipped(self.tell))
        wiring.connect(m, wiring.flipped(self.answer), remote.answer)
        wiring.connect(m, lsu.memory, wiring.flipped(self.memory))
        wiring.connect(m, wiring.flipped(self.mesh_post), semaphores.mesh_post)
        m.d.comb += [
            self.awaiting.eq(remote.awaiting),
            remote.drained.eq(scoreboard.drained),
            remote.cancel.eq(void),
            execute.answered.eq(remote.answered),
            execute.refused.eq(remote.failed),
            remote.finish.eq(execute.finish),
            remote.load.eq(execute.load),
            remote.line_thread.eq(lsu.line_thread),
            lsu.line.eq(remote.line),
            remote.loaded.eq(lsu.loaded),
            self.overflow.eq(semaphores.overflow),
            semaphores.post.eq(execute.post),
            semaphores.post_index.eq(execute.post_index),
            semaphores.wait.eq(execute.wait),
            semaphores.wait_index.eq(execute.wait_index),
            semaphores.wait_amount.eq(execute.wait_amount),
            semaphores.cancel.eq(void),
        ]

        # Results: the execute stage writes at once, late results when the write port is free.
        for index, result in enumerate((lsu.scalar, muldiv.result)):
            wiring.connect(m, result, scalar_late.results[index])
        for index, result in enumerate((lsu.vector, vector.result, matrix.result)):
            wiring.connect(m, result, vector_late.results[index])
        executing = execute.current.instruction
        m.d.comb += [
            scalar_late.enable.eq(~execute.write.valid),
            x.write.valid.eq(execute.write.valid | scalar_late.valid),
            x.write.result.eq(Mux(execute.write.valid, execute.write.result.as_value(), scalar_late.result.as_value())),
            v.write.valid.eq(vector_late.valid),
            v.write.result.eq(vector_late.result),
            scoreboard.claim.eq(execute.claim),
            scoreboard.claim_thread.eq(execute.current.thread),
            scoreboard.claim_file.eq(executing.control.rd_file),
            scoreboard.claim_register.eq(fields(executing)[0]),
            scoreboard.access.eq(execute.access),
            scoreboard.performed.eq(lsu.performed),
        ]
        for done, late in ((scoreboard.scalar_done, scalar_late), (scoreboard.vector_done, vector_late)):
            m.d.comb += [
                done.valid.eq(late.valid),
                done.thread.eq(late.result.thread),
                done.destination.eq(late.result.destination),
            ]

        # What the node counts and what traces show.
        retirement = self.retirement
        m.d.comb += [
            self.activity.matrix_step.eq(matrix.step),
            self.activity.vector_operation.eq(vector.request.valid & vector.request.ready),
            self.activity.busy.eq(threads.running.any()),
            self.activity.stalled.eq(threads.running.any() & ~issue.issued.any()),
            retirement.retired.eq((execute.retired | execute.wait).any()),
            retirement.waits.eq(execute.wait.any()),
            retirement.thread.eq(execute.current.thread),
            retirement.pc.eq(executing.pc),
            retirement.word.eq(executing.word),
            retirement.writes.eq(execute.write.valid),
            retirement.value.eq(execute.write.result.data),
            retirement.resumed.eq(semaphores.granted),
            retirement.scalar.valid.eq(scalar_late.valid),
            retirement.scalar.result.eq(scalar_late.result),
            retirement.vector.valid.eq(vector_late.valid),
            retirement.vector.result.eq(vector_late.result),
        ]
        return m
