"""How a program ended, in words and as an exit status; the same for the model and for RTL."""

from hdl.config import Config

from .disassembler import disassemble
from .elf import Program
from .memory_map import State
from .outcome import Outcome, ThreadState

PASSED, TRAPPED, NEVER_ENDED = 0, 2, 3


def exit_status(outcome: Outcome) -> int:
    """The program's own status, or else how its threads ended.

    It is 0 if `tohost` is 1, n, up to 255, if it is (n << 1) | 1, and without a `tohost` 2 if a trap stopped a thread.
    """
    if outcome.tohost is not None:
        return min(outcome.tohost >> 1, 255)
    return TRAPPED if _stopped(outcome) else PASSED


def report(outcome: Outcome, program: Program, config: Config) -> str:
    """A few lines for the terminal."""
    lines = [f"error: {_trap(state, program)}" for state in _stopped(outcome)] if outcome.tohost is None else []
    instructions = sum(state.instret for state in outcome.threads)
    match outcome.tohost:
        case None:
            lines.append("ended: every thread has stopped")
        case 1:
            lines.append("passed")
        case value:
            lines.append(f"failed: test {value >> 1}")
    lines.append(f"{instructions:,} instructions of {len(outcome.threads)} threads on {config.nodes} nodes")
    if outcome.cycles is not None:
        lines += _rates(outcome, instructions, config)
    return "\n".join(lines)


def _stopped(outcome: Outcome) -> list[ThreadState]:
    return [state for state in outcome.threads if state.state is State.TRAPPED]


def _trap(state: ThreadState, program: Program) -> str:
    word = program.word_at(state.epc)
    return str(state) if word is None else f"{state}: {disassemble(word, state.epc)}"


def _rates(outcome: Outcome, instructions: int, config: Config) -> list[str]:
    """Cycles, instructions a cycle and how busy the units were, over all nodes."""
    def share(counter: str) -> str:
        total = sum(counters[counter] for counters in outcome.counters.values())
        return f"{100 * total / (cycles * config.nodes):.1f} %"

    cycles = max(outcome.cycles or 0, 1)
    lines = [f"{outcome.cycles:,} cycles, {instructions / cycles:.3f} instructions a cycle"]
    if outcome.counters:
        lines.append(f"busy: matrix unit {share('MATRIX_STEPS')}, vector unit {share('VECTOR_OPS')} of all cycles; "
                     f"stalled: {share('STALL_CYCLES')}")
    return lines
