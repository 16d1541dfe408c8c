"""The port of the SRAM, as its users see it."""

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, Signature

from ..config import Config


def request_layout(config: Config) -> data.StructLayout:
    """One access to a line: a write of the bytes whose mask bit is set, or a read of the whole line.

    Of a read, ``mask`` says which bytes the user wants, for `MemoryPort`'s ``error``; none set means all. A read with
    ``lock`` is the first half of an atomic operation; see `hdl.mem.sram.Sram`.
    """
    return data.StructLayout({
        "data": config.vector_bits,
        "mask": config.vector_bytes,
        "line": config.line_bits,
        "write": 1,
        "lock": 1,
    })


class MemoryPort(Signature):
    """A port, seen from its user.

    ``request`` is taken in the cycle in which it is valid and ready. A write has then been done: every later request of
    any port sees it. A read is answered on ``response`` one or more cycles later; the answers of a port come in the
    order of its reads and cannot be refused. With an answer comes ``error``: an uncorrectable error is in the words
    that the user wants, and the answer must not be used.
    """

    def __init__(self, config: Config):
        super().__init__({
            "request": Out(stream.Signature(request_layout(config))),
            "response": In(stream.Signature(config.vector_bits, always_ready=True)),
            "error": In(1),
        })
