/* Integer work of the kinds that CoreMark has, for verif/bench/core.py: a linked list that is searched, reversed and sorted, an
 * integer matrix product, a state machine over text, and a CRC of the results. Each thread works on data of its own. */

#include "d1.h"

#define NODES 24
#define SIDE 8
#define TURNS 4

struct node {
    struct node *next;
    int16_t key, value;
};

struct work {
    struct node nodes[NODES];
    int16_t a[SIDE * SIDE], b[SIDE * SIDE];
    int32_t c[SIDE * SIDE];
};

struct result {
    uint64_t start, end, instructions, check;
};

static struct work works[D1_THREADS];
D1_LINE_ALIGNED volatile struct result results[D1_THREADS];
static const char text[] = "5012,+1.2,-874.,+122,.5,T0.3e-1F,-.123,1e+5,0x7,,12.25e2,7";

static uint16_t crc(uint16_t sum, uint16_t value)
{
    for (int bit = 0; bit < 16; bit++, value >>= 1)
        sum = (uint16_t)((sum >> 1) ^ (((sum ^ value) & 1) ? 0xA001 : 0));
    return sum;
}

static struct node *reverse(struct node *list)
{
    struct node *reversed = 0;
    while (list) {
        struct node *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static struct node *find(struct node *list, int16_t key)
{
    while (list && list->key != key)
        list = list->next;
    return list;
}

static struct node *merge(struct node *a, struct node *b)
{
    struct node head, *last = &head;
    while (a && b) {
        struct node **smaller = a->value <= b->value ? &a : &b;
        last->next = *smaller;
        last = *smaller;
        *smaller = last->next;
    }
    last->next = a ? a : b;
    return head.next;
}

/* Bottom up: bin i holds a sorted list of 2^i nodes, or nothing. */
static struct node *sort(struct node *list)
{
    struct node *bins[6] = {0};
    while (list) {
        struct node *run = list;
        list = list->next;
        run->next = 0;
        int bin = 0;
        for (; bin < 5 && bins[bin]; bin++) {
            run = merge(bins[bin], run);
            bins[bin] = 0;
        }
        bins[bin] = run;
    }
    struct node *sorted = 0;
    for (int bin = 0; bin < 6; bin++)
        sorted = bins[bin] ? merge(bins[bin], sorted) : sorted;
    return sorted;
}

static uint16_t lists(struct work *work, uint16_t sum)
{
    for (int index = 0; index < NODES; index++)
        work->nodes[index] = (struct node){
            .next = index + 1 < NODES ? &work->nodes[index + 1] : 0,
            .key = (int16_t)index,
            .value = (int16_t)((index * 7919 + sum) & 0xFF)};
    struct node *list = work->nodes;
    for (int16_t key = 0; key < NODES; key += 3) {
        struct node *found = find(list, key);
        sum = crc(sum, found ? (uint16_t)found->value : 0);
        list = reverse(list);
    }
    for (list = sort(list); list; list = list->next)
        sum = crc(sum, (uint16_t)list->value);
    return sum;
}

static uint16_t matrices(struct work *work, uint16_t sum)
{
    for (int index = 0; index < SIDE * SIDE; index++) {
        work->a[index] = (int16_t)(index + sum);
        work->b[index] = (int16_t)(index * 3 - sum);
    }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t total = 0;
            for (int k = 0; k < SIDE; k++)
                total += (int32_t)work->a[i * SIDE + k] * work->b[k * SIDE + j];
            work->c[i * SIDE + j] = total;
        }
    for (int index = 0; index < SIDE * SIDE; index += 5)
        sum = crc(sum, (uint16_t)(work->c[index] >> 4));
    return sum;
}

/* Counts how numbers end: as integers, with a point, with an exponent, or badly. */
static uint16_t states(uint16_t sum)
{
    enum {START, INTEGER, POINT, EXPONENT, BAD, STATES} state = START;
    unsigned counts[STATES] = {0};
    for (const char *next = text; *next; next++) {
        char c = *next;
        if (c == ',') {
            counts[state]++;
            state = START;
            continue;
        }
        int digit = c >= '0' && c <= '9';
        switch (state) {
        case START:
            state = digit || c == '+' || c == '-' ? INTEGER : c == '.' ? POINT : BAD;
            break;
        case INTEGER:
            state = digit ? INTEGER : c == '.' ? POINT : c == 'e' ? EXPONENT : BAD;
            break;
        case POINT:
            state = digit ? POINT : c == 'e' ? EXPONENT : BAD;
            break;
        case EXPONENT:
            state = digit || c == '+' || c == '-' ? EXPONENT : BAD;
            break;
        default:
            break;
        }
    }
    for (int index = 0; index < STATES; index++)
        sum = crc(sum, (uint16_t)counts[index]);
    return sum;
}

int main(int thread)
{
    uint16_t sum = 0;
    uint64_t start = d1_cycle(), before = D1_CSR_READ(D1_CSR_MINSTRET);
    for (int turn = 0; turn < TURNS; turn++)
        sum = states(matrices(&works[thread], lists(&works[thread], sum)));
    results[thread].instructions = D1_CSR_READ(D1_CSR_MINSTRET) - before;
    results[thread].end = d1_cycle();
    results[thread].start = start;
    results[thread].check = sum;
    if (THREADS > 1)
        d1_barrier(thread, THREADS, 0);
    return 0;
}
