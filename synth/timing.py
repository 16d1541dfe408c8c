"""Static timing of a mapped block: OpenSTA where it is installed, else the delay that ABC saw."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .netlist import is_clock
from .pdk import Pdk, read_liberty

#: Ports count as registers: inputs come with the clock edge, outputs have to be there at the next. What a latch of a
#: memory lets through in the cycle in which it is written is not used (`synth.memories`), so no path goes through one.
_LOAD = """
foreach library {{{libraries}}} {{ read_liberty $library }}
foreach netlist {{{netlists}}} {{ read_verilog $netlist }}
link_design {{{top}}}
set_cmd_units -time ps -capacitance fF
{arcs}
create_clock -name clk -period {period} {clocks}
{resets}
set_input_delay 0 -clock clk [all_inputs]
set_output_delay 0 -clock clk [all_outputs]
"""
_RESETS = "set_false_path -from {ports}"
_ARC = "set_disable_timing -from {start} -to {end} [get_lib_cells */{latch}]"

_REPORT = """
report_checks -path_delay max -path_group clk -fields {{fanout capacitance slew}} -digits 1
puts "{endpoints}"
report_checks -path_delay max -path_group clk -group_count 1000000 -format end -digits 1
"""

#: What resets are called.
_RESET = re.compile(r"(\w+_)?rst(\$\d+)?")

#: What the script prints between the slowest path and the slack of every endpoint.
_ENDPOINTS = "=== endpoints"


class TimingError(RuntimeError):
    """OpenSTA could not time a block; the message says what it said."""


@dataclass(frozen=True)
class Timing:
    """The slowest path of a block, clock-to-q and setup time included, and who says so.

    Attributes
    ----------
    period_ps : float
    tool : str
    start, end : str or None
        Registers or ports that it goes from and to.
    gates : int or None
        Gates between those.
    periods_ps : tuple of float
        The slowest path to every register and output.
    """

    period_ps: float
    timing_tool: str
    start: str | None = None
    end: str | None = None
    gates: int | None = None
    periods_ps: tuple[float, ...] = ()


def sta_version() -> str | None:
    """Version of the OpenSTA that is installed, if one is."""
    if shutil.which("sta") is None:
        return None
    return subprocess.run(["sta", "-version"], capture_output=True, text=True, check=True).stdout.strip()


def run_sta(folder: Path, name: str, script: str) -> str:
    """What OpenSTA says to a script; both are left in the folder."""
    path = folder / f"{name}.tcl"
    path.write_text(script)
    ran = subprocess.run(["sta", "-no_splash", "-exit", str(path)], capture_output=True, text=True, check=False)
    (folder / f"{name}.rpt").write_text(ran.stdout + ran.stderr)
    return ran.stdout + ran.stderr


def _ports(names: Iterable[str]) -> str:
    return "[get_ports {" + " ".join(names) + "}]"


def loading(folder: Path, *, netlist: Sequence[Path], top: str, inputs: Sequence[str], pdk: Pdk,
            libraries: Iterable[Path], period_ps: float) -> str:
    """A script that loads a netlist with its clock; clocks and resets are known by the names of its `inputs`.

    The cells are put into the folder: OpenSTA 2.0 cannot read what is compressed.
    """
    cells = folder / "timing.lib"
    cells.write_text(read_liberty(pdk.timing))
    latch = pdk.library.latch
    arcs = [_ARC.format(start=pin, end=latch.output, latch=latch.name) for pin in latch.inputs] if latch else []
    clocks = [name for name in inputs if is_clock(name)]
    resets = [name for name in inputs if _RESET.fullmatch(name)]
    return _LOAD.format(libraries=" ".join(map(str, (cells, *libraries))), netlists=" ".join(map(str, netlist)),
                        top=top, arcs="\n".join(arcs), period=period_ps, clocks=_ports(clocks) if clocks else "",
                        resets=_RESETS.format(ports=_ports(resets)) if resets else "")


def measure(folder: Path, *, netlist: Sequence[Path], top: str, inputs: Sequence[str], pdk: Pdk,
            libraries: Iterable[Path], target_ps: int, abc_ps: float) -> Timing:
    """Time a mapped block by OpenSTA; if that is not installed, by the delay that ABC saw in its slowest unit.

    The slowest path is left in `folder` in ``timing.rpt``.
    """
    if sta_version() is None:
        return Timing(period_ps=abc_ps, timing_tool="ABC, without clock-to-q and setup")
    report = run_sta(folder, "timing", loading(
        folder, netlist=netlist, top=top, inputs=inputs, pdk=pdk, libraries=libraries, period_ps=target_ps)
        + _REPORT.format(endpoints=_ENDPOINTS))
    (folder / "timing.lib").unlink()
    path, _, endpoints = report.partition(_ENDPOINTS)
    slack = re.search(r"([-\d.]+)\s+slack", path)
    if slack is None:
        raise TimingError(f"OpenSTA could not time {top}: {(report.strip() or 'no output').splitlines()[-1]} "
                          f"(all of it: {folder / 'timing.rpt'})")
    start, end = (_name(re.search(rf"^{point}: (\S+)", path, re.MULTILINE)) for point in ("Startpoint", "Endpoint"))
    steps = re.findall(r"[\^v] (\S+)/\S+ \(", path.partition("data arrival time")[0])
    registers = {name for point in ("Startpoint", "Endpoint")
                 for name in re.findall(rf"^{point}: (\S+)", path, re.MULTILINE)}
    slacks = re.findall(r"\)\s+[-\d.]+\s+[-\d.]+\s+(-?[\d.]+) \((?:VIOLATED|MET)\)$", endpoints, re.MULTILINE)
    return Timing(period_ps=target_ps - float(slack[1]), timing_tool=f"OpenSTA {sta_version()}", start=start, end=end,
                  gates=len(set(steps) - registers), periods_ps=tuple(target_ps - float(value) for value in slacks))


def _name(point: re.Match[str] | None) -> str | None:
    """A register's or port's name in the source: without what the mapping added."""
    return point and point[1].replace("\\", "").removesuffix("$_DFF_P_")
