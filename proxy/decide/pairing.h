/* Which messages are twins, and what becomes of a message whose twins are known.
 *
 * Pure functions: what they need is in their arguments, time included. The store looks candidates up and writes the
 * answers down; tests and explanations call the same functions. */
#ifndef PROXY_DECIDE_PAIRING_H
#define PROXY_DECIDE_PAIRING_H

#include "proxy/model/message.h"
#include "proxy/model/settings.h" /* enum prefer */

/* Why a candidate did or did not become a twin. */
enum match_verdict {
    MATCH_TWIN,    /* it did */
    MATCH_TOO_FAR, /* window fact, further apart in time than the window */
    MATCH_TAKEN,   /* window fact, and one of the two has its twin already */
    MATCH_FARTHER, /* window fact, and a nearer candidate of this arrival came first */
};

/* A message of the other generation that states a fact which an item of the arriving message states too. */
struct candidate {
    uint64_t message;           /* the candidate */
    uint32_t item;              /* which of its items (0 for a rule) */
    uint32_t own_item;          /* which item of the arriving message */
    enum fact_match match;      /* exact where any shared fact is exact */
    int64_t time_ms;            /* when the candidate happened */
    uint64_t group;             /* rule_group() of whichever of the two is the rule */
    bool taken;                 /* candidate rule: has a twin; candidate item: has a twin of this group */
    enum match_verdict verdict; /* written by pairing_choose() */
};

/* Decides which candidates are twins of a message that arrives now, and says why the others are not: every exact
 * one; of the windowed ones at most one per item and group, the nearest in time first, each rule at most once.
 * Sorts the array (exact ones first, then by distance). */
void pairing_choose(struct candidate *candidates, size_t count, enum generation arriving, int64_t time_ms,
                    int64_t window_ms);

const char *match_verdict_text(enum match_verdict verdict); /* for people */

/* What a decision rests on. */
struct standing {
    size_t item_count, covered_count; /* an item is covered when a twin of it is handled */
    bool own_on, other_on;            /* flags of the message's endpoint and of the opposite one, for this message */
    bool may_hold;           /* pairing.prefer gives its occurrence to the other side, and this is its arrival */
    bool may_expire_at_once; /* pairing.park_for is 0 */
};

enum fate { FATE_DELIVER, FATE_DELIVER_REST, FATE_HOLD, FATE_PARK, FATE_EXPIRE, FATE_SUPPRESS };

/* The table of "on arrival"; also for every later decision. FATE_DELIVER_REST: the covered items need not go. */
enum fate pairing_decide(const struct standing *standing);

/* May a message be held for the other side, by the preference for its type? */
bool pairing_may_hold(enum prefer prefer, const struct message *message);

#endif
