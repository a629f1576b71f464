/* The store's front: threads and loops, groups, what fails alone and what fails together, and the work between. */
#include "tests/unit/store_bench_fixture.h"

/* Submits a first job that keeps the thread until all the others are queued, so that they are one group. From then
 * on `failing` (which may be NULL) is set. */
static void run_as_group(struct bench *bench, struct work *works, int count, _Atomic int *failing) {
    sem_t entered, go_on;
    struct work first;
    assert_int_equal(sem_init(&entered, 0, 0), 0);
    assert_int_equal(sem_init(&go_on, 0, 0), 0);
    work_init(&first, bench, 1000000);
    first.entered = &entered;
    first.go_on = &go_on;
    bench->done = 0;
    store_submit(bench->store, &first.job);
    sem_wait(&entered);
    first.entered = NULL; /* its thread waits at go_on, and reads this no more unless it runs again */
    for (int i = 0; i < count; i++)
        store_submit(bench->store, &works[i].job);
    if (failing != NULL)
        atomic_store(failing, 1);
    sem_post(&go_on);
    wait_done(bench, count + 1);
    sem_destroy(&entered);
    sem_destroy(&go_on);
}

static enum err look_run(struct ledger *ledger, struct store_job *job) {
    (void)ledger;
    struct work *work = CONTAINER_OF(job, struct work, job);
    char name[16];
    struct str value;
    snprintf(name, sizeof name, "n%d", work->number);
    struct arena *arena = arena_new(0);
    enum err err = fake.ops.get_meta(fake.backend, arena, str_of(name), &value);
    arena_free(arena);
    return err;
}

/* Did the job of that number leave its mark? */
static bool is_written(struct bench *bench, int number) {
    struct work look;
    work_init(&look, bench, number);
    look.job.run = look_run;
    bench->done = 0;
    store_submit(bench->store, &look.job);
    wait_done(bench, 1);
    return look.job.err == ERR_NONE;
}

/* ---- the cases ---- */

static void what_waits_is_one_group_answered_in_order(void **state) {
    struct bench *bench = *state;
    struct work works[100];
    for (int i = 0; i < 100; i++)
        work_init(&works[i], bench, i);
    run_as_group(bench, works, 100, NULL);
    assert_int_equal(atomic_load(&bench->groups), 2);
    assert_int_equal(atomic_load(&bench->jobs_committed), 101);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(works[i].job.err, ERR_NONE);
        assert_int_equal(works[i].runs, 1);
        assert_int_equal(works[i].order, i + 1);
    }
    assert_true(is_written(bench, 99));
}

static void a_bad_job_fails_alone(void **state) {
    struct bench *bench = *state;
    struct work works[64];
    for (int i = 0; i < 64; i++)
        work_init(&works[i], bench, i);
    works[0].result = ERR_EXISTS;
    works[37].result = ERR_IO;
    run_as_group(bench, works, 64, NULL);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(works[i].job.err, works[i].result);
        assert_int_equal(works[i].order, i + 1);
        assert_int_equal(is_written(bench, i), works[i].result == ERR_NONE);
    }
    assert_string_equal(works[37].job.detail.text, "work 37 failed");
    assert_true(works[36].runs > 1);
}

static void answers_do_not_undo_the_group(void **state) {
    struct bench *bench = *state;
    static const enum err answers[] = {ERR_NOT_FOUND, ERR_INVALID, ERR_BUSY, ERR_NONE};
    struct work works[ARRAY_LEN(answers)];
    for (int i = 0; i < (int)ARRAY_LEN(answers); i++) {
        work_init(&works[i], bench, i);
        works[i].result = answers[i];
    }
    run_as_group(bench, works, ARRAY_LEN(answers), NULL);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        assert_int_equal(works[i].job.err, answers[i]);
        assert_int_equal(works[i].runs, 1);
    }
    assert_int_equal(atomic_load(&bench->groups), 2);
    assert_false(store_is_failing(bench->store, NULL));
}

static bool has_recovered(void *arg) {
    return !store_is_failing(((struct bench *)arg)->store, NULL);
}

