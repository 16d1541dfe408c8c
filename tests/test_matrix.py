"""Runs the benches of `verif/matrix`."""

import pytest

from hdl.config import PRESETS
from hdl.core.accumulator import Accumulators
from hdl.core.dot_product import DotProduct
from hdl.core.matrix import MatrixUnit
from hdl.core.matrix_element import MatrixElement
from hdl.core.result import ResultQueue
from sim.build import build, run


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_matrix_unit(name):
    model = build(MatrixUnit(config=PRESETS[name]), name=f"matrix_{name}",
                  no_inline=("d1_matrix_element", "d1_matrix_reader", "d1_matrix_operand", "d1_matrix_loader"))
    run(model, bench="verif.matrix.bench", CONFIG=name)


@pytest.mark.parametrize("depth, accumulators", [(1, 1), (2, 8), (4, 2), (8, 3)])
def test_matrix_element(depth, accumulators):
    model = build(MatrixElement(depth=depth, accumulators=accumulators), name=f"element_{depth}_{accumulators}")
    run(model, bench="verif.matrix.element", DEPTH=depth, ACCUMULATORS=accumulators)


def test_sizes_that_cannot_be_built():
    with pytest.raises(ValueError, match="depth of a dot product must be 1, 2, 4 or 8, not 3"):
        DotProduct(depth=3)
    with pytest.raises(ValueError, match="1 accumulator or more, not 0"):
        Accumulators(count=0, depth=4)
    with pytest.raises(ValueError, match="latency must be 0 or more cycles, not -1"):
        ResultQueue(config=PRESETS["SIM"], latency=-1)
