/* What every store must do, run on each of them; and the two of them side by side, on random work. */
#include "common/mem.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

struct bench {
    struct place place;
    struct backend *backend;
    struct arena *arena;
};

#define OPS(bench) ((bench)->backend->ops)
#define OK(call)   assert_int_equal((call), ERR_NONE)

static int open_memory(void **state) {
    struct bench *bench = MEM_NEW(struct bench);
    bench->backend = backend_memory_new();
    bench->arena = arena_new(0);
    *state = bench;
    return 0;
}

static int open_sqlite(void **state) {
    struct bench *bench = MEM_NEW(struct bench);
    struct err_detail detail;
    place_make(&bench->place);
    OK(backend_sqlite_open(bench->place.path, STORE_SYNC_NORMAL, &bench->backend, &detail));
    bench->arena = arena_new(0);
    *state = bench;
    return 0;
}

static int close_bench(void **state) {
    struct bench *bench = *state;
    OPS(bench)->close(bench->backend);
    if (bench->place.path[0] != '\0')
        place_remove(&bench->place);
    arena_free(bench->arena);
    mem_free(bench);
    return 0;
}

static void insert(struct bench *bench, const struct record *record) {
    struct content content = content_sample();
    OK(OPS(bench)->insert(bench->backend, record, &content));
}

static void insert_some(struct bench *bench, uint64_t first, uint64_t last) {
    for (uint64_t id = first; id <= last; id++) {
        struct record record = record_sample(id);
        insert(bench, &record);
    }
}

static void a_message_comes_back_as_it_was(void **state) {
    struct bench *bench = *state;
    struct record record = record_sample(7), read;
    struct content content = content_sample(), content_read;
    uint64_t last = 99;
    OK(OPS(bench)->last_id(bench->backend, &last));
    assert_int_equal(last, 0);
    OK(OPS(bench)->begin(bench->backend));
    insert(bench, &record);
    assert_int_equal(OPS(bench)->insert(bench->backend, &record, &content), ERR_EXISTS);
    OK(OPS(bench)->commit(bench->backend));
    OK(OPS(bench)->load(bench->backend, bench->arena, 7, &read));
    assert_record_same(&record, &read);
    OK(OPS(bench)->load_content(bench->backend, bench->arena, 7, &content_read));
    assert_str_same(content.headers, content_read.headers);
    assert_str_same(content.body, content_read.body);
    OK(OPS(bench)->last_id(bench->backend, &last));
    assert_int_equal(last, 7);
    assert_int_equal(OPS(bench)->load(bench->backend, bench->arena, 8, &read), ERR_NOT_FOUND);
    assert_string_equal(bench->backend->detail.text, "no message 8");
    assert_int_equal(OPS(bench)->load_content(bench->backend, bench->arena, 8, &content_read), ERR_NOT_FOUND);
}

static void an_update_changes_what_changes_and_nothing_else(void **state) {
    struct bench *bench = *state;
    struct record record = record_sample(7), changed = {.id = 7}, read;
    changed.state = STATE_DEAD;
    changed.due_ms = DUE_NEVER;
    changed.changed_ms = 7000;
    changed.attempts = 10;
    changed.tries = 9;
    changed.marks = RECORD_DELIVERED_ONCE | RECORD_REPLAYED;
    changed.trimmed = STR("\x05\x00\x80");
    OK(OPS(bench)->begin(bench->backend));
    insert(bench, &record);
    OK(OPS(bench)->update(bench->backend, &changed));
    assert_int_equal(OPS(bench)->update(bench->backend, &(struct record){.id = 8}), ERR_NOT_FOUND);
    OK(OPS(bench)->commit(bench->backend));
    record.state = changed.state;
    record.due_ms = changed.due_ms;
    record.changed_ms = changed.changed_ms;
    record.attempts = changed.attempts;
    record.tries = changed.tries;
    record.marks = changed.marks;
    record.trimmed = changed.trimmed;
    OK(OPS(bench)->load(bench->backend, bench->arena, 7, &read));
    assert_record_same(&record, &read);
}

static void identities_are_found_newest_first(void **state) {
    struct bench *bench = *state;
    uint64_t ids[4] = {0};
    size_t count = 99;
    OK(OPS(bench)->begin(bench->backend));
    for (uint64_t id = 1; id <= 5; id++) {
        struct record record = record_sample(id);
        record.identity_hash = id == 3 ? 0 : UINT64_MAX;
        insert(bench, &record);
    }
    OK(OPS(bench)->commit(bench->backend));
    OK(OPS(bench)->find_identity(bench->backend, UINT64_MAX, ids, 4, &count));
    assert_int_equal(count, 4);
    assert_memory_equal(ids, ((uint64_t[]){5, 4, 2, 1}), sizeof ids);
    OK(OPS(bench)->find_identity(bench->backend, UINT64_MAX, ids, 2, &count));
    assert_int_equal(count, 2);
    OK(OPS(bench)->find_identity(bench->backend, 0, ids, 4, &count));
    assert_int_equal(count, 0);
    OK(OPS(bench)->find_identity(bench->backend, 12, ids, 4, &count));
    assert_int_equal(count, 0);
}

