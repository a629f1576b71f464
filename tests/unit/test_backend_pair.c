/* Both stores side by side on random work: whatever is asked, they answer the same. Groups end in a commit or a
 * rollback by chance, and now and then the file is closed and opened again. A run that fails prints its seed. */
#include "common/mem.h"
#include "proxy/store/sqlite_index.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

enum { RUNS = 20, GROUPS = 60, WRITES = 12, IDS = 40, KEYS = 6, ROWS = 64 };

struct pair {
    struct place place;
    struct backend *memory, *sqlite;
    struct arena *arena;
    uint64_t seed;
};

#define SAME(pair, call, ...)                                                                                          \
    assert_int_equal((pair)->memory->ops->call((pair)->memory, ##__VA_ARGS__),                                         \
                     (pair)->sqlite->ops->call((pair)->sqlite, ##__VA_ARGS__))

static uint64_t below(struct pair *pair, uint64_t bound) {
    pair->seed ^= pair->seed << 13;
    pair->seed ^= pair->seed >> 7;
    pair->seed ^= pair->seed << 17;
    return (pair->seed >> 11) % bound;
}

static uint64_t some_id(struct pair *pair) {
    return 1 + below(pair, IDS);
}

/* Few different ones, so that they meet; with both ends of their range among them. */
static uint64_t some_hash(struct pair *pair) {
    static const uint64_t hashes[KEYS] = {0, 1, 2, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    return hashes[below(pair, KEYS)];
}

static struct str some_text(struct pair *pair) {
    static const struct str texts[] = {{NULL, 0}, {"", 0}, {"a", 1}, {"A", 1}, {"a\0b", 3}, {"\xFF\xFE", 2}};
    return texts[below(pair, ARRAY_LEN(texts))];
}

static struct record some_record(struct pair *pair) {
    struct record record = record_sample(some_id(pair));
    record.state = (enum state)below(pair, STATE_COUNT);
    record.endpoint = (enum endpoint)below(pair, ENDPOINT_COUNT);
    record.generation = (enum generation)below(pair, GENERATION_EVENT + 1);
    record.due_ms = below(pair, 8) == 0 ? DUE_NEVER : (int64_t)below(pair, 20) - 5;
    record.identity_hash = some_hash(pair);
    record.trimmed = some_text(pair);
    record.type = some_text(pair);
    record.company = some_text(pair);
    record.attempts = (uint32_t)below(pair, UINT32_MAX);
    return record;
}

static struct fact_row some_fact(struct pair *pair) {
    return (struct fact_row){some_hash(pair), (int64_t)below(pair, 10) - 5, some_id(pair), (uint32_t)below(pair, 3)};
}

static bool is_there(struct pair *pair, uint64_t id) {
    struct record record;
    return pair->sqlite->ops->load(pair->sqlite, pair->arena, id, &record) == ERR_NONE;
}

static void write_something(struct pair *pair) {
    struct record record = some_record(pair);
    struct content content = {some_text(pair), some_text(pair)};
    struct fact_row fact = some_fact(pair);
    /* rules have even ids, events odd ones: no message is both */
    struct twin twin = {some_id(pair) | 1, (uint32_t)below(pair, 3), some_id(pair) & ~1ULL, 7};
    struct step step = {(int64_t)below(pair, 9), record.state, 1, 200, 5, some_text(pair)};
    switch (below(pair, 10)) {
    case 0:
    case 1:
    case 2:
        SAME(pair, insert, &record, &content);
        break;
    case 3:
    case 4:
        SAME(pair, update, &record);
        break;
    case 5:
        SAME(pair, add_fact, &fact);
        break;
    case 6:
        if (is_there(pair, twin.event) && is_there(pair, twin.rule))
            SAME(pair, add_twin, &twin);
        break;
    case 7:
        if (is_there(pair, record.id))
            SAME(pair, add_step, record.id, &step);
        break;
    case 8:
        SAME(pair, remove_fact, &fact);
        SAME(pair, remove_content, record.id);
        break;
    default:
        if (below(pair, 3) == 0)
            SAME(pair, remove, record.id);
        SAME(pair, put_meta, STR("name"), content.body);
        break;
    }
}

/* Asks both, with their own places for what they answer. */
#define ASK(pair, a, b, call, ...)                                                                                     \
    enum err a##_err = (pair)->memory->ops->call((pair)->memory, __VA_ARGS__, a);                                      \
    enum err b##_err = (pair)->sqlite->ops->call((pair)->sqlite, __VA_ARGS__, b);                                      \
    assert_int_equal(a##_err, b##_err)

static void same_message(struct pair *pair, uint64_t id) {
    struct record x[1], y[1];
    struct content c[1], d[1];
    ASK(pair, x, y, load, pair->arena, id);
    if (x_err == ERR_NONE)
        assert_record_same(x, y);
    ASK(pair, c, d, load_content, pair->arena, id);
    if (c_err == ERR_NONE) {
        assert_str_same(c->headers, d->headers);
        assert_str_same(c->body, d->body);
    }
}

static void same_links(struct pair *pair, uint64_t id) {
    struct twin *twins, *others;
    struct step *steps, *other_steps;
    size_t n, m;
    assert_int_equal(pair->memory->ops->find_twins(pair->memory, pair->arena, id, &twins, &n), ERR_NONE);
    assert_int_equal(pair->sqlite->ops->find_twins(pair->sqlite, pair->arena, id, &others, &m), ERR_NONE);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(twins[i].event, others[i].event);
        assert_int_equal(twins[i].item, others[i].item);
        assert_int_equal(twins[i].rule, others[i].rule);
        assert_int_equal(twins[i].group, others[i].group);
    }
    assert_int_equal(pair->memory->ops->steps(pair->memory, pair->arena, id, &steps, &n), ERR_NONE);
    assert_int_equal(pair->sqlite->ops->steps(pair->sqlite, pair->arena, id, &other_steps, &m), ERR_NONE);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(steps[i].at_ms, other_steps[i].at_ms);
        assert_int_equal(steps[i].state, other_steps[i].state);
        assert_str_same(steps[i].why, other_steps[i].why);
    }
}

static void same_ids(const uint64_t *x, size_t n, const uint64_t *y, size_t m) {
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
}

static void same_finds(struct pair *pair) {
    uint64_t hash = some_hash(pair), x[ROWS], y[ROWS];
    int64_t from_ms = (int64_t)below(pair, 10) - 6, to_ms = (int64_t)below(pair, 10) - 4;
    struct fact_row facts[ROWS], others[ROWS];
    size_t n = 0, m = 0, max = 1 + below(pair, ROWS - 1);
    struct backend *memory = pair->memory, *sqlite = pair->sqlite;
    assert_int_equal(memory->ops->find_identity(memory, hash, x, max, &n), ERR_NONE);
    assert_int_equal(sqlite->ops->find_identity(sqlite, hash, y, max, &m), ERR_NONE);
    same_ids(x, n, y, m);
    assert_int_equal(memory->ops->find_facts(memory, hash, from_ms, to_ms, facts, max, &n), ERR_NONE);
    assert_int_equal(sqlite->ops->find_facts(sqlite, hash, from_ms, to_ms, others, max, &m), ERR_NONE);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(facts[i].time_ms, others[i].time_ms);
        assert_int_equal(facts[i].message, others[i].message);
        assert_int_equal(facts[i].item, others[i].item);
    }
}

static void same_walks(struct pair *pair) {
    uint64_t x[ROWS], y[ROWS], after = below(pair, IDS);
    uint32_t states = (uint32_t)below(pair, 1U << STATE_COUNT);
    struct due due[ROWS], others[ROWS];
    size_t n = 0, m = 0, max = 1 + below(pair, ROWS - 1);
    enum endpoint endpoint = (enum endpoint)below(pair, ENDPOINT_COUNT);
    enum state state = (enum state)below(pair, STATE_PARKED + 1);
    struct backend *memory = pair->memory, *sqlite = pair->sqlite;
    assert_int_equal(memory->ops->scan(memory, states, after, x, max, &n), ERR_NONE);
    assert_int_equal(sqlite->ops->scan(sqlite, states, after, y, max, &m), ERR_NONE);
    same_ids(x, n, y, m);
    assert_int_equal(memory->ops->scan_content(memory, after, after + 20, x, max, &n), ERR_NONE);
    assert_int_equal(sqlite->ops->scan_content(sqlite, after, after + 20, y, max, &m), ERR_NONE);
    same_ids(x, n, y, m);
    assert_int_equal(memory->ops->due(memory, endpoint, state, due, max, &n), ERR_NONE);
    assert_int_equal(sqlite->ops->due(sqlite, endpoint, state, others, max, &m), ERR_NONE);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(due[i].id, others[i].id);
        assert_int_equal(due[i].due_ms, others[i].due_ms);
    }
}

static void same_list(struct pair *pair) {
    struct filter filter = {
        .state = (int)below(pair, STATE_COUNT + 1) - 1,
        .generation = (int)below(pair, GENERATION_EVENT + 2) - 1,
        .before = below(pair, IDS),
        .limit = below(pair, 12),
    };
    if (below(pair, 2) == 0)
        filter.type = some_text(pair);
    filter.type_is_prefix = filter.type.at != NULL && below(pair, 4) == 0;
    filter.unpaired = below(pair, 4) == 0;
    if (below(pair, 3) == 0)
        filter.after = below(pair, IDS);
    if (below(pair, 3) == 0)
        filter.endpoints = 1U << below(pair, ENDPOINT_COUNT);
    if (below(pair, 2) == 0)
        filter.company = some_text(pair);
    struct record *x, *y;
    size_t n, m;
    assert_int_equal(pair->memory->ops->list(pair->memory, pair->arena, &filter, &x, &n), ERR_NONE);
    assert_int_equal(pair->sqlite->ops->list(pair->sqlite, pair->arena, &filter, &y, &m), ERR_NONE);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_record_same(&x[i], &y[i]);
}

static void same_answers(struct pair *pair) {
    uint64_t x, y;
    struct str a = STR_NONE, b = STR_NONE;
    assert_int_equal(pair->memory->ops->last_id(pair->memory, &x), ERR_NONE);
    assert_int_equal(pair->sqlite->ops->last_id(pair->sqlite, &y), ERR_NONE);
    assert_int_equal(x, y);
    assert_int_equal(pair->memory->ops->get_meta(pair->memory, pair->arena, STR("name"), &a),
                     pair->sqlite->ops->get_meta(pair->sqlite, pair->arena, STR("name"), &b));
    assert_str_same(a, b);
    for (uint64_t id = 1; id <= IDS; id++) {
        same_message(pair, id);
        same_links(pair, id);
    }
    for (int i = 0; i < 10; i++) {
        same_finds(pair);
        same_walks(pair);
        same_list(pair);
    }
    arena_reset(pair->arena);
}

static void open_sqlite(struct pair *pair) {
    struct err_detail detail;
    assert_int_equal(backend_sqlite_open(pair->place.path, STORE_SYNC_NORMAL, &pair->sqlite, &detail), ERR_NONE);
}

static void run(uint64_t seed) {
    struct pair pair = {.memory = backend_memory_new(), .arena = arena_new(0), .seed = seed};
    place_make(&pair.place);
    sqlite_index_limit(10 + below(&pair, 100), 2); /* so that nearly all of the index is in runs */
    open_sqlite(&pair);
    for (int group = 0; group < GROUPS; group++) {
        SAME(&pair, begin);
        for (uint64_t writes = below(&pair, WRITES); writes > 0; writes--)
            write_something(&pair);
        if (below(&pair, 4) == 0) {
            pair.memory->ops->rollback(pair.memory);
            pair.sqlite->ops->rollback(pair.sqlite);
        } else {
            SAME(&pair, commit);
        }
        same_answers(&pair);
        if (below(&pair, 20) == 0) {
            pair.sqlite->ops->close(pair.sqlite);
            open_sqlite(&pair);
        }
    }
    pair.memory->ops->close(pair.memory);
    pair.sqlite->ops->close(pair.sqlite);
    arena_free(pair.arena);
    place_remove(&pair.place);
}

static void both_stores_answer_the_same(void **state) {
    (void)state;
    const char *given = getenv("SEED");
    if (given != NULL) {
        run(strtoull(given, NULL, 10));
        return;
    }
    for (uint64_t i = 1; i <= RUNS; i++) {
        print_message("SEED=%llu\n", (unsigned long long)(i * 1000003));
        run(i * 1000003);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_stores_answer_the_same)};
    return cmocka_run_group_tests_name("pair of stores", tests, NULL, NULL);
}
