/* Xd1, the CSRs and the address map for C and assembly. Generated from hdl/isa.py by `python -m sim header`; do not
 * edit.
 *
 * Every Xd1 instruction is a macro. Vector registers, accumulators, parts and offsets are integer constant expressions,
 * e.g. D1_VLD(3, pointer, 64); what stands in integer registers is any expression. The compiler knows nothing of vector
 * registers and accumulators: their contents are the programmer's to keep track of. docs/isa.md says what each
 * instruction does.
 */

#ifndef D1_ISA_H
#define D1_ISA_H

/* Address map of a node (docs/architecture.md) */
#define D1_SRAM_BASE 0x80000000
#define D1_CONTROL_BASE 0x2000000
#define D1_THREAD_BLOCK 0x40
#define D1_NODE_BLOCK 0x1000
#define D1_GLOBAL_FLAG 0x1000000000000

/* Registers in a thread's block */
#define D1_THREAD_PC 0x0
#define D1_THREAD_STATE 0x8
#define D1_THREAD_CAUSE 0x10
#define D1_THREAD_EPC 0x18
#define D1_THREAD_TVAL 0x20
#define D1_THREAD_INSTRET 0x28

/* Values of STATE */
#define D1_STATE_HALTED 0x0
#define D1_STATE_RUNNING 0x1
#define D1_STATE_WAITING 0x2
#define D1_STATE_TRAPPED 0x3

/* Registers in the node's block */
#define D1_NODE_CYCLES 0x0
#define D1_NODE_MATRIX_STEPS 0x8
#define D1_NODE_VECTOR_OPS 0x10
#define D1_NODE_PACKETS_IN 0x18
#define D1_NODE_LATENCY_SUM 0x20
#define D1_NODE_ERRORS 0x28
#define D1_NODE_FIRST_ERROR 0x30
#define D1_NODE_FLITS_NORTH 0x38
#define D1_NODE_FLITS_SOUTH 0x40
#define D1_NODE_FLITS_EAST 0x48
#define D1_NODE_FLITS_WEST 0x50
#define D1_NODE_FLITS_LOCAL 0x58
#define D1_NODE_BUSY_CYCLES 0x60
#define D1_NODE_STALL_CYCLES 0x68
#define D1_NODE_STALLS_NORTH 0x70
#define D1_NODE_STALLS_SOUTH 0x78
#define D1_NODE_STALLS_EAST 0x80
#define D1_NODE_STALLS_WEST 0x88
#define D1_NODE_STALLS_LOCAL 0x90
#define D1_NODE_REFUSED_NORTH 0x98
#define D1_NODE_REFUSED_SOUTH 0xa0
#define D1_NODE_REFUSED_EAST 0xa8
#define D1_NODE_REFUSED_WEST 0xb0
#define D1_NODE_REFUSED_LOCAL 0xb8
#define D1_NODE_ROUTING 0xc0
#define D1_NODE_SRAM_CORRECTED 0x100
#define D1_NODE_SRAM_UNCORRECTABLE 0x108
#define D1_NODE_SRAM_FIRST_CORRECTED 0x110
#define D1_NODE_SRAM_FIRST_UNCORRECTABLE 0x118
#define D1_NODE_SRAM_SCRUB 0x120
#define D1_NODE_SRAM_INJECT 0x128

/* Error codes */
#define D1_ERROR_NONE 0x0
#define D1_ERROR_OP 0x1
#define D1_ERROR_ADDRESS 0x2
#define D1_ERROR_SIZE 0x3
#define D1_ERROR_DESTINATION 0x4
#define D1_ERROR_SEMAPHORE 0x5
#define D1_ERROR_OVERFLOW 0x6
#define D1_ERROR_DESCRIPTOR 0x7
#define D1_ERROR_CHAIN 0x8
#define D1_ERROR_MEMORY 0x9

/* CSRs */
#define D1_CSR_MSTATUS 0x300
#define D1_CSR_MISA 0x301
#define D1_CSR_MIE 0x304
#define D1_CSR_MTVEC 0x305
#define D1_CSR_MSCRATCH 0x340
#define D1_CSR_MEPC 0x341
#define D1_CSR_MCAUSE 0x342
#define D1_CSR_MTVAL 0x343
#define D1_CSR_MIP 0x344
#define D1_CSR_MCYCLE 0xb00
#define D1_CSR_MINSTRET 0xb02
#define D1_CSR_CYCLE 0xc00
#define D1_CSR_INSTRET 0xc02
#define D1_CSR_MVENDORID 0xf11
#define D1_CSR_MARCHID 0xf12
#define D1_CSR_MIMPID 0xf13
#define D1_CSR_MHARTID 0xf14
#define D1_CSR_MNODE 0xfc0
#define D1_CSR_MMESH 0xfc1

/* Values of mcause */
#define D1_CAUSE_FETCH_MISALIGNED 0x0
#define D1_CAUSE_FETCH_ACCESS 0x1
#define D1_CAUSE_ILLEGAL 0x2
#define D1_CAUSE_BREAKPOINT 0x3
#define D1_CAUSE_LOAD_MISALIGNED 0x4
#define D1_CAUSE_LOAD_ACCESS 0x5
#define D1_CAUSE_STORE_MISALIGNED 0x6
#define D1_CAUSE_STORE_ACCESS 0x7
#define D1_CAUSE_ECALL 0xb
#define D1_CAUSE_HARDWARE_ERROR 0x13
#define D1_CAUSE_SEMAPHORE_RANGE 0x18

#ifndef __ASSEMBLER__

#include <stdint.h>

