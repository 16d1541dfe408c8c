"""What programs ask of their host through `tohost`, as the RISC-V test suites have it (HTIF).

An odd value ends the program. An even one is the address of a system call, eight 64-bit words: its number, then its
arguments; the host answers in the first word and writes 1 to `fromhost`. Device 1 prints a character at once.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hdl.config import SRAM_BASE, Config

from .errors import SimulationError

#: A node's (x, y).
Node = tuple[int, int]

#: Linux's numbers of the system calls that are carried out: the C libraries of bare programs use them, too.
_WRITE, _EXIT = 64, 93
_STANDARD_OUTPUT, _STANDARD_ERROR = 1, 2
_PAYLOAD_BITS = 48
_PRINT_CHARACTER = 0x0101
_WORD = 8


class BadRequest(SimulationError):
    """A program asks its host for what it does not do."""


class Memory(Protocol):
    """What reaches the memory of nodes."""

    async def read(self, accesses: Sequence[tuple[Node, int, int]]) -> list[bytes]:
        """Read the `size` bytes at each (node, address, size)."""
        ...

    async def write(self, accesses: Iterable[tuple[Node, int, bytes]]) -> None:
        """Write bytes to each (node, address)."""
        ...


def ends(value: int) -> bool:
    """Whether a value of `tohost` is a program's last word."""
    return bool(value & 1) and value >> _PAYLOAD_BITS != _PRINT_CHARACTER


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """Where a program and its host meet.

    Attributes
    ----------
    config : Config
    node : (x, y)
        The node that runs the program.
    tohost : int
    fromhost : int or None
        Addresses of the words; None if the program has no `fromhost`.
    """

    config: Config
    node: Node
    tohost: int
    fromhost: int | None

    async def serve(self, value: int, memory: Memory) -> int:
        """Carry out what a value of `tohost`, not 0, asks for.

        Returns the value of `tohost` that ends the program, or 0 if it goes on.

        Raises
        ------
        BadRequest
            If there is no such request.
        """
        if ends(value):
            return value
        device, payload = value >> _PAYLOAD_BITS, value & (1 << _PAYLOAD_BITS) - 1
        if device == _PRINT_CHARACTER:
            _print(bytes([payload & 0xFF]))
            await memory.write([(self.node, self.tohost, bytes(_WORD))])
            return 0
        if device or self.fromhost is None:
            raise BadRequest(f"tohost is {value:#x}: a program ends with an odd value; an even one asks the host for a "
                             "system call, which takes 0 in bits 63:48 and a symbol 'fromhost' for the answer")
        call = await self._read(memory, payload, 4 * _WORD)
        number, first, address, count = (int.from_bytes(call[start:start + _WORD], "little")
                                         for start in range(0, len(call), _WORD))
        if number == _EXIT:
            return (first << 1 | 1) & (1 << 64) - 1
        if number != _WRITE or first not in (_STANDARD_OUTPUT, _STANDARD_ERROR):
            raise BadRequest(f"the program asks the host for system call {number} ({first:#x}, {address:#x}, "
                             f"{count:#x}); there are write ({_WRITE}) to files 1 and 2, and exit ({_EXIT})")
        _print(await self._read(memory, address, count))
        for place, word in ((payload, count), (self.tohost, 0), (self.fromhost, 1)):
            await memory.write([(self.node, place, word.to_bytes(_WORD, "little"))])
        return 0

    async def _read(self, memory: Memory, address: int, size: int) -> bytes:
        if address < SRAM_BASE or address + size > self.config.sram_end:
            raise BadRequest(f"the program names {size:,} bytes at {address:#x} to the host, which are not in the SRAM")
        [data] = await memory.read([(self.node, address, size)]) if size else [b""]
        return data


def _print(text: bytes) -> None:
    sys.stdout.write(text.decode(errors="replace"))
    sys.stdout.flush()
