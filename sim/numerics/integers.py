"""The integer lane: operations on arrays of ``uint8``, ``uint16`` or ``uint32`` bit patterns."""

import numpy as np
from numpy.typing import NDArray

from hdl.arith.operations import IntegerOperation

Bits = NDArray[np.unsignedinteger]

_OP = IntegerOperation


def integer_operation(operation: IntegerOperation, a: Bits, b: Bits) -> Bits:
    """One operation of the integer lane, element by element.

    Parameters
    ----------
    operation : IntegerOperation
    a, b : uint8, uint16 or uint32 arrays
        Operands, both of one type, which is that of the result.

    Raises
    ------
    TypeError
        If they are not.
    """
    if a.dtype != b.dtype or a.dtype.kind != "u" or a.dtype.itemsize not in (1, 2, 4):
        raise TypeError(f"{operation.name} takes two arrays of uint8, of uint16 or of uint32, not {a.dtype}, {b.dtype}")
    bits = 8 * a.dtype.itemsize
    unsigned = operation.name.endswith("U")
    # Sums and products of both kinds fit 64 bits, if unsigned ones are taken as such.
    kind = f"u{a.dtype.itemsize}" if unsigned else f"i{a.dtype.itemsize}"
    x, y = a.view(kind).astype(np.int64), b.view(kind).astype(np.int64)
    low, high = (0, (1 << bits) - 1) if unsigned else (-1 << bits - 1, (1 << bits - 1) - 1)
    amount = y & bits - 1
    match operation:
        case _OP.ADD:
            result = x + y
        case _OP.SUB:
            result = x - y
        case _OP.ADDS | _OP.ADDSU:
            result = np.clip(x + y, low, high)
        case _OP.SUBS | _OP.SUBSU:
            result = np.clip(x - y, low, high)
        case _OP.MUL:
            result = x * y
        case _OP.MULH:
            result = x * y >> bits
        case _OP.MULHU:
            result = (x.astype(np.uint64) * y.astype(np.uint64)) >> np.uint64(bits)
        case _OP.SLL:
            result = x << amount
        case _OP.SRL:
            result = a.astype(np.int64) >> amount
        case _OP.SRA:
            result = x >> amount
        case _OP.AND:
            result = x & y
        case _OP.OR:
            result = x | y
        case _OP.XOR:
            result = x ^ y
        case _OP.EQ:
            result = -(x == y).astype(np.int64)
        case _OP.LT | _OP.LTU:
            result = -(x < y).astype(np.int64)
        case _OP.LE | _OP.LEU:
            result = -(x <= y).astype(np.int64)
        case _OP.MIN | _OP.MINU:
            result = np.minimum(x, y)
        case _:
            result = np.maximum(x, y)
    return (result & np.array((1 << bits) - 1, result.dtype)).astype(a.dtype)
