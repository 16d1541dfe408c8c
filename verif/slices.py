"""Streams NumPy arrays through a unit as gates, 512 rows at a time: ten times and more as fast as `verif.batch`.

The unit's Verilog becomes a graph of ANDs and inverters (Yosys), and that a function of C++ in which a bit of a word is
a row. Registers become wires, so the unit must be a pipeline, in which each output depends on one row of inputs. That
it is one, and that its stages keep in step, is for `verif.batch` to show.
"""

import ctypes
import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.lib import wiring
from numpy.typing import ArrayLike, NDArray

from hdl import verilog
from sim.verilator import ROOT

from .batch import Port, ports_of
from .yosys import yosys

_GRAPH = """
read_verilog -sv {name}.sv
hierarchy -top {name}
proc -norom
flatten
opt_expr -full
techmap
setattr -unset init w:*
dfflegalize -cell $_DFF_P_ x
techmap -map wire.v
opt_expr
opt_merge
abc -g AND,XOR,MUX -script +strash;ifraig;dc2;strash;map
aigmap
opt_clean -purge
write_aiger -symbols {name}.aig
"""

#: What a register becomes.
WIRE = '(* techmap_celltype = "$_DFF_P_" *) module wire_of(input C, D, output Q); assign Q = D; endmodule\n'

#: Rows go in blocks of 512, as 32 vectors of 16 words; transposed, a vector holds one bit of all rows.
_SOURCE = """
#include <cstdint>
#include <cstring>
typedef uint32_t V __attribute__((vector_size(64)));
static void transpose(V (&a)[32]) {{
    uint32_t mask = 0x0000FFFF;
    for (unsigned j = 16; j; j >>= 1, mask ^= mask << j)
        for (unsigned k = 0; k < 32; k = (k + j + 1) & ~j) {{
            const V t = ((a[k] >> j) ^ a[k + j]) & mask;
            a[k] ^= t << j;
            a[k + j] ^= t;
        }}
}}
static void gates(const V* in, V* out) {{
    const V zero = {{}};
{gates}
}}
extern "C" void run(uint64_t blocks, const uint32_t* const* in, uint32_t* const* out) {{
    static const unsigned in_bits[] = {{{in_bits}}}, out_bits[] = {{{out_bits}}};
    V rows[32], planes_in[{ins}], planes_out[{outs}];
    for (uint64_t block = 0; block < blocks; ++block) {{
        unsigned first = 0;
        for (unsigned port = 0; port < {in_ports}; first += in_bits[port++]) {{
            std::memcpy(rows, in[port] + 512 * block, sizeof rows);
            transpose(rows);
            std::memcpy(planes_in + first, rows, in_bits[port] * sizeof(V));
        }}
        gates(planes_in, planes_out);
        first = 0;
        for (unsigned port = 0; port < {out_ports}; first += out_bits[port++]) {{
            std::memset(rows, 0, sizeof rows);
            std::memcpy(rows, planes_out + first, out_bits[port] * sizeof(V));
            transpose(rows);
            std::memcpy(out[port] + 512 * block, rows, sizeof rows);
        }}
    }}
}}
"""

_BLOCK = 512


@dataclass(frozen=True)
class _Graph:
    """A combinational AIG: literals are twice a variable's number, plus 1 for its complement; 0 and 1 are constants."""

    inputs: list[str]  # names; their variables count from 1
    outputs: dict[str, int]  # literals by names
    ands: list[tuple[int, int]]  # literals, of the variables after those of the inputs


class Slices:
    """A compiled unit; call it as a `verif.batch.Batch`. Ports have up to 32 bits; outputs are ``uint32``."""

    def __init__(self, *, library: Path, inputs: list[Port], outputs: list[Port]):
        self._run = ctypes.CDLL(str(library)).run
        self._run.restype = None
        self._inputs = inputs
        self._outputs = outputs

    def __call__(self, **inputs: ArrayLike) -> dict[str, NDArray[np.uint32]]:
        names = {port.name for port in self._inputs}
        if inputs.keys() != names:
            raise TypeError(f"the unit's inputs are {', '.join(sorted(names))}, not {', '.join(sorted(inputs))}")
        rows = max(np.shape(values)[0] if np.ndim(values) else 1 for values in inputs.values())
        blocks = -(-rows // _BLOCK)

        def padded(port: Port) -> NDArray[np.uint32]:
            array = np.zeros(blocks * _BLOCK, np.uint32)
            array[:rows] = port.array(inputs[port.name], rows)
            return array

        read = [padded(port) for port in self._inputs]
        written = [np.empty(blocks * _BLOCK, np.uint32) for _ in self._outputs]

        def pointers(arrays: list[NDArray[np.uint32]]):
            return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))

        self._run(ctypes.c_uint64(blocks), pointers(read), pointers(written))
        return {port.name: array[:rows] for port, array in zip(self._outputs, written, strict=True)}


