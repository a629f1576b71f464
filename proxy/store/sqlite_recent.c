/* Looked up through chains, because entries come and go at one end: a rollback cuts what its group has added. */
#include "proxy/store/sqlite_recent.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKET_BITS = 16, BUCKETS = 1 << BUCKET_BITS, SMALL = 24 };

static size_t bucket_of(uint64_t hash) {
    return (size_t)(hash >> (64 - BUCKET_BITS));
}

void recent_init(struct recent *recent) {
    *recent = (struct recent){.heads = MEM_ARRAY(BUCKETS, uint32_t)};
}

void recent_clear(struct recent *recent) {
    mem_free(recent->entries);
    mem_free(recent->older);
    mem_free(recent->heads);
    *recent = (struct recent){0};
}

void recent_add(struct recent *recent, const struct entry *entry) {
    if (recent->count == recent->capacity) {
        recent->capacity = recent->capacity == 0 ? 1024 : recent->capacity * 2;
        recent->entries = mem_resize(recent->entries, recent->capacity * sizeof *recent->entries);
        recent->older = mem_resize(recent->older, recent->capacity * sizeof *recent->older);
    }
    uint32_t *head = &recent->heads[bucket_of(entry->hash)];
    recent->entries[recent->count] = *entry;
    recent->older[recent->count++] = *head;
    *head = (uint32_t)recent->count;
}

void recent_cut(struct recent *recent, size_t count) {
    while (recent->count > count) {
        recent->count--;
        recent->heads[bucket_of(recent->entries[recent->count].hash)] = recent->older[recent->count];
    }
}

/* Places of entries, in order; of the same key the newest first. */
static int compare_places(const void *a, const void *b, void *arg) {
    const struct entry *entries = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = entry_compare(&entries[x], &entries[y]);
    return order != 0 ? order : (x < y) - (x > y);
}

static void sort_places(struct entry *entries, uint32_t *places, size_t count) {
    if (count > SMALL) {
        qsort_r(places, count, sizeof *places, compare_places, entries);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        uint32_t place = places[i];
        size_t at = i;
        for (; at > 0 && compare_places(&places[at - 1], &place, entries) > 0; at--)
            places[at] = places[at - 1];
        places[at] = place;
    }
}

/* The entries at those places, without older ones of the same key. */
static struct entry *gather(const struct entry *entries, const uint32_t *places, size_t count, size_t *kept) {
    struct entry *sorted = mem_alloc(count * sizeof *sorted);
    *kept = 0;
    for (size_t i = 0; i < count; i++)
        if (*kept == 0 || entry_compare(&sorted[*kept - 1], &entries[places[i]]) != 0)
            sorted[(*kept)++] = entries[places[i]];
    return sorted;
}

struct entry *recent_find(const struct recent *recent, uint64_t hash, size_t *count) {
    uint32_t some[SMALL], *places = some;
    size_t found = 0, capacity = SMALL;
    for (uint32_t at = recent->heads[bucket_of(hash)]; at != 0; at = recent->older[at - 1]) {
        if (recent->entries[at - 1].hash != hash)
            continue;
        if (found == capacity) {
            uint32_t *larger = mem_alloc(capacity * 4 * sizeof *larger);
            memcpy(larger, places, found * sizeof *larger);
            if (places != some)
                mem_free(places);
            places = larger;
            capacity *= 4;
        }
        places[found++] = at - 1;
    }
    struct entry *sorted = NULL;
    *count = 0;
    if (found > 0) {
        sort_places(recent->entries, places, found);
        sorted = gather(recent->entries, places, found, count);
    }
    if (places != some)
        mem_free(places);
    return sorted;
}

/* By bucket first, which is by the upper bits of the hash, then within each: nearly linear. */
struct entry *recent_sort(const struct recent *recent, size_t *count) {
    uint32_t *places = mem_alloc((recent->count + 1) * sizeof *places);
    size_t filled = 0;
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        size_t first = filled;
        for (uint32_t at = recent->heads[bucket]; at != 0; at = recent->older[at - 1])
            places[filled++] = at - 1;
        sort_places(recent->entries, places + first, filled - first);
    }
    struct entry *sorted = gather(recent->entries, places, filled, count);
    mem_free(places);
    return sorted;
}
