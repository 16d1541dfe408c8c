"""What a job took on the RTL, for the terminal."""

import numpy as np
from rich.console import Console
from rich.table import Table

from hdl.config import Config

from .job import Result


def rates(result: Result, config: Config, *, phase: int) -> list[tuple[str, str]]:
    """Cycles, how busy the matrix units were, instructions, packets and the simulation's own speed, a row for each.

    Parameters
    ----------
    result : Result
        Of an RTL run.
    config : Config
    phase : int
        Cycles from the first matrix step to the last, or as near as the program can tell.
    """
    def total(counter: str) -> int:
        return sum(counters[counter] for counters in result.counters.values())

    steps, packets = total("MATRIX_STEPS"), total("PACKETS_IN")
    instructions = sum(thread.instret for thread in result.threads)
    cycles = max(result.cycles or 0, 1)

    def busy(cycles: int) -> str:
        return f"{steps * config.matrix_interval / (config.nodes * cycles):.1%}"

    return [
        ("cycles, start to end", f"{cycles:,}"),
        ("cycles of the matrix phase", f"{phase:,}"),
        ("matrix units busy", f"{busy(cycles)} overall, {busy(phase)} in the matrix phase"),
        ("instructions per node and cycle", f"{instructions / (config.nodes * cycles):.2f} "
                                            f"({config.slots} at most)"),
        ("packets", f"{packets:,}, {total('LATENCY_SUM') / max(packets, 1):.1f} cycles each on average"),
        ("simulation", f"{cycles / result.computing:,.0f} cycles/s while it computes"),
        ("... with loading and reading", f"{result.simulated:,} cycles in {result.seconds:.1f} s: "
                                         f"{result.simulated / result.seconds:,.0f} cycles/s"),
    ]


def spent_cycles(stamps: list[bytes]) -> int:
    """Cycles from the earliest start to the latest end in the programs' `spent`, two stamps for each thread.

    Those of a thread that had no work are 0.
    """
    times = np.frombuffer(b"".join(stamps), "<u8").reshape(-1, 2)
    times = times[times[:, 1] > 0]
    return int(times[:, 1].max() - times[:, 0].min())


def show(title: str, rows: list[tuple[str, str]]) -> None:
    """Print rows of a name and a value."""
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)
