"""Where the things of a random program's thread are, and how its code names them."""

from random import Random

from hdl.config import Config, global_address
from hdl.isa import PREDICATES
from hdl.memory_map import Descriptor

from .assembler import assemble

#: Registers with a use of their own; the others, from x0 on, belong to chance.
RANDOM_REGISTERS = 26
LINK, ADDRESS, SCRATCH, COUNT, WINDOW = 27, 28, 29, 30, 31

#: Lines of a thread's window, which its loads and stores stay in and which WINDOW points to the middle of.
WINDOW_LINES = 16

#: List descriptors of a thread: those with an even number are pushed, the others pulled.
DESCRIPTORS = 6

#: Lines of a thread's area in every node, from the end of the SRAM downwards; in the last one it only puts. The very
#: last line of the SRAM is for what all threads change at once: each word by one function, in whatever order.
AREA_LINES = 4

def first_area(config: Config) -> int:
    """Where the areas of all threads begin."""
    return config.sram_end - (1 + config.nodes * config.threads * AREA_LINES) * config.vector_bytes


class Frame:
    """A thread's memory, registers and code.

    Window, dump, descriptors and code are each in lines of their own.
    """

    def __init__(self, random: Random, config: Config, base: int, thread: int, node: tuple[int, int]):
        line = config.vector_bytes
        self.random = random
        self.config = config
        self.thread = thread
        self.node = node
        index = config.coordinates().index(node) * config.threads + thread
        self.area = first_area(config) + index * AREA_LINES * line
        self.half = WINDOW_LINES // 2 * line
        self.base = base
        self.window = base + self.half
        self.dump = base + WINDOW_LINES * line
        self.dump_lines = (32 + PREDICATES) * 8 // line + 32 + config.accumulators * config.parts
        self.descriptors = self.dump + self.dump_lines * line
        self.numbers = self.descriptors + DESCRIPTORS * Descriptor.size(config)
        self.offsets = self.numbers + line
        self.entry = self.offsets + line
        # A list is followed by the one after the next, or by none.
        self.chained = [random.random() < 0.5 and number + 2 < DESCRIPTORS for number in range(DESCRIPTORS)]
        self.words: list[int] = []

    def emit(self, name: str, **operands: int) -> None:
        self.words.append(assemble(name, **operands))

    @property
    def pc(self) -> int:
        return self.entry + 4 * len(self.words)

    def _register(self) -> int:
        return self.random.randrange(1, 7) if self.random.random() < 0.6 else self.random.randrange(RANDOM_REGISTERS)

    def _vector_register(self) -> int:
        return self.random.randrange(4) if self.random.random() < 0.6 else self.random.randrange(32)

    def _set(self, register: int, value: int) -> None:
        """Put a signed 32-bit constant into a register."""
        high = (value + 0x800 >> 12 << 12 & 0xFFFF_FFFF ^ 1 << 31) - (1 << 31)
        self.emit("lui", rd=register, imm=high)
        self.emit("addiw", rd=register, rs1=register, imm=(value & 0xFFF ^ 0x800) - 0x800)

    def _set_address(self, register: int, address: int) -> None:
        """Put an address into a register, relative to the window."""
        self._set(register, address - self.window)
        self.emit("add", rd=register, rs1=register, rs2=WINDOW)

    def _far(self, address: int) -> None:
        """Let ADDRESS point to a local address of any node."""
        x, y = self.random.choice(self.config.coordinates())
        self._set(ADDRESS, global_address(x=x, y=y, address=0) >> 32)
        self._set(LINK, (address & 0xFFFF_FFFF ^ 1 << 31) - (1 << 31))
        for name, register in (("slli", ADDRESS), ("slli", LINK), ("srli", LINK)):
            self.emit(name, rd=register, rs1=register, imm=32)
        self.emit("add", rd=ADDRESS, rs1=ADDRESS, rs2=LINK)