static void a_failing_commit_fails_all_and_is_got_over(void **state) {
    struct bench *bench = *state;
    struct work works[10];
    struct err_detail detail;
    for (int round = 0; round < 2; round++) {
        _Atomic int *failing = round == 0 ? &fake.commits_failing : &fake.begins_failing;
        for (int i = 0; i < 10; i++)
            work_init(&works[i], bench, i);
        atomic_store(&fake.probes_failing, 1);
        run_as_group(bench, works, 10, failing);
        for (int i = 0; i < 10; i++) {
            assert_int_equal(works[i].job.err, ERR_LIMIT);
            assert_string_equal(works[i].job.detail.text, round == 0 ? "disk full at commit" : "disk full at begin");
        }
        assert_true(store_is_failing(bench->store, &detail));
        assert_non_null(strstr(detail.text, "disk full"));
        assert_true(atomic_load(&bench->groups_failed) > 0);
        atomic_store(failing, 0);
        assert_false(is_written(bench, 3));
        assert_true(store_is_failing(bench->store, NULL)); /* reading is no proof */
        atomic_store(&fake.probes_failing, 0);
        wait_until(bench, has_recovered, bench);
    }
    for (int i = 0; i < 10; i++)
        work_init(&works[i], bench, i);
    run_as_group(bench, works, 10, NULL);
    assert_int_equal(works[9].job.err, ERR_NONE);
    assert_true(is_written(bench, 9));
}

enum { THREADS = 4, PER_THREAD = 3000 };

struct submitter {
    struct bench *bench; /* its own loop, and its own count of what is done */
    struct store *store;
    struct work *works;
    pthread_t thread;
};

static void *submit_all(void *arg) {
    struct submitter *submitter = arg;
    for (int i = 0; i < PER_THREAD; i++)
        store_submit(submitter->store, &submitter->works[i].job);
    wait_done(submitter->bench, PER_THREAD);
    return NULL;
}

