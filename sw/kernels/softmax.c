/* Softmax of rows: y = 2^((x - m) log2 e) / s, m the largest x of the row and s the sum of its powers. 1 / s is the estimate and one step
 * of Newton's method. Rows lie as rows.h says. */

#include "rows.h"

#define LARGEST 16
#define LOG2_E 17
#define SUM 18
#define INVERSE 19
#define CORRECTION 20

static void work(const char *x, char *y, uint64_t bytes)
{
    ROWS_GATHER(x, bytes, D1_VMAX_S(ROWS_GATHERED(line), ROWS_GATHERED(line), line));
    ROWS_FOLD(D1_VMAX_S, LARGEST);
    ROWS_CONSTANT(LOG2_E, 0x3FB8AA3B);

    /* The powers, and their sum. */
    char *out = y;
    D1_UNROLLED(line, ROWS_UNROLL)
        ROWS_CONSTANT(ROWS_GATHERED(line), 0);
    ROWS_PASS(x, bytes, D1_VSUB_S(ROWS_MADE(line), line, LARGEST), {
        D1_UNROLLED(line, ROWS_UNROLL)
            D1_VMUL_S(ROWS_MADE(line), ROWS_MADE(line), LOG2_E);
        D1_UNROLLED(line, ROWS_UNROLL)
            D1_VEXP2_S(ROWS_MADE(line), ROWS_MADE(line));
        D1_UNROLLED(line, ROWS_UNROLL) {
            D1_VADD_S(ROWS_GATHERED(line), ROWS_GATHERED(line), ROWS_MADE(line));
            D1_VST_PI(ROWS_MADE(line), out, D1_LINE);
        }
    });
    ROWS_FOLD(D1_VADD_S, SUM);
    D1_VRCP_S(INVERSE, SUM);
    ROWS_CONSTANT(CORRECTION, 0x40000000);
    D1_VNMSUB_S(CORRECTION, SUM, INVERSE);
    D1_VMUL_S(INVERSE, INVERSE, CORRECTION);

    out = y;
    ROWS_PASS(y, bytes, D1_VMUL_S(ROWS_MADE(line), line, INVERSE), {
        D1_UNROLLED(line, ROWS_UNROLL)
            D1_VST_PI(ROWS_MADE(line), out, D1_LINE);
    });
}
