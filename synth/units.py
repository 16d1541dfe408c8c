"""Splits emitted Verilog into units: the blocks that `hdl.verilog.emit` writes once for all their copies.

The node and the core are divided further, into their parts: ABC takes long for what is large.

Each unit is mapped by itself, the blocks in it as black boxes, and kept by its content: what several blocks of the
design have in common is mapped once, and what has not changed is not mapped again.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: A module of Verilog with the attributes before it; its name, which may be escaped.
MODULE = re.compile(r"^(?:\(\*[^\n]*\*\)\n)*module (\\\S+(?= )|[\w$]+).*?^endmodule\n?", re.DOTALL | re.MULTILINE)
#: Where a module is placed.
_PLACE = re.compile(r"^  (\\\S+|[\w$]+) +(?:#\(|\\?\S+ +\()", re.MULTILINE)

#: Blocks whose submodules are units of their own.
_DIVIDED = ("node", "node.core", "core")

#: A name that Amaranth or Yosys has made unique by numbers.
_NUMBERED = re.compile(r"(?<![\w.$])([A-Za-z_][\w.]*?)((?:\$\d+)+)(?![\w$])")

_PORT = re.compile(r"^  (?:input|output) [^\n]*;", re.MULTILINE)


@dataclass(frozen=True)
class Unit:
    """A block of the hierarchy.

    Attributes
    ----------
    name : str
        Its module.
    text : str
        Verilog of the module, of everything that is flattened into it, and of the macros it uses.
    inside : tuple of str
        Blocks that are placed in it, which are not in `text`.
    boxes : str
        Those as black boxes.
    """

    name: str
    text: str
    inside: tuple[str, ...]
    boxes: str


def renumbered(text: str) -> str:
    """Verilog in which names that numbers make unique are numbered in their order.

    As they come, the numbers count everything before them, and a change anywhere would change every unit behind it. A
    block that is emitted by itself, whose name is what is before the first dot, has names of its own.
    """
    names: dict[tuple[str, str], str] = {}
    counts = Counter()

    def in_module(module: re.Match) -> str:
        block = module[1].removeprefix("\\").split(".")[0]

        def name(match: re.Match) -> str:
            if (block, match[0]) not in names:
                counts[block, match[1]] += 1
                names[block, match[0]] = f"{match[1]}${counts[block, match[1]]}"
            return names[block, match[0]]

        return _NUMBERED.sub(name, module[0])

    return MODULE.sub(in_module, text)


def split(text: str, top: str) -> list[Unit]:
    """The units of emitted Verilog, each after those that are placed in it; `top` is the last."""
    modules = {match[1].removeprefix("\\"): match[0] for match in MODULE.finditer(text)}
    macros = {name for name, body in modules.items() if re.search(r"\binput\b", body.partition(";")[0])}  # by hand
    unit_of = {name: _unit(name) for name in modules}
    blocks = set(unit_of.values()) - macros
    made: dict[str, Unit] = {}

    def make(name: str) -> None:
        body = "".join(modules[module] for module, unit in unit_of.items() if unit == name)
        placed = sorted({word.removeprefix("\\") for word in _PLACE.findall(body)} & (blocks | macros))
        inside = tuple(word for word in placed if word in blocks)
        for block in inside:
            if block not in made:
                make(block)
        needed = "".join(modules[word] for word in placed if word in macros)
        made[name] = Unit(name=name, text=needed + body, inside=inside,
                          boxes="".join(_box(block, modules[block]) for block in inside))

    make(top)
    return list(made.values())


def below(units: Sequence[Unit], top: str) -> list[Unit]:
    """Of units, the one called `top` and all that are placed in it, in the same order."""
    inside = {unit.name: unit.inside for unit in units}
    needed, waiting = set(), [top]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += inside[name]
    return [unit for unit in units if unit.name in needed]


def _unit(module: str) -> str:
    """The unit that a module belongs to: Amaranth names submodules after those they are in."""
    unit, *below = module.split(".")
    while unit in _DIVIDED and below:
        unit = f"{unit}.{below.pop(0)}"
    return unit


def _box(name: str, body: str) -> str:
    """A module without what is in it."""
    header = re.search(r"^module [^;]*;\n", body, re.MULTILINE)
    assert header is not None
    return f"(* blackbox *)\n{header[0]}" + "\n".join(_PORT.findall(body)) + "\nendmodule\n"
