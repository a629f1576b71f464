/* A wall clock beside the monotonic one: what counts as a jump, and for how long it is not believed. */
#include "common/clock_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above */
#include <cmocka.h>

#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)
#define NOON   INT64_C(1764590400000)

/* (fault 4.3) */
static void test_what_the_clock_does(void **state) {
    static const struct {
        const char *name;
        struct {
            int64_t mono_ms, wall_ms; /* that passed since the step before */
            enum clock_news news;
            int64_t ahead_ms;
        } steps[5];
    } rows[] = {
        {"runs", {{SECOND, SECOND, CLOCK_RUNS, 0}, {HOUR, HOUR, CLOCK_RUNS, 0}}},
        {"is kept right", {{SECOND, 2 * SECOND, CLOCK_RUNS, 0}, {SECOND, -SECOND / 2, CLOCK_RUNS, 0}}},
        {"ahead for 12 s",
         {{SECOND, 20 * DAY, CLOCK_AHEAD, 20 * DAY - SECOND},
          {12 * SECOND, 12 * SECOND, CLOCK_RUNS, 20 * DAY - SECOND},
          {SECOND, -20 * DAY, CLOCK_BACK, 0},
          {SECOND, SECOND, CLOCK_RUNS, 0}}},
        {"ahead for good",
         {{SECOND, 2 * HOUR, CLOCK_AHEAD, 2 * HOUR - SECOND},
          {HOUR - SECOND, HOUR - SECOND, CLOCK_RUNS, 2 * HOUR - SECOND},
          {SECOND, SECOND, CLOCK_BELIEVED, 0},
          {SECOND, SECOND, CLOCK_RUNS, 0}}},
        {"ahead twice",
         {{SECOND, 61 * SECOND + SECOND, CLOCK_AHEAD, 61 * SECOND},
          {SECOND, DAY + SECOND, CLOCK_AHEAD, DAY + 61 * SECOND},
          {SECOND, -DAY + SECOND, CLOCK_BACK, 61 * SECOND},
          {SECOND, -60 * SECOND, CLOCK_BACK, 0}}},
        {"back", {{SECOND, -5 * HOUR, CLOCK_BACK, 0}, {SECOND, SECOND, CLOCK_RUNS, 0}}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct clock_guard guard;
        int64_t wall_ms = NOON, mono_us = 5;
        assert_int_equal(clock_guard_init(&guard, wall_ms, mono_us, 0), CLOCK_RUNS);
        for (size_t s = 0; s < ARRAY_LEN(rows[i].steps) && rows[i].steps[s].mono_ms != 0; s++) {
            wall_ms += rows[i].steps[s].wall_ms;
            mono_us += rows[i].steps[s].mono_ms * 1000;
            enum clock_news news = clock_guard_look(&guard, wall_ms, mono_us);
            if (news != rows[i].steps[s].news || guard.ahead_ms != rows[i].steps[s].ahead_ms)
                fail_msg("%s, step %zu: news %d, ahead %lld", rows[i].name, s, news, (long long)guard.ahead_ms);
        }
    }
}

/* (fault 4.3) */
static void test_a_start_far_past_what_was_seen_last(void **state) {
    struct clock_guard guard;
    (void)state;
    assert_int_equal(clock_guard_init(&guard, NOON, 5, NOON - HOUR), CLOCK_RUNS);
    assert_int_equal(clock_guard_init(&guard, NOON, 5, NOON + DAY), CLOCK_RUNS);
    assert_int_equal(clock_guard_init(&guard, NOON, 5, NOON - 20 * DAY), CLOCK_AHEAD);
    assert_int_equal(guard.ahead_ms, 20 * DAY);
    assert_int_equal(guard.since_ms, NOON);
    assert_int_equal(clock_guard_look(&guard, NOON + HOUR, 5 + HOUR * 1000), CLOCK_BELIEVED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_clock_does),
        cmocka_unit_test(test_a_start_far_past_what_was_seen_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
