/* Small words for people. Results live in the arena. */
#ifndef PROXY_ADMIN_WORDS_H
#define PROXY_ADMIN_WORDS_H

#include "common/arena.h"

/* "250 ms", "12.3 s", "14 min", "5 h 20 min", "3 days"; without regard to the sign. */
struct str words_span(struct arena *arena, int64_t ms);

/* `one` where count is 1, else `many`. */
const char *words_plural(uint64_t count, const char *one, const char *many);

#endif
