/* What the index of hashes consists of: "a message of that time states something with that hash", or that it does so
 * no more. In files as they are in memory.
 *
 * Their order: by hash, the latest first, then by message downwards and item upwards. */
#ifndef PROXY_STORE_SQLITE_ENTRY_H
#define PROXY_STORE_SQLITE_ENTRY_H

#include "common/base.h"

struct entry {
    uint64_t hash;
    int64_t time_ms;
    uint64_t message;
    uint32_t item;
    uint32_t removed; /* 1: takes back the same entry where it is older */
};

_Static_assert(sizeof(struct entry) == 32, "entries are stored");

static inline int entry_compare(const struct entry *a, const struct entry *b) {
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->time_ms != b->time_ms)
        return a->time_ms > b->time_ms ? -1 : 1;
    if (a->message != b->message)
        return a->message > b->message ? -1 : 1;
    return (a->item > b->item) - (a->item < b->item);
}

#endif