static void facts_are_found_by_time_latest_first(void **state) {
    struct bench *bench = *state;
    static const struct fact_row rows[] = {
        {UINT64_MAX, 100, 1, 0}, {UINT64_MAX, 300, 2, 1}, {UINT64_MAX, 300, 2, 0}, {UINT64_MAX, 300, 3, 5},
        {UINT64_MAX, 301, 4, 0}, {5, 300, 9, 0},          {UINT64_MAX, -20, 5, 0},
    };
    struct fact_row found[8];
    size_t count = 0;
    OK(OPS(bench)->begin(bench->backend));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        OK(OPS(bench)->add_fact(bench->backend, &rows[i]));
    OK(OPS(bench)->add_fact(bench->backend, &rows[1]));
    OK(OPS(bench)->find_facts(bench->backend, UINT64_MAX, 100, 300, found, 8, &count));
    assert_int_equal(count, 4);
    static const size_t order[] = {3, 2, 1, 0};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(found[i].hash, rows[order[i]].hash);
        assert_int_equal(found[i].time_ms, rows[order[i]].time_ms);
        assert_int_equal(found[i].message, rows[order[i]].message);
        assert_int_equal(found[i].item, rows[order[i]].item);
    }
    OK(OPS(bench)->find_facts(bench->backend, UINT64_MAX, INT64_MIN, INT64_MAX, found, 2, &count));
    assert_int_equal(count, 2);
    assert_int_equal(found[0].message, 4);
    OK(OPS(bench)->remove_fact(bench->backend, &rows[1]));
    OK(OPS(bench)->remove_fact(bench->backend, &rows[1]));
    OK(OPS(bench)->find_facts(bench->backend, UINT64_MAX, INT64_MIN, INT64_MAX, found, 8, &count));
    assert_int_equal(count, 5);
    assert_int_equal(found[4].time_ms, -20);
    OK(OPS(bench)->commit(bench->backend));
}

static void twins_are_found_from_both_sides(void **state) {
    struct bench *bench = *state;
    static const struct twin twins[] = {{10, 2, 4, 77}, {10, 0, 5, UINT64_MAX}, {10, 2, 3, 1}, {11, 0, 4, 77}};
    struct twin *found;
    size_t count;
    OK(OPS(bench)->begin(bench->backend));
    insert_some(bench, 3, 11);
    for (size_t i = 0; i < ARRAY_LEN(twins); i++)
        OK(OPS(bench)->add_twin(bench->backend, &twins[i]));
    OK(OPS(bench)->add_twin(bench->backend, &twins[0]));
    OK(OPS(bench)->commit(bench->backend));
    OK(OPS(bench)->find_twins(bench->backend, bench->arena, 10, &found, &count));
    assert_int_equal(count, 3);
    assert_int_equal(found[0].rule, 5);
    assert_int_equal(found[0].group, UINT64_MAX);
    assert_int_equal(found[1].rule, 3);
    assert_int_equal(found[2].rule, 4);
    OK(OPS(bench)->find_twins(bench->backend, bench->arena, 4, &found, &count));
    assert_int_equal(count, 2);
    assert_int_equal(found[0].event, 10);
    assert_int_equal(found[0].item, 2);
    assert_int_equal(found[1].event, 11);
    OK(OPS(bench)->find_twins(bench->backend, bench->arena, 99, &found, &count));
    assert_int_equal(count, 0);
}

static void steps_are_told_in_order(void **state) {
    struct bench *bench = *state;
    struct record record = record_sample(7);
    struct step *steps;
    size_t count;
    OK(OPS(bench)->begin(bench->backend));
    insert(bench, &record);
    for (int i = 0; i < 20; i++) {
        struct step step = {.at_ms = 1000 - i, .state = STATE_DEAD, .attempt = (uint32_t)i, .status = 500 + i};
        step.duration_us = 1 + ((int64_t)1 << 40);
        step.why = i % 2 == 0 ? STR("HTTP 500") : STR_NONE;
        OK(OPS(bench)->add_step(bench->backend, 7, &step));
    }
    OK(OPS(bench)->commit(bench->backend));
    OK(OPS(bench)->steps(bench->backend, bench->arena, 7, &steps, &count));
    assert_int_equal(count, 20);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(steps[i].at_ms, 1000 - (int64_t)i);
        assert_int_equal(steps[i].state, STATE_DEAD);
        assert_int_equal(steps[i].attempt, i);
        assert_int_equal(steps[i].status, 500 + (int)i);
        assert_int_equal(steps[i].duration_us, 1 + ((int64_t)1 << 40));
        assert_str_same(steps[i].why, i % 2 == 0 ? STR("HTTP 500") : STR_NONE);
    }
    OK(OPS(bench)->steps(bench->backend, bench->arena, 8, &steps, &count));
    assert_int_equal(count, 0);
}

