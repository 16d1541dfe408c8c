/* Barriers over any set of nodes, and atomics on any word of the mesh. */

#ifndef D1_GROUP_H
#define D1_GROUP_H

#include "d1.h"

/* A set of nodes, the same list in the same order at each of them. */
struct d1_group {
    unsigned count;                     /* nodes */
    unsigned rank;                      /* this node's place in the list */
    const struct d1_coordinate *nodes;
};

/* Rounds of a barrier of `count` nodes, and the semaphores that it takes: the least n with 2^n >= count. */
D1_INLINE unsigned d1_group_rounds(unsigned count)
{
    unsigned rounds = 0;
    while (1u << rounds < count)
        rounds++;
    return rounds;
}

/* The nodes of a rectangle of the mesh, `first` its north-west corner, row by row, into `nodes`; rank is `count` for a node
 * outside. */
D1_INLINE struct d1_group d1_group_rectangle(struct d1_coordinate *nodes, struct d1_coordinate first, unsigned columns,
                                             unsigned rows)
{
    struct d1_coordinate here = d1_node();
    struct d1_group group = {.count = columns * rows, .rank = columns * rows, .nodes = nodes};
    for (unsigned index = 0; index < group.count; index++) {
        nodes[index] = (struct d1_coordinate){.x = first.x + index % columns, .y = first.y + index / columns};
        if (nodes[index].x == here.x && nodes[index].y == here.y)
            group.rank = index;
    }
    return group;
}

/* The nodes of a set of bits, columns x (y - 1) + x of node (x, y), as `d1_group_rectangle`. */
D1_INLINE struct d1_group d1_group_set(struct d1_coordinate *nodes, uint64_t set)
{
    struct d1_coordinate here = d1_node(), mesh = d1_mesh();
    struct d1_group group = {.nodes = nodes};
    for (unsigned index = 0; index < mesh.x * mesh.y; index++) {
        if (!(set >> index & 1))
            continue;
        nodes[group.count] = (struct d1_coordinate){.x = index % mesh.x, .y = 1 + index / mesh.x};
        if (nodes[group.count].x == here.x && nodes[group.count].y == here.y)
            group.rank = group.count;
        group.count++;
    }
    return group;
}

/* No node of the group goes on before one thread of each has come. It takes the semaphores `first` ... first + rounds - 1 of
 * every node of the group, and leaves them 0.
 *
 * A dissemination barrier: in round k a node posts to the one 2^k places further on and waits for the one 2^k places
 * before, after which it knows of 2^(k+1) nodes. Stores, local and to other nodes, that a thread has made before are seen by
 * all afterwards; posted stores only by the node they went to, if it was posted in a round. */
D1_INLINE void d1_group_barrier(const struct d1_group *group, int first)
{
    for (unsigned distance = 1; distance < group->count; distance *= 2, first++) {
        unsigned other = group->rank + distance;
        d1_post(d1_global(group->nodes[other < group->count ? other : other - group->count], first));
        d1_wait(first, 1);
    }
}

/* Atomics on 64 bits at a local or flat address; they return the old value. */
#define D1_ATOMIC(name, instruction)                                                                    \
    D1_INLINE uint64_t d1_atomic_##name(uint64_t address, uint64_t operand)                             \
    {                                                                                                   \
        uint64_t old;                                                                                   \
        __asm__ volatile(instruction " %0, %2, (%1)" : "=r"(old) : "r"(address), "r"(operand) : "memory"); \
        return old;                                                                                     \
    }

D1_ATOMIC(add, "amoadd.d")
D1_ATOMIC(swap, "amoswap.d")
D1_ATOMIC(min, "amomin.d")
D1_ATOMIC(max, "amomax.d")

/* The word becomes `desired` if it is `expected`. */
D1_INLINE uint64_t d1_atomic_compare_and_swap(uint64_t address, uint64_t expected, uint64_t desired)
{
    __asm__ volatile("amocas.d %0, %2, (%1)" : "+&r"(expected) : "r"(address), "r"(desired) : "memory");
    return expected;
}

D1_INLINE uint64_t d1_load(uint64_t address)
{
    return *(volatile uint64_t *)address;
}

D1_INLINE void d1_store(uint64_t address, uint64_t value)
{
    *(volatile uint64_t *)address = value;
}

#endif
