/* The loop: order of posts, wake-ups from other threads, deferral, timers, and what happens at the end. */
#include "common/clock.h"
#include "common/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000 };

struct trace {
    struct loop *loop;
    int seen[64];
    int count;
    uint64_t turn;
};

struct step {
    struct trace *trace;
    int number;
};

static void note(void *arg) {
    struct step *step = arg;
    struct trace *trace = step->trace;
    trace->seen[trace->count++] = step->number;
    trace->turn = loop_turns(trace->loop);
}

static bool saw_three(void *arg) {
    return ((struct trace *)arg)->count >= 3;
}

static bool saw_one(void *arg) {
    return ((struct trace *)arg)->count >= 1;
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

static void posts_run_in_order(void **state) {
    (void)state;
    struct trace trace = {.loop = loop_new()};
    struct step steps[] = {{&trace, 1}, {&trace, 2}, {&trace, 3}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        loop_post(trace.loop, note, &steps[i]);
    assert_int_equal(trace.count, 0);
    assert_true(loop_run_until(trace.loop, saw_three, &trace, DEADLINE_MS));
    for (int i = 0; i < 3; i++)
        assert_int_equal(trace.seen[i], i + 1);
    loop_free(trace.loop);
}

static void post_again(void *arg) {
    struct step *step = arg;
    note(step);
    if (step->trace->count < 3)
        loop_post(step->trace->loop, post_again, step);
}

static void a_post_made_by_a_post_waits_for_the_next_turn(void **state) {
    (void)state;
    struct trace trace = {.loop = loop_new()};
    struct step step = {&trace, 7};
    loop_post(trace.loop, post_again, &step);
    assert_true(loop_run_until(trace.loop, saw_one, &trace, DEADLINE_MS));
    assert_int_equal(trace.count, 1);
    assert_true(loop_run_until(trace.loop, saw_three, &trace, DEADLINE_MS));
    loop_free(trace.loop);
}

static void defer_two(void *arg) {
    struct step *steps = arg;
    loop_defer(steps[0].trace->loop, note, &steps[1]);
    loop_defer(steps[0].trace->loop, note, &steps[2]);
    note(&steps[0]);
}

static void deferred_calls_come_after_the_callback_in_the_same_turn(void **state) {
    (void)state;
    struct trace trace = {.loop = loop_new()};
    struct step steps[] = {{&trace, 1}, {&trace, 2}, {&trace, 3}};
    loop_post(trace.loop, defer_two, steps);
    assert_true(loop_run_until(trace.loop, saw_one, &trace, DEADLINE_MS));
    assert_int_equal(trace.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(trace.seen[i], i + 1);
    loop_free(trace.loop);
}

static void defer_again(void *arg) {
    struct step *step = arg;
    note(step);
    if (step->trace->count < 3)
        loop_defer(step->trace->loop, defer_again, step);
}

static void what_defers_itself_does_not_stop_the_loop(void **state) {
    (void)state;
    struct trace trace = {.loop = loop_new()};
    struct step step = {&trace, 1};
    loop_defer(trace.loop, defer_again, &step);
    assert_true(loop_run_until(trace.loop, saw_three, &trace, DEADLINE_MS));
    assert_true(loop_turns(trace.loop) >= 3);
    loop_free(trace.loop);
}

enum { THREADS = 4, POSTS = 2000 };

struct flood {
    struct loop *loop;
    _Atomic int next_thread;
    int last[THREADS];
    int count;
};

struct drop {
    struct flood *flood;
    int thread, number;
};

static struct drop drops[THREADS][POSTS];

static void on_drop(void *arg) {
    struct drop *drop = arg;
    assert_int_equal(drop->flood->last[drop->thread], drop->number);
    drop->flood->last[drop->thread]++;
    if (++drop->flood->count == THREADS * POSTS)
        loop_stop(drop->flood->loop);
}

static void *pour(void *arg) {
    struct flood *flood = arg;
    int thread = atomic_fetch_add(&flood->next_thread, 1);
    for (int i = 0; i < POSTS; i++) {
        drops[thread][i] = (struct drop){flood, thread, i};
        loop_post(flood->loop, on_drop, &drops[thread][i]);
    }
    return NULL;
}

static void many_threads_may_post(void **state) {
    (void)state;
    struct flood flood = {.loop = loop_new()};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pour, &flood), 0);
    loop_run(flood.loop);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(flood.count, THREADS * POSTS);
    loop_free(flood.loop);
}

static void *stop_loop(void *arg) {
    loop_stop(arg);
    return NULL;
}

static void stop_works_from_another_thread_and_before_the_run(void **state) {
    (void)state;
    struct loop *loop = loop_new();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_loop, loop), 0);
    loop_run(loop);
    pthread_join(thread, NULL);
    loop_stop(loop);
    loop_run(loop);
    loop_free(loop);
}

