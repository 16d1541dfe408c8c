"""Selection by one-hot signals."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth.hdl import Const, Mux, Value, ValueLike


def select(onehot: Value, choices: Iterable[ValueLike]) -> Value:
    """The choice whose bit of `onehot` is set, or 0 if none is; an AND-OR tree."""
    return reduce(or_, (Mux(onehot[index], choice, 0) for index, choice in enumerate(choices)), Const(0, 1))
