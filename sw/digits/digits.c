/* Recognises handwritten digits: H = relu(W1 X + b1), L = W2 H + b2, images in columns.
 *
 * Every node recognises its own images, column strips of X, which its threads share. The weights lie in PANELS panels. Nodes
 * work in groups of PANELS (the last group may be smaller): member p mod (members of the group) starts with panel p and
 * pushes it to the others, and all begin with what they have. H never leaves its thread: the accumulators' FP32 rows, biased,
 * rectified and converted, are B operands of the next layer as they are.
 */

#include "gemm.h"

#define PIXELS 64
#define HIDDEN 64
#define DIGITS 10

#define STRIP_ROWS (2 * D1_M)
#define STEPS_1 (PIXELS / D1_K)
#define STEPS_2 (HIDDEN / D1_K)
#define DIGIT_STRIPS ((DIGITS + STRIP_ROWS - 1) / STRIP_ROWS)

/* Semaphore p says that panel p has come; the barrier's follow. */
#define PANELS 4
#define BARRIER PANELS

#define PANEL_ROWS (HIDDEN / PANELS)
#define PANEL_STRIPS (PANEL_ROWS / STRIP_ROWS)
#define PANEL_STEPS (STEPS_2 / PANELS)

_Static_assert(PANEL_ROWS % STRIP_ROWS == 0 && PANEL_STEPS % GEMM_UNROLL == 0, "a panel is whole strips");
_Static_assert(D1_M == 2 * D1_PARTS && (D1_K == 2 || D1_K == 4), "a part is two rows; one or two parts are a step");

/* A quarter of the rows of W1 and b1 and, since H has the same rows, that quarter of W2's depth. */
struct D1_LINE_ALIGNED panel {
    char w1[PANEL_STRIPS][STEPS_1 * GEMM_STEP];
    char w2[DIGIT_STRIPS][PANEL_STEPS * GEMM_STEP];
    uint32_t b1[PANEL_ROWS];
};

/* The host writes these before it starts the threads: the panels that this node owns, and where its images are and how many
 * strips. */
struct panel panels[PANELS];
D1_LINE_ALIGNED uint32_t b2[DIGIT_STRIPS * STRIP_ROWS];
D1_LINE_ALIGNED struct {
    char *images, *hidden, *logits;
    uint64_t strips;
} job;

/* Cycles at which each thread began its first block and ended its last one. */
D1_LINE_ALIGNED struct {
    uint64_t start, end;
} spent[D1_THREADS];

#define IMAGES_STRIP (STEPS_1 * GEMM_STEP)
#define HIDDEN_STRIP (STEPS_2 * GEMM_STEP)

/* Steps of H that a strip of rows makes. */
#define HIDDEN_BLOCK (STRIP_ROWS / D1_K * GEMM_STEP)

/* v0 ... hold the parts of the four accumulators; these, behind gemm's, hold the bias of a strip's rows, two rows each, and 0. */
#define PARTS (4 * D1_PARTS)
#define BIAS_ROWS(pair) (16 + (pair))
#define BIAS(part) BIAS_ROWS((part) / (2 * D1_PARTS) * D1_PARTS + (part) % D1_PARTS)
#define ZERO 31

D1_INLINE void load_bias(const uint32_t *bias)
{
    D1_UNROLLED(row, 2 * D1_PARTS)
        D1_VBCAST_W(BIAS_ROWS(row), bias[2 * row], bias[2 * row + 1]);
    D1_VBCAST_W(ZERO, 0, 0);
}

D1_INLINE void read_biased(void)
{
    D1_UNROLLED(part, PARTS)
        D1_MREAD(part, part / D1_PARTS, part % D1_PARTS);
    D1_UNROLLED(part, PARTS)
        D1_VADD_S(part, part, BIAS(part));
}

/* The block of H in the accumulators, biased, rectified and as BF16, to its steps of a B strip: a step has D1_K rows, which
 * STEP_PARTS parts hold. */
