"""The bus over which the mesh reaches a node's control registers."""

from amaranth.lib.wiring import In, Out, Signature

#: The control region of a node starts here and is 2^CONTROL_BITS bytes long.
CONTROL_BASE = 0x0200_0000

#: Bits of a register's byte offset from the start of the control region; registers are 8 bytes.
CONTROL_BITS = 13


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
