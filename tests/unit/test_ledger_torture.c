/* Every call of the ledger to its store fails in turn. Then the group is rolled back, and the book must be as it was;
 * and when the same is done again without a failure, as if there had never been one. */
#include "tests/unit/ledger_fixture.h"

#include <stdio.h>

/* What one group does; the world is one that `prepare` has made. */
struct scene {
    const char *name;
    void (*prepare)(struct world *world);
    enum err (*act)(struct world *world);
};

static struct {
    struct backend_ops real;
    int countdown; /* the call that fails; 0: none */
} torture;

static bool fails(struct backend *backend) {
    if (torture.countdown == 0 || --torture.countdown > 0)
        return false;
    (void)err_set(&backend->detail, ERR_IO, "it has come to this call");
    return true;
}

#define TORTURED(name, parameters, arguments)                                                                          \
    static enum err tortured_##name parameters {                                                                       \
        return fails(backend) ? ERR_IO : torture.real.name arguments;                                                  \
    }
#define PLAIN struct backend *backend

TORTURED(begin, (PLAIN), (backend))
TORTURED(commit, (PLAIN), (backend))
TORTURED(last_id, (PLAIN, uint64_t *id), (backend, id))
TORTURED(insert, (PLAIN, const struct record *record, const struct content *content), (backend, record, content))
TORTURED(update, (PLAIN, const struct record *record), (backend, record))
TORTURED(load, (PLAIN, struct arena *arena, uint64_t id, struct record *record), (backend, arena, id, record))
TORTURED(load_content, (PLAIN, struct arena *arena, uint64_t id, struct content *content),
         (backend, arena, id, content))
TORTURED(remove, (PLAIN, uint64_t id), (backend, id))
TORTURED(remove_content, (PLAIN, uint64_t id), (backend, id))
TORTURED(find_identity, (PLAIN, uint64_t hash, uint64_t *ids, size_t max, size_t *count),
         (backend, hash, ids, max, count))
TORTURED(add_fact, (PLAIN, const struct fact_row *row), (backend, row))
TORTURED(remove_fact, (PLAIN, const struct fact_row *row), (backend, row))
TORTURED(find_facts,
         (PLAIN, uint64_t hash, int64_t from_ms, int64_t to_ms, struct fact_row *rows, size_t max, size_t *count),
         (backend, hash, from_ms, to_ms, rows, max, count))
TORTURED(add_twin, (PLAIN, const struct twin *twin), (backend, twin))
TORTURED(find_twins, (PLAIN, struct arena *arena, uint64_t id, struct twin **twins, size_t *count),
         (backend, arena, id, twins, count))
TORTURED(add_step, (PLAIN, uint64_t id, const struct step *step), (backend, id, step))
TORTURED(due, (PLAIN, enum endpoint endpoint, enum state state, struct due *due, size_t max, size_t *count),
         (backend, endpoint, state, due, max, count))
TORTURED(scan, (PLAIN, uint32_t states, uint64_t after, uint64_t *ids, size_t max, size_t *count),
         (backend, states, after, ids, max, count))
TORTURED(scan_content, (PLAIN, uint64_t after, uint64_t below, uint64_t *ids, size_t max, size_t *count),
         (backend, after, below, ids, max, count))
TORTURED(add_parity, (PLAIN, const struct parity_bucket *bucket), (backend, bucket))
TORTURED(each_parity, (PLAIN, int64_t from_ms, int64_t below_ms, bool skews, each_parity_fn *each, void *arg),
         (backend, from_ms, below_ms, skews, each, arg))
TORTURED(remove_parity, (PLAIN, int64_t from_ms, int64_t below_ms), (backend, from_ms, below_ms))
TORTURED(add_unpaired, (PLAIN, const struct unpaired *row), (backend, row))
TORTURED(remove_unpaired, (PLAIN, const struct unpaired *row, bool *removed), (backend, row, removed))
TORTURED(scan_unpaired,
         (PLAIN, struct arena *arena, const struct unpaired *after, int64_t below_ms, struct unpaired *rows, size_t max,
          size_t *count),
         (backend, arena, after, below_ms, rows, max, count))
