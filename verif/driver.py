"""C++ that drives a compiled model (`sim.build.library`), with constants that come from the design."""

from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


def driver(path: Path, constants: Mapping[str, object], *headers: Path) -> str:
    """The text of a driver, behind its constants, `verif/random.h` and others, with names as Verilator writes them."""
    defines = "".join(f"#define {name} {value}\n" for name, value in constants.items())
    text = defines + "".join(part.read_text() for part in (_FOLDER / "random.h", *headers, path))
    return text.replace("__", "___05F")
