"""Breaks a unit on purpose, in many ways, to see whether its checks notice.

Yosys puts the mutations (inverted, constant or conditionally inverted bits of cells' inputs and outputs) into one copy
of the unit, where a further input, ``mutation``, turns one of them on: one model serves them all.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from hdl import verilog

from . import batch

#: Runs a script in a process of its own, which Yosys ends when it meets an error.
_YOSYS = "import sys; from pyosys import libyosys; libyosys.run_pass(f'script {sys.argv[1]}', libyosys.Design())"

_SCRIPT = """
read_verilog -sv {name}.sv
hierarchy -top {name}
proc -norom
flatten
memory_collect
opt
wreduce
opt -full
opt_clean -purge
mutate -list {count} -seed {seed} -ctrl mutation {width} 1 -o mutations.ys
script mutations.ys
write_verilog -sv -noattr mutated.sv
"""

#: Bits of the input that chooses a mutation; at 0 the unit is whole.
_WIDTH = 16


@dataclass(frozen=True)
class Mutation:
    """One way to break a unit: what `mode` does to a bit of a port of a cell, which `wire` names."""

    number: int
    mode: str
    cell: str
    port: str
    wire: str

    def __str__(self) -> str:
        return f"{self.number}: {self.mode} at {self.port} of {self.cell} ({self.wire})"


class Mutant:
    """A `batch.Batch` with one mutation turned on; call it in the same way."""

    def __init__(self, unit: batch.Batch, number: int):
        self._unit = unit
        self._number = number

    def __call__(self, **inputs: ArrayLike) -> dict[str, NDArray]:
        return self._unit(mutation=self._number, **inputs)


def survivors(component: wiring.Component, *, name: str, latency: int, count: int, seed: int,
              caught: Callable[[Mutant], bool]) -> list[Mutation]:
    """Break `component` in `count` ways, one at a time, and return those that nobody noticed.

    Parameters
    ----------
    component, name, latency
        As for `batch.build`.
    count : int
        Mutations, 1 to 65535; Yosys spreads them evenly over the unit.
    seed : int
        Chooses the mutations; the same seed chooses the same ones.
    caught : callable
        The unit's check: True if it finds anything wrong.

    Raises
    ------
    ValueError
        If the check finds something wrong with the whole unit, so that what it says of the others means nothing.
    """
    if not 1 <= count < 1 << _WIDTH:
        raise ValueError(f"the number of mutations must be 1 to {(1 << _WIDTH) - 1}, not {count!r}")
    text, mutations = _mutate(verilog.emit(component, name=name), name=name, count=count, seed=seed)
    inputs, outputs = batch.ports_of(component)
    unit = batch.build_text(text, name=name, latency=latency, inputs=[*inputs, batch.Port("mutation", _WIDTH)],
                            outputs=outputs)
    if caught(Mutant(unit, 0)):
        raise ValueError(f"the check finds {name!r} wrong without any mutation")
    return [mutation for mutation in tqdm(mutations, desc=f"mutations of {name}", leave=False)
            if not caught(Mutant(unit, mutation.number))]


def _mutate(text: str, *, name: str, count: int, seed: int) -> tuple[str, list[Mutation]]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / f"{name}.sv").write_text(text)
        script = folder / "script.ys"
        script.write_text(_SCRIPT.format(name=name, count=count, seed=seed, width=_WIDTH))
        ran = subprocess.run([sys.executable, "-c", _YOSYS, script.name], cwd=folder, capture_output=True, text=True,
                             check=False)
        if ran.returncode:
            raise RuntimeError(f"Yosys could not mutate {name!r}:\n{(ran.stdout + ran.stderr)[-2000:]}")
        return (folder / "mutated.sv").read_text(), _read((folder / "mutations.ys").read_text())


def _read(commands: str) -> list[Mutation]:
    """The mutations of Yosys's list."""
    mutations = []
    for command in commands.splitlines():
        options = dict(re.findall(r"-(\w+) ((?:mutation \d+ )?\S+)", command))
        mutations.append(Mutation(
            number=int(options["ctrl"].split()[-1]), mode=options["mode"], cell=options["cell"],
            port=f"{options['port']}[{options['portbit']}]",
            wire=f"{options.get('wire', 'unnamed')}[{options.get('wirebit', 0)}]"))
    return mutations
