/* Messages whose attempt began when they were stored: in no index of the SQLite store, and lost sight of by nobody. */
#include "common/mem.h"
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call) assert_int_equal((call), ERR_NONE)

enum { MANY = 10000, GROUP = 100 };

struct stage {
    struct place place, copy;
    struct backend *backend;
    struct arena *arena;
};

static struct backend *must_open(const char *path) {
    struct backend *backend;
    struct err_detail detail = {0};
    if (backend_sqlite_open(path, STORE_SYNC_NORMAL, &backend, &detail) != ERR_NONE)
        fail_msg("%s", detail.text);
    return backend;
}

static int open_store(void **state) {
    struct stage *stage = MEM_NEW(struct stage);
    place_make(&stage->place);
    place_make(&stage->copy);
    stage->backend = must_open(stage->place.path);
    stage->arena = arena_new(0);
    *state = stage;
    return 0;
}

static int close_store(void **state) {
    struct stage *stage = *state;
    stage->backend->ops->close(stage->backend);
    place_remove(&stage->place);
    place_remove(&stage->copy);
    arena_free(stage->arena);
    mem_free(stage);
    return 0;
}

static void copy_file(const struct stage *stage, const char *ending) {
    char from[128], to[128];
    struct stat found;
    snprintf(from, sizeof from, "%s%s", stage->place.path, ending);
    snprintf(to, sizeof to, "%s%s", stage->copy.path, ending);
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    assert_int_equal(fstat(in, &found), 0);
    while (lseek(in, 0, SEEK_CUR) < found.st_size)
        assert_true(sendfile(out, in, NULL, (size_t)found.st_size) > 0);
    close(out); /* `in` as well, but that is the store's file, and closing it drops its lock */
}

/* The store as it is after the process was killed now. */
static struct backend *open_after_crash(const struct stage *stage) {
    copy_file(stage, "");
    copy_file(stage, "-wal");
    return must_open(stage->copy.path);
}

static void insert(struct stage *stage, uint64_t id, bool is_taken) {
    struct record record = record_sample(id);
    struct content content = content_sample();
    record.state = STATE_PENDING;
    record.endpoint = ENDPOINT_NEW;
    record.due_ms = (int64_t)id;
    record.is_taken = is_taken;
    OK(stage->backend->ops->insert(stage->backend, &record, &content));
}

static void settle(struct stage *stage, uint64_t id, enum state state) {
    struct record record;
    OK(stage->backend->ops->load(stage->backend, stage->arena, id, &record));
    record.state = state;
    record.due_ms = state == STATE_PENDING ? 1 : DUE_NEVER;
    OK(stage->backend->ops->update(stage->backend, &record));
}

static void expect_ids(const uint64_t *ids, size_t count, const char *expected) {
    char text[128] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%llu", i == 0 ? "" : " ",
                 (unsigned long long)ids[i]);
    assert_string_equal(text, expected);
}

static void expect_due(struct backend *backend, const char *expected) {
    struct due due[8];
    uint64_t ids[8];
    size_t count;
    OK(backend->ops->due(backend, ENDPOINT_NEW, STATE_PENDING, due, 8, &count));
    for (size_t i = 0; i < count; i++)
        ids[i] = due[i].id;
    expect_ids(ids, count, expected);
}

static void expect_scan(struct backend *backend, uint32_t states, uint64_t after, const char *expected) {
    uint64_t ids[8];
    size_t count;
    OK(backend->ops->scan(backend, states, after, ids, 8, &count));
    expect_ids(ids, count, expected);
}

static void expect_pending(struct stage *stage, uint64_t before, size_t limit, const char *expected) {
    struct filter filter = {.state = STATE_PENDING, .generation = -1, .before = before, .limit = limit};
    struct record *records;
    uint64_t ids[8];
    size_t count;
    OK(stage->backend->ops->list(stage->backend, stage->arena, &filter, &records, &count));
    for (size_t i = 0; i < count; i++) {
        ids[i] = records[i].id;
        assert_int_equal(records[i].state, STATE_PENDING);
    }
    expect_ids(ids, count, expected);
}

