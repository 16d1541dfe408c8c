/* All threads of a node count together: a semaphore lets one at a time at the sum, a barrier makes thread 0 wait for all. */

#include "d1.h"

#define TURNS 100
#define LOCK 0
#define BARRIER 1

static volatile uint64_t sum;

int main(int thread)
{
    if (thread == 0)
        d1_post(LOCK);
    for (int turn = 0; turn < TURNS; turn++) {
        if (thread % 2 == 0)
            d1_wait(LOCK, 1);
        else
            while (!d1_try(LOCK, 1)) /* it could do something else meanwhile */
                ;
        sum += turn;
        d1_post(LOCK);
    }
    d1_barrier(thread, D1_THREADS, BARRIER);
    return sum == (uint64_t)D1_THREADS * TURNS * (TURNS - 1) / 2 ? 0 : 1;
}
