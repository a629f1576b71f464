/* Who handled what: one entry per business occurrence, read from the ledger alone.
 *
 * An occurrence is an item of an event with the rules that are its twins, or a rule without a twin. It belongs to the
 * period in which its first message came, so that periods side by side tell each of them once. */
#ifndef PROXY_STORE_LEDGER_AUDIT_H
#define PROXY_STORE_LEDGER_AUDIT_H

#include "proxy/store/ledger.h"

struct occurrence {
    struct str key;          /* what it is about: the first fact; absent where the message states none */
    struct record *messages; /* the event first where there is one, then the rules by id */
    size_t message_count;
    uint32_t item;                     /* of the event */
    size_t handled_by[ENDPOINT_COUNT]; /* how many of the messages were handled, by endpoint */
    bool is_leaning;                   /* suppressed by a twin that is past its retention */
    uint32_t of_key; /* the key recurs: so many messages of one generation state it within the window; else 1 */
};

/* once: by exactly one side. waiting: by nobody yet, and it is not over. */
enum handling { HANDLED_ONCE, HANDLED_BY_BOTH, HANDLED_BY_NOBODY, HANDLED_WAITING, HANDLING_COUNT };

enum handling occurrence_handling(const struct occurrence *occurrence);
const char *handling_name(enum handling handling); /* "once", "both", "nobody", "waiting" */
/* Was the message handled with the item that the occurrence is? */
bool occurrence_was_handled(const struct occurrence *occurrence, const struct record *record);

struct audit_page {
    struct occurrence *occurrences; /* in the arena, by their first message, the newest first */
    size_t count, capacity;
    size_t messages;    /* looked at */
    uint64_t looked_to; /* go on below it; 0: there are no more */
};

/* One step: looks at up to `filter->look_max` messages below `filter->before`. The type, exact or a prefix, may be that
 * of any message of an occurrence; of the filter, period, company and type count. */
enum err ledger_audit(struct ledger *ledger, struct arena *arena, const struct filter *filter,
                      struct audit_page *page) MUST_USE;

#endif
