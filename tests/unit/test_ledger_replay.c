/* Replays, from every state, on both stores. Sections are those of the pairing rules: 3 on arrival, 4 when delivery
 * fails for good, 5 partial events. */
#include "tests/unit/ledger_fixture.h"

/* By force: whatever the state, it is pending and due now.
 * (pairing 3.6c, 3.6e, 4.3) */
static void a_message_is_replayed_from_every_state(void **state) {
    struct world *world = *state;
    uint64_t delivered = alert(world, "a"), suppressed = reads(world, "a"), dead = alert(world, "b"),
             pending = alert(world, "c");
    attempt(world, delivered, ATTEMPT_DELIVERED);
    settle_as(world, (struct attempt){.id = dead, .result = ATTEMPT_GONE, .retry_after_ms = -1, .what = STR("410")});
    settle_as(world,
              (struct attempt){.id = pending, .result = ATTEMPT_FAILED, .retry_after_ms = -1, .what = STR("500")});
    switch_flags(world, true, false);
    uint64_t expired = reads(world, "x");
    advance(world, DAY_MS);
    sweep(world);
    uint64_t parked = reads(world, "y");
    switch_flags(world, true, true);
    switch_flags(world, true, false);
    assert_state(world, parked, STATE_PARKED);
    world->prefer = PREFER_NEW;
    switch_flags(world, true, true);
    uint64_t held = alert(world, "d");
    assert_state(world, held, STATE_HELD);
    switch_flags(world, true, true);
    assert_state(world, expired, STATE_EXPIRED);
    const uint64_t ids[] = {delivered, suppressed, dead, pending, expired, parked, held};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        OK(replay_as(world, ids[i], true));
        struct record record = story_of(world, ids[i]).record;
        assert_int_equal(record.state, STATE_PENDING);
        assert_int_equal(record.due_ms, world->now_ms);
        assert_int_equal(record.tries, 0);
        assert_int_equal(record.marks & RECORD_REPLAYED, RECORD_REPLAYED);
        assert_string_equal(why(world, ids[i]), "replayed by force");
    }
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        attempt(world, ids[i], ATTEMPT_DELIVERED);
        assert_int_equal(story_of(world, ids[i]).record.marks & RECORD_REPLAYED, 0);
    }
}

/* 4: "A dead message can be replayed; the twins are looked at again at that moment": those that wait parked.
 * (pairing 4.4) */
static void replaying_the_dead_suppresses_the_twin_that_waits(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a");
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a");
    kill_message(world, rule);
    assert_state(world, event, STATE_PARKED);
    OK(replay(world, rule));
    assert_state(world, event, STATE_SUPPRESSED);
    attempt(world, rule, ATTEMPT_GONE);
    assert_state(world, event, STATE_PARKED);
}

/* 3: parked, "an operator replays it": it is handled then, whatever its flag says. (pairing 3.6c) */
static void replaying_the_parked_handles_it(void **state) {
    struct world *world = *state;
    switch_flags(world, false, false);
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    OK(replay(world, event));
    assert_state(world, event, STATE_PENDING);
    assert_state(world, rule, STATE_SUPPRESSED);
    attempt(world, event, ATTEMPT_DELIVERED);
    assert_state(world, event, STATE_DELIVERED);
}

/* What was delivered once stays handled, also when its replay dies: its twins are not delivered a second time. */
static void a_replay_that_dies_takes_nothing_back(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    attempt(world, rule, ATTEMPT_DELIVERED);
    OK(replay_as(world, rule, true));
    attempt(world, rule, ATTEMPT_GONE);
    assert_state(world, rule, STATE_DELIVERED);
    assert_state(world, event, STATE_SUPPRESSED);
}

/* A suppressed message is replayed, and dies: dead means that nobody handled it, and its twin did. (pairing 4.5) */
static void a_suppressed_message_that_is_replayed_and_dies_is_suppressed(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    attempt(world, rule, ATTEMPT_DELIVERED);
    OK(replay_as(world, event, true));
    attempt(world, event, ATTEMPT_GONE);
    assert_state(world, event, STATE_SUPPRESSED);
    assert_state(world, rule, STATE_DELIVERED);
}

/* 5: a forced replay goes whole. Until it has arrived, what was left out the first time is handled by its twin alone.
 */
static void a_forced_replay_goes_whole_and_counts_when_it_has_arrived(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b");
    attempt(world, event, ATTEMPT_DELIVERED);
    attempt(world, rule, ATTEMPT_DELIVERED);
    OK(replay_as(world, event, true));
    assert_true(str_eq(story_of(world, event).record.trimmed, STR("\x01")));
    world->on[ENDPOINT_LEGACY] = false;
    uint64_t waits = TELL(world, .rule_id = "2", .items = {"read/a"});
    assert_state(world, waits, STATE_PARKED);
    attempt(world, event, ATTEMPT_DELIVERED);
    assert_null(story_of(world, event).record.trimmed.at);
    assert_state(world, waits, STATE_SUPPRESSED);
}

