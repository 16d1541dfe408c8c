"""One element (i, j) of the matrix unit: a dot product and the accumulators that it is added to."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for_count
from ..isa import Matrix
from ..verilog import Block
from .accumulator import Accumulators, state_layout
from .dot_product import DotProduct, Loaded, Operand


class MatrixElement(wiring.Component):
    """Takes a function every cycle, in any order and on any accumulator; an idle cycle is a `Matrix.READ`.

    Latency 4 cycles from the inputs to `state`. Six stages: multiply; find the anchor; align and compress the
    products; add them and, meanwhile, fetch the accumulator; add; renormalise and write back.

    Parameters
    ----------
    depth : int
        Pairs of a step, K.
    accumulators : int
        Accumulators, of all threads together.
    apart : bool
        None comes again within three cycles; see `Accumulators`.
    hard_multipliers : bool
        See `hdl.config.Config`.

    Members
    -------
    function : In(Matrix)
    accumulator : In
    read : In
        An accumulator to read beside that, as it is before the function.
    a, b : In(Operand) [depth]
        Used by `Matrix.MULTIPLY`.
    loaded : In(Loaded)
        Used by the `Matrix.LOAD` of `DotProduct.LOAD_DELAY` cycles before.
    state : Out(state_layout(depth))
        The accumulator that ``read`` named.
    """

    LATENCY = DotProduct.LATENCY

    def __init__(self, *, depth: int, accumulators: int, apart: bool = False, hard_multipliers: bool = False):
        self.depth = depth
        self.apart = apart
        self.hard_multipliers = hard_multipliers
        self.accumulators = accumulators
        super().__init__({
            "function": In(Matrix),
            "accumulator": In(bits_for_count(accumulators)),
            "read": In(bits_for_count(accumulators)),
            "a": In(data.ArrayLayout(Operand, depth)),
            "b": In(data.ArrayLayout(Operand, depth)),
            "loaded": In(Loaded),
            "state": Out(state_layout(depth)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.product = product = Block(
            module="d1_dot_product", body=DotProduct(depth=self.depth, hard_multipliers=self.hard_multipliers))
        m.submodules.accumulators = accumulators = Block(
            module="d1_accumulators", body=Accumulators(count=self.accumulators, depth=self.depth, apart=self.apart))
        m.d.comb += [
            product.multiply.eq((self.function == Matrix.MULTIPLY) | (self.function == Matrix.START)),
            product.a.eq(self.a),
            product.b.eq(self.b),
            product.load.eq(self.function == Matrix.LOAD),
            product.loaded.eq(self.loaded),
        ]

        # What goes to the accumulators arrives with the group. A load is the group of a sum that starts from zero.
        layout = data.StructLayout({"fresh": 1, "index": self.accumulator.shape(), "read": self.read.shape()})
        stages = [Signal(layout, name=f"stage{stage}", reset_less=True) for stage in range(DotProduct.LATENCY)]
        m.d.comb += [
            stages[0].fresh.eq(Cat(self.function == fresh for fresh in (Matrix.ZERO, Matrix.LOAD, Matrix.START)).any()),
            stages[0].index.eq(self.accumulator),
            stages[0].read.eq(self.read),
        ]
        for before, after in pairwise(stages):
            m.d.sync += after.eq(before)
        m.d.comb += [
            accumulators.fresh.eq(stages[-1].fresh),
            accumulators.index.eq(stages[-2].index),
            accumulators.read_index.eq(stages[-2].read),
            accumulators.group.eq(product.group),
            accumulators.total.eq(product.total),
            self.state.eq(accumulators.state),
        ]
        return m
