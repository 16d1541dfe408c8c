"""Products of integers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .multiply import booth_digits, booth_rows, compress

BITS = 64


class IntegerMultiplier(wiring.Component):
    """All bits of a product, in the cycle after its operands and with `enable` alone: else it stays.

    The last addition of the partial products is on the far side of the registers.

    Parameters
    ----------
    hard : bool
        The product is left to the target's multipliers.

    Members
    -------
    a, b : In(64), signed_a, signed_b : In(1)
        Operands, and whether they are two's complement.
    enable : In(1)
    product : Out(128)
    """

    def __init__(self, *, hard: bool):
        self.hard = hard
        super().__init__({
            "a": In(BITS), "b": In(BITS), "signed_a": In(1), "signed_b": In(1), "enable": In(1),
            "product": Out(2 * BITS),
        })

    def elaborate(self, platform):
        m = Module()
        if self.hard:
            a, b = (Cat(value, value[-1] & signed).as_signed()
                    for value, signed in ((self.a, self.signed_a), (self.b, self.signed_b)))
            rows = [a * b]
        else:
            digits = booth_digits(m, self.b, self.signed_b)
            rows = compress(m, booth_rows(m, self.a, digits, self.signed_a), 2)
        held = [Signal(2 * BITS, name=f"held_{index}", reset_less=True) for index in range(len(rows))]
        with m.If(self.enable):
            m.d.sync += [register.eq(row) for register, row in zip(held, rows, strict=True)]
        m.d.comb += self.product.eq(sum(held))
        return m
