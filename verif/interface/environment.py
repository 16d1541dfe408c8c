"""A network interface with everything around it: mesh links, SRAM, control registers, semaphores and threads."""

import os
import random
from collections import deque
from collections.abc import Callable

from amaranth.lib import data

from hdl.config import PRESETS, SRAM_BASE
from hdl.mem.port import request_layout
from hdl.memory_map import ErrorCode
from hdl.noc.interface import NetworkStatus
from hdl.noc.packet import BORN_BITS, COORDINATE_BITS, PULL_TAG, Op
from verif.interface.model import ANSWERS, Move, Node, Post, Refusal
from verif.noc import Codec, LinkSink, LinkSource, Packet, Port, Stage, StreamSource, fields_of

CONFIG = PRESETS[os.environ["CONFIG"]].with_mesh(columns=3, rows=3)
HERE = (1, 2)
LINE = CONFIG.vector_bytes

#: In the tests packets post the lower half of the semaphores, pushes the next quarter and pulls the last one, to tell
#: them apart.
HALF = CONFIG.semaphores // 2
PUSHES_END = HALF + HALF // 2


class Requests:
    """Takes the requests of a memory port at a rate, and checks that one that has to wait does not change."""

    def __init__(self, port: Port):
        self.port = port
        self.rate = 1.0
        self.ready = False
        self.stalled: int | None = None
        port.ready.value = 0

    def drive(self) -> None:
        ready = random.random() < self.rate
        if ready != self.ready:
            self.port.ready.value = self.ready = ready

    def taken(self) -> dict[str, int] | None:
        """The request that is taken in this cycle."""
        if not int(self.port.valid.value):
            assert self.stalled is None, f"{self.port.prefix}: the request was withdrawn"
            return None
        bits = int(self.port.payload.value)
        assert self.stalled in (None, bits), f"{self.port.prefix}: the request changed while it waited"
        self.stalled = None if self.ready else bits
        return fields_of(request_layout(CONFIG), bits) if self.ready else None


class SramPort:
    """The SRAM behind one port; calls `on_write` with each write that it does."""

    def __init__(self, dut, name: str, content: bytearray, on_write: Callable[[int, int, int], object]):
        self.requests = Requests(Port(dut, f"{name}__request"))
        self.response = Port(dut, f"{name}__response")
        self.on_write = on_write
        self.bytes = content
        self.latency: tuple[int, int] = 1, 1  # least and most cycles from a read to its answer
        self.answers: deque[tuple[int, int, bool]] = deque()  # cycle, line, whether it is wrong
        self.cycle = 0
        self.locked: int | None = None  # the line
        self.answering = False
        self.wrong: set[int] = set()  # lines that cannot be read
        self.error = getattr(dut, f"{name}__error")
        self.response.valid.value = 0
        self.error.value = 0

    def drive(self) -> None:
        self.requests.drive()
        answering = bool(self.answers) and self.answers[0][0] <= self.cycle
        if answering != self.answering:
            self.response.valid.value = self.answering = answering
        if answering:
            _, self.response.payload.value, self.error.value = self.answers.popleft()

    def sample(self) -> None:
        if access := self.requests.taken():
            line, start = access["line"], access["line"] * LINE
            assert self.locked in (None, line), "a locked line is not let go"
            assert self.locked is None or access["write"], "a locked line is written next"
            self.locked = line if access["lock"] else None
            if access["write"]:
                self.on_write(line, access["mask"], access["data"])
                payload = access["data"].to_bytes(LINE, "little")
                for lane in range(LINE):
                    if access["mask"] >> lane & 1:
                        self.bytes[start + lane] = payload[lane]
            else:
                self.answers.append((self.cycle + random.randint(*self.latency),
                                     int.from_bytes(self.bytes[start:start + LINE], "little"), line in self.wrong))
        self.cycle += 1


