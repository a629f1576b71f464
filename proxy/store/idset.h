/* A set of message ids: which are leased. Small, in memory, on one thread. */
#ifndef PROXY_STORE_IDSET_H
#define PROXY_STORE_IDSET_H

#include "common/base.h"

struct idset {
    uint64_t *slots; /* 0: empty; ids are never 0 */
    size_t capacity, count;
};

void idset_clear(struct idset *set); /* frees */
bool idset_has(const struct idset *set, uint64_t id);
bool idset_add(struct idset *set, uint64_t id);    /* false: was there */
bool idset_remove(struct idset *set, uint64_t id); /* false: was not there */

#endif
