/* Rules of the corpus with the events that tell of the same occurrence, found by asking the proxy's own classification
 * what they state. */
#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

#include "tests/bench/bodies.h"

enum side { SIDE_RULE, SIDE_EVENT, SIDE_COUNT };

struct pair {
    struct body sides[SIDE_COUNT];
    struct str rule_type;
};

/* Pairs of one rule type; drawn from as often as from any other. */
struct pair_group {
    struct str rule_type;
    const struct pair *pairs;
    size_t count;
};

struct pair_set {
    struct pair_group *groups; /* whose occurrences can be told apart by their ids */
    size_t count;
    struct pair_group *recurring; /* those of the whole client, such as rate limits: rare in life */
    size_t recurring_count;
    size_t longest; /* bytes of the longest body */
};

/* Reads `folder`/rule and `folder`/event. Only events with a single item are taken, so that a twin covers all of it.
 * Everything lives in the arena. Errors with detail. */
enum err pairs_load(struct arena *arena, const char *folder, size_t min_body_len, struct pair_set *set,
                    struct err_detail *detail) MUST_USE;

#endif
