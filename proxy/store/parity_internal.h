/* What the files of parity share. */
#ifndef PROXY_STORE_PARITY_INTERNAL_H
#define PROXY_STORE_PARITY_INTERNAL_H

#include "proxy/store/parity.h"

enum { MINUTES = 256, HOURS = 512, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

struct series {
    struct str name;                        /* owned; may hold any bytes, because senders invent types */
    struct parity_cell *minutes, *hours;    /* rings */
    uint64_t unpaired[PARITY_UNPAIRED_IDS]; /* newest first */
    int64_t unpaired_ms[PARITY_UNPAIRED_IDS];
    int64_t last_unreplaced_ms;
    uint32_t young_rules, young_events;
    bool minute_dirty[MINUTES], hour_dirty[HOURS];
};

struct young {
    uint64_t id;
    int64_t at_ms;
    struct series *series;    /* NULL: the message was forgotten */
    bool is_rule, is_waiting; /* waiting: not paired yet */
};

enum note_kind { NOTE_RULE, NOTE_EVENT, NOTE_UNREPLACED, NOTE_PAIR, NOTE_PARTING, NOTE_FORGOTTEN };

struct note {
    enum note_kind kind;
    struct series *series; /* but for NOTE_FORGOTTEN */
    uint64_t id;
    int64_t at_ms;
    struct parity_pair pair; /* NOTE_PAIR, NOTE_PARTING; its type is the series' */
};

/* What was there before it was changed for a commit that is still to come. */
struct undo {
    enum { UNDO_CELL, UNDO_YOUNG, UNDO_UNPAIRED, UNDO_UNREPLACED } kind;
    struct series *series; /* UNDO_UNPAIRED, UNDO_UNREPLACED */
    size_t place;          /* UNDO_YOUNG in the queue, UNDO_UNPAIRED in the list */
    struct parity_cell *cell;
    bool *dirty;
    union {
        struct parity_cell cell;
        struct young young;
        uint64_t unpaired;
        int64_t unreplaced_ms;
    } was;
};

struct parity {
    int64_t window_ms;
    struct series **series; /* by name */
    size_t series_count;
    struct young *queue; /* by id upwards: [first, first + count) of a ring */
    size_t first, count, capacity;
    struct note *notes;
    size_t note_count, note_capacity;
    size_t series_written; /* how many names the store has */
    bool is_written;       /* the notes are counted, and the commit is still to come */
    struct undo *undos;    /* since then, to be undone backwards */
    size_t undo_count, undo_capacity;
    size_t count_before, series_written_before;
};

/* The row of a type, made where it is new, however many there are. */
struct series *parity_series_add(struct parity *parity, struct str type);
void parity_count_notes(struct parity *parity);

void parity_undo_begin(struct parity *parity);
void parity_undo_all(struct parity *parity);
/* To be called before something is changed. */
void parity_undo_cell(struct parity *parity, struct parity_cell *cell, bool *dirty);
void parity_undo_young(struct parity *parity, size_t place);
void parity_undo_unpaired(struct parity *parity, struct series *series, size_t place);
void parity_undo_unreplaced(struct parity *parity, struct series *series);

/* Messages that have been unpaired for longer than the window leave the queue. */
void parity_let_age(struct parity *parity, int64_t now_ms);
void parity_push_young(struct parity *parity, const struct note *note);
/* The entry of a message in that row, or in the first one where `series` is NULL; NULL where it is not young. */
struct young *parity_find_young(struct parity *parity, uint64_t id, const struct series *series, size_t *place);
void parity_remove_young(struct parity *parity, size_t place);
void parity_mark_paired(struct parity *parity, struct series *series, uint64_t id, bool is_paired);
/* Drops all but the oldest `count`. */
void parity_cut_young(struct parity *parity, size_t count);
struct young *parity_young_at(const struct parity *parity, size_t place);

#endif
