"""A noisy line to a simulated board: what is written has to be in the memory, whatever happens on the way."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fpga.session import Session
from fpga.simulated import SimulatedBoard, symbols_of
from hdl.config import SRAM_BASE


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Probabilities: of what happens to a byte, and to a frame."""

    flip: float = 0.001
    drop: float = 0.0005
    double: float = 0.0005
    cut: float = 0.02
    garbage: float = 0.02

    def of(self, data: bytes) -> Iterator[int]:
        """What is left of bytes."""
        end = random.randrange(len(data)) if data and random.random() < self.cut else len(data)
        for byte in data[:end]:
            if random.random() >= self.drop:
                yield byte
            if random.random() < self.double:
                yield byte
        if random.random() < self.garbage:
            yield from random.randbytes(random.randint(1, 40))


class NoisyLine:
    """The line to a simulated board, with noise both ways."""

    def __init__(self, board: SimulatedBoard, noise: Noise):
        self.board = board
        self.noise = noise
        self.baud, self.latency_s, self.wait = board.baud, board.latency_s, board.wait

    def write(self, data: bytes) -> None:
        symbols = symbols_of(bytes(self.noise.of(data)))
        for place in range(len(symbols)):
            if random.random() < self.noise.flip:
                symbols[place] ^= np.uint16(1 << random.randrange(10))
        self.board.send(symbols)

    def read_frame(self, *, seconds: float) -> bytes | None:
        came = self.board.read_frame(seconds=seconds)
        if came is None:
            return None
        return bytes(byte ^ (random.random() < self.noise.flip) << random.randrange(8)
                     for byte in self.noise.of(came))


def exchange(board: SimulatedBoard, *, noise: Noise, count: int, most: int) -> Session:
    """Write and read `count` pieces of up to `most` bytes over a noisy line; a clean one shows what became of them.

    Returns
    -------
    Session
        With its figures.
    """
    clean = Session(board)
    config = clean.identity.config
    memories = {node: bytearray(random.randbytes(config.sram_bytes)) for node in config.coordinates()}
    window = {node: random.randrange(config.sram_bytes - 4096) for node in memories}
    for node, memory in memories.items():
        start = window[node]
        clean.write(node, SRAM_BASE + start, bytes(memory[start:start + 4096]))
    noisy = Session(NoisyLine(board, noise))
    for _ in range(count):
        node = random.choice(list(memories))
        size = random.randint(0, most)
        start = window[node] + random.randrange(4096 - size)
        if random.random() < 0.5:
            memories[node][start:start + size] = piece = random.randbytes(size)
            noisy.write(node, SRAM_BASE + start, piece)
        else:
            assert noisy.read(node, SRAM_BASE + start, size) == memories[node][start:start + size]
    clean = Session(board)
    for node, memory in memories.items():
        start = window[node]
        assert clean.read(node, SRAM_BASE + start, 4096) == memory[start:start + 4096]
    noisy.dropped = clean.dropped
    return noisy


def garbage(board: SimulatedBoard, count: int) -> None:
    """Put `count` random symbols onto the line, stop bits right or wrong: nothing comes of them."""
    session = Session(board)
    node = session.identity.config.coordinates()[-1]
    content = random.randbytes(256)
    session.write(node, SRAM_BASE, content)
    symbols = np.random.default_rng(random.getrandbits(64)).integers(0, 1 << 10, count, np.uint16)
    good = np.random.default_rng(random.getrandbits(64)).random(count) < 0.9
    board.send(np.where(good, symbols & 0x1FE | 0x200, symbols).astype(np.uint16))
    assert session.read(node, SRAM_BASE, 256) == content
    assert session.dropped > 0
