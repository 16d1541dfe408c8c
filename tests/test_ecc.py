"""The error-correcting code: model and hardware against its definition and against each other."""

# pyright: reportAttributeAccessIssue=none

from itertools import combinations

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.mem import ecc as hardware
from sim import ecc
from sim.build import new_seed
from verif import batch

BITS = ecc.DATA_BITS + ecc.CHECK_BITS
CORNERS = np.array([0, 2**64 - 1, 0x5555555555555555, 0xAAAAAAAAAAAAAAAA, 1, 1 << 63], np.uint64)


class Encoder(wiring.Component):
    def __init__(self):
        super().__init__({"i": In(64), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(hardware.encode(self.i))
        return m


def words(count: int) -> np.ndarray:
    seed = new_seed()
    print(f"replay with SEED={seed}")
    generator = np.random.default_rng(seed)
    return np.concatenate([CORNERS, generator.integers(0, 2**64, count, np.uint64)])


@pytest.fixture(scope="module")
def decoder():
    unit = batch.build(hardware.Decoder(), name="ecc_decoder", latency=0)

    def decode(data, check):
        packed = np.empty((len(data), 3), np.uint32)
        packed[:, 0], packed[:, 1], packed[:, 2] = data & np.uint64(2**32 - 1), data >> np.uint64(32), check
        out = unit(i=packed)
        return out["o"], out["corrected"].astype(bool), out["uncorrectable"].astype(bool)

    return decode


def test_columns_are_what_a_code_needs():
    """All are different and odd, so that no two of them look like a third or like none; rows are balanced."""
    columns = [int(column) for column in ecc.COLUMNS] + [1 << row for row in range(8)]
    assert len(set(columns)) == BITS
    assert all(column.bit_count() % 2 for column in columns)
    assert {sum(column >> row & 1 for column in columns) for row in range(8)} == {27}


def test_hardware_encodes_like_the_model():
    data = np.concatenate([words(200_000), np.uint64(1) << np.arange(64, dtype=np.uint64)])
    unit = batch.build(Encoder(), name="ecc_encoder", latency=0)
    assert (unit(i=data)["o"] == ecc.encode(data)).all()


@pytest.mark.parametrize("errors", [0, 1, 2])
def test_every_pattern_of_up_to_two_errors(decoder, errors):
    """No, single and double errors at every place, in the model and in hardware."""
    patterns = [sum(1 << bit for bit in bits) for bits in combinations(range(BITS), errors)]
    data = np.tile(words(60), len(patterns))
    repeated = len(data) // len(patterns)
    wrong = (data ^ np.repeat(np.array([pattern % 2**64 for pattern in patterns], np.uint64), repeated),
             ecc.encode(data) ^ np.repeat(np.array([pattern >> 64 for pattern in patterns], np.uint8), repeated))
    for decode in (ecc.decode, decoder):
        corrected_data, corrected, uncorrectable = decode(*wrong)
        assert (corrected == (errors == 1)).all()
        assert (uncorrectable == (errors == 2)).all()
        if errors < 2:
            assert (corrected_data == data).all()


def test_hardware_decodes_anything_like_the_model(decoder):
    """Codes with any number of errors, most of them with many."""
    data = words(300_000)
    generator = np.random.default_rng(int(data[-1] % 2**32))
    check = generator.integers(0, 256, len(data), np.uint8)
    few = generator.integers(0, 2, len(data)).astype(bool)
    check = np.where(few, ecc.encode(data) ^ check & generator.integers(0, 256, len(data), np.uint8), check)
    (corrected_data, corrected, uncorrectable), expected = decoder(data, check), ecc.decode(data, check)
    assert (corrected == expected[1]).all()
    assert (uncorrectable == expected[2]).all()
    assert (corrected_data == expected[0])[~uncorrectable].all()
    assert corrected.any() and uncorrectable.any() and (~corrected & ~uncorrectable).any()
