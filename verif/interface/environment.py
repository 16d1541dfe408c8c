"""A network interface with everything around it: mesh links, SRAM, control registers, semaphores and threads."""

import os
import random
from collections import deque
from collections.abc import Callable

from amaranth.lib import data

from hdl.config import PRESETS, SRAM_BASE
from hdl.mem.port import request_layout
from hdl.memory_map import ErrorCode
from hdl.noc.interface import NetworkStatus, signal_layout
from hdl.noc.packet import BORN_BITS, COORDINATE_BITS, Op
from verif.interface.model import Node, Refusal
from verif.noc import Codec, LinkSink, LinkSource, Packet, Port, Stage, StreamSource, fields_of

CONFIG = PRESETS[os.environ["CONFIG"]].with_mesh(columns=3, rows=3)
HERE = (1, 2)
LINE = CONFIG.vector_bytes

#: In the tests packets post the lower half of the semaphores and lists the upper half, to tell them apart.
HALF = CONFIG.semaphores // 2


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


class Sram:
    """The SRAM behind both ports; calls `on_write` with each write that it does."""

    def __init__(self, dut, on_write: Callable[[int, int, int], object]):
        self.reads = Requests(Port(dut, "read__request"))
        self.writes = Requests(Port(dut, "write__request"))
        self.response = Port(dut, "read__response")
        self.on_write = on_write
        self.bytes = bytearray(CONFIG.sram_bytes)
        self.latency: tuple[int, int] = 1, 1  # least and most cycles from a read to its answer
        self.answers: deque[tuple[int, int]] = deque()  # cycle, line
        self.cycle = 0
        self.answering = False
        self.response.valid.value = 0

    def drive(self) -> None:
        self.reads.drive()
        self.writes.drive()
        answering = bool(self.answers) and self.answers[0][0] <= self.cycle
        if answering != self.answering:
            self.response.valid.value = self.answering = answering
        if answering:
            self.response.payload.value = self.answers.popleft()[1]

    def sample(self) -> None:
        if read := self.reads.taken():
            assert not read["write"]
            start = read["line"] * LINE
            self.answers.append(
                (self.cycle + random.randint(*self.latency), int.from_bytes(self.bytes[start:start + LINE], "little")))
        if write := self.writes.taken():
            assert write["write"]
            self.on_write(write["line"], write["mask"], write["data"])
            payload = write["data"].to_bytes(LINE, "little")
            for lane in range(LINE):
                if write["mask"] >> lane & 1:
                    self.bytes[write["line"] * LINE + lane] = payload[lane]
        self.cycle += 1


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
    """Takes posts at a rate; calls `on_post` with the semaphore, or `on_overflow` if it is in `full`."""

    def __init__(self, dut, on_post: Callable[[int], object], on_overflow: Callable[[], object]):
        self.overflow = dut.post_overflow
        self.port = Port(dut, "post")
        self.on_post = on_post
        self.on_overflow = on_overflow
        self.rate = 1.0
        self.thread_overflow_rate = 0.0
        self.full: set[int] = set()
        self.ready = False
        self.overflows = False
        self.port.ready.value = 0
        self.overflow.value = 0

    def drive(self) -> None:
        ready = random.random() < self.rate
        overflows = not ready and random.random() < self.thread_overflow_rate
        if ready and self.full and int(self.port.valid.value):
            overflows = int(self.port.payload.value) in self.full
        if ready != self.ready:
            self.port.ready.value = self.ready = ready
        if overflows != self.overflows:
            self.overflow.value = self.overflows = overflows

    def sample(self) -> None:
        if self.overflows:
            self.on_overflow()
        if self.ready and int(self.port.valid.value):
            self.on_post(int(self.port.payload.value))


