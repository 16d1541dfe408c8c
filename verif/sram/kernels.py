"""Kernels that work a node's SRAM hard, on the RTL of a mesh; each gives the counters of the node that matters."""

import random
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from hdl.config import SIM, SRAM_BASE, global_address
from hdl.isa import CsrNumber
from hdl.memory_map import Descriptor
from sim import numerics
from sim.assembler import assemble
from sim.digits import Digits, Network
from sim.elf import Program
from sim.job import Job, Node
from sim.matmul import Product
from sim.rtl import run_rtl
from sw.digits.train import test_images
from verif.mesh.traffic import all_to_all

#: The node that is looked at, and its neighbours to the east and to the south.
HERE, EAST, SOUTH = (0, 1), (1, 1), (0, 2)

LINE = SIM.vector_bytes
SHAPE = 64, 256, 64


def _counters(job: Job) -> dict[str, int]:
    """Run a job; counters of `HERE` from its start to its end."""
    result = run_rtl(job)
    result.check()
    return result.counters[HERE]


def _code(name: str, words: Iterable[int], segments: Iterable[tuple[int, bytes]] = ()) -> Program:
    text = struct.pack(f"<{len(words := list(words))}I", *words)
    return Program(path=Path(name), entry=SRAM_BASE, code=[], symbols={"tohost": SRAM_BASE + 0x1000},
                   segments=[(SRAM_BASE, text), *segments])


def _point(register: int, offset: int) -> list[int]:
    """Code that makes a register point to a place in the SRAM, a multiple of 4096."""
    return [assemble("addi", rd=register, rs1=0, imm=1), assemble("slli", rd=register, rs1=register, imm=31),
            assemble("lui", rd=5, imm=offset), assemble("add", rd=register, rs1=register, rs2=5)]


def _end() -> list[int]:
    """Code that says that the node has passed."""
    return [*_point(10, 0x1000), assemble("addi", rd=11, rs1=0, imm=1), assemble("sd", rs2=11, rs1=10, imm=0),
            assemble("jal", rd=0, imm=0)]


def _product() -> Job:
    """A product of matrices on `HERE` alone."""
    rows, depth, columns = SHAPE
    generator = np.random.default_rng(1)
    a, b = (numerics.bf16_from_values(generator.normal(size=size)) for size in ((rows, depth), (depth, columns)))
    alone = Product(a, b, SIM.with_mesh(columns=1, rows=1)).job
    return replace(alone, config=SIM)


def _mover(descriptor: Descriptor, *, pull: bool) -> Program:
    """A program that starts one list and halts its thread in a loop."""
    place = 0x2000
    return _code("mover", [*_point(10, place), assemble("list.pull" if pull else "list.push", rs1=10),
                           assemble("jal", rd=0, imm=0)], [(SRAM_BASE + place, descriptor.to_bytes(SIM))])


def product_with_lists() -> dict[str, int]:
    """The east writes lines here and the south reads some, as many as the way in takes, as long as the product does."""
    job = _product()
    busy = SRAM_BASE + SIM.sram_bytes // 4 * 3
    there = global_address(x=HERE[0], y=HERE[1], address=busy)
    sweep = Descriptor(source=busy, destination=busy, lines=64, rows=1 << 20)
    movers: dict[Node, Program] = {
        EAST: _mover(replace(sweep, destination=there), pull=False),
        SOUTH: _mover(replace(sweep, source=there), pull=True),
    }
    used = max(address + size for address, size in (
        *((address, len(data)) for _, address, data in job.data), *((address, size) for _, address, size in job.reads)))
    stacks = job.programs[HERE].symbols["d1_stacks"]
    assert used <= busy <= stacks - sweep.lines * LINE, f"the lists' lines are used: {used:#x}, {busy:#x}, {stacks:#x}"
    return _counters(replace(job, name="product-with-lists", programs=job.programs | movers,
                             start=[*((node, 0) for node in movers), *job.start]))


def vectors() -> dict[str, int]:
    """Four threads, each with two loads, an addition and a store of whole vectors in turn, lines in order."""
    lines, turns, repeats = 8, 7, 40
    pointers, starts, turn, repeat, own = (20, 21, 22), (24, 25, 26), 23, 27, 6
    body = [
        *(word for line in range(lines) for word in (
            assemble("vld", vd=1, rs1=pointers[0], imm=line * LINE),
            assemble("vld", vd=2, rs1=pointers[1], imm=line * LINE),
            assemble("vadd.s", vd=3, vs1=1, vs2=2),
            assemble("vst", vs2=3, rs1=pointers[2], imm=line * LINE))),
        *(assemble("addi", rd=pointer, rs1=pointer, imm=lines * LINE) for pointer in pointers),
        assemble("addi", rd=turn, rs1=turn, imm=-1)]
    outer = [
        *(assemble("addi", rd=pointer, rs1=start, imm=0) for pointer, start in zip(pointers, starts, strict=True)),
        assemble("addi", rd=turn, rs1=0, imm=turns), *body,
        assemble("bne", rs1=turn, rs2=0, imm=-4 * len(body)), assemble("addi", rd=repeat, rs1=repeat, imm=-1)]
    # A thread has 16 KiB; the three streams are not a multiple of the banks apart.
    words = [
        assemble("csrrs", rd=own, rs1=0, csr=CsrNumber.MHARTID), assemble("slli", rd=own, rs1=own, imm=14),
        *(word for index, start in enumerate(starts) for word in (
            *_point(start, 0x8000 + 0x1000 * index), assemble("addi", rd=start, rs1=start, imm=3 * LINE * index),
            assemble("add", rd=start, rs1=start, rs2=own))),
        assemble("addi", rd=repeat, rs1=0, imm=repeats), *outer,
        assemble("bne", rs1=repeat, rs2=0, imm=-4 * len(outer)), *_end()]
    return _counters(Job(
        name="vectors", config=SIM, programs={HERE: _code("vectors", words)}, done=[HERE], max_cycles=200_000,
        data=[(HERE, SRAM_BASE + 0x8000, bytes(0x10000))], start=[(HERE, thread) for thread in range(SIM.threads)]))


def digits() -> dict[str, int]:
    """What `make sim` runs."""
    images = numerics.bf16_from_values(test_images()[0].T)
    return _counters(Digits(Network.trained(), images, SIM).job)


KERNELS: dict[str, Callable[[], dict[str, int]]] = {
    "GEMM": lambda: _counters(_product()),
    "GEMM, lists write here and read from here": product_with_lists,
    "vector: two loads and a store in turn": vectors,
    "lists from everybody to everybody": lambda: _counters(all_to_all(random.Random(1), config=SIM)),
    "digits": digits,
}
