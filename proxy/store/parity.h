/* Parity: how completely the new generation tells what the old one told, counted as messages come and are paired, so
 * that a report costs the same however many messages are stored.
 *
 * Counts are kept per rule type, in minutes for the last hours and in hours for as long as a ring of them reaches. In
 * memory they are cells; in the store each cell is a small named value, written with the group that changed it. What a
 * group notes counts only when it is committed. One thread, the ledger's. */
#ifndef PROXY_STORE_PARITY_H
#define PROXY_STORE_PARITY_H

#include "proxy/store/backend.h"

enum { PARITY_SKEW_BINS = 32, PARITY_UNPAIRED_IDS = 8, PARITY_TYPE_MAX = 256 };

struct parity_cell {
    int64_t start_ms;
    uint32_t rules, events;               /* messages that have a counterpart, by arrival */
    uint32_t rules_paired, events_paired; /* of these */
    uint32_t rule_first, event_first;     /* pairs, by the arrival of their later message */
    uint32_t unreplaced;                  /* rule messages to which nothing corresponds */
    uint32_t skew_max_ms;                 /* between the arrivals of a pair */
    uint32_t skew[PARITY_SKEW_BINS];      /* bin i: below 2^i ms */
};

struct parity_row {
    struct str type; /* rule type */
    struct parity_cell sum;
    uint32_t young_rules, young_events; /* unpaired, but not for longer than the window: not counted as unpaired yet */
    uint64_t unpaired[PARITY_UNPAIRED_IDS]; /* rules that went unpaired, newest first; 0: none */
    int64_t unpaired_since_ms;              /* arrival of the oldest of those in the period, 0 where none is known */
    int64_t last_unreplaced_ms;
};

struct parity;

struct parity *parity_new(int64_t window_ms) MUST_USE;
void parity_free(struct parity *parity);
/* Reads what the backend has of the time that the rings reach. */
enum err parity_read(struct parity *parity, struct backend *backend, struct arena *scratch) MUST_USE;

/* Notes, within a group. Type names are copied. */
void parity_note_rule(struct parity *parity, struct str type, uint64_t id, int64_t at_ms, bool is_replaced);
void parity_note_event(struct parity *parity, struct str type, uint64_t id, int64_t at_ms);
struct parity_pair {
    struct str type; /* of the rule */
    uint64_t rule, event;
    int64_t rule_ms, event_ms;                /* arrivals */
    bool is_first_of_rule, is_first_of_event; /* neither of them had a twin (of that type) before */
};
void parity_note_pair(struct parity *parity, const struct parity_pair *pair);
/* One of the two is forgotten, because its sender was promised nothing and comes again: the pair is none any more
 * (`first`: has no other twin left), nor has the message come. What is older than the window stays counted. */
void parity_note_parting(struct parity *parity, const struct parity_pair *pair);
void parity_note_forgotten(struct parity *parity, uint64_t id);

/* The group is about to be committed: counts its notes and writes the cells. On an error, or when the commit then
 * fails, parity_drop(). */
enum err parity_write(struct parity *parity, struct backend *backend) MUST_USE;
void parity_kept(struct parity *parity); /* the commit has succeeded */
void parity_drop(struct parity *parity); /* nothing of the group has happened */

/* One row per rule type, by name, summed over [since_ms, now_ms]. */
void parity_report(struct parity *parity, struct arena *arena, int64_t since_ms, int64_t now_ms,
                   struct parity_row **rows, size_t *count);

/* Upper bound of the skew below which a share (0 to 1) of the pairs lies; -1 where there are none. */
int64_t parity_skew_ms(const struct parity_cell *cell, double share);

#endif