TORTURED(get_meta, (PLAIN, struct arena *arena, struct str name, struct str *value), (backend, arena, name, value))
TORTURED(put_meta, (PLAIN, struct str name, struct str value), (backend, name, value))

static void torture_begin(struct backend_ops *ops, int countdown) {
    torture.real = *ops;
    torture.countdown = countdown;
    ops->begin = tortured_begin;
    ops->commit = tortured_commit;
    ops->last_id = tortured_last_id;
    ops->insert = tortured_insert;
    ops->update = tortured_update;
    ops->load = tortured_load;
    ops->load_content = tortured_load_content;
    ops->remove = tortured_remove;
    ops->remove_content = tortured_remove_content;
    ops->find_identity = tortured_find_identity;
    ops->add_fact = tortured_add_fact;
    ops->remove_fact = tortured_remove_fact;
    ops->find_facts = tortured_find_facts;
    ops->add_twin = tortured_add_twin;
    ops->find_twins = tortured_find_twins;
    ops->add_step = tortured_add_step;
    ops->due = tortured_due;
    ops->scan = tortured_scan;
    ops->scan_content = tortured_scan_content;
    ops->add_parity = tortured_add_parity;
    ops->each_parity = tortured_each_parity;
    ops->remove_parity = tortured_remove_parity;
    ops->add_unpaired = tortured_add_unpaired;
    ops->remove_unpaired = tortured_remove_unpaired;
    ops->scan_unpaired = tortured_scan_unpaired;
    ops->get_meta = tortured_get_meta;
    ops->put_meta = tortured_put_meta;
}

/* True where no call was left to fail. */
static bool torture_end(struct backend_ops *ops) {
    bool through = torture.countdown > 0;
    *ops = torture.real;
    torture.countdown = 0;
    return through;
}

static void write_message(struct world *world, struct strbuf *out, uint64_t id) {
    struct story story = story_of(world, id);
    const struct record *record = &story.record;
    strbuf_printf(out, "%llx %s due %lld changed %lld attempts %u tries %u marks %u trimmed %u leased %d content %d\n",
                  (unsigned long long)id, state_name(record->state), (long long)record->due_ms,
                  (long long)record->changed_ms, record->attempts, record->tries, record->marks,
                  record->trimmed.len == 0 ? 0 : (unsigned)(unsigned char)record->trimmed.at[0], story.leased,
                  story.has_content);
    for (size_t i = 0; i < story.twin_count; i++)
        strbuf_printf(out, "  twin %llx item %u rule %llx\n", (unsigned long long)story.twins[i].event,
                      story.twins[i].item, (unsigned long long)story.twins[i].rule);
    for (size_t i = 0; i < story.step_count; i++)
        strbuf_printf(out, "  %lld %s: " STR_FMT "\n", (long long)story.steps[i].at_ms,
                      state_name(story.steps[i].state), STR_ARG(story.steps[i].why));
}

/* The whole book as a text. */
static struct str book_of(struct world *world) {
    struct strbuf out = {0};
    struct ledger_counts counts;
    struct record *records;
    struct parity_report parity;
    size_t count;
    struct filter all = {.state = -1, .generation = -1, .limit = 100};
    OK(ledger_list(world->ledger, world->arena, &all, &records, &count));
    for (size_t i = 0; i < count; i++)
        write_message(world, &out, records[i].id);
    ledger_count(world->ledger, &counts);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        for (int s = 0; s < STATE_COUNT; s++)
            strbuf_printf(&out, "%u ", (unsigned)counts.in_state[e][s]);
        strbuf_printf(&out, "next %lld\n", (long long)ledger_next_due(world->ledger, (enum endpoint)e));
    }
    OK(ledger_parity(world->ledger, world->arena, 0, world->now_ms, &parity));
    for (size_t i = 0; i < parity.row_count; i++) {
        const struct parity_row *row = &parity.rows[i];
        strbuf_printf(&out, STR_FMT, STR_ARG(row->type));
        for (size_t k = 0; k < PARITY_NUMBERS; k++)
            strbuf_printf(&out, " %d", (int)row->sum.n[k]);
        strbuf_printf(&out, " waiting %d %d\n", (int)row->rules_waiting, (int)row->events_waiting);
    }
    struct str book = arena_str(world->arena, strbuf_str(&out));
    strbuf_clear(&out);
    return book;
}

