"""Runs the benches of `verif/vector`."""

import pytest

from hdl.arith.round import Rounder
from hdl.config import PRESETS
from hdl.core.vector import VectorUnit
from sim.build import build, run

LANES = ("d1_float_lane", "d1_integer_lane", "d1_converter", "d1_estimator")


@pytest.mark.parametrize("name", ["SIM", "ULX3S"])
def test_vector_unit(name):
    model = build(VectorUnit(config=PRESETS[name]), name=f"vector_{name}", no_inline=LANES)
    run(model, bench="verif.vector.bench", CONFIG=name)


def test_magnitudes_that_cannot_be_rounded():
    with pytest.raises(ValueError, match="26 bits or more, not 25"):
        Rounder(width=25)
