/* Cells in rings. A type has two rings, of minutes and of hours; the place of a cell follows from its time, so that a
 * new one takes the place of one that is too old to be asked for, here as in the store, and nothing has to be deleted.
 *
 * Messages that are younger than the window may be paired yet. They are in a queue, so that the report can leave them
 * out; who leaves the queue unpaired is remembered by id. The queue is not stored: after a start what is young counts
 * as unpaired until it is paired or old, which errs on the careful side. */
#include "proxy/store/parity_internal.h"

#include "common/mem.h"

#include <stdlib.h>

struct parity *parity_new(int64_t window_ms) {
    struct parity *parity = MEM_NEW(struct parity);
    parity->window_ms = window_ms;
    return parity;
}

void parity_free(struct parity *parity) {
    if (parity == NULL)
        return;
    for (size_t i = 0; i < parity->series_count; i++) {
        mem_free(parity->series[i]->name);
        mem_free(parity->series[i]->minutes);
        mem_free(parity->series[i]->hours);
        mem_free(parity->series[i]);
    }
    mem_free((void *)parity->series);
    mem_free(parity->queue);
    mem_free(parity->notes);
    mem_free(parity);
}

/* What senders invent as types must not fill the memory: past a bound they share one row. */
struct series *parity_series(struct parity *parity, struct str type) {
    struct str name = parity->series_count < PARITY_TYPE_MAX ? type : STR("other");
    size_t low = 0, high = parity->series_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(str_of(parity->series[middle]->name), type);
        if (order == 0)
            return parity->series[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    if (!str_eq(name, type))
        return parity_series(parity, name);
    struct series *series = MEM_NEW(struct series);
    struct strbuf copy = {0};
    strbuf_append(&copy, name);
    series->name = copy.at;
    series->minutes = MEM_ARRAY(MINUTES, struct parity_cell);
    series->hours = MEM_ARRAY(HOURS, struct parity_cell);
    parity->series = mem_resize((void *)parity->series, (parity->series_count + 1) * sizeof(struct series *));
    memmove((void *)&parity->series[low + 1], (void *)&parity->series[low],
            (parity->series_count - low) * sizeof(struct series *));
    parity->series[low] = series;
    parity->series_count++;
    return series;
}

static struct note *add_note(struct parity *parity, enum note_kind kind, struct str type) {
    if (parity->note_count == parity->note_capacity) {
        parity->note_capacity = parity->note_capacity == 0 ? 64 : parity->note_capacity * 2;
        parity->notes = mem_resize(parity->notes, parity->note_capacity * sizeof *parity->notes);
    }
    struct note *note = &parity->notes[parity->note_count++];
    *note = (struct note){.kind = kind, .series = parity_series(parity, type)};
    return note;
}

void parity_note_rule(struct parity *parity, struct str type, uint64_t id, int64_t at_ms, bool is_replaced) {
    struct note *note = add_note(parity, is_replaced ? NOTE_RULE : NOTE_UNREPLACED, type);
    note->id = id;
    note->at_ms = at_ms;
}

void parity_note_event(struct parity *parity, struct str type, uint64_t id, int64_t at_ms) {
    struct note *note = add_note(parity, NOTE_EVENT, type);
    note->id = id;
    note->at_ms = at_ms;
}

void parity_note_pair(struct parity *parity, const struct parity_pair *pair) {
    struct note *note = add_note(parity, NOTE_PAIR, pair->type);
    note->pair = *pair;
}

/* The cell of a moment, emptied where it still holds an older one; marked to be written. */
static struct parity_cell *minute_at(struct series *series, int64_t at_ms) {
    int64_t start = at_ms - at_ms % MINUTE_MS;
    size_t place = (size_t)(start / MINUTE_MS) % MINUTES;
    struct parity_cell *cell = &series->minutes[place];
    if (cell->start_ms > start)
        return NULL; /* of a time that the ring no longer reaches */
    if (cell->start_ms < start)
        *cell = (struct parity_cell){.start_ms = start};
    series->minute_dirty[place] = true;
    return cell;
}

static struct parity_cell *hour_at(struct series *series, int64_t at_ms) {
    int64_t start = at_ms - at_ms % HOUR_MS;
    size_t place = (size_t)(start / HOUR_MS) % HOURS;
    struct parity_cell *cell = &series->hours[place];
    if (cell->start_ms > start)
        return NULL;
    if (cell->start_ms < start)
        *cell = (struct parity_cell){.start_ms = start};
    series->hour_dirty[place] = true;
    return cell;
}

static void push_young(struct parity *parity, const struct note *note) {
    if (parity->count == parity->capacity) {
        size_t capacity = parity->capacity == 0 ? 256 : parity->capacity * 2;
        struct young *larger = MEM_ARRAY(capacity, struct young);
        for (size_t i = 0; i < parity->count; i++)
            larger[i] = parity->queue[(parity->first + i) % parity->capacity];
        mem_free(parity->queue);
        parity->queue = larger;
        parity->first = 0;
        parity->capacity = capacity;
    }
    parity->queue[(parity->first + parity->count++) % parity->capacity] =
        (struct young){note->id, note->at_ms, note->series, note->kind == NOTE_RULE, false};
    *(note->kind == NOTE_RULE ? &note->series->young_rules : &note->series->young_events) += 1;
}

/* The entries of one message follow each other: an event has one per rule type. */
static struct young *find_young(struct parity *parity, uint64_t id, const struct series *series) {
    size_t low = 0, high = parity->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (parity->queue[(parity->first + middle) % parity->capacity].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < parity->count; low++) {
        struct young *young = &parity->queue[(parity->first + low) % parity->capacity];
        if (young->id != id)
            return NULL;
        if (young->series == series)
            return young;
    }
    return NULL;
}

static void mark_paired(struct parity *parity, struct series *series, uint64_t id) {
    struct young *young = find_young(parity, id, series);
    if (young != NULL && !young->is_paired) {
        young->is_paired = true;
        *(young->is_rule ? &series->young_rules : &series->young_events) -= 1;
    }
    for (size_t i = 0; i < PARITY_UNPAIRED_IDS; i++)
        if (series->unpaired[i] == id)
            series->unpaired[i] = 0;
}

static void remember_unpaired(struct series *series, const struct young *young) {
    memmove(&series->unpaired[1], &series->unpaired[0], (PARITY_UNPAIRED_IDS - 1) * sizeof series->unpaired[0]);
    memmove(&series->unpaired_ms[1], &series->unpaired_ms[0],
            (PARITY_UNPAIRED_IDS - 1) * sizeof series->unpaired_ms[0]);
    series->unpaired[0] = young->id;
    series->unpaired_ms[0] = young->at_ms;
}

void parity_let_age(struct parity *parity, int64_t now_ms) {
    while (parity->count > 0) {
        struct young *young = &parity->queue[parity->first];
        if (young->at_ms + parity->window_ms >= now_ms)
            return;
        if (!young->is_paired) {
            *(young->is_rule ? &young->series->young_rules : &young->series->young_events) -= 1;
            if (young->is_rule)
                remember_unpaired(young->series, young);
        }
        parity->first = (parity->first + 1) % parity->capacity;
        parity->count--;
    }
}

static size_t skew_bin(int64_t skew_ms) {
    size_t bin = 0;
    while (bin + 1 < PARITY_SKEW_BINS && skew_ms >= (int64_t)1 << bin)
        bin++;
    return bin;
}

static void count_pair(struct parity_cell *cell, const struct parity_pair *pair) {
    int64_t skew_ms = pair->rule_ms < pair->event_ms ? pair->event_ms - pair->rule_ms : pair->rule_ms - pair->event_ms;
    if (cell == NULL)
        return;
    *(pair->rule < pair->event ? &cell->rule_first : &cell->event_first) += 1;
    cell->skew[skew_bin(skew_ms)]++;
    uint32_t most = skew_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)skew_ms;
    if (most > cell->skew_max_ms)
        cell->skew_max_ms = most;
}

