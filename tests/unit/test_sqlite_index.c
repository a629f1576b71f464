/* The index of hashes against a list that is searched from one end to the other: random entries, groups that are
 * committed, rolled back or fail to be committed, and files that are closed and opened again, with limits so low that
 * runs are written and merged all the time. A run that fails prints its seed. */
#include "common/mem.h"
#include "proxy/store/sqlite_index.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

#define OK(call) assert_int_equal((call), ERR_NONE)

enum { RUNS = 12, GROUPS = 150, ROWS_MAX = 4096, FOUND_MAX = 64 };

struct book { /* the entries that are there */
    struct fact_row rows[ROWS_MAX];
    size_t count;
};

struct bench {
    struct place place;
    struct backend *backend;
    struct book now, committed;
    uint64_t seed;
};

static uint64_t below(struct bench *bench, uint64_t bound) {
    bench->seed ^= bench->seed << 13;
    bench->seed ^= bench->seed >> 7;
    bench->seed ^= bench->seed << 17;
    return (bench->seed >> 11) % bound;
}

/* Of most hashes there are few entries, of some very many. */
static uint64_t some_hash(struct bench *bench) {
    static const uint64_t often[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63};
    return below(bench, 2) == 0 ? often[below(bench, ARRAY_LEN(often))] : (1 + below(bench, 300)) * 0x9E3779B97F4A7C15U;
}

static struct fact_row some_row(struct bench *bench) {
    return (struct fact_row){some_hash(bench), (int64_t)below(bench, 40) - 5, 1 + below(bench, 30),
                             (uint32_t)below(bench, 2)};
}

static bool is_same(const struct fact_row *a, const struct fact_row *b) {
    return a->hash == b->hash && a->time_ms == b->time_ms && a->message == b->message && a->item == b->item;
}

static size_t book_place(const struct book *book, const struct fact_row *row) {
    size_t place = 0;
    while (place < book->count && !is_same(&book->rows[place], row))
        place++;
    return place;
}

static void change(struct bench *bench) {
    struct sqlite_db *db = sqlite_db_of(bench->backend);
    struct fact_row row = some_row(bench);
    if (bench->now.count > 0 && below(bench, 3) == 0) {
        size_t place = below(bench, bench->now.count);
        row = bench->now.rows[place];
        bench->now.rows[place] = bench->now.rows[--bench->now.count];
        OK(sqlite_index_remove(db, &row));
        return;
    }
    OK(sqlite_index_add(db, &row));
    if (book_place(&bench->now, &row) == bench->now.count && bench->now.count < ROWS_MAX)
        bench->now.rows[bench->now.count++] = row;
}

