"""What the core's programs have met: every bin is derived from the instruction table.

Groups of bins ("goals" are those that can be met):

* operands: an instruction, and a relation or value of its operands;
* pairs: an instruction of one class directly behind one of another, in the same thread;
* hazards: a register that is read or written within `WINDOW` instructions of its being written or read, by classes;
* traps: an instruction and the cause that it traps with;
* csrs: each one read and, if it can be, written;
* threads: how many ran at once;
* predicates: an instruction under one that has no byte of a register, some or all;
* places: an instruction of a class in a later place of those that a thread issues in a cycle;
* meets: a load and a store of one address that a thread issues in a cycle, by what the older one is, and places;
* chained: operands, by place, that were the result of the first instruction of the cycle in which theirs was issued;
* contention: instructions of a class executed by two threads within `NEAR` cycles, so that one may have waited.

An instruction that traps counts like one that retires: it has been issued. Classes of instructions are what competes
for the same things: units, or the parts of a unit that differ in when their results come.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np

from hdl.config import GLOBAL_FLAG, Config
from hdl.core.issue import ALONE
from hdl.isa import (
    CSRS,
    INSTRUCTIONS,
    PREDICATES,
    Cause,
    CsrNumber,
    File,
    Format,
    Instruction,
    Matrix,
    Predicate,
    Unit,
    decode,
)
from sim.assembler import Operands, operands
from sim.isadoc import traps

from .cases import Case
from .engine import Outcome

#: A bin: its group and what identifies it there.
Bin = tuple[str, ...]

#: Instructions between two that make a hazard, both included.
WINDOW = 3

#: Cycles: more than a load takes.
NEAR = 8

#: The register files, and the operands that name one of their registers.
_FILES = {File.X: ("rd", "rs1", "rs2"), File.V: ("vd", "vs1", "vs2", "vs3"), File.ACCUMULATOR: ("ad", "as1"),
          File.PREDICATE: ("pd", "ps1", "ps2", "mask")}
_FIELDS = {"rd": "rd", "rs1": "rs1", "rs2": "rs2", "vd": "rd", "vs1": "rs1", "vs2": "rs2", "vs3": "rd", "ad": "rd",
           "as1": "rs1", "pd": "rd", "ps1": "rs1", "ps2": "rs2", "mask": "mask", "part": "rs2", "quarter": "rs2"}

#: Operands that may name the same register.
_PAIRS = (("rd", "rs1"), ("rd", "rs2"), ("rs1", "rs2"), ("vd", "vs1"), ("vd", "vs2"), ("vs1", "vs2"), ("vs3", "vs2"),
          ("pd", "ps1"), ("pd", "ps2"), ("ps1", "ps2"))

#: Units whose results depend on the values of integer registers in ways that matter here.
_VALUED = (Unit.ALU, Unit.MULDIV, Unit.BRANCH)


def is_scalar_access(row: Instruction) -> bool:
    """Whether a row is a load or store of an integer register, which may cross lines on its own node."""
    return row.unit in (Unit.MEMORY, Unit.PUT) and "imm" in row.operands and not {"vd", "vs2"} & set(row.operands)


def chained_operands(row: Instruction) -> list[str]:
    """Operands that can be the result of an instruction for the ALU beside which the row's is issued."""
    if row.unit is Unit.ALU or row.format is Format.B_TYPE:
        return [name for name in ("rs1", "rs2") if name in row.operands]
    stores = row.unit is Unit.MEMORY and is_scalar_access(row) and not row.rd_file
    return ["rs2"] if stores else []


def class_of(row: Instruction) -> str:
    """What an instruction competes with others for."""
    unit = row.unit.name.lower()
    if row.lanes is not None:
        return f"{unit} {row.lanes.name.lower()}"
    match row.unit:
        case Unit.MATRIX:
            steps = row.function in (Matrix.MULTIPLY, Matrix.START)
            return f"{unit} {'step' if steps else row.function.name.lower()}"
        case Unit.MEMORY:
            kind = "vector" if "vd" in row.operands or "vs2" in row.operands else "scalar"
            return f"{kind} {'load' if row.rd_file else 'store'}"
        case Unit.BRANCH:
            return "branch" if row.format is Format.B_TYPE else "jump"
        case Unit.SEMAPHORE:
            return f"semaphore {row.function.name.lower()}"
        case _:
            return unit


@dataclass(frozen=True, slots=True)
class Registers:
    """What an instruction names: (file, operand) of what it reads and writes."""

    reads: tuple[tuple[File, str], ...]
    writes: tuple[tuple[File, str], ...]


