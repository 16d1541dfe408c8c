"""The matrix unit: C[M, N] += A[M, K] x B[K, N], one step every cycle."""

from itertools import pairwise

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import Bf16, unpack
from ..config import OPERAND_BYTES, Config, bits_for_count
from ..isa import Matrix
from ..verilog import Block
from .accumulator import State
from .dot_product import Operand
from .matrix_element import MatrixElement
from .matrix_reader import MatrixReader
from .result import ResultQueue, vector_result_layout


def request_layout(config: Config) -> data.StructLayout:
    """A function and what it needs.

    `a` holds A[i, k] as BF16 number i K + k and `b` holds B[k, j] as number k N + j, number 0 in the lowest bits. A
    read gives the rows from `part` x `config.rows_per_part` on to vector register `destination`.
    """
    return data.StructLayout({
        "function": Matrix,
        "thread": config.thread_bits,
        "accumulator": config.accumulator_bits,
        "part": bits_for_count(config.parts),
        "destination": 5,
        "a": config.vector_bits,
        "b": config.vector_bits,
    })


class MatrixUnit(wiring.Component):
    """Takes a function every cycle, in any order and on any accumulator.

    A `Matrix.READ` sees all that was taken before it; its result is offered 9 cycles after it was taken, by
    these stages: take operands apart; three of `MatrixElement`; select a part; three of `MatrixReader`; the queue.
    ``request.ready`` depends on registers alone and is low only while reads whose results nobody takes fill the queue.

    Parameters
    ----------
    config : Config

    Members
    -------
    request : In(stream of request_layout(config))
    room : Out(1)
        The unit will also take the operation behind the one that it is given in this cycle.
    result : Out(stream of vector_result_layout(config))
        The reads, in their order: FP32 row by row, lowest bits first, unused lanes 0.
    step : Out(1)
        A `Matrix.MULTIPLY` is taken in this cycle.
    """

    #: Cycles from a read's request to its result at the queue: taken apart, element, selected, rounded.
    LATENCY = 1 + MatrixElement.LATENCY + 1 + MatrixReader.LATENCY

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "request": In(stream.Signature(request_layout(config))),
            "result": Out(stream.Signature(vector_result_layout(config))),
            "step": Out(1),
            "room": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        request = self.request.payload
        taken = self.request.valid & self.request.ready
        reads = taken & (request.function == Matrix.READ)
        m.d.comb += self.step.eq(taken & (request.function == Matrix.MULTIPLY))

        # Operands are taken apart once, for all elements that use them. They stand still while nothing is multiplied.
        def unpacked(bits, count, name):
            operands = Signal(data.ArrayLayout(Operand, count), name=name, reset_less=True)
            for index in range(count):
                number = unpack(Bf16(bits.word_select(index, OPERAND_BYTES * 8)))
                with m.If(self.step):
                    m.d.sync += [
                        operands[index].significand.eq(number.significand),
                        operands[index].exponent.eq(number.exponent),
                        operands[index].sign.eq(number.sign),
                        operands[index].live.eq(~(number.zero | number.infinite | number.nan)),
                        operands[index].infinite.eq(number.infinite),
                        operands[index].nan.eq(number.nan),
                    ]
            return operands

        a = unpacked(request.a, config.m * config.k, "a")
        b = unpacked(request.b, config.k * config.n, "b")
        function = Signal(Matrix, init=Matrix.READ)
        accumulator = Signal(bits_for_count(config.threads * config.accumulators), reset_less=True)
        m.d.sync += function.eq(Matrix.READ)
        with m.If(taken):
            m.d.sync += [
                function.eq(request.function),
                accumulator.eq(request.thread * config.accumulators + request.accumulator),
            ]

        body = MatrixElement(depth=config.k, accumulators=config.threads * config.accumulators)
        states = []
        for i in range(config.m):
            for j in range(config.n):
                m.submodules[f"element{i}_{j}"] = element = Block(module="d1_matrix_element", body=body)
                m.d.comb += [
                    element.function.eq(function),
                    element.accumulator.eq(accumulator),
                    *(element.a[k].eq(a[i * config.k + k]) for k in range(config.k)),
                    *(element.b[k].eq(b[k * config.n + j]) for k in range(config.k)),
                ]
                states.append(element.state)

        # What else a read needs travels beside the elements.
        layout = data.StructLayout({
            "valid": 1, "thread": config.thread_bits, "destination": 5, "part": bits_for_count(config.parts)})
        stages = [Signal(layout, name=f"stage{index}") for index in range(self.LATENCY + 1)]
        first, last = stages[0], stages[-1]
        m.d.comb += [
            first.valid.eq(reads),
            first.thread.eq(request.thread),
            first.destination.eq(request.destination),
            first.part.eq(request.part),
        ]
        for before, after in pairwise(stages):
            m.d.sync += after.eq(before)

        # One reader for each number of a part.
        numbers = config.rows_per_part * config.n
        part = stages[1 + MatrixElement.LATENCY].part
        m.submodules.queue = queue = ResultQueue(config=config, latency=self.LATENCY)
        reader_body = MatrixReader()
        for lane in range(numbers):
            m.submodules[f"reader{lane}"] = reader = Block(module="d1_matrix_reader", body=reader_body)
            selected = Signal(State, name=f"selected{lane}", reset_less=True)
            with m.Switch(part):
                for choice in range(config.parts):
                    with m.Case(choice):
                        m.d.sync += selected.eq(states[choice * numbers + lane])
            m.d.comb += [
                reader.state.eq(selected),
                queue.i.payload.data.word_select(lane, 32).eq(reader.o),
            ]
        m.d.comb += [
            queue.enter.eq(reads),
            self.request.ready.eq(queue.ready),
            self.room.eq(queue.room),
            queue.i.valid.eq(last.valid),
            queue.i.payload.thread.eq(last.thread),
            queue.i.payload.destination.eq(last.destination),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.result))
        return m
