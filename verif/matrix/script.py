"""What a matrix element is asked for, cycle by cycle, and what the model says that it holds."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from hdl.core.dot_product import DotProduct
from hdl.isa import Matrix
from sim.numerics import FINITE, AccumulatorTile, Bf16
from verif.matrix.operands import CORNERS, LARGEST, SIGN, Operands, finite, numbers, single


@dataclass(frozen=True)
class Step:
    """A function on an accumulator, with operands or the FP32 that it loads, and one that is read.

    `state` is what that holds before: (special, G, S) of docs/numerics.md; of what is not finite, the special alone.
    """

    function: Matrix
    index: int
    a: Bf16
    b: Bf16
    loaded: int
    read: int
    state: tuple[int, ...]


def finite_or_special(special: int, anchor: int, total: int) -> tuple[int, ...]:
    """What of a state means anything."""
    return (special,) if special else (FINITE, anchor, total)


class Script:
    """Steps of an element, one after the other, in `steps`. The first ones zero the accumulators.

    Functions without operands have those of the one before; what is read beside a function is any accumulator.
    """

    def __init__(self, rng: np.random.Generator, *, depth: int, accumulators: int):
        self.rng, self.depth, self.accumulators = rng, depth, accumulators
        self.operands = np.zeros((1, depth), np.uint16), np.zeros((depth, 1), np.uint16)
        self.tiles = [AccumulatorTile(1, 1) for _ in range(accumulators)]
        self.steps: list[Step] = []
        for index in range(accumulators):
            self.zero(index)

    def zero(self, index: int) -> None:
        self._step(Matrix.ZERO, index)
        self.tiles[index].zero()

    def multiply(self, index: int, a: Bf16, b: Bf16, *, fresh: bool = False) -> None:
        self.operands = a, b
        self._step(Matrix.START if fresh else Matrix.MULTIPLY, index)
        if fresh:
            self.tiles[index].zero()
        self.tiles[index].step(a, b)

    def load(self, index: int, value: int) -> None:
        self._step(Matrix.LOAD, index, loaded=value)
        self.tiles[index].load(np.array([[value]], np.uint32))

    def read(self, index: int) -> None:
        self._step(Matrix.READ, index)

    def _step(self, function: Matrix, index: int, *, loaded: int = 0) -> None:
        read = index if function == Matrix.READ else int(self.rng.integers(self.accumulators))
        tile = self.tiles[read]
        state = finite_or_special(*(int(array[0, 0]) for array in (tile.special, tile.anchor, tile.sum)))
        self.steps.append(Step(function, index, *self.operands, loaded, read, state))


def random_functions(rng: np.random.Generator, *, depth: int, accumulators: int, count: int = 8000) -> Script:
    """Mostly on the accumulator of the function before."""
    script = Script(rng, depth=depth, accumulators=accumulators)
    operands, values = Operands(rng, rows=1, columns=1, depth=depth), numbers(rng)
    index = 0
    for _ in range(count):
        if rng.random() < 0.1:
            index = int(rng.integers(accumulators))
        match list(Matrix)[rng.choice(5, p=(0.04, 0.5, 0.34, 0.04, 0.08))]:
            case Matrix.ZERO:
                script.zero(index)
            case Matrix.MULTIPLY:
                script.multiply(index, *next(operands))
            case Matrix.READ:
                script.read(index)
            case Matrix.LOAD:
                script.load(index, next(values))
            case Matrix.START:
                script.multiply(index, *next(operands), fresh=True)
    for _ in range(DotProduct.LOAD_DELAY):  # until what the last one loads is there
        script.read(index)
    return script


def bounds_of_renormalisation(rng: np.random.Generator, *, depth: int, accumulators: int) -> Script:
    """Sums of exactly +-2^n, which small products then push to and fro beside the bounds."""
    script, shape = Script(rng, depth=depth, accumulators=accumulators), (1, 1, depth)
    for sign in (0, 1):
        for power in range(30, 52):
            # The largest power of two that one product gives is 2^45; more takes several of them.
            r = min(power - 30, 15)
            for small_sign in (sign, 1 - sign):
                for digits in (1, 2, 3):
                    script.zero(0)
                    for _ in range(1 << power - 30 - r):
                        script.multiply(0, *single(shape, 12 * 16 + r, sign=sign))
                    script.read(0)
                    for _ in range(3):
                        exponent = (12 - digits) * 16 + int(rng.integers(16))
                        script.multiply(0, *single(shape, exponent, sign=small_sign, fraction=int(rng.integers(128))))
                        script.read(0)
    return script


def jumps(rng: np.random.Generator, *, depth: int, accumulators: int) -> Script:
    """Sums that meet a product of digits above them in the cycle in which they are renormalised, and around it."""
    script, shape = Script(rng, depth=depth, accumulators=accumulators), (1, 1, depth)
    for sign, count, digits, jump_sign in product((0, 1), range(16, 20), range(7), (0, 1)):
        script.zero(0)
        for _ in range(count):  # 17 are beyond 2^50, which the step after them finds
            script.multiply(0, *single(shape, 12 * 16 + 15, sign=sign, fraction=127))
        script.multiply(0, *single(shape, (12 + digits) * 16, sign=jump_sign, fraction=int(rng.integers(128))))
        script.read(0)
    return script


def heights(rng: np.random.Generator, *, depth: int, accumulators: int) -> Script:
    """Sums beyond FP32, whose anchors no product has, and back."""
    script, shape = Script(rng, depth=depth, accumulators=accumulators), (1, 1, depth)
    largest = np.full((1, depth), LARGEST), np.full((depth, 1), LARGEST)
    for sign, waits in product((0, 1), (False, True)):
        script.zero(0)
        for negative in (sign, 1 - sign):
            for _ in range(160 // depth):
                script.multiply(0, largest[0] ^ SIGN * negative, largest[1])
                exponent = 16 * int(rng.integers(27, 32)) + int(rng.integers(13))
                script.multiply(0, *single(shape, exponent, sign=int(rng.integers(2)), fraction=int(rng.integers(128))))
                if waits:
                    script.read(0)
                    script.read(0)
        script.read(0)
    return script


def specials(rng: np.random.Generator, *, depth: int, accumulators: int) -> Script:
    """Every two corner values in each product, the others being finite."""
    script = Script(rng, depth=depth, accumulators=accumulators)
    for place, x, y in product(range(depth), CORNERS, CORNERS):
        a, b = finite(rng, (1, depth), 96, 160), finite(rng, (depth, 1), 96, 160)
        a[0, place], b[place, 0] = x, y
        script.multiply(0, a, b, fresh=True)
        script.read(0)
    return script


#: The scripts of the fast tests.
SCRIPTS = (random_functions, bounds_of_renormalisation, jumps, heights, specials)
