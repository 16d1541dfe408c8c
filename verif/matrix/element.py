"""One matrix element in a simulator, which may be that of its gates: see `verif.matrix.parts` for the faster way."""

import os
import random

import cocotb
import numpy as np

from hdl.core.matrix_element import MatrixElement
from verif.matrix.parts import element_rows, state_errors
from verif.matrix.script import SCRIPTS
from verif.noc import Stage

DEPTH, ACCUMULATORS = int(os.environ["DEPTH"]), int(os.environ["ACCUMULATORS"])


@cocotb.test()
@cocotb.parametrize(script=SCRIPTS)
async def states_are_the_models(dut, script):
    """After every step of a script."""
    made = script(np.random.default_rng(random.getrandbits(64)), depth=DEPTH, accumulators=ACCUMULATORS)
    rows, stage, states = element_rows(made), Stage(dut, []), []
    for name in rows:
        getattr(dut, name).value = 0
    await stage.start()
    for row in range(len(made.steps) + MatrixElement.LATENCY):
        for name, values in rows.items():
            if row < len(values):
                getattr(dut, name).value = int.from_bytes(values[row].tobytes(), "little")
        await stage.step()
        states.append(int(dut.state.value))
    # A step ends at the falling edge, at which the states are already those of the next cycle.
    gave = np.array(states[MatrixElement.LATENCY - 1:-1], np.uint64)
    assert not state_errors(made, gave)
