"""Operands for the lanes in the style of TestFloat, and what the lanes must make of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdl.arith.operations import FloatOperation, IntegerOperation
from hdl.number_formats import FORMAT_BITS, INTEGERS, Flag, Format
from sim import numerics

Words = NDArray[np.uint32]
Unit = Callable[..., dict[str, NDArray]]


@dataclass(frozen=True)
class Layout:
    """Where the fields of a format are."""

    dtype: type[np.unsignedinteger]
    fraction: int  # bits

    @property
    def sign(self) -> int:
        return 1 << self.fraction + 8

    def pack(self, sign, exponent, fraction) -> NDArray:
        """Bit patterns of fields; of the fraction only what fits is taken."""
        bits = (np.asarray(sign, np.int64) << self.fraction + 8 | np.asarray(exponent, np.int64) << self.fraction
                | np.asarray(fraction, np.int64) & (1 << self.fraction) - 1)
        return bits.astype(self.dtype)


LAYOUTS = {Format.FP32: Layout(np.uint32, 23), Format.BF16: Layout(np.uint16, 7)}


def corners(layout: Layout) -> NDArray:
    """Numbers at and beside the bounds of their kinds, of both signs; NaNs, too."""
    ones = (1 << layout.fraction) - 1
    half = 1 << layout.fraction - 1
    fields = [(0, fraction) for fraction in (0, 1, 2, half, ones - 1, ones)]
    fields += [(exponent, fraction) for exponent in (1, 2, 126, 127, 128, 253, 254)
               for fraction in (0, 1, half, ones - 1, ones)]
    fields += [(127 + distance, fraction) for distance in (-layout.fraction - 2, -layout.fraction - 1, -layout.fraction)
               for fraction in (0, 1, ones)]
    fields += [(255, fraction) for fraction in (0, 1, half, ones)]
    exponents, fractions = np.array(fields).T
    return np.concatenate([layout.pack(sign, exponents, fractions) for sign in (0, 1)])


def patterned(layout: Layout, rng: np.random.Generator, count: int, exponents: NDArray | None = None) -> NDArray:
    """Numbers with any exponents, or those given; fractions are random, runs of ones, or complements of such."""
    if exponents is None:
        # All are as likely, but for those at the ends, which get a third.
        exponents = np.where(rng.random(count) < 0.33, rng.choice([0, 1, 2, 253, 254, 255], count),
                             rng.integers(0, 256, count))
    high, low = rng.integers(0, layout.fraction + 1, (2, count))
    run = (1 << high) - 1 ^ (1 << low) - 1
    kind = rng.integers(0, 4, count)
    fraction = np.select([kind == 0, kind == 1, kind == 2], [run, ~run, run ^ 1],
                         rng.integers(0, 1 << layout.fraction, count))
    return layout.pack(rng.integers(0, 2, count), exponents, fraction)


def related(layout: Layout, rng: np.random.Generator, count: int) -> tuple[NDArray, NDArray, NDArray]:
    """Triples whose exponents are close where it matters: sums and a * b + c cancel, products are tiny or huge."""
    wide = layout.fraction + 4
    a = rng.integers(0, 256, count)
    apart = rng.integers(-wide, wide + 1, count)
    product = np.select([rng.random(count) < 0.4, rng.random(count) < 0.5],
                        [rng.integers(-wide - 3, 4, count), rng.integers(250, 258, count)], a + apart)
    sums = rng.random(count) < 0.3
    b = np.where(sums, a + apart, product + 127 - a)
    addend = a + b - 127 + rng.integers(-2 * wide, wide, count)
    c = np.where(rng.random(count) < 0.2, rng.integers(0, 256, count), addend)
    operands = [patterned(layout, rng, count, np.clip(exponents, 0, 255)) for exponents in (a, b, c)]
    # Some products and addends are the same but for the last bits, so that nearly all is cancelled.
    same = rng.random(count) < 0.2
    nearly = operands[0] ^ rng.integers(0, 4, count, layout.dtype) ^ layout.dtype(layout.sign)
    operands[1] = np.where(same & sums, nearly, operands[1])
    unit = same & ~sums
    operands[1] = np.where(unit, layout.pack(0, 127, 0), operands[1])
    operands[2] = np.where(unit, nearly, operands[2])
    # Others leave what rounding took from the product.
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = _bits(layout, _values(layout, operands[0]) * _values(layout, operands[1]))
    nudged = rounded ^ rng.choice(np.array([0, 0, 1, 3], layout.dtype), count)
    negated = rng.integers(0, 2, count).astype(layout.dtype) * layout.dtype(layout.sign)
    operands[2] = np.where(rng.random(count) < 0.15, nudged ^ negated, operands[2])
    return operands[0], operands[1], operands[2]


def around_least_normal(layout: Layout, rng: np.random.Generator, count: int) -> tuple[NDArray, NDArray, NDArray]:
    """Triples whose product, or product and addend, is within a few units of the least normal number."""
    pick = rng.integers(1, 253, count)
    a = patterned(layout, rng, count, pick)
    quotient = 2.0**-126 / np.abs(_values(layout, a))
    with np.errstate(over="ignore"):
        b = _bits(layout, quotient)
    b = (b.astype(np.int64) + rng.integers(-2, 3, count)).astype(layout.dtype)
    c = patterned(layout, rng, count, rng.integers(0, 2, count))
    # Or a product of a few units around half the least subnormal, beside an addend that is just at the bound.
    tail = rng.random(count) < 0.4
    least = rng.choice(np.array([1 << layout.fraction, (1 << layout.fraction) - 1, (1 << layout.fraction) + 1]), count)
    c = np.where(tail, (least | rng.integers(0, 2, count) << layout.fraction + 8).astype(layout.dtype), c)
    exponents = np.clip(127 - 126 - layout.fraction + rng.integers(-3, 3, count) + 127 - pick, 0, 254)
    b = np.where(tail, patterned(layout, rng, count, exponents), b)
    return a, b, c


def _values(layout: Layout, bits: NDArray) -> NDArray[np.float64]:
    return (bits.astype(np.uint32) << np.uint32(23 - layout.fraction)).view(np.float32).astype(np.float64)


def _bits(layout: Layout, values: NDArray[np.float64]) -> NDArray:
    return (values.astype(np.float32).view(np.uint32) >> np.uint32(23 - layout.fraction)).astype(layout.dtype)


def float_operands(layout: Layout, rng: np.random.Generator, count: int) -> tuple[NDArray, NDArray, NDArray]:
    """`count` triples, a third of each kind: anything, related, and around the least normal number."""
    parts = (count - 2 * (count // 3), count // 3, count // 3)
    kinds = (tuple(patterned(layout, rng, parts[0]) for _ in range(3)), related(layout, rng, parts[1]),
             around_least_normal(layout, rng, parts[2]))
    a, b, c = (np.concatenate(operands) for operands in zip(*kinds, strict=True))
    order = rng.permutation(count)
    return a[order], b[order], c[order]


def corner_triples(layout: Layout, step: int = 1) -> tuple[NDArray, NDArray, NDArray]:
    """Every combination of three corners, or every `step`-th of them."""
    values = corners(layout)
    which = np.arange(0, len(values)**3, step)
    a, b, c = (values[which // len(values)**place % len(values)] for place in range(3))
    return a, b, c


@dataclass(frozen=True)
class Vectors:
    """Rows of inputs of a lane, and the outputs that they must give."""

    inputs: dict[str, NDArray]
    outputs: dict[str, NDArray]

    def errors(self, unit: Unit) -> NDArray[np.intp]:
        """The rows in which the unit's outputs differ."""
        got = unit(**self.inputs)
        return np.flatnonzero(np.any([got[name] != expected for name, expected in self.outputs.items()], axis=0))

    def check(self, unit: Unit) -> None:
        """Fail with the first row that is wrong."""
        if len(wrong := self.errors(unit)):
            row = wrong[0]
            got = unit(**self.inputs)
            shown = [f"{name} {int(values[row]):#x}" for name, values in self.inputs.items()]
            differ = [f"{name} is {int(got[name][row]):#x}, not {int(values[row]):#x}"
                      for name, values in self.outputs.items() if got[name][row] != values[row]]
            raise AssertionError(f"{len(wrong)} rows differ; {', '.join(shown)}: {'; '.join(differ)}")


