"""The bus over which the mesh reaches a node's control registers."""

from amaranth.lib.wiring import In, Out, Signature

from ..memory_map import CONTROL_BITS


class ControlBus(Signature):
    """One 8-byte access a cycle, seen from the network interface.

    While ``valid``, `address` (a multiple of 8) is read, combinationally, on ``read_data`` or, with ``write``, written
    at the end of the cycle. Unused addresses read 0 and ignore writes.
    """

    def __init__(self):
        super().__init__({
            "valid": Out(1),
            "write": Out(1),
            "address": Out(CONTROL_BITS),
            "write_data": Out(64),
            "read_data": In(64),
        })
