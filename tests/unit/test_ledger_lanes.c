/* Leases where an endpoint's messages go to several lanes: a shut one stands in nobody's way. */
#include "tests/unit/ledger_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LANES = 3, MANY = 700, STEPS = 600, MESSAGES_MOST = 400 };

static const char *const types[LANES] = {"DataSyncCompleted", "SyncStarted", "AccountCategoriesUpdated"};

static size_t lane_of(void *arg, const struct record *record) {
    (void)arg;
    for (size_t i = 0; i < LANES; i++)
        if (str_eq(record->type, str_of(types[i])))
            return i;
    fail();
    return 0;
}

/* Leases what is due in one lane, up to `max`. */
static size_t lease_lane(struct world *world, size_t lane, size_t max, uint64_t *ids) {
    struct lease leases[16];
    size_t taken = 0, calls = 0;
    struct lease_batch batch = {.more = true};
    while (batch.more && taken < max) {
        uint32_t places[LANES] = {0};
        places[lane] = (uint32_t)(max - taken < ARRAY_LEN(leases) ? max - taken : ARRAY_LEN(leases));
        const struct lane_choice choice = {LANES, lane_of, places, NULL};
        batch = (struct lease_batch){.leases = leases, .max = places[lane]};
        GROUP(world, ledger_lease_lanes(world->ledger, world->arena, ENDPOINT_LEGACY, &choice, world->now_ms, &batch));
        for (size_t i = 0; i < batch.count; i++) {
            assert_string_equal(leases[i].record.type.at, types[lane]);
            ids[taken++] = leases[i].record.id;
        }
        assert_true(++calls < 1000);
    }
    return taken;
}

static uint64_t tell_lane(struct world *world, size_t lane) {
    return TELL(world, .type = types[lane], .no_counterpart = lane > 0);
}

/* (fault 3.5) */
static void a_shut_lane_stands_in_nobodys_way(void **state) {
    struct world *world = *state;
    uint64_t ids[2 * MANY];
    world->policy.backlog_max = 10 * MANY;
    world_reopen(world);
    for (int i = 0; i < MANY; i++)
        (void)tell_lane(world, 0);
    advance(world, 1);
    uint64_t second = tell_lane(world, 1);
    assert_int_equal(lease_lane(world, 1, 10, ids), 1);
    assert_int_equal(ids[0], second);
    assert_true(ledger_next_due(world->ledger, ENDPOINT_LEGACY) <= world->now_ms); /* those of the first lane wait */
    settle_as(world, (struct attempt){.id = second, .result = ATTEMPT_FAILED, .retry_after_ms = -1, .what = STR("x")});
    assert_int_equal(lease_lane(world, 1, 10, ids), 0);
    advance(world, world->retry_ms[0] * 2);
    assert_int_equal(lease_lane(world, 1, 10, ids), 1);
    assert_int_equal(lease_lane(world, 0, 2 * MANY, ids), MANY);
    assert_int_equal(lease_lane(world, 0, 10, ids), 0);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), DUE_NEVER);
}

static void a_rollback_takes_places_back(void **state) {
    struct world *world = *state;
    struct lease leases[4];
    uint64_t ids[4];
    (void)tell_lane(world, 0);
    (void)tell_lane(world, 1);
    uint32_t places[LANES] = {4, 0, 0};
    const struct lane_choice choice = {LANES, lane_of, places, NULL};
    struct lease_batch batch = {.leases = leases, .max = 4};
    OK(ledger_begin(world->ledger));
    OK(ledger_lease_lanes(world->ledger, world->arena, ENDPOINT_LEGACY, &choice, world->now_ms, &batch));
    assert_int_equal(batch.count, 1);
    assert_int_equal(places[0], 3);
    ledger_rollback(world->ledger);
    assert_int_equal(lease_lane(world, 0, 4, ids), 1);
    assert_int_equal(lease_lane(world, 1, 4, ids), 1);
}

struct copy {
    uint64_t id;
    size_t lane;
    int64_t due_ms; /* DUE_NEVER: leased, or over */
    bool is_leased;
};

struct sketch {
    struct world *world;
    struct copy copies[MESSAGES_MOST];
    size_t count;
    unsigned seed;
};

static void settle_one(struct sketch *sketch) {
    struct copy *copy = &sketch->copies[(size_t)rand_r(&sketch->seed) % sketch->count];
    if (!copy->is_leased)
        return;
    int kind = rand_r(&sketch->seed) % 4;
    settle_as(sketch->world, (struct attempt){.id = copy->id,
                                              .result = kind == 0   ? ATTEMPT_DELIVERED
                                                        : kind == 1 ? ATTEMPT_INTERRUPTED
                                                                    : ATTEMPT_FAILED,
                                              .retry_after_ms = -1,
                                              .what = STR("x")});
    bool is_open = sketch->world->settlement.state == STATE_PENDING;
    copy->is_leased = false;
    copy->due_ms = is_open ? sketch->world->settlement.due_ms : DUE_NEVER;
}

static void lease_some(struct sketch *sketch, size_t max) {
    size_t lane = (size_t)rand_r(&sketch->seed) % LANES, due = 0;
    uint64_t ids[MESSAGES_MOST];
    for (size_t i = 0; i < sketch->count; i++)
        due += sketch->copies[i].lane == lane && sketch->copies[i].due_ms <= sketch->world->now_ms ? 1 : 0;
    size_t taken = lease_lane(sketch->world, lane, max, ids);
    if (taken != (due < max ? due : max))
        fail_msg("%zu are due in lane %zu, %zu were taken", due, lane, taken);
    for (size_t i = 0; i < taken; i++)
        for (size_t k = 0; k < sketch->count; k++)
            if (sketch->copies[k].id == ids[i]) {
                sketch->copies[k].due_ms = DUE_NEVER;
                sketch->copies[k].is_leased = true;
            }
}

/* Whatever happened, each lane gives all that is due in it. */
static void nothing_due_is_forgotten(void **state) {
    struct sketch *sketch = MEM_NEW(struct sketch);
    sketch->world = *state;
    sketch->seed = (unsigned)time(NULL);
    print_message("seed %u\n", sketch->seed);
    for (int step = 0; step < STEPS; step++) {
        int kind = rand_r(&sketch->seed) % 5;
        if ((kind == 0 || sketch->count == 0) && sketch->count < MESSAGES_MOST) {
            size_t lane = (size_t)rand_r(&sketch->seed) % LANES;
            uint64_t id = tell_lane(sketch->world, lane);
            sketch->copies[sketch->count++] = (struct copy){id, lane, sketch->world->now_ms, false};
        } else if (kind == 1) {
            advance(sketch->world, rand_r(&sketch->seed) % 8000);
        } else if (kind == 2) {
            lease_some(sketch, (size_t)rand_r(&sketch->seed) % 5 + 1);
        } else if (sketch->count > 0) {
            settle_one(sketch);
        }
    }
    lease_some(sketch, MESSAGES_MOST);
    mem_free(sketch);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_BOTH(a_shut_lane_stands_in_nobodys_way),
                                       ON_BOTH(a_rollback_takes_places_back), ON_BOTH(nothing_due_is_forgotten)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
