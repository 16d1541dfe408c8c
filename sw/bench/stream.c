/* y = a x + y on FP32 lanes, for verif/bench/core.py: two lines loaded and one stored for each line of y. The threads share LINES
 * lines. */

#include "d1.h"

#define LINES 512
#define UNROLL 4

struct result {
    uint64_t start, end, instructions, check;
};

D1_LINE_ALIGNED volatile struct result results[D1_THREADS];
static char x[LINES * D1_LINE] __attribute__((aligned(64)));
static char y[LINES * D1_LINE] __attribute__((aligned(64)));

int main(int thread)
{
    uint64_t size = LINES / THREADS * D1_LINE;
    char *a = x + thread * size, *b = y + thread * size, *c = b, *end = c + size;
    D1_VBCAST_W(31, 0x40000000, 0x40000000);
    results[thread].start = d1_cycle();
    uint64_t before = D1_CSR_READ(D1_CSR_MINSTRET);
    do {
        D1_UNROLLED(line, UNROLL) {
            D1_VLD_PI(line, a, D1_LINE);
            D1_VLD_PI(8 + line, b, D1_LINE);
            D1_VMUL_S(line, line, 31);
        }
        D1_UNROLLED(line, UNROLL)
            D1_VADD_S(16 + line, line, 8 + line);
        D1_UNROLLED(line, UNROLL)
            D1_VST_PI(16 + line, c, D1_LINE);
    } while (c != end);
    results[thread].instructions = D1_CSR_READ(D1_CSR_MINSTRET) - before;
    results[thread].end = d1_cycle();
    if (THREADS > 1)
        d1_barrier(thread, THREADS, 0);
    return 0;
}
