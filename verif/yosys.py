"""Yosys and ABC of the pyosys wheel, each in a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path

import pyosys

#: Runs a script; Yosys ends its process when it meets an error.
_RUN = "import sys; from pyosys import libyosys; libyosys.run_pass(f'script {sys.argv[1]}', libyosys.Design())"

_ABC = Path(pyosys.__file__).parent / "yosys-abc"


def yosys(script: str, folder: Path) -> None:
    """Run a Yosys script in a folder; a RuntimeError ends with what Yosys said."""
    (folder / "script.ys").write_text(script)
    ran = subprocess.run([sys.executable, "-c", _RUN, "script.ys"], cwd=folder, capture_output=True, text=True,
                         check=False)
    if ran.returncode:
        raise RuntimeError(f"Yosys failed:\n{(ran.stdout + ran.stderr)[-2000:]}")


def abc(commands: str, folder: Path, *, timeout: int) -> str:
    """What ABC says to commands, in a folder; "" if they take more than `timeout` seconds of a CPU."""
    limited = ["sh", "-c", 'ulimit -St "$0" && exec "$@"', str(timeout)]
    ran = subprocess.run([*limited, _ABC, "-c", commands], cwd=folder, capture_output=True, text=True, check=False)
    return "" if ran.returncode == -signal.SIGXCPU else ran.stdout + ran.stderr
