/* Open addressing with linear probing: what a key costs is mostly one cache miss, and a slot holds the whole key, so
 * that nothing else is looked at in vain.
 *
 * While the map changes its size there are two tables. New keys go into `now`; each change of the map moves some slots
 * over from `old`, which is thus empty long before the next change of size. A slot that was left there keeps its key
 * without a value, so that what was once pushed past it is still found behind it. */
#include "common/map.h"

#include "common/mem.h"

#define XXH_INLINE_ALL /* the hash of one number is short beside a call */
#include <xxhash.h>

enum { SMALLEST = 16, MOVED_AT_ONCE = 16 };

static size_t home(const struct map *map, const struct map_slots *slots, uint64_t key) {
    return (size_t)XXH3_64bits_withSeed(&key, sizeof key, map->seed) & (slots->capacity - 1);
}

/* The slot of the key, or the empty one where it belongs. */
static struct map_slot *find(const struct map *map, const struct map_slots *slots, uint64_t key) {
    size_t at = home(map, slots, key);
    while (slots->at[at].value != NULL && slots->at[at].key != key)
        at = (at + 1) & (slots->capacity - 1);
    return &slots->at[at];
}

/* Stands for the value of a slot that was left. */
static char left;

static struct map_slot *find_old(const struct map *map, uint64_t key) {
    if (map->old.count == 0)
        return NULL;
    struct map_slot *slot = find(map, &map->old, key);
    return slot->value == NULL || slot->value == &left ? NULL : slot;
}

void map_init(struct map *map, uint64_t seed) {
    *map = (struct map){.seed = seed};
}

void map_clear(struct map *map) {
    mem_free(map->now.at);
    mem_free(map->old.at);
    map_init(map, map->seed);
}

size_t map_count(const struct map *map) {
    return map->now.count + map->old.count;
}

static struct map_slot *find_any(const struct map *map, uint64_t key) {
    struct map_slot *slot = map->now.count == 0 ? NULL : find(map, &map->now, key);
    return slot == NULL || slot->value == NULL ? find_old(map, key) : slot;
}

void *map_get(const struct map *map, uint64_t key) {
    const struct map_slot *slot = find_any(map, key);
    return slot == NULL ? NULL : slot->value;
}

static struct map_slot *put_new(struct map *map, uint64_t key, void *value) {
    struct map_slot *slot = find(map, &map->now, key);
    *slot = (struct map_slot){key, value};
    map->now.count++;
    return slot;
}

static void leave(struct map *map, struct map_slot *slot) {
    slot->value = &left;
    map->old.count--;
}

static void move_some(struct map *map, size_t slots) {
    for (; map->old.count > 0 && slots > 0; slots--) {
        struct map_slot *slot = &map->old.at[map->moved++];
        if (slot->value == NULL || slot->value == &left)
            continue;
        (void)put_new(map, slot->key, slot->value);
        leave(map, slot);
    }
    if (map->old.count == 0 && map->old.at != NULL) {
        mem_free(map->old.at);
        map->old = (struct map_slots){0};
    }
}

static void resize(struct map *map, size_t capacity) {
    move_some(map, SIZE_MAX); /* nothing is left, but after a very quick change of mind */
    map->old = map->now;
    map->moved = 0;
    map->now = (struct map_slots){.at = MEM_ARRAY(capacity, struct map_slot), .capacity = capacity};
    move_some(map, MOVED_AT_ONCE);
}

static void make_room(struct map *map) {
    size_t count = map_count(map) + 1, capacity = map->now.capacity;
    if (count * 4 > capacity * 3)
        resize(map, capacity == 0 ? SMALLEST : capacity * 2);
}

static void give_room_back(struct map *map) {
    size_t count = map_count(map), capacity = map->now.capacity;
    if (capacity > 2 * SMALLEST && count * 8 < capacity)
        resize(map, capacity / 4);
}

/* Later entries of the run move up, so that no gap stands between one and its home. */
static void take_out(struct map *map, struct map_slot *slot) {
    size_t mask = map->now.capacity - 1, hole = (size_t)(slot - map->now.at);
    for (size_t at = (hole + 1) & mask; map->now.at[at].value != NULL; at = (at + 1) & mask) {
        size_t wants = home(map, &map->now, map->now.at[at].key);
        if (((at - wants) & mask) >= ((at - hole) & mask)) {
            map->now.at[hole] = map->now.at[at];
            hole = at;
        }
    }
    map->now.at[hole] = (struct map_slot){0};
    map->now.count--;
}

void map_remove(struct map *map, uint64_t key) {
    struct map_slot *slot = map->now.count == 0 ? NULL : find(map, &map->now, key), *older;
    if (slot != NULL && slot->value != NULL)
        take_out(map, slot);
    else if ((older = find_old(map, key)) != NULL)
        leave(map, older);
    else
        return;
    move_some(map, MOVED_AT_ONCE);
    give_room_back(map);
}

void **map_place(struct map *map, uint64_t key, void *value) {
    struct map_slot *slot = find_any(map, key);
    if (slot == NULL) {
        make_room(map);
        move_some(map, MOVED_AT_ONCE);
        slot = put_new(map, key, value);
    }
    return &slot->value;
}

const struct map_slot *map_next(const struct map *map, size_t *place) {
    while (*place < map->now.capacity + map->old.capacity) {
        size_t at = (*place)++;
        const struct map_slot *slot = at < map->now.capacity ? &map->now.at[at] : &map->old.at[at - map->now.capacity];
        if (slot->value != NULL && slot->value != &left)
            return slot;
    }
    return NULL;
}
