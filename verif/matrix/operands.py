"""Operands that try the accumulator hard."""

# pyright: reportAttributeAccessIssue=none

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hdl.number_formats import Denormals, Format
from sim.numerics import OPERAND_FORMATS, Bf16, matrix_operand

#: Boundary values of BF16: zeros, subnormals, around 1, the largest, infinities and NaNs.
CORNERS = np.array([sign << 15 | bits for sign in (0, 1) for bits in (
    0x0000, 0x0001, 0x007F, 0x0080, 0x00FF, 0x3F7F, 0x3F80, 0x3F81, 0x3FFF, 0x7F00, 0x7F7F, 0x7F80, 0x7F81, 0x7FFF)],
    np.uint16)

SIGN, LARGEST = np.uint16(0x8000), np.uint16(0x7F7F)

ZEROS_AND_INFINITIES = np.array([0x0000, 0x8000, 0x7F80, 0xFF80], np.uint16)

#: Ranges of biased exponents: any, those of subnormals and their neighbours, the largest, one digit, wide, usual.
RANGES = ((0, 254), (0, 4), (250, 254), (120, 127), (96, 160), (115, 131), (40, 90))


def finite(rng: np.random.Generator, shape: tuple[int, ...], low: int, high: int) -> Bf16:
    """Random finite BF16 bits with biased exponents from `low` to `high`."""
    bits = rng.integers(0, 2, shape) << 15 | rng.integers(low, high + 1, shape) << 7 | rng.integers(0, 128, shape)
    return bits.astype(np.uint16)


def single(shape: tuple[int, int, int], exponent: int, *, sign: int, fraction: int = 0) -> tuple[Bf16, Bf16]:
    """A and B of `shape` (M, N, K) that give every element one product, +-(1 + fraction / 128) x 2^(exponent - 254).

    In units of its group at digit exponent // 16, that is 2^(30 + exponent % 16).
    """
    rows, columns, depth = shape
    a, b = np.zeros((rows, depth), np.uint16), np.zeros((depth, columns), np.uint16)
    a[:, 0], b[0] = sign << 15 | exponent // 2 << 7 | fraction, (exponent + 1) // 2 << 7
    return a, b


def numbers(rng: np.random.Generator) -> Iterator[int]:
    """An endless supply of FP32 bits to load: of any kind, of usual exponents, zeros, subnormals, specials."""
    corners = (0, 1 << 31, 1, 0x007FFFFF, 0x00800000, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000)
    while True:
        bits = int(rng.integers(0, 1 << 32))
        yield (bits, bits & 0x807FFFFF | int(rng.integers(110, 150)) << 23, int(rng.choice(corners)))[rng.choice(3)]


@dataclass(frozen=True)
class Register:
    """The bits of a vector register with an operand, the fields of the operand's format, and its numbers."""

    bits: int
    form: dict[str, int]
    numbers: Bf16


def register(rng: np.random.Generator, bf16: Bf16, size: int) -> Register:
    """A register of `size` bytes: in half of the cases with the numbers of `bf16`, in the others with any CFloat8.

    What the operand does not fill is anything.
    """
    code = rng.choice([Format.BF16, Format.BF16, *OPERAND_FORMATS[1:]])
    content = rng.bytes(size)
    if code == Format.BF16:
        content = bf16.tobytes() + content[bf16.nbytes:]
    form = {"bias": int(rng.integers(64)), "denormals": int(rng.integers(2)), "half": int(rng.integers(2))}
    operand = matrix_operand(content, bf16.shape, code, bias=form["bias"], denormals=Denormals(form["denormals"]),
                             half=form["half"])
    return Register(int.from_bytes(content, "little"), form | {"code": int(code)}, operand)


class Operands:
    """An endless supply of A [rows, depth] and B [depth, columns], of changing kinds.

    It remembers what it gave, since the hardest sums are those that cancel what went before.
    """

    def __init__(self, rng: np.random.Generator, *, rows: int, columns: int, depth: int):
        self.rng = rng
        self.shapes = (rows, depth), (depth, columns)
        self.last: tuple[Bf16, Bf16] = tuple(np.zeros(shape, np.uint16) for shape in self.shapes)

    def __next__(self) -> tuple[Bf16, Bf16]:
        kinds = {
            self._finite: 0.29, self._sparse: 0.15, self._cancel: 0.12, self._nearly_cancel: 0.12, self._lower: 0.2,
            self._again: 0.06, self._largest: 0.03, self._corners: 0.01, self._specials: 0.02}
        kind = self.rng.choice(len(kinds), p=tuple(kinds.values()))
        self.last = tuple(kinds)[kind]()
        return self.last

    def _finite(self) -> tuple[Bf16, Bf16]:
        a, b = (finite(self.rng, shape, *RANGES[self.rng.choice(len(RANGES))]) for shape in self.shapes)
        return a, b

    def _cancel(self) -> tuple[Bf16, Bf16]:
        """Minus the products before."""
        return self.last[0] ^ SIGN, self.last[1]

    def _nearly_cancel(self) -> tuple[Bf16, Bf16]:
        """Minus the products before, but for a few low bits."""
        nudge = (self.rng.random(self.shapes[0]) < 0.2).astype(np.uint16)
        return self.last[0] ^ SIGN ^ nudge, self.last[1]

    def _lower(self) -> tuple[Bf16, Bf16]:
        """Products some way below those before, up to three digits."""
        a, b = self.last
        exponent = np.maximum((a >> 7 & 0xFF).astype(np.int64) - self.rng.integers(4, 48), 0)
        return (a & 0x8000 | exponent << 7 | self.rng.integers(0, 128, a.shape)).astype(np.uint16), b

    def _again(self) -> tuple[Bf16, Bf16]:
        return self.last

    def _sparse(self) -> tuple[Bf16, Bf16]:
        """Mostly zeros: single products, and groups that are empty."""
        a, b = self._finite()
        return np.where(self.rng.random(a.shape) < 0.7, a & 0x8000, a), b

    def _largest(self) -> tuple[Bf16, Bf16]:
        """The largest products of one sign, which carry the anchor up."""
        a, b = (np.full(shape, LARGEST) for shape in self.shapes)
        return a, b

    def _corners(self) -> tuple[Bf16, Bf16]:
        return self._some_of(CORNERS)

    def _specials(self) -> tuple[Bf16, Bf16]:
        """Zeros and infinities, which give NaN only if they meet."""
        return self._some_of(ZEROS_AND_INFINITIES)

    def _some_of(self, values: Bf16) -> tuple[Bf16, Bf16]:
        """Some of `values` among others."""
        a, b = (np.where(self.rng.random(side.shape) < 0.2, self.rng.choice(values, side.shape), side)
                for side in self._finite())
        return a, b