static void they_are_pending_for_everybody_who_asks(void **state) {
    struct stage *stage = *state;
    const uint32_t pending = 1U << STATE_PENDING, all = (1U << STATE_COUNT) - 1;
    OK(stage->backend->ops->begin(stage->backend));
    for (uint64_t id = 1; id <= 5; id++)
        insert(stage, id, id % 2 == 1);
    OK(stage->backend->ops->commit(stage->backend));
    expect_due(stage->backend, "2 4");
    expect_scan(stage->backend, pending, 0, "1 2 3 4 5");
    expect_scan(stage->backend, pending, 2, "3 4 5");
    expect_scan(stage->backend, all, 0, "1 2 3 4 5");
    expect_scan(stage->backend, all & ~pending, 0, "");
    expect_pending(stage, 0, 8, "5 4 3 2 1");
    expect_pending(stage, 4, 8, "3 2 1");
    expect_pending(stage, 0, 2, "5 4");
    OK(stage->backend->ops->begin(stage->backend));
    settle(stage, 1, STATE_PENDING);
    settle(stage, 3, STATE_DELIVERED);
    OK(stage->backend->ops->remove(stage->backend, 5));
    OK(stage->backend->ops->commit(stage->backend));
    expect_due(stage->backend, "1 2 4");
    expect_scan(stage->backend, pending, 0, "1 2 4");
    expect_pending(stage, 0, 8, "4 2 1");
}

static void what_is_undone_was_never_so(void **state) {
    struct stage *stage = *state;
    const uint32_t pending = 1U << STATE_PENDING;
    OK(stage->backend->ops->begin(stage->backend));
    insert(stage, 1, true);
    insert(stage, 2, true);
    OK(stage->backend->ops->commit(stage->backend));
    OK(stage->backend->ops->begin(stage->backend));
    settle(stage, 1, STATE_DELIVERED);
    insert(stage, 3, true);
    OK(stage->backend->ops->remove(stage->backend, 2));
    expect_scan(stage->backend, pending, 0, "3");
    stage->backend->ops->rollback(stage->backend);
    expect_scan(stage->backend, pending, 0, "1 2");
    expect_pending(stage, 0, 8, "2 1");
    expect_due(stage->backend, "");
}

static void after_a_crash_they_wait_like_others(void **state) {
    struct stage *stage = *state;
    OK(stage->backend->ops->begin(stage->backend));
    for (uint64_t id = 1; id <= 4; id++)
        insert(stage, id, id > 1);
    OK(stage->backend->ops->commit(stage->backend));
    OK(stage->backend->ops->begin(stage->backend));
    settle(stage, 3, STATE_DELIVERED);
    OK(stage->backend->ops->commit(stage->backend));
    struct backend *again = open_after_crash(stage);
    expect_due(again, "1 2 4");
    expect_scan(again, 1U << STATE_PENDING, 0, "1 2 4");
    again->ops->close(again);
}

/* Some attempts last while thousands of others come and go. */
static void long_ones_are_found_among_many(void **state) {
    struct stage *stage = *state;
    for (uint64_t first = 1; first <= MANY; first += GROUP) {
        OK(stage->backend->ops->begin(stage->backend));
        for (uint64_t id = first; id < first + GROUP; id++)
            insert(stage, id, true);
        for (uint64_t id = first; id < first + GROUP; id++)
            if (id != 7 && id != 6007 && id != MANY)
                settle(stage, id, STATE_DELIVERED);
        OK(stage->backend->ops->commit(stage->backend));
        arena_reset(stage->arena);
    }
    expect_due(stage->backend, "7");
    expect_scan(stage->backend, 1U << STATE_PENDING, 0, "7 6007 10000");
    struct backend *again = open_after_crash(stage);
    expect_due(again, "7 6007 10000");
    again->ops->close(again);
}

/* What is looked through at the next start stays small also where nothing is delivered at once. */
static void others_raise_the_floor_too(void **state) {
    struct stage *stage = *state;
    struct str floor;
    for (uint64_t first = 1; first <= MANY; first += GROUP) {
        OK(stage->backend->ops->begin(stage->backend));
        for (uint64_t id = first; id < first + GROUP; id++)
            insert(stage, id, id == 7);
        for (uint64_t id = first; id < first + GROUP; id++)
            if (id != 7)
                settle(stage, id, STATE_DELIVERED);
        OK(stage->backend->ops->commit(stage->backend));
        arena_reset(stage->arena);
    }
    OK(stage->backend->ops->get_meta(stage->backend, stage->arena, STR("taken_from"), &floor));
    assert_true(strtoull(floor.at, NULL, 10) > MANY / 2);
    struct backend *again = open_after_crash(stage);
    expect_due(again, "7");
    again->ops->close(again);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_STORE(they_are_pending_for_everybody_who_asks),
        IN_STORE(what_is_undone_was_never_so),
        IN_STORE(after_a_crash_they_wait_like_others),
        IN_STORE(long_ones_are_found_among_many),
        IN_STORE(others_raise_the_floor_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
