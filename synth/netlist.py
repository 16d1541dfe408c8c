"""Works on netlists as Yosys writes them in JSON: buffers fan-out, counts cells, measures depth.

A module of such a netlist is a dictionary: ``ports`` with their ``bits``, and ``cells`` with their ``type`` and, for
each port, ``connections`` and ``port_directions``. A bit is the number of a net, or "0", "1" or "x".
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterator, Mapping

from .pdk import Cell

#: A wider net gets a tree of buffers, each with so many loads.
FANOUT = 16

#: What clocks are called: the one there is, and those behind gates.
_CLOCK = re.compile(r"(\w+_)?clk(\$\d+)?")


def is_clock(port: str) -> bool:
    """Whether a port of this name is a clock."""
    return _CLOCK.fullmatch(port) is not None


def clocks(module: dict) -> set[int]:
    """The bits of a module's nets that are clocks: its own inputs, and those of the blocks in it."""
    own = {name: port["bits"] for name, port in module["ports"].items() if port["direction"] == "input"}
    return {bit for ports in (own, *(cell["connections"] for cell in module["cells"].values()))
            for name, bits in ports.items() if is_clock(name) for bit in bits if isinstance(bit, int)}


def _bits(cell: dict, direction: str) -> Iterator[int]:
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == direction:
            yield from (bit for bit in bits if isinstance(bit, int))


def buffer(module: dict, cell: Cell, *, heavy: Collection[str] = ()) -> int:
    """Give wide nets trees of buffers, except for clocks; return the number of buffers.

    ABC has done so where a gate drives gates, but not for what flip-flops, memories, blocks and ports drive or read. An
    input is left with one load, so that it counts as one in the module above. Each input of a cell whose type is in
    `heavy` gets a buffer of its own: a macro's pin weighs as much as a dozen of gates', which ABC does not know.
    """
    (buffer_input,), buffer_output = cell.inputs, cell.output
    free = 1 + max((bit for net in module["netnames"].values() for bit in net["bits"] if isinstance(bit, int)),
                   default=1)
    ideal = clocks(module)
    inputs = {bit for port in module["ports"].values() if port["direction"] == "input" for bit in port["bits"]}
    loads: dict[int, list[tuple[list, int]]] = defaultdict(list)
    weighty = {id(bits) for reader in module["cells"].values() if reader["type"] in heavy
               for bits in reader["connections"].values()}
    for reader in module["cells"].values():
        for port, bits in reader["connections"].items():
            if reader["port_directions"][port] == "input":
                for index, bit in enumerate(bits):
                    if isinstance(bit, int) and bit not in ideal:
                        loads[bit].append((bits, index))
    added = 0

    def buffered(net: int, loads: list[tuple[list, int]]) -> tuple[list, int]:
        """The one load that is left of a net's."""
        nonlocal free, added
        for bits, index in loads:
            bits[index] = free
        source = [net]
        module["cells"][f"fanout_{net}_{free}"] = {
            "type": cell.name, "parameters": {}, "attributes": {},
            "port_directions": {buffer_input: "input", buffer_output: "output"},
            "connections": {buffer_input: source, buffer_output: [free]}}
        module["netnames"][f"fanout_{net}_{free}_y"] = {"bits": [free], "attributes": {}}
        free += 1
        added += 1
        return source, 0

    for net, here in loads.items():
        level = [buffered(net, [load]) if id(load[0]) in weighty else load for load in here]
        limit = 1 if net in inputs else FANOUT
        while len(level) > limit:
            level = [buffered(net, level[start:start + FANOUT]) for start in range(0, len(level), FANOUT)]
    return added


def depth(module: dict, gates_there_are: Collection[str]) -> int:
    """Gates on the longest path between flip-flops, memories, blocks and ports of the module."""
    gates = [cell for cell in module["cells"].values() if cell["type"] in gates_there_are]
    readers = defaultdict(list)
    for index, gate in enumerate(gates):
        for bit in _bits(gate, "input"):
            readers[bit].append(index)
    waits_for = Counter(index for gate in gates for bit in _bits(gate, "output") for index in readers[bit])
    level = [1] * len(gates)
    ready = deque(index for index in range(len(gates)) if not waits_for[index])
    done = 0
    while ready:
        index = ready.popleft()
        done += 1
        for bit in _bits(gates[index], "output"):
            for reader in readers[bit]:
                level[reader] = max(level[reader], level[index] + 1)
                waits_for[reader] -= 1
                if not waits_for[reader]:
                    ready.append(reader)
    if done != len(gates):
        raise ValueError(f"{len(gates) - done} gates are in or behind a combinational loop")
    return max(level, default=0)


def placements(cells: Mapping[str, Mapping[str, int]], top: str) -> Counter[str]:
    """How often `top` and each block below it is placed; `cells` are the counts of cells and blocks in each block."""
    placed = Counter({top: 1})
    for cell, number in cells[top].items():
        if cell in cells:
            for block, inside in placements(cells, cell).items():
                placed[block] += number * inside
    return placed


def count(cells: Mapping[str, Mapping[str, int]], top: str) -> Counter[str]:
    """Cells of each type in `top` and in the blocks below it."""
    total = Counter()
    for block, copies in placements(cells, top).items():
        for cell, number in cells[block].items():
            if cell not in cells:
                total[cell] += copies * number
    return total
