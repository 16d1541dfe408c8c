"""The core in lock-step at full speed: a compiled `CoreWithSram`, driven and compared in C++.

It checks what `verif.core.bench` checks, a few times as fast, and disturbs the core meanwhile: classes of the mesh that
do not move, reads of the SRAM by others, single errors in memory. Case by case it is the same simulation of the same
core, so a case that fails here can be replayed there, with waveforms; only without the disturbances.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from amaranth.lib import data
from numpy.typing import NDArray

from hdl import verilog
from hdl.config import SRAM_BASE, Config
from hdl.core.layouts import retirement_layout
from hdl.isa import File
from hdl.mem.port import request_layout
from hdl.mem.repair import injection_layout
from hdl.memory_map import THREAD_BLOCK, State, ThreadRegister
from sim import build
from sim.disassembler import disassemble
from sim.rtl import REPEATED
from sim.trace import destination
from verif.driver import driver

from .cases import COMPARED, Case
from .top import CoreWithSram

_WORD = 8


class Parted(AssertionError):
    """The core does not do what the model does."""


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What happens to a core beside its program.

    Attributes
    ----------
    seed : int
    hold : float
        Share of the time in which a class of packets does not move.
    reads : float
        Share of the cycles in which somebody else reads a line.
    flaws : sequence of (cycle, address, bit)
        Single errors; at most one for each word of 8 bytes.
    """

    seed: int = 1
    hold: float = 0
    reads: float = 0
    flaws: Sequence[tuple[int, int, int]] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A case that went well.

    Attributes
    ----------
    cycles : int
        From the first thread's start until the host saw that all have ended.
    executed : dict
        For each thread, the cycles in which its retired instructions were executed.
    held, disturbed : int
        Cycles in which a class was held; reads by others.
    """

    cycles: int
    executed: dict[int, NDArray[np.uint32]]
    held: int
    disturbed: int


class _Memory(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint64), ("lines", ctypes.c_void_p), ("content", ctypes.c_void_p)]


_FLAW = np.dtype([(name, np.uint32) for name in ("cycle", "line", "word", "first", "second")])


def _record(config: Config) -> np.dtype:
    return np.dtype([("pc", np.uint64), ("word", np.uint32), ("file", np.uint8), ("number", np.uint8),
                     ("padding", np.uint16), ("value", np.uint8, config.vector_bytes)])


@cache
def _structures(config: Config) -> tuple[type[ctypes.Structure], type[ctypes.Structure]]:
    """`Case` and `Difference` of engine.cpp."""
    class Thread(ctypes.Structure):
        _fields_ = [("runs", ctypes.c_uint64), ("pc", ctypes.c_uint64), ("count", ctypes.c_uint64),
                    ("records", ctypes.c_void_p), ("cycles", ctypes.c_void_p),
                    ("registers", ctypes.c_uint64 * len(COMPARED))]

    class Job(ctypes.Structure):
        _fields_ = [("seed", ctypes.c_uint64), ("limit", ctypes.c_uint64), ("before", _Memory), ("after", _Memory),
                    ("flaw_count", ctypes.c_uint64), ("flaws", ctypes.c_void_p),
                    ("hold", ctypes.c_uint32), ("disturb", ctypes.c_uint32), ("threads", Thread * config.threads),
                    *((name, ctypes.c_uint64) for name in ("cycles", "errors", "held", "disturbed"))]

    class Difference(ctypes.Structure):
        _fields_ = [*((name, ctypes.c_uint64) for name in ("kind", "thread", "index", "cycle")),
                    ("found", ctypes.c_uint8 * _record(config).itemsize)]

    return Job, Difference


def _element(layout: data.StructLayout, name: str) -> data.StructLayout:
    """The layout of an array's elements."""
    shape = layout[name].shape
    assert isinstance(shape, data.ArrayLayout)
    assert isinstance(shape.elem_shape, data.StructLayout)
    return shape.elem_shape


def _library(config: Config) -> Path:
    """The compiled core and its loop."""
    retirement = retirement_layout(config)

    def array(name: str, prefix: str) -> dict[str, int]:
        shape, element = retirement[name].shape, _element(retirement, name)
        assert isinstance(shape, data.ArrayLayout)
        return {prefix: retirement[name].offset, f"{prefix}_STRIDE": element.size, f"{prefix}S": shape.length}

    def late(name: str, prefix: str) -> dict[str, int]:
        element = _element(retirement, name)
        result = element["result"].shape
        assert isinstance(result, data.StructLayout)
        return array(name, prefix) | fields(element, prefix, "valid", "result") \
            | fields(result, prefix, "thread", "destination", "data")

    def fields(layout: data.Layout, prefix: str, *names: str) -> dict[str, int]:
        return {f"{prefix}_{name.upper()}": layout[name].offset for name in names}

    request, flaw = request_layout(config), injection_layout(config)
    constants = {
        "LINE_BYTES": config.vector_bytes, "LINE_BITS": config.line_bits, "THREADS": config.threads,
        "THREAD_BITS": config.thread_bits, "THREAD_BLOCK": THREAD_BLOCK, "REGISTERS": len(COMPARED),
        "PC": ThreadRegister.PC.value, "STATE": ThreadRegister.STATE.value,
        "HALTED": State.HALTED.value, "TRAPPED": State.TRAPPED.value,
        **array("slots", "SLOT"), **late("scalar", "SCALAR"), **late("vector", "VECTOR"),
        **fields(_element(retirement, "slots"), "SLOT", "valid", "waits", "thread", "pc", "word", "writes", "value"),
        "RESUMED": retirement["resumed"].offset,
        **fields(request, "REQUEST", "line", "write", "mask", "data"),
        **fields(flaw, "FLAW", "line", "word", "first", "second"), "FLAW_WORD_BITS": flaw["word"].width,
    }
    return build.library(verilog.emit(CoreWithSram(config=config), name="core"), name="core",
                         driver=driver(Path(__file__).with_name("engine.cpp"), constants), no_inline=REPEATED)