static void many_threads_get_their_own_answers_in_order(void **state) {
    struct bench *bench = *state;
    struct submitter submitters[THREADS];
    for (int t = 0; t < THREADS; t++) {
        struct bench *own = MEM_NEW(struct bench);
        own->loop = loop_new();
        submitters[t] = (struct submitter){.bench = own, .store = bench->store};
        submitters[t].works = MEM_ARRAY(PER_THREAD, struct work);
        for (int i = 0; i < PER_THREAD; i++)
            work_init(&submitters[t].works[i], own, t * PER_THREAD + i);
        assert_int_equal(pthread_create(&submitters[t].thread, NULL, submit_all, &submitters[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(submitters[t].thread, NULL);
        for (int i = 0; i < PER_THREAD; i++) {
            assert_int_equal(submitters[t].works[i].job.err, ERR_NONE);
            assert_int_equal(submitters[t].works[i].order, i);
        }
        loop_free(submitters[t].bench->loop);
        mem_free(submitters[t].bench);
        mem_free(submitters[t].works);
    }
    assert_int_equal(atomic_load(&bench->jobs_committed), THREADS * PER_THREAD);
    assert_true(atomic_load(&bench->groups) <= THREADS * PER_THREAD);
}

static void closing_runs_what_is_queued(void **state) {
    struct bench *bench = *state;
    struct work works[2500];
    for (int i = 0; i < 2500; i++) {
        work_init(&works[i], bench, i);
        store_submit(bench->store, &works[i].job);
    }
    store_close(bench->store);
    bench->store = NULL;
    wait_done(bench, 2500);
    for (int i = 0; i < 2500; i++)
        assert_int_equal(works[i].job.err, ERR_NONE);
    assert_int_equal(atomic_load(&bench->jobs_committed), 2500);
}

static _Atomic int at_once_count;

static void at_once_done(struct store_job *job) {
    (void)job;
    atomic_fetch_add(&at_once_count, 1);
}

static void without_a_loop_the_thread_answers(void **state) {
    struct bench *bench = *state;
    struct work work;
    work_init(&work, bench, 1);
    work.job.loop = NULL;
    work.job.done = at_once_done;
    store_submit(bench->store, &work.job);
    store_close(bench->store);
    bench->store = NULL;
    assert_int_equal(atomic_load(&at_once_count), 1);
}

static void flags_are_released_once_each(void **state) {
    struct bench *bench = *state;
    struct work work;
    store_set_flags(bench->store, &bench->other_flags, release_flags);
    store_set_flags(bench->store, &bench->last_flags, release_flags);
    work_init(&work, bench, 1);
    store_submit(bench->store, &work.job);
    wait_done(bench, 1);
    assert_int_equal(atomic_load(&bench->flags.released), 1);
    assert_int_equal(atomic_load(&bench->other_flags.released), 1);
    assert_int_equal(atomic_load(&bench->last_flags.released), 0);
    store_close(bench->store);
    bench->store = NULL;
    assert_int_equal(atomic_load(&bench->flags.released), 1);
    assert_int_equal(atomic_load(&bench->last_flags.released), 1);
}

/* ---- with messages ---- */

static void what_is_due_is_told_at_its_time(void **state) {
    struct bench *bench = *state;
    struct admit admit;
    struct ledger_counts counts;
    assert_true(store_next_due(bench->store, ENDPOINT_LEGACY) == DUE_NEVER);
    admit_init(&admit, bench, 1);
    store_submit(bench->store, &admit.job);
    wait_done(bench, 1);
    assert_int_equal(admit.admission.outcome, ADMIT_ACCEPTED);
    store_count(bench->store, &counts);
    assert_int_equal(counts.in_state[ENDPOINT_LEGACY][STATE_PENDING], 1);
    assert_true(store_next_due(bench->store, ENDPOINT_LEGACY) <= clock_wall_ms());
    struct wanted_ready wanted = {bench, 1};
    wait_until(bench, was_ready, &wanted);
    admit.job.run = settle_run;
    store_submit(bench->store, &admit.job);
    wait_done(bench, 2);
    assert_int_equal(admit.job.err, ERR_NONE);
    assert_int_equal(admit.settlement.state, STATE_PENDING);
    wanted.times = atomic_load(&bench->ready[ENDPOINT_LEGACY]) + 1;
    wait_until(bench, was_ready, &wanted);
    assert_true(clock_wall_ms() >= admit.settlement.due_ms);
    assert_int_equal(atomic_load(&bench->ready[ENDPOINT_NEW]), 0);
}

static void nobody_waits_for_a_clock_that_was_set_back(void **state) {
    enum { BACK_MS = 5 * 3600 * 1000 };
    struct bench *bench = *state;
    struct admit admit;
    admit_init(&admit, bench, 1);
    store_submit(bench->store, &admit.job);
    wait_done(bench, 1);
    admit.job.run = settle_run;
    store_submit(bench->store, &admit.job);
    wait_done(bench, 2);
    assert_int_equal(admit.settlement.state, STATE_PENDING);
    struct wanted_ready wanted = {bench, atomic_load(&bench->ready[ENDPOINT_LEGACY]) + 1};
    clock_shift_wall_ms(-BACK_MS);
    wait_until(bench, was_ready, &wanted);
    clock_shift_wall_ms(BACK_MS);
}

enum { PARKED = 1500 };

struct flow {
    struct bench *bench;
    struct work work;
    int rounds;
};

static void flow_done(struct store_job *job) {
    struct flow *flow = CONTAINER_OF(CONTAINER_OF(job, struct work, job), struct flow, work);
    flow->rounds++;
    store_submit(flow->bench->store, job);
}

static bool all_are_pending(void *arg) {
    struct ledger_counts counts;
    store_count(((struct bench *)arg)->store, &counts);
    return counts.in_state[ENDPOINT_LEGACY][STATE_PENDING] == PARKED;
}

static bool is_quiet(void *arg) {
    return ((struct flow *)arg)->work.when == DONE;
}

static void flow_last(struct store_job *job) {
    CONTAINER_OF(job, struct work, job)->when = DONE;
}

static void the_sweep_goes_on_while_jobs_flow(void **state) {
    struct bench *bench = *state;
    struct admit *admits = MEM_ARRAY(PARKED, struct admit);
    struct ledger_counts counts;
    struct ledger_stats stats;
    store_set_flags(bench->store, &bench->other_flags, NULL); /* off */
    for (int i = 0; i < PARKED; i++) {
        admit_init(&admits[i], bench, i);
        store_submit(bench->store, &admits[i].job);
    }
    wait_done(bench, PARKED);
    store_count(bench->store, &counts);
    assert_int_equal(counts.in_state[ENDPOINT_LEGACY][STATE_PARKED], PARKED);
    struct flow flow = {.bench = bench};
    work_init(&flow.work, bench, 1);
    flow.work.job.done = flow_done;
    store_submit(bench->store, &flow.work.job);
    store_set_flags(bench->store, &bench->last_flags, NULL); /* on */
    wait_until(bench, all_are_pending, bench);
    assert_true(flow.rounds >= 1);
    store_stats(bench->store, &stats);
    assert_true(stats.swept >= PARKED);
    flow.work.job.done = flow_last;
    assert_true(loop_run_until(bench->loop, is_quiet, &flow, DEADLINE_MS));
    mem_free(admits);
}

/* ---- opening ---- */

static void addresses_are_read(void **state) {
    (void)state;
    static const struct {
        const char *url;
        enum err err;
        const char *text;
    } rows[] = {
        {"postgresql://db/x", ERR_INVALID, "store.url: PostgreSQL is not available in this build"},
        {"postgres://db/x", ERR_INVALID, "store.url: PostgreSQL is not available in this build"},
        {"mysql:x", ERR_INVALID, "store.url: \"mysql:x\" is neither sqlite:PATH nor memory:"},
        {"", ERR_INVALID, "store.url: \"\" is neither sqlite:PATH nor memory:"},
        {"sqlite:", ERR_INVALID, "store: \"\" is not the name of a file"},
        {"sqlite::memory:", ERR_INVALID, "store: \":memory:\" is not the name of a file"},
    };
    struct flags flags = {.on = true};
    struct store_options options = {.policy = &policy, .flag = flag_of, .flags = &flags, .release = release_flags};
    struct store *store;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err_detail detail = {0};
        options.url = rows[i].url;
        assert_int_equal(store_open(&options, &store, &detail), rows[i].err);
        assert_string_equal(detail.text, rows[i].text);
    }
    assert_int_equal(atomic_load(&flags.released), 0); /* still the caller's */
    options.url = "memory:";
    assert_int_equal(store_open(&options, &store, NULL), ERR_NONE);
    store_close(store);
    assert_int_equal(atomic_load(&flags.released), 1);
}

static void what_was_answered_is_there_after_reopening(void **state) {
    (void)state;
    struct place place;
    place_make(&place);
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s", place.path);
    struct bench bench = {.loop = loop_new(), .flags.on = true};
    struct store_options options = {
        .url = url, .sync = STORE_SYNC_FULL, .policy = &policy, .flag = flag_of, .flags = &bench.flags};
    struct admit admits[2];
    for (int round = 0; round < 2; round++) {
        assert_int_equal(store_open(&options, &bench.store, NULL), ERR_NONE);
        admit_init(&admits[round], &bench, 7);
        store_submit(bench.store, &admits[round].job);
        wait_done(&bench, round + 1);
        store_close(bench.store);
    }
    assert_int_equal(admits[0].admission.outcome, ADMIT_ACCEPTED);
    assert_int_equal(admits[1].admission.outcome, ADMIT_DUPLICATE);
    assert_int_equal(admits[1].admission.id, admits[0].admission.id);
    loop_free(bench.loop);
    place_remove(&place);
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BENCH(what_waits_is_one_group_answered_in_order),
        ON_BENCH(a_bad_job_fails_alone),
        ON_BENCH(answers_do_not_undo_the_group),
        ON_BENCH(a_failing_commit_fails_all_and_is_got_over),
        ON_BENCH(many_threads_get_their_own_answers_in_order),
        ON_BENCH(closing_runs_what_is_queued),
        ON_BENCH(without_a_loop_the_thread_answers),
        ON_BENCH(flags_are_released_once_each),
        ON_BENCH(what_is_due_is_told_at_its_time),
        ON_BENCH(nobody_waits_for_a_clock_that_was_set_back),
        ON_BENCH(the_sweep_goes_on_while_jobs_flow),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(what_was_answered_is_there_after_reopening),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
