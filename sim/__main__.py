"""The command line: ``python -m sim``.

Each command adds itself to the parser and sets `run` to the function that carries it out, which returns the exit
status.
"""

import argparse
import importlib
import sys
from dataclasses import replace
from pathlib import Path

from hdl.config import PRESETS, Config, preset

from . import commands, elf, isadoc, job, report, signature, software, trace
from .commands import Subcommands, memory_size, mesh_size
from .disassembler import disassemble
from .elf import Program
from .errors import ProgramTooLarge, SimulationError


def _add_run(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser("run", help="run a program", description=_run.__doc__)
    parser.add_argument("program", type=Path, metavar="PROGRAM.elf")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--model", action="store_true", help="on the golden model (the default)")
    kind.add_argument("--rtl", action="store_true", help="on the hardware, simulated by Verilator")
    parser.add_argument("--config", metavar="NAME",
                        help=f"one of {', '.join(PRESETS)} (default SIM or, for a larger program, D1)")
    parser.add_argument("--sram", type=memory_size, metavar="SIZE",
                        help="SRAM of each node, e.g. 2M (default the configuration's)")
    parser.add_argument("--mesh", type=mesh_size, default=(1, 1), metavar="CxR",
                        help="columns and rows of nodes (default 1x1)")
    parser.add_argument("--threads", type=int, default=1, metavar="N",
                        help="threads of each node that start the program (default 1)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write what every thread retires")
    parser.add_argument("--signature", type=Path, metavar="FILE",
                        help="write what node 0,1 has between begin_signature and end_signature, as riscv-arch-test "
                             "compares it")
    parser.add_argument("--max-cycles", type=int, default=10_000_000, metavar="N",
                        help="give up after that many cycles, or steps of the model (default 10,000,000)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Run an ELF program on every node.

    The exit status is the program's own: 0 if it passed, n if its test n failed; 2 if a trap stopped a thread, 3 if it
    could not be run to its end.
    """
    config, program = _fitting(arguments)
    if arguments.threads not in range(1, config.threads + 1):
        raise SimulationError(f"--threads must lie in 1 .. {config.threads} for {config.name}, not {arguments.threads}")
    signed = []
    if arguments.signature:
        signed.append(signature.region(program, config))
        signature.write(arguments.signature, b"")  # fails now, not after the run; and none of an earlier run stays
    work = job.program_job(
        program, config=config, threads=arguments.threads, reads=signed, max_cycles=arguments.max_cycles)
    if arguments.rtl:
        result = importlib.import_module("sim.rtl").run_rtl(work, trace=arguments.trace)
    else:
        result = job.run_model(work, trace=arguments.trace)
    if arguments.signature:
        signature.write(arguments.signature, result.reads[0])
    print(report.report(result, program, config))
    return report.exit_status(result)


#: Configurations that a program may run on if none is named.
_DEFAULTS = ("SIM", "D1")


def _fitting(arguments: argparse.Namespace) -> tuple[Config, Program]:
    """The configuration that is asked for, or the first default that holds the program, and the program."""
    names = _DEFAULTS if arguments.config is None else (arguments.config,)
    columns, rows = arguments.mesh
    for name in names:
        config = preset(name).with_mesh(columns=columns, rows=rows)
        if arguments.sram is not None:
            config = replace(config, sram_bytes=arguments.sram)
        try:
            return config, elf.load(arguments.program, config)
        except ProgramTooLarge as error:
            if name == names[-1]:
                raise ProgramTooLarge(f"{error}; --sram SIZE is for nodes with more") from None
    raise AssertionError("the last one returns or raises")


def _add_compare(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser("compare", help="compare two traces", description=_compare.__doc__)
    parser.add_argument("a", type=Path, metavar="A")
    parser.add_argument("b", type=Path, metavar="B")
    parser.add_argument("--prefix", action="store_true", help="a trace may end before the other")
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    """Compare what each thread retired in two traces, whenever it did, and print each thread's first difference.

    The exit status is 1 if there is one.
    """
    with arguments.a.open() as a, arguments.b.open() as b:
        differences = trace.compare(trace.parse(a), trace.parse(b), prefix=arguments.prefix)
    for difference in differences:
        print(difference)
    return 1 if differences else 0


def _add_disassemble(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser("disassemble", help="list a program's instructions",
                                    description=_disassemble.__doc__)
    parser.add_argument("program", type=Path, metavar="PROGRAM.elf")
    parser.add_argument("--config", default="D1", metavar="NAME", help=f"one of {', '.join(PRESETS)} (default D1)")
    parser.set_defaults(run=_disassemble)


def _disassemble(arguments: argparse.Namespace) -> int:
    """Print the instructions of a program's executable segments."""
    program = elf.load(arguments.program, preset(arguments.config))
    names = {address: name for name, address in program.symbols.items()}
    for start, data in program.code:
        for address in range(start, start + len(data) - 3, 4):
            if address in names:
                print(f"{names[address]}:")
            word = int.from_bytes(data[address - start:address - start + 4], "little")
            print(f"{address:8x}:  {word:08x}  {disassemble(word, address)}")
    return 0


def _add_generators(subcommands: Subcommands) -> None:
    for name, path, text in (("docs", isadoc.PAGE, isadoc.page), ("header", isadoc.HEADER, isadoc.header)):
        parser = subcommands.add_parser(name, help=f"write {path.name} from the instruction table")
        parser.add_argument("--output", type=Path, default=path, metavar="FILE", help=f"default {path}")
        parser.set_defaults(run=_generate, text=text)


def _generate(arguments: argparse.Namespace) -> int:
    arguments.output.write_text(arguments.text())
    return 0


_COMMANDS = (_add_run, _add_compare, _add_disassemble, _add_generators, software.add_command,
             commands.add_digits, commands.add_matmul)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; an error the user can mend is one line."""
    parser = argparse.ArgumentParser(prog="python -m sim", description="Run programs on the open D1.")
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add_command in _COMMANDS:
        add_command(subcommands)
    parsed = parser.parse_args(arguments)
    try:
        return parsed.run(parsed)
    except (SimulationError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return report.NEVER_ENDED


if __name__ == "__main__":
    sys.exit(main())
