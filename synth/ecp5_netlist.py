"""Netlists of an ECP5's primitives, kept by what they were made of."""

from pathlib import Path

from sim.progress import timed

from . import ecp5
from .flow import hash_of, versions


def netlist_of(text: str, *, top: str, build: Path) -> str:
    """Map a module of `text` as it is mapped for a bitstream; return its primitives as Verilog.

    What has been mapped before is found in `build` by its content. `fpga.ecp5.CELLS` says what primitives do.

    Raises
    ------
    SynthesisError
        If Yosys fails.
    """
    flow = [path.read_bytes() for path in ecp5.SOURCES]
    folder = build / f"{top}-{hash_of(text.encode(), *flow, str(versions()['pyosys']).encode())[:16]}"
    mapped = folder / "netlist.v"
    if not mapped.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "source.sv").write_text(text)
        with timed(f"mapping {top} to an ECP5"):
            ecp5.synthesise(folder, top=top, sources=["source.sv"], blocks=[top], place=True)
        (folder / f"{top}.v").rename(mapped)
    return mapped.read_text()
