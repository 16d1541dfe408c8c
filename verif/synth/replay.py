"""Gives gates of a unit what its RTL was given, and compares what comes out with what came out of the RTL.

The environment names a pickled `Recording` (RECORDING), how many of its cycles to go through (CYCLES), and how many
more the inputs are to stay as they are (HELD).
"""

import os
import pickle
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from verif.noc import PERIOD_NS
from verif.synth.recording import Recording

CYCLES, HELD = int(os.environ["CYCLES"]), int(os.environ["HELD"])

#: Cycles of the reset, in which registers of gates may hold anything.
RESET = 3


@cocotb.test()
async def replay(dut):
    recording: Recording = pickle.loads(Path(os.environ["RECORDING"]).read_bytes())
    for name in recording.ports.clocks:
        cocotb.start_soon(Clock(getattr(dut, name), PERIOD_NS, unit="ns", impl="gpi").start())
    clock = getattr(dut, recording.ports.clocks[0])
    inputs = [getattr(dut, name) for name in recording.ports.inputs]
    outputs = [(name, getattr(dut, name)) for name in recording.ports.outputs]
    before = [None] * len(inputs)
    for cycle, (given, expected) in enumerate(zip(recording.inputs[:CYCLES], recording.outputs, strict=False)):
        for port, value, old in zip(inputs, given, before, strict=True):
            if value != old:
                port.value = value
        before = given
        await ReadOnly()
        for (name, port), value in zip(outputs, expected, strict=True):
            found = int(port.value)
            assert found == value or cycle <= RESET, f"cycle {cycle}: {name} is {found:#x}, not {value:#x}"
        await FallingEdge(clock)
    for _ in range(HELD):
        await FallingEdge(clock)
