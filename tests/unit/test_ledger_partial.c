/* Events of several items, some of which rules have told of already, on both stores. Sections are those of the pairing
 * rules: 2 facts, 3 on arrival, 4 when delivery fails for good, 5 partial events. */
#include "tests/unit/ledger_fixture.h"

static void forward_whole(struct world *world) {
    world->policy.trim = false;
    world_reopen(world);
}

static bool leaves_out(struct world *world, uint64_t id, size_t item) {
    return bitmap_has(story_of(world, id).record.trimmed, item);
}

/* 5, trim: "delivers the event without the covered elements" (pairing 5.1) */
static void covered_items_are_left_out(void **state) {
    struct world *world = *state;
    alert(world, "b");
    alert(world, "d");
    uint64_t event = reads(world, "a b c d");
    assert_int_equal(world->admission.outcome, ADMIT_PARTIAL);
    assert_true(str_eq(world->admission.trimmed, STR("\x0a")));
    assert_true(str_eq(world->admission.covered, STR("\x0a")));
    assert_false(leaves_out(world, event, 0));
    assert_true(leaves_out(world, event, 1));
    struct lease leases[1];
    assert_int_equal(lease(world, ENDPOINT_NEW, 1, leases), 1);
    assert_true(str_eq(leases[0].record.trimmed, STR("\x0a")));
    assert_true(str_eq(leases[0].covered, STR("\x0a")));
}

/* 5, forward: the whole event, and a header that lists what is covered. (pairing 5.4, 5.5) */
static void a_forwarded_event_goes_whole_and_names_what_is_covered(void **state) {
    struct world *world = *state;
    forward_whole(world);
    uint64_t rule = alert(world, "b"), event = reads(world, "a b");
    assert_int_equal(world->admission.outcome, ADMIT_PARTIAL);
    assert_null(world->admission.trimmed.at);
    assert_true(str_eq(world->admission.covered, STR("\x02")));
    struct lease leases[1];
    assert_int_equal(lease(world, ENDPOINT_NEW, 1, leases), 1);
    assert_null(leases[0].record.trimmed.at);
    assert_true(str_eq(leases[0].covered, STR("\x02")));
    kill_message(world, rule);
    assert_state(world, event, STATE_PENDING);
}

/* 2: an event's item is handled by the event only where it is delivered with it: a second alert of a data type that
 * was left out finds nobody who handles it. */