static enum err act_in_group(struct world *world, const struct scene *scene) {
    enum err err = ledger_begin(world->ledger);
    if (err != ERR_NONE)
        return err;
    err = scene->act(world);
    if (err == ERR_NONE)
        return ledger_commit(world->ledger);
    ledger_rollback(world->ledger);
    return err;
}

static struct world *prepared(const struct scene *scene) {
    struct world *world = world_new(false);
    world->twins_may_be_missing = true;
    scene->prepare(world);
    return world;
}

static void close_prepared(struct world *world) {
    void *state = world;
    close_world(&state);
}

/* Fails the n-th call; false when there was none. */
static bool fail_call(const struct scene *scene, int n, struct str wanted) {
    struct world *world = prepared(scene);
    struct str before = book_of(world);
    torture_begin(&world->ops, n);
    enum err err = act_in_group(world, scene);
    bool through = torture_end(&world->ops);
    if (through) {
        OK(err);
    } else {
        if (err != ERR_IO)
            fail_msg("%s: call %d fails, and the outcome is %s", scene->name, n, err_name(err));
        assert_string_equal(ledger_error(world->ledger), "it has come to this call");
        if (!str_eq(book_of(world), before))
            fail_msg("%s: call %d fails, and the book was\n%sis\n%s", scene->name, n, before.at, book_of(world).at);
        OK(act_in_group(world, scene));
    }
    if (!str_eq(book_of(world), wanted))
        fail_msg("%s: after a failure of call %d the book should be\n%sis\n%s", scene->name, n, wanted.at,
                 book_of(world).at);
    close_prepared(world);
    return !through;
}

static void play(const struct scene *scene) {
    int calls = 0;
    struct world *world = prepared(scene);
    OK(act_in_group(world, scene));
    struct str wanted = book_of(world);
    while (fail_call(scene, calls + 1, wanted))
        calls++;
    close_prepared(world);
    if (calls < 3)
        fail_msg("%s: %d calls are too few to have done anything", scene->name, calls);
}

static enum err admit(struct world *world, struct telling telling) {
    struct admit_request request = telling_request(world, &telling);
    return ledger_admit(world->ledger, world->arena, &request, &world->admission);
}

static enum err settle(struct world *world, uint64_t id, enum attempt_result result) {
    struct attempt attempt = {.id = id, .result = result, .retry_after_ms = -1, .what = STR("tried")};
    return ledger_settle(world->ledger, &attempt, world->now_ms, &world->settlement);
}

static uint64_t newest(struct world *world, enum state state) {
    struct filter filter = {.state = (int)state, .generation = -1, .limit = 1};
    struct record *records;
    size_t count;
    OK(ledger_list(world->ledger, world->arena, &filter, &records, &count));
    assert_int_equal(count, 1);
    return records[0].id;
}

/* An event that arrives after a rule of one item, before one that is parked, and of one item nobody told of. */
static void rules_wait(struct world *world) {
    alert(world, "a");
    world->on[ENDPOINT_LEGACY] = false;
    alert(world, "b");
    world->on[ENDPOINT_LEGACY] = true;
}

static enum err an_event_arrives(struct world *world) {
    struct telling telling = reads_telling(world, "a b c");
    telling.webhook_id = "event";
    return admit(world, telling);
}

