/* What surrounds main(): the exit code and where threads go that have ended. */

#include "d1.h"

/* 0 while the node runs; then 1 = pass or (code << 1) | 1 = failure, as the RISC-V test suites have it. */
__attribute__((section(".tohost"), aligned(64))) volatile uint64_t tohost;

void d1_exit(int code)
{
    /* A thread that fails speaks for its node at once; thread 0 says that it passed, unless another has failed. */
    if (code != 0)
        tohost = (uint64_t)code << 1 | 1;
    else if (d1_thread() == 0 && tohost == 0)
        tohost = 1;
    for (;;)
        d1_wait(D1_PARK, 1);
}

void d1_start(int thread)
{
    d1_exit(main(thread));
}
