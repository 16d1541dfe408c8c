/* Matrix products from packed strips.
 *
 * A strip is what two rows of accumulators (or two columns) need, in the order of use. With a block = one operand in its own
 * line (D1_LINE bytes; BF16 row by row, D1_M x D1_K of A or D1_K x D1_N of B):
 *
 *   A strip, 2 M rows:    for each step s: block(rows 0 .. M-1,     depth s K ..), block(rows M .. 2M-1, depth s K ..)
 *   B strip, 2 N columns: for each step s: block(columns 0 .. N-1,  depth s K ..), block(columns N .. 2N-1, depth s K ..)
 *
 * Rows, columns and depth are padded with +0; the number of steps is a multiple of GEMM_UNROLL. sim/packing.py packs and unpacks.
 */

#ifndef GEMM_H
#define GEMM_H

#include "d1.h"

/* Steps in the loop: 4 x 8 instructions and three more stay within the lines of instructions that a thread keeps. */
#define GEMM_UNROLL 4

/* Bytes of one step of a strip, and of the accumulators of a block of C. */
#define GEMM_STEP (2 * D1_LINE)
#define GEMM_BLOCK (4 * D1_PARTS * D1_LINE)

/* The 2 x 2 accumulators of a block of C: accumulator 2 i + j has the rows i M ... and the columns j N ... of the block. */
D1_INLINE void gemm_zero(void)
{
    D1_UNROLLED(accumulator, 4)
        D1_MZERO(accumulator);
}

/* Registers v0-v3 and v4-v7 take turns, so that a load is issued eight instructions before its use. */
#define GEMM_REGISTER(step, operand) (4 * ((step) & 1) + (operand))

/* Accumulators 0 .. 3 += `steps` steps of a strip of A x a strip of B; `steps` is a multiple of GEMM_UNROLL, and not 0. */
D1_INLINE void gemm_add(const char *a, const char *b, uint64_t steps)
{
    const char *end = a + steps * GEMM_STEP;
    do {
        D1_UNROLLED(step, GEMM_UNROLL + 1) {
            if (step < GEMM_UNROLL)
                D1_UNROLLED(tile, 2) {
                    D1_VLD(GEMM_REGISTER(step, tile), a, step * GEMM_STEP + tile * D1_LINE);
                    D1_VLD(GEMM_REGISTER(step, 2 + tile), b, step * GEMM_STEP + tile * D1_LINE);
                }
            if (step > 0)
                D1_UNROLLED(tile, 4)
                    D1_MMUL_BF16(tile, GEMM_REGISTER(step - 1, tile / 2), GEMM_REGISTER(step - 1, 2 + tile % 2));
        }
        a += GEMM_UNROLL * GEMM_STEP;
        b += GEMM_UNROLL * GEMM_STEP;
        /* Otherwise the compiler keeps a third register, to count steps. */
        __asm__("" : "+r"(a));
    } while (a != end);
}

#endif