#define STEP_PARTS (D1_K / 2)
#define BLOCK_STEPS (D1_PARTS / STEP_PARTS)
D1_INLINE void store_hidden(char *hidden)
{
    read_biased();
    D1_UNROLLED(part, PARTS)
        D1_VMAX_S(part, part, ZERO);
    D1_UNROLLED(step, PARTS / STEP_PARTS)
        D1_VCVT_BF16_S(step, step * STEP_PARTS, (step + 1) * STEP_PARTS - 1);
    D1_UNROLLED(step, PARTS / STEP_PARTS) {
        int accumulator = step / BLOCK_STEPS;
        D1_VST(step, hidden,
               (accumulator / 2 * BLOCK_STEPS + step % BLOCK_STEPS) * GEMM_STEP + accumulator % 2 * D1_LINE);
    }
}

/* The block of L in the accumulators, biased, as FP32, one part a line. */
D1_INLINE void store_logits(char *logits)
{
    read_biased();
    D1_UNROLLED(part, PARTS)
        D1_VST(part, logits, part * D1_LINE);
}

/* Push this node's panels to the others of its group; the threads take turns. */
static void share_panels(int thread, unsigned first, unsigned members, unsigned rank, unsigned columns)
{
    static struct d1_list lists[2 * (PANELS - 1)];
    unsigned turn = 0;
    for (unsigned panel = rank; panel < PANELS; panel += members)
        for (unsigned other = 1; other < members; other++, turn++)
            if (turn % D1_THREADS == (unsigned)thread) {
                unsigned node = first + (rank + other) % members;
                struct d1_coordinate there = {.x = node % columns, .y = node / columns + 1};
                d1_push(&lists[turn], &panels[panel], d1_global(there, (uintptr_t)&panels[panel]),
                        sizeof(struct panel) / D1_LINE, panel);
            }
}

int main(int thread)
{
    struct d1_coordinate mesh = d1_mesh(), here = d1_node();
    unsigned node = (here.y - 1) * mesh.x + here.x, first = node - node % PANELS, rank = node % PANELS;
    unsigned left = mesh.x * mesh.y - first, members = left < PANELS ? left : PANELS;
    uint64_t strips = job.strips;
    share_panels(thread, first, members, rank, mesh.x);

    spent[thread].start = d1_cycle();
    for (unsigned turn = 0; turn < PANELS; turn++) {
        unsigned panel = (rank + turn) % PANELS;
        if (panel % members != rank)
            d1_pass(panel);
        for (unsigned strip = 0; strip < PANEL_STRIPS; strip++) {
            load_bias(&panels[panel].b1[strip * STRIP_ROWS]);
            for (uint64_t column = thread; column < strips; column += D1_THREADS) {
                gemm(panels[panel].w1[strip], job.images + column * IMAGES_STRIP, STEPS_1, 1);
                store_hidden(job.hidden + column * HIDDEN_STRIP + (panel * PANEL_STRIPS + strip) * HIDDEN_BLOCK);
            }
        }
    }

    for (unsigned strip = 0; strip < DIGIT_STRIPS; strip++) {
        load_bias(&b2[strip * STRIP_ROWS]);
        for (uint64_t column = thread; column < strips; column += D1_THREADS) {
            const char *hidden = job.hidden + column * HIDDEN_STRIP;
            gemm(panels[0].w2[strip], hidden, PANEL_STEPS, 1);
            for (unsigned panel = 1; panel < PANELS; panel++)
                gemm(panels[panel].w2[strip], hidden + panel * PANEL_STEPS * GEMM_STEP, PANEL_STEPS, 0);
            store_logits(job.logits + (column * DIGIT_STRIPS + strip) * GEMM_BLOCK);
        }
    }
    spent[thread].end = d1_cycle();
    d1_barrier(thread, D1_THREADS, BARRIER);
    return 0;
}
