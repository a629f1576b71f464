/* What happens to a message long after its arrival: its sender repeats it, its twin dies, its side is switched off
 * before it is leased, it gets old. On both stores. */
#include "tests/unit/ledger_fixture.h"

/* 4: dead and expired mean that nobody handled it. (pairing 4.5) (fault 2.1) */
static void a_dead_message_rests_once_its_twin_is_delivered(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b");
    attempt(world, rule, ATTEMPT_GONE);
    assert_state(world, rule, STATE_DEAD);
    assert_state(world, event, STATE_PENDING);
    attempt(world, event, ATTEMPT_FAILED);
    assert_state(world, rule, STATE_DEAD); /* accepted for delivery is not delivered */
    advance(world, MINUTE_MS_);
    attempt(world, event, ATTEMPT_DELIVERED);
    assert_state(world, rule, STATE_SUPPRESSED);
    assert_int_equal(story_of(world, rule).record.attempts, 1);
    assert_string_equal(why(world, rule), "its twins were delivered");
}

/* ... with the item: an event of two items rests when both are delivered. (pairing 4.5) */
static void an_expired_event_rests_when_all_its_items_are_delivered(void **state) {
    struct world *world = *state;
    world->policy.park_for_ms = 0;
    ledger_close(world->ledger);
    world_start(world, world_backend(world));
    world->on[ENDPOINT_NEW] = false;
    uint64_t event = reads(world, "a b");
    assert_state(world, event, STATE_EXPIRED);
    attempt(world, alert(world, "a"), ATTEMPT_DELIVERED);
    assert_state(world, event, STATE_EXPIRED);
    attempt(world, alert(world, "b"), ATTEMPT_DELIVERED);
    assert_state(world, event, STATE_SUPPRESSED);
}

/* 3.1: the sender of what nobody handled asks again. (pairing 3.1a) (fault 2.2) */
static void a_repeat_reopens_what_nobody_handled(void **state) {
    struct world *world = *state;
    uint64_t id = TELL(world, .webhook_id = "m", .items = {"read/a"});
    attempt(world, id, ATTEMPT_GONE);
    assert_int_equal(TELL(world, .webhook_id = "m", .items = {"read/a"}), id);
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_state(world, id, STATE_PENDING);
    assert_string_equal(why(world, id), "its sender repeated it, and nobody had handled it");
    attempt(world, id, ATTEMPT_DELIVERED);
    TELL(world, .webhook_id = "m", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_DUPLICATE);
    assert_state(world, id, STATE_DELIVERED);
    assert_string_equal(why(world, id), "repeated by its sender");
}

/* It is decided anew: by its flag, and by what its twins handled since. (pairing 3.1a) */
static void a_repeat_is_decided_anew(void **state) {
    struct world *world = *state;
    uint64_t off = TELL(world, .webhook_id = "off", .items = {"read/off"});
    attempt(world, off, ATTEMPT_GONE);
    struct telling partly = reads_telling(world, "a b");
    partly.webhook_id = "partly";
    uint64_t event = tell(world, partly);
    attempt(world, event, ATTEMPT_GONE);
    attempt(world, alert(world, "a"), ATTEMPT_DELIVERED);
    tell(world, partly);
    assert_int_equal(world->admission.outcome, ADMIT_PARTIAL);
    attempt(world, event, ATTEMPT_GONE);
    alert(world, "b"); /* pending: all of the event is handled now */
    tell(world, partly);
    assert_int_equal(world->admission.outcome, ADMIT_DUPLICATE);
    assert_state(world, event, STATE_DEAD);
    world->on[ENDPOINT_LEGACY] = false;
    TELL(world, .webhook_id = "off", .items = {"read/off"});
    assert_int_equal(world->admission.outcome, ADMIT_PARKED);
    assert_state(world, off, STATE_PARKED);
}

static size_t lease_one(struct world *world, enum endpoint endpoint, struct lease *lease_) {
    return lease(world, endpoint, 1, lease_);
}

/* 4: an item left out for an alert that is then switched off goes after it. (pairing 4.6) (fault 2.12) */
static void an_item_left_for_a_rule_that_is_switched_off_is_sent_after(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b");
    attempt(world, event, ATTEMPT_DELIVERED);
    switch_flags(world, false, true);
    assert_state(world, rule, STATE_SUPPRESSED);
    assert_state(world, event, STATE_PENDING);
    struct lease one;
    assert_int_equal(lease_one(world, ENDPOINT_NEW, &one), 1);
    assert_true(str_eq(one.left_out, STR("\x02")));
    attempt(world, event, ATTEMPT_GONE); /* then nobody has that item */
    assert_state(world, event, STATE_DEAD);
    assert_state(world, rule, STATE_PARKED);
    switch_flags(world, true, true);
    attempt(world, rule, ATTEMPT_DELIVERED);
    assert_state(world, event, STATE_DELIVERED);
}

