"""Lists: descriptors of every shape, good and bad, alone and beside other traffic."""

import random
import struct
from dataclasses import replace
from typing import Any

import cocotb

from hdl.config import SRAM_BASE, global_address
from hdl.memory_map import CHAIN_LIMIT, DESCRIPTOR_BYTES, Descriptor, ErrorCode
from hdl.noc.packet import PULL_SLOTS, Op
from verif.interface.environment import CONFIG, HALF, HERE, LINE, PUSHES_END, Environment
from verif.interface.model import Move, Refusal
from verif.interface.packets import packet

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


SHAPES: list[dict[str, Any]] = [
    {},
    {"lines": 5},
    {"rows": 4},
    {"lines": 3, "rows": 3, "source_stride": 7 * LINE, "destination_stride": 3 * LINE},
    {"lines": 2, "rows": 3, "source_stride": LINE, "destination_stride": 2 * LINE},
    {"lines": 2, "rows": 3, "source_stride": -4 * LINE & 0xFFFF_FFFF, "destination_stride": 0},
]


@cocotb.test()
async def shapes(dut):
    env = await environment(dut)
    last = CONFIG.sram_lines - 1
    plain = Descriptor(source=local(20), destination=flat(40), signal=1, done=HALF + 1)
    for node in (THERE, HERE, (0, 1)):
        for shape in SHAPES:
            await env.run(replace(plain, destination=flat(40, node), **shape))
    await env.run(Descriptor(source=local(last), destination=flat(last)))
    status = await env.run(Descriptor(source=local(1), destination=local(2), lines=4))
    assert status["errors"] == 0


@cocotb.test()
async def each_error(dut):
    env = await environment(dut)
    good = Descriptor(source=local(20), destination=flat(40), lines=2, rows=2, source_stride=2 * LINE,
                      destination_stride=2 * LINE, signal=1, done=HALF + 1)
    for count, (change, code) in enumerate(bad_fields(good), 1):
        bad = replace(good, **change)
        assert env.refusals(env.push(bad)) == [code]
        status = await env.finish()
        assert status["errors"] == count
        assert not env.out, "nothing is sent"


@cocotb.test()
async def refused_on_the_way(dut):
    """Lines before the one that leads out of the SRAM are sent; `done` is posted, `signal` is not."""
    env = await environment(dut)
    last = CONFIG.sram_lines - 1
    plain = Descriptor(source=local(last - 2), destination=flat(0), lines=9, signal=1, done=HALF + 1)
    shapes: list[dict[str, Any]] = [
        {},
        {"source": local(FIRST_LINE), "destination": flat(last - 2)},
        {"source": local(2), "lines": 1, "rows": 9, "source_stride": -LINE & 0xFFFF_FFFF},
    ]
    for shape in shapes:
        env.out.clear()
        await env.run(replace(plain, **shape))
        assert len(env.out) == 3
        assert not any(sent.signal for _, sent in env.out)


