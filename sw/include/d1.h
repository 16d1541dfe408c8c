/* Helpers for programs that run on the nodes. Instructions, CSRs and the address map: d1_isa.h.
 *
 * Every thread that the host starts calls main(thread), thread = 0 .. D1_THREADS - 1. What it returns is its exit code;
 * start.c says what becomes of it. Sizes (D1_THREADS, D1_LINE, D1_M ...) come from the compiler's command line:
 * sim/software.py derives them from hdl/config.py.
 */

#ifndef D1_H
#define D1_H

#include <stdint.h>

#include "d1_isa.h"

#ifndef D1_THREADS
#error "sizes are missing: compile with `python -m sim compile`, or pass the -D options listed in sw/README.md"
#endif

/* Nobody posts this semaphore: threads that have ended wait for it, which costs no issue slots. */
#define D1_PARK (D1_SEMAPHORES - 1)

/* The largest line of any size of the design. */
#define D1_LINE_ALIGNED __attribute__((aligned(64)))

/* Functions whose arguments become constants of instructions, and small ones. */
#define D1_INLINE static inline __attribute__((always_inline))

/* A loop without a branch: `index` = 0 .. count - 1 as constants, e.g. numbers of vector registers. */
#define D1_UNROLLED(index, count) _Pragma("clang loop unroll(full)") for (int index = 0; index < (count); index++)

int main(int thread);
_Noreturn void d1_exit(int code);
_Noreturn void d1_start(int thread);

/* The node and the mesh. Row 0 is the host edge, so y counts from 1. */

struct d1_coordinate {
    unsigned x, y;
};

D1_INLINE int d1_thread(void)
{
    return (int)(D1_CSR_READ(D1_CSR_MHARTID) & (D1_THREADS - 1));
}

D1_INLINE struct d1_coordinate d1_node(void)
{
    uint64_t node = D1_CSR_READ(D1_CSR_MNODE);
    return (struct d1_coordinate){.x = node & 0xFF, .y = node >> 8 & 0xFF};
}

/* Columns in x, rows in y. */
D1_INLINE struct d1_coordinate d1_mesh(void)
{
    uint64_t mesh = D1_CSR_READ(D1_CSR_MMESH);
    return (struct d1_coordinate){.x = mesh & 0xFF, .y = mesh >> 8 & 0xFF};
}

D1_INLINE uint64_t d1_cycle(void)
{
    return D1_CSR_READ(D1_CSR_MCYCLE);
}

/* Flat address of `local`, a local address or a semaphore, at a node. */
D1_INLINE uint64_t d1_global(struct d1_coordinate node, uint64_t local)
{
    return (uint64_t)1 << 48 | (uint64_t)node.y << 40 | (uint64_t)node.x << 32 | local;
}

/* Semaphores of this node; d1_post takes a flat address, too. */

D1_INLINE void d1_post(uint64_t semaphore)
{
    D1_SEM_POST(semaphore);
}

D1_INLINE void d1_wait(uint64_t semaphore, uint64_t amount)
{
    D1_SEM_WAIT(semaphore, amount);
}

/* Take `amount` if it is there; says whether it was. */
D1_INLINE int d1_try(uint64_t semaphore, uint64_t amount)
{
    uint64_t taken;
    D1_SEM_TRY(taken, semaphore, amount);
    return (int)taken;
}

/* Wait for a semaphore that opens once and stays open for every thread. */
D1_INLINE void d1_pass(uint64_t semaphore)
{
    d1_wait(semaphore, 1);
    d1_post(semaphore);
}

/* No thread of 0 .. threads - 1 goes on before all of them have come. It takes the semaphores first ... first + threads - 1,
 * and leaves them 0: the first counts who has come, each other one lets its own thread go on. */
D1_INLINE void d1_barrier(int thread, int threads, int first)
{
    if (thread == 0) {
        d1_wait(first, threads - 1);
        for (int other = 1; other < threads; other++)
            d1_post(first + other);
    } else {
        d1_post(first);
        d1_wait(first + thread, 1);
    }
}

/* Queue a copy of whole lines to `destination` (a flat address), then a post of `signal` there (-1: none).
 * `list` must lie in the SRAM, line-aligned, and stay as it is until the copy has been made. */
D1_INLINE void d1_push(struct d1_list *list, const void *source, uint64_t destination, uint32_t lines, int signal)
{
    *list = (struct d1_list){
        .source = (uintptr_t)source,
        .destination = destination,
        .lines = lines,
        .rows = 1,
        .signal = (uint16_t)(signal + 1),
    };
    D1_LIST_PUSH(list);
}

#endif