static void an_event_waits(struct world *world) {
    TELL(world, .rule_id = "other", .items = {"read/a"});
    reads(world, "a b");
}

static enum err a_rule_arrives(struct world *world) {
    return admit(world, (struct telling){.webhook_id = "rule", .rule_id = "this", .items = {"read/b x:same-id/1"}});
}

static void an_unpromised_rule(struct world *world) {
    TELL(world, .webhook_id = "again", .waits = true);
}

static enum err it_arrives_again(struct world *world) {
    return admit(world, (struct telling){.webhook_id = "again"});
}

/* The rule dies, its suppressed event takes over, and another event takes back what it had left to the rule. */
static void twins_lean_on_a_rule(struct world *world) {
    TELL(world, .items = {"x:write/k"}, .lease = true);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"});
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k", "read/q"});
}

static uint64_t first_rule(struct world *world) {
    struct filter filter = {.state = -1, .generation = GENERATION_RULE, .limit = 10};
    struct record *records;
    size_t count;
    OK(ledger_list(world->ledger, world->arena, &filter, &records, &count));
    return records[count - 1].id;
}

static enum err the_rule_is_gone(struct world *world) {
    return settle(world, first_rule(world), ATTEMPT_GONE);
}

static enum err the_rule_fails(struct world *world) {
    return settle(world, first_rule(world), ATTEMPT_FAILED);
}

static void a_rule_fails_with_its_flag_off(struct world *world) {
    twins_lean_on_a_rule(world);
    world->on[ENDPOINT_LEGACY] = false;
}

static void twins_lean_on_an_unpromised_rule(struct world *world) {
    TELL(world, .items = {"x:write/k"}, .lease = true, .waits = true);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"});
}

static void twins_lean_on_an_unpromised_event(struct world *world) {
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"}, .lease = true, .waits = true);
    TELL(world, .rule_id = "1", .items = {"x:write/k"});
    TELL(world, .rule_id = "2", .items = {"x:write/k"});
}

static enum err the_event_fails(struct world *world) {
    return settle(world, newest(world, STATE_PENDING), ATTEMPT_FAILED);
}

static void an_event_leaves_an_item_out(struct world *world) {
    TELL(world, .items = {"read/a"}, .lease = true);
    struct telling telling = reads_telling(world, "a b");
    telling.lease = true;
    tell(world, telling);
    settle_as(world, (struct attempt){.id = first_rule(world), .result = ATTEMPT_GONE, .what = STR("410")});
}

static void a_replay_of_part_of_an_event(struct world *world) {
    alert(world, "a");
    attempt(world, reads(world, "a b"), ATTEMPT_DELIVERED);
    OK(replay_as(world, newest(world, STATE_DELIVERED), true));
    world->on[ENDPOINT_LEGACY] = false;
    TELL(world, .rule_id = "2", .items = {"read/a"});
}

static enum err the_replay_arrives(struct world *world) {
    struct filter filter = {.state = STATE_PENDING, .generation = GENERATION_EVENT, .limit = 1};
    struct record *records;
    size_t count;
    OK(ledger_list(world->ledger, world->arena, &filter, &records, &count));
    return settle(world, records[0].id, ATTEMPT_DELIVERED);
}

static void several_are_due(struct world *world) {
    TELL(world, .waits = true);
    alert(world, "b");
    TELL(world, .items = {"read/c"});
    reads(world, "b z");
}

static enum err all_are_leased(struct world *world) {
    struct lease leases[4];
    size_t count;
    enum err err = ledger_lease(world->ledger, world->arena, ENDPOINT_LEGACY, 2, world->now_ms, leases, &count);
    return err != ERR_NONE ? err
                           : ledger_lease(world->ledger, world->arena, ENDPOINT_NEW, 4, world->now_ms, leases, &count);
}

static void a_dead_rule_and_its_parked_event(struct world *world) {
    uint64_t rule = alert(world, "a");
    world->on[ENDPOINT_NEW] = false;
    reads(world, "a");
    attempt(world, rule, ATTEMPT_GONE);
}