@cocotb.test()
async def one_line_each_cycle(dut):
    env = await environment(dut)
    env.sram.read.latency = 2, 2
    count = min(200, CONFIG.sram_lines // 2)
    await env.run(Descriptor(source=local(0), destination=flat(0), lines=count))
    await env.run(Descriptor(source=local(0), destination=flat(0), lines=4, rows=count // 4))
    cycles = [cycle for cycle, _ in env.out]
    for began in (0, count):
        assert cycles[began:began + count] == list(range(cycles[began], cycles[began] + count))


@cocotb.test()
async def gathers(dut):
    """Rows from anywhere, whose numbers begin anywhere in a line and go on in the next ones."""
    env = await environment(dut)
    for first in (0, 1, LINE // 4 - 1):
        numbers = [random.randrange(FIRST_LINE) for _ in range(2 * LINE // 4)]
        env.load(8 * LINE + 4 * first, struct.pack(f"<{len(numbers)}I", *numbers))
        for lines in (1, 3):
            await env.run(Descriptor(source=local(0), destination=flat(0), gather=local(8) + 4 * first, lines=lines,
                                     rows=len(numbers), destination_stride=lines * LINE, signal=1, done=HALF + 1))
    env.load(CONFIG.sram_bytes - 8, bytes(8))
    status = await env.run(Descriptor(source=local(5), destination=flat(0), rows=3,
                                      gather=local(CONFIG.sram_lines - 1) + LINE - 8))
    assert status["first_error"] == ErrorCode.ADDRESS.value | (SRAM_BASE + CONFIG.sram_bytes) << 32


@cocotb.test()
async def broadcasts(dut):
    """To a column, a row, a rectangle and all nodes; out of the mesh it is refused when it gets there."""
    env = await environment(dut)
    plain = Descriptor(source=local(3), destination=flat(7, (0, 1)), lines=2, rows=2, source_stride=4 * LINE,
                       destination_stride=2 * LINE, signal=2, done=HALF + 1)
    for columns, rows in ((0, 2), (2, 0), (1, 1), (2, 2)):
        env.out.clear()
        await env.run(replace(plain, more_columns=columns, more_rows=rows))
        nodes = [sent.destination for _, sent in env.out if sent.signal]
        assert len(set(nodes)) == len(nodes) == (columns + 1) * (rows + 1)
    for columns, rows, sent in ((3, 0, 3), (0xFFFF, 0, 3), (1, 3, 6), (1, 0xFFFF, 6)):
        env.out.clear()
        await env.run(replace(plain, more_columns=columns, more_rows=rows))
        assert len(env.out) == sent
    assert env.status()["errors"] == 4


@cocotb.test()
async def chains(dut):
    """In order, up to the first that is refused."""
    env = await environment(dut)
    good = Descriptor(source=local(1), destination=flat(2), lines=3, signal=1, done=HALF + 1)
    for pull in (False, True):
        first = good
        if pull:
            first = replace(good, source=flat(2), destination=local(PULLED), signal=0, done=PUSHES_END + 1)
        await env.run(*(replace(first, lines=lines) for lines in (1, 4, 2)), pull=pull)
        assert env.status()["errors"] == 3 * pull
        for bad, code in ((replace(first, rows=0), ErrorCode.DESCRIPTOR),
                          (replace(first, next=local(CONFIG.sram_lines)), ErrorCode.ADDRESS),
                          (replace(first, next=local(FIRST_LINE) + 4), ErrorCode.ADDRESS)):
            chain = (first, bad, first) if code is ErrorCode.DESCRIPTOR else (first, bad)
            assert env.refusals(env.push(*chain, pull=pull), pull=pull) == [code]
            await env.finish()


@cocotb.test()
async def a_chain_that_loops_ends(dut):
    env = await environment(dut)
    again = local(FIRST_LINE)
    descriptor = Descriptor(source=local(1), destination=flat(2), next=again, done=HALF + 1)
    env.load(FIRST_LINE * LINE, descriptor.to_bytes(CONFIG))
    env.pushes.waiting.append(again)
    status = await env.finish()
    assert len(env.out) == CHAIN_LIMIT
    assert status["first_error"] == ErrorCode.CHAIN.value | again << 32


@cocotb.test()
async def pulls(dut):
    """Shapes, answers in any order, pulls from the node itself and from nowhere."""
    env = await environment(dut)
    plain = Descriptor(source=flat(40), destination=local(900), signal=PUSHES_END + 2, done=PUSHES_END + 1)
    for node in (THERE, HERE, (0, 1)):
        for shape in SHAPES:
            env.answer_rate = random.choice((0.05, 1.0))
            await env.run(replace(plain, source=flat(40, node), **shape), pull=True)
    await env.run(replace(plain, source=local(40), lines=3), pull=True)
    assert env.status()["errors"] == 0
    for count, (change, code) in enumerate((
            ({"source": flat(0, (CONFIG.columns, 1))}, ErrorCode.DESTINATION),
            ({"source": flat(0) | 1 << 50}, ErrorCode.ADDRESS),
            ({"source": flat(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
            ({"destination": flat(900)}, ErrorCode.ADDRESS),
            ({"destination": local(CONFIG.sram_lines)}, ErrorCode.ADDRESS),
            ({"more_rows": 1}, ErrorCode.DESCRIPTOR), ({"source": flat(0) + 4}, ErrorCode.DESCRIPTOR)), 1):
        env.out.clear()
        assert env.refusals(env.push(replace(plain, **change), pull=True), pull=True) == [code]
        assert (await env.finish())["errors"] == count
        assert not env.out


@cocotb.test()
async def lines_that_their_node_refuses(dut):
    """One error for a list; what has been asked for comes, the rest is not asked for, and no `signal` is posted."""
    env = await environment(dut)
    plain = Descriptor(source=flat(40), destination=local(900), lines=60, signal=PUSHES_END + 2, done=PUSHES_END + 1)
    for index, refused in enumerate(((40,), (45, 46, 50), (99,)), 1):
        env.failing = {local(line) for line in refused}
        env.out.clear()
        env.push(plain, pull=True)
        status = await env.run(replace(plain, source=flat(30), lines=9), pull=True)
        assert status["errors"] == index
        assert len(env.out) <= refused[0] - 40 + 2 * PULL_SLOTS
        env.failing = set()
        await env.run(replace(plain, lines=2), pull=True)
    assert env.status()["first_error"] == ErrorCode.ADDRESS.value | local(40) << 32


@cocotb.test()
async def lines_that_cannot_be_read(dut):
    """None is sent, nor is its list's `signal`; the next list has its own again. Each is counted, wherever it goes."""
    env = await environment(dut)
    first = CONFIG.sram_lines - 20  # behind the descriptors
    good = Descriptor(source=local(first), destination=flat(40), lines=4, signal=1, done=HALF + 1)
    everywhere = replace(good, destination=flat(40, (0, 1)), more_columns=1, more_rows=1)
    errors = 0
    for descriptor, targets in ((good, 1), (replace(good, done=0), 1), (replace(good, signal=0, done=0), 1),
                                (everywhere, 4)):
        for wrong in ((0,), (2,), (3,), (0, 1, 2, 3), (-1, 4)):
            env.spoil(*(first + line for line in wrong))
            env.out.clear()
            status = await env.run(descriptor, replace(good, source=local(first + 10)))
            sent = 4 - len({0, 1, 2, 3}.intersection(wrong))
            errors += (4 - sent) * targets
            assert status["errors"] == errors
            assert len(env.out) == sent * targets + 4
            signals = targets if sent == 4 and descriptor.signal else 0
            assert sum(bool(packet.signal) for _, packet in env.out) == signals + 1
    assert status["first_error"] == ErrorCode.MEMORY.value | local(first) << 32


@cocotb.test()
async def descriptors_and_numbers_that_cannot_be_read(dut):
    """What is not known is not done: of a descriptor nothing, of a gather the rows from there on and the `signal`."""
    env = await environment(dut)
    for pull in (False, True):
        end = PUSHES_END if pull else HALF
        plain = Descriptor(source=flat(40) if pull else local(20), destination=local(900) if pull else flat(40),
                           lines=2, signal=end + 2 if pull else 1, done=end + 1)
        for piece in range(Descriptor.size(CONFIG) // LINE):
            for number in range(2):
                chain = [env.lay_down(plain)]
                chain.insert(0, env.lay_down(replace(plain, next=chain[0])))
                env.spoil((chain[number] - SRAM_BASE) // LINE + piece)
                env.out.clear()
                (env.pulls if pull else env.pushes).waiting.append(chain[0])
                await env.finish()
                assert len(env.out) == 2 * number
        numbers = [random.randrange(FIRST_LINE) for _ in range(3 * LINE // 4)]
        env.load(8 * LINE, struct.pack(f"<{len(numbers)}I", *numbers))
        gather = replace(plain, gather=local(8) + 4, lines=1, rows=len(numbers) - 1, destination_stride=LINE)
        if pull:
            gather = replace(gather, destination_stride=0)
        for wrong, rows in ((8, 0), (9, LINE // 4 - 1), (10, 2 * LINE // 4 - 1), (7, len(numbers) - 1)):
            env.spoil(wrong)
            env.out.clear()
            await env.run(gather, pull=pull)
            assert len(env.out) == rows
    env.spoil(3)
    for address in (local(2) + LINE - 1, local(3), local(3) + LINE - 1, local(4)):
        env.mesh.send(packet(Op.READ, address, size=1))
    status = await env.finish()
    assert status["errors"] == 4 * Descriptor.size(CONFIG) // LINE + 6 + 2
    assert status["first_error"] & 15 == ErrorCode.MEMORY.value


@cocotb.test()
async def slots_bound_what_is_under_way(dut):
    env = await environment(dut)
    env.answer_rate = 0.0
    env.push(Descriptor(source=flat(0), destination=local(0), lines=100), pull=True)
    await env.stage.cycles(150)
    assert len(env.out) == PULL_SLOTS
    await env.finish()


@cocotb.test()
async def both_ways_one_line_each_cycle(dut):
    """A push's lines leave and a pull's come, each cycle; the pull's requests share the way out with the push."""
    env = await environment(dut)
    count = 120
    await env.run(Descriptor(source=flat(0), destination=local(0), lines=count), pull=True)
    cycles = [cycle for cycle, _ in env.out]
    assert cycles == list(range(cycles[0], cycles[0] + count))
    env.out.clear()
    env.push(Descriptor(source=flat(0), destination=local(0), lines=count), pull=True)
    env.push(Descriptor(source=local(count), destination=flat(0), lines=count))
    await env.finish()
    cycles = [cycle for cycle, _ in env.out]
    assert cycles[-1] - cycles[0] < 2 * count + 8
    middle = [sent.op for _, sent in env.out[20:-20]]
    assert abs(middle.count(Op.PUT.value) - middle.count(Op.READ.value)) < 8


@cocotb.test()
async def random_lists(dut):
    env = await environment(dut)
    env.spoil(*random.sample(range(FIRST_LINE, CONFIG.sram_lines), CONFIG.sram_lines // 50))
    addresses = []
    for index in range(420):
        pull = index % 3 == 0
        good = random_good(pull=pull)
        change, _ = random.choice(bad_fields(good))
        descriptor = good if random.random() < 0.8 else replace(good, **change)
        if pull and descriptor is not good:
            descriptor = replace(good, rows=0)
        following = [address for which, address in addresses[-4:] if which == pull]
        if following and random.random() < 0.3:
            descriptor = replace(descriptor, next=random.choice(following))
        addresses.append((pull, env.lay_down(descriptor)))
    addresses = [(pull, address) for pull, address in addresses if pull or not env.reads_what_pulls_write(address)]
    while addresses:
        for _ in range(8):
            if addresses:
                pull, address = addresses.pop()
                (env.pulls if pull else env.pushes).waiting.append(address)
        for agent in (env.sram.read.requests, env.sram.write.requests, env.pushes, env.pulls):
            agent.rate = random.choice((0.1, 0.5, 1.0))
        env.answer_rate = random.choice((0.1, 0.5, 1.0))
        env.sink.rates = [random.choice((0.1, 0.5, 1.0)) for _ in range(2)]
        env.sram.read.latency = random.choice(((1, 1), (3, 3), (1, 6)))
        await env.stage.cycles(random.choice((50, 400)))
    await env.finish()


@cocotb.test()
async def beside_other_traffic(dut):
    """Answers, lists and signals share the way out fairly, and none is mixed up with another."""
    env = await environment(dut)
    env.push(Descriptor(source=local(16), destination=flat(0), lines=100))
    for _ in range(100):
        env.say(packet(Op.SIGNAL, source=HERE, signal=random.getrandbits(5)))
    for index in range(60):
        env.mesh.send(packet((Op.READ, Op.WRITE)[index % 2], local(index % 8), tag=index))
        env.mesh.send(packet(Op.PUT, local(8 + index % 8), signal=1 + index % HALF))
    await env.finish()
    kinds = [sent.op if sent.op in (Op.PUT.value, Op.SIGNAL.value) else Op.ACK.value for _, sent in env.out]
    middle = kinds[20:80]
    for kind in (Op.PUT.value, Op.SIGNAL.value, Op.ACK.value):
        assert middle.count(kind) > 12, f"{middle.count(kind)} of 60 packets of kind {kind}"
    busy = [cycle for cycle, _ in env.out[20:80]]
    assert busy[-1] - busy[0] == len(busy) - 1, "the way out rested"


@cocotb.test()
async def pushes_wait_when_the_queue_is_full(dut):
    env = await environment(dut)
    env.sink.rates = [0.0, 0.0]
    for _ in range(CONFIG.list_queue + 3):
        env.push(Descriptor(source=local(0), destination=flat(0), lines=20, done=PUSHES_END))
    await env.stage.cycles(60)
    assert len(env.pushes.waiting) == 2
    await env.finish()
