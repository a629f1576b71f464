/* A store on a loop: over memory, whose calls can be counted and made to fail, with jobs that say how they fared. */
#ifndef TESTS_UNIT_STORE_BENCH_FIXTURE_H
#define TESTS_UNIT_STORE_BENCH_FIXTURE_H

#include "common/clock.h"
#include "common/mem.h"
#include "proxy/store/store.h"
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

enum { DEADLINE_MS = 20000 };

/* ---- a memory store whose calls can be counted and made to fail ---- */

static struct {
    const struct backend_ops *real;
    struct backend_ops ops;
    struct backend *backend;
    _Atomic int commits_failing, begins_failing, probes_failing;
} fake;

static inline enum err no_room(const char *what) {
    return err_set(&fake.backend->detail, ERR_LIMIT, "disk full at %s", what);
}

static inline enum err fake_begin(struct backend *backend) {
    if (atomic_load(&fake.begins_failing) != 0)
        return no_room("begin");
    return fake.real->begin(backend);
}

static inline enum err fake_commit(struct backend *backend) {
    if (atomic_load(&fake.commits_failing) != 0) {
        fake.real->rollback(backend);
        return no_room("commit");
    }
    return fake.real->commit(backend);
}

static inline enum err fake_probe(struct backend *backend) {
    if (atomic_load(&fake.probes_failing) != 0)
        return no_room("probe");
    return fake.real->probe(backend);
}

static inline struct backend *fake_new(bool waits) {
    fake.backend = backend_memory_new();
    fake.real = fake.backend->ops;
    fake.ops = *fake.real;
    fake.ops.waits = waits;
    fake.ops.begin = fake_begin;
    fake.ops.commit = fake_commit;
    fake.ops.probe = fake_probe;
    fake.backend->ops = &fake.ops;
    fake.commits_failing = fake.begins_failing = fake.probes_failing = 0;
    return fake.backend;
}

/* ---- a store on a loop ---- */

struct flags {
    bool on;
    _Atomic int released;
};

struct bench {
    struct loop *loop;
    struct store *store;
    struct flags flags, other_flags, last_flags;
    _Atomic int ready[ENDPOINT_COUNT];
    _Atomic int groups, jobs_committed, groups_failed;
    int done;
};

static const int64_t retry_ms[] = {30, 30};

static inline bool flag_of(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms,
                           struct arena *arena, struct str *why) {
    (void)endpoint, (void)record, (void)now_ms, (void)arena;
    if (why != NULL)
        *why = STR("test");
    return ((struct flags *)flags)->on;
}

static inline void release_flags(void *flags) {
    atomic_fetch_add(&((struct flags *)flags)->released, 1);
}

static inline enum prefer prefer_first(void *arg, struct str counterpart) {
    (void)arg, (void)counterpart;
    return PREFER_FIRST;
}

static inline double no_jitter(void *arg) {
    (void)arg;
    return 0;
}

static inline void on_ready(void *arg, enum endpoint endpoint) {
    atomic_fetch_add(&((struct bench *)arg)->ready[endpoint], 1);
}

static inline void on_committed(void *arg, int64_t duration_us, size_t jobs, enum err err) {
    struct bench *bench = arg;
    if (duration_us < 0)
        abort();
    if (jobs > 0 && err == ERR_NONE) {
        atomic_fetch_add(&bench->groups, 1);
        atomic_fetch_add(&bench->jobs_committed, (int)jobs);
    } else if (err != ERR_NONE) {
        atomic_fetch_add(&bench->groups_failed, 1);
    }
}

static const struct ledger_policy policy = {
    .window_ms = 600000,
    .hold_ms = 30000,
    .park_for_ms = 86400000,
    .retention_ms = 86400000,
    .body_retention_ms = 86400000,
    .retry_ms = retry_ms,
    .retry_count = ARRAY_LEN(retry_ms),
    .backlog_max = 1000000,
    .prefer = prefer_first,
    .jitter = no_jitter,
};

static inline int bench_open(void **state, bool waits) {
    struct bench *bench = MEM_NEW(struct bench);
    struct err_detail detail;
    bench->loop = loop_new();
    bench->flags.on = bench->last_flags.on = true;
    struct store_options options = {
        .policy = &policy,
        .flag = flag_of,
        .flags = &bench->flags,
        .release = release_flags,
        .hooks = {.ready = on_ready, .committed = on_committed, .arg = bench},
        .backend = fake_new(waits),
    };
    assert_int_equal(store_open(&options, &bench->store, &detail), ERR_NONE);
    *state = bench;
    return 0;
}

static inline int open_bench(void **state) {
    return bench_open(state, false);
}

static inline int close_bench(void **state) {
    struct bench *bench = *state;
    if (bench->store != NULL)
        store_close(bench->store);
    loop_free(bench->loop);
    mem_free(bench);
    return 0;
}

