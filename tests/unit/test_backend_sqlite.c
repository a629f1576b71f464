/* The SQLite file itself: reopening, crashes, other processes, damage, versions, places that cannot be written. */
#include "common/mem.h"
#include "proxy/store/sqlite_index.h"
#include "proxy/store/sqlite_schema.h"
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define OK(call) assert_int_equal((call), ERR_NONE)

static int make_place(void **state) {
    struct place *place = MEM_NEW(struct place);
    place_make(place);
    *state = place;
    return 0;
}

static int remove_place(void **state) {
    place_remove(*state);
    mem_free(*state);
    return 0;
}

static struct backend *must_open(const struct place *place) {
    struct backend *backend;
    struct err_detail detail = {0};
    enum err err = backend_sqlite_open(place->path, STORE_SYNC_NORMAL, &backend, &detail);
    if (err != ERR_NONE)
        fail_msg("%s", detail.text);
    return backend;
}

/* Opening must fail like this, with both texts in what it says. */
static void expect_refusal(const char *path, enum err err, const char *text, const char *advice) {
    struct backend *backend;
    struct err_detail detail = {0};
    assert_int_equal(backend_sqlite_open(path, STORE_SYNC_FULL, &backend, &detail), err);
    if (strstr(detail.text, text) == NULL || strstr(detail.text, advice) == NULL)
        fail_msg("\"%s\" has not both \"%s\" and \"%s\"", detail.text, text, advice);
}

static void insert(struct backend *backend, uint64_t id) {
    struct record record = record_sample(id);
    struct content content = content_sample();
    record.state = (enum state)(id % STATE_COUNT);
    OK(backend->ops->insert(backend, &record, &content));
    OK(backend->ops->add_fact(backend, &(struct fact_row){record.identity_hash, (int64_t)id, id, 0}));
    OK(backend->ops->add_twin(backend, &(struct twin){id, 0, id + 1, 1}));
    OK(backend->ops->add_step(backend, id, &(struct step){.at_ms = 1, .why = STR("HTTP 500")}));
}

static void fill(struct backend *backend, uint64_t from, uint64_t to) {
    OK(backend->ops->begin(backend));
    for (uint64_t id = from; id <= to; id++)
        insert(backend, id);
    OK(backend->ops->commit(backend));
}

static uint64_t last_id(struct backend *backend) {
    uint64_t id;
    OK(backend->ops->last_id(backend, &id));
    return id;
}

static void what_was_committed_is_there_again(void **state) {
    struct place *place = *state;
    struct backend *backend = must_open(place);
    struct arena *arena = arena_new(0);
    struct record record, expected = record_sample(7);
    struct content content;
    fill(backend, 1, 7);
    OK(backend->ops->begin(backend));
    insert(backend, 8);
    backend->ops->close(backend);
    backend = must_open(place);
    assert_int_equal(last_id(backend), 7);
    OK(backend->ops->load(backend, arena, 7, &record));
    assert_record_same(&record, &expected);
    OK(backend->ops->load_content(backend, arena, 7, &content));
    assert_str_same(content.body, content_sample().body);
    backend->ops->close(backend);
    arena_free(arena);
}

