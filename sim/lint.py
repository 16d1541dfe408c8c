"""`python -m sim.lint [BLOCK]`: Verilator's lint of the emitted Verilog of every preset; any warning is an error."""

import argparse
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from hdl.blocks import BLOCKS, block
from hdl.config import PRESETS
from hdl.verilog import emit

from .verilator import ROOT, set_up


def lint(name: str, preset: str) -> str:
    """Verilator's words on a block of a preset; empty if it finds nothing."""
    source = ROOT / "build" / "lint" / f"{preset}-{name}.sv"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(emit(block(name, PRESETS[preset]), name=name))
    set_up()
    command = ["verilator", "--lint-only", "-Wall", "--top-module", name, str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stderr or (f"verilator ended with status {result.returncode}" if result.returncode else "")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m sim.lint", description=__doc__)
    parser.add_argument("block", nargs="?", default="mesh", choices=BLOCKS, help="mesh, if not given: all are in it")
    name = parser.parse_args().block
    failed = False
    with ProcessPoolExecutor() as pool:
        for preset, said in zip(PRESETS, pool.map(partial(lint, name), PRESETS), strict=True):
            failed |= bool(said)
            print(f"{preset} {name}: {said or 'clean'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
