"""Finds and checks the standard cells: Liberty files of ASAP7, the predictive academic 7 nm PDK."""

import gzip
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Where the PDK is looked for if nobody says where it is.
DEFAULT = ROOT.parent / "shared" / "pdk" / "asap7"

CORNER = "ASAP7 RVT, TT, 0.70 V, 25 C"
BUFFER, TIE_HIGH, TIE_LOW, NAND2, LATCH = (
    f"{cell}_ASAP7_75t_R" for cell in ("BUFx4", "TIEHIx1", "TIELOx1", "NAND2xp5", "DHLx1"))


class PdkError(ValueError):
    """There is no usable PDK at the place that was named."""


@dataclass(frozen=True)
class Pdk:
    """Liberty files of the RVT cells at the typical corner.

    ``synthesis`` has the cells that may be used; ``timing`` may have more tables, and is what timing is measured with.
    """

    synthesis: Path
    timing: Path


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.lib.gz", folder / f"{name}.lib"):
        if path.is_file():
            return path
    raise PdkError(f"PDK {folder}: neither {name}.lib nor {name}.lib.gz is there")


def read_liberty(path: Path) -> str:
    """The text of a Liberty file, which may be compressed."""
    try:
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise PdkError(f"Liberty file {path} cannot be read: {error}") from error
    if not text.lstrip().startswith(("library", "/*")) or text.count("{") != text.count("}"):
        raise PdkError(f"Liberty file {path} is malformed: it is not one complete 'library (...) {{ ... }}'")
    for cell in (BUFFER, TIE_HIGH, TIE_LOW, NAND2, LATCH):
        if f"({cell})" not in text:
            raise PdkError(f"Liberty file {path} has no cell {cell}")
    return text


def find(place: str | None) -> Pdk | None:
    """The PDK in the folder `place`, or in that of the environment variable ``PDK``, or in `DEFAULT` if it exists.

    Raises
    ------
    PdkError
        If the place that was named has none, or a file of it is malformed.
    """
    place = place or os.environ.get("PDK")
    if not place and not DEFAULT.is_dir():
        return None
    folder = Path(place) if place else DEFAULT
    pdk = Pdk(synthesis=_find(folder, "asap7_rvt_tt_synth"), timing=_find(folder, "asap7_rvt_tt_full"))
    for path in (pdk.synthesis, pdk.timing):
        read_liberty(path)
    return pdk


def cell_areas(liberty: str) -> dict[str, float]:
    """Area of each cell, in square micrometres."""
    return {cell: float(area) for cell, area in re.findall(r"\bcell\s*\((\w+)\)\s*\{\s*area\s*:\s*([\d.]+)", liberty)}
