"""What synthesis found, to look at: tables for the terminal, and a page with pictures."""

import io
import json
import textwrap
from dataclasses import asdict
from pathlib import Path

import jinja2
import matplotlib as mpl
import matplotlib.pyplot as plt
import squarify
from rich.console import Console
from rich.table import Table

from .ecp5 import PRIMITIVES
from .flow import NODE, Result, write_whole

#: Columns of text of the printed table.
WIDTH = 140

#: Parts smaller than this share of a block go together in its treemap.
_SMALL = 0.01

_PAGE = jinja2.Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}
td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}
td.path{font-family:monospace;text-align:left}img{max-width:100%}</style></head><body>
<h1>{{ title }}</h1>
<table><tr>{% for column in columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for row in rows %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>{% endfor %}</table>
<ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>
{% for result in results %}<h2>{{ called(result.block) }}</h2>
{% if result.start %}<p>Slowest path: <code>{{ result.start }}</code> to <code>{{ result.end }}</code></p>{% endif %}
<img src="{{ file(result) }}-area.png" alt="Area of {{ result.block }} by module">
{% if result.periods_ps %}<img src="{{ file(result) }}-slack.png" alt="Slack of {{ result.block }}">{% endif %}
{% endfor %}</body></html>
""", autoescape=True)


def is_mapped(results: list[Result]) -> bool:
    """Whether the figures are of a PDK's cells."""
    return results[0].area_um2 is not None


def area_of(result: Result) -> float:
    """Area in um2; without a PDK, transistors."""
    return result.area_um2 if result.area_um2 is not None else float(result.transistors or 0)


def called(unit: str) -> str:
    """The name of a unit or a block without those of what it is in, and the number that made it unique."""
    return unit.split(".")[-1].partition("$")[0]


def columns(results: list[Result]) -> list[str]:
    """Headings of `row`."""
    made = ["block", "cells", "um2" if is_mapped(results) else "transistors", "NAND2", "flops", "macros"]
    made += ["macro um2"] if any(result.macros_um2 for result in results) else []
    made += ["mem bits", "depth"]
    made += ["path ps", "MHz"] if is_mapped(results) else []
    made += list(PRIMITIVES) if _has_ecp5(results) else []
    return made + (["of node"] if _node(results) else [])


def row(result: Result, results: list[Result]) -> list[str]:
    """A block's figures, as text."""
    made = ["\N{NO-BREAK SPACE}" * 2 * result.block.count(".") + called(result.block), f"{result.cells:,}",
            f"{area_of(result):,.0f}", f"{result.nand2:,.0f}", f"{result.flip_flops:,}", f"{result.macros:,}"]
    made += [f"{result.macros_um2 or 0:,.0f}"] if any(other.macros_um2 for other in results) else []
    made += [f"{result.memory_bits:,}", str(result.depth)]
    if is_mapped(results):
        made += [f"{result.period_ps:.0f}", f"{1e6 / result.period_ps:,.0f}"] if result.period_ps else ["-", "-"]
    if _has_ecp5(results):
        made += [f"{(result.ecp5 or {}).get(name, 0):,}" for name in PRIMITIVES]
    if node := _node(results):
        made.append(f"{result.whole / node.whole:.1%}" if result.block.partition(".")[0] == NODE else "")
    return made


def shown(results: list[Result]) -> list[Result]:
    """Each result, and behind it those of its parts."""
    return [each for result in results for each in (result, *result.inside)]


def table(results: list[Result], *, title: str) -> Table:
    """The results, a block or a part of one a row."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns(results):
        made.add_column(column, justify="left" if column == "block" else "right")
    for result in shown(results):
        made.add_row(*row(result, results))
    return made


def write(folder: Path, results: list[Result], *, title: str, notes: list[str]) -> Path:
    """Write ``report.html`` and its pictures into a folder; return the page's path.

    The page is written last and put in place whole: a report that is there is complete.
    """
    page = folder / "report.html"
    folder.mkdir(parents=True, exist_ok=True)
    page.unlink(missing_ok=True)
    for result in shown(results):
        _treemap(result, folder / f"{_file(result)}-area.png")
        if result.periods_ps:
            _slacks(result, folder / f"{_file(result)}-slack.png")
    rows = [row(result, results) for result in shown(results)]
    write_whole(page, _PAGE.render(title=title, columns=columns(results), rows=rows, notes=notes,
                                   results=shown(results), file=_file, called=called))
    return page


def write_summary(folder: Path, results: list[Result], *, name: str, title: str, notes: list[str],
                  conditions: dict) -> None:
    """Print the table, and leave it as ``<name>.txt`` and ``<name>.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    for console in (Console(width=WIDTH), Console(file=text, width=WIDTH)):
        console.print(table(results, title=title))
        console.print("\n".join(notes), highlight=False)
    write_whole(folder / f"{name}.json", json.dumps(
        conditions | {"blocks": [asdict(result) for result in results]}, indent=2) + "\n")
    write_whole(folder / f"{name}.txt", text.getvalue())


def _has_ecp5(results: list[Result]) -> bool:
    return any(result.ecp5 for result in results)


def _file(result: Result) -> str:
    """What the names of its pictures start with."""
    return result.block.replace("$", "_")


def _node(results: list[Result]) -> Result | None:
    return next((result for result in results if result.block == NODE), None)


def _treemap(result: Result, path: Path) -> None:
    """Area of the modules of a block; what is flattened into one is one."""
    areas = result.parts | ({"SRAM macros": result.macros_um2} if result.macros_um2 else {})
    total = sum(areas.values())
    large = {name: area for name, area in areas.items() if area >= _SMALL * total}
    if rest := total - sum(large.values()):
        large["others"] = rest
    parts = sorted(large.items(), key=lambda part: -part[1])
    unit = "um2" if result.area_um2 is not None else "transistors"
    colours = mpl.colormaps["tab20"]
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    squarify.plot(ax=axes, sizes=[area for _, area in parts],
                  color=[colours(index % colours.N) for index in range(len(parts))],
                  label=[f"{_label(name)}\n{area:,.0f} ({area / total:.0%})" for name, area in parts],
                  text_kwargs={"fontsize": 7}, edgecolor="white")
    axes.set_axis_off()
    axes.set_title(f"{called(result.block)}: {total:,.0f} {unit} by module, all copies together")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _label(unit: str) -> str:
    """A unit's name in lines short enough for its rectangle."""
    return textwrap.fill(called(unit).removeprefix("d1_").replace("_", " "), width=14)


def _slacks(result: Result, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    axes.hist(result.periods_ps, bins=60)
    axes.set(xlabel="slowest path to each register and output, ps", ylabel="endpoints", yscale="log",
             title=f"{called(result.block)}: {len(result.periods_ps):,} endpoints")
    axes.axvline(500, color="red", label="2 GHz")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