static void removing_takes_everything_but_facts(void **state) {
    struct bench *bench = *state;
    struct record records[] = {record_sample(3), record_sample(4)}, read;
    struct content content;
    struct fact_row fact = {1, 2, 3, 0}, found_fact;
    struct step step = {.why = STR("x")}, *steps;
    struct twin *twins;
    size_t count;
    OK(OPS(bench)->begin(bench->backend));
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        insert(bench, &records[i]);
        OK(OPS(bench)->add_step(bench->backend, records[i].id, &step));
    }
    insert_some(bench, 8, 9);
    OK(OPS(bench)->add_twin(bench->backend, &(struct twin){9, 0, 3, 1}));
    OK(OPS(bench)->add_twin(bench->backend, &(struct twin){3, 0, 8, 1}));
    OK(OPS(bench)->add_twin(bench->backend, &(struct twin){9, 0, 4, 1}));
    OK(OPS(bench)->add_fact(bench->backend, &fact));
    OK(OPS(bench)->remove(bench->backend, 3));
    OK(OPS(bench)->remove(bench->backend, 3));
    OK(OPS(bench)->remove_content(bench->backend, 4));
    OK(OPS(bench)->remove_content(bench->backend, 4));
    OK(OPS(bench)->commit(bench->backend));
    assert_int_equal(OPS(bench)->load(bench->backend, bench->arena, 3, &read), ERR_NOT_FOUND);
    assert_int_equal(OPS(bench)->load_content(bench->backend, bench->arena, 3, &content), ERR_NOT_FOUND);
    OK(OPS(bench)->steps(bench->backend, bench->arena, 3, &steps, &count));
    assert_int_equal(count, 0);
    OK(OPS(bench)->find_twins(bench->backend, bench->arena, 3, &twins, &count));
    assert_int_equal(count, 0);
    OK(OPS(bench)->find_twins(bench->backend, bench->arena, 9, &twins, &count));
    assert_int_equal(count, 1);
    OK(OPS(bench)->find_facts(bench->backend, 1, 0, 9, &found_fact, 1, &count));
    assert_int_equal(count, 1);
    OK(OPS(bench)->load(bench->backend, bench->arena, 4, &read));
    assert_int_equal(OPS(bench)->load_content(bench->backend, bench->arena, 4, &content), ERR_NOT_FOUND);
    OK(OPS(bench)->find_identity(bench->backend, records[0].identity_hash, &fact.hash, 1, &count));
    assert_int_equal(count, 0);
}

static void what_is_due_comes_by_time_and_of_one_kind(void **state) {
    struct bench *bench = *state;
    static const struct {
        uint64_t id;
        enum endpoint endpoint;
        enum state state;
        int64_t due_ms;
    } rows[] = {
        {1, ENDPOINT_LEGACY, STATE_PENDING, 50},
        {2, ENDPOINT_LEGACY, STATE_PENDING, 10},
        {3, ENDPOINT_LEGACY, STATE_PENDING, DUE_NEVER},
        {4, ENDPOINT_LEGACY, STATE_PENDING, 10},
        {5, ENDPOINT_NEW, STATE_PENDING, 1},
        {6, ENDPOINT_LEGACY, STATE_HELD, 5},
        {7, ENDPOINT_LEGACY, STATE_PARKED, 6},
        {8, ENDPOINT_LEGACY, STATE_DELIVERED, 7},
    };
    OK(OPS(bench)->begin(bench->backend));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct record record = record_sample(rows[i].id);
        record.endpoint = rows[i].endpoint;
        record.state = rows[i].state;
        record.due_ms = rows[i].due_ms;
        insert(bench, &record);
    }
    OK(OPS(bench)->commit(bench->backend));
    struct due due[8];
    size_t count;
    OK(OPS(bench)->due(bench->backend, ENDPOINT_LEGACY, STATE_PENDING, due, 8, &count));
    assert_int_equal(count, 4);
    assert_int_equal(due[0].id, 2);
    assert_int_equal(due[1].id, 4);
    assert_int_equal(due[2].id, 1);
    assert_int_equal(due[2].due_ms, 50);
    assert_int_equal(due[3].due_ms, DUE_NEVER);
    OK(OPS(bench)->due(bench->backend, ENDPOINT_LEGACY, STATE_PENDING, due, 1, &count));
    assert_int_equal(count, 1);
    const struct due first = due[0], none = {INT64_MAX, DUE_NEVER}, before = {0, INT64_MIN};
    OK(OPS(bench)->due_after(bench->backend, ENDPOINT_LEGACY, STATE_PENDING, &before, due, 8, &count));
    assert_int_equal(count, 4);
    assert_int_equal(due[0].id, 2);
    OK(OPS(bench)->due_after(bench->backend, ENDPOINT_LEGACY, STATE_PENDING, &first, due, 2, &count));
    assert_int_equal(count, 2);
    assert_int_equal(due[0].id, 4);
    assert_int_equal(due[1].id, 1);
    OK(OPS(bench)->due_after(bench->backend, ENDPOINT_LEGACY, STATE_PENDING, &none, due, 8, &count));
    assert_int_equal(count, 0);
    OK(OPS(bench)->due(bench->backend, ENDPOINT_LEGACY, STATE_HELD, due, 8, &count));
    assert_int_equal(count, 1);
    assert_int_equal(due[0].id, 6);
    OK(OPS(bench)->due(bench->backend, ENDPOINT_LEGACY, STATE_PARKED, due, 8, &count));
    assert_int_equal(count, 1);
    OK(OPS(bench)->due(bench->backend, ENDPOINT_NEW, STATE_HELD, due, 8, &count));
    assert_int_equal(count, 0);
    struct record moved = record_sample(2);
    moved.due_ms = 60;
    OK(OPS(bench)->update(bench->backend, &moved));
    moved = record_sample(4);
    moved.state = STATE_DELIVERED;
    OK(OPS(bench)->update(bench->backend, &moved));
    OK(OPS(bench)->due(bench->backend, ENDPOINT_LEGACY, STATE_PENDING, due, 8, &count));
    assert_int_equal(count, 3);
    assert_int_equal(due[0].id, 1);
    assert_int_equal(due[1].id, 2);
}

