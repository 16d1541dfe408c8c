/* A failure: the exit code reaches the host as (code << 1) | 1 in `tohost`. */

#include "d1.h"

int main(int thread)
{
    return 7 + thread;
}
