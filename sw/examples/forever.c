/* Never ends. */

#include "d1.h"

int main(int thread)
{
    for (volatile int turn = thread;; turn++)
        ;
}
