"""Synthesises blocks of a preset, each unit of them once for each content."""

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from hdl.blocks import block
from hdl.config import Config
from hdl.mesh import NODE_MODULE
from hdl.verilog import View, emit

from . import ecp5, macros, memories, netlist, timing, yosys
from .mapping import FLIP_FLOPS, TRANSISTORS
from .pdk import ROOT, Library, Pdk
from .units import MODULE, Unit, renumbered, split
from .yosys import SynthesisError

BUILD = ROOT / "build" / "synth"

#: What a node is called.
NODE = "node"

#: An input in the Verilog of a netlist.
_INPUT = re.compile(r"^  input (?:\[\d+:\d+\] )?\\?(\S+?) ?;", re.MULTILINE)

#: Parts that take less than this share of a block's cells are not shown by themselves.
_SMALL = 0.01

#: The modules of this package that make netlists, and those that make figures of them.
_MAPPING = ("mapping", "macros", "memories", "netlist", "pdk", "units")
_FIGURES = ("flow", "timing")


@dataclass(frozen=True)
class Result:
    """Figures of a block. Memories are not in them, but for `memory_bits`; wires are not in them at all.

    Attributes
    ----------
    cells, flip_flops, latches : int
        Standard cells, and the flip-flops and the latches among them.
    memories : dict of int
        Shapes of the memories that were kept out, and how many of each there are.
    memory_bits : int
        Bits of those.
    memories_um2 : float or None
        About what the memories among them that are no macros would take if they were built from latches; in no other
        figure.
    macros : int
        SRAM macros among them.
    depth : int
        Gates on the longest path within a unit of the hierarchy.
    nand2 : float
        Area in NAND2 gates; without a PDK, transistors / 4.
    parts : dict of float
        The same area or transistors, of the cells of each unit of the hierarchy itself, all its copies together.
    macros_um2 : float or None
        Area of the SRAM macros, by their LEF files; None if there are none, or no files.
    area_um2, transistors : float or None
        Area of the cells; without a PDK, an estimate of the transistors.
    period_ps, timing_tool : or None
        Slowest path, and who says so.
    start, end : str or None
        Registers or ports that it goes from and to.
    gates : int or None
        Gates on it.
    periods_ps : list of float
        Slowest path to every register and output.
    ecp5 : dict of int or None
        Primitives of an ECP5 FPGA that the block takes, if that was asked for; see `synth.ecp5`.
    inside : list of Result
        Of a node and of a core, their parts, but for small ones; each before what is in it.
    """

    block: str
    cells: int
    flip_flops: int
    latches: int
    memories: dict[str, int]
    memory_bits: int
    macros: int
    depth: int
    nand2: float
    parts: dict[str, float]
    memories_um2: float | None = None
    area_um2: float | None = None
    transistors: int | None = None
    macros_um2: float | None = None
    period_ps: float | None = None
    timing_tool: str | None = None
    start: str | None = None
    end: str | None = None
    gates: int | None = None
    periods_ps: list[float] = field(default_factory=list)
    ecp5: dict[str, int] | None = None
    inside: list["Result"] = field(default_factory=list)

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Result":
        """What `dataclasses.asdict` made a dictionary of."""
        inside = [cls.of(part) for part in fields["inside"]]
        return replace(cls(**fields), inside=inside)

    @property
    def whole(self) -> float:
        """Area of the cells and of the macros in um2; without a PDK, transistors of the cells."""
        cells = self.transistors if self.area_um2 is None else self.area_um2
        return (cells or 0.0) + (self.macros_um2 or 0.0)


