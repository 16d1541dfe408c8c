"""Random programs as jobs, so that a whole node runs them: from the host's edge port, with its list engine."""

from pathlib import Path
from random import Random

from hdl.config import Config
from hdl.isa import CsrNumber
from sim.assembler import assemble
from sim.elf import Program
from sim.job import Job
from sim.random_program import RandomProgram, generate

#: A register that random programs set before they use it.
_SCRATCH = 5


def _dispatcher(program: RandomProgram, config: Config) -> tuple[int, bytes]:
    """Code behind a program that sends each thread to its own start: its address and words."""
    line = config.vector_bytes
    address = program.end + -program.end % line
    words = [
        assemble("csrrs", rd=_SCRATCH, csr=CsrNumber.MHARTID, rs1=0),
        assemble("andi", rd=_SCRATCH, rs1=_SCRATCH, imm=config.threads - 1),
        assemble("slli", rd=_SCRATCH, rs1=_SCRATCH, imm=2),
        assemble("auipc", rd=_SCRATCH + 1, imm=0),
        assemble("add", rd=_SCRATCH, rs1=_SCRATCH, rs2=_SCRATCH + 1),
        assemble("jalr", rd=0, rs1=_SCRATCH, imm=12),
    ]
    for _, pc in sorted(program.start):
        words.append(assemble("jal", rd=0, imm=pc - (address + 4 * len(words))))
    return address, b"".join(word.to_bytes(4, "little") for word in words)


def random_job(random: Random, *, name: str, config: Config, length: int) -> Job:
    """A different random program on every thread of every node."""
    programs, reads = {}, []
    for node in config.coordinates():
        program = generate(random, config=config, length=length, threads=config.threads, node=node)
        entry, code = _dispatcher(program, config)
        programs[node] = Program(path=Path(name), entry=entry, code=[], symbols={},
                                 segments=[*program.memory, (entry, code)])
        reads += [(node, address, len(content)) for address, content in program.memory]
    return Job(
        name=name, config=config, programs=programs, reads=reads, done=[],
        start=[(node, thread) for node in programs for thread in range(config.threads)],
        max_cycles=60 * length * config.threads)
