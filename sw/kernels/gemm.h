/* Matrix products from packed strips.
 *
 * A strip is what two rows of accumulators (or two columns) need, in the order of use; its lines have D1_LINE bytes. With a block =
 * one operand (BF16 row by row, D1_M x D1_K of A or D1_K x D1_N of B) in a line of its own:
 *
 *   A strip, 2 M rows:    for each step s: block(rows 0 .. M-1,     depth s K ..), block(rows M .. 2M-1, depth s K ..)
 *   B strip, 2 N columns: for each step s: block(columns 0 .. N-1,  depth s K ..), block(columns N .. 2N-1, depth s K ..)
 *
 * With GEMM_CFLOAT8 the operands are in the thread's formats (CSR mformat), each of them a CFloat8, and the two blocks of a step
 * are the halves of one line.
 *
 * Rows, columns and depth are padded with +0; the number of steps is a multiple of GEMM_UNROLL. sim/packing.py packs and unpacks.
 */

#ifndef GEMM_H
#define GEMM_H

#include "d1.h"

/* Steps in the loop, which is a turn, and steps whose operands are in registers. */
#define GEMM_UNROLL 4

/* Lines of one step of a strip of A, and as many of B; bytes of these; bytes of the accumulators of a block of C. */
#ifdef GEMM_CFLOAT8
#define GEMM_LINES 1
#else
#define GEMM_LINES 2
#endif
#define GEMM_STEP (GEMM_LINES * D1_LINE)
#define GEMM_BLOCK (4 * D1_PARTS * D1_LINE)

/* Where the next lines are. */
struct gemm {
    const char *a, *b;
};

/* Line `number` of the strips, which are loaded in turn: A, B, A, B of a step, or A, B. The last GEMM_UNROLL steps are in
 * v0 - v15, or v0 - v7. */
#define GEMM_REGISTER(number) ((number) % (2 * GEMM_LINES * GEMM_UNROLL))
D1_INLINE void gemm_load(struct gemm *next, int number)
{
    if (number % 2 == 0)
        D1_VLD_PI(GEMM_REGISTER(number), next->a, D1_LINE);
    else
        D1_VLD_PI(GEMM_REGISTER(number), next->b, D1_LINE);
}

/* Accumulator 2 i + j += (or, `fresh`, =) rows i M ... by columns j N ... of a step. */
#ifdef GEMM_CFLOAT8
#define GEMM_MULTIPLY(instruction, tile, step) \
    if ((tile) == 0) instruction##_LL(0, GEMM_REGISTER(2 * (step)), GEMM_REGISTER(2 * (step) + 1)); \
    else if ((tile) == 1) instruction##_LH(1, GEMM_REGISTER(2 * (step)), GEMM_REGISTER(2 * (step) + 1)); \
    else if ((tile) == 2) instruction##_HL(2, GEMM_REGISTER(2 * (step)), GEMM_REGISTER(2 * (step) + 1)); \
    else instruction##_HH(3, GEMM_REGISTER(2 * (step)), GEMM_REGISTER(2 * (step) + 1))
#else
#define GEMM_MULTIPLY(instruction, tile, step) \
    instruction##_BF16(tile, GEMM_REGISTER(4 * (step) + (tile) / 2 * 2), GEMM_REGISTER(4 * (step) + (tile) % 2 * 2 + 1))
#endif
D1_INLINE void gemm_multiply(int tile, int step, int fresh)
{
    if (fresh)
        GEMM_MULTIPLY(D1_MMULZ, tile, step);
    else
        GEMM_MULTIPLY(D1_MMUL, tile, step);
}

/* Lines that the registers hold, of which all but one are there before the first multiplication. */
#define GEMM_HELD (2 * GEMM_LINES * GEMM_UNROLL)

/* Lines that have been loaded before multiplication `number` of a turn: as many as do not take the place of one that is still
 * needed. */
#define GEMM_LOADED(number) (GEMM_HELD - 1 + (GEMM_LINES == 2 ? (number) : (number) / 4 * 2 + ((number) % 4 != 0)))

/* A turn, after whose multiplications come the loads for the next one: one of each is issued in a cycle. */
D1_INLINE void gemm_turn(struct gemm *next, int fresh)
{
    D1_UNROLLED(number, 4 * GEMM_UNROLL) {
        gemm_multiply(number % 4, number / 4, fresh && number < 4);
        D1_UNROLLED(line, 2)
            if (GEMM_LOADED(number) + line < GEMM_LOADED(number + 1))
                gemm_load(next, GEMM_LOADED(number) + line);
    }
}

/* The first loads of a product of two strips. */
D1_INLINE void gemm_start(struct gemm *next, const char *a, const char *b)
{
    *next = (struct gemm){a, b};
    D1_UNROLLED(number, GEMM_HELD - 1)
        gemm_load(next, number);
}

/* Then all multiplications of strips of `bytes` bytes but the last turn's. Accumulators 0 .. 3 begin with 0 if the product is `fresh`;
 * then it has more than one turn. */
D1_INLINE void gemm_turns(struct gemm *next, const char *a, uint64_t bytes, int fresh)
{
    const char *end = a + bytes;
    if (fresh)
        gemm_turn(next, 1);
    while (next->a != end)
        gemm_turn(next, 0);
}

/* Then multiplication `number` = 0 .. 4 GEMM_UNROLL - 1 of the last turn: accumulator t has its sum after 4 (t + 1) of them.
 * `fresh` if these steps are the product's first ones, too. */
D1_INLINE void gemm_last(struct gemm *next, int number, int fresh)
{
    gemm_multiply(number / GEMM_UNROLL, number % GEMM_UNROLL, fresh && number % GEMM_UNROLL == 0);
    if (number == 0)
        gemm_load(next, GEMM_HELD - 1);
}

/* Accumulators 0 .. 3 = (`fresh`) or += a strip of A x a strip of B, of `steps` steps: a multiple of GEMM_UNROLL, and not 0. */
D1_INLINE void gemm(const char *a, const char *b, uint64_t steps, int fresh)
{
    struct gemm next;
    gemm_start(&next, a, b);
    if (fresh && steps == GEMM_UNROLL) {
        D1_UNROLLED(number, 4 * GEMM_UNROLL)
            gemm_last(&next, number, 1);
    } else {
        gemm_turns(&next, a, steps * GEMM_STEP, fresh);
        D1_UNROLLED(number, 4 * GEMM_UNROLL)
            gemm_last(&next, number, 0);
    }
}

#endif