@dataclass(frozen=True)
class Netlist:
    """A mapped block: a folder for each unit of its hierarchy, with the unit's ``mapped.v`` and ``yosys.log``."""

    top: str
    folders: dict[str, Path]

    def figures(self) -> dict[str, dict]:
        """What the mapping of each unit said."""
        return {unit: json.loads((folder / "figures.json").read_text()) for unit, folder in self.folders.items()}

    def verilog(self) -> list[Path]:
        """Verilog of the units."""
        return [folder / "mapped.v" for folder in self.folders.values()]

    def inputs(self) -> list[str]:
        """Names of the top's inputs."""
        return _INPUT.findall((self.folders[self.top] / "mapped.v").read_text())

    def cells(self) -> dict[str, Counter[str]]:
        """Cells and units in each unit, by their types."""
        return {unit: Counter(figure["cells"]) for unit, figure in self.figures().items()}

    def kept_out(self) -> dict[str, memories.Memory]:
        """The memories that are black boxes, by name."""
        found = (memories.Memory(**fields) for figure in self.figures().values() for fields in figure["memories"])
        return {memory.name: memory for memory in found if not memory.latches}

    def within(self, unit: str) -> "Netlist":
        """That of a unit in it."""
        placed = netlist.placements(self.cells(), unit)
        return Netlist(top=unit, folders={name: folder for name, folder in self.folders.items() if name in placed})

    def opened(self, folder: Path) -> list[Path]:
        """The Verilog that is timed as a whole: all of it, but for nodes of a mesh.

        Those are open between their links and the registers of their routers; what else is in them is timed with the
        node and is empty here, in a file in `folder`.
        """
        if self.top == NODE or NODE not in self.folders:
            return self.verilog()
        cells = self.cells()
        closed = {unit for unit in cells[NODE] if unit in cells} - {f"{NODE}.router"}
        seen = netlist.placements({unit: inside for unit, inside in cells.items() if unit not in closed}, self.top)
        boxes = MODULE.finditer((self.folders[NODE] / "boxes.v").read_text())
        empty = folder / "closed.v"
        empty.write_text("".join(box[0] for box in boxes if box[1].removeprefix("\\") in closed))
        return [*(self.folders[unit] / "mapped.v" for unit in seen), empty]


def versions() -> dict[str, str | None]:
    """Versions of the tools that the figures come from."""
    return {"pyosys": importlib.metadata.version("pyosys"), "opensta": timing.sta_version()}


def hash_of(*parts: bytes) -> str:
    """A hash of some contents, in this order."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _sources(modules: Sequence[str]) -> list[bytes]:
    return [(Path(__file__).parent / f"{module}.py").read_bytes() for module in modules]


def mapping_key(pdk: Pdk | None, target_ps: int) -> str:
    """A hash of everything that netlists depend on besides the Verilog."""
    liberty = [pdk.synthesis.read_bytes()] if pdk else []
    return hash_of(*_sources(_MAPPING), *liberty, json.dumps([versions()["pyosys"], target_ps]).encode())


def flow_key(pdk: Pdk | None, target_ps: int) -> str:
    """A hash of everything that results depend on besides the Verilog."""
    liberty = [pdk.timing.read_bytes()] if pdk else []
    sources = [*_sources(_FIGURES), *(path.read_bytes() for path in ecp5.SOURCES)]
    return hash_of(mapping_key(pdk, target_ps).encode(), *sources, *liberty, json.dumps(versions()).encode())


def synthesise(name: str, *, config: Config, pdk: Pdk | None, target_ps: int, fpga: bool = False,
               build: Path = BUILD) -> Result:
    """Figures of the block called `name`, as of `synthesise_component`; a ValueError if no block is called that.

    An ASIC has no multipliers to leave products to, whatever the configuration says.
    """
    asic = block(name, replace(config, hard_multipliers=False))
    return synthesise_text(emit(asic, name=name, view=View.ASIC), name=name, preset=config.name, pdk=pdk,
                           target_ps=target_ps, build=build,
                           fpga_text=emit(block(name, config), name=name, view=View.FPGA) if fpga else None)


def synthesise_component(component: wiring.Component, *, name: str, preset: str, pdk: Pdk | None, target_ps: int,
                         fpga: bool = False, build: Path = BUILD) -> Result:
    """Figures of a component, with `fpga` those of an ECP5 as well; netlists and logs are left in folders of `build`.

    Raises
    ------
    SynthesisError, TimingError
        If a tool fails.
    """
    text = emit(component, name=name, view=View.FPGA) if fpga else None
    return synthesise_text(emit(component, name=name, view=View.ASIC), name=name, preset=preset, pdk=pdk,
                           target_ps=target_ps, fpga_text=text, build=build)


def synthesise_text(text: str, *, name: str, preset: str, pdk: Pdk | None, target_ps: int,
                    fpga_text: str | None = None, build: Path = BUILD) -> Result:
    """As `synthesise_component`, for the component's Verilog, and that for an FPGA."""
    # Nodes of a mesh are called as the block is, so that they are mapped once for both.
    text, fpga_text = (re.sub(rf"\b{NODE_MODULE}\b", NODE, each) for each in (text, fpga_text or ""))
    key = hash_of(text.encode(), flow_key(pdk, target_ps).encode(), fpga_text.encode())[:16]
    folder = build / f"{preset}-{name}-{key}"
    stored = folder / "result.json"
    if not stored.exists():
        mapped = map_text(text, name=name, pdk=pdk, target_ps=target_ps, build=build)
        folder.mkdir(parents=True, exist_ok=True)
        primitives = ecp5.count(fpga_text, top=name, folder=folder) if fpga_text else None
        whole = _sizes(mapped, pdk)
        parts = list(_parts(mapped, _SMALL * whole.nand2, pdk))
        if pdk:
            whole = _timed(whole, mapped, folder, pdk, target_ps)
            with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
                parts = list(workers.map(lambda part: _timed(part, mapped, folder, pdk, target_ps), parts))
        write_whole(stored, json.dumps(asdict(replace(whole, ecp5=primitives, inside=parts)), indent=2))
    return Result.of(json.loads(stored.read_text()))


