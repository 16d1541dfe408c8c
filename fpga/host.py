"""`python -m fpga.host`: reaches a board, or with `--port sim` or `netlist` a simulated one. See docs/board.md."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hdl.config import Config
from hdl.memory_map import NodeRegister, ThreadRegister, node_register, thread_register
from sim import elf, numerics
from sim.commands import mesh_size
from sim.digits import Digits, Network, expected_logits
from sim.errors import SimulationError
from sim.job import Node, Result, program_job
from sim.matmul import MatrixError, Product, read_matrix
from sim.measure import rates, show
from sim.report import NEVER_ENDED, exit_status, report
from sw.digits.train import TEST_IMAGES, test_images
from synth.yosys import SynthesisError

from .boards import BOARDS, Board, board
from .jobs import run_board
from .serial_line import SerialLine, find_port
from .session import Line, Session
from .simulated import SimulatedBoard

#: Clock cycles of a bit on a simulated board's line, and for which it waits for its mesh.
SIMULATED_DIVISOR, SIMULATED_PATIENCE = 4, 1 << 12

#: Bytes between two steps of a progress bar.
_CHUNK = 4096


def _probe(session: Session, _: argparse.Namespace) -> int:
    """Say what board it is and how its nodes are."""
    identity = session.identity
    config = identity.config
    rows = [("board", identity.board), ("clock", f"{identity.clock_hz / 1e6:g} MHz"),
            ("mesh", f"{config.columns} x {config.rows} nodes of {config.name}"),
            ("node", f"{config.threads} threads, {config.vector_bytes}-byte vectors, matrix unit "
                     f"{'x'.join(map(str, config.matrix))}, {config.sram_bytes // 1024} KiB"),
            ("peak", f"{2 * config.peak_macs * config.nodes * identity.clock_hz / 1e9:.2f} GFLOP/s")]
    for x, y in config.coordinates():
        cycles, errors = (int.from_bytes(session.read((x, y), node_register(register), 8), "little")
                          for register in (NodeRegister.CYCLES, NodeRegister.ERRORS))
        rows.append((f"node {x},{y}", f"{cycles:,} cycles since reset, {errors} errors"))
    show("board", [*rows, ("link", f"{session.dropped} frames dropped since reset, {session.repeated} sent again")])
    return 0


def _load(session: Session, arguments: argparse.Namespace) -> int:
    """Reset the mesh, load a program into every node and set the threads' PCs, but start nothing."""
    config = session.identity.config
    program = elf.load(arguments.program, config)
    session.reset()
    entry = program.entry.to_bytes(8, "little")
    with tqdm(total=len(config.coordinates()) * sum(len(data) for _, data in program.segments), unit="B",
              unit_scale=True, leave=False, disable=None) as bar:
        for node in config.coordinates():
            for address, data in program.segments:
                for start in range(0, len(data), _CHUNK):
                    session.write(node, address + start, data[start:start + _CHUNK])
                    bar.update(len(data[start:start + _CHUNK]))
            for thread in range(config.threads):
                session.write(node, thread_register(thread, ThreadRegister.PC), entry)
    print(f"{program.path.name}: loaded into {config.nodes} nodes, entry {program.entry:#x}")
    return 0


def _run(session: Session, arguments: argparse.Namespace) -> int:
    """Run a program on every node; the exit status is that of `python -m sim run`."""
    config = session.identity.config
    if arguments.threads not in range(1, config.threads + 1):
        raise SimulationError(f"--threads must lie in 1 .. {config.threads} for {config.name}, not {arguments.threads}")
    program = elf.load(arguments.program, config)
    result = run_board(program_job(program, config=config, threads=arguments.threads, max_cycles=arguments.max_cycles),
                       session)
    print(report(result, program, config))
    return exit_status(result)


