/* Why a message is in its state, in plain words: what it is, what was looked at, what was decided, and what happened
 * since. Pure functions of what the store has written down. */
#ifndef PROXY_ADMIN_STORY_H
#define PROXY_ADMIN_STORY_H

#include "proxy/store/ledger.h"

struct story_line {
    int64_t at_ms; /* wall time */
    struct str text;
};

struct story_lines {
    struct story_line *items; /* in the order it happened */
    size_t count;
};

/* Everything that is known, one sentence or two a line; in the arena. */
void story_tell(struct arena *arena, const struct story *story, struct story_lines *lines);

/* The state it is in now and the reason, in one or two sentences. */
struct str story_why(struct arena *arena, const struct story *story);

#endif
