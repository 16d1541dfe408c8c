"""Energies of the cells of a Liberty file, as simple as power estimation needs them.

Only the supply's tables count. (Where a library has tables of ground as well, those say the same charge once more;
OpenSTA 2.0 adds both.)
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .flow import BUILD, hash_of, write_whole
from .pdk import Pdk, read_liberty

#: Slew at which energies are read from their tables, in picoseconds; they hardly depend on it.
SLEW_PS = 20

#: What Liberty files call capacitance, in femtofarads, time, in picoseconds, and power, in microwatts.
_FEMTOFARADS = {"ff": 1.0, "pf": 1e3}
_PICOSECONDS = {"fs": 1e-3, "ps": 1.0, "ns": 1e3}
_MICROWATTS = {"pW": 1e-6, "nW": 1e-3, "uW": 1.0, "mW": 1e3}


@dataclass(frozen=True)
class CellPower:
    """Energies of a cell.

    Attributes
    ----------
    leakage_uw : float
    capacitance_ff : dict of float
        Of each input.
    edge_fj : dict of float
        Of each input, mean energy of an edge that changes no output.
    loads_ff, change_fj : dict of list of float
        Of each output, loads, and mean energy of a change at each.
    """

    leakage_uw: float
    capacitance_ff: dict[str, float]
    edge_fj: dict[str, float]
    loads_ff: dict[str, list[float]]
    change_fj: dict[str, list[float]]


def energies(pdk: Pdk) -> tuple[float, dict[str, CellPower]]:
    """The supply's voltage and the energies of all cells, which are kept by content; they take a while to read."""
    path = BUILD / "cells" / hash_of(pdk.timing.read_bytes(), Path(__file__).read_bytes())[:16] / "power.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = read_liberty(pdk.timing)
        head, *parts = re.split(r'\n\s*cell\s*\(\s*"?', text)
        volts = float(_value(head, "nom_voltage"))
        scales = _Scales(head, volts)
        cells = {re.split(r'["\s)]', part, maxsplit=1)[0]: vars(_cell(part, scales)) for part in parts}
        write_whole(path, json.dumps([volts, cells]))
    volts, cells = json.loads(path.read_text())
    return volts, {name: CellPower(**cell) for name, cell in cells.items()}


class _Scales:
    """A library's units: of capacitance in fF, energy in fJ, slew in ps and leakage in uW."""

    def __init__(self, head: str, volts: float):
        number, unit = re.findall(r"capacitive_load_unit\s*\(\s*([\d.]+)\s*,\s*\"?(\w+)", head)[0]
        self.capacitance = float(number) * _FEMTOFARADS[unit.lower()]
        volt = re.search(r'voltage_unit\s*:\s*"([\d.]+)V"', head)
        self.energy = self.capacitance * float(volt[1] if volt else 1) ** 2
        number, unit = re.findall(r'time_unit\s*:\s*"([\d.]+)(\w+)"', head)[0]
        self.slew = float(number) * _PICOSECONDS[unit]
        leakage = re.search(r'leakage_power_unit\s*:\s*"([\d.]+)(\w+)"', head)
        self.leakage = float(leakage[1]) * _MICROWATTS[leakage[2]] if leakage else 0.0
        #: Axes of the tables that do not have their own, by the name of their template.
        self.templates = {name: _axes(body) for name, body in re.findall(
            r"\b(?:power_lut|lu_table)_template\s*\(\s*\"?(\w+)\"?\s*\)\s*\{(.*?)\}", head, re.DOTALL)}


def _value(text: str, name: str) -> str:
    return re.findall(rf"\b{name}\s*:\s*\"?([^;\"]+)", text)[0]


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+(?:[eE][-+]?\d+)?", text)]


def _axes(body: str) -> list[list[float]]:
    return [_numbers(axis) for axis in re.findall(r"index_\d\s*\(\s*\"([^\"]*)\"", body)]


def _groups(text: str, kind: str) -> Iterator[str]:
    """The bodies of the groups of this kind."""
    for start in re.finditer(rf"\b{kind}\s*\([^)]*\)\s*\{{", text):
        level, end = 1, start.end()
        for brace in re.finditer(r"[{}]", text[start.end():]):
            level += 1 if brace[0] == "{" else -1
            if not level:
                end = start.end() + brace.start()
                break
        yield text[start.end():end]


def _cell(text: str, scales: _Scales) -> CellPower:
    head, *pins = re.split(r'\bpin\s*\(\s*"?', text)
    supply = re.search(r'pg_pin\s*\(\s*"?(\w+)"?\s*\)\s*\{[^}]*primary_power', head)
    leakages = [group for group in _groups(head, "leakage_power")
                if supply is None or f"related_pg_pin : {supply[1]};" in group.replace('"', "")
                or "related_pg_pin" not in group]
    unconditional = [group for group in leakages if "when" not in group] or leakages
    total = re.search(r"\bcell_leakage_power\s*:\s*\"?([-\d.eE+]+)", head)
    leakage = float(np.mean([float(_value(group, "value")) for group in unconditional])) if unconditional else \
        float(total[1]) if total else 0.0
    capacitance, edges, loads, changes = {}, {}, {}, {}
    for pin in pins:
        name = re.split(r'["\s)]', pin, maxsplit=1)[0]
        groups = [group for group in _groups(pin, "internal_power")
                  if supply is None or "related_pg_pin" not in group
                  or f"related_pg_pin : {supply[1]};" in group.replace('"', "")]
        if _value(pin, "direction") == "input":
            capacitance[name] = float(_value(pin, r"(?<!max_)capacitance")) * scales.capacitance
            pairs = [[_at_slew(table, scales)[1][0] for table in _tables(group)] for group in groups]
            # Where an edge takes nothing, it changes the output, and the output's table says what that takes.
            pairs = [pair for pair in pairs if all(pair)]
            edges[name] = float(np.mean(pairs)) * scales.energy if pairs else 0.0
        else:
            tables = [_at_slew(table, scales) for group in groups for table in _tables(group)]
            if tables:
                axis = tables[0][0]
                energy = np.mean([np.interp(axis, *table) for table in tables], axis=0)
                loads[name] = [load * scales.capacitance for load in axis]
                changes[name] = [float(value) * scales.energy for value in energy]
    return CellPower(leakage_uw=leakage * scales.leakage, capacitance_ff=capacitance, edge_fj=edges, loads_ff=loads,
                     change_fj=changes)


def _tables(group: str) -> list[tuple[str, str]]:
    """Template and body of the tables of an internal_power group."""
    return re.findall(r"\b(?:rise_power|fall_power|power)\s*\(\s*\"?(\w+)\"?\s*\)\s*\{(.*?)\}", group, re.DOTALL)


def _at_slew(table: tuple[str, str], scales: _Scales) -> tuple[list[float], list[float]]:
    """Loads and energies of a table at `SLEW_PS`, in the library's units; one load if it does not depend on that."""
    template, body = table
    values = np.array(_numbers(re.findall(r"values\s*\((.*?)\)", body, re.DOTALL)[0]))
    axes = _axes(body) or scales.templates.get(template, [])
    if values.size == 1 or not axes:
        return [0.0], [float(values.mean())]
    slew = SLEW_PS / scales.slew
    if len(axes) == 1:
        return [0.0], [float(np.interp(slew, axes[0], values))]
    rows = values.reshape(len(axes[0]), len(axes[1]))
    return axes[1], [float(np.interp(slew, axes[0], column)) for column in rows.T]
