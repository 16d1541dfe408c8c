"""Tests that pass, fail, only run, end the simulator or are left out: for the tests of the runner itself."""

import os
import random
from pathlib import Path

import cocotb
from cocotb.triggers import Timer


@cocotb.test()
async def passes(dut):
    dut.a.value = 5
    await Timer(1, "ns")
    assert dut.b.value.to_unsigned() == 0xA5


@cocotb.test()
async def fails(dut):
    assert dut.b.value.to_unsigned() == 0x123, "this is not 0x123"


@cocotb.test()
async def ends_the_simulator(dut):
    os._exit(0)


@cocotb.test()
async def draws(dut):
    Path(os.environ["DRAWN"]).write_text(str(random.getrandbits(64)))


@cocotb.test()
async def runs(dut):
    await Timer(1, "ns")
