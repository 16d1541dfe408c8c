"""Packed strips: how matrices lie in a node's SRAM. sw/kernels/gemm.h describes the layout.

Operands are BF16, as uint16, or codes of CFloat8, as uint8.

Packing pads with +0 to whole strips and to a whole number of the kernel's unrolled steps. That changes no result, since
both factors of a padded product are 0.
"""

from itertools import pairwise
from math import ceil

import numpy as np

from hdl.config import OPERAND_BYTES, Config

from .numerics import Bf16, Fp32
from .numerics.formats import Codes

#: Steps of the kernel's loop (GEMM_UNROLL of sw/kernels/gemm.h).
UNROLL = 4


def steps(depth: int, config: Config) -> int:
    """Steps of a product whose inner dimension is `depth`."""
    return ceil(depth / (UNROLL * config.k)) * UNROLL


def strip_bytes(depth: int, config: Config, *, operand_bytes: int = OPERAND_BYTES) -> int:
    """Bytes of a strip of A or B: a step of BF16 takes two lines, one of CFloat8 takes one."""
    return steps(depth, config) * operand_bytes * config.vector_bytes


def block_bytes(config: Config) -> int:
    """Bytes of a block of C: 2 x 2 accumulators."""
    return 4 * config.parts * config.vector_bytes


def row_strips(rows: int, config: Config) -> int:
    """Strips of A that hold `rows` rows."""
    return ceil(rows / (2 * config.m))


def column_strips(columns: int, config: Config) -> int:
    """Strips of B that hold `columns` columns."""
    return ceil(columns / (2 * config.n))


def cuts(count: int, parts: int) -> list[range]:
    """`count` things in `parts` contiguous parts that differ by at most one."""
    edges = [ceil(count * part / parts) for part in range(parts + 1)]
    return [range(start, end) for start, end in pairwise(edges)]


def _lines(blocks: np.ndarray, config: Config) -> bytes:
    """Blocks to lines that they need not fill: one of BF16 to a line, or two of CFloat8."""
    blocks_of_line = OPERAND_BYTES // blocks.itemsize
    filled = blocks.astype(blocks.dtype.newbyteorder("<")).reshape(
        -1, blocks_of_line * blocks.shape[-1] * blocks.shape[-2])
    spare = config.vector_bytes // blocks.itemsize - filled.shape[1]
    return np.pad(filled, ((0, 0), (0, spare))).tobytes()


def pack_a(a: Bf16 | Codes, config: Config) -> bytes:
    """Strips of A, [rows, depth]."""
    rows, depth = a.shape
    strips, step_count = row_strips(rows, config), steps(depth, config)
    a = np.pad(a, ((0, strips * 2 * config.m - rows), (0, step_count * config.k - depth)))
    return _lines(a.reshape(strips, 2, config.m, step_count, config.k).transpose(0, 3, 1, 2, 4), config)


def pack_b(b: Bf16 | Codes, config: Config) -> bytes:
    """Strips of B, [depth, columns]."""
    depth, columns = b.shape
    strips, step_count = column_strips(columns, config), steps(depth, config)
    b = np.pad(b, ((0, step_count * config.k - depth), (0, strips * 2 * config.n - columns)))
    return _lines(b.reshape(step_count, config.k, strips, 2, config.n).transpose(2, 0, 3, 1, 4), config)


def unpack_c(data: bytes, *, rows: int, columns: int, config: Config) -> Fp32:
    """C, uint32 [rows, columns], from its blocks, row strip by row strip."""
    shape = (row_strips(rows, config), column_strips(columns, config), 2, 2, config.m, config.n)
    blocks = np.frombuffer(data, "<u4").reshape(shape)
    return blocks.transpose(0, 2, 4, 1, 3, 5).reshape(shape[0] * 2 * config.m, -1)[:rows, :columns].astype(np.uint32)
