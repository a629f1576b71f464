/* What is counted of alerts and events, as plain numbers: the store keeps them, the verdict reads them.
 *
 * A bucket holds the numbers of one rule type over a stretch of time. Numbers may be negative in a bucket, because
 * what was counted in one can be taken back in another; sums are not. */
#ifndef PROXY_MODEL_PARITY_H
#define PROXY_MODEL_PARITY_H

#include "common/base.h"
#include "common/str.h"

enum { PARITY_SKEW_BINS = 32 };

/* Stands for the type of messages in no known shape that go to legacy: no event replaces them. */
#define PARITY_UNRECOGNISED "unrecognised"
/* Likewise of what is counted of events whatever they replace. */
#define PARITY_NEW_SIDE "new-consumer"

enum parity_number {
    PARITY_RULES,               /* alerts of a kind that an event replaces, by arrival */
    PARITY_EVENTS,              /* events that replace the rule type */
    PARITY_EVENTS_AGAIN,        /* of these: counted under another rule type already */
    PARITY_RULES_PAIRED,        /* alerts that have a twin */
    PARITY_EVENTS_PAIRED,       /* events that have a twin of the rule type */
    PARITY_EVENTS_PAIRED_AGAIN, /* of these: they have a twin of another rule type too */
    PARITY_UNHANDLED,           /* alerts that nobody handles at present: parked, held, dead or expired */
    PARITY_UNHANDLED_PAIRED,    /* of these: they have a twin, which is not handled either */
    PARITY_RULE_FIRST,          /* pairs, by the arrival of their later message */
    PARITY_EVENT_FIRST,
    PARITY_UNREPLACED,  /* alerts that no event replaces */
    PARITY_NEAR_MISSES, /* pairs that were too far apart in time to be twins */
    PARITY_DIED,        /* events that the new consumer failed for good, under PARITY_NEW_SIDE */
    PARITY_NUMBERS
};

struct parity_counts {
    int64_t n[PARITY_NUMBERS];
    int64_t skew[PARITY_SKEW_BINS]; /* pairs by the time between their arrivals; bin i: below 2^i ms */
    int64_t skew_max_ms;            /* the longest; it stays when the pair is taken back */
    int64_t last_unreplaced_ms;     /* arrival of the last alert that no event replaces; 0: none */
};

struct parity_bucket {
    int64_t start_ms;
    struct str type; /* rule type */
    struct parity_counts counts;
};

/* A message that has no twin: one row for an alert, one per rule type for an event. In the order of arrival. */
struct unpaired {
    int64_t received_ms;
    uint64_t message;
    struct str type; /* rule type */
    bool is_rule;
};

/* What a report tells of one rule type. */
struct parity_row {
    struct str type;
    struct parity_counts sum;              /* over the period */
    int64_t rule_only, event_only;         /* without a twin for longer than the window */
    int64_t rules_waiting, events_waiting; /* without a twin, and younger */
    int64_t unhandled_only;                /* alerts of rule_only that nobody handles */
    int64_t seen, proven;                  /* alerts ever seen; those of a pair that was handled */
    int64_t waiting_until_ms;              /* when the youngest of the waiting alerts is past the window; 0: none */
    int64_t unpaired_since_ms;             /* arrival of the first alert of rule_only; 0: none */
    uint64_t last_unpaired;                /* the last one; 0: none, or too far to look for */
};

struct parity_report {
    int64_t since_ms, until_ms, window_ms;
    struct parity_row *rows; /* by type */
    size_t row_count;
    int64_t events_only, events_waiting; /* messages, each counted once whatever it replaces */
};

/* Upper bound of the skew below which a share (0 to 1) of the pairs lies; -1 where there are none. */
int64_t parity_skew_ms(const struct parity_counts *counts, double share);
void parity_counts_add(struct parity_counts *sum, const struct parity_counts *counts);

#endif
