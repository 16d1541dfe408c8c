"""The link to a board, the host's end of it, and a whole tile behind a serial line."""

import errno
import json
import os
import random
import re
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import serial
from serial.tools import list_ports

from fpga import host, report
from fpga.boards import BOARDS, board
from fpga.build import BuildError, check_room, retime
from fpga.build import build as build_bitstream
from fpga.link import frame
from fpga.link.frame import HELLO_BYTES, MAX_DATA, Kind, pack_request, sealed, stuffed, unpack_response, unstuffed
from fpga.link.link import SerialLink
from fpga.pll import PllSettings
from fpga.serial_line import SerialLine, find_port
from fpga.session import ATTEMPTS, Failed, LinkLost, Session
from fpga.tile import Tile, TileOptions
from hdl.config import SRAM_BASE, ULX3S
from sim import software
from sim.build import build, new_seed, run
from verif.fpga import link_environment, noise
from verif.fpga.echo import Echo

ULX3S_BOARD = board("ulx3s")


#: One node: what more there are is the mesh's concern, and costs time.
SINGLE = ULX3S_BOARD.with_mesh(1, 1)


@pytest.fixture(scope="module")
def simulated():
    return host.simulated(SINGLE)


@pytest.fixture(autouse=True)
def _seeded():
    seed = new_seed()
    print(f"replay with SEED={seed}")
    random.seed(seed)


def test_link():
    link = SerialLink(config=link_environment.CONFIG, divisor=link_environment.DIVISOR,
                      identity=link_environment.IDENTITY, patience=link_environment.PATIENCE)
    run(build(link, name="link"), bench="verif.fpga.link_bench")


# Frames


def test_stuffing_hides_every_end():
    for length in (0, 1, 2, 500):
        content = random.choice([random.randbytes(length), bytes(random.choices((0xC0, 0xDB, 0xDC, 0xDD), k=length))])
        line = stuffed(content)
        assert line.count(frame.END) == 2
        assert line[0] == line[-1] == frame.END
        assert unstuffed(line[1:-1]) == content
    for wrong in (b"\xdb", b"a\xdb", b"\xdb\xdb", b"\xdba", b"\xdb\xc0"):
        assert unstuffed(wrong) is None


def test_a_request_is_laid_out_as_the_page_says():
    content = unstuffed(pack_request(sequence=7, kind=Kind.WRITE, node=(3, 5), address=0x80001234, size=3,
                                     content=b"abc")[1:-1])
    header = bytes([7, 3, 3 | 5 << 7 & 0xFF, 5 >> 1, 0x34, 0x12, 0x00, 0x80, 3, 0])
    assert content == sealed(header + b"abc")
    assert len(sealed(header)) == 14


@pytest.mark.parametrize(("fields", "message"), [
    ({"sequence": 256}, "sequence of a frame must fit in 8 bits, not 256"),
    ({"node": (128, 0)}, "x of a frame must fit in 7 bits, not 128"),
    ({"node": (0, -1)}, "y of a frame must fit in 7 bits, not -1"),
    ({"address": 1 << 32}, "address of a frame must fit in 32 bits, not 4294967296"),
    ({"size": 1025}, "up to 1024 bytes, and as many as it says, not 1025"),
    ({"size": 2, "content": b"abc"}, "as many as it says, not 3"),
])
def test_what_no_frame_can_hold_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        pack_request(**{"sequence": 0, "kind": Kind.READ} | fields)


def test_a_damaged_response_is_none():
    content = sealed(bytes([1, 0, 0, 0, 0, 0, 0, 0, 2, 0]) + b"ab")
    assert unpack_response(content) == ({"sequence": 1, "status": 0, "dropped": 0, "address": 0, "size": 2}, b"ab")
    for place in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        assert unpack_response(bytes(damaged)) is None
    for length in range(len(content)):
        assert unpack_response(content[:length]) is None
    assert unpack_response(sealed(content[:10])) is None


# Sessions


