"""Runs jobs and programs on the RTL of a mesh, in Verilator."""

import hashlib
import importlib.metadata
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

from hdl.config import Config
from hdl.mem.sram import BANK_MODULE, READ_PATH_MODULE
from hdl.mesh import NODE_MODULE, Mesh

from .build import MODELS, ROOT, WAVES, Model, build, run
from .errors import SimulationError
from .job import Job, Result

JOBS = ROOT / "build" / "jobs"

_TOP = "d1_mesh"

#: Everything that a mesh's Verilog and model are made from, as it was when it was imported.
_SOURCES = b"".join(path.read_bytes() for path in sorted([
    *(ROOT / "hdl").rglob("*.py"), *(ROOT / "hdl").rglob("*.v"),
    ROOT / "sim" / "build.py", ROOT / "sim" / "verilator.py", Path(__file__)]))

#: Blocks that a node has many of: a C++ class each. Waveforms leave their insides out, which would be most of the file.
REPEATED = ("d1_matrix_element", "d1_matrix_operand", "d1_matrix_loader", "d1_matrix_reader", "d1_float_lane",
            "d1_integer_lane", "d1_converter", "d1_estimator", BANK_MODULE, READ_PATH_MODULE)


def model_for(config: Config, *, waves: bool = False) -> Model:
    """The Verilator model of a mesh, compiled or found.

    Emitting the Verilog, by which `sim.build` knows a model, takes seconds: a note beside the models says which one
    belongs to the sources as they are.
    """
    versions = [importlib.metadata.version(package) for package in ("amaranth", "verilator", "cocotb")]
    key = hashlib.sha256(_SOURCES + repr((config, waves, versions)).encode()).hexdigest()[:16]
    note = MODELS / f"mesh-{key}.note"
    if note.exists():
        model = Model(name=_TOP, directory=MODELS / note.read_text(), trace=WAVES if waves else None)
        if (model.directory / "complete").exists():
            return model
    model = build(Mesh(config=config), name=_TOP, waves=waves, no_inline=(NODE_MODULE, *REPEATED), untraced=REPEATED,
                  fast=config.nodes == 1)
    note.write_text(model.directory.name)
    return model


def run_rtl(job: Job, *, trace: Path | None = None, waves: bool = False) -> Result:
    """Run a job on the RTL.

    Parameters
    ----------
    job : Job
    trace : Path
        File for a trace of every instruction; it slows the simulation down.
    waves : bool
        Write a VCD file, whose place is printed.

    Raises
    ------
    SimulationError
        If the host got no answer or an error, or the job did not end.
    """
    model = model_for(job.config, waves=waves)
    with TemporaryDirectory() as folder:
        request, answer = Path(folder, "job.pickle"), Path(folder, "result.pickle")
        request.write_bytes(pickle.dumps(job))
        run(model, bench="verif.job_bench", work=JOBS / job.name, seed=0, JOB=request, RESULT=answer,
            TRACE="" if trace is None else trace.resolve(), COCOTB_LOG_LEVEL="WARNING", GPI_LOG_LEVEL="WARNING")
        result = pickle.loads(answer.read_bytes())
    if isinstance(result, SimulationError):
        raise result
    return result