@cache
def registers(row: Instruction) -> Registers:
    """What a row reads and writes."""
    named = {name: file for file, names in _FILES.items() for name in names if name in row.operands}
    destination = next((name for name in named if name in ("rd", "vd", "ad", "pd")), None)
    reads = [(file, name) for name, file in named.items() if name != destination]
    writes = [(named[destination], destination)] if destination else []
    if destination and (len(re.findall(rf"\b{destination}\b", row.meaning)) > 1 or row.function is Matrix.MULTIPLY):
        reads += writes
    if row.advances:
        writes.append((File.X, "rs1"))
    return Registers(reads=tuple(reads), writes=tuple(writes))


def _relations(row: Instruction, config: Config) -> Iterator[tuple[str, ...]]:
    """Static operand bins of a row, as words of `name=...`."""
    for file, names in _FILES.items():
        present = [name for name in names if name in row.operands]
        if file is File.X:
            yield from ((f"{name}=x0",) for name in present)
        if file is not File.ACCUMULATOR:
            yield from ((f"{a}={b}",) for a, b in _PAIRS if {a, b} <= set(present))
            if len(present) > 1:
                yield (" != ".join(present),)
    for name, count in (("ad", config.accumulators), ("as1", config.accumulators), ("part", config.parts),
                        ("quarter", 4), *((name, PREDICATES) for name in _FILES[File.PREDICATE])):
        if name in row.operands:
            yield from ((f"{name}={number}",) for number in range(count))
    if "imm" in row.operands:
        yield from (("imm=0",), ("imm>0",))
        if row.format not in (Format.SHIFT, Format.SHIFTW, Format.CSRI):
            yield ("imm<0",)
        if row.format is Format.SHIFT:
            yield ("imm>31",)
    if row.unit in _VALUED:
        yield from ((f"{name}{sign}0",) for name in ("rs1", "rs2") if name in row.operands for sign in "=<>")
    if row.unit is Unit.BRANCH and row.format is Format.B_TYPE:
        yield from (("taken",), ("not taken",))


def goals(config: Config) -> dict[Bin, None]:
    """All bins that exist, in an order that does not change."""
    rows = [row for row in INSTRUCTIONS if row.is_in(config)]
    classes = list(dict.fromkeys(map(class_of, rows)))
    bins: list[Bin] = [("operands", row.name, *relation) for row in rows for relation in _relations(row, config)]
    bins += [("pairs", *pair) for pair in product(classes, repeat=2)]
    for file in _FILES:
        readers = list(dict.fromkeys(class_of(row) for row in rows if file in dict(registers(row).reads)))
        writers = list(dict.fromkeys(class_of(row) for row in rows if file in dict(registers(row).writes)))
        for kind, first, then in (("read after write", writers, readers), ("write after write", writers, writers),
                                  ("write after read", readers, writers)):
            bins += [("hazards", f"{kind} {file.name.lower()}", *pair) for pair in product(first, then)]
    bins += [("traps", row.name, cause.name) for row in rows for cause in traps(row)]
    bins += [("traps", "any", cause.name) for cause in Cause]
    bins += [("crossing", row.name) for row in rows if is_scalar_access(row) and row.function & 3]
    bins += [("csrs", number.name, "read") for number in CSRS]
    bins += [("csrs", number.name, "written") for number, (writable, _) in CSRS.items() if writable]
    bins += [("predicates", row.name, how) for row in rows if row.masked for how in ("none", "some", "all")]
    bins += [("threads", str(count)) for count in range(1, config.threads + 1)]
    for place in map(str, range(1, config.issue_width)):
        bins += [("places", name, place) for name in dict.fromkeys(
            class_of(row) for row in rows if row.unit not in ALONE)]
        bins += [("chained", row.name, operand, place) for row in rows for operand in chained_operands(row)]
    bins += [("meets", older, *map(str, places)) for older in ("load", "store")
             for places in combinations(range(config.issue_width), 2)]
    if config.threads > 1:
        bins += [("contention", name) for name in classes]
    return dict.fromkeys(bins)


#: Groups whose bins depend on cycles, which the model does not have.
TIMED = "contention", "places", "meets", "chained"

#: Bins that cannot be met, and why.
UNREACHABLE: dict[Bin, str] = {
    ("operands", "jal", "imm=0"): "a jump to itself never ends",
    ("traps", "lb", "LOAD_MISALIGNED"): "a byte never crosses a line",
    ("traps", "lbu", "LOAD_MISALIGNED"): "a byte never crosses a line",
    ("traps", "sb", "STORE_MISALIGNED"): "a byte never crosses a line",
    ("csrs", "MCYCLE", "read"): "counts time, which the model does not have",
    ("csrs", "CYCLE", "read"): "counts time, which the model does not have",
}