class Environment:
    """Drives the interface from all sides, and checks everything that it does against `verif.interface.model.Node`.

    Requests and posted packets are served each in their own order, but nobody says in which order among each other: let
    them write to places that the other class does not touch.
    """

    def __init__(self, dut):
        self.dut = dut
        codec = Codec(CONFIG)
        self.model = Node(CONFIG, HERE)
        self.mesh = LinkSource(Port(dut, "mesh_in"), codec, on_taken=self._delivered)
        self.sink = LinkSink(Port(dut, "mesh_out"), codec, on_packet=self._sent)
        self.sram = Sram(dut, self._written)
        self.control = ControlRegisters(dut)
        self.semaphores = Semaphores(dut, self._posted, lambda: self._error(Refusal(ErrorCode.OVERFLOW, 0)))
        self.pushes = StreamSource(Port(dut, "push"), self._pushed)
        self.signals = StreamSource(Port(dut, "signal"), self._signalled)
        self.stage = Stage(
            dut, [self, self.mesh, self.sink, self.sram, self.control, self.semaphores, self.pushes, self.signals])

        # What has to come, in order; each is taken away when it does.
        self.replies: deque[tuple[Packet, int]] = deque()  # and the bits of the payload that count
        self.list_packets: deque[Packet] = deque()
        self.signal_packets: deque[Packet] = deque()
        self.class_writes: tuple[deque[Packet], deque[Packet]] = deque(), deque()
        self.packet_posts: deque[tuple[int, int]] = deque()  # semaphore, posted writes that have to be done before
        self.done_posts: deque[tuple[int, int]] = deque()  # semaphore, list packets that have to have left before

        # What has been seen.
        self.out: list[tuple[int, Packet]] = []  # cycle, packet
        self.posted_writes = self.expected_posted_writes = 0
        self.lists_sent = self.expected_lists_sent = 0
        self.packets_in = self.latency_sum = self.errors = 0
        self.first_errors: dict[str, int] = {}  # the first of each source of errors

    async def start(self) -> None:
        self.dut.position.value = HERE[0] | HERE[1] << COORDINATE_BITS
        await self.stage.start()

    def load(self, offset: int, content: bytes) -> None:
        """Put bytes into the SRAM."""
        for sram in (self.sram.bytes, self.model.sram):
            sram[offset:offset + len(content)] = content

    def drive(self) -> None:
        self.dut.cycle.value = self.stage.now % (1 << BORN_BITS)

    def sample(self) -> None:
        """Nothing to look at: the other agents do."""

    # What goes in

    def _delivered(self, packet: Packet) -> None:
        self.packets_in += 1
        self.latency_sum += (self.stage.now - packet.born) % (1 << BORN_BITS)
        refusal = self.model.refusal(packet)
        writes = packet.op in (Op.WRITE.value, Op.PUT.value) and refusal is None
        if writes and self.model.in_sram(packet.address):
            self.class_writes[packet.traffic_class].append(packet)
        if refusal:
            self._error(refusal, f"class {packet.traffic_class}")
        if packet.traffic_class == 0:
            answer = self.model.answer(packet)
            lanes = {Op.DATA.value: self.model.lanes(packet), Op.ACK.value: 0, Op.ERROR.value: (1 << 64) - 1}[answer.op]
            self.replies.append((answer, lanes))
        elif refusal is None:
            if writes:
                self.model.write(packet)
                self.expected_posted_writes += self.model.in_sram(packet.address)
            if packet.signal:
                self.packet_posts.append((packet.signal - 1, self.expected_posted_writes))

    def _pushed(self, address: int) -> None:
        packets, refusal, done = self.model.list_packets(address)
        self.list_packets += packets
        self.expected_lists_sent += len(packets)
        if refusal:
            self._error(refusal, "lists")
        if done:
            self.done_posts.append((done - 1, self.expected_lists_sent))

    def _signalled(self, bits: int) -> None:
        fields = fields_of(signal_layout(), bits)
        destination = fields["destination"] % (1 << COORDINATE_BITS), fields["destination"] >> COORDINATE_BITS
        self.signal_packets.append(Packet(
            op=Op.SIGNAL.value, destination=destination, source=HERE, signal=(fields["semaphore"] + 1) % 64))

    def _error(self, refusal: Refusal, source: str = "overflow") -> None:
        self.errors += 1
        self.first_errors.setdefault(source, refusal.word)

    # What comes out

    def _sent(self, packet: Packet) -> None:
        self.out.append((self.stage.now, packet))
        assert packet.source == HERE
        assert packet.born == self.stage.now % (1 << BORN_BITS)
        lanes = (1 << CONFIG.vector_bits) - 1
        if packet.op == Op.PUT.value:
            self.lists_sent += 1
            expected = self.list_packets.popleft()
        elif packet.op == Op.SIGNAL.value:
            expected, lanes = self.signal_packets.popleft(), 0
        else:
            expected, lanes = self.replies.popleft()
        packet = packet.but(born=0, payload=packet.payload & lanes)
        assert packet == expected.but(payload=expected.payload & lanes), f"sent\n{packet}\nand not\n{expected}"

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
        else:
            expected, lines = self.done_posts.popleft()
            assert self.lists_sent >= lines, "done before the last line left"
        assert semaphore == expected

    # The end

    def busy(self) -> bool:
        """Something that has to come has not come yet."""
        return any((self.replies, self.list_packets, self.signal_packets, *self.class_writes, self.packet_posts,
                    self.done_posts, *self.mesh.waiting, self.pushes.waiting, self.signals.waiting))

    def hurry(self) -> None:
        """Let nobody wait any more."""
        for agent in (self.mesh, self.sram.reads, self.sram.writes, self.semaphores, self.pushes, self.signals):
            agent.rate = 1.0
        self.sink.rates = [1.0, 1.0]
        self.semaphores.thread_overflow_rate = 0.0

    async def finish(self) -> dict[str, int]:
        """Wait until everything has come, compare memory, registers and counters, and return the counters."""
        self.hurry()
        await self.stage.until(lambda: not self.busy(), limit=20000, what="everything expected has come")
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