static void freeing_runs_what_is_left(void **state) {
    (void)state;
    struct trace trace = {.loop = loop_new()};
    struct step steps[] = {{&trace, 1}, {&trace, 2}, {&trace, 3}};
    loop_post(trace.loop, defer_two, steps);
    loop_free(trace.loop);
    assert_int_equal(trace.count, 3);
}

static void a_timer_fires_once_and_can_be_set_again(void **state) {
    (void)state;
    struct trace trace = {.loop = loop_new()};
    struct step step = {&trace, 1};
    struct loop_timer *timer = loop_timer_new(trace.loop, note, &step);
    int64_t began_us = clock_mono_us();
    loop_timer_set(timer, 60000);
    loop_timer_set(timer, 20);
    assert_true(loop_run_until(trace.loop, saw_one, &trace, DEADLINE_MS));
    assert_true(clock_mono_us() - began_us >= 10000);
    assert_false(loop_run_until(trace.loop, never, NULL, 30));
    assert_int_equal(trace.count, 1);
    loop_timer_set(timer, 0);
    loop_timer_cancel(timer);
    assert_false(loop_run_until(trace.loop, never, NULL, 10));
    assert_int_equal(trace.count, 1);
    loop_timer_free(timer);
    loop_timer_free(NULL);
    loop_free(trace.loop);
}

struct own_end {
    struct loop_timer *timer;
    bool fired;
};

static void free_itself(void *arg) {
    struct own_end *end = arg;
    end->fired = true;
    loop_timer_free(end->timer);
}

static bool has_fired(void *arg) {
    return ((struct own_end *)arg)->fired;
}

static void a_timer_may_free_itself(void **state) {
    (void)state;
    struct loop *loop = loop_new();
    struct own_end end = {0};
    end.timer = loop_timer_new(loop, free_itself, &end);
    loop_timer_set(end.timer, 1);
    assert_true(loop_run_until(loop, has_fired, &end, DEADLINE_MS));
    loop_free(loop);
}

static void on_pipe(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    note(arg);
}

static void sockets_are_served_while_posts_repeat(void **state) {
    (void)state;
    struct trace trace = {.loop = loop_new()}, posts = {.loop = trace.loop};
    struct step step = {&trace, 1}, repeat = {&posts, 2};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct event *event = event_new(loop_base(trace.loop), fds[0], EV_READ, on_pipe, &step);
    event_add(event, NULL);
    loop_post(trace.loop, post_again, &repeat);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_true(loop_run_until(trace.loop, saw_one, &trace, DEADLINE_MS));
    event_free(event);
    close(fds[0]);
    close(fds[1]);
    loop_free(trace.loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_run_in_order),
        cmocka_unit_test(a_post_made_by_a_post_waits_for_the_next_turn),
        cmocka_unit_test(deferred_calls_come_after_the_callback_in_the_same_turn),
        cmocka_unit_test(what_defers_itself_does_not_stop_the_loop),
        cmocka_unit_test(many_threads_may_post),
        cmocka_unit_test(stop_works_from_another_thread_and_before_the_run),
        cmocka_unit_test(freeing_runs_what_is_left),
        cmocka_unit_test(a_timer_fires_once_and_can_be_set_again),
        cmocka_unit_test(a_timer_may_free_itself),
        cmocka_unit_test(sockets_are_served_while_posts_repeat),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
