"""The harness of the mass checks: vectors go through in order, faults are found, wrong arrays are refused."""

# pyright: reportAttributeAccessIssue=none

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.arith.integer_lane import IntegerUnit
from verif import batch, mutation, slices
from verif.numbers import campaign


class _Accumulate(wiring.Component):
    """Adds two numbers, one cycle later, and joins wide words; keeps the sum of all that came."""

    def __init__(self):
        super().__init__({"a": In(8), "b": In(8), "wide": In(96), "sum": Out(9), "total": Out(40), "flipped": Out(96)})

    def elaborate(self, platform):
        m = Module()
        total = Signal(40)
        m.d.sync += [self.sum.eq(self.a + self.b), total.eq(total + self.a), self.flipped.eq(~self.wide)]
        m.d.comb += self.total.eq(total)
        return m


class _Xor(wiring.Component):
    def __init__(self):
        super().__init__({"a": In(8), "b": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.a ^ self.b)
        return m


def test_rows_come_out_in_order_after_the_latency():
    unit = batch.build(_Accumulate(), name="test_accumulate", latency=1)
    generator = np.random.default_rng(1)
    a, b = (generator.integers(0, 256, 1000, dtype=np.uint8) for _ in range(2))
    wide = generator.integers(0, 1 << 32, (1000, 3), dtype=np.uint32)
    for _ in range(2):  # every call starts from reset
        out = unit(a=a, b=b, wide=wide)
        assert (out["sum"] == a.astype(int) + b).all()
        assert (out["total"] == np.cumsum(a.astype(int))).all()
        assert (out["flipped"] == ~wide).all()


def test_gates_do_what_the_model_does():
    generator = np.random.default_rng(4)
    unit = {"model": batch.build(IntegerUnit(bits=16), name="integer_unit", latency=IntegerUnit.LATENCY),
            "gates": slices.build(IntegerUnit(bits=16), name="integer_unit")}
    for rows in (1, 511, 1300):
        inputs = {name: generator.integers(0, 1 << bits, rows)
                  for name, bits in (("operation", 5), ("a", 16), ("b", 16))}
        np.testing.assert_array_equal(unit["gates"](**inputs)["o"], unit["model"](**inputs)["o"])


@pytest.mark.parametrize("inputs, error, message", [
    ({"a": np.arange(257), "b": 0}, ValueError, "'a' has 8 bits: 0 to 256"),
    ({"a": np.arange(3)}, TypeError, "inputs are a, b, not a"),
])
def test_arrays_that_do_not_fit_gates_are_refused(inputs, error, message):
    unit = slices.build(_Xor(), name="test_xor")
    with pytest.raises(error, match=message):
        unit(**inputs)


def test_what_gates_cannot_be_made_of():
    with pytest.raises(ValueError, match="port 'wide' has 96 bits: slices take up to 32"):
        slices.build(_Accumulate(), name="test_accumulate")
    with pytest.raises(RuntimeError, match="combinational logic loop"):
        slices.build(_Counter(), name="test_counter")


def test_a_number_stands_for_all_rows():
    unit = batch.build(_Xor(), name="test_xor", latency=0)
    assert (unit(a=np.arange(256), b=15)["o"] == np.arange(256) ^ 15).all()


@pytest.mark.parametrize("inputs, error, message", [
    ({"a": np.arange(257), "b": 0}, ValueError, "'a' has 8 bits: 0 to 256"),
    ({"a": np.arange(3.0), "b": 0}, TypeError, "not float64"),
    ({"a": np.arange(3)}, TypeError, "inputs are a, b, not a"),
    ({"a": np.arange(3), "b": np.arange(4)}, ValueError, "broadcast"),
])
def test_arrays_that_do_not_fit_are_refused(inputs, error, message):
    unit = batch.build(_Xor(), name="test_xor", latency=0)
    with pytest.raises(error, match=message):
        unit(**inputs)


class _Counter(wiring.Component):
    """Counts up to 4; what it would say at 6, nobody hears."""

    def __init__(self):
        super().__init__({"a": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(3)
        m.d.sync += count.eq(Mux(count == 4, 0, count + 1))
        m.d.comb += self.o.eq(Mux(count == 6, self.a, count))
        return m


def test_what_never_changes_an_output_is_proved_to():
    left = mutation.survivors(_Counter(), name="test_counter", latency=0, count=30, seed=1, caught=lambda unit: False)
    assert left.harmless and left.missed

    def caught(unit: mutation.Mutant) -> bool:
        return bool((unit(a=np.arange(40))["o"] != np.arange(40) % 5).any())

    again = mutation.survivors(_Counter(), name="test_counter", latency=0, count=30, seed=1, caught=caught)
    assert again == mutation.Survivors(left.harmless, [])


def test_mutations_are_caught_by_a_check_and_survive_none():
    a, b = (values.ravel() for values in np.meshgrid(np.arange(256), np.arange(256)))

    def caught(unit: mutation.Mutant) -> bool:
        return bool((unit(a=a, b=b)["o"] != a ^ b).any())

    def survivors(check):
        return mutation.survivors(_Xor(), name="test_xor", latency=0, count=12, seed=3, caught=check)

    assert survivors(caught) == mutation.Survivors([], [])
    assert len(survivors(lambda unit: False).missed) == 12
    with pytest.raises(ValueError, match="without any mutation"):
        survivors(lambda unit: True)


@pytest.mark.parametrize("count", [0, 1 << 16])
def test_numbers_of_mutations_that_there_cannot_be(count):
    with pytest.raises(ValueError, match=f"the number of mutations must be 1 to 65535, not {count}"):
        mutation.survivors(_Xor(), name="test_xor", latency=0, count=count, seed=3, caught=bool)


def test_parts_of_a_campaign_that_there_are_not(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["campaign", "lames"])
    with pytest.raises(SystemExit, match="2"):
        campaign.main()
    assert "no part is called 'lames'; there are conversions, lanes, matrix, mutations" in capsys.readouterr().err
