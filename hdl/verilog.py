"""Verilog of a component, with every repeated block emitted once.

Amaranth writes each submodule out again for every place it stands. A `Block` is a submodule that is placed by name
instead: its body is emitted once, whatever the number of its copies, which keeps emission, simulation models and
synthesis small. `emit` gives self-contained text: the component, its blocks and the hand-written macros they use.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import ClockSignal, Instance, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In



@dataclass
class _Collected:
    """Blocks by module name, and macro files, that an emission has met."""

    blocks: dict[str, wiring.Component] = field(default_factory=dict)
    macros: dict[Path, None] = field(default_factory=dict)


_running: ContextVar[_Collected] = ContextVar("the emission that is running")


def _collected() -> _Collected:
    try:
        return _running.get()
    except LookupError:
        raise RuntimeError("blocks and macros can only be elaborated by hdl.verilog.emit") from None


class Block(wiring.Component):
    """A component placed by its module's name, with the component's own signature.

    Parameters
    ----------
    module : str
        Name of the Verilog module. Blocks of one name must be the same component with the same parameters.
    body : wiring.Component
        The component; copies may share it. It must be clocked by ``sync``.
    """

    def __init__(self, *, module: str, body: wiring.Component):
        super().__init__(body.signature)
        self.module = module
        self.body = body

    def elaborate(self, platform):
        _collected().blocks.setdefault(self.module, self.body)
        ports = {
            f"{'i' if member.flow is In else 'o'}_{'__'.join(map(str, path))}": Value.cast(value)
            for path, member, value in self.signature.flatten(self)
        }
        return Instance(self.module, ("i", "clk", ClockSignal()), ("i", "rst", ResetSignal()), **ports)


def use_macro(path: Path) -> None:
    """Make the running emission carry the Verilog of a hand-written macro that the design instantiates."""
    _collected().macros.setdefault(path)


def emit(top: wiring.Component, *, name: str) -> str:
    """Self-contained Verilog of `top` as module `name`; ports are named as Amaranth names them (``a__b__valid``)."""
    texts: dict[str, str] = {}
    collected = _Collected(blocks={name: top})
    token = _running.set(collected)
    try:
        while waiting := collected.blocks.keys() - texts.keys():
            for module in sorted(waiting):
                texts[module] = verilog.convert(
                    collected.blocks[module], name=module, emit_src=False, strip_internal_attrs=True)
    finally:
        _running.reset(token)
    return "\n".join([*(path.read_text() for path in collected.macros), *reversed(texts.values())])