class Coverage:
    """Counts how often each bin was met.

    Attributes
    ----------
    goals : dict
        All bins.
    counts : Counter of Bin
    executed : Counter of str
        Instructions by name, those that trapped included.
    retired : int
    """

    def __init__(self, config: Config):
        self.config = config
        self.goals = goals(config)
        self.counts: Counter[Bin] = Counter()
        self.executed: Counter[str] = Counter()
        self.retired = 0

    def missing(self) -> list[Bin]:
        """Goals that have not been met and can be."""
        return [goal for goal in self.goals if goal not in self.counts and goal not in UNREACHABLE]

    def add(self, case: Case, outcome: Outcome | None = None) -> None:
        """Count what a case has met."""
        self.counts["threads", str(len(case.start))] += 1
        self.retired += sum(map(len, case.retired.values()))
        for thread, _ in case.start:
            self._thread(case, thread)
        if outcome is not None:
            self._contention(case, outcome.executed)
            self._beside(case, outcome.executed)

    def _thread(self, case: Case, thread: int) -> None:
        counts, words = self.counts, Counter[int]()
        last_write: dict[tuple[File, int], tuple[int, str]] = {}
        last_read: dict[tuple[File, int], tuple[int, str]] = {}
        values: dict[int, int] = {0: 0}
        predicates: dict[int, int] = {}
        every_byte = (1 << self.config.vector_bytes) - 1
        previous = ""
        for place, (word, value) in enumerate(_executed(case, thread)):
            meaning = known(word)
            if meaning is None:
                continue
            row, fields, reads, writes = meaning
            name = class_of_name(row.name)
            words[word] += 1
            if previous:
                counts["pairs", previous, name] += 1
            previous = name
            if row.unit in _VALUED:
                for operand, register in (("rs1", fields.rs1), ("rs2", fields.rs2)):
                    if operand in row.operands and register in values:
                        sign = "=" if not values[register] else "<" if values[register] >> 63 else ">"
                        counts["operands", row.name, f"{operand}{sign}0"] += 1
                if row.format is Format.B_TYPE and value is not None:
                    counts["operands", row.name, "taken" if value == b"taken" else "not taken"] += 1
            if is_scalar_access(row) and fields.rs1 in values:
                address, line = values[fields.rs1] + fields.imm, self.config.vector_bytes
                if not address & GLOBAL_FLAG and address % line + (1 << (row.function & 3)) > line:
                    counts["crossing", row.name] += 1
            if row.masked and fields.mask in predicates:
                had = predicates[fields.mask]
                counts["predicates", row.name, "none" if not had else "all" if had == every_byte else "some"] += 1
            if row.unit is Unit.PREDICATE and (File.PREDICATE, fields.rd) in writes:
                predicates.pop(fields.rd, None)
                if row.function is Predicate.SET and fields.rs1 in values:
                    predicates[fields.rd] = values[fields.rs1] & every_byte
            for kind, touched, before in (("read after write", reads, last_write),
                                          ("write after write", writes, last_write),
                                          ("write after read", writes, last_read)):
                for register in touched:
                    at, other = before.get(register, (-WINDOW, ""))
                    if place - at < WINDOW:
                        counts["hazards", f"{kind} {register[0].name.lower()}", other, name] += 1
            for register in reads:
                last_read[register] = place, name
            for register in writes:
                last_write[register] = place, name
                if register[0] is File.X:
                    values.pop(register[1], None)
            if value and (File.X, fields.rd) in writes:
                values[fields.rd] = int.from_bytes(value, "little")
        for word, times in words.items():
            meaning = known(word)
            assert meaning is not None
            row, fields, *_ = meaning
            self.executed[row.name] += times
            for found in _static(row, fields, self.config):
                counts[found] += times
        for _, cause, word in case.traps[thread]:
            counts["traps", "any", cause.name] += 1
            row = decode(word)
            if row is not None:
                counts["traps", row.name, cause.name] += 1

    def _contention(self, case: Case, executed: Mapping[int, np.ndarray]) -> None:
        """Classes that two threads execute soon after each other."""
        by_class: dict[str, list[np.ndarray]] = {}
        for thread, cycles in executed.items():
            names = np.array([class_of_name(row.name) if (row := decode(word)) else "" for _, word, _ in
                              case.retired[thread]])
            for name in set(names.tolist()) - {""}:
                by_class.setdefault(name, []).append(np.sort(cycles[names == name].astype(np.int64)))
        for name, threads in by_class.items():
            for index, cycles in enumerate(threads):
                for others in threads[index + 1:]:
                    near = np.searchsorted(others, cycles + NEAR, "right") > np.searchsorted(others, cycles - NEAR)
                    if count := int(near.sum()):
                        self.counts["contention", name] += count

    def _beside(self, case: Case, executed: Mapping[int, np.ndarray]) -> None:
        """Instructions of a cycle behind the first, and operands that the first has written."""
        for thread, cycles in executed.items():
            meanings = [known(word) for _, word, _ in case.retired[thread]]
            first = 0
            for index in range(1, len(meanings)):
                if cycles[index] != cycles[first]:
                    first = index
                    continue
                before, meaning, place = meanings[first], meanings[index], str(index - first)
                if before is None or meaning is None:
                    continue
                row, fields, *_ = meaning
                self.counts["places", class_of_name(row.name), place] += 1
                for older, other in enumerate(meanings[first:index]):
                    if other and is_scalar_access(row) and is_scalar_access(other[0]) and (
                            other[1].rs1, other[1].imm) == (fields.rs1, fields.imm):
                        self.counts["meets", "load" if other[0].rd_file else "store", str(older), place] += 1
                between = {register for other in meanings[first + 1:index] if other for register in other[3]}
                for operand in chained_operands(row) if before[0].unit is Unit.ALU else ():
                    if (File.X, getattr(fields, operand)) in set(before[3]) - between:
                        self.counts["chained", row.name, operand, place] += 1

    def table(self) -> list[tuple[str, int, int, int, str, int]]:
        """For each group: bins, those that cannot be met, those that were, the rarest of these and how often it was."""
        rows = []
        for group in dict.fromkeys(goal[0] for goal in self.goals):
            bins = [goal for goal in self.goals if goal[0] == group]
            met = [goal for goal in bins if goal in self.counts]
            rarest = min(met, key=lambda goal: self.counts[goal], default=(group, ""))
            rows.append((group, len(bins), sum(goal in UNREACHABLE for goal in bins), len(met), ", ".join(rarest[1:]),
                         self.counts[rarest]))
        return rows


