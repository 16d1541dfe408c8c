"""Runs a `sim.job.Job` on the RTL of a mesh; `sim.rtl` starts this bench.

The environment names pickle files: ``JOB`` holds the job, ``RESULT`` takes its `Result`, or the `SimulationError` that
ended it. ``TRACE``, if it is not empty, is a file for the trace.
"""

import os
import pickle
from pathlib import Path
from typing import TextIO

import cocotb
from cocotb.triggers import RisingEdge

from hdl.config import Config
from sim.errors import SimulationError
from sim.job import Job
from sim.job_runner import JobRunner

from .host import Host, now, start
from .trace import RetirementMonitor


async def write_trace(dut, config: Config, file: TextIO) -> None:
    """Write what every node retires, until the bench ends."""
    monitors = [(RetirementMonitor(config=config, x=x, y=y), getattr(dut, f"retirement__{index}"))
                for index, (x, y) in enumerate(config.coordinates())]
    while True:
        await RisingEdge(dut.clk)
        cycle = now()
        for monitor, signal in monitors:
            for record in monitor.sample(cycle, int(signal.value)):
                print(record, file=file)


@cocotb.test()
async def run_job(dut):
    job: Job = pickle.loads(Path(os.environ["JOB"]).read_bytes())
    await start(dut)
    host = Host(dut, job.config)
    with open(os.environ["TRACE"] or os.devnull, "w") as file:
        if os.environ["TRACE"]:
            cocotb.start_soon(write_trace(dut, job.config, file))
        try:
            result = await JobRunner(host, job).run()
        except SimulationError as error:
            result = error
    Path(os.environ["RESULT"]).write_bytes(pickle.dumps(result))
