"""Works on netlists as Yosys writes them in JSON: buffers fan-out, counts cells, measures depth.

A module of such a netlist is a dictionary: ``ports`` with their ``bits``, and ``cells`` with their ``type`` and, for
each port, ``connections`` and ``port_directions``. A bit is the number of a net, or "0", "1" or "x".
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator

from . import macros
from .memories import PREFIX
from .pdk import LATCH

#: A wider net gets a tree of buffers, each with so many loads.
FANOUT = 16


def _bits(cell: dict, direction: str) -> Iterator[int]:
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == direction:
            yield from (bit for bit in bits if isinstance(bit, int))


def is_flip_flop(cell_type: str) -> bool:
    """Of ASAP7 or of Yosys's own gates."""
    return cell_type.startswith(("DFF", "$_DFF"))


def _is_gate(cell_type: str, modules: dict) -> bool:
    """It is neither a flip-flop nor a latch nor a memory nor a block of the hierarchy."""
    is_memory = cell_type.startswith((PREFIX, macros.PREFIX))
    return not (is_flip_flop(cell_type) or cell_type == LATCH or is_memory or cell_type in modules)


def buffer(module: dict, buffer_cell: str, *, clock: str, is_top: bool) -> int:
    """Give wide nets trees of buffers, except for the clock; return the number of buffers.

    ABC has done so where a gate drives gates, but not for what flip-flops, memories, blocks and ports drive or read. An
    input of a block is left with one load, so that it counts as one in the module above.
    """
    free = 1 + max((bit for net in module["netnames"].values() for bit in net["bits"] if isinstance(bit, int)),
                   default=1)
    clocks = set(module["ports"][clock]["bits"]) if clock in module["ports"] else set()
    inputs = set() if is_top else {bit for port in module["ports"].values() if port["direction"] == "input"
                                   for bit in port["bits"]}
    loads: dict[int, list[tuple[list, int]]] = defaultdict(list)
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for index, bit in enumerate(bits):
                    if isinstance(bit, int) and bit not in clocks:
                        loads[bit].append((bits, index))
    added = 0
    for net, here in loads.items():
        level = here
        limit = 1 if net in inputs else FANOUT
        while len(level) > limit:
            above = []
            for start in range(0, len(level), FANOUT):
                for bits, index in level[start:start + FANOUT]:
                    bits[index] = free
                source = [net]
                module["cells"][f"fanout_{net}_{free}"] = {
                    "type": buffer_cell, "parameters": {}, "attributes": {},
                    "port_directions": {"A": "input", "Y": "output"}, "connections": {"A": source, "Y": [free]}}
                module["netnames"][f"fanout_{net}_{free}_y"] = {"bits": [free], "attributes": {}}
                above.append((source, 0))
                free += 1
                added += 1
            level = above
    return added


def depth(module: dict, modules: dict) -> int:
    """Gates on the longest path between flip-flops, memories, blocks and ports of the module."""
    gates = [cell for cell in module["cells"].values() if _is_gate(cell["type"], modules)]
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


def placements(modules: dict, top: str) -> Counter:
    """How often `top` and each block below it is placed."""
    placed = Counter({top: 1})
    for cell in modules[top]["cells"].values():
        if cell["type"] in modules:
            placed += placements(modules, cell["type"])
    return placed


def count(modules: dict, top: str) -> Counter:
    """Cells of each type in `top` and in the blocks below it."""
    total = Counter()
    for cell_type, number in Counter(cell["type"] for cell in modules[top]["cells"].values()).items():
        inside = count(modules, cell_type) if cell_type in modules else {cell_type: 1}
        for inner_type, inner_number in inside.items():
            total[inner_type] += number * inner_number
    return total
