"""Static timing of a mapped block: OpenSTA where it is installed, else the delay that ABC saw."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .pdk import LATCH, Pdk, read_liberty

#: Ports count as registers: inputs come with the clock edge, outputs have to be there at the next. What a latch of a
#: memory lets through in the cycle in which it is written is not used (`synth.memories`), so no path goes through one.
_SCRIPT = """
foreach library {{{libraries}}} {{ read_liberty $library }}
read_verilog {netlist}
link_design {top}
foreach arc {{D CLK}} {{ set_disable_timing -from $arc -to Q [get_lib_cells */{latch}] }}
create_clock -name clk -period {period} [get_ports clk]
set_false_path -from [get_ports rst]
set_input_delay 0 -clock clk [all_inputs]
set_output_delay 0 -clock clk [all_outputs]
report_checks -path_delay max -path_group clk -fields {{fanout capacitance slew}} -digits 1
puts "{endpoints}"
report_checks -path_delay max -path_group clk -group_count 1000000 -format end -digits 1
"""

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
    periods_ps : tuple of float
        The slowest path to every register and output.
    """

    period_ps: float
    tool: str
    start: str | None = None
    end: str | None = None
    periods_ps: tuple[float, ...] = ()


def sta_version() -> str | None:
    """Version of the OpenSTA that is installed, if one is."""
    if shutil.which("sta") is None:
        return None
    return subprocess.run(["sta", "-version"], capture_output=True, text=True, check=True).stdout.strip()


def opensta(folder: Path, *, top: str, pdk: Pdk, target_ps: int) -> Timing:
    """Time the netlist of a mapped block's folder; the slowest path is left there in ``timing.rpt``."""
    cells = folder / "timing.lib"  # OpenSTA 2.0 cannot read what is compressed
    cells.write_text(read_liberty(pdk.timing))
    script = folder / "timing.tcl"
    libraries = (cells, folder / "memories.lib", *sorted(folder.glob("macro-*.lib")))
    script.write_text(_SCRIPT.format(
        libraries=" ".join(map(str, libraries)), netlist=folder / "mapped.v", top=top, period=target_ps,
        endpoints=_ENDPOINTS, latch=LATCH))
    result = subprocess.run(["sta", "-no_splash", "-exit", str(script)], capture_output=True, text=True, check=False)
    cells.unlink()
    report = result.stdout + result.stderr
    (folder / "timing.rpt").write_text(report)
    path, _, endpoints = report.partition(_ENDPOINTS)
    slack = re.search(r"([-\d.]+)\s+slack", path)
    if slack is None:
        raise TimingError(f"OpenSTA could not time {top}: {(report.strip() or 'no output').splitlines()[-1]} "
                          f"(all of it: {folder / 'timing.rpt'})")
    start, end = (_name(re.search(rf"^{point}: (\S+)", path, re.MULTILINE)) for point in ("Startpoint", "Endpoint"))
    slacks = re.findall(r"\)\s+[-\d.]+\s+[-\d.]+\s+(-?[\d.]+) \((?:VIOLATED|MET)\)$", endpoints, re.MULTILINE)
    return Timing(period_ps=target_ps - float(slack[1]), tool=f"OpenSTA {sta_version()}", start=start, end=end,
                  periods_ps=tuple(target_ps - float(value) for value in slacks))


def _name(point: re.Match[str] | None) -> str | None:
    """A register's or port's name in the source: without what the mapping added."""
    return point and point[1].replace("\\", "").removesuffix("$_DFF_P_")


def abc(folder: Path) -> Timing | None:
    """The delay that ABC saw in the slowest module of a block: optimistic, and without clock-to-q and setup."""
    delays = re.findall(r"^ABC: WireLoad.*Delay =\s*([\d.]+) ps", (folder / "yosys.log").read_text(), re.MULTILINE)
    return Timing(period_ps=max(map(float, delays)), tool="ABC, without clock-to-q and setup") if delays else None
