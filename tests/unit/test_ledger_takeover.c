/* What an attempt makes of a message, and what its twins do then, on both stores. Sections are those of the pairing
 * rules: 3 on arrival, 4 when delivery fails for good. */
#include "tests/unit/ledger_fixture.h"

static struct ledger_stats stats_of(struct world *world) {
    struct ledger_stats stats;
    ledger_stats(world->ledger, &stats);
    return stats;
}

/* 4: "Each suppressed twin that leaned on it is decided again: with its own flag on it becomes pending"
 * (pairing 4.2) */
static void a_dead_rule_is_taken_over_by_its_event(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    assert_state(world, event, STATE_SUPPRESSED);
    kill_message(world, rule);
    assert_state(world, event, STATE_PENDING);
    assert_string_equal(why(world, event), "its twin could not be delivered");
    assert_int_equal(story_of(world, event).record.due_ms, world->now_ms);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_NEW), world->now_ms);
    assert_int_equal(stats_of(world).takeovers, 1);
    attempt(world, event, ATTEMPT_DELIVERED);
    assert_state(world, event, STATE_DELIVERED);
}

/* 4: "the other way round likewise", by every alert that leaned on it. (pairing 4.2) */
static void a_dead_event_is_taken_over_by_its_rules(void **state) {
    struct world *world = *state;
    uint64_t event = reads(world, "a b"), a = alert(world, "a"), b = alert(world, "b");
    assert_state(world, a, STATE_SUPPRESSED);
    assert_state(world, b, STATE_SUPPRESSED);
    kill_message(world, event);
    assert_state(world, a, STATE_PENDING);
    assert_state(world, b, STATE_PENDING);
    assert_int_equal(stats_of(world).takeovers, 2);
}

/* 4: both die, one after the other: nobody is left, and nobody takes over again. */
static void when_both_die_both_are_dead(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    kill_message(world, rule);
    kill_message(world, event);
    assert_state(world, rule, STATE_DEAD);
    assert_state(world, event, STATE_DEAD);
}

/* 4: "with its own flag on"; with it off, it is parked again. (pairing 4.2) */
static void a_takeover_with_its_flag_off_is_parked(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a");
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a");
    assert_state(world, event, STATE_SUPPRESSED);
    kill_message(world, rule);
    assert_state(world, event, STATE_PARKED);
    switch_flags(world, true, true);
    assert_state(world, event, STATE_PENDING);
}

/* 3: with park_for of 0 it expires instead. */
static void a_takeover_with_its_flag_off_and_no_parking_expires(void **state) {
    struct world *world = *state;
    world->policy.park_for_ms = 0;
    world_reopen(world);
    uint64_t rule = alert(world, "a");
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a");
    kill_message(world, rule);
    assert_state(world, event, STATE_EXPIRED);
    assert_int_equal(stats_of(world).takeovers, 0);
}

/* 4: a twin by an exact fact is one of several: one of them dies, the other still handles it. */
static void one_of_several_twins_that_handle_it_is_enough(void **state) {
    struct world *world = *state;
    uint64_t first = TELL(world, .items = {"x:write/k/successful"}),
             second = TELL(world, .items = {"x:write/k/successful"});
    uint64_t event = TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k/successful"});
    assert_state(world, event, STATE_SUPPRESSED);
    settle_as(world, (struct attempt){.id = first, .result = ATTEMPT_GONE, .retry_after_ms = -1, .what = STR("410")});
    assert_state(world, event, STATE_SUPPRESSED);
    settle_as(world, (struct attempt){.id = second, .result = ATTEMPT_GONE, .retry_after_ms = -1, .what = STR("410")});
    assert_state(world, event, STATE_PENDING);
}

/* 410: there is nobody any more, so the schedule is not used up first. */
static void gone_is_dead_at_once(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    attempt(world, rule, ATTEMPT_GONE);
    assert_int_equal(world->settlement.state, STATE_DEAD);
    assert_int_equal(world->settlement.due_ms, DUE_NEVER);
    assert_false(world->settlement.forgotten);
    assert_state(world, event, STATE_PENDING);
}

/* The schedule: 5s and 30s between three attempts, ±20 % jitter, Retry-After for longer up to twice the wait.
 * (pairing 4.1) */
