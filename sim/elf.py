"""Loads programs: ELF files made by any RISC-V toolchain."""

from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from hdl.config import SRAM_BASE, Config

from .errors import ProgramError, ProgramTooLarge


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program for one node.

    Attributes
    ----------
    path : Path
        Where it came from.
    entry : int
        Local address of the first instruction.
    segments : list of (int, bytes)
        Local address and contents, bss filled with zeros.
    code : list of (int, bytes)
        Those sections that hold instructions.
    symbols : dict
        Addresses by name.
    """

    path: Path
    entry: int
    segments: list[tuple[int, bytes]]
    code: list[tuple[int, bytes]]
    symbols: dict[str, int]

    def word_at(self, address: int) -> int | None:
        """The instruction word at an address as it was loaded, or None if nothing was loaded there."""
        for start, data in self.segments:
            if start <= address <= start + len(data) - 4:
                return int.from_bytes(data[address - start:address - start + 4], "little")
        return None


def load(path: Path | str, config: Config) -> Program:
    """Read an ELF file and check that a node of `config` can hold and start it.

    Raises
    ------
    ProgramError
        If it cannot; the message says why in one line.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _program(path, ELFFile(file), config)
    except OSError as error:
        raise ProgramError(f"{path}: cannot be read: {error.strerror}") from error
    except ELFError as error:
        raise ProgramError(f"{path}: not an ELF file: {error}") from error


def _program(path: Path, elf: ELFFile, config: Config) -> Program:
    machine, bits = elf["e_machine"], elf.elfclass
    endianness = "little" if elf.little_endian else "big"
    if (machine, bits, endianness) != ("EM_RISCV", 64, "little"):
        raise ProgramError(f"{path}: is for {machine}, {bits} bits, {endianness}-endian; "
                           "a node runs EM_RISCV, 64 bits, little-endian")
    if elf["e_type"] != "ET_EXEC":
        raise ProgramError(f"{path}: is of type {elf['e_type']}; a node runs linked programs (ET_EXEC)")
    segments = []
    for segment in elf.iter_segments("PT_LOAD"):
        address, size = segment["p_paddr"], segment["p_memsz"]
        if size == 0:
            continue
        if address < SRAM_BASE or address + size > config.sram_end:
            error = ProgramTooLarge if address >= SRAM_BASE else ProgramError
            raise error(
                f"{path}: a segment of {size:,} bytes at {address:#x} does not fit in the SRAM of {config.name}, "
                f"{config.sram_bytes:,} bytes from {SRAM_BASE:#x} to {config.sram_end - 1:#x}")
        segments.append((address, segment.data().ljust(size, b"\0")))
    entry = elf["e_entry"]
    if not any(address <= entry < address + len(data) for address, data in segments):
        raise ProgramError(f"{path}: the entry point {entry:#x} lies in no loaded segment")
    tables = [section for section in elf.iter_sections() if isinstance(section, SymbolTableSection)]
    symbols = {symbol.name: symbol["st_value"] for table in tables for symbol in table.iter_symbols() if symbol.name}
    for name in ("tohost", "fromhost"):
        if name in symbols and not SRAM_BASE <= symbols[name] <= config.sram_end - 8:
            raise ProgramError(f"{path}: {name} at {symbols[name]:#x} is not in the SRAM, so that no host finds it")
    code = [(section["sh_addr"], section.data()) for section in elf.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR]
    return Program(path=path, entry=entry, segments=segments, code=code, symbols=symbols)