static void count_note_in(struct parity_cell *cell, enum note_kind kind) {
    if (cell == NULL)
        return;
    switch (kind) {
    case NOTE_RULE:
        cell->rules++;
        break;
    case NOTE_EVENT:
        cell->events++;
        break;
    case NOTE_UNREPLACED:
        cell->unreplaced++;
        break;
    case NOTE_PAIR:
        break;
    }
}

static void add_paired(struct parity_cell *cell, bool rule) {
    if (cell != NULL)
        *(rule ? &cell->rules_paired : &cell->events_paired) += 1;
}

static void count_note(struct parity *parity, const struct note *note) {
    struct series *series = note->series;
    if (note->kind != NOTE_PAIR) {
        count_note_in(minute_at(series, note->at_ms), note->kind);
        count_note_in(hour_at(series, note->at_ms), note->kind);
        if (note->kind == NOTE_UNREPLACED)
            series->last_unreplaced_ms = note->at_ms;
        else
            push_young(parity, note);
        return;
    }
    const struct parity_pair *pair = &note->pair;
    int64_t later_ms = pair->rule_ms > pair->event_ms ? pair->rule_ms : pair->event_ms;
    if (pair->is_first_of_rule) {
        add_paired(minute_at(series, pair->rule_ms), true);
        add_paired(hour_at(series, pair->rule_ms), true);
        mark_paired(parity, series, pair->rule);
    }
    if (pair->is_first_of_event) {
        add_paired(minute_at(series, pair->event_ms), false);
        add_paired(hour_at(series, pair->event_ms), false);
        mark_paired(parity, series, pair->event);
    }
    count_pair(minute_at(series, later_ms), pair);
    count_pair(hour_at(series, later_ms), pair);
}

void parity_count_notes(struct parity *parity) {
    for (size_t i = 0; i < parity->note_count; i++)
        count_note(parity, &parity->notes[i]);
    parity->note_count = 0;
}

void parity_forget_young(struct parity *parity) {
    parity->count = 0;
    for (size_t i = 0; i < parity->series_count; i++)
        parity->series[i]->young_rules = parity->series[i]->young_events = 0;
}

void parity_kept(struct parity *parity) {
    parity->is_written = false;
}

void parity_drop(struct parity *parity) {
    parity->note_count = 0;
    parity->is_stale = parity->is_stale || parity->is_written;
    parity->is_written = false;
}
