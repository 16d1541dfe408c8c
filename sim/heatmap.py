"""A picture of the mesh: how many flits went over each link."""

from pathlib import Path

from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hdl.config import Config

from .job import Node, Result

#: For each counter, the way of its flits; y grows downwards, row 0 is the host edge.
_WAYS = {"FLITS_NORTH": (0, -1), "FLITS_SOUTH": (0, 1), "FLITS_EAST": (1, 0), "FLITS_WEST": (-1, 0)}

#: Half a node's side, and how far the two directions of a link lie apart, in units of the grid.
_HALF, _APART = 0.27, 0.09


def links(result: Result, config: Config) -> dict[tuple[Node, Node], int]:
    """Flits from node to node over the links of the mesh; the host's port is (0, 0)."""
    places = {*config.coordinates(), (0, 0)}
    flits = {}
    for (x, y), counters in result.counters.items():
        for counter, (dx, dy) in _WAYS.items():
            if (x + dx, y + dy) in places:
                flits[(x, y), (x + dx, y + dy)] = counters[counter]
    return flits


def draw(result: Result, config: Config, path: Path, *, title: str) -> None:
    """Write a PNG: nodes with how busy their matrix units were, links in the colour of their traffic.

    Parameters
    ----------
    result : Result
        Of an RTL run, since the model counts no flits. What the host sent is not counted by any node and not drawn.
    config : Config
    path : Path
    title : str
    """
    # Without pyplot, so that no display is touched.
    figure = Figure(figsize=(2.3 * config.columns + 2.6, 2.1 * config.rows + 1.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    flits = links(result, config)
    scale = Normalize(0, max(flits.values(), default=1) or 1)
    colours = colormaps["viridis_r"]

    def box(x: float, y: float, text: str, colour: str) -> None:
        axes.add_patch(FancyBboxPatch((x - _HALF, y - _HALF), 2 * _HALF, 2 * _HALF, facecolor=colour, edgecolor="0.3",
                                      boxstyle="round,pad=0,rounding_size=0.06"))
        axes.text(x, y, text, ha="center", va="center", fontsize=9, linespacing=1.4)

    for (x, y), counters in result.counters.items():
        busy = counters["MATRIX_STEPS"] / counters["CYCLES"]
        box(x, y, f"node {x},{y}\nmatrix {busy:.0%}\n{counters['FLITS_LOCAL']:,} flits in", "white")
    axes.text(0, 0.25, "host", ha="center", va="center", fontsize=9, weight="bold")

    for ((x, y), (to_x, to_y)), count in flits.items():
        dx, dy = to_x - x, to_y - y
        # Traffic keeps to the right, as seen along its way.
        side_x, side_y = -dy * _APART, dx * _APART
        gap = 0.62 if (to_x, to_y) == (0, 0) else 1 - _HALF
        start = (x + dx * _HALF + side_x, y + dy * _HALF + side_y)
        end = (x + dx * gap + side_x, y + dy * gap + side_y)
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="simple,head_width=7,head_length=7,tail_width=3",
                                       shrinkA=1, shrinkB=1, facecolor=colours(scale(count)), edgecolor="none"))
        beside = "center" if dy == 0 else "left" if side_x > 0 else "right"
        axes.text((start[0] + end[0]) / 2 + side_x * 1.1, (start[1] + end[1]) / 2 + side_y * 0.9, f"{count:,}",
                  ha=beside, va="center", fontsize=7, color="0.25")

    axes.set(xlim=(-0.6, config.columns - 0.4), ylim=(config.rows + 0.45, 0.1), aspect="equal", title=title)
    axes.axis("off")
    figure.colorbar(ScalarMappable(scale, colours), ax=axes, label="flits over the link", shrink=0.8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
