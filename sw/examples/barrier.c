/* All nodes count together: atomics on one word of one node, with barriers of the whole mesh between the turns. Thread 0 of each
 * node notes how many cycles barriers, loads, stores and atomics took. */

#include "d1_group.h"

#define TURNS 8
#define FIRST_SEMAPHORE 0
#define MOST_NODES 64

volatile uint64_t sum;
D1_LINE_ALIGNED volatile struct {
    uint64_t barrier[TURNS]; /* from entering to leaving */
    uint64_t load, store, atomic, local_atomic, other;
} spent;
static struct d1_coordinate nodes[MOST_NODES];

int main(int thread)
{
    if (thread != 0)
        return 0;
    struct d1_coordinate mesh = d1_mesh(), here = d1_node(), corner = {.x = 0, .y = 1};
    struct d1_group group = d1_group_rectangle(nodes, corner, mesh.x, mesh.y);
    uint64_t counter = d1_global(corner, (uintptr_t)&sum);
    d1_group_barrier(&group, FIRST_SEMAPHORE);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        if (d1_load(counter) != turn * group.count)
            return 2;
        d1_group_barrier(&group, FIRST_SEMAPHORE);
        d1_atomic_add(counter, 1);
        d1_group_barrier(&group, FIRST_SEMAPHORE);
        uint64_t begin = d1_cycle();
        d1_group_barrier(&group, FIRST_SEMAPHORE);
        spent.barrier[turn] = d1_cycle() - begin;
    }
    /* One after the other, on a quiet mesh: to the opposite corner. */
    for (unsigned turn = 0; turn < group.count; turn++) {
        if (turn == group.rank) {
            struct d1_coordinate other = {.x = mesh.x - 1 - here.x, .y = mesh.y + 1 - here.y};
            uint64_t there = d1_global(other, (uintptr_t)&sum), t0 = d1_cycle();
            d1_load(there);
            uint64_t t1 = d1_cycle();
            spent.load = t1 - t0;
            t0 = d1_cycle();
            d1_store(d1_global(other, (uintptr_t)&spent.other), 0);
            t1 = d1_cycle();
            spent.store = t1 - t0;
            d1_atomic_add(there, 0);
            spent.atomic = d1_cycle() - t1;
            t0 = d1_cycle();
            d1_atomic_add((uintptr_t)&spent.other, 0);
            spent.local_atomic = d1_cycle() - t0;
        }
        d1_group_barrier(&group, FIRST_SEMAPHORE);
    }
    uint64_t expected = TURNS * group.count;
    if (d1_load(counter) != expected)
        return 3;
    d1_group_barrier(&group, FIRST_SEMAPHORE);
    /* One of all wins the word. */
    uint64_t old = d1_atomic_compare_and_swap(counter, expected, 1000 + group.rank);
    d1_group_barrier(&group, FIRST_SEMAPHORE);
    uint64_t winner = d1_load(counter);
    if (old == expected ? winner != 1000 + group.rank : winner == 1000 + group.rank)
        return 4;
    return 0;
}