/* Read or write a CSR by its number. */
#define D1_CSR_READ(csr) (__extension__ ({ \
    uint64_t d1_value; \
    __asm__ volatile("csrr %0, %1" : "=r"(d1_value) : "i"(csr)); \
    d1_value; \
}))
#define D1_CSR_WRITE(csr, value) \
    __asm__ volatile("csrw %0, %1" :: "i"(csr), "r"((uint64_t)(value)))

/* A list descriptor; it must be aligned to the line of the node. */
struct d1_list {
    uint64_t source;
    uint64_t destination;
    uint32_t lines;
    uint32_t rows;
    uint32_t source_stride;
    uint32_t destination_stride;
    uint16_t signal;
    uint16_t done;
    uint16_t more_columns;
    uint16_t more_rows;
    uint32_t next;
    uint32_t gather;
    uint8_t reserved[16];
} __attribute__((aligned(64)));

/* vld vd, imm(rs1): vd = the line at rs1 + imm, which must be aligned to a vector register's size */
#define D1_VLD(vd, pointer, offset) \
    __asm__ volatile(".insn i 0xb, 0, x%0, %1(%2)" :: "i"(vd), "i"(offset), "r"((uint64_t)(pointer)) : "memory")

/* vst vs2, imm(rs1): the line at rs1 + imm = vs2; aligned as for vld */
#define D1_VST(vs2, pointer, offset) \
    __asm__ volatile(".insn s 0x2b, 0, x%0, %1(%2)" :: "i"(vs2), "i"(offset), "r"((uint64_t)(pointer)) : "memory")

/* put.d rs2, imm(rs1): posted store: the 64 bits at rs1 + imm, at any node, will be rs2; nobody waits for that */
#define D1_PUT_D(value, address, offset) \
    __asm__ volatile(".insn s 0x2b, 1, %0, %1(%2)" :: "r"((uint64_t)(value)), "i"(offset), "r"((uint64_t)(address)) : "memory")

/* vput vs2, imm(rs1): posted store: the line at rs1 + imm, at any node, will be vs2; aligned as for vld */
#define D1_VPUT(vs2, address, offset) \
    __asm__ volatile(".insn s 0x2b, 2, x%0, %1(%2)" :: "i"(vs2), "i"(offset), "r"((uint64_t)(address)) : "memory")

/* vadd.s vd, vs1, vs2: each FP32 lane: vd = vs1 + vs2, rounded to nearest even */
#define D1_VADD_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmul.s vd, vs1, vs2: each FP32 lane: vd = vs1 * vs2, rounded to nearest even */
#define D1_VMUL_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 2, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmax.s vd, vs1, vs2: each FP32 lane: vd = maximumNumber(vs1, vs2): -0 < +0; the other operand if one is NaN;
 * canonical NaN if both are */
#define D1_VMAX_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 5, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vcvt.bf16.s vd, vs1, vs2: low half of vd = vs1, high half = vs2; each FP32 lane converted to BF16, rounded to
 * nearest even */
#define D1_VCVT_BF16_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 1, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vbcast.w vd, rs1, rs2: each 32-bit lane of the low half of vd = rs1[31:0], of the high half = rs2[31:0] */
#define D1_VBCAST_W(vd, low, high) \
    __asm__ volatile(".insn r 0x5b, 2, 0, x%0, %1, %2" :: "i"(vd), "r"((uint64_t)(low)), "r"((uint64_t)(high)))

/* mzero ad: accumulator ad = 0 */
#define D1_MZERO(ad) \
    __asm__ volatile(".insn r 0x7b, 0, 0, x%0, x0, x0" :: "i"(ad))

/* mmul.bf16 ad, vs1, vs2: ad[M, N] += vs1[M, K] x vs2[K, N], both row by row in BF16, as docs/numerics.md says bit
 * for bit */
#define D1_MMUL_BF16(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 1, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mread vd, as1, part: vd = the rows of accumulator as1 from part x R on, R = the rows that fit; each rounded once to
 * FP32 */
#define D1_MREAD(vd, as1, part) \
    __asm__ volatile(".insn r 0x7b, 0, 2, x%0, x%1, x%2" :: "i"(vd), "i"(as1), "i"(part))

/* list.push rs1: hand the list at rs1 to the engine that sends lines to other nodes; waits while its queue is full
 * and until this thread's loads and stores have been done */
#define D1_LIST_PUSH(descriptor) \
    __asm__ volatile(".insn r 0x7b, 1, 0, x0, %0, x0" :: "r"((uint64_t)(descriptor)) : "memory")

/* list.pull rs1: as list.push, to the engine that fetches lines from other nodes */
#define D1_LIST_PULL(descriptor) \
    __asm__ volatile(".insn r 0x7b, 1, 1, x0, %0, x0" :: "r"((uint64_t)(descriptor)) : "memory")

/* sem.post rs1: add 1 to semaphore rs1[31:0] of this node or, with rs1[48] set, of node x = rs1[39:32], y =
 * rs1[47:40]; waits until this thread's loads and stores have been done */
#define D1_SEM_POST(semaphore) \
    __asm__ volatile(".insn r 0x7b, 2, 0, x0, %0, x0" :: "r"((uint64_t)(semaphore)) : "memory")

/* sem.wait rs1, rs2: wait until semaphore rs1 of this node is at least rs2[15:0], then subtract that; costs no issue
 * slots */
#define D1_SEM_WAIT(semaphore, amount) \
    __asm__ volatile(".insn r 0x7b, 2, 1, x0, %0, %1" :: "r"((uint64_t)(semaphore)), "r"((uint64_t)(amount)) : "memory")

#endif

#endif
