"""What the benches of lists share: descriptors, good and bad, and an interface to push them to."""

import random
from dataclasses import replace
from typing import Any

from hdl.config import SRAM_BASE, global_address
from hdl.memory_map import DESCRIPTOR_BYTES, Descriptor, ErrorCode
from verif.interface.environment import CONFIG, HALF, HERE, LINE, PUSHES_END, Environment
from verif.interface.model import Move, Refusal

#: Descriptors lie from this line on, and nothing writes from here to the end of the SRAM; random pulls write before it.
FIRST_LINE, PULLED = 16, 12

THERE = (2, 1)


def flat(line: int, node: tuple[int, int] = THERE) -> int:
    """Global address of a line."""
    return global_address(x=node[0], y=node[1], address=SRAM_BASE + line * LINE)


def local(line: int) -> int:
    return SRAM_BASE + line * LINE


class Lists(Environment):
    """The environment with an SRAM full of random bytes, and lists to push."""

    def __init__(self, dut):
        super().__init__(dut)
        self.load(0, random.randbytes(CONFIG.sram_bytes))
        self.next_line = FIRST_LINE

    def lay_down(self, descriptor: Descriptor) -> int:
        """Put a descriptor into the SRAM and return its address. No list may be under way that could read there."""
        content = descriptor.to_bytes(CONFIG)
        if self.next_line * LINE + len(content) > CONFIG.sram_bytes:
            self.next_line = FIRST_LINE
        line = self.next_line
        self.next_line += len(content) // LINE
        self.load(line * LINE, content)
        return local(line)

    def push(self, *chain: Descriptor, pull: bool = False) -> int:
        """Lay a chain of descriptors down, the last one first, and push or pull it; returns its address."""
        address = 0
        for descriptor in reversed(chain):
            address = self.lay_down(replace(descriptor, next=address or descriptor.next))
        (self.pulls if pull else self.pushes).waiting.append(address)
        return address

    async def run(self, *chain: Descriptor, pull: bool = False) -> dict[str, int]:
        """Carry out one chain."""
        self.push(*chain, pull=pull)
        return await self.finish()

    def refusals(self, address: int, *, pull: bool = False) -> list[ErrorCode]:
        """Why the lists of a chain are refused."""
        return [event.code for event in self.model.chain(address, pull=pull) if isinstance(event, Refusal)]

    def reads_what_pulls_write(self, address: int) -> bool:
        """A push from the lines that random pulls write to has no one result."""
        return any(local(PULLED) <= event.source < local(FIRST_LINE)
                   for event in self.model.chain(address, pull=False) if isinstance(event, Move))


async def environment(dut) -> Lists:
    made = Lists(dut)
    await made.start()
    return made


def random_good(*, pull: bool = False) -> Descriptor:
    """A descriptor that is well made; it may still lead out of the SRAM."""
    def stride() -> int:
        return random.choice((0, LINE, random.randint(-40, 40) * LINE)) & 0xFFFF_FFFF

    def line() -> int:
        return random.choice((0, CONFIG.sram_lines - 1, random.randrange(CONFIG.sram_lines)))

    node = random.choice((HERE, *CONFIG.coordinates()))
    near, far = local(line()), random.choice((flat(line(), node), local(line())))
    if pull:
        near = local(PULLED + random.randrange(FIRST_LINE - PULLED))
    made = Descriptor(
        source=far if pull else near, destination=near if pull else far,
        lines=random.choice((1, 2, random.randint(1, 8))), rows=random.choice((1, 2, random.randint(1, 6))),
        source_stride=stride(), destination_stride=stride(), signal=random.randint(0, CONFIG.semaphores),
        done=random.choice((0, random.randint(HALF + 1, PUSHES_END))))
    if random.random() < 0.3:
        numbers = random.randrange(FIRST_LINE, CONFIG.sram_lines)
        made = replace(made, gather=local(numbers) + 4 * random.choice((0, random.randrange(LINE // 4))))
    if pull:
        # What is written stays where no list reads.
        signal, done = (random.choice((0, random.randint(PUSHES_END + 1, CONFIG.semaphores))) for _ in range(2))
        return replace(made, signal=signal, done=done, lines=1, destination_stride=0)
    if far >> 48 and random.random() < 0.3:
        return replace(made, more_columns=random.randrange(3), more_rows=random.randrange(3))
    return made


def bad_fields(good: Descriptor) -> list[tuple[dict[str, Any], ErrorCode]]:
    """Changes that break a descriptor, and the error that each makes."""
    reserved = Descriptor.size(CONFIG) - DESCRIPTOR_BYTES
    x, y = THERE
    return [
        *(({name: getattr(good, name) + step}, ErrorCode.DESCRIPTOR)
          for name in ("source", "destination", "source_stride", "destination_stride") for step in (1, LINE // 2)),
        ({"lines": 0}, ErrorCode.DESCRIPTOR),
        ({"rows": 0}, ErrorCode.DESCRIPTOR),
        *(({"reserved": bytes(place) + b"\x80"}, ErrorCode.DESCRIPTOR) for place in {0, reserved - 1} if reserved),
        ({"gather": local(0) + 2}, ErrorCode.DESCRIPTOR),
        ({"destination": local(0), "more_columns": 1}, ErrorCode.DESCRIPTOR),
        ({"destination": local(0), "more_rows": 1}, ErrorCode.DESCRIPTOR),
        ({"gather": local(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
        ({"gather": 4}, ErrorCode.ADDRESS),
        ({"signal": CONFIG.semaphores + 1}, ErrorCode.SEMAPHORE),
        ({"signal": 0x8001}, ErrorCode.SEMAPHORE),
        ({"done": CONFIG.semaphores + 1}, ErrorCode.SEMAPHORE),
        ({"done": 0x8001}, ErrorCode.SEMAPHORE),
        ({"destination": flat(0, (CONFIG.columns, y))}, ErrorCode.DESTINATION),
        ({"destination": flat(0, (x + 128, y))}, ErrorCode.DESTINATION),
        ({"destination": flat(0, (x, CONFIG.rows + 1))}, ErrorCode.DESTINATION),
        ({"destination": flat(0, (x, 0))}, ErrorCode.DESTINATION),
        ({"destination": flat(0) | 1 << 49}, ErrorCode.ADDRESS),
        ({"destination": flat(0) | 1 << 63}, ErrorCode.ADDRESS),
        ({"destination": local(0) | 1 << 32}, ErrorCode.ADDRESS),
        ({"destination": flat(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
        ({"destination": flat(-1)}, ErrorCode.ADDRESS),
        ({"source": local(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
        ({"source": local(-1)}, ErrorCode.ADDRESS),
        ({"source": local(0) | 1 << 32}, ErrorCode.ADDRESS),
        ({"source": local(0) | 1 << 63}, ErrorCode.ADDRESS),
    ]
