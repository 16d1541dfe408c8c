"""Verilog of a component, with every repeated block emitted once.

Amaranth writes each submodule out again for every place it stands. A `Block` is a submodule that is placed by name
instead: its body is emitted once, whatever the number of its copies, which keeps emission, simulation models and
synthesis small. `emit` gives self-contained text: the component, its blocks and the hand-written macros they use.
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import ClockSignal, Const, Instance, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

#: How Yosys writes a constant to bits of a register: a process that waits for a change that never comes.
_CONSTANT = re.compile(r"always @\*(\n\s+\S+ = \d+'h[0-9a-f]+;)")

#: What the names of signals end with of which no two are set at a time, where they are the conditions of an ``If`` and
#: its ``Elif``: synthesis need not care about their order. Whoever uses it has to be sure of that.
ALONE = "_alone"
_CONDITION = rf"if (\(\w+{ALONE}(?:\[\d+\])?\)) begin\n"
_CHOICE = r"      \S+ = [^\n]+;\n"
_CHOICES = re.compile(rf"    {_CONDITION}((?:{_CHOICE})(?:    end else {_CONDITION}{_CHOICE})*)    end\n")

#: How Yosys writes a bit that stands in many places side by side. Verilator would work it out for each of them.
_REPEATED = re.compile(r"(\\\S+ (?:\[\d+\])?|[\w$']+(?:\[\d+(?::\d+)?\])?)((?:, \1){2,})(?=[ ,}])")

#: How a memory asks to be made of latches, which an FPGA does not have.
_LATCHES = re.compile(r' *\(\* ram_style = "latches" \*\)\n')

#: What Verilator's lint is not to ask of machine-written text; nothing else of its -Wall is turned off.
_LINT_OFF = {
    "DECLFILENAME": "one file holds all modules",
    "VARHIDDEN": "each module's names are its own",
    "UNUSEDSIGNAL": "intermediate values of expressions are wires, of which not every bit is used",
    "WIDTHEXPAND": "Amaranth has sized every expression; the text leaves it to Verilog's rules",
    "WIDTHTRUNC": "the same",
    "PROCASSINIT": "a register's reset value is also its initial value",
    "CASEOVERLAP": "a chain of conditions is a case whose first match counts",
    "CASEINCOMPLETE": "every signal has its default before a case; if it had not, LATCH would say so",
}


class View(Enum):
    """What the Verilog is for: macros have a body for each."""

    SIMULATION = "simulation"
    FPGA = "fpga"
    ASIC = "asic"


@dataclass
class _Collected:
    """Blocks by module name, and macro files, that an emission has met."""

    view: View
    blocks: dict[str, wiring.Component] = field(default_factory=dict)
    macros: dict[Path, None] = field(default_factory=dict)


_running: ContextVar[_Collected] = ContextVar("the emission that is running")


def _collected() -> _Collected:
    try:
        return _running.get()
    except LookupError:
        raise RuntimeError("blocks and macros can only be elaborated by hdl.verilog.emit") from None


def ports_of(component: wiring.Component) -> dict[str, tuple[Value, wiring.Flow]]:
    """The component's ports by their Verilog names, clock and reset left out.

    Members that are constants, like the ``ready`` of an always-ready stream, are no ports.
    """
    ports = {}
    for path, member, member_value in component.signature.flatten(component):
        value = Value.cast(member_value)
        if not isinstance(value, Const):
            ports["__".join(map(str, path))] = (value, member.flow)
    return ports


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
        ports = [("i" if flow is In else "o", name, value) for name, (value, flow) in ports_of(self).items()]
        return Instance(self.module, ("i", "clk", ClockSignal()), ("i", "rst", ResetSignal()), *ports)


def use_macro(path: Path) -> None:
    """Make the running emission carry the Verilog of a hand-written macro that the design instantiates.

    `path` is a file, or a folder with a file for each `View`.
    """
    collected = _collected()
    collected.macros.setdefault(path / f"{collected.view.value}.v" if path.is_dir() else path)


def emit(top: wiring.Component, *, name: str, view: View = View.SIMULATION) -> str:
    """Self-contained SystemVerilog of `top` as module `name`; its ports are called as in `ports_of`.

    In the ASIC view, SRAM macros are black boxes and have no text. In the FPGA view no memory asks for latches.
    """
    texts: dict[str, str] = {}
    collected = _Collected(view=view, blocks={name: top})
    token = _running.set(collected)
    try:
        while waiting := collected.blocks.keys() - texts.keys():
            for module in sorted(waiting):
                body = collected.blocks[module]
                ports = [value for value, _ in ports_of(body).values()]
                texts[module] = verilog.convert(
                    body, name=module, ports=ports, emit_src=False, strip_internal_attrs=True)
    finally:
        _running.reset(token)
    lint = [f"// verilator lint_off {rule} // {reason}" for rule, reason in _LINT_OFF.items()]
    text = "\n".join([*lint, *(path.read_text() for path in collected.macros), *reversed(texts.values())])
    if view is View.FPGA:
        text = _LATCHES.sub("", text)
    text = _REPEATED.sub(lambda run: f"{{{1 + run[2].count(f', {run[1]}')}{{{run[1]}}}}}", text)
    return _CHOICES.sub(_in_any_order, _CONSTANT.sub(r"always_comb\1", text))


def _in_any_order(conditions: re.Match) -> str:
    """The same as a case statement that synthesis takes to have one condition at a time."""
    others = re.sub(rf"    end else {_CONDITION}", r"      \1:\n  ", conditions[2])
    return f"    (* parallel_case *) case (1'b1)\n      {conditions[1]}:\n  {others}    endcase\n"
