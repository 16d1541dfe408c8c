"""C++ that drives a compiled model (`sim.build.library`), with constants that come from the design."""

from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


def driver(path: Path, constants: Mapping[str, object]) -> str:
    """The text of a driver, behind its constants and `verif/random.h`, with names as Verilator writes them."""
    defines = "".join(f"#define {name} {value}\n" for name, value in constants.items())
    text = defines + (_FOLDER / "random.h").read_text() + path.read_text()
    return text.replace("__", "___05F")
