"""``python -m sim matmul``: the product of the user's matrices, computed by the mesh.

C = A x B is cut into blocks of 2 x 2 accumulators. Nodes form a grid over the blocks; each gets the strips of A and B
that its blocks need (`sim.packing`), and its threads share the blocks (sw/kernels/matmul.c). Values are rounded from
FP32 to BF16, to nearest even, before they are loaded. What the mesh gives is compared bit for bit with
`sim.numerics.matmul`.
"""

import argparse
import struct
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np

from hdl.config import Config
from hdl.number_formats import Format

from . import numerics, packing, software
from .commands import config_of
from .errors import SimulationError
from .job import Job, Node, Result, run_model
from .measure import rates, show, spent_cycles
from .numerics import Bf16, Fp32
from .numerics.formats import Codes
from .rtl import run_rtl


class MatrixError(SimulationError):
    """Matrices cannot be multiplied; the message says why in one line."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one node computes: strips of rows by strips of columns."""

    node: Node
    rows: range
    columns: range


class Product:
    """A product of matrices as a job for a mesh.

    Parameters
    ----------
    a : uint16 or uint8 array [m, k]
    b : array of the same type [k, n]
        Bits of BF16 or codes of CFloat8; any sizes from 1.
    config : Config
    cfloat8 : Format
        What uint8 operands are, with bias 0 and the denormals of Tesla.

    Raises
    ------
    MatrixError
        If a node's share does not fit in its SRAM, or its matrix unit does not take the operands.
    """

    def __init__(self, a: Bf16 | Codes, b: Bf16 | Codes, config: Config, *, cfloat8: Format = Format.CFLOAT8_1_4_3):
        self.a, self.b, self.config = a, b, config
        self.operand_bytes = a.itemsize
        self.mformat = 0
        macros = {}
        if self.operand_bytes == 1:
            if not config.cfloat8:
                raise MatrixError(f"nodes of {config.name} do not multiply CFloat8; use BF16, or another preset")
            self.mformat = cfloat8 | cfloat8 << 16
            macros = {"GEMM_CFLOAT8": 1}
        self.program = software.program("kernels/matmul.c", config=config, macros=macros)
        (self.rows, self.depth), self.columns = a.shape, b.shape[1]
        self.shares = self._best_shares()
        needed, free = max(map(self._bytes, self.shares)), self.program.symbols["d1_stacks"] - self._free
        if needed > free:
            raise MatrixError(
                f"{self.rows} x {self.depth} by {self.depth} x {self.columns} does not fit in a mesh of "
                f"{config.columns} x {config.rows} nodes: a node needs {needed:,} bytes and has {free:,} free of its "
                f"{config.sram_bytes:,}")

    @property
    def _free(self) -> int:
        """First address after the program."""
        return self.program.symbols["d1_free"]

    def _bytes(self, share: Share) -> int:
        strips = len(share.rows) + len(share.columns)
        return strips * self._strip_bytes + self._c_bytes(share)

    @property
    def _strip_bytes(self) -> int:
        return packing.strip_bytes(self.depth, self.config, operand_bytes=self.operand_bytes)

    def _c_bytes(self, share: Share) -> int:
        return len(share.rows) * len(share.columns) * packing.block_bytes(self.config)

    def _best_shares(self) -> list[Share]:
        """The grid of nodes that ends first; of those, the one that needs the least memory."""
        config = self.config
        nodes = config.coordinates()
        row_strips = packing.row_strips(self.rows, config)
        column_strips = packing.column_strips(self.columns, config)
        grids = []
        for high in (count for count in range(1, len(nodes) + 1) if len(nodes) % count == 0):
            areas = product(packing.cuts(row_strips, high), packing.cuts(column_strips, len(nodes) // high))
            grids.append([Share(node=node, rows=rows, columns=columns)
                          for node, (rows, columns) in zip(nodes, areas, strict=True) if rows and columns])

        def cost(shares: list[Share]) -> tuple[int, int]:
            turns = max(-(-len(share.rows) * len(share.columns) // config.threads) for share in shares)
            return turns, max(map(self._bytes, shares))

        return min(grids, key=cost)

    @cached_property
    def job(self) -> Job:
        """Load, start, read."""
        config, symbols = self.config, self.program.symbols
        strip = self._strip_bytes
        data, reads = [], []
        a_strips, b_strips = packing.pack_a(self.a, config), packing.pack_b(self.b, config)
        for share in self.shares:
            a = a_strips[share.rows.start * strip:share.rows.stop * strip]
            b = b_strips[share.columns.start * strip:share.columns.stop * strip]
            a_address, b_address, c_address = self._free, self._free + len(a), self._free + len(a) + len(b)
            down, right = divmod(config.threads, len(share.columns))
            blocks = len(share.rows) * len(share.columns)
            # A sixteenth of a block, when each thread has several.
            pause = packing.steps(self.depth, config) // 4 if blocks > config.threads else 0
            parameters = struct.pack(
                "<13Q", a_address, b_address, b_address, c_address, c_address, strip, len(b), down * strip,
                right * strip, config.threads * packing.block_bytes(config), blocks, pause, self.mformat)
            data += [(share.node, symbols["job"], parameters), (share.node, a_address, a), (share.node, b_address, b)]
            reads.append((share.node, c_address, self._c_bytes(share)))
        reads += [(share.node, symbols["spent"], config.threads * 16) for share in self.shares]
        nodes = [share.node for share in self.shares]
        issued = 12 * self.matrix_steps // len(nodes) + 20_000
        return Job(name="matmul", config=config, programs=dict.fromkeys(nodes, self.program), data=data, reads=reads,
                   start=[(node, thread) for node in nodes for thread in range(config.threads)], done=nodes,
                   max_cycles=20 * issued)

    @property
    def matrix_steps(self) -> int:
        """Matrix steps that all nodes take together, padding included."""
        blocks = sum(len(share.rows) * len(share.columns) for share in self.shares)
        return blocks * 4 * packing.steps(self.depth, self.config)

    def c(self, result: Result) -> Fp32:
        """The product, uint32 [m, n]."""
        config = self.config
        high, wide = 2 * config.m, 2 * config.n
        c = np.zeros((packing.row_strips(self.rows, config) * high, packing.column_strips(self.columns, config) * wide),
                     np.uint32)
        for share, data in zip(self.shares, result.reads, strict=False):
            rows = slice(share.rows.start * high, share.rows.stop * high)
            columns = slice(share.columns.start * wide, share.columns.stop * wide)
            c[rows, columns] = packing.unpack_c(
                data, rows=len(share.rows) * high, columns=len(share.columns) * wide, config=config)
        return c[:self.rows, :self.columns]

    def phase(self, result: Result) -> int:
        """Cycles from the first thread's start of its work to the last one's end."""
        return spent_cycles(result.reads[len(self.shares):])


def read_matrix(path: Path) -> np.ndarray:
    """A float32 matrix from a .npy file.

    Raises
    ------
    MatrixError
        If the file is missing or holds anything else; the message names what.
    """
    try:
        matrix = np.load(path, allow_pickle=False)
    except OSError as error:
        raise MatrixError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, EOFError) as error:
        raise MatrixError(f"{path}: not a .npy file of numbers: {error}") from error
    if not isinstance(matrix, np.ndarray):
        raise MatrixError(f"{path}: is an archive of arrays; a .npy file with one matrix is needed")
    if matrix.dtype != np.float32:
        raise MatrixError(f"{path}: holds {matrix.dtype}; float32 is needed")
    if matrix.ndim != 2:
        raise MatrixError(f"{path}: has {matrix.ndim} dimensions; a matrix has 2")
    if matrix.size == 0:
        raise MatrixError(f"{path}: is empty, {matrix.shape[0]} x {matrix.shape[1]}")
    return np.ascontiguousarray(matrix)


def command(arguments: argparse.Namespace) -> int:
    """Carry out ``python -m sim matmul``."""
    config = config_of(arguments)
    a, b = read_matrix(arguments.a), read_matrix(arguments.b)
    if a.shape[1] != b.shape[0]:
        raise MatrixError(f"{arguments.a} is {a.shape[0]} x {a.shape[1]}, {arguments.b} is {b.shape[0]} x "
                          f"{b.shape[1]}: the inner dimensions {a.shape[1]} and {b.shape[0]} differ")
    a, b = numerics.bf16_from_values(a), numerics.bf16_from_values(b)
    work = Product(a, b, config)
    if arguments.model:
        result, rows = run_model(work.job), []
    else:
        result = run_rtl(work.job, waves=arguments.waves)
        rows = rates(result, config, phase=work.phase(result))
    result.check()
    c = work.c(result)
    exact = bool((c == numerics.matmul(a, b, config)).all())
    np.save(arguments.output, c.view(np.float32))
    show(f"{work.rows} x {work.depth} by {work.depth} x {work.columns} on {len(work.shares)} of {config.nodes} nodes "
         f"of {config.name}", [("bit-exact", f"{'yes' if exact else 'NO'} ({c.size:,} elements)"), *rows,
                               ("result", str(arguments.output))])
    return 0 if exact else 1
