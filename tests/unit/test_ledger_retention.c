/* What is kept for how long, on both stores: bodies for store.body_retention, identities and facts for
 * store.retention. */
#include "tests/unit/ledger_fixture.h"

static bool has_body(struct world *world, uint64_t id) {
    return story_of(world, id).has_content;
}

static void pass(struct world *world, int64_t ms) {
    advance(world, ms);
    sweep(world);
}

static void bodies_of_what_is_delivered_go_after_their_retention(void **state) {
    struct world *world = *state;
    uint64_t id = alert(world, "a");
    attempt(world, id, ATTEMPT_DELIVERED);
    pass(world, 3 * DAY_MS);
    assert_true(has_body(world, id));
    pass(world, 10 * MINUTE_MS_); /* passes are some minutes apart */
    assert_false(has_body(world, id));
    assert_int_equal(story_of(world, id).record.marks & RECORD_CONTENT_GONE, RECORD_CONTENT_GONE);
    assert_state(world, id, STATE_DELIVERED);
}

static void a_pass_waits_for_its_time(void **state) {
    struct world *world = *state;
    uint64_t id = alert(world, "a");
    attempt(world, id, ATTEMPT_DELIVERED);
    pass(world, 3 * DAY_MS);
    pass(world, 10 * MINUTE_MS_ - 1);
    assert_true(has_body(world, id));
    pass(world, 1);
    assert_false(has_body(world, id));
}

static void bodies_that_may_be_needed_stay(void **state) {
    struct world *world = *state;
    uint64_t dead = TELL(world, .lease = true), under_way = TELL(world, .lease = true), pending = alert(world, "p");
    attempt(world, dead, ATTEMPT_GONE);
    switch_flags(world, true, false);
    uint64_t expired = reads(world, "x");
    pass(world, DAY_MS);
    assert_state(world, expired, STATE_EXPIRED);
    pass(world, 3 * DAY_MS);
    const uint64_t ids[] = {dead, under_way, pending, expired};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_true(has_body(world, ids[i]));
}

/* What a suppressed message leans on may die yet, and then its body is wanted. */
static void the_body_of_a_suppressed_message_stays_until_its_twin_is_delivered(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .lease = true, .items = {"read/a"}), event = reads(world, "a");
    pass(world, 4 * DAY_MS);
    assert_true(has_body(world, event));
    attempt(world, rule, ATTEMPT_DELIVERED);
    pass(world, HOUR_MS_);
    assert_false(has_body(world, event));
    assert_true(has_body(world, rule)); /* its age counts from the delivery */
    pass(world, 3 * DAY_MS);
    assert_false(has_body(world, rule));
}

static uint64_t lost;
static enum err (*load_inner)(struct backend *backend, struct arena *arena, uint64_t id, struct record *record);

static enum err load_unless_lost(struct backend *backend, struct arena *arena, uint64_t id, struct record *record) {
    return id == lost ? ERR_DAMAGED : load_inner(backend, arena, id, record);
}

static void a_takeover_without_a_body_is_dead_and_says_so(void **state) {
    struct world *world = *state;
    world->twins_may_be_missing = true;
    uint64_t first = TELL(world, .items = {"x:write/k/successful"});
    attempt(world, first, ATTEMPT_DELIVERED);
    pass(world, 11 * DAY_MS);
    uint64_t event = TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k/successful"});
    pass(world, 4 * DAY_MS);
    pass(world, HOUR_MS_);
    assert_false(has_body(world, event));
    lost = first; /* nothing but damage removes what is leaned upon */
    load_inner = world->ops.load;
    world->ops.load = load_unless_lost;
    uint64_t late = TELL(world, .items = {"x:write/k/successful"});
    assert_state(world, late, STATE_PENDING);
    attempt(world, late, ATTEMPT_GONE);
    assert_state(world, event, STATE_DEAD);
    assert_string_equal(why(world, event), "to be delivered, but its body is past its retention");
    world->ops.load = load_inner;
}

/* (pairing 3.6e) */
static void messages_go_after_their_retention(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a b"), open = TELL(world, .lease = true);
    attempt(world, rule, ATTEMPT_DELIVERED);
    attempt(world, event, ATTEMPT_DELIVERED);
    uint64_t dead = TELL(world, .lease = true);
    attempt(world, dead, ATTEMPT_GONE);
    uint64_t suppressed = alert(world, "b");
    pass(world, 15 * DAY_MS - HOUR_MS_);
    uint64_t young = alert(world, "z");
    assert_false(is_gone(world, rule));
    pass(world, HOUR_MS_ + SECOND_MS);
    assert_false(is_gone(world, rule)); /* while others lean upon it */
    pass(world, HOUR_MS_);
    pass(world, HOUR_MS_);
    assert_true(is_gone(world, rule));
    assert_true(is_gone(world, event));
    assert_true(is_gone(world, dead));
    assert_true(is_gone(world, suppressed));
    assert_false(is_gone(world, open)); /* nobody has handled it */
    assert_false(is_gone(world, young));
    struct ledger_stats stats;
    ledger_stats(world->ledger, &stats);
    assert_int_equal(stats.removed, 4);
    /* with its facts: nothing is found that is not there */
    reads(world, "a b");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* A replay brings a message back to life; what is under way is not taken away from under it. */
static void what_is_under_way_is_not_removed(void **state) {
    struct world *world = *state;
    uint64_t id = alert(world, "a");
    attempt(world, id, ATTEMPT_GONE);
    advance(world, 15 * DAY_MS);
    OK(replay(world, id));
    struct lease leases[1];
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 1, leases), 1);
    pass(world, HOUR_MS_);
    assert_false(is_gone(world, id));
    attempt(world, id, ATTEMPT_DELIVERED);
    pass(world, 15 * DAY_MS); /* from the last change */
    assert_false(is_gone(world, id));
    pass(world, HOUR_MS_);
    assert_true(is_gone(world, id));
}