static void nobody_else_may_read_the_file(void **state) {
    struct place *place = *state;
    struct backend *backend = must_open(place);
    char wal[128];
    struct stat found;
    snprintf(wal, sizeof wal, "%s-wal", place->path);
    fill(backend, 1, 1);
    assert_int_equal(stat(place->path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(stat(wal, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    backend->ops->close(backend);
}

/* A process that opens the store, does `work`, tells so, and is killed. Between the two: `meanwhile`. */
static void in_killed_process(struct place *place, void (*work)(struct backend *backend),
                              void (*meanwhile)(struct place *place)) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct backend *backend;
        if (backend_sqlite_open(place->path, STORE_SYNC_FULL, &backend, NULL) != ERR_NONE)
            _exit(1);
        work(backend);
        if (write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char told;
    close(ends[1]);
    assert_int_equal(read(ends[0], &told, 1), 1);
    meanwhile(place);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(ends[0]);
}

static void commit_some_begin_more(struct backend *backend) {
    fill(backend, 1, 500);
    if (backend->ops->begin(backend) == ERR_NONE)
        insert(backend, 501);
}

static void find_it_taken(struct place *place) {
    expect_refusal(place->path, ERR_BUSY, place->path, "is in use by another process");
}

static void a_killed_process_leaves_what_it_committed(void **state) {
    struct place *place = *state;
    in_killed_process(place, commit_some_begin_more, find_it_taken);
    struct backend *backend = must_open(place);
    assert_int_equal(last_id(backend), 500);
    fill(backend, 501, 502);
    backend->ops->close(backend);
}

static void do_nothing(struct backend *backend) {
    (void)backend;
}

static void a_second_process_is_turned_away(void **state) {
    struct place *place = *state;
    in_killed_process(place, do_nothing, find_it_taken);
    struct backend *backend = must_open(place);
    find_it_taken(place); /* in this process neither */
    backend->ops->close(backend);
}

static void write_file(const char *path, const void *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static struct str read_file(const char *path, struct arena *arena) {
    struct stat found;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &found), 0);
    char *bytes = arena_alloc(arena, (size_t)found.st_size);
    assert_int_equal(read(fd, bytes, (size_t)found.st_size), found.st_size);
    close(fd);
    return str_slice(bytes, (size_t)found.st_size);
}

/* What is written to a file that nobody will find again must not count as written. */
static void expect_out_of_place(struct backend *backend, const char *what) {
    OK(backend->ops->begin(backend));
    insert(backend, 2);
    assert_int_equal(backend->ops->commit(backend), ERR_IO);
    assert_non_null(strstr(backend->detail.text, what));
    assert_int_equal(backend->ops->probe(backend), ERR_IO);
    assert_non_null(strstr(backend->detail.text, what));
    backend->ops->close(backend);
}

static void a_store_that_is_removed_takes_nothing_more(void **state) {
    struct place *place = *state;
    char log[128];
    snprintf(log, sizeof log, "%s-wal", place->path);
    struct backend *backend = must_open(place);
    fill(backend, 1, 1);
    assert_int_equal(unlink(place->path), 0);
    expect_out_of_place(backend, "store.db was removed or replaced");

    unlink(log);
    backend = must_open(place);
    fill(backend, 1, 1);
    assert_int_equal(unlink(log), 0);
    expect_out_of_place(backend, "store.db-wal was removed or replaced");

    unlink(place->path);
    backend = must_open(place);
    fill(backend, 1, 1);
    char copy[128];
    snprintf(copy, sizeof copy, "%s-copy", place->path);
    write_file(copy, "", 0);
    assert_int_equal(rename(copy, place->path), 0);
    expect_out_of_place(backend, "store.db was removed or replaced");
}

/* A store of some hundred pages, closed, as bytes. */
static struct str full_store(struct place *place, struct arena *arena) {
    struct backend *backend = must_open(place);
    fill(backend, 1, 3000);
    backend->ops->close(backend);
    return read_file(place->path, arena);
}

static void what_is_no_store_is_refused(void **state) {
    struct place *place = *state;
    static const char text[200] = "something else, longer than a header ..........................................";
    write_file(place->path, text, sizeof text);
    expect_refusal(place->path, ERR_INVALID, "is damaged (file is not a database)", "put a copy back");
    write_file(place->path, text, 20);
    expect_refusal(place->path, ERR_INVALID, "is damaged", "put a copy back");
    expect_refusal(place->directory, ERR_INVALID, place->directory, "is not a file");
}

static void a_file_cut_short_is_refused(void **state) {
    struct place *place = *state;
    struct arena *arena = arena_new(0);
    struct str whole = full_store(place, arena);
    const size_t lengths[] = {60, 100, 5000, 4096, 5 * 4096, whole.len / 2, whole.len - 4096, whole.len - 1};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        write_file(place->path, whole.at, lengths[i]);
        expect_refusal(place->path, ERR_INVALID, "is damaged", "put a copy back");
    }
    arena_free(arena);
}

static uint64_t random_below(uint64_t *seed, uint64_t bound) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % bound;
}

static void expect_sane(enum err err, struct backend *backend, bool *damaged) {
    if (err == ERR_NONE || err == ERR_NOT_FOUND || err == ERR_EXISTS)
        return;
    assert_true(err == ERR_IO || err == ERR_DAMAGED);
    assert_non_null(strstr(backend->detail.text, "is damaged"));
    *damaged = true;
}

/* Every way through the store, for what it says and that it comes back. */
static bool wander(struct backend *backend, struct arena *arena) {
    const struct backend_ops *ops = backend->ops;
    bool damaged = false;
    for (uint64_t id = 1; id <= 3000; id += 7) {
        struct record record;
        struct content content;
        struct fact_row facts[4];
        struct twin *twins;
        struct step *steps;
        uint64_t ids[4];
        size_t count;
        expect_sane(ops->load(backend, arena, id, &record), backend, &damaged);
        expect_sane(ops->load_content(backend, arena, id, &content), backend, &damaged);
        expect_sane(ops->find_identity(backend, record_sample(id).identity_hash, ids, 4, &count), backend, &damaged);
        expect_sane(ops->find_facts(backend, record_sample(id).identity_hash, 0, 9999, facts, 4, &count), backend,
                    &damaged);
        expect_sane(ops->find_twins(backend, arena, id, &twins, &count), backend, &damaged);
        expect_sane(ops->steps(backend, arena, id, &steps, &count), backend, &damaged);
    }
    for (int state = 0; state < STATE_COUNT; state++) {
        const struct filter filters[] = {
            {.state = state, .generation = -1, .limit = 5000},
            {.state = STATE_DELIVERED, .generation = -1, .limit = 5000, .type = STR("DataSyncCompleted")},
            {.state = -1, .generation = -1, .limit = 5000, .company = record_sample(1).company},
        };
        struct record *records;
        struct due due[64];
        uint64_t ids[64];
        size_t count;
        for (size_t i = 0; i < ARRAY_LEN(filters); i++)
            expect_sane(ops->list(backend, arena, &filters[i], &records, &count), backend, &damaged);
        expect_sane(ops->due(backend, ENDPOINT_LEGACY, (enum state)state, due, 64, &count), backend, &damaged);
        expect_sane(ops->scan(backend, 1U << state, 0, ids, 64, &count), backend, &damaged);
        expect_sane(ops->scan_content(backend, 0, 9999, ids, 64, &count), backend, &damaged);
        arena_reset(arena);
    }
    return damaged;
}

static bool change(struct backend *backend) {
    const struct backend_ops *ops = backend->ops;
    bool damaged = false;
    for (uint64_t id = 1; id <= 3000; id += 101) {
        struct record record = record_sample(id), fresh = record_sample(10000 + id);
        struct content content = content_sample();
        enum err err = ops->begin(backend);
        if (err == ERR_NONE)
            err = ops->insert(backend, &fresh, &content);
        if (err == ERR_NONE)
            err = ops->update(backend, &record);
        if (err == ERR_NONE)
            err = ops->remove(backend, id + 1);
        expect_sane(err, backend, &damaged);
        if (err == ERR_NONE)
            expect_sane(ops->commit(backend), backend, &damaged);
        else
            ops->rollback(backend);
    }
    return damaged;
}

static void random_damage_is_told_and_never_a_crash(void **state) {
    struct place *place = *state;
    struct arena *arena = arena_new(0), *scratch = arena_new(0);
    struct str whole = full_store(place, arena);
    char *bytes = arena_alloc(arena, whole.len);
    enum { ROUNDS = 60 };
    int found = 0;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t seed = round * 0x9E3779B97F4A7C15U;
        memcpy(bytes, whole.at, whole.len);
        for (uint64_t hit = 1 + random_below(&seed, 20); hit > 0; hit--) {
            size_t len = 1 + random_below(&seed, hit % 2 == 0 ? 16 : 4000);
            size_t at = 100 + random_below(&seed, whole.len - len - 100);
            for (size_t i = 0; i < len; i++)
                bytes[at + i] = (char)random_below(&seed, 256);
        }
        write_file(place->path, bytes, whole.len);
        struct backend *backend;
        struct err_detail detail = {0};
        enum err err = backend_sqlite_open(place->path, STORE_SYNC_NORMAL, &backend, &detail);
        if (err != ERR_NONE) {
            assert_int_equal(err, ERR_INVALID);
            found++;
            continue;
        }
        bool damaged = wander(backend, scratch);
        damaged = change(backend) || damaged;
        found += damaged ? 1 : 0;
        backend->ops->close(backend);
    }
    assert_in_range(found, ROUNDS / 2, ROUNDS);
    arena_free(scratch);
    arena_free(arena);
}

