#include "common/clock_guard.h"

enum { AWAY_MS = 60 * 60 * 1000 }; /* a process may be away for so long without a word */

static enum clock_news jump_ahead(struct clock_guard *guard, int64_t by_ms) {
    guard->ahead_ms += by_ms;
    guard->step_ms = by_ms;
    guard->since_ms = guard->wall_ms;
    guard->since_us = guard->mono_us;
    return CLOCK_AHEAD;
}

enum clock_news clock_guard_init(struct clock_guard *guard, int64_t wall_ms, int64_t mono_us, int64_t seen_ms) {
    *guard = (struct clock_guard){.wall_ms = wall_ms, .mono_us = mono_us};
    if (seen_ms == 0 || wall_ms - seen_ms <= AWAY_MS)
        return CLOCK_RUNS;
    return jump_ahead(guard, wall_ms - seen_ms);
}

enum clock_news clock_guard_look(struct clock_guard *guard, int64_t wall_ms, int64_t mono_us) {
    int64_t step_ms = wall_ms - guard->wall_ms - (mono_us - guard->mono_us) / 1000;
    guard->wall_ms = wall_ms;
    guard->mono_us = mono_us;
    if (step_ms > CLOCK_STEP_MS)
        return jump_ahead(guard, step_ms);
    if (step_ms < -CLOCK_BACK_MS) {
        guard->step_ms = step_ms;
        guard->ahead_ms = guard->ahead_ms + step_ms > CLOCK_STEP_MS ? guard->ahead_ms + step_ms : 0;
        return CLOCK_BACK;
    }
    if (guard->ahead_ms > 0 && mono_us - guard->since_us >= CLOCK_BELIEVED_MS * INT64_C(1000)) {
        guard->ahead_ms = 0;
        return CLOCK_BELIEVED;
    }
    return CLOCK_RUNS;
}
