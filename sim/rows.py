"""Softmax and layer normalisation on one node, and what must come out of them bit for bit.

The kernels are sw/kernels/softmax.c and layer_norm.c. A matrix of FP32 bits, [rows, columns], goes through the node
with as many rows side by side as a vector register has lanes.
The expected results are worked out from `sim.numerics` alone, in the order of the kernels' operations.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hdl.arith.operations import EstimateOperation, FloatOperation
from hdl.config import Config

from . import software
from .errors import SimulationError
from .job import Job, Result
from .measure import spent_cycles
from .numerics import Fp32, float_operation
from .numerics.estimates import estimate

_OP = FloatOperation

#: Lines that the kernels take at a time (ROWS_UNROLL of sw/kernels/rows.h).
UNROLL = 8

LOG2_E = math.log2(math.e)
EPSILON = 1e-5


def _bits(value: float) -> int:
    return int(np.float32(value).view(np.uint32))


def _constant(value: float, like: Fp32) -> Fp32:
    return np.full_like(like, _bits(value))


def _do(operation: FloatOperation, a: Fp32, b: Fp32, c: Fp32 | None = None) -> Fp32:
    return float_operation(operation, np.broadcast_to(a, b.shape) if a.size < b.size else a,
                           np.broadcast_to(b, a.shape) if b.size < a.size else b, c).bits


def _fold(operation: FloatOperation, gathered: Fp32) -> Fp32:
    """[rows, UNROLL] to [rows, 1]: halves, again and again."""
    while (count := gathered.shape[1]) > 1:
        gathered = _do(operation, gathered[:, :count // 2], gathered[:, count // 2:])
    return gathered


def _gather(gathered: Fp32, turns: Fp32, operation: Callable[[Fp32, Fp32], Fp32]) -> Fp32:
    for start in range(0, turns.shape[1], UNROLL):
        gathered = operation(gathered, turns[:, start:start + UNROLL])
    return gathered


def softmax(x: Fp32) -> Fp32:
    """What sw/kernels/softmax.c makes of [rows, columns]."""
    largest = _fold(_OP.MAX, _gather(x[:, :UNROLL], x[:, UNROLL:], lambda a, b: _do(_OP.MAX, a, b)))
    exponents = _do(_OP.MUL, _do(_OP.SUB, x, largest), _constant(LOG2_E, x))
    powers = estimate(EstimateOperation.EXP2, exponents).bits
    total = _fold(_OP.ADD, _gather(np.zeros_like(x[:, :UNROLL]), powers, lambda a, b: _do(_OP.ADD, a, b)))
    inverse = estimate(EstimateOperation.RECIPROCAL, total).bits
    inverse = _do(_OP.MUL, inverse, _do(_OP.NMSUB, total, inverse, _constant(2, total)))
    return _do(_OP.MUL, powers, inverse)


def layer_norm(x: Fp32, factors: Fp32, terms: Fp32) -> Fp32:
    """What sw/kernels/layer_norm.c makes of [rows, columns], with `factors` and `terms` of [columns]."""
    total = _fold(_OP.ADD, _gather(x[:, :UNROLL], x[:, UNROLL:], lambda a, b: _do(_OP.ADD, a, b)))
    inverse = _constant(1 / x.shape[1], total)
    centred = _do(_OP.SUB, x, _do(_OP.MUL, total, inverse))
    squares = _fold(_OP.ADD, _gather(
        np.zeros_like(x[:, :UNROLL]), centred, lambda a, b: _do(_OP.MADD, b, b, a)))
    scale = estimate(EstimateOperation.RECIPROCAL_SQRT,
                     _do(_OP.MADD, squares, inverse, _constant(EPSILON, total))).bits
    scaled = _do(_OP.MUL, centred, scale)
    return _do(_OP.MADD, scaled, np.broadcast_to(factors, x.shape), np.broadcast_to(terms, x.shape))


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A kernel on all rows of a matrix, as a job for one node.

    Attributes
    ----------
    kernel : str
        "softmax" or "layer_norm".
    x : uint32 array [rows, columns]
        FP32 bits; rows a multiple of the lanes, columns of `UNROLL`, at least two of these.
    config : Config
        A single node.
    factors, terms : uint32 arrays [columns]
        Of the layer normalisation.

    Raises
    ------
    SimulationError
        If the matrix has another shape or does not fit.
    """

    kernel: str
    x: Fp32
    config: Config
    factors: Fp32 | None = None
    terms: Fp32 | None = None

    def job(self) -> Job:
        """Load, start, read."""
        config = self.config
        rows, columns = self.x.shape
        if rows % config.lanes or columns % UNROLL or columns < 2 * UNROLL:
            raise SimulationError(
                f"{self.kernel} takes a multiple of {config.lanes} rows and of {UNROLL} columns, at least "
                f"{2 * UNROLL}, not {rows} x {columns}")
        program = software.program(f"kernels/{self.kernel}.c", config=config)
        groups = self.x.reshape(-1, config.lanes, columns).transpose(0, 2, 1)
        data = groups.astype("<u4").tobytes()
        weights = b""
        if self.factors is not None and self.terms is not None:
            pairs = np.stack([self.factors, self.terms], axis=1).astype("<u4")
            weights = np.repeat(pairs[:, :, None], config.lanes, axis=2).tobytes()
        x_address = program.symbols["d1_free"]
        y_address = x_address + len(data)
        weights_address = y_address + len(data)
        free = program.symbols["d1_stacks"] - weights_address
        if len(weights) > free:
            raise SimulationError(
                f"{rows} x {columns} does not fit in a node of {config.name}, which has {config.sram_bytes:,} bytes: "
                f"{len(weights) - free:,} are missing; take fewer rows at a time")
        parameters = struct.pack("<5Q2I", x_address, y_address, len(groups), columns * config.vector_bytes,
                                 weights_address, _bits(1 / columns), _bits(EPSILON))
        node = (0, 1)
        return Job(
            name=self.kernel, config=config, programs={node: program}, done=[node],
            start=[(node, thread) for thread in range(config.threads)], max_cycles=100 * len(data) + 20_000,
            data=[(node, program.symbols["job"], parameters), (node, x_address, data),
                  (node, weights_address, weights)],
            reads=[(node, y_address, len(data)), (node, program.symbols["spent"], config.threads * 16)])

    def expected(self) -> Fp32:
        """[rows, columns]."""
        if self.factors is not None and self.terms is not None:
            return layer_norm(self.x, self.factors, self.terms)
        return softmax(self.x)

    def y(self, result: Result) -> Fp32:
        """[rows, columns]."""
        groups = np.frombuffer(result.reads[0], "<u4").reshape(-1, self.x.shape[1], self.config.lanes)
        return groups.transpose(0, 2, 1).reshape(self.x.shape).astype(np.uint32)

    def phase(self, result: Result) -> int:
        """Cycles from the first thread's start to the last one's end."""
        return spent_cycles(result.reads[1:])
