/* The entries of the index that are not in a run yet, in memory, in the order in which they came. */
#ifndef PROXY_STORE_SQLITE_RECENT_H
#define PROXY_STORE_SQLITE_RECENT_H

#include "proxy/store/sqlite_entry.h"

struct recent {
    struct entry *entries;
    uint32_t *older; /* by place: the place, plus 1, of the one before in the same bucket */
    uint32_t *heads; /* by bucket: the place, plus 1, of its newest */
    size_t count, capacity;
};

void recent_init(struct recent *recent);
void recent_clear(struct recent *recent); /* frees */

void recent_add(struct recent *recent, const struct entry *entry);
void recent_cut(struct recent *recent, size_t count); /* drops the newest, all but `count` */

/* Those of that hash, in order and each key once, its newest; an array on the heap, NULL where there are none. */
struct entry *recent_find(const struct recent *recent, uint64_t hash, size_t *count) MUST_USE;
/* All, likewise. */
struct entry *recent_sort(const struct recent *recent, size_t *count) MUST_USE;

#endif
