"""Berkeley SoftFloat on arrays: tens of millions of operations a second."""

import ctypes
import hashlib
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import softfloatpy
from numpy.typing import NDArray

from hdl.arith.operations import FloatOperation
from sim.verilator import ROOT

_SOURCE = Path(__file__).with_suffix(".cpp")


@cache
def _library() -> ctypes.CDLL:
    """The compiled loops. What they call is in softfloatpy's own library, which has to be loaded for all to see."""
    key = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:16]
    library = ROOT / "build" / "reference" / f"softfloat-{key}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        fresh = library.with_suffix(".new")
        subprocess.run(["g++", "-std=c++17", "-O2", "-shared", "-fPIC", str(_SOURCE), "-o", str(fresh)], check=True)
        fresh.replace(library)
    (core,) = Path(softfloatpy.__file__).parent.glob("_core*.so")
    ctypes.CDLL(str(core), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(str(library))


def float_operation(operation: FloatOperation, a: NDArray, b: NDArray, c: NDArray) -> tuple[NDArray, NDArray[np.uint8]]:
    """What `sim.numerics.float_operation` does, for all operations but those on signs."""
    if not operation.computes:
        raise ValueError(f"SoftFloat has no operation {operation.name}")
    function = _library().fp32 if a.dtype == np.uint32 else _library().bf16
    operands = [np.ascontiguousarray(array, a.dtype) for array in (a, b, c)]
    bits, flags = np.empty(len(a), a.dtype), np.empty(len(a), np.uint8)
    function(ctypes.c_uint(operation), ctypes.c_size_t(len(a)),
             *(ctypes.c_void_p(array.ctypes.data) for array in (*operands, bits, flags)))
    return bits, flags
