"""Frames of the link, as docs/board.md has them. Their layout exists here and nowhere else.

The structures are the hardware's; the host packs and unpacks by them, too.
"""

import zlib
from enum import IntEnum

from amaranth.hdl import Shape, unsigned
from amaranth.lib import data, enum
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC

from hdl.config import COORDINATE_BITS
from hdl.memory_map import ErrorCode
from hdl.noc.packet import Coordinate

#: What a board says that it is.
DESIGN, PROTOCOL = "open-d1", 2

#: Most bytes of data in a frame.
MAX_DATA = 1024

#: Bytes of the identity that a HELLO is answered with, from the offset in its `size`: few enough for a noisy line.
HELLO_BYTES = 64

#: The CRC of a frame: zlib's.
CRC = CRC32_ISO_HDLC(data_width=8)
CRC_BYTES = 4

#: Stuffing, as in RFC 1055: END is between frames and nowhere else.
END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD


class Kind(enum.Enum, shape=8):
    """What a request asks for."""

    HELLO = 1
    READ = 2
    WRITE = 3
    RESET = 4


class Status(IntEnum):
    """What a response says besides the values of `ErrorCode`."""

    NO_ANSWER = 16
    KIND = 17


class Request(data.Struct):
    """Header of a frame to the board."""

    sequence: unsigned(8)
    kind: unsigned(8)
    node: Coordinate
    reserved: unsigned(16 - 2 * COORDINATE_BITS)
    address: unsigned(32)
    size: unsigned(16)


class Response(data.Struct):
    """Header of a frame from the board."""

    sequence: unsigned(8)
    status: unsigned(8)
    dropped: unsigned(16)
    address: unsigned(32)
    size: unsigned(16)


HEADER_BYTES = Shape.cast(Request).width // 8


def stuffed(content: bytes) -> bytes:
    """What goes over the line for the bytes of a frame, with the ENDs around it."""
    content = content.replace(bytes([ESC]), bytes([ESC, ESC_ESC])).replace(bytes([END]), bytes([ESC, ESC_END]))
    return bytes([END]) + content + bytes([END])


def unstuffed(content: bytes) -> bytes | None:
    """The bytes of a frame from what came between two ENDs; None if its escapes are wrong."""
    first, *others = content.split(bytes([ESC]))
    meant = {ESC_END: END, ESC_ESC: ESC}
    if not all(part and part[0] in meant for part in others):
        return None
    return first + b"".join(bytes([meant[part[0]]]) + part[1:] for part in others)


def sealed(content: bytes) -> bytes:
    """A header and data with their CRC."""
    return content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")


def pack_request(*, sequence: int, kind: Kind, node: tuple[int, int] = (0, 0), address: int = 0, size: int = 0,
                 content: bytes = b"") -> bytes:
    """A request as it goes over the line.

    Raises
    ------
    ValueError
        If a value does not fit in its field, or there are more data than a frame may have.
    """
    if size > MAX_DATA or len(content) not in (0, size):
        raise ValueError(f"a frame holds up to {MAX_DATA} bytes, and as many as it says, not {max(size, len(content))}")
    layout = data.Layout.cast(Request)
    fields = {"sequence": sequence, "kind": kind.value, "address": address, "size": size}
    for name, value in (*fields.items(), ("x", node[0]), ("y", node[1])):
        width = COORDINATE_BITS if name in ("x", "y") else layout[name].width
        if value not in range(1 << width):
            raise ValueError(f"{name} of a frame must fit in {width} bits, not {value}")
    values: dict[int | str, object] = {**fields, "node": {"x": node[0], "y": node[1]}}
    bits = layout.const(values).as_value().value
    return stuffed(sealed(bits.to_bytes(HEADER_BYTES, "little") + content))


def unpack_response(content: bytes) -> tuple[dict[str, int], bytes] | None:
    """Fields of the header, and the data, from what came between two ENDs; None if it is no good frame."""
    frame = unstuffed(content)
    if frame is None or len(frame) < HEADER_BYTES + CRC_BYTES:
        return None
    body = frame[:-CRC_BYTES]
    bits = int.from_bytes(body[:HEADER_BYTES], "little")
    fields = {str(name): bits >> field.offset & (1 << field.width) - 1 for name, field in data.Layout.cast(Response)}
    if sealed(body) != frame or len(body) != HEADER_BYTES + fields["size"]:
        return None
    return fields, body[HEADER_BYTES:]


def status_name(status: int) -> str:
    """What a status is called; its number, if it has no name."""
    return next((known.name for known in (*ErrorCode, *Status) if known == status), str(status))
