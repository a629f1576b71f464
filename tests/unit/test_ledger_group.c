/* Groups, leases, counts and what a restart leaves, on both stores. */
#include "tests/unit/ledger_fixture.h"

static struct ledger_counts counts_of(struct world *world) {
    struct ledger_counts counts;
    ledger_count(world->ledger, &counts);
    return counts;
}

static enum err admit(struct world *world, const struct telling *telling) {
    struct admit_request request = telling_request(world, telling);
    return ledger_admit(world->ledger, world->arena, &request, &world->admission);
}

/* What a group did that is rolled back has not happened: in the store, in the counts, in the leases, in due times. */
static void a_group_that_is_rolled_back_has_not_happened(void **state) {
    struct world *world = *state;
    uint64_t leased = TELL(world, .lease = true), waits = alert(world, "a");
    struct ledger_counts before = counts_of(world);
    struct attempt delivered = {.id = leased, .result = ATTEMPT_DELIVERED, .what = STR("HTTP 200")};
    struct telling telling = {.items = {"read/b"}, .lease = true};
    struct lease leases[2];
    size_t count;
    OK(ledger_begin(world->ledger));
    OK(admit(world, &telling));
    uint64_t undone = world->admission.id;
    OK(ledger_settle(world->ledger, &delivered, world->now_ms, &world->settlement));
    OK(ledger_lease(world->ledger, world->arena, ENDPOINT_LEGACY, 2, world->now_ms, leases, &count));
    assert_int_equal(count, 1);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), DUE_NEVER);
    ledger_rollback(world->ledger);
    assert_true(is_gone(world, undone));
    assert_state(world, leased, STATE_PENDING);
    assert_true(story_of(world, leased).leased);
    assert_false(story_of(world, waits).leased);
    assert_true(ledger_next_due(world->ledger, ENDPOINT_LEGACY) <= world->now_ms);
    struct ledger_counts after = counts_of(world);
    assert_memory_equal(&before, &after, sizeof before);
    tell(world, telling);
    assert_int_equal(world->admission.id, undone); /* the id was never given to anybody */
}

/* More changes to leases in one group than a list of them begins with. */
static void many_leases_of_one_group_are_rolled_back(void **state) {
    enum { MANY = 150 };
    struct world *world = *state;
    struct telling telling = {.lease = true};
    OK(ledger_begin(world->ledger));
    for (int i = 0; i < MANY; i++)
        OK(admit(world, &telling));
    ledger_rollback(world->ledger);
    uint64_t id = alert(world, "a");
    struct lease leases[4];
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 1);
    assert_int_equal(leases[0].record.id, id);
}

static enum err commit_fails(struct backend *backend) {
    return err_set(&backend->detail, ERR_LIMIT, "disk full");
}

/* A commit that fails is rolled back by the ledger itself. */
static void a_commit_that_fails_has_not_happened(void **state) {
    struct world *world = *state;
    struct backend_ops working = world->ops;
    struct telling telling = {.webhook_id = "m", .lease = true};
    world->ops.commit = commit_fails;
    OK(ledger_begin(world->ledger));
    OK(admit(world, &telling));
    assert_int_equal(ledger_commit(world->ledger), ERR_LIMIT);
    assert_string_equal(ledger_error(world->ledger), "disk full");
    world->ops = working;
    assert_true(is_gone(world, world->admission.id));
    assert_int_equal(counts_of(world).in_state[ENDPOINT_LEGACY][STATE_PENDING], 0);
    tell(world, telling);
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_true(world->admission.leased);
}

/* Leases end with the process: what was under way is due again, and nothing else has changed. */
static void opening_the_store_again_drops_leases(void **state) {
    struct world *world = *state;
    uint64_t under_way = TELL(world, .lease = true), event = reads(world, "a"), rule = alert(world, "a");
    struct ledger_counts before = counts_of(world);
    struct lease leases[2];
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 2, leases), 0);
    world_reopen(world);
    struct ledger_counts after = counts_of(world);
    assert_memory_equal(&before, &after, sizeof before);
    assert_true(ledger_next_due(world->ledger, ENDPOINT_LEGACY) <= world->now_ms);
    assert_true(ledger_next_due(world->ledger, ENDPOINT_NEW) <= world->now_ms);
    assert_state(world, rule, STATE_SUPPRESSED);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 2, leases), 1);
    assert_int_equal(leases[0].record.id, under_way);
    assert_int_equal(lease(world, ENDPOINT_NEW, 2, leases), 1);
    assert_int_equal(leases[0].record.id, event);
    uint64_t later = alert(world, "z");
    assert_true(later > rule); /* ids go on */
}