def words(elements: NDArray) -> Words:
    """Elements side by side in 32-bit words, the first one lowest."""
    return np.ascontiguousarray(elements).view(np.uint32)


def float_vectors(operation: NDArray[np.uint8], format: NDArray[np.uint8], a: Words, b: Words, c: Words) -> Vectors:
    """What the model says to rows of the float lane, undefined operations included."""
    out, flags = np.zeros(len(a), np.uint32), np.zeros(len(a), np.uint8)
    defined = np.isin(operation, list(FloatOperation)) & np.isin(format, list(LAYOUTS))
    flags[~defined] = Flag.INVALID
    for code in FloatOperation:
        for kind, layout in LAYOUTS.items():
            rows = np.flatnonzero((operation == code) & (format == kind))
            x, y, z = (words[rows].view(layout.dtype) for words in (a, b, c))
            result = numerics.float_operation(code, x, y, z if code.takes_c else None)
            out[rows] = words(result.bits)
            flags[rows] = np.bitwise_or.reduce(result.flags.reshape(len(rows), 4 // x.itemsize), axis=1)
    return Vectors({"operation": operation, "format": format, "a": a, "b": b, "c": c},
                   {"o": out, "flags": flags, "illegal": (~defined).astype(np.uint8)})


def codes(rng: np.random.Generator, formats: Iterable[Format], count: int) -> NDArray[np.uint8]:
    """Format codes: mostly these, and sometimes any."""
    any_code = rng.integers(0, 1 << FORMAT_BITS, count, np.uint8)
    return np.where(rng.random(count) < 0.03, any_code, rng.choice(np.array(list(formats), np.uint8), count))


def random_float_vectors(rng: np.random.Generator, count: int) -> Vectors:
    """Rows of all operations, undefined ones too, in both formats, mixed."""
    operation = rng.integers(0, 16, count, np.uint8)
    format = codes(rng, LAYOUTS, count)
    single = float_operands(LAYOUTS[Format.FP32], rng, count)
    halves = float_operands(LAYOUTS[Format.BF16], rng, 2 * count)
    a, b, c = (np.where(format == Format.FP32, one, words(two)) for one, two in zip(single, halves, strict=True))
    return float_vectors(operation, format, a, b, c)


def integer_vectors(operation: NDArray[np.uint8], format: NDArray[np.uint8], a: Words, b: Words) -> Vectors:
    """What the model says to rows of the integer lane, undefined operations and formats included."""
    out = np.zeros(len(a), np.uint32)
    defined = np.isin(operation, list(IntegerOperation)) & np.isin(format, list(INTEGERS))
    for code in IntegerOperation:
        for kind, bits in INTEGERS.items():
            rows = np.flatnonzero((operation == code) & (format == kind))
            x, y = (words[rows].view(f"u{bits // 8}") for words in (a, b))
            out[rows] = words(numerics.integer_operation(code, x, y))
    return Vectors({"operation": operation, "format": format, "a": a, "b": b},
                   {"o": out, "illegal": (~defined).astype(np.uint8)})


def random_integer_vectors(rng: np.random.Generator, count: int) -> Vectors:
    """Rows of all operations and formats, undefined ones too, mixed; a third of the bytes at a bound."""
    bounds = np.array([0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF], np.uint8)
    a, b = (np.where(rng.random((count, 4)) < 0.33, rng.choice(bounds, (count, 4)),
                     rng.integers(0, 256, (count, 4), np.uint8)) for _ in range(2))
    b = np.where(rng.random((count, 1)) < 0.1, a, b)
    return integer_vectors(rng.integers(0, 32, count, np.uint8), codes(rng, INTEGERS, count),
                           words(a).ravel(), words(b).ravel())
