/* Open addressing with linear probing; a removal moves later entries of its run up, so no tombstones gather. */
#include "proxy/store/idset.h"

#include "common/mem.h"

static size_t home(const struct idset *set, uint64_t id) {
    return (size_t)((id * 0x9E3779B97F4A7C15U) >> 32) & (set->capacity - 1);
}

static size_t find(const struct idset *set, uint64_t id) {
    size_t at = home(set, id);
    while (set->slots[at] != 0 && set->slots[at] != id)
        at = (at + 1) & (set->capacity - 1);
    return at;
}

void idset_clear(struct idset *set) {
    mem_free(set->slots);
    *set = (struct idset){0};
}

bool idset_has(const struct idset *set, uint64_t id) {
    return set->count > 0 && set->slots[find(set, id)] == id;
}

static void grow(struct idset *set) {
    struct idset larger = {.capacity = set->capacity == 0 ? 64 : set->capacity * 2, .count = set->count};
    larger.slots = MEM_ARRAY(larger.capacity, uint64_t);
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i] != 0)
            larger.slots[find(&larger, set->slots[i])] = set->slots[i];
    mem_free(set->slots);
    *set = larger;
}

bool idset_add(struct idset *set, uint64_t id) {
    if ((set->count + 1) * 2 > set->capacity)
        grow(set);
    size_t at = find(set, id);
    if (set->slots[at] == id)
        return false;
    set->slots[at] = id;
    set->count++;
    return true;
}

bool idset_remove(struct idset *set, uint64_t id) {
    if (!idset_has(set, id))
        return false;
    size_t mask = set->capacity - 1, hole = find(set, id);
    for (size_t at = (hole + 1) & mask; set->slots[at] != 0; at = (at + 1) & mask) {
        size_t wants = home(set, set->slots[at]);
        if (((at - wants) & mask) >= ((at - hole) & mask)) { /* the hole lies on its way home */
            set->slots[hole] = set->slots[at];
            hole = at;
        }
    }
    set->slots[hole] = 0;
    set->count--;
    return true;
}