static void scans_walk_upwards_through_states(void **state) {
    struct bench *bench = *state;
    uint64_t ids[16];
    size_t count;
    OK(OPS(bench)->begin(bench->backend));
    for (uint64_t id = 1; id <= 14; id++) {
        struct record record = record_sample(id);
        record.state = (enum state)(id % STATE_COUNT);
        insert(bench, &record);
        if (id % 2 == 0)
            OK(OPS(bench)->remove_content(bench->backend, id));
    }
    OK(OPS(bench)->commit(bench->backend));
    const uint32_t two = 1U << STATE_HELD | 1U << STATE_DEAD;
    OK(OPS(bench)->scan(bench->backend, two, 0, ids, 16, &count));
    assert_int_equal(count, 4);
    assert_memory_equal(ids, ((uint64_t[]){1, 5, 8, 12}), 4 * sizeof *ids);
    OK(OPS(bench)->scan(bench->backend, two, 1, ids, 2, &count));
    assert_int_equal(count, 2);
    assert_memory_equal(ids, ((uint64_t[]){5, 8}), 2 * sizeof *ids);
    OK(OPS(bench)->scan(bench->backend, two, 12, ids, 16, &count));
    assert_int_equal(count, 0);
    OK(OPS(bench)->scan(bench->backend, 0, 0, ids, 16, &count));
    assert_int_equal(count, 0);
    OK(OPS(bench)->scan_content(bench->backend, 3, 9, ids, 16, &count));
    assert_int_equal(count, 2);
    assert_memory_equal(ids, ((uint64_t[]){5, 7}), 2 * sizeof *ids);
    OK(OPS(bench)->scan_content(bench->backend, 0, UINT64_MAX, ids, 3, &count));
    assert_int_equal(count, 3);
    OK(OPS(bench)->scan_content(bench->backend, 0, 1, ids, 3, &count));
    assert_int_equal(count, 0);
}

