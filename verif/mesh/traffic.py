"""Every node pushes a list to every node, itself included, and waits until all of its own have come."""

from pathlib import Path
from random import Random

from hdl.config import SRAM_BASE, Config, global_address
from hdl.memory_map import Descriptor
from sim.assembler import assemble
from sim.elf import Program
from sim.job import Job

#: Where things are in each node's SRAM, in lines; a slot is what one node may write into another.
CODE, TOHOST, DESCRIPTORS, SOURCE, TARGET = 0, 60, 64, 256, 512
SLOT, SOURCE_LINES = 64, 128

_POINTER, _TOHOST, _ONE, _SEMAPHORE, _AMOUNT = 10, 11, 12, 13, 14


def _point(register: int, line: int, config: Config) -> list[int]:
    """Code that makes a register point to a line."""
    offset = line * config.vector_bytes
    return [
        assemble("addi", rd=register, rs1=0, imm=1),
        assemble("slli", rd=register, rs1=register, imm=20),
        assemble("addi", rd=register, rs1=register, imm=offset >> 11),
        assemble("slli", rd=register, rs1=register, imm=11),
        assemble("addi", rd=register, rs1=register, imm=offset & 0x7FF),
    ]


def _program(random: Random, config: Config, node: tuple[int, int]) -> Program:
    nodes = config.coordinates()
    index = nodes.index(node)
    line, size = config.vector_bytes, Descriptor.size(config)

    def at(line_number: int) -> int:
        return SRAM_BASE + line_number * line

    descriptors = []
    for x, y in random.sample(nodes, len(nodes)):
        rows, lines = random.choice([(1, 1), (1, 17), (3, 5), (8, 4), (2, 16)])
        stride = random.choice([lines, lines + 1, SOURCE_LINES // 2 - lines]) if rows > 1 else 0
        stride = min(stride, (SOURCE_LINES - lines) // max(rows - 1, 1))
        descriptors.append(Descriptor(
            source=at(SOURCE), lines=lines, rows=rows, source_stride=stride * line,
            destination=global_address(x=x, y=y, address=at(TARGET + index * SLOT)),
            destination_stride=random.randint(lines, SLOT // rows) * line, signal=1, done=2))
    code = [
        *_point(_POINTER, DESCRIPTORS, config),
        *(word for _ in descriptors for word in (
            assemble("list.push", rs1=_POINTER), assemble("addi", rd=_POINTER, rs1=_POINTER, imm=size))),
        assemble("addi", rd=_AMOUNT, rs1=0, imm=len(nodes)),
        *(word for semaphore in (0, 1) for word in (
            assemble("addi", rd=_SEMAPHORE, rs1=0, imm=semaphore),
            assemble("sem.wait", rs1=_SEMAPHORE, rs2=_AMOUNT))),
        *_point(_TOHOST, TOHOST, config),
        assemble("addi", rd=_ONE, rs1=0, imm=1),
        assemble("sd", rs2=_ONE, rs1=_TOHOST, imm=0),
        assemble("jal", rd=0, imm=0),
    ]
    return Program(
        path=Path("all-to-all"), entry=at(CODE), code=[], symbols={"tohost": at(TOHOST)},
        segments=[
            (at(CODE), b"".join(word.to_bytes(4, "little") for word in code)),
            (at(DESCRIPTORS), b"".join(descriptor.to_bytes(config) for descriptor in descriptors)),
            (at(SOURCE), random.randbytes(SOURCE_LINES * line)),
        ])


def all_to_all(random: Random, *, config: Config) -> Job:
    """Lists of random shapes; the job reads all that was pushed."""
    programs = {node: _program(random, config, node) for node in config.coordinates()}
    start = SRAM_BASE + TARGET * config.vector_bytes
    return Job(
        name="all-to-all", config=config, programs=programs, start=[(node, 0) for node in programs],
        reads=[(node, start, SLOT * config.vector_bytes * config.nodes) for node in programs],
        done=list(programs), max_cycles=20_000)
