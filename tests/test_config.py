"""`hdl.config`: presets, what is derived from them, and what is refused."""

import re
from dataclasses import fields, replace

import pytest

from hdl.config import D1, PRESETS, SIM, SRAM_BASE, ULX3S, Config, bits_for_count, global_address, preset


def test_presets_are_found_by_name():
    assert [preset(name) for name in ("D1", "SIM", "ULX3S")] == [D1, SIM, ULX3S]
    assert all(config.name == name for name, config in PRESETS.items())


def test_unknown_preset_names_those_there_are():
    with pytest.raises(ValueError, match=r"no preset is called 'd1'; there are D1, SIM, ULX3S"):
        preset("d1")


def test_d1_has_the_published_sizes():
    assert (D1.threads, D1.vector_bytes, D1.matrix) == (4, 64, (8, 8, 4))
    assert D1.sram_bytes == 1.25 * 2**20


def test_sim_is_d1_but_for_memory_and_mesh():
    differing = {field.name for field in fields(Config) if getattr(D1, field.name) != getattr(SIM, field.name)}
    assert differing == {"name", "sram_bytes", "columns", "rows"}


@pytest.mark.parametrize("config", PRESETS.values(), ids=lambda config: config.name)
def test_derived_sizes_fit_together(config):
    assert config.lanes * 32 == config.vector_bits == config.vector_bytes * 8
    assert config.macs == config.m * config.n * config.k == config.peak_macs * config.matrix_interval
    assert config.float_lanes * config.vector_interval == config.lanes
    assert 1 << config.line_offset_bits == config.vector_bytes
    assert config.sram_lines * config.vector_bytes == config.sram_bytes
    assert config.bank_lines * config.sram_banks == config.sram_lines
    assert 1 << config.line_bits >= config.sram_lines > 1 << (config.line_bits - 1)
    assert config.sram_end == SRAM_BASE + config.sram_bytes
    assert config.parts * config.rows_per_part == config.m
    assert config.rows_per_part * config.n * 4 <= config.vector_bytes
    assert len(set(config.coordinates())) == config.nodes
    assert min(y for _, y in config.coordinates()) == 1


@pytest.mark.parametrize("field, value, rule", [
    ("threads", 3, "a power of two from 1 to 8"),
    ("threads", 16, "a power of two from 1 to 8"),
    ("threads", 2.0, "a power of two from 1 to 8"),
    ("threads", True, "a power of two from 1 to 8"),
    ("groups", 4, "a power of two from 1 to 2"),
    ("decode_width", 3, "a power of two from 2 to 8"),
    ("decode_width", 1, "a power of two from 2 to 8"),
    ("issue_width", 4, "an integer from 1 to 3"),
    ("instruction_queue", 4, "8 or more, for two decoded groups of 4"),
    ("alus", 0, "an integer from 1 to 4"),
    ("branch_targets", 3, "a power of two from 2 to 1024"),
    ("branch_targets", 4, "8 or more, for every instruction of a fetch window"),
    ("fair_threads", 1, "True or False"),
    ("integer_writes", 1, "an integer from 3 to 4"),
    ("vector_writes", 4, "an integer from 1 to 3"),
    ("vector_bytes", 8, "a power of two from 16 to 64"),
    ("matrix", (8, 8), "three powers of two from 1 to 8"),
    ("matrix", [8, 8, 4], "three powers of two from 1 to 8"),
    ("matrix", (8, 8, 3), "three powers of two from 1 to 8"),
    ("matrix", (8, 8, 8), "small enough that an operand fits in a vector register of 64 bytes"),
    ("accumulators", 0, "a power of two from 1 to 8"),
    ("sram_banks", 32, "a power of two from 1 to 16"),
    ("sram_bytes", 4095, "a multiple of 1024"),
    ("sram_bytes", 1 << 23, "a multiple of 1024"),
    ("fetch_lines", 1, "a power of two from 2 to 16"),
    ("semaphores", 64, "a power of two from 2 to 32"),
    ("fifo_depth", 5, "an integer from 2 to 4"),
    ("single_reads", 1, "True or False"),
    ("hard_multipliers", 0, "True or False"),
    ("vector_interval", 3, "a power of two from 1 to 16"),
    ("vector_interval", 32, "a power of two from 1 to 16"),
    ("serial_matrix", True, "False if there is CFloat8"),
    ("shared_counters", 1, "True or False"),
    ("counter_bits", 16, "an integer from 24 to 64"),
    ("list_queue", 32, "a power of two from 1 to 16"),
    ("columns", 0, "an integer from 1 to 127"),
    ("rows", 127, "an integer from 1 to 126"),
])
def test_what_cannot_be_built_is_refused(field, value, rule):
    message = f"^config 'SIM': {field} must be {re.escape(rule)}.*, not {re.escape(repr(value))}$"
    with pytest.raises(ValueError, match=message):
        replace(SIM, **{field: value})


def test_an_accumulator_row_must_fit_in_a_register():
    with pytest.raises(ValueError, match="matrix must be narrow enough"):
        replace(ULX3S, matrix=(2, 8, 1))


def test_a_serial_matrix_unit_needs_elements_that_are_apart():
    with pytest.raises(ValueError, match="serial_matrix must be False for a matrix of 2 x 1, not True"):
        replace(ULX3S, matrix=(2, 1, 2))


def test_with_mesh_changes_nothing_else():
    assert SIM.with_mesh(columns=3, rows=5) == replace(SIM, columns=3, rows=5)


def test_bits_for_count_is_never_zero():
    assert [bits_for_count(count) for count in (1, 2, 3, 4, 5, 8, 9)] == [1, 1, 2, 2, 3, 3, 4]


def test_global_address_has_its_fields_where_the_architecture_says():
    assert global_address(x=1, y=2, address=0x8000_0040) == 0x1_0201_8000_0040
