/* The time, which tests can set.
 *
 * Wall time is for people and for what outlives the process; monotonic time is for measuring and for waiting. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/arena.h"
#include "common/base.h"
#include "common/str.h"

int64_t clock_wall_ms(void); /* milliseconds since 1970-01-01T00:00:00Z */
int64_t clock_mono_us(void); /* microseconds since some moment; never goes back */

/* For tests: from now on clock_wall_ms() answers `ms`; a negative one gives the real clock back. */
void clock_set_wall_ms(int64_t ms);
/* For tests: from now on the real clock is that much off, in addition to what it was off before. */
void clock_shift_wall_ms(int64_t by_ms);

/* RFC 3339 with 0 to 9 fraction digits (cut to milliseconds) and `Z` or an offset; false for anything else,
 * days, hours or seconds that do not exist included. A date-time without a zone is read as UTC. */
bool clock_parse_rfc3339(struct str text, int64_t *ms) MUST_USE;

/* Seconds or milliseconds since 1970 in decimal, with a fraction or without one: up to 10^11 they are seconds (until
 * the year 5138), up to 10^14 milliseconds. False for anything else. */
bool clock_parse_unix(struct str text, int64_t *ms) MUST_USE;

/* "2024-09-01T12:14:14.015Z" */
struct str clock_format_rfc3339(struct arena *arena, int64_t ms);

#endif
