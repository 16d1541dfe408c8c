/* C = A x B: this node's strips of A by its strips of B. The threads take the blocks of C in turn.
 *
 * The host writes `job` and the packed strips, and reads C: for each block, row strip by row strip, its four accumulators as
 * FP32, row by row. `spent` tells it when each thread began and ended.
 */

#include "gemm.h"

/* Where the strips are and where C is to be; bytes of a strip, of all strips of B, and from a block of a thread to its next one; the
 * formats of operands in CFloat8. */
struct job {
    const char *a, *a_end, *b, *b_end;
    char *c;
    uint64_t strip, row, b_stride, c_stride, mformat;
};
D1_LINE_ALIGNED volatile struct job job;

D1_LINE_ALIGNED volatile struct {
    uint64_t start, end;
} spent[D1_THREADS];

/* Part `part` of an accumulator to the register that it is stored from. */
D1_INLINE void read_part(int accumulator, int part)
{
    D1_MREAD(16 + accumulator * D1_PARTS + part, accumulator, part);
}

/* `bytes` further in B, and to the strip of A that this means: blocks of C are counted row by row. */
D1_INLINE void advance(struct job *here, uint64_t bytes)
{
    for (here->b += bytes; here->b >= here->b_end; here->b -= here->row)
        here->a += here->strip;
}

/* The end of a block of C: its last multiplications, and its accumulators to memory, one part a line. An accumulator is read while
 * the next one has its last multiplications, and the thread's next block is found. `fresh` if the block has no others. */
D1_INLINE void finish(struct gemm *next, struct job *here, int fresh)
{
    char *c = here->c;
    D1_UNROLLED(number, 4 * GEMM_UNROLL) {
        gemm_last(next, number, fresh);
        if (number == GEMM_UNROLL - 1) {
            here->c += here->c_stride;
            advance(here, here->b_stride);
        }
        if (number >= GEMM_UNROLL && number % GEMM_UNROLL < D1_PARTS)
            read_part(number / GEMM_UNROLL - 1, number % GEMM_UNROLL);
    }
    D1_UNROLLED(part, D1_PARTS)
        read_part(3, part);
    D1_UNROLLED(part, 4 * D1_PARTS)
        D1_VST(16 + part, c, part * D1_LINE);
}

/* The threads start one after the other, so that they do not leave the matrix unit together at the ends of their blocks; one alone
 * keeps it busy. With turns of 1, 3 and 2 times the steps of a strip, those whose slots are the same stay about half a block apart.
 * The last thread watches the clock, since threads that wait for a semaphore cost no issue slots. */
D1_INLINE void wait_for_turn(int thread)
{
    if (thread == D1_THREADS - 1) {
        uint64_t time = d1_cycle(), steps = job.strip / GEMM_STEP;
        for (int next = 1; next < D1_THREADS; next++) {
            time += next == 2 ? 3 * steps : next == 3 ? 2 * steps : steps;
            while (d1_cycle() < time)
                ;
            if (next < D1_THREADS - 1)
                d1_post(next);
        }
    } else if (thread > 0)
        d1_wait(thread, 1);
}

int main(int thread)
{
    wait_for_turn(thread);
    struct job here = {
        .a = job.a, .a_end = job.a_end, .b = job.b, .b_end = job.b_end, .c = job.c,
        .strip = job.strip, .row = job.row, .b_stride = job.b_stride, .c_stride = job.c_stride,
    };
#ifdef GEMM_CFLOAT8
    D1_CSR_WRITE(D1_CSR_MFORMAT, job.mformat);
#endif
    here.c += thread * GEMM_BLOCK;
    advance(&here, thread * here.strip);
    uint64_t start = d1_cycle();
    while (here.a < here.a_end) {
        struct gemm next;
        gemm_start(&next, here.a, here.b);
        gemm_turns(&next, here.a, here.strip, 1);
        if (__builtin_expect(here.strip == GEMM_UNROLL * GEMM_STEP, 0))
            finish(&next, &here, 1);
        else
            finish(&next, &here, 0);
    }
    spent[thread].end = d1_cycle();
    spent[thread].start = start;
    d1_barrier(thread, D1_THREADS, 0);
    return 0;
}
