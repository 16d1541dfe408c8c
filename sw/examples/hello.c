/* The least that a program does: every thread that is started calls main, and 0 is success. */

#include "d1.h"

int main(int thread)
{
    return thread < D1_THREADS ? 0 : 1;
}
