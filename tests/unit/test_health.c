/* How many deliveries of an endpoint may run, and when it is thought to be down. */
#include "proxy/flow/origins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <pthread.h>

enum { NOW_MS = 1000000, RETRY_MS = 5000 };

static void fail_until_down(struct health *health) {
    for (int i = 1; i <= FAILURES_UNTIL_DOWN; i++) {
        assert_true(health_is_up(health));
        assert_true(health_acquire(health, NOW_MS, HEALTH_SHARE_ALL));
        assert_int_equal(health_release(health, HEALTH_FAILED, 0, NOW_MS), i == FAILURES_UNTIL_DOWN);
    }
    assert_false(health_is_up(health));
}

static void places_are_as_many_as_allowed(void **state) {
    static const struct {
        uint32_t concurrency, share, places;
    } cases[] = {{64, HEALTH_SHARE_ALL, 64},   {64, HEALTH_SHARE_RETRIES, 48}, {8, HEALTH_SHARE_RETRIES, 6},
                 {4, HEALTH_SHARE_RETRIES, 3}, {1, HEALTH_SHARE_ALL, 1},       {1, HEALTH_SHARE_RETRIES, 1},
                 {3, HEALTH_SHARE_RETRIES, 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct health health;
        health_init(&health, cases[i].concurrency, RETRY_MS);
        for (uint32_t k = 0; k < cases[i].places; k++)
            assert_true(health_acquire(&health, NOW_MS, cases[i].share));
        assert_false(health_acquire(&health, NOW_MS, cases[i].share));
        health_return(&health);
        assert_true(health_acquire(&health, NOW_MS, cases[i].share));
    }
}

/* Retries leave room for what has just arrived. */
static void what_has_just_arrived_may_use_the_last_places(void **state) {
    struct health health;
    (void)state;
    health_init(&health, 8, RETRY_MS);
    for (int i = 0; i < 6; i++)
        assert_true(health_acquire(&health, NOW_MS, HEALTH_SHARE_RETRIES));
    assert_false(health_acquire(&health, NOW_MS, HEALTH_SHARE_RETRIES));
    assert_true(health_acquire(&health, NOW_MS, HEALTH_SHARE_ALL));
    assert_true(health_acquire(&health, NOW_MS, HEALTH_SHARE_ALL));
    assert_false(health_acquire(&health, NOW_MS, HEALTH_SHARE_ALL));
}

static void it_is_down_after_failures_in_a_row(void **state) {
    struct health health;
    (void)state;
    health_init(&health, 8, RETRY_MS);
    for (int i = 0; i < 3 * FAILURES_UNTIL_DOWN; i++) {
        assert_true(health_acquire(&health, NOW_MS, HEALTH_SHARE_ALL));
        assert_false(health_release(&health, i % FAILURES_UNTIL_DOWN == 0 ? HEALTH_ALIVE : HEALTH_FAILED, 0,
                                    NOW_MS)); /* never enough in a row */
    }
    assert_true(health_acquire(&health, NOW_MS, HEALTH_SHARE_ALL));
    (void)health_release(&health, HEALTH_ALIVE, 0, NOW_MS);
    fail_until_down(&health);
    assert_int_equal(atomic_load(&health.in_flight), 0);
}

static void while_down_one_delivery_at_a_time_probes(void **state) {
    struct health health;
    (void)state;
    health_init(&health, 8, RETRY_MS);
    assert_int_equal(health.probe_every_ms, 500);
    fail_until_down(&health);
    assert_int_equal(health_wait_ms(&health, NOW_MS), 500);
    assert_false(health_acquire(&health, NOW_MS + 499, HEALTH_SHARE_ALL));
    assert_int_equal(health_wait_ms(&health, NOW_MS + 499), 1);
    assert_int_equal(health_wait_ms(&health, NOW_MS + 500), 0);
    assert_int_equal(health_wait_ms(&health, NOW_MS + 900), 0);
    assert_true(health_acquire(&health, NOW_MS + 500, HEALTH_SHARE_ALL));
    assert_false(health_acquire(&health, NOW_MS + 500, HEALTH_SHARE_ALL)); /* one is under way */
    assert_false(health_release(&health, HEALTH_FAILED, 0, NOW_MS + 600));
    assert_int_equal(health_wait_ms(&health, NOW_MS + 600), 500);
    assert_false(health_acquire(&health, NOW_MS + 700, HEALTH_SHARE_ALL));
    assert_true(health_acquire(&health, NOW_MS + 1100, HEALTH_SHARE_ALL));
    assert_true(health_release(&health, HEALTH_ALIVE, 0, NOW_MS + 1200)); /* up again */
    assert_true(health_is_up(&health));
    assert_int_equal(health_wait_ms(&health, NOW_MS + 1200), 0);
    for (int i = 0; i < 8; i++)
        assert_true(health_acquire(&health, NOW_MS + 1200, HEALTH_SHARE_ALL));
}

/* What was under way when it went down, and did well, says that it is up. */
static void one_success_is_enough(void **state) {
    struct health health;
    (void)state;
    health_init(&health, 8, RETRY_MS);
    assert_true(health_acquire(&health, NOW_MS, HEALTH_SHARE_ALL));
    fail_until_down(&health);
    assert_false(health_acquire(&health, NOW_MS + RETRY_MS, HEALTH_SHARE_ALL)); /* its place is taken yet */
    assert_true(health_release(&health, HEALTH_ALIVE, 0, NOW_MS));
    assert_true(health_is_up(&health));
}

/* A tenth of the first wait between attempts, within reason: a probe uses an attempt of a real message up. */
static void probes_are_apart_by_a_tenth_of_the_first_wait(void **state) {
    static const struct {
        int64_t retry_ms, every_ms;
    } cases[] = {{0, 10}, {99, 10}, {100, 10}, {110, 11}, {4990, 499}, {5000, 500}, {60000, 500}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct health health;
        health_init(&health, 8, cases[i].retry_ms);
        assert_int_equal(health.probe_every_ms, cases[i].every_ms);
    }
}

enum { THREADS = 4, ROUNDS = 20000, PLACES = 3 };

struct contest {
    struct health health;
    _Atomic uint32_t inside;
    _Atomic bool too_many;
};

static void *take_and_give_back(void *arg) {
    struct contest *contest = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (!health_acquire(&contest->health, NOW_MS, HEALTH_SHARE_ALL))
            continue;
        if (atomic_fetch_add(&contest->inside, 1) + 1 > PLACES)
            atomic_store(&contest->too_many, true);
        atomic_fetch_sub(&contest->inside, 1);
        if (i % 3 == 0)
            health_return(&contest->health);
        else
            (void)health_release(&contest->health, HEALTH_ALIVE, 0, NOW_MS);
    }
    return NULL;
}

