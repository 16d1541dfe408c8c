"""What travels between the stages of the core."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from .. import isa
from ..config import Config
from ..number_formats import FORMAT_BITS
from .result import vector_result_layout


class Control(data.Struct):
    """What the instruction table says of an instruction; see `hdl.isa.Instruction`."""

    legal: unsigned(1)
    unit: isa.Unit
    function: unsigned(5)
    lanes: isa.Vector
    number: unsigned(FORMAT_BITS)  # what the lanes hold
    formatted: unsigned(1)  # a matrix step of operands in the thread's formats
    halves: unsigned(2)  # of the registers that hold them
    word: unsigned(1)
    source: isa.Source
    immediate: unsigned(1)  # the second ALU operand is the immediate
    advances: unsigned(1)
    bare: unsigned(1)  # the address is rs1 alone
    masked: unsigned(1)
    reduces: unsigned(1)
    rd_file: isa.File
    rs1_file: isa.File
    rs2_file: isa.File


def offset_bits(config: Config) -> int:
    """Bits of a byte's place in the SRAM."""
    return config.line_offset_bits + config.line_bits


def prediction_layout(config: Config) -> data.StructLayout:
    """Where an instruction is thought to jump to: to the word `target` of the SRAM, if ``taken``."""
    return data.StructLayout({"taken": 1, "target": offset_bits(config) - 2})


#: The array of a padded load: how many rows it has, of how many bytes, and bytes from a row to the next.
TILE = data.StructLayout({"rows": 16, "row_bytes": 16, "pitch": 32})

#: Why a lane of a gather could not be accessed, and where.
FAILURE = data.StructLayout({"cause": isa.Cause, "address": 64})


def window_layout(config: Config) -> data.StructLayout:
    """Fetched instructions: `count` of them, from the one at `pc` on, which are not yet decoded.

    `words` is a whole aligned window. The last instruction has the prediction. A ``fault`` is an address outside the
    SRAM, an ``error`` an uncorrectable memory error in the line.
    """
    return data.StructLayout({
        "pc": 64,
        "count": range(config.fetch_words + 1),
        "fault": 1,
        "error": 1,
        "prediction": prediction_layout(config),
        "words": data.ArrayLayout(32, config.fetch_words),
    })


def decoded_layout(config: Config) -> data.StructLayout:
    """A decoded instruction.

    `value` is the immediate, or a CSR's number in [11:0] and the immediate of csrr*i in [16:12]. A ``constant`` is an
    instruction that loads it into an integer register; one that ``writes`` has a result for an integer register in the
    execute stage. With ``fault`` or ``error`` the instruction could not be fetched and only `pc` means something.
    """
    return data.StructLayout({
        "pc": 64,
        "word": 32,
        "fault": 1,
        "error": 1,
        "control": Control,
        "value": signed(32),
        "constant": 1,
        "writes": 1,
        "prediction": prediction_layout(config),
    })


def operation_layout(config: Config) -> data.StructLayout:
    """An issued instruction with its integer operands; `x3` is the old value of rd, for atomics only.

    Instead of `x1` and `x2` those that are ``chained`` are the result of the group's first instruction, which executes
    in the same cycle. One that is ``off`` is a store under a predicate that has no byte: no unit is given it.
    """
    return data.StructLayout({
        "valid": 1,
        "thread": config.thread_bits,
        "instruction": decoded_layout(config),
        "x1": 64,
        "x2": 64,
        "x3": 64,
        "chained": 2,
        "off": 1,
    })


def scalar_result_layout(config: Config) -> data.StructLayout:
    """A result for an integer register."""
    return data.StructLayout({"thread": config.thread_bits, "destination": 5, "data": 64})


def write_layout(result: data.StructLayout) -> data.StructLayout:
    """A result that is written to a register file in this cycle, if ``valid``."""
    return data.StructLayout({"valid": 1, "result": result})


def retired_layout(config: Config) -> data.StructLayout:
    """What a slot has executed: the instruction, and what it writes to its integer register, if it does so at once."""
    return data.StructLayout({
        "valid": 1,
        "waits": 1,
        "thread": config.thread_bits,
        "pc": 64,
        "word": 32,
        "writes": 1,
        "value": 64,
    })


def retirement_layout(config: Config) -> data.StructLayout:
    """What has happened in a cycle, for traces and lock-step checks.

    ``slots``: the instructions that have executed, those of a thread in its program's order. If one ``writes`` an
    integer register in its own cycle, ``value`` is what. Other results are late: they come by ``scalar`` and
    ``vector``, at most one for a register at a time. A `sem.wait` shows up in its slot when it starts to wait and is
    complete when its thread's bit of ``resumed`` is set.
    """
    scalar, vector = write_layout(scalar_result_layout(config)), write_layout(vector_result_layout(config))
    return data.StructLayout({
        "slots": data.ArrayLayout(retired_layout(config), config.slots),
        "resumed": config.threads,
        "scalar": data.ArrayLayout(scalar, config.groups * config.integer_writes),
        "vector": data.ArrayLayout(vector, config.vector_writes),
    })
