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
    bool is_stale;         /* a commit failed after that: the cells are to be read again */
};

/* The row of a type, made where it is new, however many there are. */
struct series *parity_series_add(struct parity *parity, struct str type);
void parity_count_notes(struct parity *parity);

/* Messages that have been unpaired for longer than the window leave the queue. */
void parity_let_age(struct parity *parity, int64_t now_ms);
void parity_push_young(struct parity *parity, const struct note *note);
/* The entry of a message in that row, or in the first one where `series` is NULL; NULL where it is not young. */
struct young *parity_find_young(struct parity *parity, uint64_t id, const struct series *series);
void parity_remove_young(struct young *young);
void parity_mark_paired(struct parity *parity, struct series *series, uint64_t id, bool is_paired);
void parity_forget_young(struct parity *parity);

#endif
