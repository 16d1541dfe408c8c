"""Traces of the RTL from the retirement port."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.lib import data

from hdl.config import Config
from hdl.core.layouts import retirement_layout
from hdl.isa import File
from sim.trace import Record, destination


def unpack(layout: data.Layout, bits: int) -> dict:
    """The fields of a struct or array, nested ones as dictionaries."""
    values = {}
    for name, field in layout:
        value = bits >> field.offset & (1 << field.width) - 1
        values[name] = unpack(field.shape, value) if isinstance(field.shape, data.Layout) else value
    return values


def _strobes(layout: data.Layout, offset: int = 0) -> int:
    """The bits of a retirement port that say that there is something to see."""
    bits = 0
    for name, field in layout:
        if name in ("valid", "resumed"):
            bits |= (1 << field.width) - 1 << offset + field.offset
        elif isinstance(field.shape, data.Layout):
            bits |= _strobes(field.shape, offset + field.offset)
    return bits


@dataclass(kw_only=True)
class _Pending:
    """A retired instruction whose line may still lack its value, or its grant."""

    cycle: int
    pc: int
    word: int
    file: File
    register: int
    value: int | None
    complete: bool


class RetirementMonitor:
    """Puts the lines of a node's trace together: in program order of each thread, complete with late results.

    Parameters
    ----------
    config : Config
    x, y : int
        The node.
    """

    def __init__(self, *, config: Config, x: int, y: int):
        self.layout = retirement_layout(config)
        self.digits = {File.X: 16, File.V: config.vector_bytes * 2}
        self.x, self.y = x, y
        self.pending: list[deque[_Pending]] = [deque() for _ in range(config.threads)]
        self.events = _strobes(self.layout)

    def sample(self, cycle: int, bits: int) -> Iterator[Record]:
        """Take the retirement port's bits of a cycle; yields the lines that are now complete."""
        if not bits & self.events:
            return
        event = unpack(self.layout, bits)
        for slot in event["slots"].values():
            if slot["valid"]:
                file, register = destination(slot["word"])
                self.pending[slot["thread"]].append(_Pending(
                    cycle=cycle, pc=slot["pc"], word=slot["word"], file=file, register=register,
                    value=slot["value"] if slot["writes"] else None,
                    complete=not slot["waits"] and (file is File.NONE or bool(slot["writes"]))))
        for file, name in ((File.X, "scalar"), (File.V, "vector")):
            for late in event[name].values():
                if late["valid"]:
                    self._late(late["result"], file)
        for thread, waiting in enumerate(self.pending):
            if event["resumed"] >> thread & 1:
                next(item for item in waiting if not item.complete and item.file is File.NONE).complete = True
            while waiting and waiting[0].complete:
                yield self._record(thread, waiting.popleft())

    def _late(self, result: dict, file: File) -> None:
        for item in self.pending[result["thread"]]:
            if not item.complete and item.file is file and item.register == result["destination"]:
                item.value, item.complete = result["data"], True
                return
        if file is File.V or result["destination"]:
            raise AssertionError(f"a late result that nobody waits for: {file.name}{result['destination']} of thread "
                                 f"{result['thread']}")

    def _record(self, thread: int, item: _Pending) -> Record:
        name, value = "-", "-"
        if item.value is not None:
            name, value = f"{item.file.name.lower()}{item.register}", f"{item.value:0{self.digits[item.file]}x}"
        return Record(cycle=item.cycle, x=self.x, y=self.y, thread=thread, pc=item.pc, word=item.word,
                      destination=name, value=value)
