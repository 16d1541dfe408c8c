"""Runs one of this package's Yosys programs, as a process of its own: Yosys ends its process on an error."""

import subprocess
import sys
from pathlib import Path

from .pdk import ROOT

#: Bytes that there has to be room for, or the disk is why a program has failed: files of small units have as many.
_ROOM = 1 << 20


class SynthesisError(RuntimeError):
    """Yosys could not do something; the message says what it said."""


def run(program: str, folder: Path, *, what: str) -> None:
    """Run `program`, a module of this package, on a job's folder, and leave what it says there in ``yosys.log``.

    Raises
    ------
    SynthesisError
        If it fails; `what` says what it was to do.
    OSError
        If it fails and the disk is full, which Yosys has no clear words for.
    """
    log = folder / "yosys.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", f"synth.{program}", str(folder)]
        status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                check=False).returncode
    if status:
        _check_room(folder)
        said = [line for line in log.read_text().splitlines() if line.strip()]
        errors = [line for line in said if "ERROR" in line] or said[-1:] or ["no output"]
        raise SynthesisError(f"Yosys could not {what}: {errors[-1].removeprefix('ERROR: ')} (all of it: {log})")


def _check_room(folder: Path) -> None:
    probe = folder / "room"
    try:
        probe.write_bytes(bytes(_ROOM))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error
    finally:
        probe.unlink(missing_ok=True)
