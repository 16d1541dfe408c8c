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

/* Steps in the loop. */
#define GEMM_UNROLL 4

/* Bytes of one step of a strip, and of the accumulators of a block of C. */
#define GEMM_STEP (2 * D1_LINE)
#define GEMM_BLOCK (4 * D1_PARTS * D1_LINE)

/* The accumulators of a block of C, 2 x 2: accumulator 2 i + j has the rows i M ... and the columns j N ... of the block. Operand
 * t of a step is the rows t / 2 of A, if t is even, or the columns t / 2 of B. Steps take turns with v0-v3 and v4-v7. */
#define GEMM_REGISTER(step, operand) (4 * ((step) & 1) + (operand))
#define GEMM_LOAD(step, operand) \
    if ((operand) % 2 == 0) D1_VLD_PI(GEMM_REGISTER(step, operand), a, D1_LINE); \
    else D1_VLD_PI(GEMM_REGISTER(step, operand), b, D1_LINE)

/* GEMM_UNROLL steps, whose first one has its operands, and the loads for the one behind them. Loads and multiplications take turns, since
 * one of each is issued in a cycle. With `fresh` the sums start with the first step. */
#define GEMM_STEPS(fresh) \
    D1_UNROLLED(step, GEMM_UNROLL) \
        D1_UNROLLED(tile, 4) { \
            GEMM_LOAD(step + 1, tile); \
            if ((fresh) && step == 0) \
                D1_MMULZ_BF16(tile, GEMM_REGISTER(step, tile / 2 * 2), GEMM_REGISTER(step, tile % 2 * 2 + 1)); \
            else \
                D1_MMUL_BF16(tile, GEMM_REGISTER(step, tile / 2 * 2), GEMM_REGISTER(step, tile % 2 * 2 + 1)); \
        }

/* Accumulators 0 .. 3 = (`fresh`) or += `steps` steps of a strip of A x a strip of B. `steps` is a multiple of GEMM_UNROLL, and not
 * 0. One more step is read, and not used, so that loads never wait for the loop. */
D1_INLINE void gemm(const char *a, const char *b, uint64_t steps, int fresh)
{
    const char *end = a + steps * GEMM_STEP + GEMM_STEP;
    D1_UNROLLED(operand, 4)
        GEMM_LOAD(0, operand);
    if (fresh)
        GEMM_STEPS(1)
    while (a != end)
        GEMM_STEPS(0)
}

#endif
