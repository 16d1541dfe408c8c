"""Execution traces in the format of docs/architecture.md: writing, reading and comparing them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from hdl.isa import File, decode

from .assembler import operands
from .disassembler import disassemble
from .errors import TraceError

if TYPE_CHECKING:
    from .thread import Thread


@dataclass(frozen=True, kw_only=True)
class Record:
    """One retired instruction; `destination` and `value` are '-' if it writes no register."""

    cycle: int
    x: int
    y: int
    thread: int
    pc: int
    word: int
    destination: str
    value: str

    def __str__(self) -> str:
        return (f"{self.cycle} {self.x},{self.y} {self.thread} {self.pc:08x} {self.word:08x} "
                f"{self.destination} {self.value}")

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line back."""
        try:
            cycle, node, thread, pc, word, destination, value = line.split()
            x, y = node.split(",")
            return cls(cycle=int(cycle), x=int(x), y=int(y), thread=int(thread), pc=int(pc, 16), word=int(word, 16),
                       destination=destination, value=value)
        except ValueError:
            raise TraceError(f"not a line of a trace: {line.rstrip()!r}") from None

    @property
    def effect(self) -> tuple[int, int, str, str]:
        """What two traces must have in common."""
        return self.pc, self.word, self.destination, self.value


@cache
def destination(word: int) -> tuple[File, int]:
    """The register that an instruction writes: its file (X, V or NONE) and number."""
    row = decode(word)
    number = operands(word, row.format).rd if row else 0
    if row is None or row.result not in (File.X, File.V) or (row.result is File.X and number == 0):
        return File.NONE, 0
    return row.result, number


class Trace(Protocol):
    """What a run of the model tells about the instructions that threads retire."""

    def write(self, thread: "Thread", word: int) -> None:
        """Called after the instruction has taken effect and before the pc moves on."""


class TraceWriter:
    """Writes what threads of the model retire."""

    def __init__(self, file: TextIO):
        self._file = file

    def write(self, thread: "Thread", word: int) -> None:
        """As `Trace.write`."""
        name, value = "-", "-"
        match destination(word):
            case (File.X, number):
                name, value = f"x{number}", f"{thread.x[number]:016x}"
            case (File.V, number):
                name, value = f"v{number}", thread.v[number][::-1].hex()
        record = Record(cycle=thread.node.mesh.steps, x=thread.node.x, y=thread.node.y, thread=thread.index,
                        pc=thread.pc, word=word, destination=name, value=value)
        self._file.write(f"{record}\n")


def parse(lines: Iterable[str]) -> Iterator[Record]:
    """Records of a trace, one a line."""
    return (Record.parse(line) for line in lines)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where the traces of a thread part: its `index`-th retired instruction, None in a trace that ended before."""

    x: int
    y: int
    thread: int
    index: int
    a: Record | None
    b: Record | None

    def __str__(self) -> str:
        def text(record: Record | None) -> str:
            return f"{record}  {disassemble(record.word, record.pc)}" if record else "(has ended)"

        return (f"node {self.x},{self.y} thread {self.thread}, instruction {self.index}:\n"
                f"  A: {text(self.a)}\n  B: {text(self.b)}")


def compare(a: Iterable[Record], b: Iterable[Record], *, prefix: bool = False) -> list[Difference]:
    """The first difference of each thread, ignoring cycles; with `prefix`, a trace may end before the other."""
    threads: tuple[defaultdict, defaultdict] = defaultdict(list), defaultdict(list)
    for records, by_thread in zip((a, b), threads, strict=True):
        for record in records:
            by_thread[record.y, record.x, record.thread].append(record)
    differences = []
    for key in sorted(threads[0].keys() | threads[1].keys()):
        y, x, thread = key
        for index, (left, right) in enumerate(zip_longest(threads[0][key], threads[1][key])):
            if (not prefix) if left is None or right is None else left.effect != right.effect:
                differences.append(Difference(x=x, y=y, thread=thread, index=index, a=left, b=right))
                break
    return differences
