/* What the files of parity share. */
#ifndef PROXY_STORE_PARITY_INTERNAL_H
#define PROXY_STORE_PARITY_INTERNAL_H

#include "proxy/store/parity.h"

enum { MINUTES = 256, HOURS = 512, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

struct series {
    struct str name;                        /* owned; may hold any bytes, because senders invent types */
    size_t place;                           /* among the series */
    struct parity_cell *minutes, *hours;    /* rings */
    uint64_t unpaired[PARITY_UNPAIRED_IDS]; /* newest first */
    int64_t unpaired_ms[PARITY_UNPAIRED_IDS];
    int64_t last_unreplaced_ms;
    uint32_t young_rules, young_events;
    unsigned char minute_marks[MINUTES], hour_marks[HOURS]; /* enum cell_mark */
};

enum cell_mark { CELL_KEPT, CELL_CHANGED /* since the cells were written */, CELL_TOUCHED /* by this group as well */ };

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
    unsigned char *mark, was_mark; /* UNDO_CELL */
    union {
        struct parity_cell cell;
        struct young young;
        uint64_t unpaired;
        int64_t unreplaced_ms;
    } was;
};

/* How the store's cells stand to those in memory: what was counted since they were written is in the log. */
struct parity_log {
    int64_t epoch; /* how often the cells were written: entries of another epoch are of the past */
    size_t groups, len;
    size_t names; /* how many the store has */
};

struct parity {
    int64_t window_ms;
    struct series **series; /* by name */
    size_t series_count;
    struct young *queue; /* by id upwards: [first, first + count) of a ring */
    size_t first, count, capacity;
    struct note *notes;
    size_t note_count, note_capacity;
    struct parity_log log, log_before; /* log_before: to go back to when the commit fails */
    struct strbuf entry;               /* what the group under way counts, for the log */
    bool is_written;                   /* the notes are counted, and the commit is still to come */
    bool cells_written;                /* likewise, and the cells are as in memory */
    struct undo *undos;                /* since then, to be undone backwards */
    size_t undo_count, undo_capacity;
    size_t count_before;
};

/* The row of a type, made where it is new, however many there are. */
struct series *parity_series_add(struct parity *parity, struct str type);
/* Counts the notes, and puts into `entry` what was counted. */
void parity_count_notes(struct parity *parity);
/* Counts once more what an entry tells; false where it holds what no entry can. */
bool parity_count_entry(struct parity *parity, struct str entry) MUST_USE;
/* Names, and cells that are not kept as they are. */
enum err parity_cells_write(struct parity *parity, struct backend *backend, struct arena *scratch) MUST_USE;
/* Reads the log, on top of the cells; writes the entry, or all cells and begins the log anew. */
enum err parity_log_read(struct parity *parity, struct backend *backend, struct arena *scratch) MUST_USE;
enum err parity_log_write(struct parity *parity, struct backend *backend, struct arena *scratch) MUST_USE;

void parity_undo_begin(struct parity *parity);
void parity_undo_all(struct parity *parity);
/* To be called before something is changed. */
void parity_undo_cell(struct parity *parity, struct parity_cell *cell, unsigned char *mark);
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
