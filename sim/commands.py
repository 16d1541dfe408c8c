"""The jobs of the command line, ``python -m sim digits`` and ``matmul``: their options.

What carries them out, `sim.digits.command` and `sim.matmul.command`, is imported when it is needed: much comes with
it.
"""

import argparse
import importlib
from pathlib import Path

from hdl.config import PRESETS, Config, preset

#: What ``add_parser`` is called on.
Subcommands = argparse._SubParsersAction


def mesh_size(text: str) -> tuple[int, int]:
    """Columns and rows from e.g. ``2x2``."""
    columns, separator, rows = text.partition("x")
    if not (separator and columns.isdecimal() and rows.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMNSxROWS, e.g. 2x2")
    return int(columns), int(rows)


def memory_size(text: str) -> int:
    """Bytes from e.g. ``2M``, ``512K`` or ``131072``."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "")
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a size, e.g. 2M, 512K or 131072")
    return int(number) * _UNITS.get(unit, 1)


_UNITS = {"K": 1 << 10, "M": 1 << 20}


def config_of(arguments: argparse.Namespace) -> Config:
    """The configuration that ``--config`` and ``--mesh`` name."""
    config = preset(arguments.config)
    if arguments.mesh is None:
        return config
    columns, rows = arguments.mesh
    return config.with_mesh(columns=columns, rows=rows)


def _add_options(parser: argparse.ArgumentParser, module: str) -> None:
    parser.add_argument("--config", default="SIM", metavar="NAME", help=f"one of {', '.join(PRESETS)} (default SIM)")
    parser.add_argument("--mesh", type=mesh_size, metavar="CxR",
                        help="columns and rows of nodes (default: the preset's)")
    parser.add_argument("--model", action="store_true", help="only the golden model, not the hardware")
    parser.add_argument("--waves", action="store_true", help="write a VCD file of the hardware's signals")
    parser.set_defaults(run=lambda arguments: importlib.import_module(module).command(arguments))


def add_digits(subcommands: Subcommands) -> None:
    """``python -m sim digits``."""
    parser = subcommands.add_parser(
        "digits", help="recognise handwritten digits",
        description="Recognise handwritten digits with a small trained network on all nodes of a mesh. The exit status "
                    "is 1 if a bit of a result differs from what it must be.")
    parser.add_argument("--images", type=int, metavar="N",
                        help="only the first N of the images that were not trained on (default: all)")
    _add_options(parser, "sim.digits")


def add_matmul(subcommands: Subcommands) -> None:
    """``python -m sim matmul``."""
    parser = subcommands.add_parser(
        "matmul", help="multiply two matrices",
        description="Multiply two float32 matrices, rounded to BF16, on all nodes of a mesh. The exit status is 1 if a "
                    "bit of the result differs from what it must be.")
    parser.add_argument("a", type=Path, metavar="A.npy", help="float32 [m, k]")
    parser.add_argument("b", type=Path, metavar="B.npy", help="float32 [k, n]")
    parser.add_argument("-o", "--output", type=Path, default=Path("c.npy"), metavar="C.npy",
                        help="float32 [m, n] (default c.npy)")
    _add_options(parser, "sim.matmul")
