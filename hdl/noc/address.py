"""What an address or a coordinate of a packet refers to."""

from amaranth.hdl import Value

from ..config import SRAM_BASE, Config
from ..memory_map import CONTROL_BASE, CONTROL_BITS


def in_sram(config: Config, address: Value) -> Value:
    """Whether a local address lies in the SRAM."""
    return (address >= SRAM_BASE) & (address < config.sram_end)


def in_control(address: Value) -> Value:
    """Whether a local address lies among the control registers."""
    return address[CONTROL_BITS:] == CONTROL_BASE >> CONTROL_BITS


def line_of(config: Config, address: Value) -> Value:
    """The SRAM line that a local address of the SRAM lies in."""
    return address[config.line_offset_bits:][:config.line_bits]


def is_node(config: Config, x: Value, y: Value) -> Value:
    """Whether the mesh has a node at these coordinates."""
    return (x < config.columns) & (y >= 1) & (y <= config.rows)
