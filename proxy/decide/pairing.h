/* Which messages are twins, and what becomes of a message whose twins are known.
 *
 * Pure functions: what they need is in their arguments, time included. The store looks candidates up and writes the
 * answers down; tests and explanations call the same functions. */
#ifndef PROXY_DECIDE_PAIRING_H
#define PROXY_DECIDE_PAIRING_H

#include "common/err.h"
#include "proxy/model/message.h"
#include "proxy/model/settings.h" /* enum prefer */

/* Why a candidate did or did not become a twin. */
enum match_verdict {
    MATCH_TWIN,      /* it did */
    MATCH_TOO_FAR,   /* window fact, further apart in time than the window, by either clock */
    MATCH_TAKEN,     /* window fact, and one of the two has its twin already */
    MATCH_FARTHER,   /* window fact, and a nearer candidate of this arrival came first */
    MATCH_NEAR_MISS, /* window fact, both free, and only a little too far apart: told, and counted */
    MATCH_DIFFERS,   /* hint, and the two state differing facts of one kind */
    MATCH_SAME       /* the two are twins by another fact already */
};

/* A pair so many windows apart, at most, is a near miss. */
enum { NEAR_MISS_WINDOWS = 4 };

/* By which clock two messages are within the window: by what they tell; only by their arrival; by neither. */
enum match_clock { CLOCK_TOLD, CLOCK_ARRIVAL, CLOCK_NEITHER };

/* When a message happened, by two clocks: what it tells, else its arrival; and its arrival. */
struct moment {
    int64_t time_ms, received_ms;
};

/* A message of the other generation that states a fact which items of the arriving message state too. */
struct candidate {
    uint64_t message;          /* the candidate */
    uint32_t item;             /* which of its items (0 for a rule) */
    uint32_t own_item;         /* which item of the arriving message; of several, written by pairing_choose() */
    const uint32_t *own_items; /* all that state the fact, upwards; NULL: only own_item. Of one fact, one array */
    size_t own_item_count;
    enum fact_match match;
    struct moment moment; /* when the candidate happened */
    uint64_t group;       /* rule_group() of whichever of the two is the rule */
    bool taken;           /* candidate rule: has a twin; candidate item: has a twin of this group */
    bool differs;         /* of a hint: the two state differing facts of one kind */
    bool recurs;          /* of a hint: the two state the same window fact as well */
    int64_t apart_ms;     /* by the clock that counts; written by pairing_choose(), as is the rest */
    enum match_clock clock;
    enum match_verdict verdict;
};

/* Decides which candidates are twins of a message that arrives now, and says why the others are not: every exact one,
 * and every hint that nothing speaks against (where the two share a window fact it comes first and knows no window, but
 * is one-to-one like it); of the windowed ones at most one per item and group, the nearest in time first, each rule at
 * most once. Near is what is within the window by the told times; then what is by the arrivals. Sorts the array (exact
 * ones first, then by distance), which an exact fact of several own items makes longer: `*list` may move within the
 * arena. The work grows as the number of candidates and of own items, not as their product. */
struct candidates {
    struct candidate *at;
    size_t count;
};

/* Finds out candidate->taken, which may cost a look into the store, of those that it depends on. */
typedef enum err pairing_taken_fn(void *arg, struct candidate *candidate);

struct pairing {
    struct arena *arena;
    enum generation arriving;
    struct moment now;
    int64_t window_ms;
    pairing_taken_fn *find_taken; /* NULL: `taken` is filled in */
    void *arg;
};
/* Errors are those of find_taken(). */
enum err pairing_choose(const struct pairing *pairing, struct candidates *list) MUST_USE;

/* "stated the same 19 min apart; pairing.window is 10 min" */
struct str pairing_near_miss(struct arena *arena, int64_t apart_ms, int64_t window_ms);
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