static void waits_follow_the_schedule(void **state) {
    static const struct {
        double jitter;
        int64_t retry_after_ms, first_ms, second_ms;
    } cases[] = {
        {0, -1, 5000, 30000},    {1, -1, 6000, 36000},     {-1, -1, 4000, 24000},    {0, 0, 5000, 30000},
        {0, 4000, 5000, 30000},  {0, 7000, 7000, 30000},   {0, 99000, 10000, 60000}, {1, 5500, 6000, 36000},
        {-1, 4500, 4500, 24000}, {0, 10000, 10000, 30000}, {0, 45000, 10000, 45000},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        world->jitter = cases[i].jitter;
        uint64_t id = TELL(world, .lease = true);
        struct attempt failed = {.id = id, .result = ATTEMPT_FAILED, .status = 503, .what = STR("HTTP 503")};
        failed.retry_after_ms = cases[i].retry_after_ms;
        settle_as(world, failed);
        assert_int_equal(world->settlement.due_ms - world->now_ms, cases[i].first_ms);
        settle_as(world, failed);
        assert_int_equal(world->settlement.due_ms - world->now_ms, cases[i].second_ms);
        assert_int_equal(world->settlement.state, STATE_PENDING);
        settle_as(world, failed);
        assert_int_equal(world->settlement.state, STATE_DEAD);
        assert_int_equal(story_of(world, id).record.attempts, 3);
    }
}

/* Every attempt is written down with its number, status and duration. */
static void attempts_are_written_down(void **state) {
    struct world *world = *state;
    uint64_t id = TELL(world, .lease = true);
    settle_as(world, (struct attempt){id, ATTEMPT_FAILED, 500, -1, 1234, STR("HTTP 500")});
    advance(world, 5 * SECOND_MS);
    struct lease leases[1];
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 1, leases), 1);
    settle_as(world, (struct attempt){id, ATTEMPT_DELIVERED, 204, -1, 99, STR("HTTP 204")});
    struct story story = story_of(world, id);
    assert_int_equal(story.step_count, 2);
    assert_int_equal(story.steps[0].attempt, 1);
    assert_int_equal(story.steps[0].status, 500);
    assert_int_equal(story.steps[0].duration_us, 1234);
    assert_int_equal(story.steps[0].state, STATE_PENDING);
    assert_string_equal(story.steps[0].why.at, "HTTP 500");
    assert_int_equal(story.steps[1].attempt, 2);
    assert_int_equal(story.steps[1].state, STATE_DELIVERED);
    assert_int_equal(story.steps[1].at_ms, world->now_ms);
    assert_int_equal(story.record.marks & RECORD_DELIVERED_ONCE, RECORD_DELIVERED_ONCE);
}

/* An attempt that we broke off ourselves says nothing about the consumer: it is due at once and uses nothing up. */
static void an_interrupted_attempt_uses_nothing_up(void **state) {
    struct world *world = *state;
    uint64_t id = alert(world, "a");
    for (int i = 0; i < 10; i++)
        attempt(world, id, ATTEMPT_INTERRUPTED);
    assert_int_equal(world->settlement.state, STATE_PENDING);
    assert_int_equal(world->settlement.due_ms, world->now_ms);
    assert_int_equal(story_of(world, id).record.tries, 0);
    assert_int_equal(story_of(world, id).record.attempts, 10);
}

/* acknowledge=delivered: the sender was promised nothing and comes again, so the message is as if it had never come. */
static void what_was_not_promised_is_forgotten_when_its_attempt_fails(void **state) {
    static const enum attempt_result results[] = {ATTEMPT_FAILED, ATTEMPT_GONE, ATTEMPT_INTERRUPTED};
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        uint64_t id = TELL(world, .webhook_id = "m", .lease = true, .waits = true, .items = {"x:write/k/successful"});
        uint64_t event = TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k/successful"});
        assert_state(world, event, STATE_SUPPRESSED);
        attempt(world, id, results[i]);
        assert_true(world->settlement.forgotten);
        assert_true(is_gone(world, id));
        assert_state(world, event, STATE_PENDING); /* the event's consumer may have it */
        assert_string_equal(why(world, event), "its twin was not delivered");
        attempt(world, event, ATTEMPT_GONE);
    }
    TELL(world, .webhook_id = "m", .lease = true, .waits = true);
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED); /* no duplicate of what was forgotten */
}

/* acknowledge=delivered, and it was. */
static void what_was_not_promised_and_is_delivered_stays(void **state) {
    struct world *world = *state;
    uint64_t id = TELL(world, .webhook_id = "m", .lease = true, .waits = true);
    attempt(world, id, ATTEMPT_DELIVERED);
    assert_false(world->settlement.forgotten);
    assert_state(world, id, STATE_DELIVERED);
    TELL(world, .webhook_id = "m");
    assert_int_equal(world->admission.outcome, ADMIT_DUPLICATE);
}

