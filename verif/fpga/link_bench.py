"""The link between a serial line and the edge port: frames that are right, wrong, cut, doubled, or none."""

import random

import cocotb
from cocotb.triggers import RisingEdge, Timer, with_timeout

from fpga.link.frame import (
    END,
    HEADER_BYTES,
    MAX_DATA,
    Kind,
    Status,
    pack_request,
    sealed,
    stuffed,
    unpack_response,
)
from hdl.memory_map import ErrorCode

from .link_environment import BIT_NS, LINE, PERIOD_NS, Bench, any_place, bench


@cocotb.test()
async def bytes_come_back_as_they_were_written(dut):
    tb = await bench(dut)
    await tb.hello()
    for size in (0, 1, LINE - 1, LINE, LINE + 1, MAX_DATA, *(random.randint(1, 200) for _ in range(15))):
        node = random.randrange(128), random.randrange(128)
        address = random.randrange((1 << 32) - MAX_DATA)
        content = random.choice((random.randbytes(size), bytes(random.choices((0, END, 0xDB, 0xDC, 0xDD), k=size))))
        tb.mesh.packets.clear()
        fields, nothing = await tb.request(Kind.WRITE, node=node, address=address, size=size, content=content)
        assert (fields["status"], fields["address"], nothing) == (0, address, b"")
        lines = 0 if size == 0 else (address + size - 1) // LINE - address // LINE + 1
        assert [packet.destination for packet in tb.mesh.packets] == [node] * lines
        fields, read = await tb.request(Kind.READ, node=node, address=address, size=size)
        assert (fields["status"], read) == (0, content)
        assert len(tb.mesh.packets) == 2 * lines
        assert sum(packet.size for packet in tb.mesh.packets) == 2 * size


@cocotb.test()
async def a_frame_is_carried_out_once(dut):
    tb = await bench(dut)
    await tb.hello()
    node, address = any_place()
    await tb.request(Kind.WRITE, node=node, address=address, size=20, content=random.randbytes(20))
    first = await tb.request(Kind.READ, node=node, address=address, size=20)
    count = len(tb.mesh.packets)
    for _ in range(3):
        await tb.send(pack_request(sequence=tb.sequence, kind=Kind.READ, node=node, address=address, size=20))
        assert await tb.answer() == first
    # Whatever else has that sequence number is taken for the same frame.
    await tb.send(pack_request(sequence=tb.sequence, kind=Kind.WRITE, node=node, address=address, size=1, content=b"x"))
    assert await tb.answer() == first
    assert len(tb.mesh.packets) == count


@cocotb.test()
async def frames_out_of_turn_are_dropped(dut):
    tb = await bench(dut)
    await tb.hello()
    for ahead in [2, 3, 128, 254, *random.sample(range(4, 254), 6)]:
        await tb.send(pack_request(sequence=(tb.sequence + ahead) % 256, kind=Kind.WRITE, size=1, content=b"x"))
        tb.dropped += 1
        await tb.silence()
    assert not tb.mesh.packets
    await tb.hello()


@cocotb.test()
async def nothing_is_carried_out_before_the_first_hello(dut):
    tb = await bench(dut)
    for kind in (Kind.READ, Kind.WRITE, Kind.RESET, Kind.HELLO):
        for sequence in (0, 1, 255):
            content = b"x" if kind is Kind.WRITE else b""
            await tb.send(pack_request(sequence=sequence, kind=kind, size=len(content), content=content))
            tb.dropped += 1
            await tb.silence()
    assert not tb.mesh.packets
    assert not int(dut.mesh_reset.value)
    await tb.hello()


@cocotb.test()
async def a_new_session_begins_at_any_sequence_number_and_an_old_one_does_not(dut):
    tb = await bench(dut)
    for session in (1, 7, 0xFFFF_FFFF):
        tb.sequence = random.randrange(256)
        await tb.hello(session)
        node, address = any_place()
        await tb.request(Kind.WRITE, node=node, address=address, size=1, content=b"x")
        # The session's own HELLO, repeated late, is out of turn, or in turn an ordinary request.
        await tb.send(pack_request(sequence=(tb.sequence - 1) % 256, kind=Kind.HELLO, address=session))
        tb.dropped += 1
        await tb.silence()
        await tb.hello(session)


