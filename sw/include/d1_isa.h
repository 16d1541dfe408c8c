/* Xd1, the CSRs and the address map for C and assembly. Generated from hdl/isa/ by `python -m sim header`; do not
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
#define D1_THREAD_DATA 0x30
#define D1_THREAD_INSTRUCTION 0x38

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
#define D1_NODE_INSTRUCTIONS 0x130
#define D1_NODE_INTEGER_OPS 0x138
#define D1_NODE_MULDIV_OPS 0x140
#define D1_NODE_LOADS 0x148
#define D1_NODE_STORES 0x150
#define D1_NODE_BRANCHES 0x158
#define D1_NODE_MISPREDICTIONS 0x160
#define D1_NODE_FETCH_MISSES 0x168
#define D1_NODE_SRAM_WAITS_FETCH 0x170
#define D1_NODE_SRAM_WAITS_CORE 0x178
#define D1_NODE_SRAM_WAITS_MESH 0x180

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
#define D1_CSR_TSELECT 0x7a0
#define D1_CSR_TDATA1 0x7a1
#define D1_CSR_TDATA2 0x7a2
#define D1_CSR_MCYCLE 0xb00
#define D1_CSR_MINSTRET 0xb02
#define D1_CSR_CYCLE 0xc00
#define D1_CSR_INSTRET 0xc02
#define D1_CSR_MVENDORID 0xf11
#define D1_CSR_MARCHID 0xf12
#define D1_CSR_MIMPID 0xf13
#define D1_CSR_MHARTID 0xf14
#define D1_CSR_VFORMAT 0x800
#define D1_CSR_MFORMAT 0x801
#define D1_CSR_VTILE 0x802
#define D1_CSR_DSCRATCH0 0x7b2
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

/* vld.pi vd, (rs1), imm: vd = the line at rs1, aligned as for vld; then rs1 = rs1 + imm */
#define D1_VLD_PI(vd, pointer, increment) \
    __asm__ volatile(".insn i 0xb, 3, x%1, %2(%0)" : "+r"(pointer) : "i"(vd), "i"(increment) : "memory")

/* vst.pi vs2, (rs1), imm: the line at rs1, aligned as for vld, = vs2; then rs1 = rs1 + imm */
#define D1_VST_PI(vs2, pointer, increment) \
    __asm__ volatile(".insn s 0x2b, 3, x%1, %2(%0)" : "+r"(pointer) : "i"(vs2), "i"(increment) : "memory")

/* put.d rs2, imm(rs1): posted store: the 64 bits at rs1 + imm, at any node, will be rs2; nobody waits for that */
#define D1_PUT_D(value, address, offset) \
    __asm__ volatile(".insn s 0x2b, 1, %0, %1(%2)" :: "r"((uint64_t)(value)), "i"(offset), "r"((uint64_t)(address)) : "memory")

/* vput vs2, imm(rs1): posted store: the line at rs1 + imm, at any node, will be vs2; aligned as for vld */
#define D1_VPUT(vs2, address, offset) \
    __asm__ volatile(".insn s 0x2b, 2, x%0, %1(%2)" :: "i"(vs2), "i"(offset), "r"((uint64_t)(address)) : "memory")

/* vld.m vd, (rs1), mask: as vld from rs1, of this node; bytes whose bits of the predicate are clear become 0 */
#define D1_VLD_M(vd, pointer, mask) \
    __asm__ volatile(".insn r 0xb, 1, 0 + %0, x%1, %2, x0" :: "i"(mask), "i"(vd), "r"((uint64_t)(pointer)) : "memory")

/* vst.m vs2, (rs1), mask: as vst to rs1, of this node; bytes whose bits of the predicate are clear are not written */
#define D1_VST_M(vs2, pointer, mask) \
    __asm__ volatile(".insn r 0x2b, 4, 0 + %0, x0, %1, x%2" :: "i"(mask), "r"((uint64_t)(pointer)), "i"(vs2) : "memory")

/* vgather.w vd, (rs1), vs2, mask: each 32-bit lane i that the predicate has, in their order: vd = the 32 bits at rs1
 * + vs2's lane i, unsigned; other lanes become 0 */