/* Counts are kept with the messages; where they are missing, or not readable, they are made again. */
static void counts_that_cannot_be_read_are_counted_again(void **state) {
    enum { MANY = 600 };
    struct world *world = *state;
    for (int i = 0; i < MANY; i++) {
        struct telling telling = {.lease = true};
        OK(ledger_begin(world->ledger));
        OK(admit(world, &telling));
        OK(ledger_commit(world->ledger));
    }
    alert(world, "a");
    reads(world, "a");
    struct ledger_counts before = counts_of(world);
    assert_int_equal(before.in_state[ENDPOINT_LEGACY][STATE_PENDING], MANY + 1);
    assert_int_equal(before.in_state[ENDPOINT_NEW][STATE_SUPPRESSED], 1);
    GROUP(world, world->ops.put_meta(world->backend, STR("counts"), STR("of an older version")));
    world_reopen(world);
    struct ledger_counts after = counts_of(world);
    assert_memory_equal(&before, &after, sizeof before);
}

/* "oldest due first; each is the caller's to attempt and to settle" */
static void leases_are_given_oldest_due_first_and_once(void **state) {
    struct world *world = *state;
    uint64_t ids[4];
    for (int i = 0; i < 4; i++) {
        ids[i] = alert(world, "a");
        advance(world, SECOND_MS);
    }
    attempt(world, ids[0], ATTEMPT_FAILED); /* leases all of them */
    for (int i = 3; i > 0; i--)
        settle_as(world,
                  (struct attempt){.id = ids[i], .result = ATTEMPT_FAILED, .retry_after_ms = -1, .what = STR("")});
    struct lease leases[4];
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 0);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), world->now_ms + 5 * SECOND_MS);
    world->jitter = -1;
    OK(replay(world, ids[3]));
    advance(world, 5 * SECOND_MS);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 2, leases), 2);
    assert_int_equal(leases[0].record.id, ids[3]);
    assert_int_equal(leases[1].record.id, ids[0]);
    assert_true(str_eq(leases[0].content.body, STR("{\"a\":1}")));
    assert_true(str_eq(leases[0].content.headers, STR("X-A:1\n")));
    assert_null(leases[0].covered.at);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), world->now_ms);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 2);
    assert_int_equal(leases[0].record.id, ids[1]);
    assert_int_equal(leases[1].record.id, ids[2]);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 4, leases), 0);
    assert_int_equal(lease(world, ENDPOINT_NEW, 4, leases), 0);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), DUE_NEVER);
}

/* "never later than it really is", whatever moves a message */
static void the_next_due_time_is_never_too_late(void **state) {
    struct world *world = *state;
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), DUE_NEVER);
    uint64_t id = TELL(world, .lease = true);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), DUE_NEVER);
    attempt(world, id, ATTEMPT_FAILED);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), world->now_ms + 5 * SECOND_MS);
    alert(world, "a");
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), world->now_ms);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_NEW), DUE_NEVER);
}

/* Lists are newest first, and stories tell of the twins. */
static void messages_are_listed_and_told(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a"), event = reads(world, "a");
    struct filter suppressed = {.state = STATE_SUPPRESSED, .generation = -1, .limit = 10};
    struct record *records;
    size_t count;
    OK(ledger_list(world->ledger, world->arena, &suppressed, &records, &count));
    assert_int_equal(count, 1);
    assert_int_equal(records[0].id, event);
    struct story story = story_of(world, rule);
    assert_true(story.has_content);
    assert_false(story.leased);
    assert_int_equal(story.twin_count, 1);
    assert_int_equal(story.twin_records[0].id, event);
    assert_int_equal(ledger_story(world->ledger, world->arena, 1, &story), ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_group_that_is_rolled_back_has_not_happened),
        ON_BOTH(many_leases_of_one_group_are_rolled_back),
        ON_BOTH(a_commit_that_fails_has_not_happened),
        ON_SQLITE(opening_the_store_again_drops_leases),
        ON_SQLITE(counts_that_cannot_be_read_are_counted_again),
        ON_BOTH(leases_are_given_oldest_due_first_and_once),
        ON_BOTH(the_next_due_time_is_never_too_late),
        ON_BOTH(messages_are_listed_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
