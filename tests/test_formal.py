"""The proofs that take seconds, and whether a proof can fail."""

# pyright: reportAttributeAccessIssue=none

from typing import Literal

import pytest
from amaranth.hdl import Assert, Cover, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from verif.formal import catalogue
from verif.formal.proof import Proof, ProofFailed


@pytest.mark.parametrize("proof", [proof for proof in catalogue.proofs() if proof.quick], ids=str)
def test_is_proved(proof):
    proof.run()


class _Sum(wiring.Component):
    """States that a sum of two 4-bit numbers stays below a limit, and that it reaches a value."""

    def __init__(self, *, below: int, reaches: int):
        self.below = below
        self.reaches = reaches
        super().__init__({"a": In(4), "b": In(4)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [Assert(self.a + self.b < self.below, "too large"),
                     Cover(self.a + self.b == self.reaches, "reached")]
        return m


def _proof(name: str, mode, *, below: int = 31, reaches: int = 30,
           engine: Literal["z3", "abc"] = "z3") -> Proof:
    return Proof(name=f"test_{name}", states="a sum is below its limit", mode=mode, depth=1, engine=engine,
                 component=lambda: _Sum(below=below, reaches=reaches))


def test_what_is_true_is_proved():
    assert _proof("true", "prove").run() > 0
    assert _proof("reached", "cover").run() > 0
    assert _proof("true_abc", "bmc", engine="abc").run() > 0


@pytest.mark.parametrize("mode, engine", [("prove", "z3"), ("bmc", "z3"), ("bmc", "abc")])
def test_what_is_wrong_is_not_proved(mode, engine):
    with pytest.raises(ProofFailed, match="not proved: a sum is below its limit"):
        _proof(f"wrong_{mode}_{engine}", mode, below=30, engine=engine).run()


def test_what_cannot_be_reached_is_not_covered():
    with pytest.raises(ProofFailed, match="not proved"):
        _proof("unreachable", "cover", reaches=31).run()