/* ... if its consumer is on; else as soon as it is. (pairing 4.6) */
static void an_item_waits_until_the_consumer_is_on(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b");
    attempt(world, event, ATTEMPT_DELIVERED);
    switch_flags(world, false, false);
    assert_state(world, rule, STATE_PARKED);
    assert_state(world, event, STATE_DELIVERED);
    switch_flags(world, false, true);
    assert_state(world, event, STATE_PENDING);
    attempt(world, event, ATTEMPT_DELIVERED);
    assert_state(world, rule, STATE_SUPPRESSED);
}

static uint64_t changed(struct world *world) {
    return TELL(world, .type = "DatasetDataChanged", .items = {"changed/a"});
}

static uint64_t completed_and_changed(struct world *world) {
    return TELL(world, .generation = GENERATION_EVENT, .items = {"read/a changed/a", "read/b"},
                .data_types = {"a", "b"});
}

/* 4: "changed" comes after the cutover, and its event is suppressed by "completed". (pairing 4.8) (fault 2.13) */
static void a_rule_that_would_be_parked_reopens_its_event(void **state) {
    struct world *world = *state;
    attempt(world, alert(world, "a"), ATTEMPT_DELIVERED);
    attempt(world, alert(world, "b"), ATTEMPT_DELIVERED);
    uint64_t event = completed_and_changed(world);
    assert_state(world, event, STATE_SUPPRESSED);
    switch_flags(world, false, true);
    assert_state(world, event, STATE_SUPPRESSED);
    uint64_t rule = changed(world);
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    assert_state(world, rule, STATE_SUPPRESSED);
    struct lease one;
    assert_int_equal(lease_one(world, ENDPOINT_NEW, &one), 1);
    assert_int_equal(one.record.id, event);
    assert_true(str_eq(one.left_out, STR("\x02")));
}

/* ... nor where the rule was there first, or its event went without that item. (pairing 4.8) */
static void a_rule_that_waits_keeps_its_item_in_the_event(void **state) {
    struct world *world = *state;
    attempt(world, alert(world, "a"), ATTEMPT_DELIVERED);
    switch_flags(world, false, true);
    uint64_t waits = changed(world);
    assert_state(world, waits, STATE_PARKED);
    uint64_t event = completed_and_changed(world);
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_state(world, waits, STATE_SUPPRESSED);
    attempt(world, event, ATTEMPT_DELIVERED);
    advance(world, HOUR_MS_);
    switch_flags(world, true, true);
    attempt(world, alert(world, "a"), ATTEMPT_DELIVERED);
    uint64_t trimmed = completed_and_changed(world);
    attempt(world, trimmed, ATTEMPT_DELIVERED);
    switch_flags(world, false, true);
    changed(world);
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    assert_state(world, trimmed, STATE_PENDING);
}

/* ... but not for a second rule that tells the same: that is told. (pairing 4.8) */
static void a_rule_that_tells_what_is_told_reopens_nothing(void **state) {
    struct world *world = *state;
    attempt(world, alert(world, "a"), ATTEMPT_DELIVERED);
    uint64_t event = reads(world, "a");
    switch_flags(world, false, true);
    uint64_t second = TELL(world, .rule_id = "2", .items = {"read/a"});
    assert_state(world, second, STATE_PARKED);
    assert_state(world, event, STATE_SUPPRESSED);
}

/* 4: a lease asks the flag again: a store that is opened with the flag off gives none away. (pairing 4.10)
 * (fault 2.16) */
static void a_lease_parks_what_is_off_by_now(void **state) {
    enum { MESSAGES = 700 };
    struct world *world = *state;
    for (int i = 0; i < MESSAGES; i++)
        TELL(world, .items = {"read/a"}, .rule_id = arena_printf(world->arena, "%d", i).at);
    uint64_t replayed = alert(world, "z");
    OK(replay(world, replayed));
    world->on[ENDPOINT_LEGACY] = false; /* nobody has swept since */
    for (int calls = 0; calls < 10; calls++) {
        struct lease leases[8];
        size_t count = lease(world, ENDPOINT_LEGACY, ARRAY_LEN(leases), leases);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(leases[i].record.id, replayed); /* an operator wants that one */
    }
    struct ledger_counts counts;
    ledger_count(world->ledger, &counts);
    assert_int_equal(counts.in_state[ENDPOINT_LEGACY][STATE_PARKED], MESSAGES);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), DUE_NEVER);
}

/* 4: nothing goes while a twin of it is open, or leans upon it; ages count from the last change. (pairing 4.9)
 * (fault 2.15) */