@cocotb.test()
async def refusals_of_the_mesh_stop_the_request(dut):
    tb = await bench(dut)
    await tb.hello()
    for code in (code for code in ErrorCode if code):
        for kind in (Kind.READ, Kind.WRITE):
            address = random.randrange(1 << 20) * LINE + random.randrange(LINE)
            bad = (address // LINE + 2) * LINE
            tb.mesh.refused = {bad: code}
            tb.mesh.packets.clear()
            content = random.randbytes(100) if kind is Kind.WRITE else b""
            fields, read = await tb.request(kind, address=address, size=100, content=content)
            assert (fields["status"], fields["address"], read) == (code, bad, b"")
            assert len(tb.mesh.packets) == 3
    tb.mesh.refused = {}
    fields, _ = await tb.request(Kind.READ, size=1)
    assert fields["status"] == 0


@cocotb.test()
@cocotb.parametrize(how=["not taken", "not answered"])
async def a_mesh_that_does_not_answer_is_given_up(dut, how):
    tb = await bench(dut)
    await tb.hello()
    await tb.request(Kind.WRITE, address=64, size=3, content=b"abc")
    setattr(tb.mesh, "takes" if how == "not taken" else "answers", False)
    for _ in range(3):
        fields, read = await tb.request(Kind.READ, address=64, size=3)
        assert (fields["status"], fields["address"], read) == (Status.NO_ANSWER, 64, b"")
    # Its answer comes late, and is not taken for another's.
    tb.mesh.takes = tb.mesh.answers = True
    await tb.bytes_pass(10)
    fields, read = await tb.request(Kind.READ, address=65, size=2)
    assert (fields["status"], read) == (0, b"bc")
    assert len(tb.mesh.packets) == 3


@cocotb.test()
async def reset_lets_the_mesh_forget(dut):
    tb = await bench(dut)
    await tb.hello()
    tb.mesh.takes = False
    fields, _ = await tb.request(Kind.READ, size=1)
    assert fields["status"] == Status.NO_ANSWER
    cycles = 0

    async def count():
        nonlocal cycles
        while True:
            await RisingEdge(dut.clk)
            cycles += int(dut.mesh_reset.value)

    counting = cocotb.start_soon(count())
    fields, _ = await tb.request(Kind.RESET)
    counting.cancel()
    assert fields["status"] == 0
    assert cycles >= 16
    assert not int(dut.edge_i__valid.value)


@cocotb.test()
async def unknown_kinds_are_said_to_be(dut):
    tb = await bench(dut)
    await tb.hello()
    for kind in (0, 5, 6, 128, 255):
        tb.sequence += 1
        await tb.send(stuffed(sealed(bytes([tb.sequence, kind]) + bytes(HEADER_BYTES - 2))))
        fields, _ = await tb.answer()
        assert (fields["sequence"], fields["status"]) == (tb.sequence, Status.KIND)
    assert not tb.mesh.packets


async def refuse(tb: Bench, symbols: list[int]) -> None:
    """Nothing comes of what is on the line, and a good frame behind it is served."""
    before = len(tb.mesh.packets)
    await tb.send_symbols(symbols)
    tb.sequence = (tb.sequence + 1) % 256
    await tb.send(pack_request(sequence=tb.sequence, kind=Kind.READ, size=0))
    async def wait():
        while not tb.frames:
            await RisingEdge(tb.dut.clk)

    await with_timeout(wait(), 100 * 10 * BIT_NS, "ns")
    response = unpack_response(tb.frames.popleft())
    assert response is not None
    assert (response[0]["sequence"], response[0]["status"]) == (tb.sequence, 0)
    assert response[0]["dropped"] > tb.dropped
    tb.dropped = response[0]["dropped"]
    assert len(tb.mesh.packets) == before


def victim(tb: Bench, content: bytes = b"\x00\xc0\xdbx") -> bytes:
    """A frame that would be carried out."""
    return pack_request(sequence=(tb.sequence + 1) % 256, kind=Kind.WRITE, node=(1, 2), address=0x8000_0000,
                        size=len(content), content=content)


def symbols_of(content: bytes) -> list[int]:
    return [byte << 1 | 0x200 for byte in content]


@cocotb.test()
async def a_flipped_bit_anywhere_is_noticed(dut):
    tb = await bench(dut)
    await tb.hello()
    length = len(victim(tb))
    # The ENDs are left out: without the first the frame is whole, and the next frame begins with another of the last.
    for place in range(1, length - 1):
        for bit in range(10):
            symbols = symbols_of(victim(tb))
            symbols[place] ^= 1 << bit
            await refuse(tb, symbols)


@cocotb.test()
async def lost_and_doubled_bytes_are_noticed(dut):
    tb = await bench(dut)
    await tb.hello()
    for place in range(1, len(victim(tb)) - 1):
        frame = victim(tb)
        await refuse(tb, symbols_of(frame[:place] + frame[place + 1:]))
        frame = victim(tb)
        await refuse(tb, symbols_of(frame[:place] + frame[place:place + 1] + frame[place:]))


@cocotb.test()
async def cut_frames_are_noticed(dut):
    tb = await bench(dut)
    await tb.hello()
    for length in range(2, len(victim(tb)) - 1):
        await refuse(tb, symbols_of(victim(tb)[:length]))


@cocotb.test()
async def what_is_no_frame_is_refused(dut):
    tb = await bench(dut)
    await tb.hello()

    def header(kind: Kind = Kind.WRITE, size: int = 0, node: bytes = b"\0\0") -> bytes:
        return bytes([(tb.sequence + 1) % 256, kind.value]) + node + bytes(4) + size.to_bytes(2, "little")

    wrong_crc = bytearray(sealed(header()))
    wrong_crc[-1] ^= 0x80
    for frame in (
        bytes(wrong_crc),
        sealed(header(size=3) + b"ab"), sealed(header(size=3) + b"abcd"),
        sealed(header(Kind.READ, size=3) + b"abc"), sealed(header(Kind.RESET) + b"a"),
        sealed(header(size=MAX_DATA + 1) + bytes(MAX_DATA + 1)), sealed(header(Kind.READ, size=MAX_DATA + 1)),
        sealed(header(Kind.READ, size=0xFFFF)), sealed(header(size=1) + bytes(3 * MAX_DATA)),
        sealed(header(node=b"\0\x40")), sealed(header(node=b"\0\x80")),
        sealed(b""), sealed(header()[:-1]), b"\0",
    ):
        await refuse(tb, symbols_of(stuffed(frame)))
    for escapes in (b"\xdb", b"\xdb\xdb\xdc", b"\xdb\x00", b"\xdb\xde"):
        await refuse(tb, symbols_of(b"\xc0" + escapes + victim(tb)[1:]))
        await refuse(tb, symbols_of(victim(tb)[:-1] + escapes + b"\xc0"))


@cocotb.test()
async def what_comes_while_a_frame_is_carried_out_is_dropped(dut):
    tb = await bench(dut)
    await tb.hello()
    tb.mesh.answers = False
    tb.sequence += 1
    frame = pack_request(sequence=tb.sequence, kind=Kind.WRITE, size=2, content=b"ab")
    await tb.send(frame + frame)
    tb.mesh.answers = True
    fields, _ = await tb.answer()
    assert fields["status"] == 0
    await tb.silence()
    assert len(tb.mesh.packets) == 1
    tb.dropped = 1
    # Half of it before the answer, half of it after: still not a frame.
    tb.mesh.answers = False
    tb.sequence += 1
    frame = pack_request(sequence=tb.sequence, kind=Kind.WRITE, size=2, content=b"cd")
    await tb.send(frame + frame[:5])
    tb.mesh.answers = True
    await tb.answer()
    await tb.send(frame[5:])
    await tb.silence()
    tb.dropped = 2
    await tb.hello()
    assert len(tb.mesh.packets) == 2


@cocotb.test()
async def glitches_and_breaks_are_no_bytes(dut):
    tb = await bench(dut)
    await tb.hello()
    for _ in range(20):
        dut.rx.value = 0
        await Timer(PERIOD_NS, "ns")
        dut.rx.value = 1
        await Timer(random.randint(BIT_NS, 4 * BIT_NS), "ns")
    await tb.bytes_pass(1)
    await tb.hello()
    dut.rx.value = 0
    await tb.bytes_pass(30)
    dut.rx.value = 1
    await tb.bytes_pass(1)
    tb.dropped += 1
    await tb.hello()


@cocotb.test()
async def garbage_is_followed_by_good_frames(dut):
    tb = await bench(dut)
    await tb.hello()
    for _ in range(10):
        await tb.send_symbols([random.getrandbits(10) for _ in range(random.randint(1, 60))] + [0x3FF])
        await refuse(tb, [0x200])


@cocotb.test()
async def the_clocks_of_the_ends_may_differ(dut):
    tb = await bench(dut)
    await tb.hello()
    for percent in (-3, 3):
        frame = victim(tb, bytes(range(256)))
        tb.sequence = (tb.sequence + 1) % 256
        for symbol in symbols_of(frame):
            for bit in range(10):
                dut.rx.value = symbol >> bit & 1
                await Timer(BIT_NS * (100 + percent) * 10, "ps")
        fields, _ = await tb.answer()
        assert fields["status"] == 0


