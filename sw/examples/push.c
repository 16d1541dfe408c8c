/* Every node sends a message to the node east of it (the last column's to the first), and checks what came from the west. */

#include "d1.h"

#define LINES 8
#define WORDS (LINES * D1_LINE / sizeof(uint64_t))
#define ARRIVED 0

static D1_LINE_ALIGNED volatile uint64_t outbox[WORDS], inbox[WORDS];
static struct d1_list list;

static uint64_t word(struct d1_coordinate from, unsigned index)
{
    return (uint64_t)from.y << 40 | (uint64_t)from.x << 32 | index;
}

int main(int thread)
{
    if (thread != 0)
        return 0;
    struct d1_coordinate here = d1_node(), east = here, west = here;
    unsigned columns = d1_mesh().x;
    east.x = here.x == columns - 1 ? 0 : here.x + 1;
    west.x = here.x == 0 ? columns - 1 : here.x - 1;
    for (unsigned index = 0; index < WORDS; index++)
        outbox[index] = word(here, index);
    d1_push(&list, (const void *)outbox, d1_global(east, (uintptr_t)inbox), LINES, ARRIVED);
    d1_wait(ARRIVED, 1);
    for (unsigned index = 0; index < WORDS; index++)
        if (inbox[index] != word(west, index))
            return 1 + index;
    return 0;
}
