/* A loop's own way to the store: what goes together, who runs it, and that nobody is forgotten or kept waiting. */
#include "proxy/store/store_lane.h"
#include "proxy/store/store_internal.h"
#include "tests/unit/store_bench_fixture.h"

static int open_waiting(void **state) {
    return bench_open(state, true);
}

static void submit_all(struct bench *bench, struct store_lane *lane, struct work *works, int count) {
    for (int i = 0; i < count; i++) {
        work_init(&works[i], bench, i);
        store_lane_submit(lane, &works[i].job);
    }
}

/* The jobs of one turn: one group, done in order, and only when the turn's callbacks have returned. True: they were
 * run on the loop's own thread. */
static bool check_turn(struct bench *bench, struct store_lane *lane) {
    enum { COUNT = 100 };
    struct work works[COUNT];
    int groups = atomic_load(&bench->groups);
    bench->done = 0;
    submit_all(bench, lane, works, COUNT);
    assert_int_equal(bench->done, 0);
    wait_done(bench, COUNT);
    assert_int_equal(atomic_load(&bench->groups), groups + 1);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(works[i].job.err, ERR_NONE);
        assert_int_equal(works[i].runs, 1);
        assert_int_equal(works[i].order, i);
        assert_true(pthread_equal(works[i].ran_on, works[0].ran_on));
    }
    return pthread_equal(works[0].ran_on, pthread_self()) != 0;
}

/* But for turns that find the thread at the ledger. */
static void a_store_that_never_waits_is_served_by_the_lane(void **state) {
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    int turns = 1;
    while (!check_turn(bench, lane))
        assert_true(++turns < 1000);
    store_lane_close(lane);
    store_lane_free(lane);
}

static void a_store_that_waits_is_left_to_its_thread(void **state) {
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    for (int turn = 0; turn < 10; turn++)
        assert_false(check_turn(bench, lane));
    store_lane_close(lane);
    store_lane_free(lane);
}

static void more_than_a_group_is_served_whole(void **state) {
    enum { COUNT = 2500 };
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    struct work *works = MEM_ARRAY(COUNT, struct work);
    submit_all(bench, lane, works, COUNT);
    wait_done(bench, COUNT);
    assert_int_equal(atomic_load(&bench->groups), 3);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(works[i].order, i);
    store_lane_close(lane);
    store_lane_free(lane);
    mem_free(works);
}

/* The thread has the ledger: the loop turns on, and the thread runs the lane's jobs after its own. */
static void a_lane_never_waits_for_the_thread(void **state) {
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    struct work first, second;
    sem_t entered, go_on;
    assert_int_equal(sem_init(&entered, 0, 0), 0);
    assert_int_equal(sem_init(&go_on, 0, 0), 0);
    work_init(&first, bench, 1);
    first.entered = &entered;
    first.go_on = &go_on;
    store_submit(bench->store, &first.job);
    sem_wait(&entered);
    work_init(&second, bench, 2);
    store_lane_submit(lane, &second.job);
    loop_flush(bench->loop); /* would hang here */
    assert_int_equal(bench->done, 0);
    sem_post(&go_on);
    wait_done(bench, 2);
    assert_int_equal(second.order, 1);
    assert_false(pthread_equal(second.ran_on, pthread_self()));
    store_lane_close(lane);
    store_lane_free(lane);
    sem_destroy(&entered);
    sem_destroy(&go_on);
}

