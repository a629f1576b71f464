/* Messages that are younger than the window may be paired yet. They are in a queue, by id, so that the report can
 * leave them out; a rule that leaves the queue unpaired is remembered by id. The queue is not stored: after a start
 * what is young counts as unpaired until it is paired, which errs on the careful side. */
#include "proxy/store/parity_internal.h"

#include "common/mem.h"

/* Some 10 MiB. Where more come within the window, the oldest count as unpaired until they are paired. */
enum { YOUNG_MAX = 200000 };

struct young *parity_young_at(const struct parity *parity, size_t place) {
    return &parity->queue[(parity->first + place) & (parity->capacity - 1)]; /* a power of 2 */
}

static uint32_t *waiting(const struct young *young) {
    return young->is_rule ? &young->series->young_rules : &young->series->young_events;
}

static void grow(struct parity *parity) {
    size_t capacity = parity->capacity == 0 ? 256 : parity->capacity * 2;
    struct young *larger = MEM_ARRAY(capacity, struct young);
    for (size_t i = 0; i < parity->count; i++)
        larger[i] = *parity_young_at(parity, i);
    mem_free(parity->queue);
    parity->queue = larger;
    parity->first = 0;
    parity->capacity = capacity;
}

void parity_push_young(struct parity *parity, const struct note *note) {
    if (parity->count == parity->capacity)
        grow(parity);
    struct young *young = parity_young_at(parity, parity->count++);
    *young = (struct young){note->id, note->at_ms, note->series, note->kind == NOTE_RULE, true};
    ++*waiting(young);
}

/* The entries of one message follow each other: an event has one per rule type. */
struct young *parity_find_young(struct parity *parity, uint64_t id, const struct series *series, size_t *place) {
    size_t low = 0, high = parity->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (parity_young_at(parity, middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < parity->count && parity_young_at(parity, low)->id == id; low++) {
        struct young *young = parity_young_at(parity, low);
        *place = low;
        if (young->series != NULL && (series == NULL || young->series == series))
            return young;
    }
    return NULL;
}

void parity_remove_young(struct parity *parity, size_t place) {
    struct young *young = parity_young_at(parity, place);
    parity_undo_young(parity, place);
    if (young->is_waiting)
        --*waiting(young);
    young->is_waiting = false;
    young->series = NULL; /* its place goes when its time has come */
}

void parity_mark_paired(struct parity *parity, struct series *series, uint64_t id, bool is_paired) {
    size_t place;
    struct young *young = parity_find_young(parity, id, series, &place);
    if (young != NULL && young->is_waiting == is_paired) {
        parity_undo_young(parity, place);
        *waiting(young) += is_paired ? -1U : 1U;
        young->is_waiting = !is_paired;
    }
    for (size_t i = 0; i < PARITY_UNPAIRED_IDS && is_paired; i++)
        if (series->unpaired[i] == id) {
            parity_undo_unpaired(parity, series, i);
            series->unpaired[i] = 0;
        }
}

static void remember_unpaired(struct series *series, const struct young *young) {
    memmove(&series->unpaired[1], &series->unpaired[0], (PARITY_UNPAIRED_IDS - 1) * sizeof series->unpaired[0]);
    memmove(&series->unpaired_ms[1], &series->unpaired_ms[0],
            (PARITY_UNPAIRED_IDS - 1) * sizeof series->unpaired_ms[0]);
    series->unpaired[0] = young->id;
    series->unpaired_ms[0] = young->at_ms;
}

void parity_let_age(struct parity *parity, int64_t now_ms) {
    for (; parity->count > 0; parity->count--) {
        struct young *young = parity_young_at(parity, 0);
        if (young->at_ms + parity->window_ms >= now_ms && parity->count <= YOUNG_MAX)
            return;
        if (young->is_waiting) {
            --*waiting(young);
            if (young->is_rule)
                remember_unpaired(young->series, young);
        }
        parity->first = (parity->first + 1) & (parity->capacity - 1);
    }
}

void parity_cut_young(struct parity *parity, size_t count) {
    parity->count = count;
    for (size_t i = 0; i < parity->series_count; i++)
        parity->series[i]->young_rules = parity->series[i]->young_events = 0;
    for (size_t i = 0; i < count; i++)
        if (parity_young_at(parity, i)->is_waiting)
            ++*waiting(parity_young_at(parity, i));
}
