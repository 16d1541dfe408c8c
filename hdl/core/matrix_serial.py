"""The matrix unit with one datapath: it serves the elements of C one after the other."""

from itertools import pairwise

from amaranth.hdl import Array, Cat, DomainRenamer, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.utils import exact_log2

from ..clock_gate import gated_domain
from ..config import ACCUMULATOR_BYTES, OPERAND_BYTES, Config
from ..isa import Matrix
from ..number_formats import Format
from .dot_product import DotProduct
from .matrix import matrix_ports, read_layout, request_layout
from .matrix_element import MatrixElement
from .matrix_loader import MatrixLoader
from .matrix_operand import MatrixOperand
from .matrix_reader import MatrixReader
from .result import ResultQueue


class SerialMatrixUnit(wiring.Component):
    """Does in `Config.matrix_interval` cycles what `hdl.core.matrix.MatrixUnit` does in one, to BF16: an element each.

    Stages: keep; two of `MatrixOperand`; four of `MatrixElement`; five of `MatrixReader`; the queue. An element comes
    again in the next function at the earliest. A read's result is offered `latency` + 1 cycles after it was taken.
    ``ready`` of both depends on registers alone; both are ready between functions, and a read only while there is room
    for its result.

    Members are those of `MatrixUnit`, but for
    room : Out(1)
        The unit will take a function and a read in the next cycle unless it is given either in this.
    """

    def __init__(self, *, config: Config):
        if not config.serial_matrix:
            raise ValueError(f"config {config.name!r} has a matrix unit that is not serial")
        self.config = config
        #: Cycles from a step of an element to its result.
        self.depth = MatrixOperand.LATENCY + MatrixElement.LATENCY + MatrixReader.LATENCY
        #: Cycles from a read's request to its result at the queue, whose last number comes behind the others.
        self.latency = 1 + config.rows_per_part * config.n - 1 + self.depth
        super().__init__(matrix_ports(config))

    def elaborate(self, platform):
        m = Module()
        config = self.config
        elements, numbers = config.m * config.n, config.rows_per_part * config.n
        request = self.request.payload
        m.submodules.queue = queue = ResultQueue(config=config, latency=self.latency, interval=elements)

        # What is under way, and how many of its elements have not been served yet.
        function = Signal(request_layout(config), reset_less=True)
        read = Signal(read_layout(config), reset_less=True)
        reads = Signal()
        left = Signal(range(elements + 1))
        free = left <= 1
        taken, read_taken = self.request.valid & free, self.read.valid & self.read.ready
        multiplies = taken & ((request.function == Matrix.MULTIPLY) | (request.function == Matrix.START))
        legal = (request.a_format.code == Format.BF16) & (request.b_format.code == Format.BF16)
        m.d.comb += [
            self.request.ready.eq(free),
            self.read.ready.eq(free & queue.ready),
            self.room.eq((left <= 2) & queue.room),
            self.step.eq(multiplies & legal),
            self.illegal.eq(multiplies & ~legal),
            queue.enter.eq(read_taken),
        ]
        with m.If(free):
            m.d.sync += [
                function.eq(request),
                read.eq(self.read.payload),
                reads.eq(read_taken),
                left.eq(Mux(taken | read_taken, elements, 0)),
            ]
            with m.If(~taken | self.illegal):
                m.d.sync += function.function.eq(Matrix.READ)
        with m.Else():
            m.d.sync += left.eq(left - 1)

        # What goes with an element, stage by stage. Nothing to do is `Matrix.READ`. A read has its numbers first.
        place = range(config.threads * config.accumulators * elements)
        layout = data.StructLayout({
            "valid": 1, "function": Matrix, "index": place, "read": place, "reads": 1, "ends": 1,
            "thread": config.thread_bits, "destination": 5})
        stages = [Signal(layout, name=f"stage{index}") for index in range(self.depth + 1)]
        first, last = stages[0], stages[-1]
        element = Signal(range(elements))
        part, number = element >> exact_log2(numbers), element & numbers - 1
        skips = (function.function == Matrix.LOAD) & (part != function.part)
        m.d.comb += [
            element.eq(elements - left),
            first.valid.eq(left != 0),
            first.function.eq(Mux(first.valid & ~skips, function.function, Matrix.READ)),
            first.index.eq((function.thread * config.accumulators + function.accumulator) * elements + element),
            first.read.eq((read.thread * config.accumulators + read.accumulator) * elements
                          + read.part * numbers + number),
            first.reads.eq(first.valid & reads & (part == 0)),
            first.ends.eq(number == numbers - 1),
            first.thread.eq(read.thread),
            first.destination.eq(read.destination),
        ]
        for before, after in pairwise(stages):
            m.d.gated += after.eq(before)
        gated_domain(m, enable=Cat(stage.valid for stage in stages).any())
        gated = DomainRenamer("gated")

        # The operands of the element, taken apart, and the number that is loaded to it.
        entered = stages[MatrixOperand.LATENCY]
        datapath = MatrixElement(depth=config.k, accumulators=len(place), apart=True,
                                 hard_multipliers=config.hard_multipliers)
        m.submodules.datapath = gated(datapath)
        row, column = element >> exact_log2(config.n), element & config.n - 1
        for k in range(config.k):
            for name, places, words in (
                    ("a", row, [i * config.k + k for i in range(config.m)]),
                    ("b", column, [k * config.n + j for j in range(config.n)])):
                operand = MatrixOperand(cfloat8=False)
                numbers_of_k = Array(function[name].word_select(word, OPERAND_BYTES * 8) for word in words)
                m.submodules[f"{name}{k}"] = gated(operand)
                m.d.comb += [
                    operand.enable.eq(first.valid),
                    operand.bf16.eq(numbers_of_k[places]),
                    getattr(datapath, name)[k].eq(operand.o),
                ]
        waiting = [Signal(ACCUMULATOR_BYTES * 8, name=f"waiting{index}", reset_less=True) for index in range(
            MatrixOperand.LATENCY + DotProduct.LOAD_DELAY - MatrixLoader.LATENCY + 1)]
        for before, after in pairwise(waiting):
            m.d.gated += after.eq(before)
        loader, reader = MatrixLoader(), MatrixReader(depth=config.k)
        m.submodules.loader, m.submodules.reader = gated(loader), gated(reader)
        m.d.comb += [
            waiting[0].eq(function.a.word_select(number, ACCUMULATOR_BYTES * 8)),
            loader.i.eq(waiting[-1]),
            datapath.function.eq(entered.function),
            datapath.accumulator.eq(entered.index),
            datapath.read.eq(entered.read),
            datapath.loaded.eq(loader.o),
        ]

        # The numbers of a read come together again.
        width = ACCUMULATOR_BYTES * 8
        earlier = Signal((numbers - 1) * width, reset_less=True)
        m.d.gated += earlier.eq(Cat(earlier, reader.o)[width:])
        m.d.comb += [
            reader.state.eq(datapath.state),
            queue.i.valid.eq(last.reads & last.ends),
            queue.i.payload.thread.eq(last.thread),
            queue.i.payload.destination.eq(last.destination),
            queue.i.payload.data.eq(Cat(earlier, reader.o)),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.result))
        return m