static void an_item_that_is_left_out_is_not_handled_by_the_event(void **state) {
    struct world *world = *state;
    alert(world, "a");
    uint64_t event = reads(world, "a b");
    assert_true(leaves_out(world, event, 0));
    TELL(world, .rule_id = "other-rule", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    TELL(world, .rule_id = "other-rule", .items = {"read/b"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    attempt(world, event, ATTEMPT_DELIVERED);
    TELL(world, .rule_id = "third-rule", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    TELL(world, .rule_id = "third-rule", .items = {"read/b"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
}

/* 2: with forward all items are handled by the event, covered or not. */
static void a_forwarded_event_handles_all_its_items(void **state) {
    struct world *world = *state;
    forward_whole(world);
    alert(world, "a");
    reads(world, "a b");
    TELL(world, .rule_id = "other-rule", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
}

/* 4: the item that was left to a rule which then dies is taken back, while no attempt is under way. */
static void a_pending_event_takes_back_what_its_twin_cannot_deliver(void **state) {
    struct world *world = *state;
    uint64_t dies = alert(world, "a"), lives = alert(world, "b"), event = reads(world, "a b c");
    attempt(world, lives, ATTEMPT_DELIVERED);
    kill_message(world, dies);
    assert_state(world, event, STATE_PENDING);
    assert_false(leaves_out(world, event, 0));
    assert_true(leaves_out(world, event, 1));
    uint64_t second = TELL(world, .rule_id = "2", .items = {"read/a"});
    assert_state(world, second, STATE_SUPPRESSED);
}

/* 4: during an attempt the body is on its way as it was; when the attempt fails, the next one has all it must have. */
static void an_attempt_under_way_takes_back_when_it_fails(void **state) {
    struct world *world = *state;
    uint64_t dies = alert(world, "a");
    struct telling told = reads_telling(world, "a b");
    told.lease = true;
    uint64_t event = tell(world, told);
    assert_true(world->admission.leased);
    settle_as(world, (struct attempt){.id = dies, .result = ATTEMPT_GONE, .retry_after_ms = -1, .what = STR("410")});
    assert_state(world, dies, STATE_DEAD);
    assert_true(leaves_out(world, event, 0));
    attempt(world, event, ATTEMPT_FAILED);
    assert_state(world, event, STATE_PENDING);
    assert_false(leaves_out(world, event, 0));
    assert_null(story_of(world, event).record.trimmed.at);
}

/* 4: what an attempt left out and delivered without, while the twin died, is sent after it. (pairing 4.6)
 * (fault 2.12) */
static void what_an_attempt_left_out_for_a_dead_twin_is_sent_after_it(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a");
    struct telling told = reads_telling(world, "a b");
    told.lease = true;
    uint64_t event = tell(world, told);
    settle_as(world, (struct attempt){.id = rule, .result = ATTEMPT_GONE, .retry_after_ms = -1, .what = STR("410")});
    attempt(world, event, ATTEMPT_DELIVERED);
    assert_state(world, event, STATE_PENDING);
    assert_state(world, rule, STATE_DEAD);
    assert_int_equal(replay(world, rule), ERR_EXISTS);
    struct lease leases[2];
    assert_int_equal(lease(world, ENDPOINT_NEW, 2, leases), 1);
    assert_true(str_eq(leases[0].left_out, STR("\x02")));
    attempt(world, event, ATTEMPT_DELIVERED);
    assert_state(world, event, STATE_DELIVERED);
    assert_false(leaves_out(world, event, 0));
    assert_state(world, rule, STATE_SUPPRESSED);
}

/* 5, acknowledge=delivered: the sender of a rule was promised nothing, but that of the event was, and the event goes
 * out, or went, without what the rule tells: the rule must not be forgotten any more. */
static void a_rule_that_an_event_leaves_an_item_to_is_kept(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .items = {"read/a"}, .lease = true, .waits = true);
    uint64_t event = reads(world, "a b");
    attempt(world, event, ATTEMPT_DELIVERED);
    attempt(world, rule, ATTEMPT_FAILED);
    assert_false(world->settlement.forgotten);
    assert_state(world, rule, STATE_PENDING);
    uint64_t under_way = TELL(world, .items = {"read/c"}, .lease = true, .waits = true);
    struct telling told = reads_telling(world, "c d");
    told.lease = true;
    tell(world, told);
    attempt(world, under_way, ATTEMPT_GONE);
    assert_false(world->settlement.forgotten);
    assert_state(world, under_way, STATE_DEAD);
}

/* 5 likewise: where the event waits still, it takes the item back, and the rule is forgotten. */
static void a_rule_whose_item_can_be_taken_back_is_forgotten(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .items = {"read/a"}, .lease = true, .waits = true);
    uint64_t event = reads(world, "a b");
    assert_true(leaves_out(world, event, 0));
    attempt(world, rule, ATTEMPT_FAILED);
    assert_true(world->settlement.forgotten);
    assert_false(leaves_out(world, event, 0));
}

/* 3.4: parked and partly covered, the event waits for the rest, then is suppressed whole. (pairing 3.4) */
static void a_parked_event_is_suppressed_when_its_last_item_is_covered(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a b c");
    alert(world, "a");
    alert(world, "c");
    assert_state(world, event, STATE_PARKED);
    alert(world, "b");
    assert_state(world, event, STATE_SUPPRESSED);
    assert_string_equal(why(world, event), "its twins are handled");
}

/* 3.5: parked and partly covered, its own flag comes on: the rest is delivered. (pairing 3.5a) */
static void a_parked_event_goes_partly_when_its_flag_comes_on(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    uint64_t event = reads(world, "a b c");
    alert(world, "b");
    switch_flags(world, true, true);
    assert_state(world, event, STATE_PENDING);
    assert_true(leaves_out(world, event, 1));
    assert_false(leaves_out(world, event, 0));
}

/* 4: one of the rules that a suppressed event leans on dies: the event takes that one item over, not the others.
 * (pairing 4.2) */
static void a_takeover_delivers_only_what_is_uncovered(void **state) {
    struct world *world = *state;
    uint64_t a = alert(world, "a"), b = alert(world, "b"), event = reads(world, "a b");
    assert_state(world, event, STATE_SUPPRESSED);
    attempt(world, a, ATTEMPT_DELIVERED);
    kill_message(world, b);
    assert_state(world, event, STATE_PENDING);
    assert_true(leaves_out(world, event, 0));
    assert_false(leaves_out(world, event, 1));
}

/* 4: likewise with forward, where the event goes whole. */
static void a_takeover_of_a_forwarded_event_is_whole(void **state) {
    struct world *world = *state;
    forward_whole(world);
    uint64_t a = alert(world, "a"), b = alert(world, "b"), event = reads(world, "a b");
    attempt(world, a, ATTEMPT_DELIVERED);
    kill_message(world, b);
    assert_state(world, event, STATE_PENDING);
    assert_null(story_of(world, event).record.trimmed.at);
}

/* 4: an event that is pending, and partly left out, dies: the rules that leaned on its other items take over.
 * (pairing 4.2) */
static void a_dead_event_gives_its_items_back(void **state) {
    struct world *world = *state;
    uint64_t a = alert(world, "a"), event = reads(world, "a b"), b = alert(world, "b");
    assert_state(world, b, STATE_SUPPRESSED);
    attempt(world, a, ATTEMPT_DELIVERED);
    kill_message(world, event);
    assert_state(world, b, STATE_PENDING);
    assert_state(world, a, STATE_DELIVERED);
}

/* 4, one change running on: the rule dies, the pending event takes its item back, and so serves a second alert that
 * waits parked. */
static void taking_an_item_back_serves_those_who_wait_for_it(void **state) {
    struct world *world = *state;
    uint64_t dies = alert(world, "a"), event = reads(world, "a b");
    world->on[ENDPOINT_LEGACY] = false; /* for what arrives now; what is there is not looked at yet */
    uint64_t waits = TELL(world, .rule_id = "2", .items = {"read/a"});
    assert_state(world, waits, STATE_PARKED);
    settle_as(world, (struct attempt){.id = dies, .result = ATTEMPT_GONE, .retry_after_ms = -1, .what = STR("410")});
    assert_false(leaves_out(world, event, 0));
    assert_state(world, waits, STATE_SUPPRESSED);
}

/* More items than fit into one byte of a bitmap. */
static void items_are_told_apart_past_the_first_byte(void **state) {
    struct world *world = *state;
    alert(world, "q");
    alert(world, "h");
    uint64_t event = reads(world, "a b c d e f g h i j k l m n o p q");
    for (size_t i = 0; i < 17; i++)
        assert_int_equal(leaves_out(world, event, i), i == 7 || i == 16);
    assert_false(leaves_out(world, event, 17 + 8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(covered_items_are_left_out),
        ON_BOTH(a_forwarded_event_goes_whole_and_names_what_is_covered),
        ON_BOTH(an_item_that_is_left_out_is_not_handled_by_the_event),
        ON_BOTH(a_forwarded_event_handles_all_its_items),
        ON_BOTH(a_pending_event_takes_back_what_its_twin_cannot_deliver),
        ON_BOTH(an_attempt_under_way_takes_back_when_it_fails),
        ON_BOTH(what_an_attempt_left_out_for_a_dead_twin_is_sent_after_it),
        ON_BOTH(a_rule_that_an_event_leaves_an_item_to_is_kept),
        ON_BOTH(a_rule_whose_item_can_be_taken_back_is_forgotten),
        ON_BOTH(a_parked_event_is_suppressed_when_its_last_item_is_covered),
        ON_BOTH(a_parked_event_goes_partly_when_its_flag_comes_on),
        ON_BOTH(a_takeover_delivers_only_what_is_uncovered),
        ON_BOTH(a_takeover_of_a_forwarded_event_is_whole),
        ON_BOTH(a_dead_event_gives_its_items_back),
        ON_BOTH(taking_an_item_back_serves_those_who_wait_for_it),
        ON_BOTH(items_are_told_apart_past_the_first_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
