/* C = A x B: this node's strips of A by its strips of B. The threads take the blocks of C in turn.
 *
 * The host writes `job` and the packed strips, and reads C: for each block, row strip by row strip, its four accumulators as
 * FP32, row by row. `spent` tells it when each thread began and ended.
 */

#include "gemm.h"

/* Where the strips are and where C is to be; bytes of a strip and of all strips of B. From a block of a thread to its next one: bytes in
 * A, B and C. How many blocks there are, and what threads start apart; the formats of operands in CFloat8. */
struct job {
    const char *a, *a_end, *b, *b_end;
    char *c;
    uint64_t strip, row, a_stride, b_stride, c_stride;
    uint64_t blocks, pause;
    uint64_t mformat;
};
D1_LINE_ALIGNED volatile struct job job;

/* Of threads that have blocks. */
D1_LINE_ALIGNED volatile struct {
    uint64_t start, end;
} spent[D1_THREADS];

/* Part `part` of an accumulator to the register that it is stored from. */
D1_INLINE void read_part(int accumulator, int part)
{
    D1_MREAD(16 + accumulator * D1_PARTS + part, accumulator, part);
}

/* From behind the last column of blocks of C to the next row, if need be. */
D1_INLINE int wrap(struct job *here)
{
    if (here->b < here->b_end)
        return 0;
    here->a += here->strip;
    here->b -= here->row;
    return 1;
}

/* The end of a block of C: its last multiplications, and its accumulators to memory, one part a line. An accumulator is read while
 * the next one has its last multiplications, and the thread's next block is found. Its first lines are loaded beside the last reads and the
 * stores, which leave room for that; if there is no next block, this one's are. `fresh` if the block has no other multiplications. */
D1_INLINE void finish(struct gemm *next, struct job *here, int fresh)
{
    char *c = here->c;
    D1_UNROLLED(number, 4 * GEMM_UNROLL) {
        gemm_last(next, number, fresh);
        if (number == GEMM_UNROLL - 1) {
            here->a += here->a_stride;
            here->b += here->b_stride;
            here->c += here->c_stride;
            wrap(here);
            if (here->a < here->a_end)
                *next = (struct gemm){here->a, here->b};
            else
                *next = (struct gemm){next->a - here->strip, next->b - here->strip};
        }
        if (number >= GEMM_UNROLL && number % GEMM_UNROLL < D1_PARTS)
            read_part(number / GEMM_UNROLL - 1, number % GEMM_UNROLL);
    }
    D1_UNROLLED(number, GEMM_HELD > 5 * D1_PARTS ? GEMM_HELD : 5 * D1_PARTS) {
        int part = number - D1_PARTS;
        if (part < 0)
            read_part(3, number);
        else if (part < 4 * D1_PARTS)
            D1_VST(16 + part, c, part * D1_LINE);
        if (number < GEMM_HELD - 1)
            gemm_load(next, number);
    }
}

/* The threads start one after the other, so that they do not leave the matrix unit together at the ends of their blocks: the second soon,
 * since one alone keeps the unit just busy, and each other one as much later as has been measured to be best. The last one watches
 * the clock, since threads that wait for a semaphore cost no issue slots. */
D1_INLINE void wait_for_turn(int thread)
{
    if (thread == D1_THREADS - 1) {
        uint64_t time = d1_cycle(), pause = job.pause, blocks = job.blocks;
        for (int next = 1; next < D1_THREADS && (uint64_t)next < blocks; next++) {
            time += next == 1 ? 2 * pause : 13 * pause;
            while (d1_cycle() < time)
                ;
            if (next < D1_THREADS - 1)
                d1_post(next);
        }
    } else if (thread > 0)
        d1_wait(thread, 1);
}

static void work(int thread)
{
    struct job here = {
        .a = job.a, .a_end = job.a_end, .b = job.b, .b_end = job.b_end, .c = job.c,
        .strip = job.strip, .row = job.row,
        .a_stride = job.a_stride, .b_stride = job.b_stride, .c_stride = job.c_stride,
    };
#ifdef GEMM_CFLOAT8
    D1_CSR_WRITE(D1_CSR_MFORMAT, job.mformat);
#endif
    here.c += thread * GEMM_BLOCK;
    here.b += thread * here.strip;
    while (wrap(&here))
        ;
    struct gemm next;
    uint64_t start = d1_cycle();
    gemm_start(&next, here.a, here.b);
    if (__builtin_expect(here.strip == GEMM_UNROLL * GEMM_STEP, 0))
        do
            finish(&next, &here, 1);
        while (here.a < here.a_end);
    else
        do {  /* unlikely to go on, it is said, so that the code is in the order in which it first runs: no jump is missed */
            gemm_turns(&next, here.a, here.strip, 1);
            finish(&next, &here, 0);
        } while (__builtin_expect(here.a < here.a_end, 0));
    spent[thread].end = d1_cycle();
    spent[thread].start = start;
}

int main(int thread)
{
    if (thread == D1_THREADS - 1 || (uint64_t)thread < job.blocks)
        wait_for_turn(thread);
    if ((uint64_t)thread < job.blocks)
        work(thread);
    d1_barrier(thread, D1_THREADS, 0);
    return 0;
}