static void expect_list(struct bench *bench, struct filter filter, const uint64_t *ids, size_t id_count) {
    struct record *records;
    size_t count;
    OK(OPS(bench)->list(bench->backend, bench->arena, &filter, &records, &count));
    assert_int_equal(count, id_count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(records[i].id, ids[i]);
}

#define EXPECT_LIST(bench, filter, ...)                                                                                \
    expect_list((bench), (filter), (const uint64_t[]){__VA_ARGS__},                                                    \
                sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void lists_filter_and_go_on_where_they_stopped(void **state) {
    struct bench *bench = *state;
    OK(OPS(bench)->begin(bench->backend));
    for (uint64_t id = 1; id <= 12; id++) {
        struct record record = record_sample(id);
        record.state = id % 3 == 0 ? STATE_DEAD : id % 3 == 1 ? STATE_DELIVERED : STATE_PENDING;
        record.generation = id % 2 == 0 ? GENERATION_RULE : GENERATION_EVENT;
        record.type = id <= 6 ? STR("a") : id <= 11 ? STR("b") : STR_NONE;
        record.company = id % 4 == 0 ? STR("Q") : id % 4 == 1 ? STR("") : STR_NONE;
        insert(bench, &record);
    }
    OK(OPS(bench)->commit(bench->backend));
    const struct filter all = {.state = -1, .generation = -1, .limit = 5};
    struct filter filter = all;
    EXPECT_LIST(bench, filter, 12, 11, 10, 9, 8);
    filter.before = 3;
    EXPECT_LIST(bench, filter, 2, 1);
    filter = all;
    filter.state = STATE_DEAD;
    EXPECT_LIST(bench, filter, 12, 9, 6, 3);
    filter.generation = GENERATION_EVENT;
    EXPECT_LIST(bench, filter, 9, 3);
    filter.type = STR("a");
    EXPECT_LIST(bench, filter, 3);
    filter = all;
    filter.company = STR("Q");
    EXPECT_LIST(bench, filter, 12, 8, 4);
    filter.before = 12;
    filter.limit = 1;
    EXPECT_LIST(bench, filter, 8);
    filter.company = STR("q");
    EXPECT_LIST(bench, filter, 8);
    filter = all;
    filter.company = STR("");
    EXPECT_LIST(bench, filter, 9, 5, 1);
    filter = all;
    filter.type = STR("b");
    filter.state = STATE_DELIVERED;
    EXPECT_LIST(bench, filter, 10, 7);
    filter.state = STATE_PENDING;
    EXPECT_LIST(bench, filter, 11, 8);
    filter.company = STR("Q");
    EXPECT_LIST(bench, filter, 8);
    filter.company = STR("nobody");
    expect_list(bench, filter, NULL, 0);
    filter = all;
    filter.limit = 0;
    expect_list(bench, filter, NULL, 0);
}

static void lists_filter_by_time_endpoint_and_twin(void **state) {
    struct bench *bench = *state;
    OK(OPS(bench)->begin(bench->backend));
    for (uint64_t id = 1; id <= 12; id++) {
        struct record record = record_sample(id);
        record.generation = id % 2 == 0 ? GENERATION_RULE : GENERATION_EVENT;
        record.endpoint = id % 2 == 0 ? ENDPOINT_LEGACY : ENDPOINT_NEW;
        record.received_ms = 1000 * (int64_t)id;
        record.type = id <= 6 ? STR("read.completed") : STR("Read.other");
        record.counterpart = id == 12 ? STR_NONE : STR("read.completed");
        record.facts = id == 11 ? STR(";") : STR("x3:key;");
        record.admission = id == 5 ? STR("{\"verdict\":\"near miss\"}") : STR("{}");
        insert(bench, &record);
    }
    OK(OPS(bench)->add_twin(bench->backend, &(struct twin){.event = 9, .rule = 10}));
    OK(OPS(bench)->add_twin(bench->backend, &(struct twin){.event = 1, .rule = 2}));
    OK(OPS(bench)->commit(bench->backend));
    const struct filter all = {.state = -1, .generation = -1, .limit = 20};
    struct filter filter = all;
    filter.since_ms = 3000;
    filter.until_ms = 6000;
    EXPECT_LIST(bench, filter, 5, 4, 3);
    filter = all;
    filter.after = 9;
    EXPECT_LIST(bench, filter, 12, 11, 10);
    filter.generation = GENERATION_RULE;
    EXPECT_LIST(bench, filter, 12, 10);
    filter = all;
    filter.endpoints = 1U << ENDPOINT_NEW;
    filter.before = 6;
    EXPECT_LIST(bench, filter, 5, 3, 1);
    filter = all;
    filter.type = STR("READ.");
    filter.type_is_prefix = true;
    filter.after = 5;
    filter.before = 9;
    EXPECT_LIST(bench, filter, 8, 7, 6);
    filter.type = STR("read.c");
    EXPECT_LIST(bench, filter, 6);
    filter = all;
    filter.unpaired = true;
    EXPECT_LIST(bench, filter, 8, 7, 6, 5, 4, 3);
    filter = all;
    filter.near_miss = true;
    EXPECT_LIST(bench, filter, 5);
}

/* In steps of some messages each list comes out as it does at once, and ends. */
static void lists_go_on_in_steps(void **state) {
    struct bench *bench = *state;
    OK(OPS(bench)->begin(bench->backend));
    for (uint64_t id = 1; id <= 40; id++) {
        struct record record = record_sample(id);
        record.state = id % 3 == 0 ? STATE_PENDING : STATE_DELIVERED;
        record.is_taken = id % 6 == 0;
        record.company = id % 5 == 0 ? STR("c") : STR("d");
        insert(bench, &record);
    }
    OK(OPS(bench)->commit(bench->backend));
    static const struct {
        int state;
        const char *company;
        size_t found;
    } cases[] = {{-1, NULL, 40}, {STATE_PENDING, NULL, 13}, {STATE_DELIVERED, NULL, 27},
                 {-1, "c", 8},   {STATE_PENDING, "c", 2},   {STATE_DEAD, NULL, 0}};
    for (size_t c = 0; c < ARRAY_LEN(cases); c++)
        for (size_t step = 1; step < 12; step += 3) {
            uint64_t looked_to, last = UINT64_MAX;
            struct filter filter = {.state = cases[c].state,
                                    .generation = -1,
                                    .company = str_of(cases[c].company),
                                    .limit = 100,
                                    .look_max = step,
                                    .looked_to = &looked_to};
            size_t found = 0, steps = 0;
            do {
                struct record *records;
                size_t count;
                OK(OPS(bench)->list(bench->backend, bench->arena, &filter, &records, &count));
                assert_true(count <= step && steps++ <= 42);
                for (size_t i = 0; i < count; last = records[i++].id)
                    assert_true(records[i].id < last);
                found += count;
                filter.before = looked_to;
            } while (looked_to != 0);
            assert_int_equal(found, cases[c].found);
        }
}

static void values_have_names(void **state) {
    struct bench *bench = *state;
    struct str value;
    assert_int_equal(OPS(bench)->get_meta(bench->backend, bench->arena, STR("x"), &value), ERR_NOT_FOUND);
    OK(OPS(bench)->begin(bench->backend));
    OK(OPS(bench)->put_meta(bench->backend, STR("x"), STR("1\0b")));
    OK(OPS(bench)->put_meta(bench->backend, STR("y"), STR("")));
    OK(OPS(bench)->put_meta(bench->backend, STR("x"), STR("2\0c")));
    OK(OPS(bench)->commit(bench->backend));
    OK(OPS(bench)->get_meta(bench->backend, bench->arena, STR("x"), &value));
    assert_str_same(value, STR("2\0c"));
    OK(OPS(bench)->get_meta(bench->backend, bench->arena, STR("y"), &value));
    assert_str_same(value, STR(""));
    OK(OPS(bench)->probe(bench->backend));
    OK(OPS(bench)->probe(bench->backend));
}

static void add_bucket(void *arg, const struct parity_bucket *bucket) {
    struct parity_bucket *sum = arg;
    assert_true(sum->type.at == NULL || sum->start_ms <= bucket->start_ms || bucket->counts.n[PARITY_RULES] == 0);
    sum->start_ms = bucket->start_ms;
    sum->type = STR("some");
    parity_counts_add(&sum->counts, &bucket->counts);
}

static struct parity_counts parity_sum(struct bench *bench, int64_t from_ms, int64_t below_ms, bool skews) {
    struct parity_bucket sum = {0};
    OK(OPS(bench)->each_parity(bench->backend, from_ms, below_ms, skews, add_bucket, &sum));
    return sum.counts;
}

static void count_rule(struct bench *bench, int64_t start_ms, const char *type, int64_t by) {
    struct parity_bucket bucket = {.start_ms = start_ms, .type = str_of(type)};
    bucket.counts.n[PARITY_RULES] = by;
    bucket.counts.n[PARITY_NEAR_MISSES] = 2 * by;
    bucket.counts.skew[3] = by;
    bucket.counts.skew_max_ms = start_ms;
    OK(OPS(bench)->add_parity(bench->backend, &bucket));
}

static void counts_of_parity_add_up(void **state) {
    struct bench *bench = *state;
    OK(OPS(bench)->begin(bench->backend));
    count_rule(bench, 60000, "A", 1);
    count_rule(bench, 60000, "B", 2);
    count_rule(bench, 60000, "A", 3);
    count_rule(bench, 120000, "A", -1);
    OK(OPS(bench)->commit(bench->backend));
    OK(OPS(bench)->begin(bench->backend));
    count_rule(bench, 60000, "A", 10);
    count_rule(bench, 180000, "C", 10);
    OK(OPS(bench)->remove_parity(bench->backend, 120000, 120001));
    OPS(bench)->rollback(bench->backend);
    struct parity_counts all = parity_sum(bench, INT64_MIN, INT64_MAX, true);
    assert_int_equal(all.n[PARITY_RULES], 5);
    assert_int_equal(all.n[PARITY_NEAR_MISSES], 10);
    assert_int_equal(all.skew[3], 5);
    assert_int_equal(all.skew_max_ms, 120000);
    assert_int_equal(parity_sum(bench, 0, 120000, false).n[PARITY_RULES], 6);
    assert_int_equal(parity_sum(bench, 0, 120000, false).skew[3], 0);
    assert_int_equal(parity_sum(bench, 120000, 180000, true).skew[3], -1);
    OK(OPS(bench)->remove_parity(bench->backend, INT64_MIN, 120000));
    assert_int_equal(parity_sum(bench, INT64_MIN, INT64_MAX, true).n[PARITY_RULES], -1);
    assert_int_equal(parity_sum(bench, INT64_MIN, INT64_MAX, true).skew[3], -1);
}

static void add_unpaired(struct bench *bench, int64_t received_ms, uint64_t message, const char *type) {
    OK(OPS(bench)->add_unpaired(bench->backend, &(struct unpaired){received_ms, message, str_of(type), message == 1}));
}

static bool remove_unpaired(struct bench *bench, int64_t received_ms, uint64_t message, struct str type) {
    bool removed;
    OK(OPS(bench)->remove_unpaired(bench->backend, &(struct unpaired){received_ms, message, type, false}, &removed));
    return removed;
}

/* As one text: "MESSAGE TYPE, ..." */
static struct str list_unpaired(struct bench *bench, struct unpaired after, int64_t below_ms, size_t max) {
    struct unpaired rows[8];
    size_t count;
    struct str list = STR("");
    OK(OPS(bench)->scan_unpaired(bench->backend, bench->arena, &after, below_ms, rows, max, &count));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].is_rule, rows[i].message == 1);
        list = arena_printf(bench->arena, STR_FMT "%d" STR_FMT ",", STR_ARG(list), (int)rows[i].message,
                            STR_ARG(rows[i].type));
    }
    return list;
}

