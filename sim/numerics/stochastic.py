"""The draws of stochastic rounding: a xorshift32 generator in each lane."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

States = NDArray[np.uint32]

#: Steps from the first state of a lane to that of the next, as a power of two.
_APART = 28


def advanced(states: States) -> States:
    """The states after one step."""
    states = states ^ states << np.uint32(13)
    states = states ^ states >> np.uint32(17)
    return states ^ states << np.uint32(5)


def loaded(states: ArrayLike) -> States:
    """The states of lanes that are given these: 0, which would stay 0, becomes 1."""
    return np.maximum(np.asarray(states, np.uint32), np.uint32(1))


def seeded(seed: int, *, lanes: int) -> States:
    """First states of `lanes` lanes, 2^28 draws apart.

    Raises
    ------
    ValueError
        If the seed is not from 1 to 2^32 - 1.
    """
    if type(seed) is not int or not 0 < seed < 1 << 32:
        raise ValueError(f"a seed must be an integer from 1 to {(1 << 32) - 1}, not {seed!r}")
    mixed = seed ^ seed >> 16
    mixed = mixed * 0x85EBCA6B & 0xFFFFFFFF
    mixed ^= mixed >> 13
    mixed = mixed * 0xC2B2AE35 & 0xFFFFFFFF
    states = [mixed ^ mixed >> 16]
    jump = _jump()
    while len(states) < lanes:
        states.append(_apply(jump, states[-1]))
    return np.array(states, np.uint32)


def _jump() -> list[int]:
    """2^28 steps as a matrix over GF(2): what each bit of a state becomes."""
    matrix = [int(state) for state in advanced(np.uint32(1) << np.arange(32, dtype=np.uint32))]
    for _ in range(_APART):
        matrix = [_apply(matrix, column) for column in matrix]
    return matrix


def _apply(matrix: list[int], state: int) -> int:
    result = 0
    for bit, column in enumerate(matrix):
        if state >> bit & 1:
            result ^= column
    return result