/* 5: nothing of it had arrived before, so all its items are handled by the forced replay at once. */
static void a_forced_replay_of_what_was_never_delivered_handles_all_its_items(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b");
    attempt(world, rule, ATTEMPT_DELIVERED);
    attempt(world, event, ATTEMPT_GONE);
    OK(replay_as(world, event, true));
    assert_null(story_of(world, event).record.trimmed.at);
    TELL(world, .rule_id = "2", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
}

/* acknowledge=delivered: an operator wants it, so it is not forgotten. */
static void a_replay_is_promised(void **state) {
    struct world *world = *state;
    uint64_t id = TELL(world, .waits = true);
    OK(replay(world, id));
    attempt(world, id, ATTEMPT_FAILED);
    assert_false(world->settlement.forgotten);
}

/* A replay leaves out what is handled, and is refused where that is all of it. (pairing 4.7) (fault 2.1) */
static void a_replay_of_what_is_handled_is_refused(void **state) {
    struct world *world = *state;
    uint64_t delivered = alert(world, "a"), suppressed = reads(world, "a"), dead = alert(world, "b");
    attempt(world, delivered, ATTEMPT_DELIVERED);
    attempt(world, dead, ATTEMPT_GONE);
    uint64_t twin = reads(world, "b");
    const uint64_t ids[] = {delivered, suppressed, dead}; /* `twin` is accepted for delivery */
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_int_equal(replay(world, ids[i]), ERR_EXISTS);
        assert_non_null(strstr(ledger_error(world->ledger), "--force"));
        assert_int_equal(ledger_try_replay(world->ledger, ids[i], false), ERR_EXISTS);
        OK(ledger_try_replay(world->ledger, ids[i], true));
    }
    attempt(world, twin, ATTEMPT_DELIVERED);
    assert_state(world, dead, STATE_SUPPRESSED);
    assert_string_equal(why(world, dead), "its twins were delivered");
    assert_int_equal(story_of(world, dead).record.attempts, 1);
}

/* 5: of an event that died, only what nobody handled goes again. */
static void a_replay_leaves_out_what_is_handled(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b");
    attempt(world, rule, ATTEMPT_DELIVERED);
    attempt(world, event, ATTEMPT_GONE);
    assert_state(world, event, STATE_DEAD);
    OK(replay(world, event));
    struct lease leases[1];
    assert_int_equal(lease(world, ENDPOINT_NEW, 1, leases), 1);
    assert_true(str_eq(leases[0].left_out, STR("\x01")));
    settle_as(world, (struct attempt){.id = event, .result = ATTEMPT_DELIVERED, .what = STR("200")});
    assert_state(world, event, STATE_DELIVERED);
}

static void what_cannot_be_replayed_says_why(void **state) {
    struct world *world = *state;
    uint64_t id = TELL(world, .lease = true);
    assert_int_equal(replay(world, 99), ERR_NOT_FOUND);
    assert_int_equal(replay(world, id), ERR_BUSY);
    assert_string_equal(ledger_error(world->ledger), "an attempt is under way; replay it when that has ended");
    attempt(world, id, ATTEMPT_DELIVERED);
    advance(world, 3 * DAY_MS + SECOND_MS);
    sweep(world);
    assert_int_equal(replay_as(world, id, true), ERR_INVALID);
    assert_string_equal(ledger_error(world->ledger),
                        "its body is past store.body_retention and was removed, so it cannot be delivered again");
    assert_state(world, id, STATE_DELIVERED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_message_is_replayed_from_every_state),
        ON_BOTH(replaying_the_dead_suppresses_the_twin_that_waits),
        ON_BOTH(replaying_the_parked_handles_it),
        ON_BOTH(a_replay_that_dies_takes_nothing_back),
        ON_BOTH(a_suppressed_message_that_is_replayed_and_dies_is_suppressed),
        ON_BOTH(a_forced_replay_goes_whole_and_counts_when_it_has_arrived),
        ON_BOTH(a_forced_replay_of_what_was_never_delivered_handles_all_its_items),
        ON_BOTH(a_replay_is_promised),
        ON_BOTH(a_replay_of_what_is_handled_is_refused),
        ON_BOTH(a_replay_leaves_out_what_is_handled),
        ON_BOTH(what_cannot_be_replayed_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
