"""Breaks a unit on purpose, in many ways, to see whether its checks notice.

Yosys puts the mutations (inverted, constant or conditionally inverted inputs and outputs of gates) into one copy of the
unit, where a further input, ``mutation``, turns one of them on: one model serves them all. ABC says which of those that
nobody noticed change an output at all.
"""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from hdl import verilog

from . import batch, slices
from .yosys import abc, yosys

#: The unit as gates, without what ABC finds to be of no use: there, mutations would change nothing. Flip-flops are
#: plain ones, so that their resets and enables are gates as well; they themselves are left alone.
_SCRIPT = """
read_verilog -sv {name}.sv
hierarchy -top {name}
proc -norom
flatten
memory_map
opt_expr -full
techmap
{registers}
opt_expr
opt_merge
abc -g AND,OR,XOR,MUX -script +{reduce};{reduce};strash;ifraig;dc2;strash;map
opt_clean -purge
select t:$_DFF_P_ %n
mutate -list {count} -seed {seed} -ctrl mutation {width} 1 -o mutations.ys
select -clear
script mutations.ys
write_verilog -sv -noattr mutated.sv
"""

#: Equal signals become one, and gates that make no difference go.
_REDUCE = "strash;ifraig;dc2;if,-K,6;mfs2,-a,-e,-L,200"

#: The registers of a unit with feedback, and those of a pipeline, which become wires, as in `slices`.
_REGISTERS = "dfflegalize -cell $_DFF_P_ 01"
_WIRES = "setattr -unset init w:*\ndfflegalize -cell $_DFF_P_ x\ntechmap -map wire.v"

#: The mutated unit as a graph for ABC, and the same with one mutation turned on for good.
_GRAPH = """
read_verilog -sv mutated.sv
proc
flatten
techmap
dfflegalize -cell $_DFF_P_ 01
aigmap
design -save mutated
"""
_MUTANT = """
design -load mutated
connect -set mutation {width}'d{number}
delete -input w:mutation
opt_clean -purge
write_aiger -zinit mutant{number}.aig
"""

#: Seconds of a CPU after which ABC gives up.
_TIMEOUT = 120

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


@dataclass(frozen=True)
class Survivors:
    """The mutations that a check did not notice.

    Attributes
    ----------
    harmless : list of Mutation
        No check can: ABC has proved that they never change an output.
    missed : list of Mutation
        They change an output, or ABC could not tell.
    """

    harmless: list[Mutation]
    missed: list[Mutation]


class Mutant:
    """A compiled unit with one mutation turned on; call it in the same way."""

    def __init__(self, unit: batch.Batch | slices.Slices, number: int):
        self._unit = unit
        self._number = number

    def __call__(self, **inputs: ArrayLike) -> dict[str, NDArray]:
        return self._unit(mutation=self._number, **inputs)


def survivors(component: wiring.Component, *, name: str, latency: int | None, count: int, seed: int,
              caught: Callable[[Mutant], bool]) -> Survivors:
    """Break `component` in `count` ways, one at a time, and return those that nobody noticed.

    Parameters
    ----------
    component, name
        As for `batch.build`.
    latency : int or None
        As for `batch.build`; None: the component is for `slices.build`, which is faster.
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
    text, mutations = _mutate(verilog.emit(component, name=name), name=name, count=count, seed=seed,
                              registers=_WIRES if latency is None else _REGISTERS)
    inputs, outputs = batch.ports_of(component)
    inputs.append(batch.Port("mutation", _WIDTH))
    if latency is None:
        unit = slices.build_text(text, name=name, inputs=inputs, outputs=outputs)
    else:
        unit = batch.build_text(text, name=name, latency=latency, inputs=inputs, outputs=outputs)
    if caught(Mutant(unit, 0)):
        raise ValueError(f"the check finds {name!r} wrong without any mutation")
    left = [mutation for mutation in tqdm(mutations, desc=f"mutations of {name}", leave=False)
            if not caught(Mutant(unit, mutation.number))]
    harmless = _harmless(text, left, command="cec" if latency is None else "dsec")
    return Survivors(harmless, [mutation for mutation in left if mutation not in harmless])


def _harmless(text: str, mutations: list[Mutation], *, command: str) -> list[Mutation]:
    """Those with which the mutated unit of `text`, from reset on, always does what it does without any."""
    if not mutations:
        return []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "mutated.sv").write_text(text)
        yosys(_GRAPH + "".join(_MUTANT.format(width=_WIDTH, number=number)
                               for number in (0, *(mutation.number for mutation in mutations))), folder)
        return [mutation for mutation in mutations if "Networks are equivalent" in abc(
            f"{command} mutant0.aig mutant{mutation.number}.aig", folder, timeout=_TIMEOUT)]


def _mutate(text: str, *, name: str, count: int, seed: int, registers: str) -> tuple[str, list[Mutation]]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / f"{name}.sv").write_text(text)
        (folder / "wire.v").write_text(slices.WIRE)
        yosys(_SCRIPT.format(name=name, count=count, seed=seed, width=_WIDTH, registers=registers, reduce=_REDUCE),
              folder)
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
