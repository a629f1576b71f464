/* Cells in rings. A type has two rings, of minutes and of hours; the place of a cell follows from its time, so that a
 * new one takes the place of one that is too old to be asked for, here as in the store, and nothing has to be deleted.
 *
 * What a group notes waits in a list until the group is about to be committed. It is counted then, and undone where the
 * commit fails after that. */
#include "proxy/store/parity_internal.h"

#include "common/mem.h"

struct parity *parity_new(int64_t window_ms) {
    struct parity *parity = MEM_NEW(struct parity);
    parity->window_ms = window_ms;
    return parity;
}

static void series_free(struct series *series) {
    mem_free((char *)(uintptr_t)series->name.at); /* ours, made by series_new() */
    mem_free(series->minutes);
    mem_free(series->hours);
    mem_free(series);
}

void parity_free(struct parity *parity) {
    if (parity == NULL)
        return;
    for (size_t i = 0; i < parity->series_count; i++)
        series_free(parity->series[i]);
    mem_free((void *)parity->series);
    mem_free(parity->queue);
    mem_free(parity->notes);
    mem_free(parity->undos);
    strbuf_clear(&parity->entry);
    mem_free(parity);
}

static struct series *series_new(struct str name) {
    struct series *series = MEM_NEW(struct series);
    struct strbuf copy = {0};
    strbuf_append(&copy, name);
    series->name = strbuf_str(&copy);
    series->minutes = MEM_ARRAY(MINUTES, struct parity_cell);
    series->hours = MEM_ARRAY(HOURS, struct parity_cell);
    return series;
}

/* Where the type is, or belongs. */
static bool find_place(const struct parity *parity, struct str type, size_t *place) {
    size_t low = 0, high = parity->series_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(parity->series[middle]->name, type);
        if (order == 0) {
            *place = middle;
            return true;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    *place = low;
    return false;
}

struct series *parity_series_add(struct parity *parity, struct str type) {
    size_t place;
    if (find_place(parity, type, &place))
        return parity->series[place];
    parity->series = mem_resize((void *)parity->series, (parity->series_count + 1) * sizeof(struct series *));
    memmove((void *)&parity->series[place + 1], (void *)&parity->series[place],
            (parity->series_count - place) * sizeof(struct series *));
    parity->series[place] = series_new(type);
    parity->series_count++;
    for (size_t i = place; i < parity->series_count; i++)
        parity->series[i]->place = i;
    return parity->series[place];
}

/* What senders invent as types must not fill the memory: past a bound they share one row. */
static struct series *series_of(struct parity *parity, struct str type) {
    size_t place;
    if (find_place(parity, type, &place))
        return parity->series[place];
    return parity_series_add(parity, parity->series_count < PARITY_TYPE_MAX ? type : STR("other"));
}

static struct note *add_note(struct parity *parity, enum note_kind kind) {
    if (parity->note_count == parity->note_capacity) {
        parity->note_capacity = parity->note_capacity == 0 ? 64 : parity->note_capacity * 2;
        parity->notes = mem_resize(parity->notes, parity->note_capacity * sizeof *parity->notes);
    }
    struct note *note = &parity->notes[parity->note_count++];
    *note = (struct note){.kind = kind};
    return note;
}

static void note_message(struct parity *parity, enum note_kind kind, struct str type, uint64_t id, int64_t at_ms) {
    struct note *note = add_note(parity, kind);
    note->series = series_of(parity, type);
    note->id = id;
    note->at_ms = at_ms;
}

void parity_note_rule(struct parity *parity, struct str type, uint64_t id, int64_t at_ms, bool is_replaced) {
    note_message(parity, is_replaced ? NOTE_RULE : NOTE_UNREPLACED, type, id, at_ms);
}

void parity_note_event(struct parity *parity, struct str type, uint64_t id, int64_t at_ms) {
    note_message(parity, NOTE_EVENT, type, id, at_ms);
}

void parity_note_pair(struct parity *parity, const struct parity_pair *pair) {
    struct note *note = add_note(parity, NOTE_PAIR);
    note->series = series_of(parity, pair->type);
    note->pair = *pair;
}

void parity_note_parting(struct parity *parity, const struct parity_pair *pair) {
    parity_note_pair(parity, pair);
    parity->notes[parity->note_count - 1].kind = NOTE_PARTING;
}

void parity_note_forgotten(struct parity *parity, uint64_t id) {
    add_note(parity, NOTE_FORGOTTEN)->id = id;
}

void parity_kept(struct parity *parity) {
    for (size_t i = 0; i < parity->undo_count; i++)
        if (parity->undos[i].kind == UNDO_CELL)
            *parity->undos[i].mark = CELL_CHANGED;
    for (size_t i = 0; i < parity->series_count && parity->cells_written; i++) {
        memset(parity->series[i]->minute_marks, CELL_KEPT, MINUTES);
        memset(parity->series[i]->hour_marks, CELL_KEPT, HOURS);
    }
    parity->is_written = parity->cells_written = false;
    parity->undo_count = 0;
}

void parity_drop(struct parity *parity) {
    parity->note_count = 0;
    if (parity->is_written)
        parity_undo_all(parity);
    parity->is_written = parity->cells_written = false;
}
