/* Tells a wall clock that jumps from one that runs, by the monotonic clock beside it. Pure: times are arguments.
 *
 * After a jump ahead guard.ahead_ms says by how much; whoever must not act on a wrong clock takes that off. A clock
 * that stays ahead for an hour is believed. */
#ifndef COMMON_CLOCK_GUARD_H
#define COMMON_CLOCK_GUARD_H

#include "common/base.h"

enum { CLOCK_STEP_MS = 60 * 1000, CLOCK_BACK_MS = 2000, CLOCK_BELIEVED_MS = 60 * 60 * 1000 };

enum clock_news {
    CLOCK_RUNS,     /* nothing new */
    CLOCK_AHEAD,    /* it jumped ahead by more than CLOCK_STEP_MS */
    CLOCK_BACK,     /* it was set back by more than CLOCK_BACK_MS; `ahead_ms` is less by that, 0 at least */
    CLOCK_BELIEVED, /* it was ahead for CLOCK_BELIEVED_MS: `ahead_ms` is 0 again */
};

struct clock_guard {
    int64_t wall_ms, mono_us; /* as seen last */
    int64_t ahead_ms;         /* of where the wall clock would be without the jump; 0: it is right */
    int64_t since_ms;         /* wall time right after the jump */
    int64_t since_us;         /* likewise, monotonic */
    int64_t step_ms;          /* of the last jump, to either side */
};

/* `seen_ms`: the latest wall time that an earlier process is known to have seen; 0: unknown. A clock that is further
 * ahead of it than an hour is taken for one that jumped: CLOCK_AHEAD. */
enum clock_news clock_guard_init(struct clock_guard *guard, int64_t wall_ms, int64_t mono_us, int64_t seen_ms);
enum clock_news clock_guard_look(struct clock_guard *guard, int64_t wall_ms, int64_t mono_us);

#endif
