"""Finds and checks the standard cells: Liberty files, of ASAP7 or of any other library.

What the flow has to know of a library, the cells that buffer, tie and latch, is found by their functions, not by name.
"""

import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Where the PDK is looked for if nobody says where it is.
DEFAULT = ROOT.parent / "shared" / "pdk" / "asap7"

#: Cells that are not mapped to, as globs: delay cells, which are slow on purpose, and cells of power domains.
AVOIDED = ("HB?xp67_*", "*dly*", "DLY*", "*lpflow*", "*probe*")

#: ASAP7's weakest: ABC takes them for their area and may not have stronger ones to exchange them for.
WEAK = ("*xp2_ASAP7_*", "*xp25_ASAP7_*", "*xp33_ASAP7_*")

#: A buffer for wide nets drives at least so many times what the smallest NAND2 may.
_STRENGTH = 8

_OPERATORS = str.maketrans({"!": "~", "*": "&", "+": "|"})


class PdkError(ValueError):
    """There is no usable PDK at the place that was named."""


@dataclass(frozen=True)
class Cell:
    """A cell of a Liberty file.

    Attributes
    ----------
    inputs : tuple of str
        Its input pins, the clock among them.
    functions : dict of str
        What its output pins are, in the words of Liberty.
    max_capacitance : float
        What its first output may drive, in the library's units.
    registers : tuple of str
        The states of its flip-flop or latch, if it has one.
    latch : tuple of str or None
        The enable and the data of a plain latch, in the words of Liberty.
    is_flip_flop : bool
    inverts : bool
        Of a flip-flop or latch: its first output is the opposite of what it took.
    """

    name: str
    area: float
    inputs: tuple[str, ...]
    functions: dict[str, str]
    max_capacitance: float
    registers: tuple[str, ...] = ()
    latch: tuple[str, str] | None = None
    is_flip_flop: bool = False
    inverts: bool = False

    @property
    def output(self) -> str:
        """Its output pin, of those that have one."""
        return next(iter(self.functions))

    def computes(self, results: Iterable[int]) -> bool:
        """Whether its one output is the function with these values for all values of its inputs, the first highest."""
        wanted = list(results)
        if self.registers or len(self.functions) != 1 or 2 ** len(self.inputs) != len(wanted):
            return False
        text = next(iter(self.functions.values()))
        if not re.fullmatch(r"[\w\s()!*&+|^]*", text):
            return False
        code = compile(text.translate(_OPERATORS).strip(), "function", "eval")
        if set(code.co_names) - {*self.inputs}:
            return False
        return [eval(code, {"__builtins__": {}}, dict(zip(self.inputs, values, strict=True))) & 1  # its names are pins
                for values in product((0, 1), repeat=len(self.inputs))] == wanted


@dataclass(frozen=True)
class Library:
    """The cells of a Liberty file, and those of them that the flow places by itself."""

    path: Path
    name: str
    corner: str
    cells: dict[str, Cell]

    def _smallest(self, cells: Iterator[Cell], what: str) -> Cell:
        found = min(cells, key=lambda cell: (cell.area, -cell.max_capacitance), default=None)
        if found is None:
            raise PdkError(f"Liberty file {self.path} has no {what}: the flow needs one")
        return found

    @cached_property
    def nand2(self) -> Cell:
        """The smallest NAND2, which areas are compared with."""
        return self._smallest((cell for cell in self.cells.values() if cell.computes([1, 1, 1, 0])), "NAND2")

    @cached_property
    def buffer(self) -> Cell:
        """The smallest buffer that drives enough."""
        buffers = [cell for cell in self.cells.values() if cell.computes([0, 1]) and not self.is_avoided(cell.name)]
        enough = [cell for cell in buffers if cell.max_capacitance >= _STRENGTH * self.nand2.max_capacitance]
        return self._smallest(iter(enough or buffers), "buffer (a cell whose function is its input)")

    def _tie(self, value: int) -> tuple[str, str]:
        what = f"cell whose function is {value}"
        cell = self._smallest((cell for cell in self.cells.values() if not cell.inputs
                               and str(value) in cell.functions.values()), what)
        return cell.name, next(pin for pin, function in cell.functions.items() if function == str(value))

    @cached_property
    def tie_high(self) -> tuple[str, str]:
        """Cell and pin that are 1."""
        return self._tie(1)

    @cached_property
    def tie_low(self) -> tuple[str, str]:
        """Cell and pin that are 0."""
        return self._tie(0)

    @cached_property
    def latch(self) -> Cell | None:
        """The smallest plain latch that is open while its enable is 1; None if there is none."""
        plain = [cell for cell in self.cells.values() if cell.latch and set(cell.latch) == set(cell.inputs)
                 and cell.functions.get(cell.output) == cell.registers[0]]
        return min(plain, key=lambda cell: (cell.area, cell.max_capacitance), default=None)

    @cached_property
    def flip_flops(self) -> frozenset[str]:
        """Names of the flip-flops."""
        return frozenset(cell.name for cell in self.cells.values() if cell.is_flip_flop)

    @cached_property
    def gates(self) -> frozenset[str]:
        """Names of the cells without state."""
        return frozenset(cell.name for cell in self.cells.values() if not cell.registers)

    @cached_property
    def avoided(self) -> list[str]:
        """Cells that are not to be mapped to."""
        return [name for name in self.cells if self.is_avoided(name)]

    @cached_property
    def weak(self) -> list[str]:
        """Cells that are better not mapped to where time matters."""
        return [name for name in self.cells if any(fnmatch(name, pattern) for pattern in WEAK)]

    @staticmethod
    def is_avoided(name: str) -> bool:
        """Whether the cell is for other ends."""
        return any(fnmatch(name, pattern) for pattern in AVOIDED)

    def check(self) -> None:
        """Raise a PdkError if a cell that the flow needs is not there."""
        _ = self.nand2, self.buffer, self.tie_high, self.tie_low
        if not self.flip_flops:
            raise PdkError(f"Liberty file {self.path} has no flip-flop: the flow needs one")


