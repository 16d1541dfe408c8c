"""The parts of the matrix unit against the model, streamed through `verif.batch`: what tests and mutations use."""

from collections.abc import Callable

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data
from numpy.typing import ArrayLike, NDArray

from hdl.core.accumulator import state_layout, sum_bits
from hdl.core.dot_product import DIGIT, DotProduct, Loaded, Operand
from hdl.core.matrix_operand import MATRIX_FORMATS
from hdl.core.matrix_reader import LOWEST
from hdl.isa import Matrix
from hdl.number_formats import BIAS_LIMIT, Denormals
from sim.numerics import AccumulatorTile, Bf16, Fp32, bf16_from_cfloat8
from verif.matrix.mass import operand_format, packed
from verif.matrix.script import SCRIPTS, Script

Unit = Callable[..., dict[str, NDArray]]

_OPERAND, _LOADED = data.Layout.cast(Operand), data.Layout.cast(Loaded)
_OPERAND_BITS = Shape.cast(Operand).width


def _operands(numbers: Bf16) -> NDArray[np.uint64]:
    """BF16 as the bits of an `Operand`. What is not live has no significand and no exponent."""
    wide = numbers.astype(np.int64)
    sign, exponent, fraction = wide >> 15, wide >> 7 & 0xFF, wide & 0x7F
    special, zero = exponent == 0xFF, wide & 0x7FFF == 0
    magnitude = fraction | np.where(exponent > 0, 0x80, 0)
    live = ~special & ~zero
    fields = {
        "significand": np.where(live, np.where(sign == 1, -magnitude, magnitude) & 0x1FF, 0),
        "exponent": np.where(live, np.maximum(exponent, 1), 0), "sign": sign, "live": live,
        "infinite": special & (fraction == 0), "nan": special & (fraction != 0)}
    return np.bitwise_or.reduce([values.astype(np.uint64) << np.uint64(_OPERAND[name].offset)
                                 for name, values in fields.items()])


def meaning_of_operand(outputs: dict[str, NDArray]) -> dict[str, NDArray]:
    """An `Operand` as `_operands` has it."""
    bits = outputs["o"].astype(np.uint64)
    always = sum(1 << _OPERAND[name].offset for name in ("sign", "live", "infinite", "nan"))
    live = bits >> np.uint64(_OPERAND["live"].offset) & np.uint64(1)
    return {"o": np.where(live == 1, bits, bits & np.uint64(always))}


def operand_errors(unit: Unit, rng: np.random.Generator) -> int:
    """Every number of every format, bias, rule and half, in any order; a number stays until the next one is taken."""
    codes = np.arange(256)
    cases = np.stack([grid.ravel() for grid in np.meshgrid(
        codes, MATRIX_FORMATS[1:], np.arange(BIAS_LIMIT + 1), [*Denormals], (0, 1), indexing="ij")])
    every = np.concatenate([cases, np.stack([np.arange(1 << 16) & 0xFF, *np.zeros((4, 1 << 16), np.int64)])], axis=1)
    bf16 = rng.integers(0, 1 << 16, every.shape[1])
    bf16[cases.shape[1]:] = np.arange(1 << 16)
    order = rng.permutation(every.shape[1])
    bf16, (number, code, bias, rule, half) = bf16[order], every[:, order]
    other = rng.integers(0, 256, len(order))
    halves = np.where(half == 0, number | other << 8, other | number << 8)

    expected = bf16.astype(np.uint16)
    for form in MATRIX_FORMATS[1:]:
        for denormals in Denormals:
            chosen = (code == form) & (rule == denormals)
            expected[chosen] = bf16_from_cfloat8(number[chosen].astype(np.uint8), form, bias=bias[chosen],
                                                 denormals=denormals)
    enable = rng.random(len(order)) < 0.9
    enable[0] = True
    last = np.maximum.accumulate(np.where(enable, np.arange(len(order)), 0))
    gave = meaning_of_operand(unit(
        enable=enable.astype(np.uint8), format=operand_format(code=code, bias=bias, denormals=rule, half=half),
        bf16=bf16, halves=halves))["o"]
    return int(np.count_nonzero(gave != _operands(expected)[last]))


def _loaded(values: Fp32) -> NDArray[np.uint32]:
    """What a load gives, as rows of the port's words."""
    tile = AccumulatorTile(len(values), 1)
    tile.load(values[:, None])
    finite = tile.special[:, 0] == 0
    return packed(_LOADED, {"special": tile.special[:, 0], "anchor": np.where(finite, tile.anchor[:, 0], 0),
                            "sum": np.where(finite, tile.sum[:, 0], 0)})


def meaning_of_loaded(outputs: dict[str, NDArray]) -> dict[str, NDArray]:
    """A `Loaded` as `_loaded` has it."""
    bits = outputs["o"].astype(np.uint64)
    special = bits >> np.uint64(_LOADED["special"].offset) & np.uint64(3)
    kept = np.where(special == 0, bits, special << np.uint64(_LOADED["special"].offset))
    return {"o": kept}


def loader_errors(unit: Unit, rng: np.random.Generator) -> int:
    """Every exponent with fractions of all kinds, and any bits."""
    fractions = np.concatenate([[0, 1, 2, 0x7FFFFF], 1 << np.arange(23), rng.integers(0, 1 << 23, 40)])
    grid = [part.ravel() for part in np.meshgrid((0, 1), np.arange(256), fractions, indexing="ij")]
    values = np.concatenate([grid[0] << 31 | grid[1] << 23 | grid[2], rng.integers(0, 1 << 32, 20_000)])
    values = rng.permutation(values).astype(np.uint32)
    return int(np.count_nonzero(meaning_of_loaded(unit(i=values))["o"] != _words(_loaded(values))))


