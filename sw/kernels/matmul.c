/* C = A x B: this node's strips of A by its strips of B. The threads take the blocks of C in turn.
 *
 * The host writes `job` and the packed strips, and reads C: for each block, row strip by row strip, its four accumulators as
 * FP32, row by row. `spent` tells it when each thread began and ended.
 */

#include "gemm.h"

D1_LINE_ALIGNED volatile struct {
    uint64_t a, b, c;
    uint64_t row_strips, column_strips, steps;
} job;

D1_LINE_ALIGNED volatile struct {
    uint64_t start, end;
} spent[D1_THREADS];

/* Accumulators 0 .. 3 to memory, one part a line. */
D1_INLINE void store_block(char *c)
{
    D1_UNROLLED(part, 4 * D1_PARTS)
        D1_MREAD(16 + part, part / D1_PARTS, part % D1_PARTS);
    D1_UNROLLED(part, 4 * D1_PARTS)
        D1_VST(16 + part, c, part * D1_LINE);
}

int main(int thread)
{
    uint64_t columns = job.column_strips, rows = job.row_strips, steps = job.steps;
    uint64_t strip = steps * GEMM_STEP;
    uint64_t start = d1_cycle();
    spent[thread].start = start;
    /* A quarter of a block apart, the threads do not all leave the matrix unit at the ends of their blocks together; one alone keeps it
     * busy at the start. */
    while (d1_cycle() - start < thread * steps * 4)
        ;
    uint64_t row = 0, column = thread;
    char *c = (char *)job.c + thread * GEMM_BLOCK;
    for (;;) {
        while (column >= columns) {
            column -= columns;
            row++;
        }
        if (row >= rows)
            break;
        gemm((const char *)job.a + row * strip, (const char *)job.b + column * strip, steps, 1);
        store_block(c);
        column += D1_THREADS;
        c += D1_THREADS * GEMM_BLOCK;
    }
    spent[thread].end = d1_cycle();
    d1_barrier(thread, D1_THREADS, 0);
    return 0;
}
