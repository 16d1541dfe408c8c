"""What an atomic access makes of the old value, from the RISC-V specifications."""

from hdl.isa import Atomic


def atomic(function: Atomic, bits: int, old: int, operand: int, expected: int = 0) -> int:
    """The new value.

    Parameters
    ----------
    function : Atomic
    bits : int
        32 or 64.
    old, operand, expected : int
        Unsigned; of the operands only the low `bits` count. `expected` is for `Atomic.CAS`.
    """
    mask = (1 << bits) - 1
    operand, expected = operand & mask, expected & mask

    def signed(value: int) -> int:
        return (value ^ 1 << bits - 1) - (1 << bits - 1)

    match function:
        case Atomic.ADD:
            return old + operand & mask
        case Atomic.SWAP:
            return operand
        case Atomic.CAS:
            return operand if old == expected else old
        case Atomic.XOR:
            return old ^ operand
        case Atomic.OR:
            return old | operand
        case Atomic.AND:
            return old & operand
        case Atomic.MIN:
            return min(old, operand, key=signed)
        case Atomic.MAX:
            return max(old, operand, key=signed)
        case Atomic.MINU:
            return min(old, operand)
        case Atomic.MAXU:
            return max(old, operand)
