"""The signature of a program of the RISC-V architectural tests: what it leaves between two symbols."""

import struct
from pathlib import Path

from hdl.config import SRAM_BASE, Config

from .elf import Program
from .errors import ProgramError

BEGIN, END = "begin_signature", "end_signature"

#: Bytes of a line of the file, as RISCOF's reference models write it.
_GRANULE = 4


def region(program: Program, config: Config) -> tuple[int, int]:
    """Address and size of a program's signature.

    Raises
    ------
    ProgramError
        If a symbol is missing, or they do not hold whole words of the SRAM between them.
    """
    missing = [name for name in (BEGIN, END) if name not in program.symbols]
    if missing:
        raise ProgramError(f"{program.path}: has no symbol {missing[0]}: a signature is what is between {BEGIN} and "
                           f"{END}")
    begin, end = (program.symbols[name] for name in (BEGIN, END))
    if not SRAM_BASE <= begin <= end <= config.sram_end or (begin | end) % _GRANULE:
        raise ProgramError(f"{program.path}: {BEGIN} is {begin:#x} and {END} {end:#x}: they must be multiples of "
                           f"{_GRANULE} in the SRAM, in this order")
    return begin, end - begin


def write(path: Path, signature: bytes) -> None:
    """Write a signature as text: a line of 8 hexadecimal digits for each little-endian word of 4 bytes."""
    path.write_text("".join(f"{word:08x}\n" for word, in struct.iter_unpack("<I", signature)))
