/* A map from numbers of 64 bits to pointers that are not NULL, for keys that anybody may have chosen.
 *
 * Where a key stands follows from a seed that nobody outside knows. The map grows and shrinks a few entries at a time,
 * so that no call takes long however much is in it. It owns none of what it points to. Not shared between threads. */
#ifndef COMMON_MAP_H
#define COMMON_MAP_H

#include "common/base.h"

struct map_slot {
    uint64_t key;
    void *value; /* NULL: empty */
};

struct map_slots {
    struct map_slot *at;
    size_t capacity; /* a power of 2, or 0 */
    size_t count;
};

struct map {
    uint64_t seed;
    struct map_slots now;
    struct map_slots old; /* what the map is growing or shrinking out of: entries leave it from the front */
    size_t moved;         /* so many of its slots have been left */
};

void map_init(struct map *map, uint64_t seed);
void map_clear(struct map *map); /* frees its slots; can be used again */
size_t map_count(const struct map *map);

/* NULL where there is none. */
void *map_get(const struct map *map, uint64_t key);
/* Where the value of the key is, which is `value` where the key was not there; good until the map is changed. What is
 * put there is not NULL. */
void **map_place(struct map *map, uint64_t key, void *value) MUST_USE;
void map_remove(struct map *map, uint64_t key); /* which need not be there */
/* All entries in some order, as long as the map is not changed: `*place` begins as 0; NULL at the end. */
const struct map_slot *map_next(const struct map *map, size_t *place);

#endif
