/* Where every thread starts: its own stack, then d1_start(thread) of start.c, which does not return. */

#define SRAM_END (0x80000000 + D1_SRAM_BYTES)

    .globl d1_stacks
    .set d1_stacks, SRAM_END - D1_THREADS * D1_STACK_BYTES

    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    csrr    a0, mhartid
    andi    a0, a0, D1_THREADS - 1
    li      sp, SRAM_END
    li      t0, D1_STACK_BYTES
    mul     t0, t0, a0
    sub     sp, sp, t0
    tail    d1_start