static void retention_is_worked_off_in_small_steps(void **state) {
    enum { MESSAGES = 5 };
    struct world *world = *state;
    uint64_t ids[MESSAGES];
    for (int i = 0; i < MESSAGES; i++) {
        ids[i] = TELL(world, .lease = true);
        attempt(world, ids[i], ATTEMPT_DELIVERED);
    }
    sweep(world);
    advance(world, 15 * DAY_MS + SECOND_MS);
    for (int gone = 0; gone < MESSAGES; gone++) {
        bool more;
        assert_false(is_gone(world, ids[gone]));
        GROUP(world, ledger_sweep(world->ledger, world->now_ms, 1, &more));
        assert_true(more);
        assert_true(is_gone(world, ids[gone]));
    }
}

/* Facts that cannot be read (a damaged store) are not guessed at: the message stays, and those after it go. */
static void damaged_facts_hold_up_nobody(void **state) {
    static const char *const damaged[] = {
        "w5:ab;",
        "wx:ab;",
        "w2ab",
        "w1:a",
        "z",
        "w1:a;z",
        "w1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:aw1:a;",
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        struct item *items;
        size_t count;
        assert_false(ledger_facts_decode(world->arena, str_of(damaged[i]), &items, &count));
        assert_false(ledger_facts_state(str_of(damaged[i]), 0, STR("b")));
    }
    struct record record = record_sample(1);
    struct content content = content_sample();
    enum { DAMAGED = 3 };
    record.state = STATE_DELIVERED;
    record.due_ms = DUE_NEVER;
    record.facts = STR("w5:ab;");
    for (record.id = 1; record.id <= DAMAGED; record.id++) /* as many as a step looks at */
        GROUP(world, world->ops.insert(world->backend, &record, &content));
    uint64_t good = alert(world, "accounts");
    attempt(world, good, ATTEMPT_DELIVERED);
    advance(world, 16 * DAY_MS);
    sweep(world);
    assert_string_equal(ledger_error(world->ledger), "the facts of message 3 are damaged");
    assert_true(is_gone(world, good));
    for (uint64_t id = 1; id <= DAMAGED; id++) {
        assert_false(is_gone(world, id));
        GROUP(world, world->ops.remove(world->backend, id)); /* so that the book is in order again */
    }
}

/* Facts are kept as text, item by item, whatever is in their keys. */
static void facts_come_back_as_they_were(void **state) {
    struct world *world = *state;
    struct fact facts[] = {
        {STR("read/a;w3:x/completed"), MATCH_WINDOW}, {STR(""), MATCH_EXACT}, {STR("x"), MATCH_EXACT}};
    struct item items[] = {{.facts = facts, .fact_count = 2}, {.fact_count = 0}, {.facts = &facts[2], .fact_count = 1}};
    struct message message = {.items = items, .item_count = 3};
    struct item *read;
    size_t count;
    struct str text = ledger_facts_encode(world->arena, &message);
    assert_true(ledger_facts_decode(world->arena, text, &read, &count));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read[i].fact_count, items[i].fact_count);
        for (size_t f = 0; f < items[i].fact_count; f++) {
            assert_true(str_eq(read[i].facts[f].key, items[i].facts[f].key));
            assert_int_equal(read[i].facts[f].match, items[i].facts[f].match);
        }
    }
    assert_true(ledger_facts_state(text, 0, STR("READ/a;w3:X/completed")));
    assert_true(ledger_facts_state(text, 0, STR("")));
    assert_false(ledger_facts_state(text, 0, STR("x")));
    assert_false(ledger_facts_state(text, 1, STR("")));
    assert_true(ledger_facts_state(text, 2, STR("x")));
    assert_false(ledger_facts_state(text, 2, STR("")));
    assert_false(ledger_facts_state(text, 3, STR("x")));
    for (size_t len = 1; len < text.len; len++)
        if (ledger_facts_decode(world->arena, str_slice(text.at, len), &read, &count))
            assert_true(count < 3); /* cut between two items at most */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(bodies_of_what_is_delivered_go_after_their_retention),
        ON_BOTH(a_pass_waits_for_its_time),
        ON_BOTH(bodies_that_may_be_needed_stay),
        ON_BOTH(the_body_of_a_suppressed_message_stays_until_its_twin_is_delivered),
        ON_BOTH(a_takeover_without_a_body_is_dead_and_says_so),
        ON_BOTH(messages_go_after_their_retention),
        ON_BOTH(what_is_under_way_is_not_removed),
        ON_BOTH(retention_is_worked_off_in_small_steps),
        ON_BOTH(damaged_facts_hold_up_nobody),
        ON_BOTH(facts_come_back_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
