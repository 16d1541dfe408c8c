"""`python -m fpga.flash`: puts a bitstream onto a board with openFPGALoader. See docs/board.md."""

import argparse
import subprocess
import sys

from sim.commands import mesh_size
from sim.verilator import ROOT

from .boards import BOARDS, board
from .build import NAME, folder_of


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m fpga.flash", description=__doc__)
    parser.add_argument("--board", default="ulx3s", metavar="NAME", help=f"one of {', '.join(BOARDS)} (ulx3s)")
    parser.add_argument("--mesh", type=mesh_size, metavar="CxR", help="as it was built (default: the board's)")
    parser.add_argument("--flash", action="store_true", help="into the flash memory, to stay (default: the SRAM)")
    arguments = parser.parse_args()
    try:
        made_for = board(arguments.board)
        if arguments.mesh:
            made_for = made_for.with_mesh(*arguments.mesh)
    except ValueError as error:
        sys.exit(f"python -m fpga.flash: {error}")
    bitstream = folder_of(made_for) / f"{NAME}.bit"
    if not bitstream.exists():
        sys.exit(f"python -m fpga.flash: there is no {bitstream.relative_to(ROOT)}: build it first, with "
                 f"'make fpga BOARD={made_for.name}'")
    command = [sys.executable, "-m", "openfpgaloader", "-b", made_for.loader, *(["-f"] if arguments.flash else []),
               str(bitstream)]
    if subprocess.run(command, check=False).returncode:
        sys.exit("python -m fpga.flash: openFPGALoader failed, see above. Is the board connected? If you may not open "
                 "the USB device, install the rules for it: https://trabucayre.github.io/openFPGALoader/guide/install.html")


if __name__ == "__main__":
    main()
