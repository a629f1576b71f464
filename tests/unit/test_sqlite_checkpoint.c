/* The log of the SQLite store is brought home while groups are committed. */
#include "common/fault.h"
#include "common/mem.h"
#include "proxy/store/sqlite_checkpoint.h"
#include "tests/unit/store_fixture.h"

#include <sys/stat.h>
#include <time.h>

enum { FRAMES = 40, FRAME_LEN = 4096 + 24, GROUPS = 1500, MESSAGES_IN_GROUP = 2, FRAMES_OF_GROUP = 60 };

#define OK(call) assert_int_equal((call), ERR_NONE)

struct stage {
    struct place place;
    struct backend *backend;
    struct arena *arena;
    uint64_t last_id;
};

static int open_store(void **state) {
    struct stage *stage = MEM_NEW(struct stage);
    struct err_detail detail;
    place_make(&stage->place);
    checkpointer_limit(FRAMES);
    OK(backend_sqlite_open(stage->place.path, STORE_SYNC_NORMAL, &stage->backend, &detail));
    stage->arena = arena_new(0);
    *state = stage;
    return 0;
}

static int close_store(void **state) {
    struct stage *stage = *state;
    stage->backend->ops->close(stage->backend);
    place_remove(&stage->place);
    arena_free(stage->arena);
    mem_free(stage);
    return 0;
}

static void commit_group(struct stage *stage) {
    struct content content = content_sample();
    OK(stage->backend->ops->begin(stage->backend));
    for (int i = 0; i < MESSAGES_IN_GROUP; i++) {
        struct record record = record_sample(++stage->last_id);
        OK(stage->backend->ops->insert(stage->backend, &record, &content));
    }
    OK(stage->backend->ops->commit(stage->backend));
}

static int64_t file_len(const struct stage *stage, const char *ending) {
    char path[sizeof stage->place.path + 8];
    struct stat found;
    snprintf(path, sizeof path, "%s%s", stage->place.path, ending);
    assert_int_equal(stat(path, &found), 0);
    return found.st_size;
}

static int64_t log_len(const struct stage *stage) {
    return file_len(stage, "-wal");
}

static void expect_all(struct stage *stage) {
    struct record record;
    for (uint64_t id = 1; id <= stage->last_id; id++)
        OK(stage->backend->ops->load(stage->backend, stage->arena, id, &record));
    assert_int_equal(stage->backend->ops->load(stage->backend, stage->arena, stage->last_id + 1, &record),
                     ERR_NOT_FOUND);
}

static void reopen(struct stage *stage) {
    struct err_detail detail;
    stage->backend->ops->close(stage->backend);
    OK(backend_sqlite_open(stage->place.path, STORE_SYNC_NORMAL, &stage->backend, &detail));
}

static void the_log_stays_small_however_busy_it_is(void **state) {
    struct stage *stage = *state;
    for (int i = 0; i < GROUPS; i++) {
        commit_group(stage);
        assert_in_range(log_len(stage), 1, (4 * FRAMES + FRAMES_OF_GROUP) * FRAME_LEN);
    }
    expect_all(stage);
    reopen(stage);
    expect_all(stage);
}

static void a_group_that_is_undone_lets_it_go_on(void **state) {
    struct stage *stage = *state;
    struct content content = content_sample();
    for (int i = 0; i < GROUPS / 5; i++) {
        struct record record = record_sample(stage->last_id + 1);
        commit_group(stage);
        OK(stage->backend->ops->begin(stage->backend));
        assert_int_equal(stage->backend->ops->insert(stage->backend, &record, &content), ERR_EXISTS);
        stage->backend->ops->rollback(stage->backend);
        assert_in_range(log_len(stage), 1, (4 * FRAMES + FRAMES_OF_GROUP) * FRAME_LEN);
    }
    reopen(stage);
    expect_all(stage);
}

#ifdef HOOKSHIFT_FAULTS
static struct fault_plan plan;

static int open_failing(void **state, bool for_ever) {
    plan = (struct fault_plan){.orders = {{.name = "store.checkpoint", .at = 1, .is_lasting = for_ever}}};
    fault_use(&plan);
    return open_store(state);
}

static int open_failing_once(void **state) {
    return open_failing(state, false);
}

static int open_failing_for_ever(void **state) {
    return open_failing(state, true);
}

static int close_failing(void **state) {
    int result = close_store(state);
    fault_use(NULL);
    return result;
}

static void groups_go_on_while_it_fails(void **state) {
    struct stage *stage = *state;
    while (log_len(stage) < 10 * FRAMES * FRAME_LEN)
        commit_group(stage);
    assert_int_not_equal(atomic_load(&plan.struck), 0);
    expect_all(stage);
    reopen(stage);
    expect_all(stage);
}

static void it_is_tried_again(void **state) {
    struct stage *stage = *state;
    while (atomic_load(&plan.struck) == 0)
        commit_group(stage);
    int64_t len = file_len(stage, "");
    while (file_len(stage, "") == len) { /* only what is brought home makes it longer */
        commit_group(stage);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    reopen(stage);
    expect_all(stage);
}
#endif

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_STORE(the_log_stays_small_however_busy_it_is),
        IN_STORE(a_group_that_is_undone_lets_it_go_on),
#ifdef HOOKSHIFT_FAULTS
        cmocka_unit_test_setup_teardown(groups_go_on_while_it_fails, open_failing_for_ever, close_failing),
        cmocka_unit_test_setup_teardown(it_is_tried_again, open_failing_once, close_failing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
