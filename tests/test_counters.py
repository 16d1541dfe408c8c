"""Counters in a memory against sums."""

from dataclasses import replace

import numpy as np
import pytest

from hdl.config import ULX3S
from hdl.control import Control
from hdl.counters import Counters
from hdl.memory_map import NODE_BLOCK, NodeRegister
from sim.build import new_seed
from verif import batch

BITS, WIDTHS = 8, {"one": 1, "three": 3, "two": 2, "another": 1, "last": 1}


def test_counters_are_exact_in_every_cycle():
    """All at once and few, read in any order, from the first cycle after a reset on, until they start at 0 again."""
    seed = new_seed()
    print(f"replay with SEED={seed}")
    rng = np.random.default_rng(seed)
    unit = batch.build(Counters(bits=BITS, widths=WIDTHS), name="counters", latency=0)
    for density in (0.05, 0.5, 1.0):
        strobes = np.stack([
            rng.integers(0, 1 << width, 4000) * (rng.random(4000) < density) for width in WIDTHS.values()])
        offsets = np.cumsum([0, *WIDTHS.values()])[:-1]
        index = rng.integers(0, len(WIDTHS), 4000)
        index[:10] = np.tile(np.arange(len(WIDTHS)), 2)
        sums = np.cumsum(strobes, axis=1) - strobes
        values = unit(strobes=(strobes << offsets[:, None]).sum(axis=0), index=index)["value"]
        assert (values == sums[index, np.arange(4000)] % (1 << BITS)).all()
        assert sums.max() > 1 << BITS or density < 0.1


def test_a_node_reads_the_same_from_registers_and_from_a_memory():
    """Everything that is counted happens at random; all registers are read in any order."""
    seed = new_seed()
    print(f"replay with SEED={seed}")
    rng = np.random.default_rng(seed)
    rows, found = 3000, []
    inputs = {port.name: 0 if port.words else rng.integers(0, (1 << port.width) - 1, rows, np.uint64, endpoint=True)
              for port in batch.ports_of(Control(config=ULX3S))[0]}
    inputs |= {"bus__valid": 1, "bus__write": 0, "bus__address": NODE_BLOCK + rng.choice(list(NodeRegister), rows)}
    for shared in (False, True):
        control = Control(config=replace(ULX3S, shared_counters=shared))
        found.append(batch.build(control, name=f"control_{'shared' if shared else 'registers'}", latency=0)(**inputs))
    assert found[0].keys() == found[1].keys()
    for name, values in found[0].items():
        assert (values == found[1][name]).all(), name
    assert len(np.unique(found[0]["bus__read_data"])) > rows // 3


def test_one_counter_shares_nothing():
    with pytest.raises(ValueError, match="2 counters or more to share a memory, not 1"):
        Counters(bits=8, widths={"one": 1})
