"""What went into and out of units of the RTL, cycle by cycle, from a waveform of a run."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

_VARIABLE = re.compile(r"\$var \w+ \d+ (\S+) (\S+)")

#: What Amaranth makes a name unique with: numbers that count what is before it in the whole text.
_NUMBERS = re.compile(r"(\$\d+)+$")


def without_numbers(name: str) -> str:
    """An instance's name as the source has it, whatever else is in the text."""
    return _NUMBERS.sub("", name)


@dataclass(frozen=True)
class Ports:
    """A unit's ports by their names in Verilog, without clocks."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    clocks: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """Values of a unit's inputs and outputs when each cycle ends, in the order of `ports`."""

    ports: Ports
    inputs: list[tuple[int, ...]] = field(default_factory=list)
    outputs: list[tuple[int, ...]] = field(default_factory=list)

    def output(self, name: str) -> list[int]:
        """One output in every cycle."""
        index = self.ports.outputs.index(name)
        return [row[index] for row in self.outputs]


def read(waveform: Path, units: Mapping[tuple[str, ...], Ports], *,
         clock: str = "clk") -> dict[tuple[str, ...], Recording]:
    """Read a VCD file in which the top module has the clock.

    A unit is known by its path of instances from there, `without_numbers`.

    Raises
    ------
    ValueError
        If the file does not hold a port.
    """
    with waveform.open() as lines:
        names: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
        path: list[str] = []
        for line in lines:
            words = line.split()
            if words[:1] == ["$scope"]:
                path.append(without_numbers(words[2].removeprefix("\\")))
            elif words[:1] == ["$upscope"]:
                path.pop()
            elif words[:1] == ["$enddefinitions"]:
                break
            elif variable := _VARIABLE.search(line):
                names[tuple(path)][variable[2].removeprefix("\\")] = variable[1]
        tops = {scope[0] for scope in names} - {"$rootio"}
        if len(tops) != 1:
            raise ValueError(f"{waveform} has to have one top module, not {sorted(tops)}")
        top, = tops

        def found(unit: tuple[str, ...], port: str) -> str:
            try:
                return names[top, *unit][port]
            except KeyError:
                raise ValueError(f"{waveform} does not hold {port!r} of {'/'.join(unit)}") from None

        recordings = {unit: Recording(ports) for unit, ports in units.items()}
        columns = [(rows, [found(unit, port) for port in ports])
                   for unit, recording in recordings.items()
                   for rows, ports in ((recording.inputs, recording.ports.inputs),
                                       (recording.outputs, recording.ports.outputs))]
        ticks = found((), clock)
        values = {code: 0 for _, codes in columns for code in codes} | {ticks: 0}
        changed: dict[str, str] = {}
        for line in chain(lines, ["#"]):
            if line[0] in "01":
                changed[line[1:].strip()] = line[0]
            elif line[0] == "b":
                digits, code = line[1:].split()
                changed[code] = digits
            elif line[0] == "#":
                if changed.get(ticks) == "1" and not values[ticks]:
                    for rows, codes in columns:
                        rows.append(tuple(values[code] for code in codes))
                values |= {code: int(digits, 2) for code, digits in changed.items() if code in values}
                changed.clear()
    return recordings