def _executed(case: Case, thread: int) -> Iterator[tuple[int, bytes | None]]:
    """A thread's instructions, retired or trapped, with the value that they wrote; "taken" for a branch that was."""
    retired = case.retired[thread]
    trapped = iter([*case.traps[thread], (len(retired) + 1, None, 0)])
    at, _, trap = next(trapped)
    for index, (pc, word, value) in enumerate(retired):
        while at == index:
            yield trap, None
            at, _, trap = next(trapped)
        following = retired[index + 1][0] if index + 1 < len(retired) else 0
        yield word, value or (b"taken" if following != pc + 4 else b"")


@cache
def class_of_name(name: str) -> str:
    """`class_of` the row of that name."""
    return class_of(next(row for row in INSTRUCTIONS if row.name == name))


@cache
def known(word: int) -> tuple[Instruction, Operands, tuple[tuple[File, int], ...], tuple[tuple[File, int], ...]] | None:
    """An instruction's row, its operands, and the registers that it reads and writes; x0 is none."""
    row = decode(word)
    if row is None:
        return None
    fields = operands(word, row.format)

    def numbers(named: Iterable[tuple[File, str]]) -> tuple[tuple[File, int], ...]:
        return tuple(register for file, name in named
                     if (register := (file, getattr(fields, _FIELDS[name]))) != (File.X, 0))

    used = registers(row)
    return row, fields, numbers(used.reads), numbers(used.writes)


def _static(row: Instruction, fields: Operands, config: Config) -> Iterator[Bin]:
    """The bins that an instruction's word alone meets."""
    named = {name: getattr(fields, _FIELDS[name]) for name in row.operands if name in _FIELDS}
    for (relation,) in _relations(row, config):
        if _holds(relation, named, fields):
            yield "operands", row.name, relation
    if row.unit is Unit.CSR and fields.csr in CSRS:
        number = CsrNumber(fields.csr)
        yield "csrs", number.name, "read"
        if row.name in ("csrrw", "csrrwi") or fields.rs1:
            yield "csrs", number.name, "written"


def _holds(relation: str, named: Mapping[str, int], fields: Operands) -> bool:
    """Whether a relation between an instruction's fields holds; those of values and ways are counted elsewhere."""
    if " != " in relation:
        names = relation.split(" != ")
        return len({named[name] for name in names}) == len(names)
    if relation.startswith("imm"):
        sign, bound = relation[3], int(relation[4:])
        return {"=": fields.imm == bound, ">": fields.imm > bound, "<": fields.imm < bound}[sign]
    name, _, other = relation.partition("=")
    if not other or relation in ("rs1=0", "rs2=0"):
        return False
    return named[name] == (named[other] if other in named else int(other.removeprefix("x")))
