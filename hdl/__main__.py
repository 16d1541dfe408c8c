"""`python -m hdl verilog`: self-contained SystemVerilog of a block of a preset."""

import argparse
import sys
from pathlib import Path

from .blocks import BLOCKS, block
from .config import PRESETS, preset
from .verilog import View, emit


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m hdl", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    verilog = commands.add_parser("verilog", help="write a block as self-contained SystemVerilog")
    verilog.add_argument("--config", default="SIM", metavar="NAME", help=f"a preset: {', '.join(PRESETS)} (SIM)")
    verilog.add_argument("--block", default="mesh", metavar="NAME", help=f"one of {', '.join(BLOCKS)} (mesh)")
    verilog.add_argument("--view", default=View.SIMULATION.value, choices=[view.value for view in View],
                         help="which bodies the memories have (simulation)")
    verilog.add_argument("-o", "--output", type=Path, metavar="FILE",
                         help="where to (build/verilog/<preset>-<block>.sv)")
    arguments = parser.parse_args()
    try:
        component = block(arguments.block, preset(arguments.config))
        output = arguments.output or Path("build", "verilog", f"{arguments.config}-{arguments.block}.sv")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(emit(component, name=arguments.block, view=View(arguments.view)))
    except (ValueError, OSError) as error:
        sys.exit(f"python -m hdl: {error}")
    print(output)


if __name__ == "__main__":
    main()