/* ---- jobs ---- */

struct work {
    struct store_job job;
    struct bench *bench;
    int number, runs;
    pthread_t ran_on;
    enum err result; /* what run() shall say */
    sem_t *entered, *go_on;
    enum { NOT_DONE, DONE } when;
    int order; /* how many were done before it */
};

static inline enum err put_number(int number) {
    char name[16];
    snprintf(name, sizeof name, "n%d", number);
    return fake.ops.put_meta(fake.backend, str_of(name), STR("1"));
}

/* Writes something, then says what it was told to say. */
static inline enum err work_run(struct ledger *ledger, struct store_job *job) {
    (void)ledger;
    struct work *work = CONTAINER_OF(job, struct work, job);
    work->runs++;
    work->ran_on = pthread_self();
    if (work->entered != NULL) {
        sem_post(work->entered);
        sem_wait(work->go_on);
    }
    enum err err = put_number(work->number);
    if (err == ERR_NONE && work->result != ERR_NONE)
        err = err_set(&job->detail, work->result, "work %d failed", work->number);
    return err;
}

static inline void work_done(struct store_job *job) {
    struct work *work = CONTAINER_OF(job, struct work, job);
    work->when = DONE;
    work->order = work->bench->done++;
}

static inline void work_init(struct work *work, struct bench *bench, int number) {
    *work = (struct work){.job = {.run = work_run, .done = work_done, .loop = bench->loop}, .bench = bench};
    work->number = number;
}

struct ticker {
    struct loop_timer *timer;
};

static inline void tick(void *arg) {
    loop_timer_set(((struct ticker *)arg)->timer, 2);
}

/* For what other threads change without a post: the loop turns by itself meanwhile. */
static inline void wait_until(struct bench *bench, loop_check *check, void *arg) {
    struct ticker ticker;
    ticker.timer = loop_timer_new(bench->loop, tick, &ticker);
    tick(&ticker);
    assert_true(loop_run_until(bench->loop, check, arg, DEADLINE_MS));
    loop_timer_free(ticker.timer);
}

struct wanted {
    struct bench *bench;
    int done;
};

static inline bool enough_done(void *arg) {
    struct wanted *wanted = arg;
    return wanted->bench->done >= wanted->done;
}

static inline void wait_done(struct bench *bench, int done) {
    struct wanted wanted = {bench, done};
    assert_true(loop_run_until(bench->loop, enough_done, &wanted, DEADLINE_MS));
}

struct admit {
    struct store_job job;
    struct bench *bench;
    int number;
    struct admission admission;
    struct settlement settlement;
};

static inline enum err admit_run(struct ledger *ledger, struct store_job *job) {
    struct admit *admit = CONTAINER_OF(job, struct admit, job);
    struct arena *arena = arena_new(0);
    struct item item = {0};
    struct message message = {
        .generation = GENERATION_RULE,
        .endpoint = ENDPOINT_LEGACY,
        .type = STR("SyncStarted"),
        .webhook_id = arena_printf(arena, "msg_%d", admit->number),
        .items = &item,
        .item_count = 1,
        .generated_ms = -1,
        .received_ms = clock_wall_ms(),
        .time_ms = clock_wall_ms(),
        .target = STR("/"),
    };
    struct admit_request request = {
        .message = &message, .content = content_sample(), .now_ms = clock_wall_ms(), .promise = true};
    enum err err = ledger_admit(ledger, arena, &request, &admit->admission);
    arena_free(arena);
    return err;
}

static inline enum err settle_run(struct ledger *ledger, struct store_job *job) {
    struct admit *admit = CONTAINER_OF(job, struct admit, job);
    struct arena *arena = arena_new(0);
    struct lease lease;
    size_t count = 0;
    enum err err = ledger_lease(ledger, arena, ENDPOINT_LEGACY, 1, clock_wall_ms(), &lease, &count);
    struct attempt attempt = {.id = admit->admission.id,
                              .result = ATTEMPT_FAILED,
                              .status = 500,
                              .retry_after_ms = -1,
                              .what = STR("HTTP 500")};
    if (err == ERR_NONE && count == 1)
        err = ledger_settle(ledger, &attempt, clock_wall_ms(), &admit->settlement);
    arena_free(arena);
    return err;
}

static inline void admit_done(struct store_job *job) {
    CONTAINER_OF(job, struct admit, job)->bench->done++;
}

static inline void admit_init(struct admit *admit, struct bench *bench, int number) {
    *admit = (struct admit){.job = {.run = admit_run, .done = admit_done, .loop = bench->loop}, .bench = bench};
    admit->number = number;
}

struct wanted_ready {
    struct bench *bench;
    int times;
};

static inline bool was_ready(void *arg) {
    struct wanted_ready *wanted = arg;
    return atomic_load(&wanted->bench->ready[ENDPOINT_LEGACY]) >= wanted->times;
}

#endif