static void places_are_never_too_many_in_all_threads_together(void **state) {
    static struct contest contest;
    pthread_t threads[THREADS];
    (void)state;
    health_init(&contest.health, PLACES, RETRY_MS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_back, &contest), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_false(atomic_load(&contest.too_many));
    assert_int_equal(atomic_load(&contest.health.in_flight), 0);
}

/* A server that asks to be left alone gets nothing for that long, then one delivery at a time. (fault 3.7) */
static void it_is_left_alone_while_it_rests(void **state) {
    struct health health;
    (void)state;
    health_init(&health, 8, RETRY_MS);
    for (int i = 0; i < 3; i++)
        assert_true(health_acquire(&health, NOW_MS, HEALTH_SHARE_ALL));
    assert_true(health_release(&health, HEALTH_RESTS, 60000, NOW_MS));
    assert_int_equal(health_wait_ms(&health, NOW_MS), 60000);
    assert_false(health_acquire(&health, NOW_MS + 59999, HEALTH_SHARE_ALL));
    assert_false(health_release(&health, HEALTH_RESTS, 1000, NOW_MS + 10)); /* a shorter rest changes nothing */
    assert_true(health_release(&health, HEALTH_ALIVE, 0, NOW_MS + 20));     /* sent before: the rest goes on */
    assert_int_equal(health_wait_ms(&health, NOW_MS + 20), 59980);
    assert_false(health_acquire(&health, NOW_MS + 59999, HEALTH_SHARE_ALL));
    assert_true(health_acquire(&health, NOW_MS + 60000, HEALTH_SHARE_ALL));
    assert_true(health_release(&health, HEALTH_RESTS, 1000, NOW_MS + 60000));
    assert_true(health_acquire(&health, NOW_MS + 61000, HEALTH_SHARE_ALL));
    assert_false(health_acquire(&health, NOW_MS + 61000, HEALTH_SHARE_ALL)); /* one shows whether it is ready */
    assert_true(health_release(&health, HEALTH_ALIVE, 0, NOW_MS + 61000));
    assert_int_equal(health_wait_ms(&health, NOW_MS + 61000), 0);
}

/* (fault 3.5) */
static void routes_lead_to_origins(void **state) {
    static const struct opt_pair routes[] = {{{"a", 1}, {"http://one.test/x", 17}},
                                             {{"b", 1}, {"HTTP://ONE.test:80/y", 20}},
                                             {{"c", 1}, {"https://one.test", 16}},
                                             {{"d", 1}, {"http://two.test:8080/z?q", 24}}};
    static const struct {
        const char *type, *origin;
    } cases[] = {{"a", "http://two.test:8080"}, {"B", "http://one.test"},      {"c", "https://one.test"},
                 {"d", "http://two.test:8080"}, {"e", "http://two.test:8080"}, {"", "http://two.test:8080"}};
    const struct endpoint_settings settings = {
        .url = STR("http://two.test:8080"), .routes = {routes, ARRAY_LEN(routes)}, .concurrency = 2};
    struct origins origins;
    (void)state;
    origins_init(&origins, &settings, RETRY_MS);
    assert_int_equal(origins.count, 3);
    for (size_t i = 1; i < ARRAY_LEN(cases); i++) {
        const struct origin *origin = &origins.items[origins_find(&origins, str_of(cases[i].type))];
        assert_true(str_eq(origin->text, str_of(cases[i].origin)));
    }
    assert_int_equal(origins_find(&origins, STR("a")), origins_find(&origins, STR("b")));
    struct health *dead = &origins.items[origins_find(&origins, STR("a"))].health;
    fail_until_down(dead);
    assert_false(origins_are_up(&origins));
    assert_int_equal(origins_wait_ms(&origins, NOW_MS), 0);
    assert_true(health_acquire(&origins.items[origins_find(&origins, STR("c"))].health, NOW_MS, HEALTH_SHARE_ALL));
    assert_int_equal(origins_in_flight(&origins), 1);
    origins_clear(&origins);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_as_many_as_allowed),
        cmocka_unit_test(what_has_just_arrived_may_use_the_last_places),
        cmocka_unit_test(it_is_down_after_failures_in_a_row),
        cmocka_unit_test(while_down_one_delivery_at_a_time_probes),
        cmocka_unit_test(one_success_is_enough),
        cmocka_unit_test(probes_are_apart_by_a_tenth_of_the_first_wait),
        cmocka_unit_test(places_are_never_too_many_in_all_threads_together),
        cmocka_unit_test(it_is_left_alone_while_it_rests),
        cmocka_unit_test(routes_lead_to_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