#define D1_VGATHER_W(vd, pointer, vs2, mask) \
    __asm__ volatile(".insn r 0xb, 2, 0 + %0, x%1, %2, x%3" :: "i"(mask), "i"(vd), "r"((uint64_t)(pointer)), "i"(vs2) : "memory")

/* vldst.w vd, (rs1), rs2, mask: each 32-bit lane i that the predicate has, in their order: vd = the 32 bits at rs1 +
 * i x rs2; other lanes become 0 */
#define D1_VLDST_W(vd, pointer, stride, mask) \
    __asm__ volatile(".insn r 0xb, 2, 8 + %0, x%1, %2, %3" :: "i"(mask), "i"(vd), "r"((uint64_t)(pointer)), "r"((uint64_t)(stride)) : "memory")

/* vld.2d vd, (rs1), rs2, mask: each byte i that the predicate has: vd = byte c + i of row r of the array at rs1 that
 * the CSR vtile describes, c = rs2[31:0] and r = rs2[63:32], both signed; 0 outside of the array */
#define D1_VLD_2D(vd, array, place, mask) \
    __asm__ volatile(".insn r 0xb, 2, 16 + %0, x%1, %2, %3" :: "i"(mask), "i"(vd), "r"((uint64_t)(array)), "r"((uint64_t)(place)) : "memory")

/* vscatter.w vs3, (rs1), vs2, mask: each 32-bit lane i that the predicate has, in their order: the 32 bits at rs1 +
 * vs2's lane i, unsigned = vs3 */
#define D1_VSCATTER_W(vs3, pointer, vs2, mask) \
    __asm__ volatile(".insn r 0x2b, 5, 0 + %0, x%1, %2, x%3" :: "i"(mask), "i"(vs3), "r"((uint64_t)(pointer)), "i"(vs2) : "memory")

/* vstst.w vs3, (rs1), rs2, mask: each 32-bit lane i that the predicate has, in their order: the 32 bits at rs1 + i x
 * rs2 = vs3 */
#define D1_VSTST_W(vs3, pointer, stride, mask) \
    __asm__ volatile(".insn r 0x2b, 5, 8 + %0, x%1, %2, %3" :: "i"(mask), "i"(vs3), "r"((uint64_t)(pointer)), "r"((uint64_t)(stride)) : "memory")

/* vadd.s vd, vs1, vs2: each FP32 lane: vd = vs1 + vs2 */
#define D1_VADD_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsub.s vd, vs1, vs2: each FP32 lane: vd = vs1 - vs2 */
#define D1_VSUB_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 1, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmul.s vd, vs1, vs2: each FP32 lane: vd = vs1 * vs2 */
#define D1_VMUL_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 2, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmin.s vd, vs1, vs2: each FP32 lane: vd = minimumNumber(vs1, vs2) */
#define D1_VMIN_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 4, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmax.s vd, vs1, vs2: each FP32 lane: vd = maximumNumber(vs1, vs2) */
#define D1_VMAX_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 5, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* veq.s vd, vs1, vs2: each FP32 lane: vd = all ones if vs1 == vs2, else zeros */
#define D1_VEQ_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 6, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vlt.s vd, vs1, vs2: each FP32 lane: vd = all ones if vs1 < vs2, else zeros */
#define D1_VLT_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 7, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vle.s vd, vs1, vs2: each FP32 lane: vd = all ones if vs1 <= vs2, else zeros */
#define D1_VLE_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 8, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsgnj.s vd, vs1, vs2: each FP32 lane: vd = vs1 with the sign of vs2 */
#define D1_VSGNJ_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 9, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsgnjn.s vd, vs1, vs2: each FP32 lane: vd = vs1 with the opposite of vs2's sign */
#define D1_VSGNJN_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 10, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsgnjx.s vd, vs1, vs2: each FP32 lane: vd = vs1, its sign changed if vs2 is negative */
#define D1_VSGNJX_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 11, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmadd.s vd, vs1, vs2: each FP32 lane: vd = vs1 * vs2 + vd */
#define D1_VMADD_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 16, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmsub.s vd, vs1, vs2: each FP32 lane: vd = vs1 * vs2 - vd */
#define D1_VMSUB_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 17, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vnmsub.s vd, vs1, vs2: each FP32 lane: vd = -(vs1 * vs2) + vd */
#define D1_VNMSUB_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 18, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vnmadd.s vd, vs1, vs2: each FP32 lane: vd = -(vs1 * vs2) - vd */
#define D1_VNMADD_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 0, 19, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vredadd.s vd, vs1: every number of vd = vadd.s of all numbers of vs1: of those that lie half a register apart, then
 * of these results a quarter apart, and so on to neighbours */
