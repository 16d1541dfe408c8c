/* Does what traps with the cause TRAP, a value of mcause. There is no handler, so the thread stops and the host sees why. */

#include "d1.h"

static const char *volatile outside = (const char *)0x1000;
static D1_LINE_ALIGNED char line[2 * D1_LINE];

int main(int thread)
{
    (void)thread;
    switch (TRAP) {
    case D1_CAUSE_FETCH_MISALIGNED:
        __asm__ volatile("jr %0" :: "r"(line + 2));
        break;
    case D1_CAUSE_FETCH_ACCESS:
        __asm__ volatile("jr %0" :: "r"(outside));
        break;
    case D1_CAUSE_ILLEGAL:
        __asm__ volatile(".word 0");
        break;
    case D1_CAUSE_BREAKPOINT:
        __asm__ volatile("ebreak");
        break;
    case D1_CAUSE_LOAD_MISALIGNED:
        D1_VLD(0, line + 2, 0);
        break;
    case D1_CAUSE_LOAD_ACCESS:
        D1_VLD(0, outside, 0);
        break;
    case D1_CAUSE_STORE_MISALIGNED:
        D1_LIST_PUSH(line + 8);
        break;
    case D1_CAUSE_STORE_ACCESS:
        d1_post(d1_global((struct d1_coordinate){.x = 200, .y = 1}, 0));
        break;
    case D1_CAUSE_ECALL:
        __asm__ volatile("ecall");
        break;
    case D1_CAUSE_SEMAPHORE_RANGE:
        d1_wait(D1_SEMAPHORES, 1);
        break;
    }
    return 1;
}