class Sram:
    """The SRAM; its read port must not write."""

    def __init__(self, dut, on_write: Callable[[int, int, int], object]):
        def refuse(*access: int) -> None:
            raise AssertionError(f"the read port writes: {access}")

        self.bytes = bytearray(CONFIG.sram_bytes)
        self.read = SramPort(dut, "read", self.bytes, refuse)
        self.write = SramPort(dut, "write", self.bytes, on_write)


class ControlRegisters:
    """Registers that hold what is written. They answer combinationally."""

    def __init__(self, dut):
        self.port = Port(dut, "control")
        self.registers: dict[int, int] = {}
        self.valid = 0

    def drive(self) -> None:
        self.valid = int(self.port.valid.value)
        if self.valid:
            address = int(self.port.address.value)
            if int(self.port.write.value):
                self.registers[address] = int(self.port.write_data.value)
            else:
                self.port.read_data.value = self.registers.get(address, 0)

    def sample(self) -> None:
        assert int(self.port.valid.value) == self.valid, "the control bus depends on this cycle's inputs"


class Semaphores:
    """Takes every post; calls `on_post` with the semaphore, or `on_overflow` if it is in `full`, or a thread's is."""

    def __init__(self, dut, on_post: Callable[[int], object], on_overflow: Callable[[], object]):
        self.overflow = dut.overflow
        self.port = Port(dut, "post")
        self.on_post = on_post
        self.on_overflow = on_overflow
        self.thread_overflow_rate = 0.0
        self.full: set[int] = set()
        self.overflows = 0
        self.overflow.value = 0

    def drive(self) -> None:
        overflows = int(random.random() < self.thread_overflow_rate)
        if self.full and int(self.port.valid.value):
            overflows |= (int(self.port.payload.value) in self.full) << 1
        if overflows != self.overflows:
            self.overflow.value = self.overflows = overflows

    def sample(self) -> None:
        for _ in range(self.overflows.bit_count()):
            self.on_overflow()
        if int(self.port.valid.value):
            self.on_post(int(self.port.payload.value))


class Answers:
    """Calls `on_packet` with each answer that a thread gets."""

    def __init__(self, port: Port, codec: Codec, on_packet: Callable[[Packet], object]):
        self.port = port
        self.codec = codec
        self.on_packet = on_packet

    def drive(self) -> None:
        """There is nothing to set: answers are always taken."""

    def sample(self) -> None:
        if int(self.port.valid.value):
            self.on_packet(self.codec.unpack(int(self.port.payload.value)))


