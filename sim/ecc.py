"""The golden model of the SRAM's error-correcting code, on arrays of words; written from docs/memory.md."""

import numpy as np
from numpy.typing import NDArray

DATA_BITS, CHECK_BITS = 64, 8


def _check_columns() -> NDArray[np.uint8]:
    numbers = range(1 << CHECK_BITS)
    three_ones = [number for number in numbers if number.bit_count() == 3]
    ring = f"{0b11111:08b}" * 2
    five_adjacent = [number for number in numbers if number.bit_count() == 5 and f"{number:08b}" in ring]
    return np.array(three_ones + five_adjacent, np.uint8)


#: The check bits that each data bit turns over.
COLUMNS = _check_columns()

#: What each syndrome means: the data bit to correct, or one of these.
_CLEAN, _CHECK_BIT, _UNCORRECTABLE = -1, -2, -3
_MEANING = np.full(1 << CHECK_BITS, _UNCORRECTABLE, np.int8)
_MEANING[0] = _CLEAN
_MEANING[[1 << row for row in range(CHECK_BITS)]] = _CHECK_BIT
_MEANING[COLUMNS] = np.arange(DATA_BITS)


def encode(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The check bits of 64-bit words."""
    check = np.zeros(words.shape, np.uint8)
    for bit, column in enumerate(COLUMNS):
        check ^= (words >> np.uint64(bit) & np.uint64(1)).astype(np.uint8) * column
    return check


def decode(words: NDArray[np.uint64], check: NDArray[np.uint8]) -> tuple[NDArray, NDArray, NDArray]:
    """Words with single errors corrected, which of them were wrong, and which cannot be corrected."""
    meaning = _MEANING[encode(words) ^ check]
    bits = np.where(meaning >= 0, np.uint64(1) << np.maximum(meaning, 0).astype(np.uint64), np.uint64(0))
    return words ^ bits, (meaning >= 0) | (meaning == _CHECK_BIT), meaning == _UNCORRECTABLE