def _words(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Rows of two words as numbers."""
    return rows[:, 0] | rows[:, 1].astype(np.uint64) << np.uint64(32)


def reader_errors(unit: Unit, rng: np.random.Generator, *, depth: int) -> int:
    """States of all kinds: of few bits, or many, at any place, beside the middle between two FP32; all anchors."""
    count, width = 60_000, sum_bits(depth)
    tile = AccumulatorTile(count, 1)
    size = rng.integers(0, width - 1, count)
    magnitude = rng.integers(0, 1 << 62, count) & (1 << size) - 1 | 1 << size
    # What is below the 24 highest bits is a half, or beside it, or nothing.
    below = np.maximum(size - 23, 0)
    tail = np.where(below > 0, 1 << np.maximum(below - 1, 0), 0) + rng.integers(-1, 2, count)
    magnitude = np.where(rng.random(count) < 0.4, (magnitude >> below << below) + np.maximum(tail, 0), magnitude)
    magnitude = np.where(rng.random(count) < 0.2, 1 << size, magnitude)
    magnitude = np.where(rng.random(count) < 0.1, (1 << size) - 1, magnitude)
    tile.sum[:, 0] = np.where(rng.random(count) < 0.5, -magnitude, magnitude)
    tile.anchor[:, 0] = np.where(rng.random(count) < 0.5, rng.integers(0, 36, count), rng.integers(4, 12, count))
    # Subnormals in the middle between two FP32, or a single bit beside it: the last bit weighs 2^-149.
    anchor = rng.integers(6, 9, count)
    last = -149 - LOWEST - DIGIT * anchor
    middle = (rng.integers(0, 1 << 50, count) >> last << last) + (1 << last - 1)
    beside = middle + rng.choice((-1, 0, 1), count) * (1 << rng.integers(0, last))
    chosen = rng.random(count) < 0.1
    tile.anchor[chosen, 0] = anchor[chosen]
    tile.sum[chosen, 0] = np.where(rng.random(count) < 0.5, -beside, beside)[chosen]
    tile.special[:, 0] = np.where(rng.random(count) < 0.05, rng.integers(0, 4, count), 0)
    state = packed_states(depth, tile.sum[:, 0], tile.anchor[:, 0], tile.special[:, 0])
    return int(np.count_nonzero(unit(state=state)["o"] != tile.read()[:, 0]))


def element_rows(script: Script) -> dict[str, NDArray]:
    """What a script asks of an element, as its ports; what nobody loads is anything."""
    steps, depth = script.steps, script.depth
    values = np.array([step.loaded for step in steps], np.uint32)
    loaded = _loaded(np.where(script.rng.random(len(steps)) < 0.5, script.rng.integers(0, 1 << 32, len(steps)),
                              values).astype(np.uint32))
    at = np.flatnonzero(np.array([step.function == Matrix.LOAD for step in steps]))
    at = at[at + DotProduct.LOAD_DELAY < len(steps)]
    loaded[at + DotProduct.LOAD_DELAY] = _loaded(values[at])

    def side(numbers: list[Bf16]) -> NDArray:
        bits = _operands(np.stack([number.ravel() for number in numbers]))
        single = np.unpackbits(bits.astype("<u8")[..., None].view(np.uint8), axis=-1, bitorder="little")
        joined = np.packbits(single[..., :_OPERAND_BITS].reshape(len(steps), -1), axis=1, bitorder="little")
        words = -(-depth * _OPERAND_BITS // 32)
        rows = np.zeros((len(steps), 4 * words), np.uint8)
        rows[:, :joined.shape[1]] = joined
        return rows.view("<u4") if depth * _OPERAND_BITS > 64 else rows.view(f"<u{4 * words}")[:, 0]

    return {
        "function": np.array([step.function for step in steps], np.uint8),
        "accumulator": np.array([step.index for step in steps]), "read": np.array([step.read for step in steps]),
        "a": side([step.a for step in steps]), "b": side([step.b for step in steps]), "loaded": _words(loaded)}


def meaning_of_state(outputs: dict[str, NDArray], *, depth: int, accumulators: int) -> dict[str, NDArray]:
    """States, without G and S of what is not finite, from where on every accumulator has been zeroed."""
    layout = state_layout(depth)
    bits = outputs["state"].astype(np.uint64)[accumulators:]
    special = bits >> np.uint64(layout["special"].offset) & np.uint64(3)
    return {"state": np.where(special == 0, bits, special << np.uint64(layout["special"].offset))}


def packed_states(depth: int, total: NDArray, anchor: NDArray, special: ArrayLike = 0) -> NDArray[np.uint64]:
    """States as numbers, as the port has them."""
    return _words(packed(state_layout(depth), {
        "sum": total, "anchor": anchor, "special": np.broadcast_to(special, total.shape)}))


def state_errors(script: Script, states: NDArray) -> int:
    """States after each step of a script that are not the model's."""
    first = script.accumulators
    fields = [step.state if len(step.state) == 3 else (*step.state, 0, 0) for step in script.steps[first:]]
    special, anchor, total = np.array(fields, np.int64).T
    gave = meaning_of_state({"state": states}, depth=script.depth, accumulators=first)["state"]
    return int(np.count_nonzero(gave != packed_states(script.depth, total, anchor, special)))


def element_errors(unit: Unit, rng: np.random.Generator, *, depth: int, accumulators: int) -> int:
    """States that are not the model's while scripts are carried out."""
    scripts = [make(rng, depth=depth, accumulators=accumulators) for make in SCRIPTS]
    return sum(state_errors(script, unit(**element_rows(script))["state"]) for script in scripts)
