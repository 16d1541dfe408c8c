"""Streams NumPy arrays through a free-running unit: millions of vectors a second, for exhaustive and mass checks."""

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from numpy.typing import ArrayLike, NDArray

from hdl import verilog
from sim import build as models

_DRIVER = """
#include <cstdint>
#include <cstring>
#include "Vtop.h"
#include "verilated.h"
extern "C" void run(uint64_t rows, uint64_t latency, const void* const* in, void* const* out) {{
    VerilatedContext context;
    context.randReset(0);
    Vtop top{{&context, "top"}};
    auto tick = [&] {{ {tick} }};
    {reset}
    for (uint64_t row = 0; row < rows + latency; ++row) {{
        if (row < rows) {{ {drive} }}
        top.eval();
        if (row >= latency) {{ const uint64_t i = row - latency; {sample} }}
        tick();
    }}
}}
"""

#: Some rows come before the reset, so that it has something to do.
_RESET = """
    for (uint64_t row = 0; row < rows && row < 16; ++row) {{ {drive} top.eval(); tick(); }}
    top.rst = 1; top.eval(); tick(); top.rst = 0;
"""


@dataclass(frozen=True)
class Port:
    """A port in Verilog, and the array that stands for it."""

    name: str
    width: int

    @property
    def member(self) -> str:
        """What Verilator calls it in C++."""
        return self.name.replace("__", "___05F")

    @property
    def words(self) -> int:
        """32-bit words of a row; 0 if a row is one number."""
        return 0 if self.width <= 64 else -(-self.width // 32)

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        if self.words:
            return np.uint32
        return next(kind for bits, kind in ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64))
                    if self.width <= bits)

    def array(self, values: ArrayLike, rows: int) -> NDArray[np.unsignedinteger]:
        """Values as the driver reads them; one value stands for all rows."""
        shape = (rows, self.words) if self.words else (rows,)
        array = np.asarray(values)
        if array.dtype.kind not in "uib":
            raise TypeError(f"port {self.name!r} takes bit patterns as integers, not {array.dtype}")
        if not self.words and array.size and not 0 <= int(array.min()) <= int(array.max()) < 1 << self.width:
            raise ValueError(f"port {self.name!r} has {self.width} bits: {int(array.min())} to {int(array.max())} "
                             "do not fit")
        return np.ascontiguousarray(np.broadcast_to(array.astype(self.dtype), shape))


class Batch:
    """A compiled unit. Call it with an array, or one number for all rows, for each input port.

    Row i of the outputs is what the ports show `latency` cycles after row i of the inputs went in. Every call starts
    from reset. Ports of up to 64 bits are unsigned arrays [rows], wider ones uint32 arrays [rows, words], low word
    first.
    """

    def __init__(self, *, library: Path, latency: int, inputs: list[Port], outputs: list[Port]):
        self._run = ctypes.CDLL(str(library)).run
        self._run.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.POINTER(ctypes.c_void_p),
                              ctypes.POINTER(ctypes.c_void_p)]
        self._run.restype = None
        self._latency = latency
        self._inputs = inputs
        self._outputs = outputs

    def __call__(self, **inputs: ArrayLike) -> dict[str, NDArray[np.unsignedinteger]]:
        names = {port.name for port in self._inputs}
        if inputs.keys() != names:
            raise TypeError(f"the unit's inputs are {', '.join(sorted(names))}, not {', '.join(sorted(inputs))}")
        rows = max(np.shape(values)[0] if np.ndim(values) else 1 for values in inputs.values())
        read = [port.array(inputs[port.name], rows) for port in self._inputs]
        written = {port.name: np.empty((rows, port.words) if port.words else rows, port.dtype)
                   for port in self._outputs}

        def pointers(arrays: list[NDArray[np.unsignedinteger]]):
            return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))

        self._run(rows, self._latency, pointers(read), pointers(list(written.values())))
        return written


def build(component: wiring.Component, *, name: str, latency: int) -> Batch:
    """Compile `component`, or find the library that is there.

    Parameters
    ----------
    component : wiring.Component
        A unit that takes a row of inputs in every cycle; without handshakes, or with inputs that make none necessary.
    name : str
        Name of the top module.
    latency : int
        Cycles from inputs to outputs; 0 if they are connected combinationally.

    Raises
    ------
    sim.verilator.MissingTool, RuntimeError
        As `sim.build.build`.
    """
    inputs, outputs = ports_of(component)
    return build_text(verilog.emit(component, name=name), name=name, latency=latency, inputs=inputs, outputs=outputs)


def ports_of(component: wiring.Component) -> tuple[list[Port], list[Port]]:
    """The inputs and the outputs of a component, without clock and reset."""
    ports = verilog.ports_of(component)
    return ([Port(port, len(value)) for port, (value, flow) in ports.items() if flow is In],
            [Port(port, len(value)) for port, (value, flow) in ports.items() if flow is not In])


def build_text(text: str, *, name: str, latency: int, inputs: list[Port], outputs: list[Port]) -> Batch:
    """As `build`, for Verilog text and the top module's ports."""
    module = re.search(rf"^module {name}\(.*?^endmodule", text, re.DOTALL | re.MULTILINE)
    if module is None:
        raise ValueError(f"the text has no module {name!r}")
    has = {port for port in ("clk", "rst") if re.search(rf"^  input {port};", module[0], re.MULTILINE)}

    def drive(index: int, port: Port) -> str:
        row = f"static_cast<const {_c_type(port)}*>(in[{index}])"
        if port.words:
            return f"std::memcpy(top.{port.member}.data(), {row} + row * {port.words}, {4 * port.words});"
        return f"top.{port.member} = {row}[row];"

    def sample(index: int, port: Port) -> str:
        row = f"static_cast<{_c_type(port)}*>(out[{index}])"
        if port.words:
            return f"std::memcpy({row} + i * {port.words}, top.{port.member}.data(), {4 * port.words});"
        return f"{row}[i] = top.{port.member};"

    driven = " ".join(drive(index, port) for index, port in enumerate(inputs))
    driver = _DRIVER.format(
        tick="top.clk = 1; top.eval(); top.clk = 0;" if "clk" in has else "",
        reset=_RESET.format(drive=driven) if has == {"clk", "rst"} else "",
        drive=driven,
        sample=" ".join(sample(index, port) for index, port in enumerate(outputs)))
    library = models.library(text, name=name, driver=driver)
    return Batch(library=library, latency=latency, inputs=inputs, outputs=outputs)


def _c_type(port: Port) -> str:
    return f"uint{8 * np.dtype(port.dtype).itemsize}_t"
