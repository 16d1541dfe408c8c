"""What an SRAM does, line by line, without time: the reference of its benches. Written from docs/memory.md."""

from hdl.config import Config

WORD_BITS = 64


class Reference:
    """Lines as integers, and the words that cannot be corrected.

    What is written to a part of an uncorrectable word is lost, but if such writes come to cover the word before it is
    filled, it is whole again: then both are right, and `check` takes either.
    """

    def __init__(self, config: Config):
        self.line_bytes = config.vector_bytes
        self.words = config.vector_bits // WORD_BITS
        self.lines = [0] * config.sram_lines
        #: Uncorrectable words by (line, word), and the bytes of them that were written since.
        self.wrong: dict[tuple[int, int], int] = {}
        self._spread = [sum(0xFF << 8 * byte for byte in range(8) if mask >> byte & 1) for mask in range(256)]

    def _bits(self, mask: int) -> int:
        return sum(self._spread[mask >> 8 * word & 0xFF] << WORD_BITS * word for word in range(self.words))

    def write(self, line: int, mask: int, data: int) -> None:
        """Write the bytes whose mask bit is set."""
        bits = self._bits(mask)
        self.lines[line] = self.lines[line] & ~bits | data & bits
        for place in [place for place in self.wrong if place[0] == line]:
            written = mask >> 8 * place[1] & 0xFF
            if written == 0xFF:
                del self.wrong[place]
            else:
                self.wrong[place] |= written

    def flaw(self, line: int, word: int, first: int, second: int) -> None:
        """Bits of a word are wrong from now on."""
        if first != second and (line, word) not in self.wrong:
            self.wrong[line, word] = 0

    def read(self, line: int) -> tuple[int, dict[int, int]]:
        """The line, and its uncorrectable words with the bytes written to them since."""
        return self.lines[line], {word: written for (where, word), written in self.wrong.items() if where == line}

    def check(self, expected: tuple[int, dict[int, int]], mask: int, data: int, error: int) -> str:
        """What is wrong with an answer to a read of the bytes in `mask` (0: all); nothing, if it is right."""
        line, wrong = expected
        wanted = mask or (1 << self.line_bytes) - 1
        asked = {word: written for word, written in wrong.items() if wanted >> 8 * word & 0xFF}
        if error:
            return "" if asked else "an error is reported where there is none"
        if any(written != 0xFF for written in asked.values()):
            return f"errors in words {sorted(asked)} are not reported"
        for word in range(self.words):
            shift = WORD_BITS * word
            if wanted >> 8 * word & 0xFF and (line ^ data) >> shift & (1 << WORD_BITS) - 1:
                return f"word {word} is {data >> shift & (1 << WORD_BITS) - 1:#x}, " \
                       f"not {line >> shift & (1 << WORD_BITS) - 1:#x}"
        return ""