static void messages_without_a_twin_are_found_by_arrival(void **state) {
    struct bench *bench = *state;
    const struct unpaired start = {0, 0, STR(""), false};
    OK(OPS(bench)->begin(bench->backend));
    add_unpaired(bench, 20, 3, "B");
    add_unpaired(bench, 20, 3, "A");
    add_unpaired(bench, 20, 3, "A");
    add_unpaired(bench, 10, 4, "A");
    add_unpaired(bench, 20, 1, "A");
    add_unpaired(bench, 30, 2, "A");
    OK(OPS(bench)->commit(bench->backend));
    assert_str_same(list_unpaired(bench, start, 100, 8), STR("4A,1A,3A,3B,2A,"));
    assert_str_same(list_unpaired(bench, start, 30, 8), STR("4A,1A,3A,3B,"));
    assert_str_same(list_unpaired(bench, start, 30, 2), STR("4A,1A,"));
    assert_str_same(list_unpaired(bench, (struct unpaired){20, 3, STR("A"), false}, 100, 8), STR("3B,2A,"));
    assert_str_same(list_unpaired(bench, (struct unpaired){20, 2, STR("Z"), false}, 100, 8), STR("3A,3B,2A,"));
    OK(OPS(bench)->begin(bench->backend));
    assert_false(remove_unpaired(bench, 20, 4, STR("A")));
    assert_false(remove_unpaired(bench, 20, 3, STR("C")));
    assert_true(remove_unpaired(bench, 20, 1, STR("A")));
    assert_false(remove_unpaired(bench, 20, 1, STR("A")));
    assert_true(remove_unpaired(bench, 20, 3, STR_NONE));
    add_unpaired(bench, 5, 9, "A");
    assert_str_same(list_unpaired(bench, start, 100, 8), STR("9A,4A,2A,"));
    OPS(bench)->rollback(bench->backend);
    assert_str_same(list_unpaired(bench, start, 100, 8), STR("4A,1A,3A,3B,2A,"));
}