def _parts(mapped: Netlist, smallest: float, pdk: Pdk | None) -> Iterator[Result]:
    """Sizes of the parts of a node or of a core that take so many NAND2s, the largest first, each before its own."""
    names = [unit for unit in mapped.cells()[mapped.top] if unit.startswith(f"{mapped.top}.")]
    for part in sorted((_sizes(mapped.within(name), pdk) for name in names), key=lambda part: -part.whole):
        if part.nand2 >= smallest:
            yield part
            yield from _parts(mapped.within(part.block), smallest, pdk)


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_text(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def map_text(text: str, *, name: str, pdk: Pdk | None, target_ps: int, build: Path = BUILD) -> Netlist:
    """The netlist of emitted Verilog with top module `name`, its units mapped side by side, as many as there are CPUs.

    Raises
    ------
    SynthesisError
        If Yosys fails.
    """
    return map_units(split(renumbered(text), name), pdk=pdk, target_ps=target_ps, build=build)


def map_units(units: Sequence[Unit], *, pdk: Pdk | None, target_ps: int, build: Path = BUILD) -> Netlist:
    """As `map_text`, for the units that it was split into; the last is the top."""
    top, key = units[-1].name, mapping_key(pdk, target_ps)
    hashes = {unit.name: hash_of(key.encode(), unit.text.encode(), unit.boxes.encode())[:16] for unit in units}
    folders = {name: build / "units" / f"{name.replace('$', '_')}-{hashed}" for name, hashed in hashes.items()}
    waiting = [unit for unit in units if not folders[unit.name].exists()]
    if waiting:
        _say(f"{top}: {len(units)} units, {len(waiting)} to map")
    _side_by_side(lambda unit: _map_unit(unit, folders[unit.name], pdk, target_ps), waiting)
    return Netlist(top=top, folders=folders)


def _say(text: str) -> None:
    """Show how far it is."""
    print(text, file=sys.stderr, flush=True)


def _side_by_side(work: Callable[[Unit], None], units: list[Unit]) -> None:
    """The largest first, each told when it is done; the first error ends what has not begun."""
    units = sorted(units, key=lambda unit: -len(unit.text))
    start = time.monotonic()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        jobs = {workers.submit(work, unit): unit for unit in units}
        try:
            for number, job in enumerate(as_completed(jobs), 1):
                job.result()
                _say(f"{number} of {len(units)} mapped after {time.monotonic() - start:.0f} s: {jobs[job].name}")
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise


def _map_unit(unit: Unit, folder: Path, pdk: Pdk | None, target_ps: int) -> None:
    draft = folder.with_name(f"{folder.name}-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    (draft / "source.sv").write_text(unit.text)
    (draft / "boxes.v").write_text(unit.boxes)
    job = {"top": unit.name, "liberty": str(pdk.synthesis) if pdk else None, "target_ps": target_ps}
    (draft / "job.json").write_text(json.dumps(job))
    yosys.run("mapping", draft, what=f"map {unit.name}")
    if not (draft / "mapped.v").read_text().endswith("endmodule\n"):  # Yosys does not notice
        raise SynthesisError(f"the netlist of {unit.name} could not be written: no room in {draft}")
    try:
        draft.rename(folder)
    except OSError:  # somebody else has mapped the same
        if not folder.exists():
            raise
        shutil.rmtree(draft)


def _of_latches(memory: memories.Memory, library: Library) -> float:
    """About the area of a memory built from latches: a NAND2 and a half a bit for each port but the first to write."""
    latch = (library.latch or library.nand2).area
    return memory.bits * (latch + 1.5 * library.nand2.area * (memory.reads + memory.writes - 1))


def _macros(mapped: Netlist) -> dict[str, macros.Macro]:
    """The SRAM macros in a netlist, by name."""
    return macros.named_in(" ".join(cell for unit in mapped.cells().values() for cell in unit))


def _sizes(mapped: Netlist, pdk: Pdk | None) -> Result:
    """Figures of a netlist, but for its timing and what is only known of a whole block."""
    figures, cells_of = mapped.figures(), mapped.cells()
    cells = netlist.count(cells_of, mapped.top)
    kept_out, sram = mapped.kept_out(), _macros(mapped)
    bits = {name: memory.bits for name, memory in (kept_out | sram).items()}
    placed = {name: cells.pop(name) for name in bits}
    if pdk:
        areas = {cell.name: cell.area for cell in pdk.library.cells.values()}
        flip_flops, latches, unit_area = pdk.library.flip_flops, {pdk.library.latch and pdk.library.latch.name}, \
            pdk.library.nand2.area
    else:
        areas, flip_flops, latches, unit_area = TRANSISTORS, FLIP_FLOPS, set(), TRANSISTORS["$_NAND_"]
    area = sum(areas[cell] * number for cell, number in cells.items())
    known = [macro.area_um2 for macro in sram.values()]
    return Result(
        block=mapped.top,
        cells=cells.total(),
        flip_flops=sum(number for cell, number in cells.items() if cell in flip_flops),
        latches=sum(number for cell, number in cells.items() if cell in latches),
        memories=placed,
        memory_bits=sum(bits[name] * number for name, number in placed.items()),
        macros=sum(placed[name] for name in sram),
        depth=max(figure["depth"] for figure in figures.values()),
        nand2=area / unit_area,
        parts={unit: copies * sum(areas.get(cell, 0) * number for cell, number in cells_of[unit].items())
               for unit, copies in netlist.placements(cells_of, mapped.top).items()},
        memories_um2=sum(placed[name] * _of_latches(memory, pdk.library) for name, memory in kept_out.items())
        if pdk else None,
        area_um2=area if pdk else None,
        transistors=None if pdk else int(area),
        macros_um2=sum(placed[name] * macro.area_um2 for name, macro in sram.items() if macro.area_um2 is not None)
        if known and None not in known else None)


def _timed(sizes: Result, mapped: Netlist, folder: Path, pdk: Pdk, target_ps: int) -> Result:
    """Figures of a netlist, or of a part of it, with its timing; OpenSTA's files are left in `folder`."""
    if sizes.block != mapped.top:
        mapped, folder = mapped.within(sizes.block), folder / sizes.block.replace("$", "_")
        folder.mkdir(exist_ok=True)
    _say(f"timing {mapped.top}")
    (folder / "memories.lib").write_text(memories.liberty(mapped.kept_out().values()))
    libraries = [folder / "memories.lib", *(macro.liberty for macro in _macros(mapped).values() if macro.liberty)]
    timed = timing.measure(folder, netlist=mapped.opened(folder), top=mapped.top, inputs=mapped.inputs(), pdk=pdk,
                           libraries=libraries, target_ps=target_ps,
                           abc_ps=max(figure["delay_ps"] for figure in mapped.figures().values()))
    return replace(sizes, **asdict(timed))
