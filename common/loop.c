/* libevent without its locks: an event base that only its own thread touches needs none, and the one door for other
 * threads is a queue of its own.
 *
 *     other threads ──loop_post()──► posts (mutex) ──eventfd──► run_posts() ─┐
 *                                                                            ├─► one turn, then run_deferred()
 *     sockets, timers ─────────────────────────────► their callbacks ────────┘
 *
 * The queue is swapped for an empty one before it is run, so that the lock is held for two assignments and a post made
 * by a post waits for the next turn: sockets are not starved by work that posts itself. */
#include "common/loop.h"

#include "common/fault.h"
#include "common/log.h"
#include "common/log_bound.h"
#include "common/loop_memory.h"
#include "common/mem.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct call {
    loop_fn *fn;
    void *arg;
};

struct queue {
    struct call *calls;
    size_t count, capacity;
};

struct loop {
    struct event_base *base;
    struct event *wake_event;
    int wake_fd;
    _Atomic bool stopping;
    _Atomic uint64_t turns;
    pthread_mutex_t lock; /* guards `posts` only */
    struct queue posts;
    struct queue running;  /* the posts taken over by the turn under way */
    struct queue deferred; /* the loop's thread only */
};

struct loop_timer {
    struct event *event;
    loop_fn *fn;
    void *arg;
};

static void queue_push(struct queue *queue, loop_fn *fn, void *arg) {
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 16 : queue->capacity * 2;
        queue->calls = mem_resize(queue->calls, queue->capacity * sizeof *queue->calls);
    }
    queue->calls[queue->count++] = (struct call){fn, arg};
}

static void queue_run(struct queue *queue) {
    for (size_t i = 0; i < queue->count; i++)
        queue->calls[i].fn(queue->calls[i].arg);
    queue->count = 0;
}

static void queue_swap(struct queue *a, struct queue *b) {
    struct queue kept = *a;
    *a = *b;
    *b = kept;
}

static void wake(struct loop *loop) {
    const uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* fails only when the counter is full, and then the loop is awake */
}

static void run_posts(struct loop *loop) {
    pthread_mutex_lock(&loop->lock);
    queue_swap(&loop->posts, &loop->running);
    pthread_mutex_unlock(&loop->lock);
    queue_run(&loop->running);
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    uint64_t count;
    ssize_t got = read((int)fd, &count, sizeof count);
    (void)got; /* what matters is the queue */
    run_posts(arg);
}

/* libevent would write to standard error itself, and block where nobody reads it. */
static void on_library_line(int severity, const char *what) {
    LOG_BOUNDED(severity >= EVENT_LOG_ERR    ? LOG_ERROR
                : severity == EVENT_LOG_WARN ? LOG_WARN
                                             : LOG_DEBUG,
                "libevent", LOG_TEXTZ("what", what));
}

static struct event_base *base_new(void) {
    loop_memory_use();
    event_set_log_callback(on_library_line);
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(void) {
    struct loop *loop = MEM_NEW(struct loop);
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = FAULT("loop.open", EMFILE) ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = base_new();
    if (loop->base != NULL && loop->wake_fd >= 0)
        loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    if (loop->wake_event == NULL || event_add(loop->wake_event, NULL) != 0) {
        LOG(LOG_ERROR, "no event loop could be made: out of descriptors or memory");
        abort();
    }
    return loop;
}

/* One batch only: what is deferred meanwhile waits for the next turn, which then does not block. */
static void run_deferred(struct loop *loop) {
    struct queue batch = loop->deferred;
    loop->deferred = (struct queue){0};
    queue_run(&batch);
    if (loop->deferred.count == 0)
        queue_swap(&loop->deferred, &batch);
    mem_free(batch.calls);
}

static bool has_posts(struct loop *loop) {
    pthread_mutex_lock(&loop->lock);
    bool some = loop->posts.count > 0;
    pthread_mutex_unlock(&loop->lock);
    return some;
}

void loop_flush(struct loop *loop) {
    while (has_posts(loop) || loop->deferred.count > 0) {
        run_posts(loop);
        run_deferred(loop);
    }
}

void loop_free(struct loop *loop) {
    if (loop == NULL)
        return;
    loop_flush(loop);
    event_free(loop->wake_event);
    event_base_free(loop->base);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    mem_free(loop->posts.calls);
    mem_free(loop->running.calls);
    mem_free(loop->deferred.calls);
    mem_free(loop);
}

struct event_base *loop_base(struct loop *loop) {
    return loop->base;
}

static void turn(struct loop *loop) {
    event_base_loop(loop->base, loop->deferred.count > 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
    if (loop->deferred.count > 0)
        run_deferred(loop);
    atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
}

void loop_run(struct loop *loop) {
    while (!atomic_exchange(&loop->stopping, false))
        turn(loop);
}

void loop_stop(struct loop *loop) {
    atomic_store(&loop->stopping, true);
    wake(loop);
}

static void set_flag(void *arg) {
    *(bool *)arg = true;
}

bool loop_run_until(struct loop *loop, loop_check *done, void *arg, int64_t within_ms) {
    bool late = false;
    struct loop_timer *timer = loop_timer_new(loop, set_flag, &late);
    loop_timer_set(timer, within_ms);
    bool is_done = done(arg);
    while (!is_done && !late) {
        turn(loop);
        is_done = done(arg);
    }
    loop_timer_free(timer);
    return is_done;
}

void loop_post(struct loop *loop, loop_fn *fn, void *arg) {
    pthread_mutex_lock(&loop->lock);
    bool first = loop->posts.count == 0;
    queue_push(&loop->posts, fn, arg);
    pthread_mutex_unlock(&loop->lock);
    if (first)
        wake(loop);
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg) {
    queue_push(&loop->deferred, fn, arg);
}

uint64_t loop_turns(const struct loop *loop) {
    return atomic_load_explicit(&loop->turns, memory_order_relaxed);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct loop_timer *timer = arg;
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg) {
    struct loop_timer *timer = MEM_NEW(struct loop_timer);
    timer->fn = fn;
    timer->arg = arg;
    timer->event = event_new(loop->base, -1, 0, on_timer, timer);
    if (timer->event == NULL)
        abort(); /* out of memory */
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t after_ms) {
    int64_t ms = after_ms < 0 ? 0 : after_ms;
    struct timeval after = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    if (event_add(timer->event, &after) != 0)
        abort(); /* out of memory */
}

void loop_timer_cancel(struct loop_timer *timer) {
    event_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer) {
    if (timer == NULL)
        return;
    event_free(timer->event);
    mem_free(timer);
}
