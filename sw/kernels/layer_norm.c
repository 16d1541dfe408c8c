/* Layer normalisation of rows: y = (x - mean) / sqrt(variance + epsilon) x factor + term, with a factor and a term for each column.
 * 1 / sqrt is the estimate. Rows lie as rows.h says. */

#include "rows.h"

#define MEAN 16
#define SCALE 17
#define INVERSE 18
#define SUM 19

/* Lines at a time in the last pass: x, factors, what is made, and terms. */
#define LINES 4
#define FACTOR(line) (4 + (line))
#define TERM(line) (12 + (line))

static void work(const char *x, char *y, uint64_t bytes)
{
    ROWS_CONSTANT(INVERSE, job.inverse);
    ROWS_GATHER(x, bytes, D1_VADD_S(ROWS_GATHERED(line), ROWS_GATHERED(line), line));
    ROWS_FOLD(D1_VADD_S, SUM);
    D1_VMUL_S(MEAN, SUM, INVERSE);

    D1_UNROLLED(line, ROWS_UNROLL)
        ROWS_CONSTANT(ROWS_GATHERED(line), 0);
    ROWS_PASS(x, bytes, D1_VSUB_S(ROWS_MADE(line), line, MEAN), {
        D1_UNROLLED(line, ROWS_UNROLL)
            D1_VMADD_S(ROWS_GATHERED(line), ROWS_MADE(line), ROWS_MADE(line));
    });
    ROWS_FOLD(D1_VADD_S, SUM);
    ROWS_CONSTANT(SCALE, job.epsilon);
    D1_VMADD_S(SCALE, SUM, INVERSE);
    D1_VRSQRT_S(SCALE, SCALE);

    /* The lines of x behind the last ones are loaded, too, and not used. */
    const char *weights = job.weights, *end = y + bytes;
    D1_UNROLLED(line, LINES)
        D1_VLD_PI(line, x, D1_LINE);
    do {
        D1_UNROLLED(line, LINES) {
            D1_VLD(FACTOR(line), weights, 2 * line * D1_LINE);
            D1_VSUB_S(ROWS_MADE(line), line, MEAN);
        }
        D1_UNROLLED(line, LINES) {
            D1_VLD(TERM(line), weights, (2 * line + 1) * D1_LINE);
            D1_VMUL_S(ROWS_MADE(line), ROWS_MADE(line), SCALE);
        }
        D1_UNROLLED(line, LINES) {
            D1_VLD_PI(line, x, D1_LINE);
            D1_VMADD_S(TERM(line), ROWS_MADE(line), FACTOR(line));
        }
        D1_UNROLLED(line, LINES)
            D1_VST_PI(TERM(line), y, D1_LINE);
        weights += 2 * LINES * D1_LINE;
    } while (y != end);
}
