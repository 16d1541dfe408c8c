"""What the lanes can do: one enumeration for each kind of lane. docs/numerics.md says what the operations mean.

The values are the operation codes of the lanes. A code that is not listed is undefined, and a lane says so.
"""

from enum import IntEnum


class FloatOperation(IntEnum):
    """Operations of the float lane on its operands a, b and c."""

    ADD = 0
    SUB = 1
    MUL = 2
    MADD = 3
    MSUB = 4
    NMSUB = 5
    NMADD = 6
    MIN = 7
    MAX = 8
    EQ = 9
    LT = 10
    LE = 11
    SIGN = 12
    SIGN_NOT = 13
    SIGN_XOR = 14

    @property
    def takes_c(self) -> bool:
        """Whether it has a third operand."""
        return self in (FloatOperation.MADD, FloatOperation.MSUB, FloatOperation.NMSUB, FloatOperation.NMADD)

    @property
    def computes(self) -> bool:
        """Whether it looks at its operands as numbers, and so gives flags: all but the operations on signs."""
        return self < FloatOperation.SIGN


class IntegerOperation(IntEnum):
    """Operations of the integer lane on its operands a and b; a final U says unsigned, S in front of it saturating."""

    ADD = 0
    SUB = 1
    ADDS = 2
    ADDSU = 3
    SUBS = 4
    SUBSU = 5
    MUL = 6
    MULH = 7
    MULHU = 8
    SLL = 9
    SRL = 10
    SRA = 11
    AND = 12
    OR = 13
    XOR = 14
    EQ = 15
    LT = 16
    LTU = 17
    LE = 18
    LEU = 19
    MIN = 20
    MINU = 21
    MAX = 22
    MAXU = 23


class EstimateOperation(IntEnum):
    """Functions of the estimator."""

    RECIPROCAL = 0
    RECIPROCAL_SQRT = 1
    EXP2 = 2
    LOG2 = 3
