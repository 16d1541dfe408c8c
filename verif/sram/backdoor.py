"""Loads an SRAM at once, check bits included, instead of line by line through a port."""

import numpy as np
from cocotb.triggers import ReadWrite

from hdl.config import Config
from sim import ecc

#: What `sim.build.build` has to make public for it.
PUBLIC = {"d1_sram_bank": "*s"}


def bank_storage(sram, bank: int):
    """Handle of the arrays of a bank: ``lines`` and ``checks``, a row an element."""
    return getattr(sram, f"bank_{bank}").storage.macro


async def load(sram, config: Config, content: bytes) -> None:
    """Fill an SRAM, whose handle is `sram`; `content` is as long as it is."""
    if len(content) != config.sram_bytes:
        raise ValueError(f"the SRAM has {config.sram_bytes} bytes, not {len(content)}")
    checks = ecc.encode(np.frombuffer(content, np.uint64)).tobytes()
    words = config.vector_bytes // 8
    for line in range(config.sram_lines):
        storage = bank_storage(sram, line % config.sram_banks)
        row = line // config.sram_banks
        storage.lines[row].value = int.from_bytes(
            content[line * config.vector_bytes:(line + 1) * config.vector_bytes], "little")
        storage.checks[row].value = int.from_bytes(checks[line * words:(line + 1) * words], "little")
    await ReadWrite()
