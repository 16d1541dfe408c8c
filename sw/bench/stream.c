/* y = 2 x + y on FP32 lanes, for verif/bench/core.py: two lines loaded and one stored for each line of y. The threads share LINES
 * lines. */

#include "d1.h"

#define LINES 4096

/* A line of x is used 4 lines after it was loaded, and its y is stored 7 lines later: so none of the three waits for another. Each load
 * stands beside something that is none, since a group starts one load a cycle. */
#define MULTIPLY 4
#define STORE 11
#define UNROLL 32
#define X(line) ((line) % 8)
#define Y(line) (8 + (line) % 16)
#define A 31

struct result {
    uint64_t start, end, instructions, check;
};

D1_LINE_ALIGNED volatile struct result results[D1_THREADS];

/* The host writes these. They begin in different banks: threads in step with each other would else meet there again and again. */
#define APART 8
D1_LINE_ALIGNED char x[(LINES + APART) * D1_LINE], y[LINES * D1_LINE];

struct place {
    char *x, *y, *out;
};

/* What is done in a line's time. */
D1_INLINE void step(struct place *next, int line, int loads, int multiplies, int stores)
{
    if (loads)
        D1_VLD_PI(X(line), next->x, D1_LINE);
    if (multiplies)
        D1_VMADD_S(Y(line + UNROLL - MULTIPLY), X(line + UNROLL - MULTIPLY), A);
    if (loads)
        D1_VLD_PI(Y(line), next->y, D1_LINE);
    if (stores)
        D1_VST_PI(Y(line + UNROLL - STORE), next->out, D1_LINE);
}

int main(int thread)
{
    uint64_t size = LINES / THREADS * D1_LINE;
    struct place next = {x + thread * size, y + thread * size, y + thread * size};
    char *end = next.x + size;
    D1_VBCAST_W(A, 0x40000000, 0x40000000);
    results[thread].start = d1_cycle();
    uint64_t before = D1_CSR_READ(D1_CSR_MINSTRET);
    D1_UNROLLED(line, UNROLL)
        step(&next, line, 1, line >= MULTIPLY, line >= STORE);
    while (next.x != end)
        D1_UNROLLED(line, UNROLL)
            step(&next, line, 1, 1, 1);
    D1_UNROLLED(line, STORE)
        step(&next, line, 0, line < MULTIPLY, 1);
    results[thread].instructions = D1_CSR_READ(D1_CSR_MINSTRET) - before;
    results[thread].end = d1_cycle();
    if (THREADS > 1)
        d1_barrier(thread, THREADS, 0);
    return 0;
}