/* Everything that can be written, on messages `first` and `first + 1`. */
static void write_all(struct bench *bench, uint64_t first) {
    struct record record = record_sample(first), other = record_sample(first + 1);
    insert(bench, &record);
    insert(bench, &other);
    record.state = STATE_DELIVERED;
    record.trimmed = STR("\x01");
    OK(OPS(bench)->update(bench->backend, &record));
    OK(OPS(bench)->add_fact(bench->backend, &(struct fact_row){1, 10, first, 0}));
    OK(OPS(bench)->add_twin(bench->backend, &(struct twin){first, 0, first + 1, 1}));
    OK(OPS(bench)->add_step(bench->backend, first, &(struct step){.why = STR("x")}));
    OK(OPS(bench)->put_meta(bench->backend, STR("x"), STR("1")));
}

static void take_all_back(struct bench *bench, uint64_t first) {
    struct record changed = record_sample(first);
    changed.trimmed = STR("\xFF\xFF");
    OK(OPS(bench)->update(bench->backend, &changed));
    OK(OPS(bench)->add_step(bench->backend, first, &(struct step){.why = STR("y")}));
    OK(OPS(bench)->remove_fact(bench->backend, &(struct fact_row){1, 10, first, 0}));
    OK(OPS(bench)->remove_content(bench->backend, first + 1));
    OK(OPS(bench)->remove(bench->backend, first + 1));
    OK(OPS(bench)->remove(bench->backend, first));
    OK(OPS(bench)->put_meta(bench->backend, STR("x"), STR("2")));
}

static void expect_all(struct bench *bench, uint64_t first) {
    struct record record;
    struct content content;
    struct fact_row fact;
    struct twin *twins;
    struct step *steps;
    struct str value;
    uint64_t id;
    size_t count;
    OK(OPS(bench)->load(bench->backend, bench->arena, first, &record));
    assert_int_equal(record.state, STATE_DELIVERED);
    assert_str_same(record.trimmed, STR("\x01"));
    OK(OPS(bench)->load_content(bench->backend, bench->arena, first + 1, &content));
    assert_str_same(content.body, content_sample().body);
    OK(OPS(bench)->find_facts(bench->backend, 1, 0, 100, &fact, 1, &count));
    assert_int_equal(count, 1);
    OK(OPS(bench)->find_twins(bench->backend, bench->arena, first + 1, &twins, &count));
    assert_int_equal(count, 1);
    OK(OPS(bench)->steps(bench->backend, bench->arena, first, &steps, &count));
    assert_int_equal(count, 1);
    OK(OPS(bench)->find_identity(bench->backend, record.identity_hash, &id, 1, &count));
    assert_int_equal(count, 1);
    OK(OPS(bench)->scan(bench->backend, 1U << STATE_PENDING, 0, &id, 1, &count));
    assert_int_equal(count, 1);
    assert_int_equal(id, first + 1);
    OK(OPS(bench)->get_meta(bench->backend, bench->arena, STR("x"), &value));
    assert_str_same(value, STR("1"));
    OK(OPS(bench)->last_id(bench->backend, &id));
    assert_int_equal(id, first + 1);
}

