#include "proxy/store/sqlite_cache.h"

#include "common/mem.h"
#include "proxy/store/sqlite_rows.h"

enum { PLACE_BITS = 12, PLACES = 1 << PLACE_BITS, TRIMMED_MAX = 16, FIXED_MAX = 4096 };

struct cached {
    struct record record; /* id 0: nothing; its texts are slices of what follows */
    char trimmed[TRIMMED_MAX];
    char *fixed; /* on the heap, kept for whoever comes next */
    size_t fixed_len, capacity;
};

static struct cached *place_of(const struct cache *cache, uint64_t id) {
    return &cache->places[id * 0x9E3779B97F4A7C15U >> (64 - PLACE_BITS)];
}

void cache_init(struct cache *cache) {
    cache->places = MEM_ARRAY(PLACES, struct cached);
}

void cache_clear(struct cache *cache) {
    for (size_t i = 0; cache->places != NULL && i < PLACES; i++)
        mem_free(cache->places[i].fixed);
    mem_free(cache->places);
    cache->places = NULL;
}

static void keep_trimmed(struct cached *place, struct str trimmed) {
    place->record.trimmed = STR_NONE;
    if (trimmed.at == NULL)
        return;
    memcpy(place->trimmed, trimmed.at, trimmed.len);
    place->record.trimmed = str_slice(place->trimmed, trimmed.len);
}

void cache_put(struct cache *cache, const struct record *record, struct str fixed) {
    struct cached *place = place_of(cache, record->id);
    place->record.id = 0;
    if (fixed.len > FIXED_MAX || record->trimmed.len > TRIMMED_MAX)
        return; /* few are as large, and memory is bounded */
    if (fixed.len > place->capacity) {
        mem_free(place->fixed);
        place->capacity = (fixed.len + 255) / 256 * 256;
        place->fixed = mem_alloc(place->capacity);
    }
    memcpy(place->fixed, fixed.at, fixed.len);
    place->fixed_len = fixed.len;
    struct record kept = *record;
    if (row_decode(str_slice(place->fixed, fixed.len), &kept) != NULL)
        return;
    place->record = kept;
    keep_trimmed(place, record->trimmed);
}

void cache_update(struct cache *cache, const struct record *record) {
    struct cached *place = place_of(cache, record->id);
    if (place->record.id != record->id)
        return;
    place->record.state = record->state;
    place->record.due_ms = record->due_ms;
    place->record.changed_ms = record->changed_ms;
    place->record.attempts = record->attempts;
    place->record.tries = record->tries;
    place->record.marks = record->marks;
    if (record->trimmed.len > TRIMMED_MAX)
        place->record.id = 0;
    else
        keep_trimmed(place, record->trimmed);
}

void cache_drop(struct cache *cache, uint64_t id) {
    struct cached *place = place_of(cache, id);
    if (place->record.id == id)
        place->record.id = 0;
}

void cache_drop_all(struct cache *cache) {
    for (size_t i = 0; i < PLACES; i++)
        cache->places[i].record.id = 0;
}

bool cache_find(const struct cache *cache, struct arena *arena, uint64_t id, struct record *record) {
    const struct cached *place = place_of(cache, id);
    if (id == 0 || place->record.id != id)
        return false;
    *record = place->record;
    row_keep(arena, record, str_slice(place->fixed, place->fixed_len));
    return true;
}