class Script:
    """A line whose other end answers each request as a function says."""

    baud, latency_s = 1_000_000, 0.0

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent: list[bytes] = []
        self.came: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            sequence = (unstuffed(data[1:-1]) or b"")[0]
            self.came += answer(sequence)

    def read_frame(self, *, seconds: float) -> bytes | None:
        assert seconds >= 0
        return self.came.pop(0) if self.came else None

    def wait(self, seconds: float) -> None:
        pass


def good(content: bytes = b"", *, status: int = 0, address: int = 0, ahead: int = 0):
    return lambda sequence: [stuffed(sealed(
        bytes([(sequence + ahead) % 256, status, 0, 0]) + address.to_bytes(4, "little")
        + len(content).to_bytes(2, "little") + content))[1:-1]]


def hello(identity: bytes):
    """Answers to the HELLOs with which a session begins."""
    pieces = min(len(identity) // HELLO_BYTES + 1, MAX_DATA // HELLO_BYTES)
    padded = identity.ljust(HELLO_BYTES * pieces, b"\0")
    return [good(padded[HELLO_BYTES * piece:HELLO_BYTES * (piece + 1)]) for piece in range(pieces)]


HELLO = hello(ULX3S_BOARD.tile.identity)


def test_a_frame_is_repeated_as_it_was_until_its_response_is_there():
    line = Script(*HELLO, None, lambda _: [b"garbage", b""], good(b"old", ahead=-1),
                  lambda s: [good(b"abc")(s)[0][:-1]], good(b"abc"))
    session = Session(line)
    assert session.read((0, 1), 0, 3) == b"abc"
    assert session.repeated == 4
    assert len(set(line.sent[len(HELLO):])) == 1


def test_a_silent_board_is_given_up():
    line = Script()
    with pytest.raises(LinkLost, match=f"no answer to HELLO, sent {ATTEMPTS} times: is the board"):
        Session(line)
    assert len(line.sent) == ATTEMPTS
    line = Script(*HELLO)
    with pytest.raises(LinkLost, match="no answer to READ of 3 bytes at 0x80000000 of node 0,1"):
        Session(line).read((0, 1), SRAM_BASE, 3)


@pytest.mark.parametrize(("said", "message"), [
    (b"hello", "does not say what it is: b'hello'"),
    (b"\xff\xfe", "does not say what it is"),
    (b"[]", "does not say what it is"),
    (json.dumps(json.loads(ULX3S_BOARD.tile.identity) | {"protocol": 1}).encode(), "'open-d1' with protocol 1, not"),
    (json.dumps(json.loads(ULX3S_BOARD.tile.identity) | {"design": "another"}).encode(), "says it is 'another'"),
    (json.dumps(json.loads(ULX3S_BOARD.tile.identity) | {"config": {}}).encode(), "does not say what it is"),
])
def test_another_device_is_recognised(said, message):
    with pytest.raises(LinkLost, match=message):
        Session(Script(*hello(said)))
    with pytest.raises(LinkLost, match=message):
        Session(Script(good(said)))


@pytest.mark.parametrize("length", [MAX_DATA - HELLO_BYTES - 1, MAX_DATA - HELLO_BYTES, MAX_DATA - 1, MAX_DATA])
def test_an_identity_of_any_length_arrives_whole(length):
    said = {"design": frame.DESIGN, "protocol": frame.PROTOCOL, "board": "", "clock_hz": 1, "config": asdict(ULX3S)}
    said["board"] = "x" * (length - len(json.dumps(said)))
    line = Script(*hello(json.dumps(said).encode()))
    assert Session(line).identity.board == said["board"]
    assert not line.answers


def test_refusals_are_named():
    session = Session(Script(*HELLO, good(status=2, address=0x80008000), good(status=16), good(status=99)))
    for name in ("ADDRESS at 0x80008000", "NO_ANSWER", "99"):
        with pytest.raises(Failed, match=f"READ of 4 bytes at 0x80007ffe of node 1,2: refused, {name}"):
            session.read((1, 2), SRAM_BASE + 0x7FFE, 4)


# Serial ports


def test_a_serial_port_carries_frames():
    board_end, host_end = os.openpty()
    line = SerialLine(os.ttyname(host_end), baud=1_000_000)

    def answer():
        frames = b""
        while frames.count(frame.END) < 2:
            frames += os.read(board_end, 100)
        os.write(board_end, frames[1:] + b"\xc0abc")

    thread = threading.Thread(target=answer)
    thread.start()
    line.write(stuffed(bytes(range(200))))
    came = line.read_frame(seconds=5)
    thread.join()
    assert came is not None
    assert unstuffed(came) == bytes(range(200))
    assert line.read_frame(seconds=0.05) == b""
    assert line.read_frame(seconds=0.05) is None
    os.close(board_end)
    with pytest.raises(LinkLost, match="does not answer any more, is the cable still there"):
        line.read_frame(seconds=0.05)
    os.close(host_end)


@pytest.mark.parametrize(("number", "message"), [
    (errno.ENOENT, "there is no port 'PORT': is the board connected"),
    (errno.EACCES, r"you may not open PORT: join its group, with 'sudo usermod -aG \w+ \$USER', and log in again"),
    (errno.EBUSY, "another program has PORT open"), (errno.EAGAIN, "another program has PORT open"),
    (errno.EIO, "'PORT' cannot be opened as a serial port"),
])
def test_a_port_that_cannot_be_opened(monkeypatch, tmp_path, number, message):
    port = str(tmp_path)

    def refuse(*_, **__):
        raise serial.SerialException(number, os.strerror(number))

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(LinkLost, match=message.replace("PORT", port)):
        SerialLine(port, baud=1_000_000)


def test_the_port_of_a_board_is_found(monkeypatch):
    class Port:
        def __init__(self, device, product, vid, pid):
            self.device, self.product, self.description, self.vid, self.pid = device, product, product, vid, pid

        def __lt__(self, other):
            return self.device < other.device

    ports = [Port("/dev/ttyUSB1", None, None, None), Port("/dev/ttyUSB0", "ULX3S FPGA 85K v3.0.8", 0x0403, 0x6015)]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    assert find_port(ULX3S_BOARD) == "/dev/ttyUSB0"
    with pytest.raises(LinkLost, match=r"no port looks like a ecpix5; there are: /dev/ttyUSB0 \(ULX3S.*--port sim"):
        find_port(board("ecpix5"))
    ports.append(Port("/dev/ttyUSB2", "ULX3S", 0x0403, 0x6015))
    with pytest.raises(LinkLost, match="2 ports look like a ulx3s"):
        find_port(ULX3S_BOARD)
    ports.clear()
    with pytest.raises(LinkLost, match="there are: none at all"):
        find_port(ULX3S_BOARD)


def test_errors_of_the_command_line_are_one_line(capsys):
    assert host.main(["--port", "/dev/nothing-here", "probe"]) == 3
    assert "error: there is no port '/dev/nothing-here'" in capsys.readouterr().err
    assert host.main(["--port", "sim", "--board", "abacus", "probe"]) == 3
    assert capsys.readouterr().err == "error: no board is called 'abacus'; there are ulx3s, ecpix5\n"


# A whole tile


def test_the_host_knows_the_board_by_what_it_says(simulated):
    identity = Session(simulated).identity
    assert identity.config == SINGLE.config
    assert (identity.clock_hz, identity.board) == (ULX3S_BOARD.clock_hz, "simulated ulx3s")


def test_noise(simulated):
    session = noise.exchange(simulated, noise=noise.Noise(), count=60, most=60)
    assert session.repeated > 0
    assert session.dropped > 0


def test_garbage(simulated):
    noise.garbage(simulated, 2000)


def test_errors_of_nodes_reach_the_host_and_the_led(simulated):
    session = Session(simulated)
    with pytest.raises(Failed, match="node 0,1: refused, ADDRESS at 0x80008000"):
        session.read((0, 1), SRAM_BASE + ULX3S.sram_bytes - 2, 4)
    assert simulated.leds[1:] == (True, True)
    with pytest.raises(Failed, match="node 1,1: refused, DESTINATION at 0x80000000"):
        session.read((1, 1), SRAM_BASE, 4)


def test_the_reset_button_ends_a_session(simulated):
    session = Session(simulated)
    session.write((0, 1), SRAM_BASE, b"kept")
    simulated.press_reset()
    with pytest.raises(LinkLost, match="no answer to READ"):
        session.read((0, 1), SRAM_BASE, 4)
    assert Session(simulated).read((0, 1), SRAM_BASE, 4) == b"kept"


def command(simulated, monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(host, "simulated", lambda *_, **__: simulated)
    return host.main(["--port", "sim", *arguments])


def test_digits(simulated, monkeypatch, capsys):
    assert command(simulated, monkeypatch, "digits", "--images", "8") == 0
    assert "yes (80 logits)" in capsys.readouterr().out


def test_matmul(simulated, monkeypatch, capsys, tmp_path):
    generator = np.random.default_rng(random.getrandbits(32))
    a, b = (generator.standard_normal(shape, np.float32) for shape in ((7, 9), (9, 5)))
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    paths = [str(tmp_path / name) for name in ("a.npy", "b.npy", "c.npy")]
    assert command(simulated, monkeypatch, "matmul", *paths[:2], "-o", paths[2]) == 0
    assert "yes (35 elements)" in capsys.readouterr().out
    assert np.allclose(np.load(paths[2]), a @ b, rtol=0.05, atol=0.1)


def test_programs(simulated, monkeypatch, capsys):
    passes, fails = (str(software.build(f"examples/{name}.c", config=SINGLE.config)) for name in ("hello", "fail"))
    assert command(simulated, monkeypatch, "run", passes) == 0
    assert "passed" in capsys.readouterr().out
    assert command(simulated, monkeypatch, "run", fails) == 7
    assert command(simulated, monkeypatch, "load", passes) == 0
    assert "loaded into 1 nodes, entry 0x80000000" in capsys.readouterr().out
    assert command(simulated, monkeypatch, "read", "0x80000000", "32", "--node", "0,1") == 0
    first = capsys.readouterr().out.split()[1:17]
    assert bytes.fromhex("".join(first)) in Path(passes).read_bytes()


# Boards


@pytest.mark.parametrize(("input_hz", "output_hz", "dividers"), [
    (25_000_000, 50_000_000, (1, 2, 12)), (25_000_000, 40_000_000, (5, 8, 15)), (100_000_000, 40_000_000, (5, 2, 15)),
    (48_000_000, 48_000_000, (1, 1, 12)),
])
def test_pll(input_hz, output_hz, dividers):
    settings = PllSettings.of(input_hz=input_hz, output_hz=output_hz)
    assert (settings.input_divider, settings.feedback_divider, settings.output_divider) == dividers


def test_a_clock_that_the_pll_cannot_make_is_refused():
    with pytest.raises(ValueError, match="the PLL cannot make 41,000,001 Hz out of 25,000,000 Hz"):
        PllSettings.of(input_hz=25_000_000, output_hz=41_000_001)


def test_a_rate_that_the_clock_does_not_give_is_refused():
    with pytest.raises(ValueError, match="3,000,000 baud cannot be made of a clock of 40,000,000 Hz: off by 3%"):
        TileOptions(board="x", config=ULX3S, clock_hz=40_000_000, baud=3_000_000)
    with pytest.raises(ValueError, match="a bit takes at least 4 clock cycles, not 2"):
        SerialLink(config=ULX3S, divisor=2, identity=b"x")


def test_a_bitstream_holds_the_device_the_pll_and_the_pins(tmp_path):
    # The way of a bitstream with a stand-in for the tile: a whole one takes many minutes.
    build_bitstream(ULX3S_BOARD, Echo(divisor=ULX3S_BOARD.tile.divisor), tmp_path, seed=1)
    said = report.Report.of(tmp_path, ULX3S_BOARD, placed=True, seed=1, tools={})
    assert said.used["LUT4"][0] < 500 < said.used["LUT4"][1] == 83_640
    (achieved, wanted), = said.fmax_mhz.values()
    assert achieved > wanted == 20
    report.draw(tmp_path / "top.routed.json", tmp_path / "placement.png", title="echo")
    assert (tmp_path / "placement.png").read_bytes().startswith(b"\x89PNG")

    unpack = Path(sys.executable).parent / "yowasp-ecpunpack"
    subprocess.run([unpack, "--input", "top.bit", "--textcfg", "unpacked.config"], cwd=tmp_path, check=True)
    unpacked = (tmp_path / "unpacked.config").read_text()
    assert unpacked.startswith(".device LFE5U-85F\n")
    words = {name: int(value, 2) for name, value in re.findall(r"^word: (\w+) ([01]+)$", unpacked, re.MULTILINE)}
    assert [words[name] + 1 for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV")] == [5, 4, 30]

    # nextpnr says which place each pin has; the bitstream must make an input or an output of it.
    ways = set()
    for tile in unpacked.split(".tile ")[1:]:
        row, column = re.findall(r"^\w*_?R(\d+)C(\d+):", tile)[0]
        ways |= {(int(column), int(row), pin, way) for pin, way in re.findall(r"enum: (PIO.)\.BASE_TYPE (\w+?)_", tile)}
    places = re.findall(r"pin '(\S+)' constrained to Bel 'X(\d+)/Y(\d+)/(PIO.)'", (tmp_path / "top.tim").read_text())
    names = [name for name, *_ in places]
    assert len(re.findall("^LOCATE", (tmp_path / "top.lpf").read_text(), re.MULTILINE)) == len(places) == 7
    for name, x, y, pin in places:
        way = "OUTPUT" if re.search("tx|heartbeat|link|error", name) else "INPUT"
        assert (int(x), int(y), pin, way) in ways or (int(x), int(y) + 1, pin, way) in ways, f"{name} in {names}"


    retimed = retime(tmp_path, seed=1, speed=8)
    faster = report.Report.of(retimed, ULX3S_BOARD, placed=True, seed=1, tools={}, speed=8)
    assert (said.device, faster.device) == ("LFE5U-85F-6 BG381", "LFE5U-85F-8 BG381")
    assert faster.used == said.used, "the same netlist"
    assert next(iter(faster.fmax_mhz.values()))[0] > achieved


def test_what_is_too_large_is_said(tmp_path):
    log = tmp_path / "top.tim"
    fits = ("Info: Device utilisation:\nInfo: \t          TRELLIS_IO:       7/    365     1%\n"
            "Info: \t          TRELLIS_FF:   13128/  83640    15%\n"
            "Info: \t        TRELLIS_COMB:   51657/  83640    61%\n")
    log.write_text(fits)
    check_room(tmp_path, ULX3S_BOARD)
    log.write_text(fits.replace("   51657", "  206600"))
    with pytest.raises(BuildError, match=r"^nodes: 1; LUT4: 206,600, and the LFE5U-85F has 83,640: choose a smaller"):
        check_room(tmp_path, ULX3S_BOARD)


def test_a_node_fits_on_the_board(tmp_path):
    # Synthesis alone: placing and routing take some minutes more.
    build_bitstream(ULX3S_BOARD, Tile(options=ULX3S_BOARD.tile), tmp_path, seed=1, synthesis_only=True)
    used = {name: count for name, (count, _) in report.Report.of(
        tmp_path, ULX3S_BOARD, placed=False, seed=1, tools={}).used.items()}
    assert used["LUT4"] < 0.85 * 83_640
    assert used["block RAM"] >= ULX3S.sram_bytes / 2048
    assert used["multiplier"] == 4 + 2 + 16, "a float lane's, a dot product's and the core's"
    assert used["LUT RAM"] > 0 < used["flip-flop"]


def test_what_has_not_been_built_is_not_timed(tmp_path):
    with pytest.raises(BuildError, match=r"there is no netlist .*top\.json: build the board without --speed first"):
        retime(tmp_path, seed=1, speed=8)


@pytest.mark.parametrize("name", BOARDS)
def test_what_a_board_says_it_is_fits_in_a_frame(name):
    assert len(board(name).tile.identity) <= frame.MAX_DATA