static void a_rollback_undoes_everything(void **state) {
    struct bench *bench = *state;
    struct record record;
    struct str value;
    uint64_t id;
    size_t count;
    for (int round = 0; round < 2; round++) {
        OK(OPS(bench)->begin(bench->backend));
        write_all(bench, 5);
        OPS(bench)->rollback(bench->backend);
        assert_int_equal(OPS(bench)->load(bench->backend, bench->arena, 5, &record), ERR_NOT_FOUND);
        assert_int_equal(OPS(bench)->get_meta(bench->backend, bench->arena, STR("x"), &value), ERR_NOT_FOUND);
        OK(OPS(bench)->find_identity(bench->backend, record_sample(5).identity_hash, &id, 1, &count));
        assert_int_equal(count, 0);
        OK(OPS(bench)->last_id(bench->backend, &id));
        assert_int_equal(id, 0);
    }
    OK(OPS(bench)->begin(bench->backend));
    write_all(bench, 5);
    OK(OPS(bench)->commit(bench->backend));
    expect_all(bench, 5);
    for (int round = 0; round < 2; round++) {
        OK(OPS(bench)->begin(bench->backend));
        take_all_back(bench, 5);
        write_all(bench, 7);
        OPS(bench)->rollback(bench->backend);
        expect_all(bench, 5);
    }
    OPS(bench)->rollback(bench->backend); /* of nothing */
    expect_all(bench, 5);
}

/* Far above what a quadratic step anywhere would let through within the test's time limit. */
static void a_hundred_thousand_messages_are_no_burden(void **state) {
    struct bench *bench = *state;
    enum { COUNT = 100000, GROUP = 1000 };
    for (uint64_t id = 1; id <= COUNT; id++) {
        struct record record = record_sample(id);
        if (id % GROUP == 1)
            OK(OPS(bench)->begin(bench->backend));
        insert(bench, &record);
        OK(OPS(bench)->add_fact(bench->backend, &(struct fact_row){id % 100, (int64_t)id, id, 0}));
        record.state = id % 10 == 0 ? STATE_DEAD : STATE_DELIVERED;
        OK(OPS(bench)->update(bench->backend, &record));
        if (id % GROUP == 0)
            OK(OPS(bench)->commit(bench->backend));
    }
    uint64_t after = 0, ids[500], scanned = 0;
    size_t count = 1;
    for (; count > 0; scanned += count) {
        OK(OPS(bench)->scan(bench->backend, 1U << STATE_DEAD, after, ids, ARRAY_LEN(ids), &count));
        if (count > 0)
            after = ids[count - 1];
    }
    assert_int_equal(scanned, COUNT / 10);
    struct fact_row facts[8];
    OK(OPS(bench)->begin(bench->backend));
    for (uint64_t id = 1; id <= COUNT; id++) {
        OK(OPS(bench)->find_facts(bench->backend, id % 100, (int64_t)id - 250, (int64_t)id, facts, 8, &count));
        assert_int_equal(facts[0].message, id);
        OK(OPS(bench)->remove_fact(bench->backend, &facts[0]));
        OK(OPS(bench)->remove(bench->backend, id));
    }
    OK(OPS(bench)->commit(bench->backend));
    OK(OPS(bench)->last_id(bench->backend, &after));
    assert_int_equal(after, 0);
}

#define CONTRACT(open)                                                                                                 \
    cmocka_unit_test_setup_teardown(a_message_comes_back_as_it_was, open, close_bench),                                \
        cmocka_unit_test_setup_teardown(an_update_changes_what_changes_and_nothing_else, open, close_bench),           \
        cmocka_unit_test_setup_teardown(identities_are_found_newest_first, open, close_bench),                         \
        cmocka_unit_test_setup_teardown(facts_are_found_by_time_latest_first, open, close_bench),                      \
        cmocka_unit_test_setup_teardown(twins_are_found_from_both_sides, open, close_bench),                           \
        cmocka_unit_test_setup_teardown(steps_are_told_in_order, open, close_bench),                                   \
        cmocka_unit_test_setup_teardown(removing_takes_everything_but_facts, open, close_bench),                       \
        cmocka_unit_test_setup_teardown(what_is_due_comes_by_time_and_of_one_kind, open, close_bench),                 \
        cmocka_unit_test_setup_teardown(scans_walk_upwards_through_states, open, close_bench),                         \
        cmocka_unit_test_setup_teardown(lists_filter_and_go_on_where_they_stopped, open, close_bench),                 \
        cmocka_unit_test_setup_teardown(lists_filter_by_time_endpoint_and_twin, open, close_bench),                    \
        cmocka_unit_test_setup_teardown(lists_go_on_in_steps, open, close_bench),                                      \
        cmocka_unit_test_setup_teardown(values_have_names, open, close_bench),                                         \
        cmocka_unit_test_setup_teardown(counts_of_parity_add_up, open, close_bench),                                   \
        cmocka_unit_test_setup_teardown(messages_without_a_twin_are_found_by_arrival, open, close_bench),              \
        cmocka_unit_test_setup_teardown(a_rollback_undoes_everything, open, close_bench),                              \
        cmocka_unit_test_setup_teardown(a_hundred_thousand_messages_are_no_burden, open, close_bench)

int main(void) {
    const struct CMUnitTest memory[] = {CONTRACT(open_memory)};
    const struct CMUnitTest sqlite[] = {CONTRACT(open_sqlite)};
    int failed = cmocka_run_group_tests_name("memory", memory, NULL, NULL);
    return failed + cmocka_run_group_tests_name("sqlite", sqlite, NULL, NULL);
}
