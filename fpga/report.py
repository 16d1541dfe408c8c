"""What a board's bitstream takes and how fast it is: figures, and a picture of where everything is."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from synth.ecp5 import cells_of

from .boards import Board
from .ecp5 import LUTS

#: Resources by what nextpnr calls them, and by what everybody else does.
RESOURCES = {"TRELLIS_COMB": "LUT4", "TRELLIS_FF": "flip-flop", "TRELLIS_RAMW": "LUT RAM", "DP16KD": "block RAM",
             "MULT18X18D": "multiplier"}

#: Parts of a tile that the picture tells apart, by what occurs in the names of their cells; the first that fits counts.
PARTS = {"link": r"^tile\.link", "matrix unit": r"\.core\..*matrix", "vector unit": r"\.core\..*vector",
         "rest of the core": r"\.core\.", "SRAM": r"\.sram(\$\d+)?\.", "router": r"\.router\.",
         "interface": r"\.interface\.", "control registers": r"\.control\.", "other": ""}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Figures of a bitstream, or of a netlist that has not been placed.

    Attributes
    ----------
    board, device, config : str
    nodes : int
    seed : int
    tools : dict
        Versions.
    used : dict
        Resource to how many there are and how many the device has, 0 if the netlist has not been placed.
    fmax_mhz : dict
        Clock to what it can be and what it has to be, after routing; empty if not placed.
    """

    board: str
    device: str
    config: str
    nodes: int
    seed: int
    tools: dict[str, str]
    used: dict[str, tuple[int, int]]
    fmax_mhz: dict[str, tuple[float, float]]

    @classmethod
    def of(cls, folder: Path, board: Board, *, placed: bool, seed: int, tools: dict[str, str],
           speed: int | None = None) -> "Report":
        """The figures that a build has left in a folder; `speed` is the part's grade if it is not the board's."""
        platform = board.platform()
        if placed:
            said = json.loads((folder / "top.report.json").read_text())
            used = {name: (said["utilization"][cell]["used"], said["utilization"][cell]["available"])
                    for cell, name in RESOURCES.items()}
            fmax = {clock: (figure["achieved"], figure["constraint"]) for clock, figure in said["fmax"].items()}
        else:
            cells = cells_of(folder, top="top")
            cells |= {"TRELLIS_COMB": sum(number * cells[cell] for cell, number in LUTS.items()),
                      "TRELLIS_RAMW": cells["TRELLIS_DPR16X4"]}
            used = {name: (cells[cell], 0) for cell, name in RESOURCES.items()}
            fmax = {}
        return cls(board=board.name, device=f"{platform.device}-{speed or platform.speed} {platform.package}",
                   config=board.config.name, nodes=board.config.nodes, seed=seed, tools=tools, used=used, fmax_mhz=fmax)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


def show(report: Report) -> None:
    """Print the figures."""
    title = f"{report.board}: {report.nodes} nodes of {report.config} on {report.device}, seed {report.seed}"
    table = Table(title=title, title_justify="left", show_header=False)
    for name, (used, available) in report.used.items():
        table.add_row(name, f"{used:,}" + (f" of {available:,}: {used / available:.0%}" if available else ""))
    for clock, (achieved, wanted) in report.fmax_mhz.items():
        table.add_row(f"Fmax of {clock}", f"{achieved:.1f} MHz, {wanted:.1f} wanted")
    table.add_row("tools", ", ".join(f"{tool} {version}" for tool, version in report.tools.items()))
    Console().print(table)


def draw(routed: Path, picture: Path, *, title: str) -> None:
    """Draw where nextpnr has put the cells of a netlist."""
    places: dict[str, list[tuple[int, int]]] = {part: [] for part in PARTS}
    (module,) = (module for module in json.loads(routed.read_text())["modules"].values()
                 if any("NEXTPNR_BEL" in cell["attributes"] for cell in module["cells"].values()))
    for name, cell in module["cells"].items():
        place = re.match(r"X(\d+)/Y(\d+)/", cell["attributes"].get("NEXTPNR_BEL", ""))
        if place:
            part = next(part for part, pattern in PARTS.items() if re.search(pattern, name))
            places[part].append((int(place[1]), int(place[2])))
    figure = Figure(figsize=(10, 8))
    axes = figure.subplots()
    for part, cells in places.items():
        if cells:
            axes.scatter(*zip(*cells, strict=True), s=4, alpha=0.5, linewidths=0, label=f"{part} ({len(cells):,})")
    axes.set(title=title, xlabel="column", ylabel="row", aspect="equal")
    axes.invert_yaxis()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=4)
    figure.savefig(picture, dpi=120, bbox_inches="tight")
