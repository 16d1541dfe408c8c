"""What travels between the stages of the core."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from .. import isa
from ..config import Config
from .result import vector_result_layout


class Control(data.Struct):
    """What the instruction table says of an instruction; see `hdl.isa.Instruction`."""

    legal: unsigned(1)
    unit: isa.Unit
    function: unsigned(4)
    word: unsigned(1)
    source: isa.Source
    immediate: unsigned(1)  # the second ALU operand is the immediate
    rd_file: isa.File
    rs1_file: isa.File
    rs2_file: isa.File


class Decoded(data.Struct):
    """A decoded instruction, waiting to be issued."""

    pc: unsigned(64)
    word: unsigned(32)
    fetch_fault: unsigned(1)
    fetch_error: unsigned(1)  # its line has an uncorrectable memory error
    control: Control
    value: unsigned(64)  # the immediate, or a CSR's number in [11:0] and the immediate of csrr*i in [16:12]


def operation_layout(config: Config) -> data.StructLayout:
    """An issued instruction with its operands; `x3` is the old value of rd."""
    return data.StructLayout({
        "thread": config.thread_bits,
        "instruction": Decoded,
        "x1": 64,
        "x2": 64,
        "x3": 64,
        "v1": config.vector_bits,
        "v2": config.vector_bits,
    })


def scalar_result_layout(config: Config) -> data.StructLayout:
    """A late result for an integer register."""
    return data.StructLayout({"thread": config.thread_bits, "destination": 5, "data": 64})


def write_layout(result: data.StructLayout) -> data.StructLayout:
    """A result that is written to a register file in this cycle, if ``valid``."""
    return data.StructLayout({"valid": 1, "result": result})


def retirement_layout(config: Config) -> data.StructLayout:
    """What has happened in a cycle, for traces and lock-step checks.

    ``retired``: this instruction of ``thread`` has executed; if it writes an integer register in its own cycle,
    ``writes`` is set and ``value`` is what. Other results are late: they come by ``scalar`` and ``vector``, at most one
    for a register at a time. A `sem.wait` shows up here when it starts to wait and is complete when its thread's bit of
    ``resumed`` is set.
    """
    return data.StructLayout({
        "retired": 1,
        "waits": 1,
        "thread": config.thread_bits,
        "pc": 64,
        "word": 32,
        "writes": 1,
        "value": 64,
        "resumed": config.threads,
        "scalar": write_layout(scalar_result_layout(config)),
        "vector": write_layout(vector_result_layout(config)),
    })
