"""The proofs that take seconds, and whether a proof can fail."""

# pyright: reportAttributeAccessIssue=none

from typing import Literal

import pytest
from amaranth.hdl import Assert, Assume, Cover, Module, Signal
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
           engine: Literal["z3", "abc", "pdr"] = "z3") -> Proof:
    return Proof(name=f"test_{name}", states="a sum is below its limit", mode=mode, depth=1, engine=engine,
                 component=lambda: _Sum(below=below, reaches=reaches))


def test_what_is_true_is_proved():
    assert _proof("true", "prove").run() > 0
    assert _proof("reached", "cover").run() > 0
    assert _proof("true_abc", "bmc", engine="abc").run() > 0


@pytest.mark.parametrize("mode, engine", [("prove", "z3"), ("bmc", "z3"), ("prove", "abc"), ("bmc", "abc"),
                                          ("prove", "pdr")])
def test_what_is_wrong_is_not_proved(mode, engine):
    with pytest.raises(ProofFailed, match="not proved: a sum is below its limit"):
        _proof(f"wrong_{mode}_{engine}", mode, below=30, engine=engine).run()


class _Counter(wiring.Component):
    """States that a counter of even steps, from 0 or from 1, never reaches a number."""

    def __init__(self, *, start: int, number: int):
        self.start = start
        self.number = number
        super().__init__({"step": In(4)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(4, init=self.start)
        m.d.sync += count.eq(count + self.step)
        m.d.comb += [Assume(~self.step[0], "even"), Assert(count != self.number, "missed"),
                     Assert(count[0] == self.start, "as at the start")]
        return m


def _counts(name: str, mode, engine: Literal["z3", "abc", "pdr"], *, start: int) -> Proof:
    return Proof(name=f"test_{name}_{mode}_{engine}", states="a counter misses 3", mode=mode, depth=2, engine=engine,
                 component=lambda: _Counter(start=start, number=3))


@pytest.mark.parametrize("mode, engine", [("prove", "z3"), ("bmc", "z3"), ("prove", "abc"), ("bmc", "abc"),
                                          ("prove", "pdr")])
def test_assumptions_and_states_count(mode, engine):
    _counts("even", mode, engine, start=0).run()
    with pytest.raises(ProofFailed, match="not proved: a counter misses 3"):
        _counts("odd", mode, engine, start=1).run()


def test_abc_does_not_cover():
    with pytest.raises(ValueError, match="proof 'test_reached': engine 'abc' does not do 'cover'"):
        _proof("reached", "cover", engine="abc")


def test_what_cannot_be_reached_is_not_covered():
    with pytest.raises(ProofFailed, match="not proved"):
        _proof("unreachable", "cover", reaches=31).run()