def _read(session: Session, arguments: argparse.Namespace) -> int:
    """Read memory or a control register."""
    data = bytearray()
    with tqdm(total=arguments.length, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        for start in range(0, arguments.length, _CHUNK):
            piece = session.read(arguments.node, arguments.address + start, min(_CHUNK, arguments.length - start))
            data += piece
            bar.update(len(piece))
    if arguments.output:
        arguments.output.write_bytes(data)
        return 0
    for start in range(0, len(data), 16):
        print(f"{arguments.address + start:8x}:  {data[start:start + 16].hex(' ')}")
    return 0


def _speed(result: Result, config: Config, clock_hz: int, *, phase: int, macs: int) -> list[tuple[str, str]]:
    """Rows about a job's speed."""
    measured, peak = 2 * macs * clock_hz / phase, 2 * config.peak_macs * config.nodes * clock_hz
    *rows, _ = rates(result, config, phase=phase)
    return [*rows, ("speed in the matrix phase", f"{measured / 1e9:.3f} of {peak / 1e9:.2f} GFLOP/s at "
                                                 f"{clock_hz / 1e6:g} MHz"),
            ("time with loading", f"{result.seconds:.1f} s")]


def _digits(session: Session, arguments: argparse.Namespace) -> int:
    """Recognise handwritten digits; the exit status is 1 if a bit of a logit differs from what it must be."""
    if arguments.images not in range(1, TEST_IMAGES + 1):
        raise SimulationError(f"--images must lie in 1 .. {TEST_IMAGES}, not {arguments.images}")
    config = session.identity.config
    pixels, digits = (array[:arguments.images] for array in test_images())
    network, images = Network.trained(), numerics.bf16_from_values(pixels.T)
    work = Digits(network, images, config)
    result = run_board(work.job, session)
    result.check()
    logits, expected = work.logits(result), expected_logits(network, images, config)
    exact = bool((logits == expected).all())
    right = int((logits.view(np.float32).argmax(axis=0) == digits).sum())
    macs = config.macs * sum(counters["MATRIX_STEPS"] for counters in result.counters.values())
    show(f"{len(digits)} handwritten digits on {config.columns} x {config.rows} nodes of {session.identity.board}", [
        ("recognised", f"{right} of {len(digits)}: {right / len(digits):.1%}"),
        ("bit-exact", f"{'yes' if exact else 'NO'} ({expected.size:,} logits)"),
        *_speed(result, config, session.identity.clock_hz, phase=work.phase(result), macs=macs)])
    return 0 if exact else 1


def _matmul(session: Session, arguments: argparse.Namespace) -> int:
    """Multiply two float32 matrices, rounded to BF16; the exit status is 1 if a bit differs from what it must be."""
    config = session.identity.config
    a, b = read_matrix(arguments.a), read_matrix(arguments.b)
    if a.shape[1] != b.shape[0]:
        raise MatrixError(f"{arguments.a} is {a.shape[0]} x {a.shape[1]}, {arguments.b} is {b.shape[0]} x "
                          f"{b.shape[1]}: the inner dimensions {a.shape[1]} and {b.shape[0]} differ")
    a, b = numerics.bf16_from_values(a), numerics.bf16_from_values(b)
    work = Product(a, b, config)
    result = run_board(work.job, session)
    result.check()
    c = work.c(result)
    exact = bool((c == numerics.matmul(a, b, config)).all())
    np.save(arguments.output, c.view(np.float32))
    show(f"{work.rows} x {work.depth} by {work.depth} x {work.columns} on {session.identity.board}", [
        ("bit-exact", f"{'yes' if exact else 'NO'} ({c.size:,} elements)"),
        *_speed(result, config, session.identity.clock_hz, phase=work.phase(result),
                macs=work.rows * work.depth * work.columns),
        ("result", str(arguments.output))])
    return 0 if exact else 1


def _node(text: str) -> Node:
    x, separator, y = text.partition(",")
    if not (separator and x.isdecimal() and y.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y, e.g. 0,1")
    return int(x), int(y)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, e.g. 0x80000000") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fpga.host", description=__doc__)
    parser.add_argument("--port", metavar="DEV",
                        help="serial port, 'sim' or 'netlist' (default: the port that looks like the board)")
    parser.add_argument("--board", default="ulx3s", metavar="NAME", help=f"one of {', '.join(BOARDS)} (ulx3s)")
    parser.add_argument("--mesh", type=mesh_size, metavar="CxR", help="of a simulated board (default: the board's)")
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Session, argparse.Namespace], int]) -> argparse.ArgumentParser:
        text = str(run.__doc__)
        added = subcommands.add_parser(name, help=text[0].lower() + text[1:].rstrip("."), description=text)
        added.set_defaults(run=run)
        return added

    add("probe", _probe)
    add("load", _load).add_argument("program", type=Path, metavar="PROGRAM.elf")
    run = add("run", _run)
    run.add_argument("program", type=Path, metavar="PROGRAM.elf")
    run.add_argument("--threads", type=int, default=1, metavar="N", help="threads of each node that start it (1)")
    run.add_argument("--max-cycles", type=int, default=10_000_000, metavar="N", help="give up after that many")
    read = add("read", _read)
    read.add_argument("address", type=_number, metavar="ADDR")
    read.add_argument("length", type=_number, metavar="LEN")
    read.add_argument("--node", type=_node, default=(0, 1), metavar="X,Y", help="default 0,1")
    read.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the bytes there")
    matmul = add("matmul", _matmul)
    matmul.add_argument("a", type=Path, metavar="A.npy", help="float32 [m, k]")
    matmul.add_argument("b", type=Path, metavar="B.npy", help="float32 [k, n]")
    matmul.add_argument("-o", "--output", type=Path, default=Path("c.npy"), metavar="C.npy", help="default c.npy")
    digits = add("digits", _digits)
    digits.add_argument("--images", type=int, default=24, metavar="N", help="the first N test images (24)")
    return parser


def simulated(made_for: Board, *, netlist: bool = False) -> SimulatedBoard:
    """A board in Verilator, as RTL or as an ECP5's primitives, with a line as fast as it may be."""
    return SimulatedBoard(replace(made_for.tile, board=f"simulated {made_for.name}",
                                  baud=made_for.clock_hz // SIMULATED_DIVISOR, patience=SIMULATED_PATIENCE),
                          netlist=netlist)


def open_line(port: str | None, made_for: Board) -> Line:
    """The line to a board, or to a simulated one.

    Raises
    ------
    LinkLost
        If there is none; the message says what to do.
    """
    if port in ("sim", "netlist"):
        return simulated(made_for, netlist=port == "netlist")
    return SerialLine(port or find_port(made_for), baud=made_for.baud)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; an error the user can mend is one line."""
    parsed = _parser().parse_args(arguments)
    try:
        made_for = board(parsed.board)
        if parsed.mesh:
            made_for = made_for.with_mesh(*parsed.mesh)
        return parsed.run(Session(open_line(parsed.port, made_for)), parsed)
    except (SimulationError, SynthesisError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NEVER_ENDED


if __name__ == "__main__":
    sys.exit(main())
