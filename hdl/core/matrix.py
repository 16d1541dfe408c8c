"""The matrix unit: C[M, N] += A[M, K] x B[K, N], one step every cycle."""

from itertools import pairwise

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..clock_gate import gated_domain
from ..config import ACCUMULATOR_BYTES, OPERAND_BYTES, Config, bits_for_count
from ..isa import Matrix
from ..number_formats import Format
from ..verilog import Block
from .accumulator import state_layout
from .dot_product import DotProduct, Operand
from .matrix_element import MatrixElement
from .matrix_loader import MatrixLoader
from .matrix_operand import MATRIX_FORMATS, MatrixOperand, OperandFormat
from .matrix_reader import MatrixReader
from .result import ResultQueue, vector_result_layout


def request_layout(config: Config) -> data.StructLayout:
    """A function and what it needs.

    `a` holds A[i, k] as number i K + k and `b` holds B[k, j] as number k N + j, as docs/numerics.md says for their
    formats. A load sets the rows from `part` x `config.rows_per_part` on to the FP32 numbers of `a`, row by row.
    """
    return data.StructLayout({
        "function": Matrix,
        "thread": config.thread_bits,
        "accumulator": config.accumulator_bits,
        "part": bits_for_count(config.parts),
        "a_format": OperandFormat,
        "b_format": OperandFormat,
        "a": config.vector_bits,
        "b": config.vector_bits,
    })


def read_layout(config: Config) -> data.StructLayout:
    """A read of the rows from `part` x `config.rows_per_part` on, to vector register `destination`."""
    return data.StructLayout({
        "thread": config.thread_bits,
        "accumulator": config.accumulator_bits,
        "part": bits_for_count(config.parts),
        "destination": 5,
    })


def matrix_ports(config: Config) -> dict[str, wiring.Member]:
    """What a matrix unit has; see `MatrixUnit`."""
    return {
        "request": In(stream.Signature(request_layout(config))),
        "read": In(stream.Signature(read_layout(config))),
        "result": Out(stream.Signature(vector_result_layout(config))),
        "step": Out(1),
        "illegal": Out(1),
        "room": Out(1),
    }


