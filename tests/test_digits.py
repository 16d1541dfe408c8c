"""The digits job: on the golden model, in RTL, and what its command says."""

import numpy as np
import pytest

from hdl.config import SIM, ULX3S
from sim import digits, numerics
from sim.__main__ import main
from sim.errors import SimulationError
from sim.heatmap import links
from sim.job import run_model
from sim.rtl import run_rtl
from sw.digits import train

PIXELS, LABELS = train.test_images()
IMAGES = numerics.bf16_from_values(PIXELS.T)
NETWORK = digits.Network.trained()


def test_test_images_are_not_trained_on():
    pixels, _ = train.images()
    assert len(pixels) - len(PIXELS) == 1797 - 512
    assert (pixels[-512:] == PIXELS).all()


def test_stored_weights_are_what_training_gives_and_good_enough():
    # One epoch: the whole training takes seconds, and its last bits may depend on NumPy's BLAS.
    assert {name: value.shape for name, value in train.train(epochs=1).items()} == {
        "w1": (64, 64), "b1": (64,), "w2": (64, 10), "b2": (10,)}
    logits = digits.expected_logits(NETWORK, IMAGES, SIM).view(np.float32)
    assert (logits.argmax(axis=0) == LABELS).mean() >= 0.95


@pytest.mark.parametrize(("config", "count"), [
    (SIM, 512), (SIM, 1), (SIM, 100), (ULX3S, 24), (SIM.with_mesh(columns=1, rows=1), 33),
    (SIM.with_mesh(columns=3, rows=2), 100), (SIM.with_mesh(columns=3, rows=1), 64),
], ids=lambda value: f"{value.name}-{value.columns}x{value.rows}" if hasattr(value, "name") else None)
def test_logits_on_the_model(config, count):
    work = digits.Digits(NETWORK, IMAGES[:, :count], config)
    result = run_model(work.job)
    result.check()
    assert (work.logits(result) == digits.expected_logits(NETWORK, IMAGES[:, :count], config)).all()


def test_too_many_images_for_the_memory():
    with pytest.raises(SimulationError, match=r"512 images do not fit in a mesh of 2 x 2 nodes: a node needs [\d,]+ "):
        digits.Digits(NETWORK, IMAGES, ULX3S)


def test_logits_and_counters_in_rtl():
    work = digits.Digits(NETWORK, IMAGES[:, :128], SIM)
    result = run_rtl(work.job)
    result.check()
    assert (work.logits(result) == digits.expected_logits(NETWORK, IMAGES[:, :128], SIM)).all()
    # 8 strips of 16 images, 16 steps of 4 accumulators each, for 4 strips of hidden units and one of digits.
    assert sum(counters["MATRIX_STEPS"] for counters in result.counters.values()) == 8 * 16 * 4 * 5
    assert all(counters["ERRORS"] == 0 for counters in result.counters.values())
    # A panel of 41 lines goes to each of the three other nodes, X first. Host packets take none of these links.
    flits = links(result, SIM)
    assert flits[(0, 2), (1, 2)] == flits[(1, 2), (1, 1)] == 2 * 41
    assert 0 < work.phase(result) < (result.cycles or 0)


def test_command_in_rtl(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "HEATMAP", tmp_path / "heatmap.png")
    monkeypatch.setattr(digits, "ROOT", tmp_path)
    assert main(["digits", "--images", "32"]) == 0
    said = capsys.readouterr().out
    assert "RTL bit-exact" in said
    assert said.count("yes (320 logits)") == 2
    assert (tmp_path / "heatmap.png").read_bytes().startswith(b"\x89PNG")


def test_command_reports_a_difference(capsys, monkeypatch):
    right = digits.expected_logits

    def wrong(*arguments):
        logits = right(*arguments)
        logits[9, 31] ^= 1
        return logits

    monkeypatch.setattr(digits, "expected_logits", wrong)
    assert main(["digits", "--images", "32", "--model"]) == 1
    assert "NO (320 logits)" in capsys.readouterr().out


def test_command_refuses_a_wrong_number_of_images(capsys):
    assert main(["digits", "--images", "513", "--model"]) != 0
    assert "--images must lie in 1 .. 512, not 513" in capsys.readouterr().err
