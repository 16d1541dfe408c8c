"""How a program ended, in words and as an exit status; the same for the model and for RTL."""

from hdl.config import Config
from hdl.memory_map import State

from .disassembler import disassemble
from .elf import Program
from .job import Result
from .thread_state import ThreadState

PASSED, TRAPPED, NEVER_ENDED = 0, 2, 3


def exit_status(result: Result) -> int:
    """The program's own status, or else how its threads ended.

    It is 0 if `tohost` is 1, n, up to 255, if it is (n << 1) | 1, and without a `tohost` 2 if a trap stopped a thread.
    """
    if result.status is not None:
        return min(result.status >> 1, 255)
    return TRAPPED if _stopped(result) else PASSED


def report(result: Result, program: Program, config: Config) -> str:
    """A few lines for the terminal."""
    lines = [f"error: {_trap(state, program)}" for state in _stopped(result)] if result.status is None else []
    instructions = sum(state.instret for state in result.threads)
    match result.status:
        case None:
            lines.append("ended: every thread has stopped")
        case 1:
            lines.append("passed")
        case value:
            lines.append(f"failed: test {value >> 1}")
    lines.append(f"{instructions:,} instructions of {len(result.threads)} threads on {config.nodes} nodes")
    if result.cycles is not None:
        lines += _rates(result, instructions, config)
    return "\n".join(lines)


def _stopped(result: Result) -> list[ThreadState]:
    return [state for state in result.threads if state.state is State.TRAPPED]


def _trap(state: ThreadState, program: Program) -> str:
    word = program.word_at(state.epc)
    return str(state) if word is None else f"{state}: {disassemble(word, state.epc)}"


def _rates(result: Result, instructions: int, config: Config) -> list[str]:
    """Cycles, instructions a cycle and how busy the units were, over all nodes."""
    def share(counter: str) -> str:
        total = sum(counters[counter] for counters in result.counters.values())
        return f"{100 * total / (cycles * config.nodes):.1f} %"

    cycles = max(result.cycles or 0, 1)
    lines = [f"{result.cycles:,} cycles, {instructions / cycles:.3f} instructions a cycle"]
    if result.counters:
        lines.append(f"busy: matrix unit {share('MATRIX_STEPS')}, vector unit {share('VECTOR_OPS')} of all cycles; "
                     f"stalled: {share('STALL_CYCLES')}")
    return lines
