"""The port of the SRAM, as its users see it."""

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, Signature

from ..config import Config


def request_layout(config: Config) -> data.StructLayout:
    """One access to a line: a write of the bytes whose mask bit is set, or a read of the whole line.

    An access with ``lock`` keeps the line for this port: no other port's access to it comes before this port's next one.
    """
    return data.StructLayout({
        "line": config.line_bits,
        "write": 1,
        "lock": 1,
        "mask": config.vector_bytes,
        "data": config.vector_bits,
    })


class MemoryPort(Signature):
    """A port, seen from its user.

    ``request`` is taken in the cycle in which it is valid and ready. A write has then been done: every later request of
    any port sees it. A read is answered on ``response`` one or more cycles later; the answers of a port come in the
    order of its reads and cannot be refused.
    """

    def __init__(self, config: Config):
        super().__init__({
            "request": Out(stream.Signature(request_layout(config))),
            "response": In(stream.Signature(config.vector_bits, always_ready=True)),
        })