static int later_first(const void *a, const void *b) {
    const struct fact_row *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms > y->time_ms ? -1 : 1;
    if (x->message != y->message)
        return x->message > y->message ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static void expect_same_found(struct bench *bench, uint64_t hash) {
    struct sqlite_db *db = sqlite_db_of(bench->backend);
    struct fact_row expected[ROWS_MAX], found[FOUND_MAX];
    struct fact_row first = {hash, (int64_t)below(bench, 45) - 5, 1 + below(bench, 31), 0};
    int64_t from_ms = (int64_t)below(bench, 45) - 6;
    size_t all = 0, count, max = 1 + below(bench, FOUND_MAX);
    for (size_t i = 0; i < bench->now.count; i++) {
        const struct fact_row *row = &bench->now.rows[i];
        if (row->hash == hash && row->time_ms >= from_ms && later_first(row, &first) >= 0)
            expected[all++] = *row;
    }
    qsort(expected, all, sizeof *expected, later_first);
    OK(sqlite_index_find(db, &first, from_ms, found, max, &count));
    assert_int_equal(count, all < max ? all : max);
    for (size_t i = 0; i < count; i++)
        assert_true(is_same(&found[i], &expected[i]));
}

static int refuse(void *arg) {
    (void)arg;
    return 1;
}

static void end_group(struct bench *bench) {
    sqlite3 *handle = sqlite_db_of(bench->backend)->handle;
    switch (below(bench, 6)) {
    case 0:
        bench->backend->ops->rollback(bench->backend);
        bench->now = bench->committed;
        break;
    case 1: /* everything was written, and then it cannot be committed */
        sqlite3_commit_hook(handle, refuse, NULL);
        assert_int_not_equal(bench->backend->ops->commit(bench->backend), ERR_NONE);
        sqlite3_commit_hook(handle, NULL, NULL);
        bench->now = bench->committed;
        break;
    default:
        OK(bench->backend->ops->commit(bench->backend));
        bench->committed = bench->now;
        break;
    }
}

static void open_store(struct bench *bench) {
    struct err_detail detail = {0};
    if (backend_sqlite_open(bench->place.path, STORE_SYNC_NORMAL, &bench->backend, &detail) != ERR_NONE)
        fail_msg("%s", detail.text);
}

static int64_t number(struct bench *bench, const char *sql) {
    int64_t value = -1;
    OK(sqlite_db_number(sqlite_db_of(bench->backend), sql, &value));
    return value;
}

static void run(struct bench *bench) {
    place_make(&bench->place);
    sqlite_index_limit(20 + below(bench, 400), 2 + below(bench, 3));
    open_store(bench);
    for (int group = 0; group < GROUPS; group++) {
        OK(bench->backend->ops->begin(bench->backend));
        for (uint64_t changes = below(bench, 100); changes > 0; changes--)
            change(bench);
        expect_same_found(bench, some_hash(bench));
        end_group(bench);
        for (int i = 0; i < 20; i++)
            expect_same_found(bench, some_hash(bench));
        if (below(bench, 12) == 0) {
            bench->backend->ops->close(bench->backend);
            open_store(bench);
        }
    }
    assert_true(number(bench, "SELECT max(level) FROM run") > 0);
    assert_true(number(bench, "SELECT count(*) FROM run") < 40);
    bench->backend->ops->close(bench->backend);
    place_remove(&bench->place);
}

static void the_index_finds_what_is_there(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= RUNS; i++) {
        struct bench *bench = MEM_NEW(struct bench);
        bench->seed = getenv("SEED") == NULL ? i * 1000003 : strtoull(getenv("SEED"), NULL, 10);
        print_message("SEED=%llu\n", (unsigned long long)bench->seed);
        run(bench);
        mem_free(bench);
    }
}

/* Entries come and go, again and again: what is gone does not fill the file. */
static void what_was_removed_takes_no_room(void **state) {
    (void)state;
    enum { GROUP = 100, MESSAGES = 30 * GROUP, ROUNDS = 10 };
    struct bench bench = {.seed = 1};
    place_make(&bench.place);
    sqlite_index_limit(5 * GROUP, 2);
    open_store(&bench);
    for (uint64_t i = 0; i < (uint64_t)2 * MESSAGES * ROUNDS; i++) {
        struct fact_row row = {(i % MESSAGES + 1) * 0x9E3779B97F4A7C15U, 1, i % MESSAGES + 1, 0};
        if (i % GROUP == 0)
            OK(bench.backend->ops->begin(bench.backend));
        OK(i / MESSAGES % 2 == 0 ? sqlite_index_add(sqlite_db_of(bench.backend), &row)
                                 : sqlite_index_remove(sqlite_db_of(bench.backend), &row));
        if (i % GROUP == GROUP - 1)
            OK(bench.backend->ops->commit(bench.backend));
    }
    assert_in_range(number(&bench, "SELECT count(*) FROM run_page"), 0, 4 * MESSAGES / 100);
    bench.backend->ops->close(bench.backend);
    place_remove(&bench.place);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_finds_what_is_there),
        cmocka_unit_test(what_was_removed_takes_no_room),
    };
    return cmocka_run_group_tests_name("index of hashes", tests, NULL, NULL);
}
