/* Parity: how completely the events tell what the alerts told, counted as messages come and are paired, so that a
 * report costs the same however many messages are stored.
 *
 * The counts are rows of the store: (rule type, minute), the minutes of an hour merged into one row when it is some
 * hours old. What a group counts is added up in memory and written before its commit; nothing else is kept in memory,
 * so a rollback or a restart has nothing to mend. Messages without a twin are rows too (struct unpaired), so that those
 * younger than the window can be told from those that are older, to the millisecond. One thread, the ledger's. */
#ifndef PROXY_STORE_PARITY_H
#define PROXY_STORE_PARITY_H

#include "proxy/model/parity.h"
#include "proxy/store/backend.h"

enum { PARITY_TYPE_MAX = 256 };

struct parity;

struct parity *parity_new(int64_t window_ms) MUST_USE;
void parity_free(struct parity *parity); /* NULL is fine */
/* Learns which types are counted already. */
enum err parity_open(struct parity *parity, struct backend *backend) MUST_USE;

/* Within a group; `at_ms` is the arrival of the message that is counted. The name of the type is copied. */
void parity_count(struct parity *parity, struct str type, int64_t at_ms, enum parity_number number, int64_t by);
/* An alert that no event replaces. Senders invent such types: past a bound they share the row "other". */
void parity_count_unreplaced(struct parity *parity, struct str type, int64_t at_ms);

struct parity_pair {
    struct str type; /* of the rule */
    uint64_t rule, event;
    int64_t rule_ms, event_ms; /* arrivals */
};
/* Which came first, and how far apart; `by` is 1, or -1 for a pair that is taken back. */
void parity_count_pair(struct parity *parity, const struct parity_pair *pair, int64_t by);

/* The group is about to be committed: writes what it counted. */
enum err parity_write(struct parity *parity, struct backend *backend) MUST_USE;
void parity_drop(struct parity *parity); /* the group is rolled back */

/* Removes what is older than `oldest_ms`, and merges minutes into hours. `*merged_ms`: how far that has come, kept by
 * the caller because a rollback takes it back. */
enum err parity_tidy(struct backend *backend, struct arena *arena, int64_t now_ms, int64_t oldest_ms,
                     int64_t *merged_ms) MUST_USE;

/* Over [since_ms, now_ms]; the bucket in which the period begins counts whole: a minute, of periods beyond two hours an
 * hour. What is committed or written, not what the group under way has counted so far. */
enum err parity_report(const struct parity *parity, struct backend *backend, struct arena *arena, int64_t since_ms,
                       int64_t now_ms, struct parity_report *report) MUST_USE;

#endif
