"""Softmax and layer normalisation: on the golden model and in RTL, bit for bit, and close to what they stand for."""

import numpy as np
import pytest

from hdl.config import D1, SIM, Config
from sim.errors import SimulationError
from sim.job import run_model
from sim.rows import Rows
from sim.rtl import run_rtl

NODE = SIM.with_mesh(columns=1, rows=1)


def floats(*shape: int) -> np.ndarray:
    """Random numbers as FP32 bits."""
    return np.random.default_rng([1, *shape]).normal(size=shape).astype(np.float32).view(np.uint32)


def work(kernel: str, shape: tuple[int, int], config: Config = NODE) -> Rows:
    weights = {"factors": floats(shape[1]), "terms": floats(shape[1])[::-1]} if kernel == "layer_norm" else {}
    return Rows(kernel=kernel, x=floats(*shape), config=config, **weights)


@pytest.mark.parametrize("config", [NODE, D1], ids=lambda config: config.name)
@pytest.mark.parametrize("shape", [(16, 16), (48, 24), (80, 40)])
@pytest.mark.parametrize("kernel", ["softmax", "layer_norm"])
def test_kernels_on_the_model(kernel, shape, config):
    rows = work(kernel, shape, config)
    result = run_model(rows.job())
    result.check()
    assert (rows.y(result) == rows.expected()).all()


@pytest.mark.parametrize("kernel", ["softmax", "layer_norm"])
def test_kernels_in_rtl(kernel):
    rows = work(kernel, (64, 32), SIM)
    result = run_rtl(rows.job())
    result.check()
    assert (rows.y(result) == rows.expected()).all()


def test_softmax_is_one():
    """Each row's powers add up to 1 within the roundings of its columns and of the reciprocal."""
    total = work("softmax", (64, 128)).expected().view(np.float32).astype(float).sum(axis=1)
    assert (np.abs(total - 1) < 2.0**-20).all()


def test_layer_norm_centres():
    rows = work("layer_norm", (64, 128))
    x = rows.x.view(np.float32).astype(float)
    plain = Rows(kernel="layer_norm", x=rows.x, config=NODE,
                 factors=np.full(128, 0x3F800000, np.uint32), terms=np.zeros(128, np.uint32))
    y = plain.expected().view(np.float32)
    exact = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    assert (np.abs(y - exact) < 2.0**-20 * np.abs(exact).max()).all()


@pytest.mark.parametrize(("shape", "words"), [
    ((15, 16), "multiple of 16 rows"), ((16, 8), "at least 16"), ((16, 20), "of 8 columns"),
    ((512, 64), "does not fit"),
])
def test_shapes_that_are_refused(shape, words):
    with pytest.raises(SimulationError, match=words) as refusal:
        work("softmax", shape).job()
    assert f"{shape[0]} x {shape[1]}" in str(refusal.value)
