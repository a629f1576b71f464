/* Wall time goes back by hours: what was put off by the old time does not wait for it to come again. */
#include "tests/unit/ledger_fixture.h"

static void set_back(struct world *world) {
    advance(world, -5 * HOUR_MS_);
    ledger_clock_set_back(world->ledger);
    sweep(world);
}

static void a_retry_is_not_put_off(void **state) {
    struct world *world = *state;
    struct lease leases[4];
    uint64_t id = alert(world, "a");
    attempt(world, id, ATTEMPT_FAILED);
    set_back(world);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 0);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), world->now_ms + 10 * SECOND_MS);
    advance(world, 10 * SECOND_MS);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 1);
    assert_int_equal(leases[0].record.id, id);
}

static void what_is_due_stays_due(void **state) {
    struct world *world = *state;
    struct lease leases[4];
    alert(world, "a");
    set_back(world);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 1);
}

static void a_hold_is_over_in_time(void **state) {
    struct world *world = *state;
    world->prefer = PREFER_NEW;
    uint64_t id = alert(world, "a");
    assert_state(world, id, STATE_HELD);
    set_back(world);
    assert_state(world, id, STATE_HELD);
    advance(world, 30 * SECOND_MS);
    sweep(world);
    assert_state(world, id, STATE_PENDING);
}

static void parking_is_over_in_time(void **state) {
    struct world *world = *state;
    world->on[ENDPOINT_LEGACY] = false;
    uint64_t id = alert(world, "a");
    set_back(world);
    advance(world, DAY_MS);
    sweep(world);
    assert_state(world, id, STATE_EXPIRED);
}

/* The clock was set back while no process ran. */
static void it_is_seen_after_a_restart(void **state) {
    struct world *world = *state;
    attempt(world, alert(world, "a"), ATTEMPT_FAILED);
    advance(world, -5 * HOUR_MS_);
    world_reopen(world);
    sweep(world);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), 0); /* to be looked up */
    struct lease leases[4];
    advance(world, 10 * SECOND_MS);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 1);
}

static void an_attempt_under_way_is_left_alone(void **state) {
    struct world *world = *state;
    TELL(world, .lease = true);
    set_back(world);
    attempt(world, world->admission.id, ATTEMPT_DELIVERED);
    assert_state(world, world->admission.id, STATE_DELIVERED);
}

/* The clock jumps ahead by 20 days: what was there before neither expires nor is removed, and is known still; what
 * comes meanwhile goes by the new time. (fault 4.3) */
static void nothing_expires_by_a_clock_that_jumped(void **state) {
    struct world *world = *state;
    uint64_t delivered = alert(world, "delivered");
    attempt(world, delivered, ATTEMPT_DELIVERED);
    world->on[ENDPOINT_LEGACY] = false;
    uint64_t parked = alert(world, "parked");
    advance(world, 20 * DAY_MS);
    ledger_clock_ahead(world->ledger, 20 * DAY_MS, world->now_ms);
    uint64_t during = alert(world, "during");
    sweep(world);
    assert_state(world, parked, STATE_PARKED);
    assert_state(world, delivered, STATE_DELIVERED);
    assert_state(world, during, STATE_PARKED);
    advance(world, DAY_MS + HOUR_MS_);
    ledger_clock_ahead(world->ledger, 20 * DAY_MS, world->now_ms - DAY_MS - HOUR_MS_);
    sweep(world);
    assert_state(world, during, STATE_EXPIRED);
    ledger_clock_ahead(world->ledger, 0, 0); /* it is believed */
    sweep(world);
    struct ledger_counts counts;
    ledger_count(world->ledger, &counts);
    assert_int_equal(counts.in_state[ENDPOINT_LEGACY][STATE_PARKED], 0);
}

/* What the next process compares its clock with. */
static void the_time_is_noted(void **state) {
    struct world *world = *state;
    alert(world, "a");
    assert_in_range((uint64_t)ledger_time_seen_ms(world->ledger), (uint64_t)world->now_ms - 1, (uint64_t)world->now_ms);
    assert_int_equal(ledger_begin(world->ledger), ERR_NONE);
    assert_int_equal(ledger_note_time(world->ledger, world->now_ms + DAY_MS), ERR_NONE);
    assert_int_equal(ledger_commit(world->ledger), ERR_NONE);
    world_reopen(world);
    assert_int_equal(ledger_time_seen_ms(world->ledger), world->now_ms + DAY_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_retry_is_not_put_off),
        ON_BOTH(what_is_due_stays_due),
        ON_BOTH(a_hold_is_over_in_time),
        ON_BOTH(parking_is_over_in_time),
        ON_SQLITE(it_is_seen_after_a_restart),
        ON_BOTH(an_attempt_under_way_is_left_alone),
        ON_BOTH(nothing_expires_by_a_clock_that_jumped),
        ON_SQLITE(the_time_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