/* acknowledge=delivered: what is suppressed, parked or held is answered 2xx at once, and so promised. */
static void what_waits_is_promised(void **state) {
    struct world *world = *state;
    alert(world, "a");
    struct telling told = reads_telling(world, "a");
    told.waits = true;
    uint64_t suppressed = tell(world, told);
    switch_flags(world, false, true);
    uint64_t parked = TELL(world, .waits = true);
    switch_flags(world, true, true);
    assert_int_equal(story_of(world, suppressed).record.marks & RECORD_PROMISED, RECORD_PROMISED);
    assert_int_equal(story_of(world, parked).record.marks & RECORD_PROMISED, RECORD_PROMISED);
    assert_state(world, parked, STATE_PENDING);
    attempt(world, parked, ATTEMPT_FAILED);
    assert_false(world->settlement.forgotten);
}

/* acknowledge=delivered, and the process ended before the attempt did: nobody waits for it any more, so it is ours. */
static void what_is_picked_up_later_is_promised(void **state) {
    struct world *world = *state;
    uint64_t id = TELL(world, .lease = true, .waits = true);
    world_reopen(world);
    attempt(world, id, ATTEMPT_FAILED);
    assert_false(world->settlement.forgotten);
    assert_state(world, id, STATE_PENDING);
}

/* 3.5: the consumer was switched off during the attempt: what failed is parked, and its twin takes over.
 * (pairing 3.5b) */
static void a_failure_with_the_flag_off_parks(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .lease = true, .items = {"read/a"}), event = reads(world, "a");
    switch_flags(world, false, true);
    assert_state(world, rule, STATE_PENDING); /* an attempt is under way */
    attempt(world, rule, ATTEMPT_FAILED);
    /* the event takes over, and so the rule, which waits, is told already */
    assert_state(world, event, STATE_PENDING);
    assert_state(world, rule, STATE_SUPPRESSED);
    uint64_t alone = TELL(world, .items = {"read/b"});
    assert_state(world, alone, STATE_PARKED);
}

/* 3.5 likewise, and nobody takes over. */
static void a_failure_with_the_flag_off_parks_or_expires(void **state) {
    static const int64_t park_for_ms[] = {DAY_MS, 0};
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(park_for_ms); i++) {
        world->policy.park_for_ms = park_for_ms[i];
        world_reopen(world);
        switch_flags(world, true, true);
        uint64_t rule = TELL(world, .lease = true);
        switch_flags(world, false, true);
        attempt(world, rule, ATTEMPT_INTERRUPTED);
        assert_state(world, rule, i == 0 ? STATE_PARKED : STATE_EXPIRED);
        assert_int_equal(world->settlement.due_ms, i == 0 ? world->now_ms + DAY_MS : DUE_NEVER);
    }
}

/* 3.5: "A message already delivered stays so", also when the flag went off meanwhile. (pairing 3.5d) */
static void a_success_with_the_flag_off_is_a_success(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .lease = true);
    switch_flags(world, false, true);
    attempt(world, rule, ATTEMPT_DELIVERED);
    assert_state(world, rule, STATE_DELIVERED);
}

/* An outcome of something that is not there (past its retention, or another store) is told as that. */
static void an_unknown_message_cannot_be_settled(void **state) {
    struct world *world = *state;
    struct attempt attempt = {.id = 12345, .result = ATTEMPT_DELIVERED, .what = STR("HTTP 200")};
    OK(ledger_begin(world->ledger));
    assert_int_equal(ledger_settle(world->ledger, &attempt, world->now_ms, &world->settlement), ERR_NOT_FOUND);
    assert_string_equal(ledger_error(world->ledger), "no message 12345");
    ledger_rollback(world->ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_dead_rule_is_taken_over_by_its_event),
        ON_BOTH(a_dead_event_is_taken_over_by_its_rules),
        ON_BOTH(when_both_die_both_are_dead),
        ON_BOTH(a_takeover_with_its_flag_off_is_parked),
        ON_BOTH(a_takeover_with_its_flag_off_and_no_parking_expires),
        ON_BOTH(one_of_several_twins_that_handle_it_is_enough),
        ON_BOTH(gone_is_dead_at_once),
        ON_BOTH(waits_follow_the_schedule),
        ON_BOTH(attempts_are_written_down),
        ON_BOTH(an_interrupted_attempt_uses_nothing_up),
        ON_BOTH(what_was_not_promised_is_forgotten_when_its_attempt_fails),
        ON_BOTH(what_was_not_promised_and_is_delivered_stays),
        ON_BOTH(what_waits_is_promised),
        ON_SQLITE(what_is_picked_up_later_is_promised),
        ON_BOTH(a_failure_with_the_flag_off_parks),
        ON_BOTH(a_failure_with_the_flag_off_parks_or_expires),
        ON_BOTH(a_success_with_the_flag_off_is_a_success),
        ON_BOTH(an_unknown_message_cannot_be_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