static void sql(const struct place *place, const char *text) {
    sqlite3 *handle;
    char *error = NULL;
    assert_int_equal(sqlite3_open(place->path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, text, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s", error);
    sqlite3_close(handle);
}

static void files_of_others_and_of_the_future_are_left_alone(void **state) {
    struct place *place = *state;
    struct arena *arena = arena_new(0);
    sql(place, "CREATE TABLE x (a)");
    struct str before = read_file(place->path, arena);
    expect_refusal(place->path, ERR_INVALID, place->path, "is an SQLite file of another program");
    assert_true(str_eq(before, read_file(place->path, arena)));
    sql(place, "DROP TABLE x; PRAGMA application_id = 7");
    expect_refusal(place->path, ERR_INVALID, place->path, "is an SQLite file of another program");
    unlink(place->path);
    struct backend *backend = must_open(place);
    backend->ops->close(backend);
    sql(place, "PRAGMA user_version = 99");
    expect_refusal(place->path, ERR_INVALID, "was written by a newer hookshift", "its version is 99");
    sql(place, "PRAGMA user_version = 1; DROP TABLE twin");
    expect_refusal(place->path, ERR_INVALID, "is damaged", "no such table: twin");
    arena_free(arena);
}

static void what_no_version_has_written_is_damage(void **state) {
    static const struct {
        const char *change, *told;
    } cases[] = {
        {"due_ms = -9223372036854775808", "a time that cannot be"},
        {"changed_ms = 9223372036854775807", "a time that cannot be"},
        {"state = 8", "it is in no known state"},
        {"endpoint = 2", "it is in no known state"},
        {"fixed = NULL", "it is cut short"},
        {"fixed = x'00'", "it is cut short"},
        {"fixed = x'0000000000000080' || substr(fixed, 9)", "a time that cannot be"},
        {"fixed = substr(fixed, 1, 8) || x'FFFFFFFFFFFFFF7F' || substr(fixed, 17)", "a time that cannot be"},
        {"fixed = substr(fixed, 1, 32) || x'01040000' || substr(fixed, 37)", "it is of no known kind"},
        {"fixed = substr(fixed, 1, 36) || x'03' || substr(fixed, 38)", "it is of no known kind"},
        {"fixed = substr(fixed, 1, 40) || x'FFFFFFFF0F'", "it is cut short"},
        {"fixed = substr(fixed, 1, 40) || x'FFFFFFFFFFFF'", "it is cut short"},
        {"fixed = substr(fixed, 1, length(fixed) - 1)", "it is cut short"},
        {"fixed = fixed || x'00'", "there is something behind it"},
    };
    struct place *place = *state;
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[192];
        struct record record;
        struct backend *backend = must_open(place);
        fill(backend, i + 1, i + 1);
        backend->ops->close(backend);
        snprintf(text, sizeof text, "UPDATE message SET %s WHERE id = %zu", cases[i].change, i + 1);
        sql(place, text);
        backend = must_open(place);
        assert_int_equal(backend->ops->load(backend, arena, i + 1, &record), ERR_DAMAGED);
        if (strstr(backend->detail.text, cases[i].told) == NULL)
            fail_msg("%s: %s", cases[i].change, backend->detail.text);
        backend->ops->close(backend);
    }
    arena_free(arena);
}

/* No statement sorts, and none but the list without a filter walks a whole table. */
static void every_statement_goes_by_an_index(void **state) {
    struct place *place = *state;
    struct backend *backend = must_open(place);
    backend->ops->close(backend);
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(place->path, &handle), SQLITE_OK);
    for (int i = 0; i < SQL_COUNT; i++) {
        char text[2048];
        sqlite3_stmt *plan;
        snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql_text((enum sql)i));
        assert_int_equal(sqlite3_prepare_v2(handle, text, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);
            bool walks = strstr(step, "SCAN message") != NULL && i != SQL_LAST_ID;
            if (strstr(step, "TEMP B-TREE") != NULL || walks)
                fail_msg("%s: %s", sql_text((enum sql)i), step);
        }
        sqlite3_finalize(plan);
    }
    sqlite3_close(handle);
}