#define D1_VREDADD_S(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 0, 64, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmin.s vd, vs1: every number of vd = vmin.s of all numbers of vs1: of those that lie half a register apart, then
 * of these results a quarter apart, and so on to neighbours */
#define D1_VREDMIN_S(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 0, 68, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmax.s vd, vs1: every number of vd = vmax.s of all numbers of vs1: of those that lie half a register apart, then
 * of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAX_S(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 0, 69, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vadd.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1 + vs2 */
#define D1_VADD_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsub.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1 - vs2 */
#define D1_VSUB_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 1, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmul.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1 * vs2 */
#define D1_VMUL_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 2, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmin.bf16 vd, vs1, vs2: each BF16 lane: vd = minimumNumber(vs1, vs2) */
#define D1_VMIN_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 4, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmax.bf16 vd, vs1, vs2: each BF16 lane: vd = maximumNumber(vs1, vs2) */
#define D1_VMAX_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 5, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* veq.bf16 vd, vs1, vs2: each BF16 lane: vd = all ones if vs1 == vs2, else zeros */
#define D1_VEQ_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 6, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vlt.bf16 vd, vs1, vs2: each BF16 lane: vd = all ones if vs1 < vs2, else zeros */
#define D1_VLT_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 7, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vle.bf16 vd, vs1, vs2: each BF16 lane: vd = all ones if vs1 <= vs2, else zeros */
#define D1_VLE_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 8, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsgnj.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1 with the sign of vs2 */
#define D1_VSGNJ_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 9, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsgnjn.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1 with the opposite of vs2's sign */
#define D1_VSGNJN_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 10, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsgnjx.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1, its sign changed if vs2 is negative */
#define D1_VSGNJX_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 11, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmadd.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1 * vs2 + vd */
#define D1_VMADD_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 16, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmsub.bf16 vd, vs1, vs2: each BF16 lane: vd = vs1 * vs2 - vd */
#define D1_VMSUB_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 17, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vnmsub.bf16 vd, vs1, vs2: each BF16 lane: vd = -(vs1 * vs2) + vd */
#define D1_VNMSUB_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 18, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vnmadd.bf16 vd, vs1, vs2: each BF16 lane: vd = -(vs1 * vs2) - vd */
#define D1_VNMADD_BF16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 3, 19, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vredadd.bf16 vd, vs1: every number of vd = vadd.bf16 of all numbers of vs1: of those that lie half a register
 * apart, then of these results a quarter apart, and so on to neighbours */
#define D1_VREDADD_BF16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 3, 64, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmin.bf16 vd, vs1: every number of vd = vmin.bf16 of all numbers of vs1: of those that lie half a register
 * apart, then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMIN_BF16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 3, 68, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmax.bf16 vd, vs1: every number of vd = vmax.bf16 of all numbers of vs1: of those that lie half a register
 * apart, then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAX_BF16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 3, 69, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vrcp.s vd, vs1: each FP32 lane: vd = about 1 / vs1, as docs/numerics.md says bit for bit */
#define D1_VRCP_S(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 0, 24, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vrsqrt.s vd, vs1: each FP32 lane: vd = about 1 / sqrt(vs1), as docs/numerics.md says bit for bit */
#define D1_VRSQRT_S(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 0, 25, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vexp2.s vd, vs1: each FP32 lane: vd = about 2 ^ vs1, as docs/numerics.md says bit for bit */
#define D1_VEXP2_S(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 0, 26, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vlog2.s vd, vs1: each FP32 lane: vd = about log2(vs1), as docs/numerics.md says bit for bit */
#define D1_VLOG2_S(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 0, 27, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vadd.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 + vs2 */
#define D1_VADD_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsub.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 - vs2 */
#define D1_VSUB_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 1, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vadds.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 + vs2, signed, saturating */
#define D1_VADDS_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 2, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vaddsu.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 + vs2, unsigned, saturating */
#define D1_VADDSU_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 3, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsubs.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 - vs2, signed, saturating */
#define D1_VSUBS_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 4, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsubsu.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 - vs2, unsigned, saturating */
#define D1_VSUBSU_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 5, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmul.i8 vd, vs1, vs2: each 8-bit lane: vd = the low half of vs1 * vs2 */
#define D1_VMUL_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 6, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmulh.i8 vd, vs1, vs2: each 8-bit lane: vd = the high half of vs1 * vs2, signed */
#define D1_VMULH_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 7, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmulhu.i8 vd, vs1, vs2: each 8-bit lane: vd = the high half of vs1 * vs2, unsigned */
#define D1_VMULHU_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 8, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsll.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 << vs2, modulo the width */
#define D1_VSLL_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 9, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsrl.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 >> vs2, modulo the width, zeros in */
#define D1_VSRL_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 10, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsra.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 >> vs2, modulo the width, sign in */
#define D1_VSRA_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 11, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vand.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 & vs2 */
#define D1_VAND_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 12, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vor.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 | vs2 */
#define D1_VOR_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 13, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vxor.i8 vd, vs1, vs2: each 8-bit lane: vd = vs1 ^ vs2 */
#define D1_VXOR_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 14, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* veq.i8 vd, vs1, vs2: each 8-bit lane: vd = all ones if vs1 == vs2, else zeros */
#define D1_VEQ_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 15, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vlt.i8 vd, vs1, vs2: each 8-bit lane: vd = all ones if vs1 < vs2, signed, else zeros */
#define D1_VLT_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 16, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vltu.i8 vd, vs1, vs2: each 8-bit lane: vd = all ones if vs1 < vs2, unsigned, else zeros */
#define D1_VLTU_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 17, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vle.i8 vd, vs1, vs2: each 8-bit lane: vd = all ones if vs1 <= vs2, signed, else zeros */
#define D1_VLE_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 18, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vleu.i8 vd, vs1, vs2: each 8-bit lane: vd = all ones if vs1 <= vs2, unsigned, else zeros */
#define D1_VLEU_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 19, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmin.i8 vd, vs1, vs2: each 8-bit lane: vd = the smaller, signed */
#define D1_VMIN_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 20, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vminu.i8 vd, vs1, vs2: each 8-bit lane: vd = the smaller, unsigned */
#define D1_VMINU_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 21, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmax.i8 vd, vs1, vs2: each 8-bit lane: vd = the larger, signed */
#define D1_VMAX_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 22, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmaxu.i8 vd, vs1, vs2: each 8-bit lane: vd = the larger, unsigned */
#define D1_VMAXU_I8(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 4, 23, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vredadd.i8 vd, vs1: every number of vd = vadd.i8 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDADD_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 64, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredand.i8 vd, vs1: every number of vd = vand.i8 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDAND_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 76, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredor.i8 vd, vs1: every number of vd = vor.i8 of all numbers of vs1: of those that lie half a register apart, then
 * of these results a quarter apart, and so on to neighbours */
#define D1_VREDOR_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 77, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredxor.i8 vd, vs1: every number of vd = vxor.i8 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDXOR_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 78, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmin.i8 vd, vs1: every number of vd = vmin.i8 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMIN_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 84, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredminu.i8 vd, vs1: every number of vd = vminu.i8 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMINU_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 85, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmax.i8 vd, vs1: every number of vd = vmax.i8 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAX_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 86, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmaxu.i8 vd, vs1: every number of vd = vmaxu.i8 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAXU_I8(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 4, 87, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vadd.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 + vs2 */
#define D1_VADD_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsub.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 - vs2 */
#define D1_VSUB_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 1, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vadds.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 + vs2, signed, saturating */
#define D1_VADDS_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 2, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vaddsu.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 + vs2, unsigned, saturating */
#define D1_VADDSU_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 3, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsubs.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 - vs2, signed, saturating */
#define D1_VSUBS_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 4, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsubsu.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 - vs2, unsigned, saturating */
#define D1_VSUBSU_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 5, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmul.i16 vd, vs1, vs2: each 16-bit lane: vd = the low half of vs1 * vs2 */
#define D1_VMUL_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 6, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmulh.i16 vd, vs1, vs2: each 16-bit lane: vd = the high half of vs1 * vs2, signed */
#define D1_VMULH_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 7, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmulhu.i16 vd, vs1, vs2: each 16-bit lane: vd = the high half of vs1 * vs2, unsigned */
#define D1_VMULHU_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 8, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsll.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 << vs2, modulo the width */
#define D1_VSLL_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 9, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsrl.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 >> vs2, modulo the width, zeros in */
#define D1_VSRL_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 10, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsra.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 >> vs2, modulo the width, sign in */
#define D1_VSRA_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 11, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vand.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 & vs2 */
#define D1_VAND_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 12, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vor.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 | vs2 */
#define D1_VOR_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 13, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vxor.i16 vd, vs1, vs2: each 16-bit lane: vd = vs1 ^ vs2 */
#define D1_VXOR_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 14, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* veq.i16 vd, vs1, vs2: each 16-bit lane: vd = all ones if vs1 == vs2, else zeros */
#define D1_VEQ_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 15, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vlt.i16 vd, vs1, vs2: each 16-bit lane: vd = all ones if vs1 < vs2, signed, else zeros */
#define D1_VLT_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 16, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vltu.i16 vd, vs1, vs2: each 16-bit lane: vd = all ones if vs1 < vs2, unsigned, else zeros */
#define D1_VLTU_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 17, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vle.i16 vd, vs1, vs2: each 16-bit lane: vd = all ones if vs1 <= vs2, signed, else zeros */
#define D1_VLE_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 18, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vleu.i16 vd, vs1, vs2: each 16-bit lane: vd = all ones if vs1 <= vs2, unsigned, else zeros */
#define D1_VLEU_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 19, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmin.i16 vd, vs1, vs2: each 16-bit lane: vd = the smaller, signed */
#define D1_VMIN_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 20, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vminu.i16 vd, vs1, vs2: each 16-bit lane: vd = the smaller, unsigned */
#define D1_VMINU_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 21, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmax.i16 vd, vs1, vs2: each 16-bit lane: vd = the larger, signed */
#define D1_VMAX_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 22, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmaxu.i16 vd, vs1, vs2: each 16-bit lane: vd = the larger, unsigned */
#define D1_VMAXU_I16(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 5, 23, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vredadd.i16 vd, vs1: every number of vd = vadd.i16 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDADD_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 64, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredand.i16 vd, vs1: every number of vd = vand.i16 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDAND_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 76, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredor.i16 vd, vs1: every number of vd = vor.i16 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDOR_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 77, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredxor.i16 vd, vs1: every number of vd = vxor.i16 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDXOR_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 78, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmin.i16 vd, vs1: every number of vd = vmin.i16 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMIN_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 84, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredminu.i16 vd, vs1: every number of vd = vminu.i16 of all numbers of vs1: of those that lie half a register
 * apart, then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMINU_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 85, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmax.i16 vd, vs1: every number of vd = vmax.i16 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAX_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 86, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmaxu.i16 vd, vs1: every number of vd = vmaxu.i16 of all numbers of vs1: of those that lie half a register
 * apart, then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAXU_I16(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 5, 87, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vadd.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 + vs2 */
#define D1_VADD_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsub.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 - vs2 */
#define D1_VSUB_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 1, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vadds.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 + vs2, signed, saturating */
#define D1_VADDS_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 2, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vaddsu.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 + vs2, unsigned, saturating */
#define D1_VADDSU_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 3, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsubs.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 - vs2, signed, saturating */
#define D1_VSUBS_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 4, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsubsu.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 - vs2, unsigned, saturating */
#define D1_VSUBSU_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 5, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmul.i32 vd, vs1, vs2: each 32-bit lane: vd = the low half of vs1 * vs2 */
#define D1_VMUL_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 6, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmulh.i32 vd, vs1, vs2: each 32-bit lane: vd = the high half of vs1 * vs2, signed */
#define D1_VMULH_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 7, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmulhu.i32 vd, vs1, vs2: each 32-bit lane: vd = the high half of vs1 * vs2, unsigned */
#define D1_VMULHU_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 8, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsll.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 << vs2, modulo the width */
#define D1_VSLL_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 9, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsrl.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 >> vs2, modulo the width, zeros in */
#define D1_VSRL_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 10, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vsra.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 >> vs2, modulo the width, sign in */
#define D1_VSRA_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 11, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vand.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 & vs2 */
#define D1_VAND_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 12, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vor.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 | vs2 */
#define D1_VOR_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 13, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vxor.i32 vd, vs1, vs2: each 32-bit lane: vd = vs1 ^ vs2 */
#define D1_VXOR_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 14, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* veq.i32 vd, vs1, vs2: each 32-bit lane: vd = all ones if vs1 == vs2, else zeros */
#define D1_VEQ_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 15, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vlt.i32 vd, vs1, vs2: each 32-bit lane: vd = all ones if vs1 < vs2, signed, else zeros */
#define D1_VLT_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 16, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vltu.i32 vd, vs1, vs2: each 32-bit lane: vd = all ones if vs1 < vs2, unsigned, else zeros */
#define D1_VLTU_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 17, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vle.i32 vd, vs1, vs2: each 32-bit lane: vd = all ones if vs1 <= vs2, signed, else zeros */
#define D1_VLE_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 18, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vleu.i32 vd, vs1, vs2: each 32-bit lane: vd = all ones if vs1 <= vs2, unsigned, else zeros */
#define D1_VLEU_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 19, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmin.i32 vd, vs1, vs2: each 32-bit lane: vd = the smaller, signed */
#define D1_VMIN_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 20, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vminu.i32 vd, vs1, vs2: each 32-bit lane: vd = the smaller, unsigned */
#define D1_VMINU_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 21, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmax.i32 vd, vs1, vs2: each 32-bit lane: vd = the larger, signed */
#define D1_VMAX_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 22, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmaxu.i32 vd, vs1, vs2: each 32-bit lane: vd = the larger, unsigned */
#define D1_VMAXU_I32(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 6, 23, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vredadd.i32 vd, vs1: every number of vd = vadd.i32 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDADD_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 64, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredand.i32 vd, vs1: every number of vd = vand.i32 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDAND_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 76, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredor.i32 vd, vs1: every number of vd = vor.i32 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDOR_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 77, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredxor.i32 vd, vs1: every number of vd = vxor.i32 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDXOR_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 78, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmin.i32 vd, vs1: every number of vd = vmin.i32 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMIN_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 84, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredminu.i32 vd, vs1: every number of vd = vminu.i32 of all numbers of vs1: of those that lie half a register
 * apart, then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMINU_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 85, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmax.i32 vd, vs1: every number of vd = vmax.i32 of all numbers of vs1: of those that lie half a register apart,
 * then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAX_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 86, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vredmaxu.i32 vd, vs1: every number of vd = vmaxu.i32 of all numbers of vs1: of those that lie half a register
 * apart, then of these results a quarter apart, and so on to neighbours */
#define D1_VREDMAXU_I32(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 6, 87, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vcvt.bf16.s vd, vs1, vs2: low half of vd = vs1, high half = vs2; each FP32 lane converted to BF16, rounded to
 * nearest even */
#define D1_VCVT_BF16_S(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 1, 0, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vcvt vd, vs1, quarter: as many numbers as there are 32-bit lanes, converted as the thread's CSR vformat says;
 * numbers of less than 32 bits are those of part (quarter mod 32 / bits) of vs1 and of vd, whose other parts stay */
#define D1_VCVT(vd, vs1, quarter) \
    __asm__ volatile(".insn r 0x5b, 1, 1, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(quarter))

/* vseed vd, vs1: vd = the thread's state of the generators of stochastic rounding, 32 bits a lane; that becomes vs1,
 * 0 as 1 */
#define D1_VSEED(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 1, 2, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vbcast.w vd, rs1, rs2: each 32-bit lane of the low half of vd = rs1[31:0], of the high half = rs2[31:0] */
#define D1_VBCAST_W(vd, low, high) \
    __asm__ volatile(".insn r 0x5b, 2, 0, x%0, %1, %2" :: "i"(vd), "r"((uint64_t)(low)), "r"((uint64_t)(high)))

/* vsel vd, vs1, vs2: each bit: vd = vs1 if vd is 1, else vs2; vd is what a comparison gave */
#define D1_VSEL(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 2, 1, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vshuf.w vd, vs1, vs2: each 32-bit lane: vd = the lane of vs1 whose number is in the lane of vs2, modulo their count
 * */
#define D1_VSHUF_W(vd, vs1, vs2) \
    __asm__ volatile(".insn r 0x5b, 2, 2, x%0, x%1, x%2" :: "i"(vd), "i"(vs1), "i"(vs2))

/* vmerge vd, vs1, mask: the bytes of vd whose bits of the predicate are set = those of vs1; the others stay */
#define D1_VMERGE(vd, vs1, mask) \
    __asm__ volatile(".insn r 0x5b, 7, 64 + %0, x%1, x%2, x0" :: "i"(mask), "i"(vd), "i"(vs1))

/* vtrn.b vd, vs1: vd = the transpose of vs1, a matrix of bytes, row by row; if it cannot be square, it is twice as
 * high as wide */
#define D1_VTRN_B(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 2, 8, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vtrn.h vd, vs1: vd = the transpose of vs1, a matrix of 16-bit numbers, row by row; if it cannot be square, it is
 * twice as high as wide */
#define D1_VTRN_H(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 2, 9, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vtrn.hi vd, vs1: vd = the transpose of vs1, a matrix of 16-bit numbers, row by row; if it cannot be square, it is
 * twice as wide as high, so that this undoes vtrn.h */
#define D1_VTRN_HI(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 2, 10, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* vtrn.w vd, vs1: vd = the transpose of vs1, a matrix of 32-bit numbers, row by row; if it cannot be square, it is
 * twice as high as wide */
#define D1_VTRN_W(vd, vs1) \
    __asm__ volatile(".insn r 0x5b, 2, 11, x%0, x%1, x0" :: "i"(vd), "i"(vs1))

/* pand pd, ps1, ps2: pd = ps1 & ps2 */
#define D1_PAND(pd, ps1, ps2) \
    __asm__ volatile(".insn r 0x5b, 7, 0, x%0, x%1, x%2" :: "i"(pd), "i"(ps1), "i"(ps2))

/* por pd, ps1, ps2: pd = ps1 | ps2 */
#define D1_POR(pd, ps1, ps2) \
    __asm__ volatile(".insn r 0x5b, 7, 8, x%0, x%1, x%2" :: "i"(pd), "i"(ps1), "i"(ps2))

/* pxor pd, ps1, ps2: pd = ps1 ^ ps2 */
#define D1_PXOR(pd, ps1, ps2) \
    __asm__ volatile(".insn r 0x5b, 7, 16, x%0, x%1, x%2" :: "i"(pd), "i"(ps1), "i"(ps2))

/* pandn pd, ps1, ps2: pd = ps1 & ~ps2 */
#define D1_PANDN(pd, ps1, ps2) \
    __asm__ volatile(".insn r 0x5b, 7, 24, x%0, x%1, x%2" :: "i"(pd), "i"(ps1), "i"(ps2))

/* pset pd, rs1: bit i of pd = bit i of rs1 */
#define D1_PSET(pd, bits) \
    __asm__ volatile(".insn r 0x5b, 7, 32, x%0, %1, x0" :: "i"(pd), "r"((uint64_t)(bits)))

/* pget rd, ps1: rd = ps1, zero-extended */
#define D1_PGET(rd, ps1) \
    __asm__ volatile(".insn r 0x5b, 7, 40, %0, x%1, x0" : "=r"(rd) : "i"(ps1))

/* psign pd, vs1: bit i of pd = the highest bit of byte i of vs1 */
#define D1_PSIGN(pd, vs1) \
    __asm__ volatile(".insn r 0x5b, 7, 48, x%0, x%1, x0" :: "i"(pd), "i"(vs1))

/* pfirst pd, rs1: bit i of pd = i < rs1, unsigned */
#define D1_PFIRST(pd, count) \
    __asm__ volatile(".insn r 0x5b, 7, 56, x%0, %1, x0" :: "i"(pd), "r"((uint64_t)(count)))

/* mzero ad: accumulator ad = 0 */
#define D1_MZERO(ad) \
    __asm__ volatile(".insn r 0x7b, 0, 0, x%0, x0, x0" :: "i"(ad))

/* mmul.bf16 ad, vs1, vs2: ad[M, N] += vs1[M, K] x vs2[K, N], both row by row in BF16, as docs/numerics.md says bit
 * for bit */
#define D1_MMUL_BF16(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 1, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmulz.bf16 ad, vs1, vs2: ad[M, N] = vs1[M, K] x vs2[K, N]: as mzero and then mmul.bf16, in one step */
#define D1_MMULZ_BF16(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 9, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmul.ll ad, vs1, vs2: as mmul.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the low
 * half of vs1, a CFloat8 B in the low half of vs2 */
#define D1_MMUL_LL(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 16, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmul.hl ad, vs1, vs2: as mmul.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the high
 * half of vs1, a CFloat8 B in the low half of vs2 */
#define D1_MMUL_HL(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 17, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmul.lh ad, vs1, vs2: as mmul.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the low
 * half of vs1, a CFloat8 B in the high half of vs2 */
#define D1_MMUL_LH(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 18, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmul.hh ad, vs1, vs2: as mmul.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the high
 * half of vs1, a CFloat8 B in the high half of vs2 */
#define D1_MMUL_HH(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 19, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmulz.ll ad, vs1, vs2: as mmulz.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the low
 * half of vs1, a CFloat8 B in the low half of vs2 */
#define D1_MMULZ_LL(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 24, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmulz.hl ad, vs1, vs2: as mmulz.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the high
 * half of vs1, a CFloat8 B in the low half of vs2 */
#define D1_MMULZ_HL(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 25, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmulz.lh ad, vs1, vs2: as mmulz.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the low
 * half of vs1, a CFloat8 B in the high half of vs2 */
#define D1_MMULZ_LH(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 26, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mmulz.hh ad, vs1, vs2: as mmulz.bf16, of operands in the thread's formats (CSR mformat); a CFloat8 A is in the high
 * half of vs1, a CFloat8 B in the high half of vs2 */
#define D1_MMULZ_HH(ad, vs1, vs2) \
    __asm__ volatile(".insn r 0x7b, 0, 27, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(vs2))

/* mload ad, vs1, part: the rows of accumulator ad from part x R on, R = the rows that fit, = the FP32 numbers of vs1,
 * exactly */
#define D1_MLOAD(ad, vs1, part) \
    __asm__ volatile(".insn r 0x7b, 0, 3, x%0, x%1, x%2" :: "i"(ad), "i"(vs1), "i"(part))

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

/* sem.try rd, rs1, rs2: rd = 1 and subtract rs2[15:0] from semaphore rs1 of this node if it is at least that, else rd
 * = 0; polls what sem.wait waits for, as the end of a list */
#define D1_SEM_TRY(rd, semaphore, amount) \
    __asm__ volatile(".insn r 0x7b, 2, 2, %0, %1, %2" : "=r"(rd) : "r"((uint64_t)(semaphore)), "r"((uint64_t)(amount)) : "memory")

#endif

#endif