def build(component: wiring.Component, *, name: str) -> Slices:
    """Compile a pipeline, or find the library that is there.

    Raises
    ------
    ValueError
        If a port is wider than 32 bits.
    RuntimeError
        If it has feedback, and so is not a pipeline, or Yosys cannot read it.
    """
    inputs, outputs = ports_of(component)
    return build_text(verilog.emit(component, name=name), name=name, inputs=inputs, outputs=outputs)


def build_text(text: str, *, name: str, inputs: list[Port], outputs: list[Port]) -> Slices:
    """As `build`, for Verilog text and the top module's ports."""
    if wide := [port for port in (*inputs, *outputs) if port.width > 32]:
        raise ValueError(f"port {wide[0].name!r} has {wide[0].width} bits: slices take up to 32")
    key = hashlib.sha256("\0".join((text, _GRAPH, _SOURCE)).encode()).hexdigest()[:16]
    library = ROOT / "build" / "models" / f"{name}-gates-{key}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / f"{name}.sv").write_text(text)
            (folder / "wire.v").write_text(WIRE)
            yosys(_GRAPH.format(name=name), folder)
            source = folder / "gates.cpp"
            source.write_text(_source(_read((folder / f"{name}.aig").read_bytes()), inputs, outputs))
            fresh = library.with_suffix(".new")
            subprocess.run(["g++", "-std=c++17", "-O2", "-march=native", "-shared", "-fPIC", str(source), "-o",
                            str(fresh)], check=True)
            fresh.replace(library)
    return Slices(library=library, inputs=inputs, outputs=outputs)


def _read(aig: bytes) -> _Graph:
    """The graph of a binary AIGER file with symbols."""
    header, rest = aig.split(b"\n", 1)
    _, inputs, latches, outputs, ands = map(int, header.split()[1:6])
    if latches:
        raise RuntimeError(f"{latches} registers are left")
    lines = rest.split(b"\n", outputs)
    literals, body = [int(line) for line in lines[:outputs]], lines[outputs]
    position, graph = 0, []

    def number() -> int:
        nonlocal position
        value, shift = 0, 0
        while True:
            byte = body[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    for index in range(ands):
        left = 2 * (inputs + 1 + index) - number()
        graph.append((left, left - number()))
    lines = body[position:].split(b"\nc\n")[0].decode().splitlines()
    symbols = dict(line.split(" ", 1) for line in lines)
    return _Graph([symbols[f"i{index}"] for index in range(inputs)],
                  {symbols[f"o{index}"]: literal for index, literal in enumerate(literals)}, graph)


def _bits(port: Port) -> list[str]:
    return [port.name] if port.width == 1 else [f"{port.name}[{bit}]" for bit in range(port.width)]


def _source(graph: _Graph, inputs: list[Port], outputs: list[Port]) -> str:
    places = {name: place for place, name in enumerate(bit for port in inputs for bit in _bits(port))}

    def value(literal: int) -> str:
        variable = f"n{literal >> 1}" if literal > 1 else "zero"
        return f"~{variable}" if literal & 1 else variable

    gates = [f"    const V n{index} = in[{places[name]}];" for index, name in enumerate(graph.inputs, 1)
             if name in places]
    gates += [f"    const V n{index} = {value(a)} & {value(b)};"
              for index, (a, b) in enumerate(graph.ands, 1 + len(graph.inputs))]
    named = [bit for port in outputs for bit in _bits(port)]
    gates += [f"    out[{place}] = {value(graph.outputs[name])};" for place, name in enumerate(named)]

    def widths(ports: list[Port]) -> str:
        return ", ".join(str(port.width) for port in ports)

    return _SOURCE.format(gates="\n".join(gates), in_bits=widths(inputs), out_bits=widths(outputs),
                          ins=len(places), outs=len(named), in_ports=len(inputs), out_ports=len(outputs))
