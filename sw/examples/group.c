/* Any set of nodes sums up together: all-reduce of a line of FP32 for each pair of nodes x LINES, whatever of the mesh is dead.
 *
 * LIVE has bit columns x (y - 1) + x of each node that takes part; of the whole mesh, if it is not defined. Each has a vector of a chunk for every node. It sends chunk r to the
 * node of rank r, sums up the chunks that come (all-to-all), and sends the sum to all (all-gather). `spent` tells the host when each
 * phase began and ended at this node, and how long barriers took.
 */

#include "d1_group.h"

#ifndef LIVE
#define LIVE (~(uint64_t)0)
#endif

#ifndef LINES
#define LINES 8 /* of a chunk */
#endif

#define TURNS 8
#define MOST_NODES 16
#define BARRIER 0 /* and the semaphores after it, one for each round */
#define ARRIVED 4
#define GATHERED 5

#define WORDS (D1_LINE / sizeof(uint32_t))

typedef uint32_t chunk[LINES * WORDS];

static D1_LINE_ALIGNED volatile chunk own[MOST_NODES], inbox[MOST_NODES], sums[MOST_NODES];
static struct d1_list exchange[MOST_NODES], gather[MOST_NODES];
static struct d1_coordinate nodes[MOST_NODES];

D1_LINE_ALIGNED volatile struct {
    uint64_t barrier[TURNS]; /* cycles */
    uint64_t start, exchanged, summed, end; /* mcycle, which counts from reset */
} spent;

/* A small number as FP32. */
static uint32_t fp32(unsigned value)
{
    unsigned exponent = 0;
    while (value >> exponent > 1)
        exponent++;
    return value ? (127 + exponent) << 23 | (value << (23 - exponent) & 0x7FFFFF) : 0;
}

/* A chain of lists that sends each of the others its chunk or, for all the same, the node's own, the next node first. */
static void prepare(const struct d1_group *group, struct d1_list *lists, volatile chunk *from, int own_only,
                    volatile chunk *to, int signal)
{
    for (unsigned i = 1; i < group->count; i++) {
        unsigned other = (group->rank + i) % group->count;
        lists[i - 1] = (struct d1_list){
            .source = (uintptr_t)from[own_only ? group->rank : other],
            .destination = d1_global(group->nodes[other], (uintptr_t)to[group->rank]),
            .lines = LINES,
            .rows = 1,
            .signal = (uint16_t)(signal + 1),
            .next = i + 1 < group->count ? (uint32_t)(uintptr_t)&lists[i] : 0,
        };
    }
}

/* Send the chunks, and wait for those of the others. */
static void run(const struct d1_group *group, struct d1_list *lists, int signal)
{
    if (group->count > 1)
        D1_LIST_PUSH(lists);
    d1_wait(signal, group->count - 1);
}

int main(int thread)
{
    if (thread != 0)
        return 0;
    struct d1_group group = d1_group_set(nodes, LIVE);
    for (unsigned r = 0; r < group.count; r++)
        for (unsigned line = 0; line < LINES; line++) {
            uint32_t value = fp32(3 * group.rank + r + line);
            for (unsigned word = 0; word < WORDS; word++)
                own[r][line * WORDS + word] = value;
        }
    prepare(&group, exchange, own, 0, inbox, ARRIVED);
    prepare(&group, gather, sums, 1, sums, GATHERED);

    d1_group_barrier(&group, BARRIER);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        uint64_t begin = d1_cycle();
        d1_group_barrier(&group, BARRIER);
        spent.barrier[turn] = d1_cycle() - begin;
    }

    spent.start = d1_cycle();
    run(&group, exchange, ARRIVED);
    spent.exchanged = d1_cycle();
    for (unsigned line = 0; line < LINES; line++) {
        D1_VLD(0, own[group.rank] + line * WORDS, 0);
        for (unsigned r = 0; r < group.count; r++) {
            if (r == group.rank)
                continue;
            D1_VLD(1, inbox[r] + line * WORDS, 0);
            D1_VADD_S(0, 0, 1);
        }
        D1_VST(0, sums[group.rank] + line * WORDS, 0);
    }
    spent.summed = d1_cycle();
    run(&group, gather, GATHERED);
    spent.end = d1_cycle();

    for (unsigned r = 0; r < group.count; r++)
        for (unsigned line = 0; line < LINES; line++) {
            uint32_t value = fp32(3 * group.count * (group.count - 1) / 2 + group.count * (r + line));
            for (unsigned word = 0; word < WORDS; word++)
                if (sums[r][line * WORDS + word] != value)
                    return 1 + r;
        }
    return 0;
}
