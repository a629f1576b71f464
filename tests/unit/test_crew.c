/* Threads with loops: each turns its own, deaf to signals, until it is stopped. */
#include "common/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { MEMBERS = 3, DEADLINE_MS = 20000 };

struct visit {
    struct loop *home;
    pthread_t thread;
    char name[16];
    bool blocks_signals;
};

struct tally {
    struct visit visits[MEMBERS];
    size_t count;
};

static void arrive_home(void *arg) {
    struct tally *tally = arg;
    tally->count++;
}

static struct tally tally;

static void visit_member(void *arg) {
    struct visit *visit = arg;
    sigset_t blocked;
    visit->thread = pthread_self();
    pthread_getname_np(pthread_self(), visit->name, sizeof visit->name);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    visit->blocks_signals = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGHUP) == 1;
    loop_post(visit->home, arrive_home, &tally);
}

static bool all_are_home(void *arg) {
    (void)arg;
    return tally.count == MEMBERS;
}

static void every_loop_has_its_own_thread(void **state) {
    (void)state;
    static const char *const names[MEMBERS] = {"worker-0", "worker-1", "worker-2"};
    struct loop *home = loop_new();
    struct crew *crew = crew_new("worker", MEMBERS);
    sigset_t blocked;
    assert_int_equal(crew_size(crew), MEMBERS);
    assert_int_equal(crew_start(crew, NULL), ERR_NONE);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
    for (size_t i = 0; i < MEMBERS; i++) {
        tally.visits[i] = (struct visit){.home = home};
        loop_post(crew_loop(crew, i), visit_member, &tally.visits[i]);
    }
    assert_true(loop_run_until(home, all_are_home, NULL, DEADLINE_MS));
    crew_stop(crew);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_string_equal(tally.visits[i].name, names[i]);
        assert_true(tally.visits[i].blocks_signals);
        for (size_t k = 0; k < i; k++)
            assert_false(pthread_equal(tally.visits[i].thread, tally.visits[k].thread));
    }
    crew_stop(crew);
    crew_free(crew);
    loop_free(home);
}

static void count_up(void *arg) {
    ++*(int *)arg;
}

static void what_is_posted_after_the_end_runs_when_it_is_freed(void **state) {
    (void)state;
    int count = 0;
    struct crew *crew = crew_new("a name that is too long for a thread", 2);
    assert_int_equal(crew_start(crew, NULL), ERR_NONE);
    crew_stop(crew);
    loop_post(crew_loop(crew, 1), count_up, &count);
    assert_int_equal(count, 0);
    crew_free(crew);
    assert_int_equal(count, 1);
}

static void one_that_never_started_can_be_freed(void **state) {
    (void)state;
    struct crew *crew = crew_new("idle", 2);
    assert_ptr_not_equal(crew_loop(crew, 0), crew_loop(crew, 1));
    crew_stop(crew);
    crew_free(crew);
    crew_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loop_has_its_own_thread),
        cmocka_unit_test(what_is_posted_after_the_end_runs_when_it_is_freed),
        cmocka_unit_test(one_that_never_started_can_be_freed),
    };
    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
