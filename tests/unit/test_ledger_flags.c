/* What time and flags ask for: holding, parking, expiry, and the review after a change of flags, on both stores.
 * Sections are those of the pairing rules: 3 on arrival, 6 ownership while both sides are on. */
#include "tests/unit/ledger_fixture.h"

/* 6: "new: a rule that has a replacement is held up to pairing.hold for its twin; the event wins if it comes in time,
 * else the rule is delivered." (pairing 6.3, 6.4, 6.6) */
static void with_prefer_new_a_rule_is_held_for_its_event(void **state) {
    struct world *world = *state;
    world->prefer = PREFER_NEW;
    uint64_t rule = alert(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_HELD);
    assert_int_equal(story_of(world, rule).record.due_ms, world->now_ms + 30 * SECOND_MS);
    advance(world, 29 * SECOND_MS);
    sweep(world);
    assert_state(world, rule, STATE_HELD); /* a held message is not handled */
    uint64_t event = reads(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_state(world, event, STATE_PENDING);
    assert_state(world, rule, STATE_SUPPRESSED);
    uint64_t late = alert(world, "b");
    advance(world, 30 * SECOND_MS);
    sweep(world);
    assert_state(world, late, STATE_PENDING);
    assert_string_equal(why(world, late), "no twin came while it was held");
    reads(world, "b");
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
}

/* 6: "legacy: an event with a counterpart is held likewise." (pairing 6.5) */
static void with_prefer_legacy_an_event_is_held_for_its_rules(void **state) {
    struct world *world = *state;
    world->prefer = PREFER_LEGACY;
    uint64_t event = reads(world, "a b");
    assert_int_equal(world->admission.outcome, ADMIT_HELD);
    alert(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_state(world, event, STATE_HELD);
    alert(world, "b");
    assert_state(world, event, STATE_SUPPRESSED);
    uint64_t partly = reads(world, "c d");
    alert(world, "c");
    advance(world, 30 * SECOND_MS);
    sweep(world);
    assert_state(world, partly, STATE_PENDING); /* what no rule told of goes now */
    assert_true(str_eq(story_of(world, partly).record.trimmed, STR("\x01")));
    TELL(world, .generation = GENERATION_EVENT, .no_counterpart = true, .endpoint = ENDPOINT_NEW,
         .type = "company.created");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* 6, its heading: "while both sides are on". (pairing 6.7) */
static void what_is_held_is_decided_when_a_side_goes_off(void **state) {
    static const struct {
        bool legacy, new;
        enum state state;
    } cases[] = {{true, true, STATE_HELD}, {true, false, STATE_PENDING}, {false, true, STATE_PARKED}};
    struct world *world = *state;
    world->prefer = PREFER_NEW;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        switch_flags(world, true, true);
        uint64_t rule = TELL(world, .items = {"x:write/k/successful"});
        assert_state(world, rule, STATE_HELD);
        switch_flags(world, cases[i].legacy, cases[i].new);
        assert_state(world, rule, cases[i].state);
        GROUP(world, ledger_replay(world->ledger, rule, false, world->now_ms));
        attempt(world, rule, ATTEMPT_GONE);
    }
}

/* 3: parked is how nothing is lost: it waits "until its twin is handled by the other side" ... (pairing 3.4, 3.6a) */
static void a_parked_message_is_suppressed_when_its_twin_is_handled(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a");
    assert_state(world, event, STATE_PARKED);
    advance(world, 10 * MINUTE_MS_);
    alert(world, "a");
    assert_state(world, event, STATE_SUPPRESSED);
}

/* ... "its own flag is switched on (-> decided again, -> pending)" ... (pairing 3.5a, 3.6b) */
static void a_parked_message_goes_when_its_flag_comes_on(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a");
    switch_flags(world, true, false);
    assert_state(world, event, STATE_PARKED);
    switch_flags(world, true, true);
    assert_state(world, event, STATE_PENDING);
    assert_string_equal(why(world, event), "its consumer is on");
}

/* ... "or pairing.park_for has passed (-> expired, still replayable until retention ends)". (pairing 3.6d) */
static void a_parked_message_expires(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a");
    advance(world, DAY_MS - 1);
    sweep(world);
    assert_state(world, event, STATE_PARKED);
    advance(world, 1);
    sweep(world);
    assert_state(world, event, STATE_EXPIRED);
    OK(replay(world, event));
    assert_state(world, event, STATE_PENDING);
    sweep(world);
    assert_state(world, event, STATE_PENDING);
}

/* 3: an expired message is not handled, so it covers nothing. (pairing 3.2) */
static void an_expired_message_covers_nothing(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k/successful"});
    advance(world, DAY_MS);
    sweep(world);
    TELL(world, .items = {"x:write/k/successful"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* 3: time runs out before the review of the flags has come to it: switched on is switched on. */
static void what_is_switched_on_in_time_does_not_expire(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a");
    advance(world, DAY_MS);
    world->on[ENDPOINT_NEW] = true;
    sweep(world);
    assert_state(world, event, STATE_PENDING);
    assert_string_equal(why(world, event), "its consumer is on");
}

/* 3.5: "pending messages (no attempt under way) whose own flag is now off, which become parked, and whose suppressed
 * twins are thereby uncovered and decided again too. A message already delivered stays so."
 * (pairing 3.5b, 3.5c, 3.5d) */
static void switching_off_parks_what_is_pending_and_wakes_its_twin(void **state) {
    struct world *world = *state;
    uint64_t taken = alert(world, "a"), event = reads(world, "a"), alone = alert(world, "b");
    uint64_t under_way = TELL(world, .items = {"read/c"}, .lease = true),
             done = TELL(world, .items = {"read/d"}, .lease = true);
    uint64_t suppressed = reads(world, "d");
    attempt(world, done, ATTEMPT_DELIVERED);
    switch_flags(world, false, true);
    assert_state(world, event, STATE_PENDING);
    assert_string_equal(why(world, event), "its twin's consumer was switched off");
    assert_state(world, taken, STATE_SUPPRESSED);
    assert_state(world, alone, STATE_PARKED);
    assert_state(world, under_way, STATE_PENDING);
    assert_state(world, done, STATE_DELIVERED);
    assert_state(world, suppressed, STATE_SUPPRESSED);
}

/* 3.5 with both off: all waits, and whichever side comes on first delivers. */
static void with_both_off_the_side_that_comes_on_delivers(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    switch_flags(world, false, false);
    assert_state(world, rule, STATE_PARKED);
    assert_state(world, event, STATE_PARKED);
    switch_flags(world, false, true);
    assert_state(world, event, STATE_PENDING);
    assert_state(world, rule, STATE_SUPPRESSED);
    switch_flags(world, true, true);
    assert_state(world, rule, STATE_SUPPRESSED);
}

/* 3: the vendor's new side is not set up yet and legacy is switched off: everything waits, and goes once.
 * (pairing 3.7) */
static void switched_off_too_early_everything_waits(void **state) {
    enum { ALERTS = 20 };
    struct world *world = *state;
    uint64_t alerts[ALERTS];
    switch_flags(world, false, true);
    for (int i = 0; i < ALERTS; i++)
        alerts[i] = alert(world, "a");
    sweep(world);
    for (int i = 0; i < ALERTS; i++)
        assert_state(world, alerts[i], STATE_PARKED);
    switch_flags(world, true, true);
    for (int i = 0; i < ALERTS; i++) {
        assert_state(world, alerts[i], STATE_PENDING);
        assert_int_equal(story_of(world, alerts[i]).step_count, 1);
    }
}

/* 3.5: "no attempt under way", and replays go whatever flags say. (pairing 3.5b) */
static void a_replay_is_not_parked_by_a_flag(void **state) {
    struct world *world = *state;
    switch_flags(world, false, true);
    uint64_t rule = alert(world, "a");
    OK(replay(world, rule));
    switch_flags(world, false, true);
    assert_state(world, rule, STATE_PENDING);
    attempt(world, rule, ATTEMPT_FAILED);
    assert_state(world, rule, STATE_PENDING);
    kill_message(world, rule);
    assert_state(world, rule, STATE_DEAD);
}

/* Steps are small: a sweep of budget 1 changes one message at a time, and says that there is more. */
static void a_review_is_worked_off_in_small_steps(void **state) {
    enum { ALERTS = 5 };
    struct world *world = *state;
    for (int i = 0; i < ALERTS; i++)
        alert(world, "a");
    sweep(world);
    world->on[ENDPOINT_LEGACY] = false;
    ledger_set_flags(world->ledger, world);
    for (int i = 1; i <= ALERTS; i++) {
        struct ledger_counts counts;
        bool more;
        GROUP(world, ledger_sweep(world->ledger, world->now_ms, 1, &more));
        ledger_count(world->ledger, &counts);
        assert_int_equal(counts.in_state[ENDPOINT_LEGACY][STATE_PARKED], i);
        assert_true(more);
    }
    bool more;
    GROUP(world, ledger_sweep(world->ledger, world->now_ms, 1, &more));
    assert_false(more);
}

/* Flags change once more while the first change is being worked off: it begins again from the front. */
static void a_second_change_begins_the_review_again(void **state) {
    struct world *world = *state;
    uint64_t first = alert(world, "a"), second = alert(world, "b");
    sweep(world);
    bool more;
    world->on[ENDPOINT_LEGACY] = false;
    ledger_set_flags(world->ledger, world);
    GROUP(world, ledger_sweep(world->ledger, world->now_ms, 1, &more));
    assert_state(world, first, STATE_PARKED);
    assert_state(world, second, STATE_PENDING);
    switch_flags(world, true, true);
    assert_state(world, first, STATE_PENDING);
    assert_state(world, second, STATE_PENDING);
}

/* Flags that changed while nobody watched: a store that is opened reviews all that is open. */
static void opening_reviews_what_is_open(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a");
    world->on[ENDPOINT_LEGACY] = false;
    world_reopen(world);
    sweep(world);
    assert_state(world, rule, STATE_PARKED);
}

/* 3: many time out at once: as many steps as it takes. */
static void many_that_are_over_take_several_steps(void **state) {
    enum { ALERTS = 10 };
    struct world *world = *state;
    switch_flags(world, false, true);
    for (int i = 0; i < ALERTS; i++)
        alert(world, "a");
    advance(world, DAY_MS);
    sweep(world);
    struct ledger_counts counts;
    struct ledger_stats stats;
    ledger_count(world->ledger, &counts);
    assert_int_equal(counts.in_state[ENDPOINT_LEGACY][STATE_EXPIRED], ALERTS);
    ledger_stats(world->ledger, &stats);
    assert_true(stats.swept >= ALERTS);
}

/* "Arrival of the oldest message of the endpoint that is in that state" */
static void the_oldest_of_a_state_is_found(void **state) {
    struct world *world = *state;
    int64_t received_ms, first_ms = world->now_ms;
    switch_flags(world, false, true);
    uint64_t first = alert(world, "a");
    advance(world, SECOND_MS);
    alert(world, "b");
    OK(ledger_oldest(world->ledger, STATE_PARKED, ENDPOINT_LEGACY, &received_ms));
    assert_int_equal(received_ms, first_ms);
    OK(ledger_oldest(world->ledger, STATE_PARKED, ENDPOINT_NEW, &received_ms));
    assert_int_equal(received_ms, DUE_NEVER);
    OK(ledger_oldest(world->ledger, STATE_PENDING, ENDPOINT_LEGACY, &received_ms));
    assert_int_equal(received_ms, DUE_NEVER);
    reads(world, "a");
    assert_state(world, first, STATE_SUPPRESSED);
    OK(ledger_oldest(world->ledger, STATE_PARKED, ENDPOINT_LEGACY, &received_ms));
    assert_int_equal(received_ms, first_ms + SECOND_MS);
    switch_flags(world, true, true);
    sweep(world);
    OK(ledger_oldest(world->ledger, STATE_PARKED, ENDPOINT_LEGACY, &received_ms));
    assert_int_equal(received_ms, DUE_NEVER);
    OK(ledger_oldest(world->ledger, STATE_PENDING, ENDPOINT_LEGACY, &received_ms));
    assert_int_equal(received_ms, first_ms + SECOND_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(with_prefer_new_a_rule_is_held_for_its_event),
        ON_BOTH(with_prefer_legacy_an_event_is_held_for_its_rules),
        ON_BOTH(what_is_held_is_decided_when_a_side_goes_off),
        ON_BOTH(a_parked_message_is_suppressed_when_its_twin_is_handled),
        ON_BOTH(a_parked_message_goes_when_its_flag_comes_on),
        ON_BOTH(a_parked_message_expires),
        ON_BOTH(an_expired_message_covers_nothing),
        ON_BOTH(what_is_switched_on_in_time_does_not_expire),
        ON_BOTH(switching_off_parks_what_is_pending_and_wakes_its_twin),
        ON_BOTH(with_both_off_the_side_that_comes_on_delivers),
        ON_BOTH(switched_off_too_early_everything_waits),
        ON_BOTH(a_replay_is_not_parked_by_a_flag),
        ON_BOTH(a_review_is_worked_off_in_small_steps),
        ON_BOTH(the_oldest_of_a_state_is_found),
        ON_BOTH(a_second_change_begins_the_review_again),
        ON_SQLITE(opening_reviews_what_is_open),
        ON_BOTH(many_that_are_over_take_several_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
