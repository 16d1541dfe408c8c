"""One element (i, j) of the matrix unit: a dot product and the accumulators that it is added to."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for_count
from ..isa import Matrix
from .accumulator import Accumulators, State
from .dot_product import DotProduct, Operand


class MatrixElement(wiring.Component):
    """Takes a function every cycle, in any order and on any accumulator; an idle cycle is a `Matrix.READ`.

    Latency 3 cycles from the inputs to `state`. Four stages: multiply; find the anchor; add the products and,
    meanwhile, fetch the accumulator; add and write back.

    Parameters
    ----------
    depth : int
        Pairs of a step, K.
    accumulators : int
        Accumulators, of all threads together.

    Members
    -------
    function : In(Matrix)
    accumulator : In
    a, b : In(Operand) [depth]
        Used by `Matrix.MULTIPLY`.
    state : Out(State)
        The accumulator that a `Matrix.READ` named.
    """

    LATENCY = DotProduct.LATENCY

    def __init__(self, *, depth: int, accumulators: int):
        self.depth = depth
        self.accumulators = accumulators
        super().__init__({
            "function": In(Matrix),
            "accumulator": In(bits_for_count(accumulators)),
            "a": In(data.ArrayLayout(Operand, depth)),
            "b": In(data.ArrayLayout(Operand, depth)),
            "state": Out(State),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.product = product = DotProduct(depth=self.depth)
        m.submodules.accumulators = accumulators = Accumulators(count=self.accumulators, depth=self.depth)
        m.d.comb += [
            product.multiply.eq(self.function == Matrix.MULTIPLY),
            product.a.eq(self.a),
            product.b.eq(self.b),
        ]

        # The accumulator's index arrives with the group.
        clear, index = self.function == Matrix.ZERO, self.accumulator
        for stage in range(DotProduct.LATENCY - 1):
            next_clear = Signal(name=f"clear{stage}", reset_less=True)
            next_index = Signal.like(index, name=f"index{stage}", reset_less=True)
            m.d.sync += [next_clear.eq(clear), next_index.eq(index)]
            clear, index = next_clear, next_index
        m.d.comb += [
            accumulators.clear.eq(clear),
            accumulators.index.eq(index),
            accumulators.group.eq(product.group),
            accumulators.total.eq(product.total),
            self.state.eq(accumulators.state),
        ]
        return m
