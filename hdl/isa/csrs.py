"""Control and status registers, and causes of traps."""

from enum import IntEnum


class Cause(IntEnum):
    """Values of mcause. Those from 24 on are in RISC-V's range for custom use."""

    FETCH_MISALIGNED = 0
    FETCH_ACCESS = 1
    ILLEGAL = 2
    BREAKPOINT = 3
    LOAD_MISALIGNED = 4
    LOAD_ACCESS = 5
    STORE_MISALIGNED = 6
    STORE_ACCESS = 7
    ECALL = 11
    HARDWARE_ERROR = 19
    SEMAPHORE_RANGE = 24


#: What each cause means and what mtval holds.
CAUSES: dict[Cause, tuple[str, str]] = {
    Cause.FETCH_MISALIGNED: ("instruction address not a multiple of 4", "the target address"),
    Cause.FETCH_ACCESS: ("instruction address outside the SRAM", "the address"),
    Cause.ILLEGAL: ("illegal instruction", "the instruction word"),
    Cause.BREAKPOINT: ("ebreak", "0"),
    Cause.LOAD_MISALIGNED: ("misaligned vector load, or a load from a node that crosses a line", "the address"),
    Cause.LOAD_ACCESS: ("load from an address outside the SRAM, or one that its node refused", "the address"),
    Cause.STORE_MISALIGNED: ("misaligned vector store, atomic or list, or a store to a node that crosses a line",
                             "the address"),
    Cause.STORE_ACCESS: ("store, atomic, list or remote post to an address outside the SRAM or the mesh, or one that "
                         "its node refused", "the address"),
    Cause.ECALL: ("ecall", "0"),
    Cause.HARDWARE_ERROR: ("uncorrectable memory error in what an earlier load read, or in the instruction's line",
                           "the load's address, or pc"),
    Cause.SEMAPHORE_RANGE: ("semaphore number out of range", "rs1"),
}


class CsrNumber(IntEnum):
    """Numbers of the control and status registers."""

    MSTATUS = 0x300
    MISA = 0x301
    MIE = 0x304
    MTVEC = 0x305
    MSCRATCH = 0x340
    MEPC = 0x341
    MCAUSE = 0x342
    MTVAL = 0x343
    MIP = 0x344
    TSELECT = 0x7A0
    TDATA1 = 0x7A1
    TDATA2 = 0x7A2
    MCYCLE = 0xB00
    MINSTRET = 0xB02
    CYCLE = 0xC00
    INSTRET = 0xC02
    MVENDORID = 0xF11
    MARCHID = 0xF12
    MIMPID = 0xF13
    MHARTID = 0xF14
    VFORMAT = 0x800
    MFORMAT = 0x801
    VTILE = 0x802
    DSCRATCH0 = 0x7B2
    MNODE = 0xFC0
    MMESH = 0xFC1


#: misa: MXL = 2 (64 bits), extensions I, M and X (non-standard, Xd1).
MISA = 2 << 62 | 1 << (ord("I") - ord("A")) | 1 << (ord("M") - ord("A")) | 1 << (ord("X") - ord("A"))

#: Each CSR's writable bits and meaning. Bits that are not writable keep their value; a write to a CSR whose number
#: has both top bits set is illegal (RISC-V), and so is one of a format or a rounding that docs/numerics.md leaves
#: undefined.
CSRS: dict[CsrNumber, tuple[int, str]] = {
    CsrNumber.MSTATUS: (0x88, "MIE (3) and MPIE (7) can be written and have no effect, MPP (12:11) reads 3, others 0"),
    CsrNumber.MISA: (0, "RV64IM with X"),
    CsrNumber.MIE: (0, "0: there are no interrupts"),
    CsrNumber.MTVEC: ((1 << 64) - 4, "trap handler; while it is 0 a trap stops the thread and reports to the host"),
    CsrNumber.MSCRATCH: ((1 << 64) - 1, "scratch"),
    CsrNumber.MEPC: ((1 << 64) - 4, "pc of the trap"),
    CsrNumber.MCAUSE: ((1 << 64) - 1, "cause of the trap"),
    CsrNumber.MTVAL: ((1 << 64) - 1, "address or instruction of the trap"),
    CsrNumber.MIP: (0, "0: there are no interrupts"),
    CsrNumber.TSELECT: (0, "0: there are no triggers"),
    CsrNumber.TDATA1: (0, "0: there are no triggers"),
    CsrNumber.TDATA2: (0, "0: there are no triggers"),
    CsrNumber.MCYCLE: (0, "cycles since reset; writes are ignored (the counter is the node's)"),
    CsrNumber.MINSTRET: ((1 << 64) - 1, "instructions this thread has retired before this one since reset, or counted "
                         "from what was written, which the next instruction reads"),
    CsrNumber.CYCLE: (0, "as mcycle"),
    CsrNumber.INSTRET: (0, "as minstret"),
    CsrNumber.MVENDORID: (0, "0"),
    CsrNumber.MARCHID: (0, "0"),
    CsrNumber.MIMPID: (0, "0"),
    CsrNumber.MHARTID: (0, "((y - 1) x columns + x) x threads + thread"),
    CsrNumber.VFORMAT: ((1 << 23) - 1, "conversions: format of the source [3:0] and of the target [7:4], bias of the "
                        "source [13:8] and of the target [19:14], denormals [20], rounding [22:21]; codes: "
                        "docs/numerics.md"),
    CsrNumber.MFORMAT: (0x07FF07FF, "matrix operands: format [3:0] (BF16 or a CFloat8), bias [9:4] and denormals [10] "
                        "of A, the same 16 bits higher of B"),
    CsrNumber.VTILE: ((1 << 64) - 1, "array of vld.2d: rows [15:0], bytes of a row [31:16], bytes from a row to the "
                      "next [63:32]"),
    CsrNumber.DSCRATCH0: ((1 << 64) - 1, "the thread's register DATA, by which the host exchanges values with it"),
    CsrNumber.MNODE: (0, "this node's mesh column x [7:0] and row y [15:8]"),
    CsrNumber.MMESH: (0, "the mesh's columns [7:0] and rows [15:8]"),
}
