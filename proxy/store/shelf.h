/* Things in the order of their ids, which mostly come upwards, each with some of eight marks to be found by.
 *
 * It is for the memory store: messages by id, marked with their state. Adding at the end, and finding what is near the
 * end, costs the same however much is there; what has none of the marks asked for is passed over in large steps. It
 * owns none of the things. On one thread. */
#ifndef PROXY_STORE_SHELF_H
#define PROXY_STORE_SHELF_H

#include "common/base.h"

enum { SHELF_MARKS = 8 };

struct shelf_board;

struct shelf_entry { /* of a board: what is asked first is here, so that a search stays in one place */
    uint64_t first;  /* lowest id on the board */
    struct shelf_board *board;
    uint8_t marks; /* those that anything on it has */
};

struct shelf {
    struct shelf_entry *boards; /* by id upwards; none is empty */
    size_t count, capacity;
};

void shelf_clear(struct shelf *shelf); /* frees its boards; can be used again */

/* False where that id is there already: then nothing was done. */
bool shelf_add(struct shelf *shelf, uint64_t id, uint8_t marks, void *thing) MUST_USE;
void shelf_remove(struct shelf *shelf, uint64_t id); /* which must be there, as for shelf_mark() */
void shelf_mark(struct shelf *shelf, uint64_t id, uint8_t marks);

void *shelf_find(const struct shelf *shelf, uint64_t id); /* NULL where there is none */
uint64_t shelf_last_id(const struct shelf *shelf);        /* 0 where it is empty */
/* The first thing above `*id` that has one of the marks, the last one below it likewise: `*id` becomes its id; NULL
 * where there is none. */
void *shelf_above(const struct shelf *shelf, uint64_t *id, uint8_t marks);
void *shelf_below(const struct shelf *shelf, uint64_t *id, uint8_t marks);

#endif