@dataclass(frozen=True)
class Pdk:
    """Liberty files of one corner.

    ``synthesis`` has the cells that may be used; ``timing`` may have more tables, and is what timing and power are
    measured with. They may be the same.
    """

    synthesis: Path
    timing: Path

    @cached_property
    def library(self) -> Library:
        """The cells that may be used."""
        return library(self.synthesis)


def read_liberty(path: Path) -> str:
    """The text of a Liberty file, which may be compressed."""
    try:
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise PdkError(f"Liberty file {path} cannot be read: {error}") from error
    if not re.match(r"(\s|/\*.*?\*/)*library\b", text, re.DOTALL) or text.count("{") != text.count("}"):
        raise PdkError(f"Liberty file {path} is malformed: it is not one complete 'library (...) {{ ... }}'")
    return text


def library(path: Path) -> Library:
    """The cells of a Liberty file; a PdkError if it is malformed or lacks one that the flow needs."""
    text = read_liberty(path)
    name, *_ = re.findall(r'\blibrary\s*\(\s*"?([^")]*)', text)
    volts, celsius = (re.search(rf"\b{value}\s*:\s*([\d.-]+)", text) for value in ("nom_voltage", "nom_temperature"))
    conditions = [f"{float(found[1]):g} {unit}" for found, unit in ((volts, "V"), (celsius, "C")) if found]
    _, *parts = re.split(r'\bcell\s*\(\s*"?', text)
    cells = {cell.name: cell for cell in map(_cell, parts)}
    made = Library(path=path, name=name, corner=", ".join([name, *conditions]), cells=cells)
    made.check()
    return made


def _cell(text: str) -> Cell:
    """A cell of the text that follows ``cell (``."""
    name = re.match(r"[^\"\s)]+", text)
    area = re.search(r"\barea\s*:\s*\"?([\d.eE+-]+)", text)
    _, *pins = re.split(r'\bpin\s*\(\s*"?', text)
    inputs, functions, capacitance = [], {}, 0.0
    for pin in pins:
        label = re.split(r'["\s)]', pin, maxsplit=1)[0]
        direction = re.search(r"\bdirection\s*:\s*\"?(\w+)", pin)
        if direction and direction[1] == "input":
            inputs.append(label)
        if function := re.search(r"(?<!_)\bfunction\s*:\s*\"([^\"]*)\"", pin):
            functions[label] = function[1].strip()
            limit = re.search(r"\bmax_capacitance\s*:\s*\"?([\d.eE+-]+)", pin)
            capacitance = capacitance or float(limit[1] if limit else 0)
    state = re.search(r"\b(ff|latch)\s*\(([^)]*)\)\s*\{([^}]*)\}", text)
    registers = tuple(re.findall(r"\w+", state[2])) if state else ()
    fields = dict(re.findall(r"(\w+)\s*:\s*\"([^\"]*)\"", state[3])) if state else {}
    taken = fields.get("next_state", fields.get("data_in", "")).lstrip("( ")
    inverts = taken.startswith("!") != (registers[1:] == tuple(functions.values())[:1])
    latch = None
    if state and state[1] == "latch" and not fields.keys() & {"clear", "preset"}:
        latch = (fields.get("enable", ""), fields.get("data_in", ""))
    return Cell(name=name[0] if name else "", area=float(area[1]) if area else 0.0, inputs=tuple(inputs),
                functions=functions, max_capacitance=capacitance, registers=registers, latch=latch,
                is_flip_flop=bool(state) and state[1] == "ff", inverts=bool(state) and inverts)


def find(place: str | None) -> Pdk | None:
    """The PDK at `place`, or at that of the environment variable ``PDK``, or in `DEFAULT` if it exists.

    "none" is no place: there is to be no PDK. A place is a Liberty file, or a folder with one, or with two whose names
    end with ``_synth`` and ``_full``; files may be compressed.

    Raises
    ------
    PdkError
        If the place that was named has none, or it is malformed.
    """
    place = place or os.environ.get("PDK")
    if place == "none" or (not place and not DEFAULT.is_dir()):
        return None
    path = Path(place) if place else DEFAULT
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.name.endswith((".lib", ".lib.gz")))
        synthesis, timing = (_ending(files, end) for end in ("_synth", "_full"))
        if len(files) == 1:
            pdk = Pdk(synthesis=files[0], timing=files[0])
        elif synthesis and timing:
            pdk = Pdk(synthesis=synthesis, timing=timing)
        else:
            raise PdkError(f"PDK {path}: there has to be one Liberty file, or one called *_synth.lib and one called "
                           f"*_full.lib (.gz or not), but there are {len(files)} others; name the file to be used")
    elif path.is_file():
        pdk = Pdk(synthesis=path, timing=path)
    else:
        raise PdkError(f"PDK {path}: there is no such file or folder")
    _ = pdk.library
    if pdk.timing != pdk.synthesis:
        read_liberty(pdk.timing)
    return pdk


def _ending(files: list[Path], end: str) -> Path | None:
    return next((file for file in files if file.name.endswith((f"{end}.lib", f"{end}.lib.gz"))), None)
