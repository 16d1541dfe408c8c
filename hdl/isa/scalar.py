"""The rows of RV64IM, Zicsr, Zifencei, Zaamo and Zacas."""

from .functions import Alu, Atomic, Branch, Csr, Format, Memory, MulDiv, Source, System, Unit
from .instruction import Instruction, make_row


def scalar_rows() -> list[Instruction]:
    """All of them, in the order of the reference page."""
    rows = [
        make_row("lui", "rd, imm", Format.U_TYPE, 0x37, Unit.ALU, Alu.ADD, "rd = imm", source=Source.ZERO),
        make_row("auipc", "rd, imm", Format.U_TYPE, 0x17, Unit.ALU, Alu.ADD, "rd = pc + imm", source=Source.PC),
        make_row("jal", "rd, imm", Format.J_TYPE, 0x6F, Unit.BRANCH, Branch.JAL, "rd = pc + 4; pc = pc + imm"),
        make_row("jalr", "rd, imm(rs1)", Format.I_TYPE, 0x67, Unit.BRANCH, Branch.JALR,
                 "t = (rs1 + imm) & ~1; rd = pc + 4; pc = t", funct3=0),
    ]
    for branch, test in (
        (Branch.BEQ, "rs1 == rs2"), (Branch.BNE, "rs1 != rs2"), (Branch.BLT, "rs1 < rs2, signed"),
        (Branch.BGE, "rs1 >= rs2, signed"), (Branch.BLTU, "rs1 < rs2, unsigned"), (Branch.BGEU, "rs1 >= rs2, unsigned"),
    ):
        rows.append(make_row(branch.name.lower(), "rs1, rs2, imm", Format.B_TYPE, 0x63, Unit.BRANCH, branch,
                             f"if {test}: pc = pc + imm", funct3=branch.value))
    for load in (Memory.LB, Memory.LH, Memory.LW, Memory.LD, Memory.LBU, Memory.LHU, Memory.LWU):
        extend = "zero" if load.name.endswith("U") else "sign"
        rows.append(make_row(load.name.lower(), "rd, imm(rs1)", Format.I_TYPE, 0x03, Unit.MEMORY, load,
                             f"rd = {extend}-extended {8 << (load.value & 3)} bits at rs1 + imm", funct3=load.value))
    for store in (Memory.SB, Memory.SH, Memory.SW, Memory.SD):
        rows.append(make_row(store.name.lower(), "rs2, imm(rs1)", Format.S_TYPE, 0x23, Unit.MEMORY, store,
                             f"{8 << (store.value & 3)} bits at rs1 + imm = rs2", funct3=store.value & 3))
    meanings = {
        Alu.ADD: "rs1 + {b}", Alu.SUB: "rs1 - {b}", Alu.SLL: "rs1 << {b}", Alu.SLT: "rs1 < {b}, signed",
        Alu.SLTU: "rs1 < {b}, unsigned", Alu.XOR: "rs1 ^ {b}", Alu.SRL: "rs1 >> {b}, zeros in",
        Alu.SRA: "rs1 >> {b}, sign in", Alu.OR: "rs1 | {b}", Alu.AND: "rs1 & {b}",
    }
    funct3 = {Alu.ADD: 0, Alu.SUB: 0, Alu.SLL: 1, Alu.SLT: 2, Alu.SLTU: 3, Alu.XOR: 4, Alu.SRL: 5, Alu.SRA: 5,
              Alu.OR: 6, Alu.AND: 7}
    shifts = (Alu.SLL, Alu.SRL, Alu.SRA)
    for alu, meaning in meanings.items():
        name, high = alu.name.lower(), 0x20 if alu in (Alu.SUB, Alu.SRA) else 0
        by_register = meaning.format(b="rs2[5:0]" if alu in shifts else "rs2")
        rows.append(make_row(name, "rd, rs1, rs2", Format.R_TYPE, 0x33, Unit.ALU, alu, f"rd = {by_register}",
                             funct3=funct3[alu], funct7=high))
        if alu in shifts:
            rows.append(make_row(f"{name}i", "rd, rs1, imm", Format.SHIFT, 0x13, Unit.ALU, alu,
                                 f"rd = {meaning.format(b='imm')}", funct3=funct3[alu], funct6=high >> 1))
        elif alu is not Alu.SUB:
            immediate_name = "sltiu" if alu is Alu.SLTU else f"{name}i"
            rows.append(make_row(immediate_name, "rd, rs1, imm", Format.I_TYPE, 0x13, Unit.ALU, alu,
                                 f"rd = {meaning.format(b='imm')}", funct3=funct3[alu]))
    for alu in (Alu.ADD, Alu.SUB, *shifts):
        name, high = alu.name.lower(), 0x20 if alu in (Alu.SUB, Alu.SRA) else 0
        low = "rs2[4:0]" if alu in shifts else "rs2"
        rows.append(make_row(f"{name}w", "rd, rs1, rs2", Format.R_TYPE, 0x3B, Unit.ALU, alu,
                             f"rd = {meanings[alu].format(b=low)} on 32 bits, sign-extended",
                             funct3=funct3[alu], funct7=high, word=True))
        if alu is not Alu.SUB:
            fields = {"funct7": high} if alu in shifts else {}
            rows.append(make_row(f"{name}iw", "rd, rs1, imm", Format.SHIFTW if alu in shifts else Format.I_TYPE, 0x1B,
                                 Unit.ALU, alu, f"rd = {meanings[alu].format(b='imm')} on 32 bits, sign-extended",
                                 funct3=funct3[alu], word=True, **fields))
    products = {
        MulDiv.MUL: "low half of rs1 * rs2", MulDiv.MULH: "high half of rs1 * rs2, signed",
        MulDiv.MULHSU: "high half of rs1 * rs2, signed by unsigned",
        MulDiv.MULHU: "high half of rs1 * rs2, unsigned",
        MulDiv.DIV: "rs1 / rs2, signed, towards zero; -1 if rs2 = 0; rs1 if it overflows",
        MulDiv.DIVU: "rs1 / rs2, unsigned; all ones if rs2 = 0",
        MulDiv.REM: "rs1 mod rs2, sign of rs1; rs1 if rs2 = 0; 0 if the quotient overflows",
        MulDiv.REMU: "rs1 mod rs2, unsigned; rs1 if rs2 = 0",
    }
    for function, meaning in products.items():
        rows.append(make_row(function.name.lower(), "rd, rs1, rs2", Format.R_TYPE, 0x33, Unit.MULDIV, function,
                             f"rd = {meaning}", funct3=function.value, funct7=1))
        if function not in (MulDiv.MULH, MulDiv.MULHSU, MulDiv.MULHU):
            rows.append(make_row(f"{function.name.lower()}w", "rd, rs1, rs2", Format.R_TYPE, 0x3B, Unit.MULDIV,
                                 function,
                                 f"rd = {meaning}, on 32 bits, sign-extended", funct3=function.value, funct7=1,
                                 word=True))
    atomics = {
        Atomic.ADD: (0x00, "{m} + {b}"), Atomic.SWAP: (0x01, "{b}"), Atomic.XOR: (0x04, "{m} ^ {b}"),
        Atomic.OR: (0x08, "{m} | {b}"), Atomic.AND: (0x0C, "{m} & {b}"),
        Atomic.MIN: (0x10, "the smaller of {m} and {b}, signed"),
        Atomic.MAX: (0x14, "the larger of {m} and {b}, signed"),
        Atomic.MINU: (0x18, "the smaller of {m} and {b}, unsigned"),
        Atomic.MAXU: (0x1C, "the larger of {m} and {b}, unsigned"),
        Atomic.CAS: (0x05, "{b} if {m} is {d}"),
    }
    for word, letter, bits, low in ((True, "w", 32, "[31:0]"), (False, "d", 64, "")):
        for atomic, (funct5, meaning) in atomics.items():
            result = meaning.format(m="m", b=f"rs2{low}", d=f"rd{low}")
            rows.append(make_row(
                f"amo{atomic.name.lower()}.{letter}", "rd, rs2, (rs1)", Format.R_TYPE, 0x2F, Unit.ATOMIC, atomic,
                f"m = the {bits} bits at rs1; they become {result}; rd = m{', sign-extended' if word else ''}; at once",
                funct3=2 if word else 3, funct5=funct5, word=word))
    names = {Csr.WRITE: ("csrrw", "{b}"), Csr.SET: ("csrrs", "csr | {b}"), Csr.CLEAR: ("csrrc", "csr & ~{b}")}
    for function, (name, meaning) in names.items():
        rows.append(make_row(name, "rd, csr, rs1", Format.CSR, 0x73, Unit.CSR, function,
                             f"rd = csr; csr = {meaning.format(b='rs1')}", funct3=function.value))
        rows.append(make_row(f"{name}i", "rd, csr, imm", Format.CSRI, 0x73, Unit.CSR, function,
                             f"rd = csr; csr = {meaning.format(b='imm')}", funct3=function.value | 4))
    return rows + [
        make_row("fence", "", Format.FIXED, 0x0F, Unit.SYSTEM, System.FENCE,
                 "wait until this thread's loads and stores have been done, those at other nodes included", funct3=0),
        make_row("fence.i", "", Format.FIXED, 0x0F, Unit.SYSTEM, System.FENCE_I,
                 "as fence; then forget the instructions that this thread has fetched", funct3=1),
        make_row("ecall", "", Format.FIXED, 0x73, Unit.SYSTEM, System.ECALL, "trap, cause 11",
                 funct3=0, funct7=0, rd=0, rs1=0, rs2=0),
        make_row("ebreak", "", Format.FIXED, 0x73, Unit.SYSTEM, System.EBREAK, "trap, cause 3",
                 funct3=0, funct7=0, rd=0, rs1=0, rs2=1),
        make_row("mret", "", Format.FIXED, 0x73, Unit.SYSTEM, System.MRET,
                 "pc = mepc; mstatus.MIE = mstatus.MPIE; mstatus.MPIE = 1", funct3=0, funct7=0x18, rd=0, rs1=0, rs2=2),
        make_row("wfi", "", Format.FIXED, 0x73, Unit.SYSTEM, System.WFI, "nothing (there are no interrupts)",
                 funct3=0, funct7=0x08, rd=0, rs1=0, rs2=5),
    ]
