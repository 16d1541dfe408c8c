"""The whole matrix unit against the model on chains of steps by the thousand, streamed through `verif.batch`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from amaranth.lib import data
from numpy.typing import NDArray

from hdl.config import Config
from hdl.core.matrix import MatrixUnit, read_layout, request_layout
from hdl.core.matrix_operand import OperandFormat
from hdl.core.result import vector_result_layout
from hdl.isa import Matrix
from hdl.number_formats import BIAS_LIMIT, Denormals, Format
from sim.numerics import OPERAND_FORMATS, AccumulatorTile, Bf16, bf16_from_cfloat8, decode

Unit = Callable[..., dict[str, NDArray]]

#: Cycles from a request to its result, if results are taken at once.
LATENCY = MatrixUnit.LATENCY + 1

#: Ranges of biased BF16 exponents: any, subnormals, the largest, one digit, wide, usual, and with subnormal products.
_RANGES = np.array([(0, 254), (0, 4), (250, 254), (120, 127), (96, 160), (115, 131), (54, 66)])

_FORMAT = data.Layout.cast(OperandFormat)


def packed(layout: data.Layout, fields: dict[str, NDArray]) -> NDArray[np.uint32]:
    """Rows of a structure as the words of its port; fields wider than 64 bits are arrays of bytes, [rows, bytes].

    Fields that the structure does not have are left out.
    """
    rows = max(len(values) for values in fields.values())
    bits = np.zeros((rows, -(-layout.as_shape().width // 32) * 32), np.uint8)
    for name in fields.keys() & {name for name, _ in layout}:
        values = fields[name]
        width = layout[name].width
        content = values if values.ndim == 2 else values.astype("<u8").reshape(-1, 1).view(np.uint8)
        bits[:, layout[name].offset:][:, :width] = np.unpackbits(content, axis=1, bitorder="little")[:, :width]
    return np.packbits(bits, axis=1, bitorder="little").view("<u4")


def operand_format(*, code: NDArray, bias: NDArray, denormals: NDArray, half: NDArray) -> NDArray[np.uint64]:
    """Bits of an `OperandFormat`."""
    fields = {"code": code, "bias": bias, "denormals": denormals, "half": half}
    return np.bitwise_or.reduce([values.astype(np.uint64) << _FORMAT[name].offset for name, values in fields.items()])


def submit(unit: Unit, config: Config, fields: dict[str, NDArray]) -> tuple[NDArray[np.uint32], dict[str, NDArray]]:
    """A request in every cycle; the numbers [rows, numbers of a part] that each row gives, and all ports."""
    reads = fields["function"] == Matrix.READ
    read, rest = packed(read_layout(config), fields), packed(request_layout(config), fields)
    ports = unit(request__payload=rest, request__valid=(~reads).astype(np.uint8), read__payload=read[:, 0],
                 read__valid=reads.astype(np.uint8), result__ready=1)
    offset = vector_result_layout(config)["data"].offset
    count = config.rows_per_part * config.n * 4
    result = np.ascontiguousarray(ports["result__payload"])
    content = np.packbits(np.unpackbits(result.view(np.uint8), axis=1, bitorder="little")[:, offset:][:, :count * 8],
                          axis=1, bitorder="little")
    return content.view("<u4"), ports


@dataclass(frozen=True)
class _Side:
    """One operand of every step of every chain: register bytes, format bits and numbers."""

    register: NDArray[np.uint8]
    form: NDArray[np.uint64]
    numbers: Bf16


def _side(rng: np.random.Generator, chains: int, steps: int, count: int, size: int) -> _Side:
    """Numbers of all kinds: some steps take the one before away again, some lie digits below it, some have specials."""
    low, high = _RANGES[rng.integers(len(_RANGES), size=(chains, 1, 1))][..., 0, :].transpose(2, 0, 1)[..., None]
    shape = chains, steps, count
    bits = rng.integers(0, 2, shape) << 15 | rng.integers(low, high + 1, shape) << 7 | rng.integers(0, 128, shape)
    bits = np.where(rng.random((chains, steps, 1)) < 0.15, np.where(rng.random(shape) < 0.6, bits & 0x8000, bits), bits)
    # Sums of few bits lie on and beside the middle between two FP32 numbers.
    bits = np.where(rng.random((chains, 1, 1)) < 0.4, bits & ~0x7F, bits)
    bits = np.where(rng.random(shape) < 0.002, 0x7F80 | bits & 0x8001, bits)
    for step in range(1, steps):
        before, kind = bits[:, step - 1], rng.random((chains, 1))
        lower = before & 0x807F | np.maximum((before >> 7 & 0xFF) - rng.integers(4, 48, (chains, 1)), 0) << 7
        nudged = before ^ 0x8000 ^ (rng.random(before.shape) < 0.1)
        bits[:, step] = np.select([kind < 0.15, kind < 0.3, kind < 0.5], [before, nudged, lower], bits[:, step])
    numbers = bits.astype(np.uint16)

    register = rng.integers(0, 256, (chains, steps, size), np.uint8)
    code = rng.choice([Format.BF16, Format.BF16, *OPERAND_FORMATS], (chains, steps))
    fields = {name: rng.integers(0, limit, (chains, steps))
              for name, limit in (("bias", BIAS_LIMIT + 1), ("denormals", 2), ("half", 2))}
    is_bf16 = (code == Format.BF16)[..., None]
    register[..., :2 * count] = np.where(is_bf16, numbers.view(np.uint8), register[..., :2 * count])
    codes = np.where(fields["half"][..., None] == 1, register[..., count:2 * count], register[..., :count])
    for form in OPERAND_FORMATS[1:]:
        for rule in Denormals:
            chosen = ((code == form) & (fields["denormals"] == rule))[..., None]
            numbers = np.where(
                chosen, bf16_from_cfloat8(codes, form, bias=fields["bias"][..., None], denormals=rule), numbers)
    return _Side(register, operand_format(code=code, **fields), numbers)


def chain_errors(unit: Unit, config: Config, rng: np.random.Generator, *, chains: int, steps: int) -> int:
    """Reads, and strobes, that differ from the model's.

    A chain zeroes or loads an accumulator, takes steps and reads in between. Chains on the accumulators follow or
    interleave; some steps have undefined formats.
    """
    m, n, k = config.matrix
    parts, rows = config.parts, config.rows_per_part
    a, b = (_side(rng, chains, steps, count, config.vector_bytes) for count in (m * k, k * n))
    values = rng.integers(0, 1 << 32, (chains, m, n), np.uint32)
    values = np.where(rng.random((chains, 1, 1)) < 0.5, values & 0x807FFFFF | rng.integers(
        100, 150, values.shape, np.uint32) << 23, values)
    values &= np.uint32(0xFFFFFFFF) << rng.integers(0, 31, values.shape, np.uint32)
    values = np.where(rng.random(values.shape) < 0.1, values & 0x807FFFFF, values)
    loads, reads = rng.random((chains, 1)) < 0.3, rng.random((chains, steps)) < 0.4
    reads[:, -1] = True
    part = rng.integers(0, parts, (chains, steps))

    # The model: all chains side by side.
    tile = AccumulatorTile(chains * m, n)
    tile.load(np.where(loads[..., None], values, 0).reshape(chains * m, n))
    expected = np.empty((chains, steps, m * n), np.uint32)
    for step in range(steps):
        right = np.repeat(b.numbers[:, step].reshape(chains, k, n), m, axis=0)
        tile.step_each(a.numbers[:, step].reshape(chains * m, k, 1), right)
        expected[:, step] = tile.read().reshape(chains, m * n)

    # Events of a chain in their order: zeros or the loads of all parts; an illegal step; each step and its read.
    names = config.threads * config.accumulators
    chain, event = (grid.ravel() for grid in np.meshgrid(
        np.arange(chains), np.arange(parts + 1 + 2 * steps), indexing="ij"))
    step = np.maximum(event - parts - 1, 0) // 2
    first, illegal = event < parts, event == parts
    multiplies = ~first & ~illegal & ((event - parts - 1) % 2 == 0)
    function = np.select([first & loads[chain, 0], first, illegal | multiplies],
                         [Matrix.LOAD, Matrix.ZERO, Matrix.MULTIPLY], Matrix.READ)
    keep = (function != Matrix.READ) | reads[chain, step]
    group, interleaved = chain // names, rng.random(chains // names + 1) < 0.5
    late = np.where(interleaved[group], event, chain), np.where(interleaved[group], chain, event)
    order = np.lexsort((late[1], late[0], group))
    order = order[keep[order]]
    chain, event, step, function, illegal = (array[order] for array in (chain, event, step, function, illegal))

    wrong = operand_format(code=3 + chain % 13, bias=chain % 64, denormals=chain % 2, half=event % 2)
    name = chain % names
    register_a = a.register[chain, step]
    loaded = np.zeros_like(register_a)
    content = values.reshape(chains, parts, rows * n)[chain, np.minimum(event, parts - 1)]
    loaded[:, :rows * n * 4] = np.ascontiguousarray(content).view(np.uint8)
    is_load = function == Matrix.LOAD
    result, ports = submit(unit, config, {
        "function": function, "thread": name // config.accumulators, "accumulator": name % config.accumulators,
        "part": np.where(is_load, event, part[chain, step]), "destination": chain % 32,
        "a_format": np.where(illegal & (chain % 2 == 0), wrong, a.form[chain, step]),
        "b_format": np.where(illegal & (chain % 2 == 1), wrong, b.form[chain, step]),
        "a": np.where(is_load[:, None], loaded, register_a), "b": b.register[chain, step]})

    read = function == Matrix.READ
    read_part = part[chain, step][read]
    numbers = expected[chain, step].reshape(len(order), parts, rows * n)[read, read_part]
    # The strobes are those of the request that is there, which is `LATENCY` rows further on.
    strobes = (ports["illegal"][:-LATENCY], ports["step"][:-LATENCY])
    steps_taken = function == Matrix.MULTIPLY
    return int(np.count_nonzero(result[read] != numbers) + np.count_nonzero(ports["result__valid"] != read)
               + np.count_nonzero(strobes[0] != illegal[LATENCY:])
               + np.count_nonzero(strobes[1] != (steps_taken & ~illegal)[LATENCY:]))


def product_errors(unit: Unit, config: Config, *, codes: tuple[Format, Format], biases: tuple[int, int],
                   rules: tuple[Denormals, Denormals]) -> int:
    """Products of all 2^16 pairs of CFloat8 that are not what `float64`, in which they are exact, says."""
    m, n, k = config.matrix
    # Each step multiplies m numbers by n others, in the first of the k pairs.
    left, right = (grid.ravel() for grid in np.meshgrid(np.arange(0, 256, m), np.arange(0, 256, n), indexing="ij"))
    a, b = (np.zeros((len(left), config.vector_bytes), np.uint8) for _ in range(2))
    a[:, :m * k:k] = left[:, None] + np.arange(m)
    b[:, :n] = right[:, None] + np.arange(n)
    order = np.array([Matrix.ZERO, Matrix.MULTIPLY, *[Matrix.READ] * config.parts])
    rows, per = len(left) * len(order), len(order)
    zeros = np.zeros(rows, np.int64)
    forms = [operand_format(code=zeros + code, bias=zeros + bias, denormals=zeros + rule, half=zeros)
             for code, bias, rule in zip(codes, biases, rules, strict=True)]
    result, _ = submit(unit, config, {
        "function": np.tile(order, len(left)), "part": np.tile(np.maximum(np.arange(per) - 2, 0), len(left)),
        "a_format": forms[0], "b_format": forms[1], "a": np.repeat(a, per, axis=0), "b": np.repeat(b, per, axis=0)})
    got = result.reshape(len(left), per, -1)[:, 2:].reshape(len(left), m, n)
    numbers = [decode(np.arange(256), code, bias=bias, denormals=rule)
               for code, bias, rule in zip(codes, biases, rules, strict=True)]
    exact = numbers[0][a[:, :m * k:k]][:, :, None] * numbers[1][b[:, :n]][:, None, :]
    # A sum of 0 is +0.
    return int(np.count_nonzero(got != (exact.astype(np.float32) + np.float32(0)).view(np.uint32)))
