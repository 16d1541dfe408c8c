"""Scalar instructions in the decoder and an issue slot, one at a time, beside what the RISC-V manual says of them.

In the way of riscv-formal: for every word, program counter and operands. The rows are the unprivileged manual's
(20191213, chapters 2, 5 and 24), written here anew and not taken from `hdl.isa`.
"""

from collections.abc import Callable
from functools import reduce
from operator import or_

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.config import SIM, SRAM_BASE
from hdl.core.decode import Decoder
from hdl.core.layouts import prediction_layout
from hdl.core.slot import Slot
from hdl.isa import Cause
from verif.formal.proof import Proof

CONFIG = SIM

#: By funct3, and the highest 7 bits for a second meaning of the same: what becomes of a and b, which shift by `amount`.
Function = Callable[[Value, Value, Value], Value]
OPERATIONS: dict[tuple[int, int], Function] = {
    (0, 0x00): lambda a, b, amount: a + b,
    (0, 0x20): lambda a, b, amount: a - b,
    (1, 0x00): lambda a, b, amount: a << amount,
    (2, 0x00): lambda a, b, amount: a.as_signed() < b.as_signed(),
    (3, 0x00): lambda a, b, amount: a < b,
    (4, 0x00): lambda a, b, amount: a ^ b,
    (5, 0x00): lambda a, b, amount: a >> amount,
    (5, 0x20): lambda a, b, amount: a.as_signed() >> amount,
    (6, 0x00): lambda a, b, amount: a | b,
    (7, 0x00): lambda a, b, amount: a & b,
}
WORD_OPERATIONS = {key: OPERATIONS[key] for key in ((0, 0x00), (0, 0x20), (1, 0x00), (5, 0x00), (5, 0x20))}
SHIFTS = 1, 5
BRANCHES: dict[int, Callable[[Value, Value], Value]] = {
    0: lambda a, b: a == b,
    1: lambda a, b: a != b,
    4: lambda a, b: a.as_signed() < b.as_signed(),
    5: lambda a, b: a.as_signed() >= b.as_signed(),
    6: lambda a, b: a < b,
    7: lambda a, b: a >= b,
}
LUI, AUIPC, JAL, JALR, BRANCH, LOAD, STORE, OP_IMM, OP, OP_IMM_32, OP_32 = (
    0x37, 0x17, 0x6F, 0x67, 0x63, 0x03, 0x23, 0x13, 0x33, 0x1B, 0x3B)
LOADS, STORES = (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3)
#: funct3 of the multiplications and divisions, which are other units' work.
PRODUCTS = {OP: range(8), OP_32: (0, 4, 5, 6, 7)}


def extended(value: Value) -> Value:
    """The low word, sign-extended."""
    return Cat(value[:32], value[31].replicate(32))


