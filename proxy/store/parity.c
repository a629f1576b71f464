/* Buckets are kept by minute, because a period may be as short, and merged by hour, because retention is long. What a
 * group counts is added to its buckets by one statement each, however many messages the group had. */
#include "proxy/store/parity_internal.h"

#include "common/fault.h"
#include "common/mem.h"

#include <errno.h>
#include <string.h>

struct parity *parity_new(int64_t window_ms) {
    struct parity *parity = MEM_NEW(struct parity);
    parity->window_ms = window_ms;
    return parity;
}

void parity_free(struct parity *parity) {
    if (parity == NULL)
        return;
    for (size_t i = 0; i < parity->type_count; i++)
        mem_free((char *)(uintptr_t)parity->types[i].at); /* ours, made by add_type() */
    mem_free(parity->types);
    mem_free(parity->counted);
    mem_free(parity);
}

int64_t parity_floor(int64_t at_ms, int64_t step_ms) {
    int64_t over = at_ms % step_ms;
    return at_ms - (over < 0 ? over + step_ms : over);
}

/* Where the type is, or belongs. */
static bool find_type(const struct parity *parity, struct str type, size_t *place) {
    size_t low = 0, high = parity->type_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(parity->types[middle], type);
        if (order == 0) {
            *place = middle;
            return true;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    *place = low;
    return false;
}

static struct str add_type(struct parity *parity, struct str type) {
    size_t place;
    if (find_type(parity, type, &place))
        return parity->types[place];
    parity->types = mem_resize(parity->types, (parity->type_count + 1) * sizeof *parity->types);
    memmove(&parity->types[place + 1], &parity->types[place], (parity->type_count - place) * sizeof *parity->types);
    parity->types[place] = str_slice(mem_copy(type.at, type.len), type.len);
    parity->type_count++;
    return parity->types[place];
}

static void learn_type(void *arg, const struct parity_bucket *bucket) {
    (void)add_type(arg, bucket->type);
}

enum err parity_open(struct parity *parity, struct backend *backend) {
    return backend->ops->each_parity(backend, INT64_MIN, INT64_MAX, false, learn_type, parity);
}

/* The group's numbers of that type and minute; few are open at a time. */
static struct parity_counts *counts_at(struct parity *parity, struct str type, int64_t at_ms) {
    int64_t start_ms = parity_floor(at_ms, PARITY_MINUTE_MS);
    for (size_t i = parity->counted_count; i > 0; i--)
        if (parity->counted[i - 1].start_ms == start_ms && str_eq(parity->counted[i - 1].type, type))
            return &parity->counted[i - 1].counts;
    if (parity->counted_count == parity->counted_capacity) {
        parity->counted_capacity = parity->counted_capacity == 0 ? 16 : parity->counted_capacity * 2;
        parity->counted = mem_resize(parity->counted, parity->counted_capacity * sizeof *parity->counted);
    }
    struct parity_bucket *bucket = &parity->counted[parity->counted_count++];
    *bucket = (struct parity_bucket){.start_ms = start_ms, .type = add_type(parity, type)};
    return &bucket->counts;
}

void parity_count(struct parity *parity, struct str type, int64_t at_ms, enum parity_number number, int64_t by) {
    counts_at(parity, type, at_ms)->n[number] += by;
}

void parity_count_unreplaced(struct parity *parity, struct str type, int64_t at_ms) {
    size_t place;
    if (!find_type(parity, type, &place) && parity->type_count >= PARITY_TYPE_MAX)
        type = STR("other");
    struct parity_counts *counts = counts_at(parity, type, at_ms);
    counts->n[PARITY_UNREPLACED]++;
    if (at_ms > counts->last_unreplaced_ms)
        counts->last_unreplaced_ms = at_ms;
}

static size_t skew_bin(int64_t skew_ms) {
    size_t bin = 0;
    while (bin + 1 < PARITY_SKEW_BINS && skew_ms >= (int64_t)1 << bin)
        bin++;
    return bin;
}

void parity_count_pair(struct parity *parity, const struct parity_pair *pair, int64_t by) {
    int64_t later_ms = pair->rule_ms > pair->event_ms ? pair->rule_ms : pair->event_ms;
    int64_t skew_ms = pair->rule_ms < pair->event_ms ? pair->event_ms - pair->rule_ms : pair->rule_ms - pair->event_ms;
    struct parity_counts *counts = counts_at(parity, pair->type, later_ms);
    counts->n[pair->rule < pair->event ? PARITY_RULE_FIRST : PARITY_EVENT_FIRST] += by;
    counts->skew[skew_bin(skew_ms)] += by;
    if (by > 0 && skew_ms > counts->skew_max_ms)
        counts->skew_max_ms = skew_ms;
}

enum err parity_write(struct parity *parity, struct backend *backend) {
    enum err err = ERR_NONE;
    if (parity->counted_count > 0 && FAULT("parity.write", EIO))
        err = err_set(&backend->detail, ERR_IO, "parity cannot be written");
    for (size_t i = 0; i < parity->counted_count && err == ERR_NONE; i++)
        err = backend->ops->add_parity(backend, &parity->counted[i]);
    if (err == ERR_NONE)
        parity->counted_count = 0;
    return err;
}

void parity_drop(struct parity *parity) {
    parity->counted_count = 0;
}
