"""The SRAM of a node."""
