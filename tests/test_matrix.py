"""Runs the benches of `verif/matrix`."""

from itertools import product

import numpy as np
import pytest

from hdl.config import PRESETS, ULX3S
from hdl.core.accumulator import Accumulators
from hdl.core.dot_product import DotProduct
from hdl.core.matrix import MatrixUnit
from hdl.core.matrix_element import MatrixElement
from hdl.core.matrix_loader import MatrixLoader
from hdl.core.matrix_operand import MatrixOperand
from hdl.core.matrix_reader import MatrixReader
from hdl.core.matrix_serial import SerialMatrixUnit
from hdl.core.result import ResultQueue
from hdl.number_formats import Denormals, Format
from sim.build import build, new_seed, run
from sim.numerics import OPERAND_FORMATS, matrix_operand
from sim.rtl import REPEATED
from verif import batch
from verif.matrix import mass, parts
from verif.numbers import matrix_accuracy


@pytest.fixture
def rng() -> np.random.Generator:
    seed = new_seed()
    print(f"replay with SEED={seed}")
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name, cfloat8", [("SIM", True), ("ULX3S", True), ("ULX3S", False)])
def test_matrix_unit(name, cfloat8):
    model = build(MatrixUnit(config=PRESETS[name], cfloat8=cfloat8), name=f"matrix_{name}", no_inline=REPEATED)
    run(model, bench="verif.matrix.bench", CONFIG=name, CFLOAT8=int(cfloat8))


def test_serial_matrix_unit():
    model = build(SerialMatrixUnit(config=ULX3S), name="matrix_serial", no_inline=REPEATED)
    run(model, bench="verif.matrix.bench", CONFIG="ULX3S", CFLOAT8=0, SERIAL=1)


@pytest.mark.parametrize("depth, accumulators", [(1, 1), (4, 2), (8, 3)])
def test_matrix_element(depth, accumulators, rng):
    unit = batch.build(MatrixElement(depth=depth, accumulators=accumulators), name=f"element_{depth}_{accumulators}",
                       latency=MatrixElement.LATENCY)
    assert parts.element_errors(unit, rng, depth=depth, accumulators=accumulators) == 0


def test_operands_of_every_format(rng):
    unit = batch.build(MatrixOperand(), name="matrix_operand", latency=MatrixOperand.LATENCY)
    assert parts.operand_errors(unit, rng) == 0


def test_loads(rng):
    unit = batch.build(MatrixLoader(), name="matrix_loader", latency=MatrixLoader.LATENCY)
    assert parts.loader_errors(unit, rng) == 0


@pytest.mark.parametrize("depth", [4, 8])
def test_reads(depth, rng):
    unit = batch.build(MatrixReader(depth=depth), name=f"matrix_reader_{depth}", latency=MatrixReader.LATENCY)
    assert parts.reader_errors(unit, rng, depth=depth) == 0


@pytest.fixture(scope="module")
def unit():
    return batch.build(MatrixUnit(config=ULX3S), name="matrix_batch_ULX3S", latency=mass.LATENCY)


def test_chains(unit, rng):
    assert mass.chain_errors(unit, ULX3S, rng, chains=4000, steps=12) == 0


@pytest.mark.parametrize("codes", list(product(OPERAND_FORMATS[1:], repeat=2)))
def test_products_of_cfloat8(unit, codes):
    for biases, rules in (((0, 63), (Denormals.TESLA, Denormals.IEEE)), ((63, 63), (Denormals.IEEE, Denormals.TESLA)),
                          ((15, 7), (Denormals.TESLA, Denormals.TESLA))):
        assert mass.product_errors(unit, ULX3S, codes=codes, biases=biases, rules=rules) == 0


def test_errors_keep_to_their_bound_and_are_below_those_of_fmas():
    rng = np.random.default_rng(5)
    assert 0.3 < matrix_accuracy.search(rng, depth=4, steps=4, chains=64, rounds=10) < 1
    for spread, cancelling in product((4, 16, 40), (False, True)):
        ours, theirs = matrix_accuracy.beside_fma(
            rng, depth=4, steps=32, chains=100, spread=spread, cancelling=cancelling)
        assert ours < theirs


@pytest.mark.parametrize("code, named, said", [
    (Format.SHP, {}, "a matrix operand cannot be SHP; it can be BF16, CFLOAT8_1_4_3, CFLOAT8_1_5_2"),
    (6, {}, "format code 6 is undefined"),
    (Format.CFLOAT8_1_4_3, {"bias": 64}, "a bias must be an integer from 0 to 63, not .*64"),
    (Format.CFLOAT8_1_5_2, {"half": 2}, "the half of a register must be 0 or 1, not 2")])
def test_operands_that_there_are_not(code, named, said):
    with pytest.raises(ValueError, match=said):
        matrix_operand(bytes(16), (2, 2), code, **named)


def test_sizes_that_cannot_be_built():
    with pytest.raises(ValueError, match="depth of a dot product must be 1, 2, 4 or 8, not 3"):
        DotProduct(depth=3)
    with pytest.raises(ValueError, match="1 accumulator or more, not 0"):
        Accumulators(count=0, depth=4)
    with pytest.raises(ValueError, match="config 'SIM' has a matrix unit that is not serial"):
        SerialMatrixUnit(config=PRESETS["SIM"])
    with pytest.raises(ValueError, match="latency must be 0 or more cycles, not -1"):
        ResultQueue(config=PRESETS["SIM"], latency=-1)
