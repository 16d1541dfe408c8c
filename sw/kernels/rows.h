/* Programs that work on rows of FP32, D1_LINE / 4 rows side by side, in lanes of their own: line c of such a group holds column c of
 * its rows. So what runs along a row runs from line to line, and lanes do not meet. The threads take the groups in turn.
 *
 * The host writes `job` and the groups, one behind the other, and reads as many of the result. `spent` tells it when each thread
 * began and ended. A program defines `work` for one group.
 */

#ifndef ROWS_H
#define ROWS_H

#include "d1.h"

/* Columns come in multiples of this, at least two of them. Of 8 lines each: v0 ... are loaded, v8 ... computed; v24 ... gather what
 * runs along the rows; v16 to v23 hold constants. */
#define ROWS_UNROLL 8
#define ROWS_MADE(line) (8 + (line))
#define ROWS_GATHERED(line) (24 + (line))

/* Bytes of a group; for each column a line of factors and one of terms, if the program needs them; constants as FP32. */
struct job {
    const char *x;
    char *y;
    uint64_t groups, bytes;
    const char *weights;
    uint32_t inverse, epsilon;
};
D1_LINE_ALIGNED volatile struct job job;

D1_LINE_ALIGNED volatile struct {
    uint64_t start, end;
} spent[D1_THREADS];

/* All lines from `x` on, of which ROWS_UNROLL are in v0 ... at a time: `use` is done for each `line` of them, and then the register is
 * loaded again. `then` is done after each turn. */
#define ROWS_PASS(x, bytes, use, then) \
    do { \
        const char *next = (x), *end = next + (bytes); \
        D1_UNROLLED(line, ROWS_UNROLL) \
            D1_VLD_PI(line, next, D1_LINE); \
        while (next != end) { \
            D1_UNROLLED(line, ROWS_UNROLL) { \
                use; \
                D1_VLD_PI(line, next, D1_LINE); \
            } \
            then; \
        } \
        D1_UNROLLED(line, ROWS_UNROLL) \
            use; \
        then; \
    } while (0)

/* As ROWS_PASS, of lines that have gathered the first ROWS_UNROLL. */
#define ROWS_GATHER(x, bytes, use) \
    do { \
        const char *first = (x); \
        D1_UNROLLED(line, ROWS_UNROLL) \
            D1_VLD_PI(ROWS_GATHERED(line), first, D1_LINE); \
        ROWS_PASS(first, (bytes) - ROWS_UNROLL * D1_LINE, use, ); \
    } while (0)

/* What v24 ... have gathered, in one register. */
#define ROWS_FOLD(operation, register) \
    do { \
        D1_UNROLLED(line, 4) \
            operation(ROWS_GATHERED(line), ROWS_GATHERED(line), ROWS_GATHERED(line + 4)); \
        D1_UNROLLED(line, 2) \
            operation(ROWS_GATHERED(line), ROWS_GATHERED(line), ROWS_GATHERED(line + 2)); \
        operation(register, ROWS_GATHERED(0), ROWS_GATHERED(1)); \
    } while (0)

#define ROWS_CONSTANT(register, bits) D1_VBCAST_W(register, bits, bits)

static void work(const char *x, char *y, uint64_t bytes);

int main(int thread)
{
    uint64_t bytes = job.bytes;
    const char *x = job.x + thread * bytes;
    char *y = job.y + thread * bytes;
    spent[thread].start = d1_cycle();
    for (uint64_t group = thread; group < job.groups; group += D1_THREADS) {
        work(x, y, bytes);
        x += D1_THREADS * bytes;
        y += D1_THREADS * bytes;
    }
    spent[thread].end = d1_cycle();
    d1_barrier(thread, D1_THREADS, 0);
    return 0;
}

#endif