static void a_bad_job_of_a_lane_fails_alone(void **state) {
    enum { COUNT = 16 };
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    struct work works[COUNT];
    submit_all(bench, lane, works, COUNT);
    works[5].result = ERR_IO;
    wait_done(bench, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(works[i].job.err, i == 5 ? ERR_IO : ERR_NONE);
    assert_string_equal(works[5].job.detail.text, "work 5 failed");
    assert_true(store_is_failing(bench->store, NULL));
    store_lane_close(lane);
    store_lane_free(lane);
}

static void other_flags_are_in_force_from_the_next_group(void **state) {
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    struct admit admit;
    store_set_flags(bench->store, &bench->other_flags, release_flags); /* off */
    admit_init(&admit, bench, 1);
    store_lane_submit(lane, &admit.job);
    wait_done(bench, 1);
    assert_int_equal(admit.admission.outcome, ADMIT_PARKED);
    assert_int_equal(atomic_load(&bench->flags.released), 1);
    store_lane_close(lane);
    store_lane_free(lane);
}

/* What a lane made due is told at its time by the thread, which may have meant to sleep for longer. */
static void the_thread_wakes_for_what_a_lane_made_due(void **state) {
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    struct admit admit;
    admit_init(&admit, bench, 1);
    store_lane_submit(lane, &admit.job);
    wait_done(bench, 1);
    struct wanted_ready wanted = {bench, 1};
    wait_until(bench, was_ready, &wanted);
    admit.job.run = settle_run;
    store_lane_submit(lane, &admit.job);
    wait_done(bench, 2);
    assert_int_equal(admit.settlement.state, STATE_PENDING);
    pthread_mutex_lock(&bench->store->ledger_lock);
    assert_true(bench->store->wakes_ms <= admit.settlement.due_ms || clock_wall_ms() >= admit.settlement.due_ms);
    pthread_mutex_unlock(&bench->store->ledger_lock);
    wanted.times = atomic_load(&bench->ready[ENDPOINT_LEGACY]) + 1;
    wait_until(bench, was_ready, &wanted);
    assert_true(clock_wall_ms() >= admit.settlement.due_ms);
    store_lane_close(lane);
    store_lane_free(lane);
}

static void what_comes_after_closing_is_told_so(void **state) {
    struct bench *bench = *state;
    struct store_lane *lane = store_lane_new(bench->store, bench->loop);
    struct work before, after;
    work_init(&before, bench, 1);
    store_lane_submit(lane, &before.job);
    store_lane_close(lane);
    store_close(bench->store);
    bench->store = NULL;
    work_init(&after, bench, 2);
    store_lane_submit(lane, &after.job);
    wait_done(bench, 2);
    assert_int_equal(before.job.err, ERR_NONE);
    assert_int_equal(before.runs, 1);
    assert_int_equal(after.job.err, ERR_CLOSED);
    assert_string_equal(after.job.detail.text, "the store is closed");
    assert_int_equal(after.runs, 0);
    store_lane_free(lane);
}

/* ---- many loops, each with its lane, beside the thread ---- */

enum { LOOPS = 4, CHAINS = 2, LINKS = 5000 };

struct busy {
    struct bench *bench; /* its own loop, and its own count of what is done */
    struct store *store;
    struct store_lane *lane;
    struct work chains[CHAINS];
    int links[CHAINS];
    pthread_t thread;
};

/* Each chain submits its next job when the last is done. */
static void link_done(struct store_job *job) {
    struct work *work = CONTAINER_OF(job, struct work, job);
    struct busy *busy = CONTAINER_OF(work, struct busy, chains[work->number]);
    assert_int_equal(job->err, ERR_NONE);
    busy->bench->done++;
    if (++busy->links[work->number] < LINKS)
        store_lane_submit(busy->lane, job);
}

static void *be_busy(void *arg) {
    struct busy *busy = arg;
    for (int i = 0; i < CHAINS; i++) {
        work_init(&busy->chains[i], busy->bench, i);
        busy->chains[i].job.done = link_done;
        store_lane_submit(busy->lane, &busy->chains[i].job);
    }
    wait_done(busy->bench, CHAINS * LINKS);
    return NULL;
}

static void check_many(struct bench *bench) {
    struct busy *busy = MEM_ARRAY(LOOPS, struct busy);
    for (int t = 0; t < LOOPS; t++) {
        busy[t].bench = MEM_NEW(struct bench);
        busy[t].bench->loop = loop_new();
        busy[t].store = bench->store;
        busy[t].lane = store_lane_new(bench->store, busy[t].bench->loop);
        assert_int_equal(pthread_create(&busy[t].thread, NULL, be_busy, &busy[t]), 0);
    }
    struct work own;
    for (int i = 0; i < 200; i++) {
        work_init(&own, bench, i);
        bench->done = 0;
        store_submit(bench->store, &own.job);
        wait_done(bench, 1);
        assert_int_equal(own.job.err, ERR_NONE);
    }
    for (int t = 0; t < LOOPS; t++) {
        pthread_join(busy[t].thread, NULL);
        for (int i = 0; i < CHAINS; i++)
            assert_int_equal(busy[t].links[i], LINKS);
        store_lane_close(busy[t].lane);
        store_lane_free(busy[t].lane);
        loop_free(busy[t].bench->loop);
        mem_free(busy[t].bench);
    }
    assert_int_equal(atomic_load(&bench->jobs_committed), LOOPS * CHAINS * LINKS + 200);
    mem_free(busy);
}

static void many_lanes_serve_each_other(void **state) {
    check_many(*state);
}

static void many_lanes_share_the_thread(void **state) {
    check_many(*state);
}

#define SERVING(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)
#define WAITING(test) cmocka_unit_test_setup_teardown(test, open_waiting, close_bench)

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVING(a_store_that_never_waits_is_served_by_the_lane),
        WAITING(a_store_that_waits_is_left_to_its_thread),
        SERVING(more_than_a_group_is_served_whole),
        SERVING(a_lane_never_waits_for_the_thread),
        SERVING(a_bad_job_of_a_lane_fails_alone),
        SERVING(other_flags_are_in_force_from_the_next_group),
        SERVING(the_thread_wakes_for_what_a_lane_made_due),
        SERVING(what_comes_after_closing_is_told_so),
        WAITING(what_comes_after_closing_is_told_so),
        SERVING(many_lanes_serve_each_other),
        WAITING(many_lanes_share_the_thread),
    };
    return cmocka_run_group_tests_name("store_lane", tests, NULL, NULL);
}
