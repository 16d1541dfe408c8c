"""Loads of the router whose power is measured."""

import os

import cocotb

from hdl.noc.routing import Side
from verif.router.bench import bench

CYCLES = int(os.environ["CYCLES"])

OPPOSITE = {Side.NORTH: Side.SOUTH, Side.SOUTH: Side.NORTH, Side.EAST: Side.WEST, Side.WEST: Side.EAST,
            Side.LOCAL: Side.LOCAL}


@cocotb.test()
async def full(dut):
    """A random flit straight on, on every link, in every cycle."""
    tb = await bench(dut)
    for came, out in OPPOSITE.items():
        for _ in range(CYCLES):
            tb.send(came, out, 1)
    await tb.drain()


@cocotb.test()
async def idle(dut):
    tb = await bench(dut)
    await tb.stage.cycles(CYCLES)
