/* What a group has changed is undone when its commit fails. What has left the queue because of its age has not left it
 * because of the group, and stays out: it ages before anything is counted. */
#include "proxy/store/parity_internal.h"

#include "common/mem.h"

static int64_t latest(const struct parity *parity) {
    int64_t latest_ms = 0;
    for (size_t i = 0; i < parity->note_count; i++)
        latest_ms = parity->notes[i].at_ms > latest_ms ? parity->notes[i].at_ms : latest_ms;
    return latest_ms;
}

void parity_undo_begin(struct parity *parity) {
    parity_let_age(parity,
                   latest(parity)); /* so that the queue is as long as the window, whether anybody asks or not */
    parity->is_written = true;
    parity->undo_count = 0;
    parity->count_before = parity->count;
    parity->log_before = parity->log;
}

static struct undo *add_undo(struct parity *parity) {
    if (parity->undo_count == parity->undo_capacity) {
        parity->undo_capacity = parity->undo_capacity == 0 ? 64 : parity->undo_capacity * 2;
        parity->undos = mem_resize(parity->undos, parity->undo_capacity * sizeof *parity->undos);
    }
    struct undo *undo = &parity->undos[parity->undo_count++];
    *undo = (struct undo){0};
    return undo;
}

void parity_undo_cell(struct parity *parity, struct parity_cell *cell, unsigned char *mark) {
    struct undo *undo = add_undo(parity);
    undo->kind = UNDO_CELL;
    undo->cell = cell;
    undo->mark = mark;
    undo->was.cell = *cell;
    undo->was_mark = *mark;
}

void parity_undo_young(struct parity *parity, size_t place) {
    struct undo *undo = add_undo(parity);
    undo->kind = UNDO_YOUNG;
    undo->place = place;
    undo->was.young = *parity_young_at(parity, place);
}

void parity_undo_unpaired(struct parity *parity, struct series *series, size_t place) {
    struct undo *undo = add_undo(parity);
    undo->kind = UNDO_UNPAIRED;
    undo->series = series;
    undo->place = place;
    undo->was.unpaired = series->unpaired[place];
}

void parity_undo_unreplaced(struct parity *parity, struct series *series) {
    struct undo *undo = add_undo(parity);
    undo->kind = UNDO_UNREPLACED;
    undo->series = series;
    undo->was.unreplaced_ms = series->last_unreplaced_ms;
}

static void undo_one(struct parity *parity, const struct undo *undo) {
    switch (undo->kind) {
    case UNDO_CELL:
        *undo->cell = undo->was.cell;
        *undo->mark = undo->was_mark;
        break;
    case UNDO_YOUNG:
        *parity_young_at(parity, undo->place) = undo->was.young;
        break;
    case UNDO_UNPAIRED:
        undo->series->unpaired[undo->place] = undo->was.unpaired;
        break;
    case UNDO_UNREPLACED:
        undo->series->last_unreplaced_ms = undo->was.unreplaced_ms;
        break;
    }
}

void parity_undo_all(struct parity *parity) {
    while (parity->undo_count > 0)
        undo_one(parity, &parity->undos[--parity->undo_count]);
    parity_cut_young(parity, parity->count_before);
    parity->log = parity->log_before;
}