static void nothing_that_is_leaned_upon_is_removed(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b"), waits = reads(world, "w");
    attempt(world, rule, ATTEMPT_DELIVERED);
    attempt(world, waits, ATTEMPT_GONE);
    advance(world, 20 * DAY_MS);
    sweep(world);
    assert_false(is_gone(world, rule)); /* the event that left an item to it is open */
    assert_true(is_gone(world, waits));
    attempt(world, event, ATTEMPT_DELIVERED);
    advance(world, 14 * DAY_MS);
    sweep(world);
    assert_false(is_gone(world, event));
    assert_false(is_gone(world, rule));
    for (int days = 0; days < 3; days++) {
        advance(world, DAY_MS);
        sweep(world);
    }
    assert_true(is_gone(world, event));
    assert_true(is_gone(world, rule));
}

static uint64_t refused(struct world *world, const char *webhook_id) {
    uint64_t id = TELL(world, .webhook_id = webhook_id, .items = {"read/a"}, .waits = true, .lease = true);
    attempt(world, id, ATTEMPT_FAILED);
    assert_true(world->settlement.forgotten);
    return id;
}

/* 1: refused by 503, its event is delivered in between, and it comes again when the window is over. (pairing 1.12)
 * (fault 2.18) */
static void a_refused_message_keeps_its_first_arrival(void **state) {
    struct world *world = *state;
    bool lasts = world->place.path[0] != '\0';
    refused(world, "again");
    advance(world, MINUTE_MS_);
    uint64_t event = reads(world, "a");
    attempt(world, event, ATTEMPT_DELIVERED);
    advance(world, HOUR_MS_);
    if (lasts)
        world_reopen(world);
    uint64_t id = TELL(world, .webhook_id = "again", .items = {"read/a"}, .waits = true, .lease = true);
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    struct record record = story_of(world, id).record;
    assert_int_equal(record.received_ms, START_MS);
    assert_int_equal(record.time_ms, START_MS);
}

/* ... refused again and again, it stays where it was; another message is another one. (pairing 1.12) (fault 2.18) */
static void a_message_that_is_refused_often_stays_where_it_was(void **state) {
    struct world *world = *state;
    for (int i = 0; i < 3; i++) {
        refused(world, "again");
        advance(world, 4 * MINUTE_MS_);
    }
    uint64_t id = TELL(world, .webhook_id = "again", .items = {"read/other"});
    assert_int_equal(story_of(world, id).record.received_ms, world->now_ms); /* other facts */
    id = TELL(world, .webhook_id = "never", .items = {"read/a"});
    assert_int_equal(story_of(world, id).record.received_ms, world->now_ms);
    advance(world, DAY_MS);
    refused(world, "late");
    advance(world, 16 * DAY_MS);
    id = TELL(world, .webhook_id = "late", .items = {"read/late"});
    assert_int_equal(story_of(world, id).record.received_ms, world->now_ms);
}

/* 4: the start of an attempt that had to wait asks the flag again. (pairing 4.10) (fault 2.17) */
static void an_attempt_that_waited_asks_again(void **state) {
    struct world *world = *state;
    enum state came_to;
    uint64_t id = TELL(world, .waits = true, .lease = true), on = TELL(world, .waits = true, .lease = true);
    GROUP(world, ledger_resume(world->ledger, on, world->now_ms, &came_to));
    assert_int_equal(came_to, STATE_PENDING);
    assert_true(story_of(world, on).leased);
    world->on[ENDPOINT_LEGACY] = false;
    GROUP(world, ledger_resume(world->ledger, id, world->now_ms, &came_to));
    assert_int_equal(came_to, STATE_PARKED);
    struct story story = story_of(world, id);
    assert_false(story.leased);
    assert_int_not_equal(story.record.marks & RECORD_PROMISED, 0);
    world->on[ENDPOINT_LEGACY] = true;
    attempt(world, on, ATTEMPT_DELIVERED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_dead_message_rests_once_its_twin_is_delivered),
        ON_BOTH(a_repeat_reopens_what_nobody_handled),
        ON_BOTH(a_repeat_is_decided_anew),
        ON_BOTH(an_expired_event_rests_when_all_its_items_are_delivered),
        ON_BOTH(an_item_left_for_a_rule_that_is_switched_off_is_sent_after),
        ON_BOTH(an_item_waits_until_the_consumer_is_on),
        ON_BOTH(a_rule_that_would_be_parked_reopens_its_event),
        ON_BOTH(a_rule_that_waits_keeps_its_item_in_the_event),
        ON_BOTH(a_rule_that_tells_what_is_told_reopens_nothing),
        ON_BOTH(a_lease_parks_what_is_off_by_now),
        ON_BOTH(nothing_that_is_leaned_upon_is_removed),
        ON_BOTH(a_refused_message_keeps_its_first_arrival),
        ON_BOTH(a_message_that_is_refused_often_stays_where_it_was),
        ON_BOTH(an_attempt_that_waited_asks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
