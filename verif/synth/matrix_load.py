"""Loads of the matrix unit whose power is measured."""

import os

import cocotb
import numpy as np

from hdl.config import PRESETS
from verif.matrix.bench import Bench, bench

CONFIG = PRESETS[os.environ["CONFIG"]]
CYCLES = int(os.environ["CYCLES"])


def bf16(numbers: np.ndarray) -> np.ndarray:
    """Numbers as BF16 bits, cut off."""
    return (numbers.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


@cocotb.test()
async def gemm(dut):
    """A step every cycle, in the order of the GEMM kernel, of normally distributed matrices.

    Each thread has 2 x 2 accumulators: two rows of blocks of A meet two columns of blocks of B.
    """
    tb = await bench(dut)
    rng = np.random.default_rng(1)
    rows, columns, depth = CONFIG.matrix
    while len(tb.waiting) < CYCLES:
        for thread in range(CONFIG.threads):
            a, b = (bf16(rng.normal(size=(2, *shape))) for shape in ((rows, depth), (depth, columns)))
            for index in range(4):
                tb.multiply((thread, index % CONFIG.accumulators), a[index // 2], b[index % 2])
    await tb.finish()


@cocotb.test()
async def idle(dut):
    tb: Bench = await bench(dut)
    await tb.stage.cycles(CYCLES)
