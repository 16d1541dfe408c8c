"""Combinational shifts by a variable amount, and the count that normalising needs.

Each adds its steps to a module as signals: an expression would write its operands out again wherever it is used.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value


def spread(bit: Value, width: int) -> Value:
    """A bit in all places of a word. `Value.replicate` would write an expression out again for each of them."""
    return Mux(bit, Const((1 << width) - 1, width), Const(0, width))


def shift_left(m: Module, value: Value, amount: Value) -> Value:
    """`value` shifted left, zeros in, at its own width."""
    for index in range(len(amount)):
        shifted = Signal.like(value, name=f"left{index}")
        m.d.comb += shifted.eq(Mux(amount[index], Cat(Const(0, 1 << index), value), value))
        value = shifted
    return value


def shift_right(m: Module, value: Value, amount: Value) -> Value:
    """`value` shifted right, zeros in."""
    for index in range(len(amount)):
        shifted = Signal.like(value, name=f"right{index}")
        m.d.comb += shifted.eq(Mux(amount[index], value[1 << index:], value))
        value = shifted
    return value


def trailing_zeros(m: Module, value: Value) -> Value:
    """Zeros below the lowest bit that is set; the width if there is none."""
    mirrored = Signal(len(value), name="mirrored")
    m.d.comb += mirrored.eq(Cat(*reversed(value)))
    return leading_zeros(m, mirrored)


def leading_zeros(m: Module, value: Value) -> Value:
    """Zeros above the highest bit that is set; the width if there is none. A tree of halves."""
    if len(value) == 1:
        return ~value
    half = 1 << (len(value) - 1).bit_length() - 1
    missing = 2 * half - len(value)
    low = leading_zeros(m, Cat(Const((1 << missing) - 1, missing), value[:-half]))
    high = leading_zeros(m, value[-half:])
    # A count's top bit is set only if it is `half`: all of them.
    count = Signal(len(high) + 1, name=f"zeros{len(value)}")
    m.d.comb += count.eq(Mux(high[-1], Cat(low[:-1], ~low[-1], low[-1]), high))
    return count
