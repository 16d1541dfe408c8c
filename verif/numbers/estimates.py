"""Operands that show all that the estimator can do, and how far its estimates are from the truth."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hdl.arith.operations import EstimateOperation
from sim import numerics

from .lanes import Vectors, Words

#: The largest errors that docs/numerics.md states, in ulp.
LIMITS = {
    EstimateOperation.RECIPROCAL: 2.6,
    EstimateOperation.RECIPROCAL_SQRT: 1.3,
    EstimateOperation.EXP2: 1.5,
    EstimateOperation.LOG2: 1.1,
}

#: Signs and exponents, with all significands of which everything else follows. 1 / x: elsewhere the same bits with
#: another exponent; at 126 and 127 results become subnormal. 1 / sqrt(x): an even and an odd one, from subnormals, too.
#: 2^x: in the larger orders every fraction occurs, in the smaller ones x is rounded, to 0 at last. log2: the absolute
#: error is the same for all exponents, the ulp smallest around 1.
ORDERS = {
    EstimateOperation.RECIPROCAL: [(0, 0), (1, 125), (0, 126), (1, 127)],
    EstimateOperation.RECIPROCAL_SQRT: [(0, 0), (0, 1), (0, -127)],
    EstimateOperation.EXP2: [(0, 0), (1, 0), (0, -1), (1, -1), (1, -24), (0, 6), (1, 6), (1, 7)],
    EstimateOperation.LOG2: [(0, -2), (0, -1), (0, 0), (0, 1)],
}

FRACTIONS = 1 << 23

#: Around 1, where log2 is small and keeps its lowest bits.
_AROUND_ONE = np.arange(0x3F800000 - 1024, 0x3F800000 + 1024, dtype=np.uint32)

#: Zeros, subnormals, bounds, infinities and NaNs, and where 2^x begins to be subnormal, 0 or infinite.
_BOUNDS = np.array([sign << 31 | bits for sign in (0, 1) for bits in (
    0x00000000, 0x00000001, 0x00000002, 0x003FFFFF, 0x00400000, 0x007FFFFF, 0x00800000, 0x00800001, 0x33000000,
    0x33000001, 0x33800000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FBFFFFF, 0x3FC00000, 0x42FBFFFF, 0x42FC0000,
    0x42FDFFFF, 0x42FE0000, 0x42FFFFFF, 0x43000000, 0x43150000, 0x43158000, 0x43160000, 0x43160001, 0x437FFFFF,
    0x43800000, 0x7E800000, 0x7EFFFFFF, 0x7F000000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF)],
    np.uint32)

#: Operands that are tried whatever the stride.
SPECIAL = np.concatenate([_BOUNDS, _AROUND_ONE])


def operands(operation: EstimateOperation, *, stride: int = 1, chunk: int = 1 << 20) -> Iterator[Words]:
    """The numbers of `ORDERS` with every `stride`-th fraction, in arrays of at most `chunk`."""
    for sign, exponent in ORDERS[operation]:
        for start in range(0, FRACTIONS, chunk * stride):
            fractions = np.arange(start, min(start + chunk * stride, FRACTIONS), stride).astype(np.uint32)
            if exponent == -127:  # subnormal
                yield fractions | np.uint32(sign << 31)
            else:
                yield fractions | np.uint32(sign << 31 | exponent + 127 << 23)


def ulps(operation: EstimateOperation, x: Words, estimate: Words) -> NDArray[np.float64]:
    """How far estimates are from the exact results; 0 where either is not finite or the operation is undefined."""
    with np.errstate(all="ignore"):
        number = x.view(np.float32).astype(np.longdouble)
        match operation:
            case EstimateOperation.RECIPROCAL:
                exact = 1 / number
            case EstimateOperation.RECIPROCAL_SQRT:
                exact = 1 / np.sqrt(number)
            case EstimateOperation.EXP2:
                exact = np.exp2(number)
            case _:
                exact = np.log2(number)
        _, order = np.frexp(np.abs(exact))
        ulp = np.ldexp(np.longdouble(1), np.maximum(order - 24, -149))
        error = np.abs(estimate.view(np.float32).astype(np.longdouble) - exact) / ulp
    return np.where(np.isfinite(exact) & np.isfinite(error), error, 0).astype(np.float64)


def vectors(operation: EstimateOperation, x: Words) -> Vectors:
    """What the model says to rows of the estimator."""
    result = numerics.estimate(operation, x)
    return Vectors({"operation": np.full(len(x), operation, np.uint8), "x": x},
                   {"o": result.bits, "flags": result.flags})