class _Instruction(wiring.Component):
    """A word in a slot: the statements of one part."""

    def __init__(self, part: str):
        self.part = part
        super().__init__({
            "word": In(32), "pc": In(64), "x1": In(64), "x2": In(64), "prediction": In(prediction_layout(CONFIG)),
            "before": In(64), "chained": In(2),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = Decoder(config=CONFIG)
        m.submodules.slot = self.slot = slot = Slot(config=CONFIG)
        instruction = slot.operation.instruction
        m.d.comb += [
            decoder.word.eq(self.word),
            instruction.word.eq(self.word),
            instruction.control.eq(decoder.control),
            instruction.value.eq(decoder.value),
            instruction.pc.eq(self.pc),
            instruction.prediction.eq(self.prediction),
            slot.operation.x1.eq(self.x1),
            slot.operation.x2.eq(self.x2),
            slot.operation.chained.eq(self.chained),
            slot.before.eq(self.before),
        ]
        # Addresses are of x1 itself; all else is of what may come from the slot before.
        self.a, self.b = (Mux(chained, self.before, value)
                          for chained, value in zip(self.chained, (self.x1, self.x2), strict=True))
        self.opcode, self.funct3, self.funct7 = self.word[:7], self.word[12:15], self.word[25:]
        getattr(self, f"_{self.part}")(m)
        return m

    def _rows(self, opcode: int) -> list[tuple[Value, Function]]:
        """Integer instructions of an opcode: which words, and what they compute."""
        immediate, word = opcode in (OP_IMM, OP_IMM_32), opcode in (OP_IMM_32, OP_32)
        rows = []
        for (funct3, funct7), function in (WORD_OPERATIONS if word else OPERATIONS).items():
            if not immediate:
                chosen = self.funct7 == funct7
            elif funct3 in SHIFTS:
                chosen = self.word[25 if word else 26:] == funct7 >> (not word)
            elif funct7:
                continue  # there is no subi
            else:
                chosen = Const(1)
            rows.append(((self.opcode == opcode) & (self.funct3 == funct3) & chosen, function))
        return rows

    def _integer(self, m):
        """Results; none of these jumps or traps."""
        upper = extended(Cat(Const(0, 12), self.word[12:]))
        results = [(self.opcode == LUI, upper), (self.opcode == AUIPC, (self.pc + upper)[:64])]
        for opcode in (OP, OP_IMM, OP_32, OP_IMM_32):
            b = extended(self.word.as_signed() >> 20) if opcode in (OP_IMM, OP_IMM_32) else self.b
            word = opcode in (OP_IMM_32, OP_32)
            for chosen, function in self._rows(opcode):
                if word:  # on the low words, and so to the right from bit 31
                    a, amount = self.a[:32], b[:5]
                    results.append((chosen, extended(Cat(function(a, b[:32], amount), Const(0, 32)))))
                else:
                    results.append((chosen, function(self.a, b, b[:6])[:64]))
        for chosen, result in results:
            with m.If(chosen):
                m.d.comb += [
                    Assert(self.slot.result == result),
                    Assert(~self.slot.course.jumps & ~self.slot.course.trap),
                ]

    def _control(self, m):
        """Where branches and jumps lead to, the link, the trap of a bad target, and the verdict on a prediction."""
        word, course = self.word, self.slot.course
        offset_b = extended(Cat(Const(0, 1), word[8:12], word[25:31], word[7], word[31].replicate(20)))
        offset_j = extended(Cat(Const(0, 1), word[21:31], word[20], word[12:20], word[31].replicate(12)))
        jalr = (self.opcode == JALR) & (self.funct3 == 0)
        for chosen, taken, target in (
            *(((self.opcode == BRANCH) & (self.funct3 == funct3), taken(self.a, self.b), self.pc + offset_b)
              for funct3, taken in BRANCHES.items()),
            (self.opcode == JAL, Const(1), self.pc + offset_j),
            (jalr, Const(1), (self.x1 + extended(word.as_signed() >> 20))[:64] & ~1),
        ):
            with m.If(chosen):
                m.d.comb += [
                    Assert(course.jumps == taken),
                    Assert(~taken | (course.target == target[:64])),
                    Assert(course.trap == (taken & target[1])),
                    Assert(~course.trap | ((course.cause == Cause.FETCH_MISALIGNED) & (course.value == target[:64]))),
                ]
        link = (self.pc + 4)[:64]
        with m.If((self.opcode == JAL) | jalr):
            m.d.comb += Assert(self.slot.result == link)
        goes = Mux(course.jumps, course.target, link)
        thought = Mux(self.prediction.taken, SRAM_BASE | Cat(Const(0, 2), self.prediction.target), link)
        with m.If(~course.strays):
            m.d.comb += Assert(goes == thought)
        with m.If((goes == thought) & ~self.prediction.taken):
            m.d.comb += Assert(~course.strays | (course.jumps & (course.target == link)))

    def _memory(self, m):
        """The bytes of an access, a store's data in their lanes, and the traps of addresses on this node."""
        word, access, course = self.word, self.slot.access, self.slot.course
        for opcode, known in ((LOAD, LOADS), (STORE, STORES)):
            with m.If((self.opcode == opcode) & reduce(or_, (self.funct3 == funct3 for funct3 in known))):
                offset = extended(word.as_signed() >> 20 if opcode == LOAD
                                  else Cat(word[7:12], word[25:32], word[31].replicate(20)))
                address, size = (self.x1 + offset)[:64], Const(1) << self.funct3[:2]
                outside = (address < SRAM_BASE) | (address + size > SRAM_BASE + CONFIG.sram_bytes)
                m.d.comb += [
                    Assert(access.address == address),
                    Assert(access.size == size),
                    Assert(access.flat == address[48]),
                ]
                with m.If(~address[48]):
                    faults = Cause.LOAD_ACCESS if opcode == LOAD else Cause.STORE_ACCESS
                    m.d.comb += [
                        Assert(course.trap == outside),
                        Assert(~course.trap | (course.value == address)),
                        Assert(~course.trap | (course.cause == faults)),
                    ]
        # A byte's lane in 8 is the lowest bits of its address.
        with m.If((self.opcode == STORE) & ~course.trap):
            for byte in range(8):
                lane = (access.address[:3] + byte)[:3]
                with m.If((self.funct3 < 4) & (access.size > byte)):
                    m.d.comb += Assert(access.word.word_select(lane, 8) == self.b.word_select(byte, 8))

    def _illegal(self, m):
        """Of the scalar opcodes, whatever is no instruction of RV64IM traps and names itself."""
        legal = Signal()
        known = [
            (self.opcode == LUI) | (self.opcode == AUIPC) | (self.opcode == JAL),
            (self.opcode == JALR) & (self.funct3 == 0),
            *((self.opcode == BRANCH) & (self.funct3 == funct3) for funct3 in BRANCHES),
            *((self.opcode == LOAD) & (self.funct3 == funct3) for funct3 in LOADS),
            *((self.opcode == STORE) & (self.funct3 == funct3) for funct3 in STORES),
            *(chosen for opcode in (OP, OP_IMM, OP_32, OP_IMM_32) for chosen, _ in self._rows(opcode)),
            *((self.opcode == opcode) & (self.funct7 == 1) & (self.funct3 == funct3)
              for opcode, products in PRODUCTS.items() for funct3 in products),
        ]
        course = self.slot.course
        m.d.comb += legal.eq(reduce(or_, known))
        scalar = reduce(or_, (self.opcode == opcode for opcode in (
            LUI, AUIPC, JAL, JALR, BRANCH, LOAD, STORE, OP_IMM, OP, OP_IMM_32, OP_32)))
        with m.If(scalar & ~legal):
            m.d.comb += [
                Assert(course.trap),
                Assert(course.cause == Cause.ILLEGAL),
                Assert(course.value == self.word),
            ]
        with m.If(legal & course.trap):
            m.d.comb += Assert(course.cause != Cause.ILLEGAL)


PROOFS = tuple(
    Proof(name=f"scalar_{part}", states=states, component=lambda part=part: _Instruction(part), mode="bmc", depth=1,
          quick=True, engine="abc")
    for part, states in (
        ("integer", "LUI, AUIPC and every integer instruction of RV64I with a register or an immediate gives what the "
                    "manual says, for all operands, and does not trap"),
        ("control", "every branch and jump of RV64I leads where the manual says, links, and traps if the target is "
                    "misaligned; a prediction that is not called wrong was right"),
        ("memory", "every load and store of RV64I accesses the bytes that the manual says, the data in their lanes; it "
                   "traps if they are not all in the SRAM and in a line, and only then"),
        ("illegal", "of the opcodes of RV64IM, every word that is no instruction traps as illegal and with itself, and "
                    "no instruction does"),
    )
)
