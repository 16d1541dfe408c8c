"""SRAM macros of ASAP7: single-port memories whose Liberty and LEF files the package `hammer-vlsi` carries.

`make synth` installs it without its dependencies, of which none is needed for its files, and some get in the way.
Without it, macros have neither area nor timing.
"""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: What the names of macros start with.
PREFIX = "SRAM1RW"

#: The corner of their timing, slow; the only other one is fast.
CORNER = "PVT_0P63V_100C"

#: The LEF files are four times as long and wide as the macros, like ASAP7's cells in the 4x flow.
_SCALE = 4


@dataclass(frozen=True)
class Macro:
    """A macro of one port, by its name in the netlist."""

    words: int
    width: int

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.words}x{self.width}"

    @property
    def bits(self) -> int:
        return self.words * self.width

    @property
    def stub(self) -> str:
        """The black box in Verilog."""
        address = (self.words - 1).bit_length()
        return (f"(* blackbox *) module {self.name}(input CE, CSB, WEB, OEB, input [{address - 1}:0] A, "
                f"input [{self.width - 1}:0] I, output [{self.width - 1}:0] O);\nendmodule\n")

    @property
    def area_um2(self) -> float | None:
        """Area by its LEF; None without the package."""
        folder = _folder()
        if folder is None:
            return None
        size = re.search(r"^\s*SIZE ([\d.]+) BY ([\d.]+)", (folder / "lef" / f"{self.name}_x4.lef").read_text(),
                         re.MULTILINE)
        if size is None:
            raise ValueError(f"the LEF file of {self.name} does not say its size")
        return float(size[1]) * float(size[2]) / _SCALE**2

    @property
    def liberty(self) -> Path | None:
        """Its Liberty file; None without the package."""
        folder = _folder()
        return folder and folder / "lib" / f"{self.name}_lib" / f"{self.name}_{CORNER}.lib"


def _folder() -> Path | None:
    package = find_spec("hammer")
    if package is None or not package.submodule_search_locations:
        return None
    folder = Path(package.submodule_search_locations[0], "technology", "asap7", "sram_compiler", "memories")
    return folder if folder.is_dir() else None


def named_in(text: str) -> dict[str, Macro]:
    """The macros that Verilog text instantiates, by name."""
    sizes = set(re.findall(rf"\b{PREFIX}(\d+)x(\d+)\b", text))
    macros = [Macro(words=int(words), width=int(width)) for words, width in sorted(sizes)]
    return {macro.name: macro for macro in macros}
