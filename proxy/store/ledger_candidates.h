/* The stored messages that state what an arriving message states. Everything lives in the ledger's scratch arena. */
#ifndef PROXY_STORE_LEDGER_CANDIDATES_H
#define PROXY_STORE_LEDGER_CANDIDATES_H

#include "proxy/store/ledger_internal.h"

/* A message that was found, loaded once. */
struct other {
    struct record record;
    bool is_gone; /* past its retention, or damaged */
    bool is_marked;
    struct str taken; /* bitmap: its items that have a twin (of an event: of the arriving rule's group) */
    /* of the key that is looked up now: its items that state it, and those that were found */
    const void *sought;
    struct str states, considered;
    char *considered_bits;
};

/* By id. */
struct others {
    struct other **places;
    size_t place_count, count;
};

const struct record *others_find(const struct others *others, uint64_t id); /* NULL: was not found */

/* Marks one that was found; false: it was marked before. */
bool others_mark(struct others *others, uint64_t id);

/* All that state a fact of the message, within NEAR_MISS_WINDOWS windows by either clock where the fact recurs, judged
 * by pairing_choose(). */
enum err ledger_find_candidates(struct ledger *ledger, const struct message *message, const struct record *record,
                                int64_t now_ms, struct candidates *list, struct others *others) MUST_USE;

/* All rows of a hash between two times, however many. */
enum err ledger_find_rows(struct ledger *ledger, uint64_t hash, int64_t from_ms, int64_t to_ms, struct fact_row **rows,
                          size_t *count) MUST_USE;

#endif