class MatrixUnit(wiring.Component):
    """Takes a function and a read every cycle, in any order and on any accumulator.

    Stages: two of `MatrixOperand`; four of `MatrixElement`; select a part; five of `MatrixReader`; the queue. So a read
    sees all functions that were taken in cycles before it, and its result is offered 13 cycles after it was taken.
    ``request`` is always ready; ``read.ready`` depends on registers alone and is low only while reads whose results
    nobody takes fill the queue.

    Parameters
    ----------
    config : Config
    cfloat8 : bool
        Operands may be CFloat8. If not, `Format.BF16` is the only format that is not illegal.

    Members
    -------
    request : In(stream of request_layout(config))
        Anything but `Matrix.READ`.
    read : In(stream of read_layout(config))
    room : Out(1)
        The unit will also take the read behind the one that it is given in this cycle.
    result : Out(stream of vector_result_layout(config))
        The reads, in their order: FP32 row by row, lowest bits first, unused lanes 0.
    step : Out(1)
        A `Matrix.MULTIPLY` or `Matrix.START` is taken in this cycle, and its formats are defined.
    illegal : Out(1)
        One is taken with a format code that it does not take; it changes nothing.
    """

    #: Cycles from a read's request to its result at the queue: taken apart, element, selected, rounded.
    LATENCY = MatrixOperand.LATENCY + MatrixElement.LATENCY + 1 + MatrixReader.LATENCY

    def __init__(self, *, config: Config, cfloat8: bool = True):
        self.config = config
        self.cfloat8 = cfloat8
        super().__init__(matrix_ports(config))

    def elaborate(self, platform):
        m = Module()
        config = self.config
        request = self.request.payload
        taken = self.request.valid
        reads = self.read.valid & self.read.ready
        multiplies = taken & ((request.function == Matrix.MULTIPLY) | (request.function == Matrix.START))
        formats = MATRIX_FORMATS if self.cfloat8 else (Format.BF16,)
        legal = Cat(Cat(side.code == code for code in formats).any()
                    for side in (request.a_format, request.b_format)).all()
        m.d.comb += [self.step.eq(multiplies & legal), self.illegal.eq(multiplies & ~legal)]

        # What goes with a function and a read, stage by stage. Nothing to do is `Matrix.READ`.
        layout = data.StructLayout({
            "function": Matrix, "thread": config.thread_bits, "accumulator": config.accumulator_bits,
            "part": bits_for_count(config.parts), "reads": 1, "read": read_layout(config)})
        stages = [Signal(layout, name=f"stage{index}", init={"function": Matrix.READ})
                  for index in range(self.LATENCY + 1)]
        m.d.comb += [
            stages[0].function.eq(Mux(taken & ~self.illegal, request.function, Matrix.READ)),
            stages[0].reads.eq(reads),
            stages[0].read.eq(self.read.payload),
            *(stages[0][name].eq(request[name]) for name in ("thread", "accumulator", "part")),
        ]
        for before, after in pairwise(stages):
            m.d.gated += after.eq(before)
        gated_domain(m, enable=Cat((stage.function != Matrix.READ) | stage.reads for stage in stages).any())
        gated = DomainRenamer("gated")

        # Operands are taken apart once, for all elements that use them. They stand still while nothing is multiplied.
        operand_body = MatrixOperand(cfloat8=self.cfloat8)

        def unpacked(name: str, count: int):
            operands = Signal(data.ArrayLayout(Operand, count), name=name)
            for index in range(count):
                operand = Block(module="d1_matrix_operand", body=operand_body)
                m.submodules[f"{name}{index}"] = gated(operand)
                m.d.comb += [
                    operand.enable.eq(self.step),
                    operand.format.eq(request[f"{name}_format"]),
                    operand.bf16.eq(request[name].word_select(index, OPERAND_BYTES * 8)),
                    *(operand.halves[half].eq(request[name].word_select(half * count + index, 8)) for half in range(2)),
                    operands[index].eq(operand.o),
                ]
            return operands

        a, b = unpacked("a", config.m * config.k), unpacked("b", config.k * config.n)

        # What is loaded waits for the function to come to where it is needed.
        numbers = config.rows_per_part * config.n
        waiting = [request.a, *(
            Signal.like(request.a, name=f"waiting{index}", reset_less=True)
            for index in range(MatrixOperand.LATENCY + DotProduct.LOAD_DELAY - MatrixLoader.LATENCY))]
        for before, after in pairwise(waiting):
            m.d.gated += after.eq(before)
        loader_body = MatrixLoader()
        loaded = []
        for lane in range(numbers):
            loader = Block(module="d1_matrix_loader", body=loader_body)
            m.submodules[f"loader{lane}"] = gated(loader)
            m.d.comb += loader.i.eq(waiting[-1].word_select(lane, ACCUMULATOR_BYTES * 8))
            loaded.append(loader.o)

        entered = stages[MatrixOperand.LATENCY]
        body = MatrixElement(depth=config.k, accumulators=config.threads * config.accumulators,
                             hard_multipliers=config.hard_multipliers)
        states = []
        for i in range(config.m):
            part, row = divmod(i, config.rows_per_part)
            skips = (entered.function == Matrix.LOAD) & (entered.part != part)
            for j in range(config.n):
                element = Block(module="d1_matrix_element", body=body)
                m.submodules[f"element{i}_{j}"] = gated(element)
                m.d.comb += [
                    element.function.eq(Mux(skips, Matrix.READ, entered.function)),
                    element.accumulator.eq(entered.thread * config.accumulators + entered.accumulator),
                    element.read.eq(entered.read.thread * config.accumulators + entered.read.accumulator),
                    *(element.a[k].eq(a[i * config.k + k]) for k in range(config.k)),
                    *(element.b[k].eq(b[k * config.n + j]) for k in range(config.k)),
                    element.loaded.eq(loaded[row * config.n + j]),
                ]
                states.append(element.state)

        # One reader for each number of a part.
        read = stages[MatrixOperand.LATENCY + MatrixElement.LATENCY]
        m.submodules.queue = queue = ResultQueue(config=config, latency=self.LATENCY)
        reader_body = MatrixReader(depth=config.k)
        for lane in range(numbers):
            reader = Block(module="d1_matrix_reader", body=reader_body)
            m.submodules[f"reader{lane}"] = gated(reader)
            selected = Signal(state_layout(config.k), name=f"selected{lane}", reset_less=True)
            with m.Switch(read.read.part):
                for choice in range(config.parts):
                    with m.Case(choice):
                        m.d.gated += selected.eq(states[choice * numbers + lane])
            m.d.comb += [
                reader.state.eq(selected),
                queue.i.payload.data.word_select(lane, 32).eq(reader.o),
            ]
        last = stages[-1]
        m.d.comb += [
            queue.enter.eq(reads),
            self.request.ready.eq(1),
            self.read.ready.eq(queue.ready),
            self.room.eq(queue.room),
            queue.i.valid.eq(last.reads),
            queue.i.payload.thread.eq(last.read.thread),
            queue.i.payload.destination.eq(last.read.destination),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.result))
        return m