static enum err the_dead_is_replayed(struct world *world) {
    return ledger_replay(world->ledger, newest(world, STATE_DEAD), false, world->now_ms);
}

/* All that a sweep can have to do: flags have changed, time is over, bodies and messages are past their retention. */
static void much_to_sweep(struct world *world) {
    TELL(world, .items = {"x:write/old"}, .lease = true);
    attempt(world, newest(world, STATE_PENDING), ATTEMPT_DELIVERED);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/old"});
    advance(world, 12 * DAY_MS);
    attempt(world, alert(world, "a"), ATTEMPT_DELIVERED);
    reads(world, "a");
    advance(world, 3 * DAY_MS + HOUR_MS_);
    alert(world, "b");
    reads(world, "b c");
    TELL(world, .items = {"read/under-way"}, .lease = true);
    world->prefer = PREFER_LEGACY;
    reads(world, "d");
    world->on[ENDPOINT_NEW] = false;
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/e"});
    reads(world, "under-way f");
    world->on[ENDPOINT_NEW] = true;
    world->on[ENDPOINT_LEGACY] = false;
    alert(world, "g");
    advance(world, DAY_MS);
    ledger_set_flags(world->ledger, world);
}

static enum err all_is_swept(struct world *world) {
    bool more = true;
    enum err err = ERR_NONE;
    while (more && err == ERR_NONE)
        err = ledger_sweep(world->ledger, world->now_ms, 50, &more);
    return err;
}

/* (pairing 7.7) */
static void every_call_may_fail(void **state) {
    static const struct scene scenes[] = {
        {"an event arrives", rules_wait, an_event_arrives},
        {"a rule arrives", an_event_waits, a_rule_arrives},
        {"a duplicate arrives", an_unpromised_rule, it_arrives_again},
        {"a rule is gone", twins_lean_on_a_rule, the_rule_is_gone},
        {"a rule fails", twins_lean_on_a_rule, the_rule_fails},
        {"a rule fails with its flag off", a_rule_fails_with_its_flag_off, the_rule_fails},
        {"a rule is forgotten", twins_lean_on_an_unpromised_rule, the_rule_fails},
        {"an event is forgotten", twins_lean_on_an_unpromised_event, the_event_fails},
        {"an event takes items back", an_event_leaves_an_item_out, the_event_fails},
        {"a replay arrives", a_replay_of_part_of_an_event, the_replay_arrives},
        {"messages are leased", several_are_due, all_are_leased},
        {"a dead one is replayed", a_dead_rule_and_its_parked_event, the_dead_is_replayed},
        {"a sweep", much_to_sweep, all_is_swept},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
        play(&scenes[i]);
}

/* A store that cannot be read is not opened, and closed all the same. */
static void a_store_that_cannot_be_read_is_not_opened(void **state) {
    struct world *world = *state;
    bool through = false;
    alert(world, "a");
    for (int n = 1; !through; n++) {
        struct err_detail detail = {""};
        struct ledger *ledger;
        struct backend *backend = backend_memory_new();
        struct backend_ops ops = *backend->ops;
        struct record record = record_sample(5);
        struct content content = content_sample();
        OK(ops.insert(backend, &record, &content));
        struct parity_bucket bucket = {.start_ms = START_MS, .type = STR("a")};
        OK(ops.add_parity(backend, &bucket));
        backend->ops = &ops;
        torture_begin(&ops, n > 20 ? 20 * (n - 20) : n);
        enum err err = ledger_open(backend, &world->policy, world_flag, world, &ledger, &detail);
        through = torture_end(&ops);
        if (through) {
            OK(err);
            ledger_close(ledger);
        } else {
            assert_int_equal(err, ERR_IO);
            assert_string_equal(detail.text, "it has come to this call");
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
        {"a_store_that_cannot_be_read_is_not_opened", a_store_that_cannot_be_read_is_not_opened, on_memory, close_world,
         NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