class Environment:
    """Drives the interface from all sides, and checks everything that it does against `verif.interface.model.Node`.

    Requests and posted packets are served each in their own order, but nobody says in which order among each other: let
    them write to places that the other class does not touch. Packets of the node's own threads carry a `born` that is
    not 0, to be told from those of lists.
    """

    def __init__(self, dut):
        self.dut = dut
        self.codec = codec = Codec(CONFIG)
        self.asked: dict[int, Move] = {}  # tag to the line of a pull that is under way
        self.model = Node(CONFIG, HERE, self._awaits)
        self.mesh = LinkSource(Port(dut, "mesh_in"), codec, on_taken=self._delivered)
        self.sink = LinkSink(Port(dut, "mesh_out"), codec, on_packet=self._sent)
        self.sram = Sram(dut, self._written)
        self.control = ControlRegisters(dut)
        self.semaphores = Semaphores(dut, self._posted, lambda: self._error(Refusal(ErrorCode.OVERFLOW, 0)))
        self.pushes = StreamSource(Port(dut, "push"), self._pushed)
        self.pulls = StreamSource(Port(dut, "pull"), self._pulled)
        self.threads = tuple(
            StreamSource(Port(dut, name), lambda bits: self._said(codec.unpack(bits))) for name in ("ask", "tell"))
        self.answers = Answers(Port(dut, "answer"), codec, self._answered)
        self.stage = Stage(
            dut, [self, self.mesh, self.sink, self.sram.read, self.sram.write, self.control, self.semaphores,
                  self.pushes, self.pulls, *self.threads, self.answers])
        self.awaiting = 0  # a bit for each thread that waits for an answer
        self.remote: dict[tuple[tuple[int, int], int], int] = {}  # lines of other nodes
        self.unanswered: list[Packet] = []
        self.answer_rate = 1.0
        self.copies = 1  # of each answer
        self.failing: set[int] = set()  # addresses that other nodes refuse to read

        # What has to come, in order; each is taken away when it does.
        self.replies: deque[tuple[Packet, int]] = deque()  # and the bits of the payload that count
        self.list_packets: deque[Packet] = deque()
        self.pull_moves: deque[tuple[int, Move]] = deque()  # and the list
        self.thread_packets: tuple[deque[Packet], deque[Packet]] = deque(), deque()
        self.thread_answers: deque[Packet] = deque()
        self.class_writes: tuple[deque[Packet], deque[Packet]] = deque(), deque()
        self.packet_posts: deque[tuple[int, int]] = deque()  # semaphore, posted writes that have to be done before
        self.done_posts: deque[tuple[int, int]] = deque()  # semaphore, list packets that have to have left before
        self.pull_posts: deque[tuple[int, Post]] = deque()  # and the list

        # What has been seen.
        self.out: list[tuple[int, Packet]] = []  # cycle, packet
        self.posted_writes = self.expected_posted_writes = 0
        self.lists_sent = self.expected_lists_sent = 0
        self.pulled_lists = 0
        self.failed_lists: set[int] = set()
        self.list_of: dict[int, int] = {}  # tag to the list
        self.packets_in = self.latency_sum = self.errors = 0
        self.first_errors: dict[str, int] = {}  # the first of each source of errors

    async def start(self) -> None:
        self.dut.position.value = HERE[0] | HERE[1] << COORDINATE_BITS
        self.dut.awaiting.value = self.awaiting
        await self.stage.start()

    def load(self, offset: int, content: bytes) -> None:
        """Put bytes into the SRAM."""
        for sram in (self.sram.bytes, self.model.sram):
            sram[offset:offset + len(content)] = content

    def spoil(self, *lines: int) -> None:
        """Make these lines, and no others, such that they cannot be read."""
        self.sram.read.wrong = set(lines)
        self.model.wrong = {SRAM_BASE + line * LINE for line in lines}

    def say(self, packet: Packet) -> None:
        """Let a thread send a packet."""
        self.threads[packet.traffic_class].waiting.append(self.codec.pack(packet.but(born=1)))

    def drive(self) -> None:
        self.dut.cycle.value = self.stage.now % (1 << BORN_BITS)
        while self.unanswered and random.random() < self.answer_rate:
            answer = self._answer(self.unanswered.pop(0))
            for _ in range(self.copies):
                self.mesh.send(answer)

    def sample(self) -> None:
        """Nothing to look at: the other agents do."""

    # What goes in

    def _awaits(self, tag: int) -> bool:
        return tag in self.asked if tag >= PULL_TAG else bool(self.awaiting >> tag & 1)

    def _answer(self, request: Packet) -> Packet:
        """What another node answers to a READ of a pull."""
        made = Packet(op=Op.DATA.value, destination=HERE, source=request.destination, tag=request.tag,
                      size=request.size, address=request.address)
        if request.address in self.failing:
            return made.but(op=Op.ERROR.value, payload=Refusal(ErrorCode.ADDRESS, request.address).word)
        place = request.destination, request.address
        return made.but(payload=self.remote.setdefault(place, random.getrandbits(CONFIG.vector_bits)))

    def _delivered(self, packet: Packet) -> None:
        self.packets_in += 1
        self.latency_sum += (self.stage.now - packet.born) % (1 << BORN_BITS)
        refusal = self.model.refusal(packet)
        if refusal:
            self._error(refusal, f"class {packet.traffic_class}")
        if packet.traffic_class == 0:
            self._requested(packet, refusal is not None)
        elif refusal is None:
            if packet.op in ANSWERS:
                self._arrived(packet)
            elif packet.op == Op.PUT.value:
                self._put(packet)
            if packet.signal and packet.op not in ANSWERS:
                self.packet_posts.append((packet.signal - 1, self.expected_posted_writes))

    def _requested(self, packet: Packet, refused: bool) -> None:
        if not refused and self.model.in_sram(packet.address):
            if packet.op == Op.WRITE.value:
                self.class_writes[0].append(packet)
            elif packet.op == Op.ATOMIC.value:
                self.class_writes[0].append(self.model.atomic_write(packet))
        if not refused and (unread := self.model.unread(packet)):
            self._error(unread, "replies")
        answer = self.model.answer(packet)
        lanes = {Op.DATA.value: self.model.lanes(packet), Op.ACK.value: 0, Op.ERROR.value: (1 << 64) - 1}[answer.op]
        self.replies.append((answer, lanes))

    def _put(self, packet: Packet) -> None:
        if self.model.in_sram(packet.address):
            self.class_writes[1].append(packet)
            self.expected_posted_writes += 1
        self.model.write(packet)

    def _arrived(self, packet: Packet) -> None:
        """An answer to a request of the node's own."""
        if packet.tag < PULL_TAG:
            self.thread_answers.append(packet)
            return
        number, move = self.list_of.pop(packet.tag), self.asked.pop(packet.tag)
        if packet.op == Op.DATA.value:
            self._put(packet.but(op=Op.PUT.value, address=move.destination, size=LINE))
        elif number not in self.failed_lists:
            self.failed_lists.add(number)
            self._error(Refusal(ErrorCode(packet.payload & 15), packet.payload >> 32 & 0xFFFF_FFFF), "pulls")
            self.pull_posts = deque((which, post) for which, post in self.pull_posts
                                    if which != number or not post.is_signal)

    def _pushed(self, address: int) -> None:
        for event in self.model.chain(address, pull=False):
            match event:
                case Move():
                    self.list_packets.append(self.model.put(event))
                    self.expected_lists_sent += 1
                case Refusal():
                    self._error(event, "pushes" if event.code is not ErrorCode.MEMORY else "lines of pushes")
                case Post():
                    self.done_posts.append((event.semaphore, self.expected_lists_sent))

    def _pulled(self, address: int) -> None:
        self.pulled_lists += 1
        for event in self.model.chain(address, pull=True):
            match event:
                case Move():
                    self.pull_moves.append((self.pulled_lists, event))
                case Refusal():
                    self._error(event, "pulls" if event.code is not ErrorCode.MEMORY else "lines of pulls")
                case Post():
                    self.pull_posts.append((self.pulled_lists, event))

    def _said(self, packet: Packet) -> None:
        self.thread_packets[packet.traffic_class].append(packet.but(source=HERE))

    def _error(self, refusal: Refusal, source: str = "overflow") -> None:
        self.errors += 1
        self.first_errors.setdefault(source, refusal.word)

    # What comes out

    def _sent(self, packet: Packet) -> None:
        self.out.append((self.stage.now, packet))
        assert packet.source == HERE
        assert packet.born == self.stage.now % (1 << BORN_BITS)
        lanes = (1 << CONFIG.vector_bits) - 1
        said = self.thread_packets[packet.traffic_class]
        if said and packet.but(born=1) == said[0]:
            said.popleft()
            return
        if packet.traffic_class == 0:
            self._asks(packet)
            return
        if packet.op == Op.PUT.value:
            self.lists_sent += 1
            expected = self.list_packets.popleft()
        else:
            expected, lanes = self.replies.popleft()
        packet = packet.but(born=0, payload=packet.payload & lanes)
        assert packet == expected.but(payload=expected.payload & lanes), f"sent\n{packet}\nand not\n{expected}"

    def _asks(self, packet: Packet) -> None:
        """A READ of a pull."""
        self._forget_failed(packet.address)
        number, move = self.pull_moves.popleft()
        expected = Packet(op=Op.READ.value, destination=move.node, source=HERE, tag=packet.tag, size=LINE,
                          address=move.source)
        assert packet.but(born=0, payload=0) == expected, f"sent\n{packet}\nand not\n{expected}"
        assert packet.tag >= PULL_TAG
        assert packet.tag not in self.asked, f"slot {packet.tag} is used twice"
        self.asked[packet.tag], self.list_of[packet.tag] = move, number
        self.unanswered.append(packet)

    def _forget_failed(self, address: int) -> None:
        """Of a list of which a line was refused, the lines behind need not be asked for."""
        while self.pull_moves and self.pull_moves[0][0] in self.failed_lists \
                and self.pull_moves[0][1].source != address:
            self.pull_moves.popleft()

    def _answered(self, packet: Packet) -> None:
        assert packet == self.thread_answers.popleft()

    def _written(self, line: int, mask: int, data: int) -> None:
        for traffic_class, waiting in enumerate(self.class_writes):
            if waiting:
                packet = waiting[0]
                lanes = sum(1 << lane for lane in range(LINE) if self.model.lanes(packet) >> 8 * lane & 1)
                if (line, mask) == ((packet.address - SRAM_BASE) // LINE, lanes) \
                        and not (data ^ packet.payload) & self.model.lanes(packet):
                    waiting.popleft()
                    self.posted_writes += traffic_class
                    return
        raise AssertionError(f"nobody asked for this write: line {line:#x}, mask {mask:#x}, data {data:#x}")

    def _posted(self, semaphore: int) -> None:
        if semaphore < HALF:
            expected, writes = self.packet_posts.popleft()
            assert self.posted_writes >= writes, "posted before the data was written"
        elif semaphore >= PUSHES_END:
            number, post = self.pull_posts.popleft()
            expected = post.semaphore
            assert number not in self.list_of.values(), "done before the last line came"
        else:
            expected, lines = self.done_posts.popleft()
            assert self.lists_sent >= lines, "done before the last line left"
        assert semaphore == expected

    # The end

    def busy(self) -> bool:
        """Something that has to come has not come yet."""
        pulls = any(number not in self.failed_lists for number, _ in self.pull_moves)
        return any((self.replies, self.list_packets, pulls, *self.thread_packets, self.thread_answers,
                    *self.class_writes, self.packet_posts, self.done_posts, self.pull_posts, self.asked,
                    self.unanswered, *self.mesh.waiting, self.pushes.waiting, self.pulls.waiting,
                    *(thread.waiting for thread in self.threads)))

    def hurry(self) -> None:
        """Let nobody wait any more."""
        for agent in (self.mesh, self.sram.read.requests, self.sram.write.requests, self.pushes, self.pulls,
                      *self.threads):
            agent.rate = 1.0
        self.sink.rates = [1.0, 1.0]
        self.answer_rate = 1.0
        self.semaphores.thread_overflow_rate = 0.0

    async def finish(self) -> dict[str, int]:
        """Wait until everything has come, compare memory, registers and counters, and return the counters."""
        self.hurry()
        await self.stage.until(lambda: not self.busy() and self.status()["errors"] >= self.errors, limit=20000,
                               what="everything expected has come")
        await self.stage.cycles(30)
        assert self.sram.bytes == self.model.sram
        assert self.control.registers == self.model.registers
        status = self.status()
        assert (status["packets_in"], status["latency_sum"], status["errors"]) == (
            self.packets_in, self.latency_sum, self.errors)
        assert status["first_error"] in (self.first_errors.values() or [0])
        return status

    def status(self) -> dict[str, int]:
        return fields_of(data.Layout.cast(NetworkStatus), int(self.dut.status.value))
