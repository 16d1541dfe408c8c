"""The golden arithmetic against SoftFloat, against docs/numerics.md transcribed for one element, and fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import softfloatpy as softfloat

from hdl.config import D1, ULX3S
from sim import numerics
from sim.numerics import AccumulatorTile

FP32_CORNERS = np.array([
    sign << 31 | bits for sign in (0, 1) for bits in (
        0, 1, 2, 0x007FFFFF, 0x00800000, 0x00800001, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FC00000, 0x7F7FFFFF,
        0x7F000000, 0x7F800000, 0x7F800001, 0x7FBFFFFF, 0x7FC00000, 0x7FC00001, 0x7FFFFFFF, 0x0C800000, 0x33800000,
        0x3F808000, 0x3F818000, 0x3F808001, 0x7F7F7FFF, 0x7F7F8000, 0x00008000, 0x00018000)], np.uint32)
BF16_CORNERS = np.array([
    sign << 15 | bits for sign in (0, 1) for bits in (
        0, 1, 2, 0x7F, 0x80, 0x81, 0xFF, 0x100, 0x3F7F, 0x3F80, 0x3F81, 0x7F7F, 0x7F00, 0x7F80, 0x7F81, 0x7FC0, 0x7FFF,
    )], np.uint16)


def random_fp32(rng: np.random.Generator, count: int) -> np.ndarray:
    """Bits of any kind, exponents close together in half of them, so that additions cancel and round."""
    bits = rng.integers(0, 1 << 32, count, np.uint32)
    near = bits & 0x807FFFFF | rng.integers(100, 130, count, np.uint32) << 23
    return np.where(rng.integers(0, 2, count, np.uint32) == 1, bits, near)


def softfloat_of(function, *operands: np.ndarray) -> np.ndarray:
    def one(*bits):
        result = function(*(softfloat.Float32.from_bytes(int(value).to_bytes(4, "big")) for value in bits))
        return int.from_bytes(result.to_bytes(), "big")

    return np.array([one(*bits) for bits in zip(*operands, strict=True)])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20211)


@pytest.fixture
def pairs(rng) -> tuple[np.ndarray, np.ndarray]:
    a, b = (grid.ravel() for grid in np.meshgrid(FP32_CORNERS, FP32_CORNERS))
    return (np.concatenate([a, random_fp32(rng, 20_000)]), np.concatenate([b, random_fp32(rng, 20_000)]))


def test_bf16_from_fp32_is_softfloats(pairs):
    expected = softfloat_of(softfloat.f32_to_bf16, pairs[0])
    nan = (expected & 0x7FFF) > 0x7F80
    np.testing.assert_array_equal(numerics.bf16_from_fp32(pairs[0]), np.where(nan, 0x7FC0, expected))


def test_bf16_survives_the_way_to_fp32_and_back():
    every = np.arange(1 << 16, dtype=np.uint16)
    back = numerics.bf16_from_fp32(numerics.fp32_from_bf16(every))
    np.testing.assert_array_equal(back, np.where((every & 0x7FFF) > 0x7F80, 0x7FC0, every))


class Element:
    """One accumulator element, a transcription of docs/numerics.md in Python integers."""

    def __init__(self):
        self.kind, self.G, self.S = "finite", 0, 0

    def step(self, pairs: list[tuple[int, int]]):
        products, kinds = [], {self.kind}
        for a, b in pairs:
            (s_a, e_a, f_a), (s_b, e_b, f_b) = ((x >> 15, x >> 7 & 255, x & 127) for x in (a, b))
            nan = [e == 255 and f != 0 for e, f in ((e_a, f_a), (e_b, f_b))]
            inf = [e == 255 and f == 0 for e, f in ((e_a, f_a), (e_b, f_b))]
            zero = [e == 0 and f == 0 for e, f in ((e_a, f_a), (e_b, f_b))]
            if any(nan) or (inf[0] and zero[1]) or (inf[1] and zero[0]):
                kinds.add("nan")
            elif any(inf):
                kinds.add("-inf" if s_a ^ s_b else "+inf")
            elif not any(zero):
                P = (f_a + (128 if e_a else 0)) * (f_b + (128 if e_b else 0))
                d, r = divmod(max(e_a, 1) + max(e_b, 1), 16)
                products.append((-1 if s_a ^ s_b else 1, d, P * 2**r))
        if "nan" in kinds or {"+inf", "-inf"} <= kinds:
            self.kind = "nan"
        elif kinds != {"finite"}:
            self.kind = (kinds - {"finite"}).pop()
        if not products:
            return
        g = max(d for _, d, _ in products)
        T = sum(sign * V * 2**16 // 2**(16 * (g - d)) for sign, d, V in products if d > g - 3)
        M = g if self.S == 0 else max(self.G, g)
        X = 0 if M - self.G > 3 else floor(Fraction(self.S) / Fraction(2)**(16 * (M - self.G)))
        Y = 0 if M - g > 3 else T // 2**(16 * (M - g))
        S = X + Y
        assert abs(S) <= 2**50 + 2**48 * len(pairs)
        if S == 0:
            self.S, self.G = 0, 0
        elif X < -2**50 or X >= 2**50:
            self.S, self.G = S // 2**16, M + 1
        elif -2**33 <= X < 2**33 and g < M:
            self.S, self.G = S * 2**16, M - 1
        else:
            self.S, self.G = S, M

    def load(self, bits: int):
        e, f = bits >> 23 & 255, bits & 0x7FFFFF
        if e == 255:
            self.kind = "nan" if f else "-inf" if bits >> 31 else "+inf"
            return
        m, E = f + (2**23 if e else 0), max(e, 1)
        self.kind, self.G, self.S = "finite", 0, 0
        if m:
            self.G, self.S = (E + 124) // 16, (-1)**(bits >> 31) * m * 2**(10 + (E + 124) % 16)

    def read(self) -> int:
        if self.kind != "finite":
            return {"nan": 0x7FC00000, "+inf": 0x7F800000, "-inf": 0xFF800000}[self.kind]
        return fp32_of(Fraction(self.S) * Fraction(2)**(16 * self.G - 284))


def fp32_of(value: Fraction) -> int:
    """The FP32 nearest to a fraction, ties to even."""
    sign, magnitude = (1 << 31 if value < 0 else 0), abs(value)
    exponent = -149
    while magnitude / Fraction(2)**exponent >= 2**24:
        exponent += 1
    significand = round(magnitude / Fraction(2)**exponent)
    return sign | min((exponent + 149 << 23) + significand, 0x7F800000)


def value_of(bf16: int) -> Fraction:
    exponent, fraction = bf16 >> 7 & 255, bf16 & 127
    significand = fraction + (128 if exponent else 0)
    return (-1)**(bf16 >> 15) * significand * Fraction(2)**(max(exponent, 1) - 134)


def random_bf16(rng: np.random.Generator, shape: tuple[int, ...], *, low: int, high: int) -> np.ndarray:
    """Finite BF16 bits with biased exponents in [low, high]."""
    return (rng.integers(0, 2, shape) << 15 | rng.integers(low, high + 1, shape) << 7
            | rng.integers(0, 128, shape)).astype(np.uint16)


def compare_with_elements(steps: list[tuple[np.ndarray, np.ndarray]]):
    """State and value after every step, for every element."""
    rows, columns = steps[0][0].shape[0], steps[0][1].shape[1]
    tile = AccumulatorTile(rows, columns)
    elements = {(i, j): Element() for i in range(rows) for j in range(columns)}
    kinds = {"finite": numerics.FINITE, "+inf": numerics.POSITIVE_INFINITY, "-inf": numerics.NEGATIVE_INFINITY,
             "nan": numerics.NAN}
    for a, b in steps:
        tile.step(a, b)
        read = tile.read()
        for (i, j), element in elements.items():
            element.step([(int(x), int(y)) for x, y in zip(a[i], b[:, j], strict=True)])
            assert tile.special[i, j] == kinds[element.kind]
            if element.kind == "finite":
                assert (tile.sum[i, j], tile.anchor[i, j]) == (element.S, element.G)
            assert read[i, j] == element.read()


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("low, high", [(0, 254), (0, 3), (120, 134), (250, 254), (60, 70), (100, 160)])
def test_steps_are_the_page(rng, depth, low, high):
    compare_with_elements([
        (random_bf16(rng, (4, depth), low=low, high=high), random_bf16(rng, (depth, 4), low=low, high=high))
        for _ in range(25)])


def test_steps_between_corners_are_the_page():
    a, b = (grid.reshape(-1, 1) for grid in np.meshgrid(BF16_CORNERS, BF16_CORNERS))
    for start in range(0, len(a), 34):
        left, right = a[start:start + 34], b[start:start + 1]
        compare_with_elements([(left, right), (left[::-1], right), (left, right)])


def test_cancellation_and_regrowth_are_the_page(rng):
    """Each product is taken away again, to the last bits, and then the scale changes."""
    steps = []
    for scale in (254, 200, 127, 60, 1, 90, 180, 254):
        a, b = (random_bf16(rng, shape, low=max(scale - 2, 0), high=scale) for shape in ((4, 4), (4, 4)))
        nudge = a.copy()
        nudge[0, 0] ^= 1
        steps += [(a, b), (a, b), (a ^ 0x8000, b), (nudge ^ 0x8000, b)]
    compare_with_elements(steps)


@pytest.mark.parametrize("limit", [numerics.UPPER, -numerics.UPPER, numerics.LOWER, -numerics.LOWER, 0])
@pytest.mark.parametrize("anchor", [14, 15, 16, 20])
def test_renormalisation_at_its_limits(limit, anchor):
    """The step adds 1.0, which is 2^44 units of anchor 15, to a sum that lies on or beside a limit."""
    one = np.array([[0x3F80]], np.uint16)
    for target in range(limit - 2, limit + 3):
        tile, element = AccumulatorTile(1, 1), Element()
        element.G, element.S = (anchor, target) if target else (0, 0)
        tile.sum[...], tile.anchor[...] = element.S, element.G
        element.step([(0x3F80, 0x3F80)])
        tile.step(one, one)
        assert (tile.sum, tile.anchor, tile.read()) == (element.S, element.G, element.read())


def test_loads_are_the_page_and_exact(rng):
    bits = np.concatenate([FP32_CORNERS, random_fp32(rng, 4096 - len(FP32_CORNERS))]).reshape(-1, 8)
    tile = AccumulatorTile(*bits.shape)
    tile.load(bits)
    for place, value in np.ndenumerate(bits):
        element = Element()
        element.load(int(value))
        if element.kind == "finite":
            assert (tile.sum[place], tile.anchor[place]) == (element.S, element.G)
        nan = value & 0x7FFFFFFF > 0x7F800000
        assert tile.read()[place] == (0x7FC00000 if nan else 0 if value == 0x80000000 else value)


def test_a_load_replaces_its_rows_alone():
    tile, infinity = AccumulatorTile(4, 2), np.full((4, 1), 0x7F80, np.uint16)
    tile.step(infinity, np.full((1, 2), 0x3F80, np.uint16))
    tile.load(np.full((2, 2), 0x3F800000, np.uint32), row=2)
    np.testing.assert_array_equal(tile.read(), [[0x7F800000] * 2] * 2 + [[0x3F800000] * 2] * 2)


def test_long_sums_carry_the_anchor_up(rng):
    largest = np.full((2, 4), 0x7F7F, np.uint16)
    compare_with_elements([(largest, largest.T)] * 300)


def test_specials_stick_until_zeroed():
    one, infinity = np.array([[0x3F80]], np.uint16), np.array([[0x7F80]], np.uint16)
    tile = AccumulatorTile(1, 1)
    tile.step(one, infinity)
    tile.step(one, one)
    assert tile.read() == 0x7F800000
    tile.step(one, infinity ^ np.uint16(0x8000))
    assert tile.read() == 0x7FC00000
    tile.zero()
    tile.step(one, one)
    assert tile.read() == 0x3F800000


def test_reading_changes_nothing(rng):
    a, b = (random_bf16(rng, shape, low=100, high=150) for shape in ((8, 4), (4, 8)))
    tile = AccumulatorTile(8, 8)
    tile.step(a, b)
    first = tile.read()
    np.testing.assert_array_equal(tile.read(), first)


def test_order_within_a_step_does_not_matter(rng):
    a, b = (random_bf16(rng, shape, low=0, high=254) for shape in ((16, 4), (4, 16)))
    tiles = AccumulatorTile(16, 16), AccumulatorTile(16, 16)
    tiles[0].step(a, b)
    tiles[1].step(a[:, ::-1], b[::-1])
    np.testing.assert_array_equal(tiles[0].read(), tiles[1].read())


@pytest.mark.parametrize("config", [D1, ULX3S], ids=lambda config: config.name)
@pytest.mark.parametrize("depth", [1, 7, 32])
def test_matmul_is_exact_within_seventeen_binary_orders(rng, config, depth):
    """Products within 2^17 of each other: the sum is exact until its one rounding."""
    a, b = (random_bf16(rng, shape, low=120, high=127) for shape in ((5, depth), (depth, 6)))
    result = numerics.matmul(a, b, config)
    for i in range(5):
        for j in range(6):
            exact = sum((value_of(int(x)) * value_of(int(y)) for x, y in zip(a[i], b[:, j], strict=True)), Fraction())
            assert result[i, j] == fp32_of(exact)


def test_matmul_of_mixed_magnitudes_keeps_its_error_bound(rng):
    a, b = (random_bf16(rng, shape, low=64, high=190) for shape in ((8, 16), (16, 8)))
    result = numerics.matmul(a, b, D1)
    for i in range(8):
        for j in range(8):
            products = [value_of(int(x)) * value_of(int(y)) for x, y in zip(a[i], b[:, j], strict=True)]
            got = Fraction(float(result[i, j:j + 1].view(np.float32)[0]))
            bound = max(map(abs, products)) * 32 * Fraction(2)**-30 + abs(got) * Fraction(2)**-24
            assert abs(got - sum(products)) <= bound


def test_matmul_padding_and_specials():
    infinity, one = np.array([[0x7F80]], np.uint16), np.array([[0x3F80]], np.uint16)
    assert numerics.matmul(infinity, one, D1) == 0x7F800000
    assert numerics.matmul(infinity, 0 * one, D1) == 0x7FC00000


def test_matmul_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 3\)"):
        numerics.matmul(np.zeros((2, 3), np.uint16), np.zeros((2, 3), np.uint16), D1)