class Engine:
    """A compiled core, until the process ends. Between cases it is reset; registers and SRAM keep what they hold."""

    def __init__(self, config: Config):
        self.config = config
        self._job, self._difference = _structures(config)
        library = ctypes.CDLL(str(_library(config)))
        library.engine_new.restype = ctypes.c_void_p
        library.engine_run.argtypes = [ctypes.c_void_p] * 3
        self._library = library
        self._core = ctypes.c_void_p(library.engine_new())
        self._written: set[int] = set()

    def run(self, case: Case, disturbance: Disturbance | None = None) -> Outcome:
        """Run a case.

        Raises
        ------
        Parted
            At the first difference from the model.
        """
        config, disturbance = self.config, disturbance or Disturbance()
        job, difference = self._job(), self._difference()
        empty = bytes(config.vector_bytes)
        before = dict(case.memory)
        before |= dict.fromkeys(self._written - before.keys(), empty)
        self._written = {address for address, _ in case.memory}
        kept: list[NDArray] = [*self._memory(job.before, sorted(before.items())), *self._memory(job.after, case.final)]
        flaws = np.array([(0, *self._place(address), first, second) for address, first, second in case.flaws]
                         + [(cycle, *self._place(address), bit, bit)
                            for cycle, address, bit in sorted(disturbance.flaws)], _FLAW)
        job.flaw_count, job.flaws = len(flaws), flaws.ctypes.data
        job.seed, job.limit = disturbance.seed, case.limit
        job.hold, job.disturb = int(disturbance.hold * 2**32), int(disturbance.reads * 2**32)
        executed = {}
        for thread, pc in case.start:
            records = self._records(case.retired[thread])
            executed[thread] = np.zeros(len(records), np.uint32)
            entry = job.threads[thread]
            entry.runs, entry.pc, entry.count = 1, pc, len(records)
            entry.records, entry.cycles = records.ctypes.data, executed[thread].ctypes.data
            kept.append(records)
        self._library.engine_run(self._core, ctypes.byref(job), ctypes.byref(difference))
        if difference.kind:
            raise Parted(f"{case.name}: {self._explained(case, difference)}")
        for thread, expected in case.threads.items():
            for register, value, found in zip(expected, expected.values(), job.threads[thread].registers, strict=True):
                if found != value:
                    raise Parted(f"{case.name}: {register.name} of thread {thread} is {found:#x}, not {value:#x}")
        if job.errors != case.errors:
            raise Parted(f"{case.name}: {job.errors} errors were counted, not {case.errors}")
        for (address, content), found in zip(case.final, kept[3], strict=True):
            if content != found.tobytes():
                raise Parted(f"{case.name}: memory at {address:#x} is {found.tobytes().hex()}, not {content.hex()}")
        return Outcome(cycles=job.cycles, executed=executed, held=job.held, disturbed=job.disturbed)

    def _place(self, address: int) -> tuple[int, int]:
        line, offset = divmod(address - SRAM_BASE, self.config.vector_bytes)
        return line, offset // _WORD

    def _memory(self, memory: _Memory, lines: Sequence[tuple[int, bytes]]) -> tuple[NDArray[np.uint32],
                                                                                   NDArray[np.uint8]]:
        """Let the structure point to lines; returns their numbers and their content, which must be kept."""
        size = self.config.vector_bytes
        content = np.frombuffer(b"".join(content for _, content in lines), np.uint8).reshape(-1, size).copy()
        numbers = np.array([(address - SRAM_BASE) // size for address, _ in lines], np.uint32)
        memory.count, memory.lines, memory.content = len(lines), numbers.ctypes.data, content.ctypes.data
        return numbers, content

    def _records(self, retired: Sequence[tuple[int, int, bytes]]) -> NDArray[np.void]:
        size = self.config.vector_bytes
        parts = []
        for pc, word, value in retired:
            file, number = destination(word)
            parts.append(pc.to_bytes(8, "little") + word.to_bytes(4, "little") + bytes((file, number, 0, 0))
                         + value.ljust(size, b"\0"))
        return np.frombuffer(b"".join(parts), _record(self.config))

    def _explained(self, case: Case, difference) -> str:
        """What is different, in words, with the instructions before it."""
        thread, index = difference.thread, difference.index
        [found] = np.frombuffer(bytes(difference.found), _record(self.config))
        retired = case.retired[thread]

        def text(pc: int, word: int, value: bytes) -> str:
            return f"{pc:08x} {word:08x} {value[::-1].hex() or '-'}  {disassemble(word, pc)}"

        expected = text(*retired[index]) if index < len(retired) else "(has ended)"
        size = len(retired[index][2]) if index < len(retired) else 0
        observed = text(int(found["pc"]), int(found["word"]), found["value"].tobytes()[:size])
        said = {
            1: f"executed {observed}", 2: f"has {observed}", 3: f"goes on with {observed}",
            4: "has not done it when all threads have ended", 5: "has a late result that nobody waits for",
            6: f"is not done after {case.limit:,} cycles"}[difference.kind]
        before = "\n".join(f"  {text(*item)}" for item in retired[max(index - 6, 0):index])
        return (f"thread {thread}, instruction {index}, cycle {difference.cycle}:\n{before}\n"
                f"  model: {expected}\n  core:  {said}")


assert (File.NONE, File.X, File.V) == (0, 1, 2), "as engine.cpp has them"
