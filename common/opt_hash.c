/* A hash stands for a value where the value may be a secret that nobody needs to keep. */
#include "common/optfile.h"

#include <xxhash.h>

static uint64_t add_bytes(uint64_t hash, const void *bytes, size_t len) {
    return XXH3_64bits_withSeed(bytes, len, hash + 1);
}

/* Its length goes in too, and whether there is one at all: "a","b" is not "ab". */
static uint64_t add_text(uint64_t hash, struct str text) {
    uint64_t len = text.at == NULL ? UINT64_MAX : text.len;
    hash = add_bytes(hash, &len, sizeof len);
    return text.len == 0 ? hash : add_bytes(hash, text.at, text.len);
}

static uint64_t hash_list(const struct opt_list *list) {
    uint64_t hash = list->count;
    for (size_t i = 0; i < list->count; i++)
        hash = add_text(hash, list->items[i]);
    return hash;
}

static uint64_t hash_object(const struct opt_object *object) {
    uint64_t hash = object->count;
    for (size_t i = 0; i < object->count; i++)
        hash = add_text(add_text(hash, object->pairs[i].name), object->pairs[i].value);
    return hash;
}

static uint64_t hash_durations(const struct opt_durations *durations) {
    uint64_t hash = durations->count;
    return hash == 0 ? hash : add_bytes(hash, durations->ms, durations->count * sizeof *durations->ms);
}

uint64_t opt_value_hash(const struct opt *opt, const void *values) {
    const void *value = (const char *)values + opt->offset;
    switch (opt->type) {
    case OPT_TEXT:
        return add_text(0, *(const struct str *)value);
    case OPT_LIST:
        return hash_list(value);
    case OPT_OBJECT:
        return hash_object(value);
    case OPT_DURATIONS:
        return hash_durations(value);
    case OPT_BOOL:
        return *(const bool *)value ? 1 : 0;
    case OPT_CHOICE:
        return (uint64_t) * (const int *)value;
    case OPT_SIZE:
        return *(const size_t *)value;
    case OPT_INT:
    case OPT_DURATION:
        break;
    }
    return (uint64_t) * (const int64_t *)value;
}
