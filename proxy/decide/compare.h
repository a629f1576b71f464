/* Does an event tell the same as the rule that really came? The event is written as the rule's type, and both bodies
 * are compared member by member.
 *
 * Pure and thread-safe. */
#ifndef PROXY_DECIDE_COMPARE_H
#define PROXY_DECIDE_COMPARE_H

#include "proxy/decide/body.h"

enum leaf_result {
    LEAF_EQUAL,
    LEAF_DIFFERS,
    LEAF_ONLY_RULE,    /* the event does not tell it */
    LEAF_ONLY_EVENT,   /* the rule did not tell it */
    LEAF_NOT_REPLACED, /* the vendor says that nothing replaces it: never compared */
    LEAF_RESULT_COUNT
};

enum { LEAF_MAX = 256, LEAF_DEPTH_MAX = 8 };

/* One member in dotted form, spelled as in the rule where it is there. */
struct leaf {
    struct str member;
    enum leaf_result result;
};

/* Compares a rule's body with what was written for it from an event by `template`. Writes at most LEAF_MAX leaves; how
 * many. Numbers count by value, times by instant, ids that are UUIDs without regard to letter case, spellings of one
 * rule type alike, all else by text; lists are one leaf. */
size_t compare_bodies(const struct catalog *catalog, const struct body_template *template, const struct json *rule,
                      const struct json *written, struct arena *arena, struct leaf leaves[LEAF_MAX]);

const char *leaf_result_name(enum leaf_result result); /* "equal", "differs", "only_rule", … */

#endif