/* What root may do says nothing: in a process of somebody else. */
static int as_somebody(struct place *place, void (*look)(struct place *place)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(1);
        look(place);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void refuse_or_exit(const char *path, const char *text, const char *advice) {
    struct backend *backend;
    struct err_detail detail = {0};
    enum err err = backend_sqlite_open(path, STORE_SYNC_FULL, &backend, &detail);
    if (err != ERR_DENIED || strstr(detail.text, text) == NULL || strstr(detail.text, advice) == NULL) {
        fprintf(stderr, "%s: \"%s\" has not both \"%s\" and \"%s\"\n", err_name(err), detail.text, text, advice);
        _exit(1);
    }
}

static void find_directory_closed(struct place *place) {
    refuse_or_exit(place->path, "directory", "make it writable for user");
}

static void find_file_closed(struct place *place) {
    refuse_or_exit(place->path, "file", "make it writable for user");
}

static void places_that_cannot_be_written_are_named(void **state) {
    struct place *place = *state;
    expect_refusal("/nowhere/at/all/store.db", ERR_DENIED, "directory /nowhere/at/all: No such file or directory",
                   "create it");
    struct backend *backend = must_open(place);
    fill(backend, 1, 3);
    backend->ops->close(backend);
    assert_int_equal(chmod(place->directory, 0555), 0);
    assert_int_equal(as_somebody(place, find_directory_closed), 0);
    assert_int_equal(chmod(place->directory, 0777), 0);
    assert_int_equal(chmod(place->path, 0444), 0);
    assert_int_equal(as_somebody(place, find_file_closed), 0);
    assert_int_equal(chmod(place->path, 0600), 0);
    backend = must_open(place);
    assert_int_equal(last_id(backend), 3);
    backend->ops->close(backend);
}

static enum err fill_until_full(struct backend *backend, uint64_t from, uint64_t to) {
    enum err err = ERR_NONE;
    struct content content = content_sample();
    for (uint64_t id = from; id <= to && err == ERR_NONE; id++) {
        struct record record = record_sample(id);
        err = backend->ops->begin(backend);
        if (err == ERR_NONE)
            err = backend->ops->insert(backend, &record, &content);
        if (err == ERR_NONE)
            err = backend->ops->commit(backend);
        else
            backend->ops->rollback(backend);
    }
    return err;
}

static void a_full_disk_is_said_and_got_over(void **state) {
    struct place *place = *state;
    struct backend *backend = must_open(place);
    struct rlimit before, small;
    fill(backend, 1, 10);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1024 * 1024;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(fill_until_full(backend, 11, 10000), ERR_LIMIT);
    assert_non_null(strstr(backend->detail.text, "disk full"));
    enum err err = ERR_NONE;
    for (int i = 0; i < 100 && err == ERR_NONE; i++) /* what is left has room for less than that */
        err = backend->ops->probe(backend);
    assert_int_equal(err, ERR_LIMIT);
    uint64_t reached = last_id(backend);
    assert_in_range(reached, 10, 9999);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    OK(backend->ops->probe(backend));
    OK(fill_until_full(backend, reached + 1, reached + 100));
    backend->ops->close(backend);
    backend = must_open(place);
    assert_int_equal(last_id(backend), reached + 100);
    backend->ops->close(backend);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_PLACE(what_was_committed_is_there_again),
        IN_PLACE(nobody_else_may_read_the_file),
        IN_PLACE(a_killed_process_leaves_what_it_committed),
        IN_PLACE(a_second_process_is_turned_away),
        IN_PLACE(a_store_that_is_removed_takes_nothing_more),
        IN_PLACE(what_is_no_store_is_refused),
        IN_PLACE(a_file_cut_short_is_refused),
        IN_PLACE(random_damage_is_told_and_never_a_crash),
        IN_PLACE(what_no_version_has_written_is_damage),
        IN_PLACE(files_of_others_and_of_the_future_are_left_alone),
        IN_PLACE(every_statement_goes_by_an_index),
        IN_PLACE(places_that_cannot_be_written_are_named),
        IN_PLACE(a_full_disk_is_said_and_got_over),
    };
    return cmocka_run_group_tests_name("sqlite file", tests, NULL, NULL);
}
