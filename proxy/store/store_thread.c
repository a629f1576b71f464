#include "proxy/store/store_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/store/group.h"

enum {
    GROUP_MAX = 1000,        /* jobs: bounds how long the first one waits for the last */
    SWEEP_BUDGET = 200,      /* messages in a step: some milliseconds */
    SWEEP_MS = 1000,         /* between steps that found nothing more to do */
    SWEEP_HELD_MS = 100,     /* likewise while messages are held, whose time is over any moment */
    PROBE_MS = 10000,        /* is the store writable? */
    PROBE_FAILING_MS = 1000, /* is it again? */
    READY_AGAIN_MS = 1000,
    WAIT_MAX_MS = 1000, /* wall time can be set: it is looked at again after that at the latest */
    SET_BACK_MS = 2000, /* less is what clocks do that are kept right */
};

void store_release(struct flag_set set) {
    if (set.release != NULL)
        set.release(set.flags);
}

void store_publish(struct store *store) {
    struct ledger_counts counts;
    struct ledger_stats stats;
    ledger_count(store->ledger, &counts);
    ledger_stats(store->ledger, &stats);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        atomic_store_explicit(&store->next_due_ms[e], ledger_next_due(store->ledger, (enum endpoint)e),
                              memory_order_relaxed);
        for (int s = 0; s < STATE_COUNT; s++)
            atomic_store_explicit(&store->in_state[e][s], counts.in_state[e][s], memory_order_relaxed);
    }
    atomic_store_explicit(&store->takeovers, stats.takeovers, memory_order_relaxed);
    atomic_store_explicit(&store->twins, stats.twins, memory_order_relaxed);
    atomic_store_explicit(&store->replays, stats.replays, memory_order_relaxed);
    atomic_store_explicit(&store->swept, stats.swept, memory_order_relaxed);
    atomic_store_explicit(&store->removed, stats.removed, memory_order_relaxed);
}

/* The store can write, or cannot: told once when it changes, to people here and to others when they ask. */
static void set_failing(struct store *store, enum err err, const struct err_detail *detail) {
    bool failing = err != ERR_NONE;
    pthread_mutex_lock(&store->lock);
    bool changed = failing != store->is_failing;
    store->is_failing = failing;
    if (failing)
        store->error = *detail;
    pthread_mutex_unlock(&store->lock);
    if (failing)
        store->probe_us = clock_mono_us() + PROBE_FAILING_MS * 1000;
    if (changed && failing)
        LOG(LOG_ERROR, "store failed", LOG_TEXTZ("kind", err_name(err)), LOG_TEXTZ("error", detail->text));
    else if (changed)
        LOG(LOG_INFO, "store recovered", LOG_TEXTZ("by", "writing to it"));
}

static void call_done(struct store_job *job) {
    while (job != NULL) {
        struct store_job *next = job->next; /* done() may free the job */
        job->done(job);
        job = next;
    }
}

static void on_answers(void *arg) {
    call_done(arg);
}

static struct answer_list *answers_for(struct store *store, struct loop *loop) {
    for (size_t i = 0; i < store->answer_count; i++)
        if (store->answers[i].loop == loop)
            return &store->answers[i];
    if (store->answer_count == store->answer_capacity) {
        store->answer_capacity += 16;
        store->answers = mem_resize(store->answers, store->answer_capacity * sizeof *store->answers);
    }
    struct answer_list *list = &store->answers[store->answer_count++];
    *list = (struct answer_list){.loop = loop};
    return list;
}

/* Each loop gets its jobs in one post, in their order. */
static void answer(struct store *store, struct store_job *job) {
    store->answer_count = 0;
    for (struct store_job *next; job != NULL; job = next) {
        struct answer_list *list = answers_for(store, job->loop);
        next = job->next;
        job->next = NULL;
        if (list->first == NULL)
            list->first = job;
        else
            *list->end = job;
        list->end = &job->next;
    }
    for (size_t i = 0; i < store->answer_count; i++) {
        if (store->answers[i].loop != NULL)
            loop_post(store->answers[i].loop, on_answers, store->answers[i].first);
        else
            call_done(store->answers[i].first);
    }
}

static void serve(struct store *store, struct store_job *jobs, size_t count) {
    struct err_detail detail;
    enum err err = group_run(store->ledger, &store->hooks, jobs, count, &detail);
    if (err != ERR_NONE)
        set_failing(store, err, &detail);
    store_publish(store);
    answer(store, jobs);
}

/* With the sweep, that is once a second: looking it up costs a little, and nobody needs it fresher. */
static void publish_oldest(struct store *store) {
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        int64_t received_ms = DUE_NEVER;
        if (ledger_oldest(store->ledger, STATE_PENDING, (enum endpoint)e, &received_ms) == ERR_NONE)
            atomic_store_explicit(&store->oldest_pending_ms[e], received_ms, memory_order_relaxed);
        if (ledger_oldest(store->ledger, STATE_PARKED, (enum endpoint)e, &received_ms) == ERR_NONE)
            atomic_store_explicit(&store->oldest_parked_ms[e], received_ms, memory_order_relaxed);
    }
}

static void sweep(struct store *store) {
    bool more = false;
    enum err err = ledger_begin(store->ledger);
    if (err == ERR_NONE) {
        err = ledger_sweep(store->ledger, clock_wall_ms(), SWEEP_BUDGET, &more);
        if (err == ERR_NONE)
            err = group_commit(store->ledger, &store->hooks, 0);
        else
            ledger_rollback(store->ledger);
    }
    struct err_detail detail;
    if (err != ERR_NONE)
        set_failing(store, err_set(&detail, err, "%s", ledger_error(store->ledger)), &detail);
    store_publish(store);
    publish_oldest(store);
    bool held = false;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        held = held || atomic_load_explicit(&store->in_state[e][STATE_HELD], memory_order_relaxed) > 0;
    int64_t pause_ms = err != ERR_NONE ? SWEEP_MS : more ? 0 : held ? SWEEP_HELD_MS : SWEEP_MS;
    store->sweep_us = clock_mono_us() + pause_ms * 1000;
}

static void probe(struct store *store) {
    store->probe_us = clock_mono_us() + PROBE_MS * 1000;
    enum err err = store->backend->ops->probe(store->backend);
    struct err_detail detail = store->backend->detail;
    set_failing(store, err, &detail);
}

static void tell_ready(struct store *store) {
    int64_t now_ms = clock_wall_ms(), now_us = clock_mono_us();
    for (int e = 0; e < ENDPOINT_COUNT && store->hooks.ready != NULL; e++) {
        struct readiness *told = &store->readiness[e];
        int64_t due_ms = ledger_next_due(store->ledger, (enum endpoint)e);
        if (due_ms > now_ms || (due_ms == told->told_due_ms && now_us < told->told_us + READY_AGAIN_MS * 1000))
            continue;
        *told = (struct readiness){due_ms, now_us};
        store->hooks.ready(store->hooks.arg, (enum endpoint)e);
    }
}

/* Milliseconds until there is something to do without a job. */
static int64_t pause_ms(struct store *store) {
    int64_t now_ms = clock_wall_ms(), now_us = clock_mono_us();
    int64_t first_us = store->sweep_us < store->probe_us ? store->sweep_us : store->probe_us;
    int64_t pause = first_us <= now_us ? 0 : (first_us - now_us) / 1000 + 1;
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        int64_t due_ms = ledger_next_due(store->ledger, (enum endpoint)e);
        if (due_ms > now_ms && due_ms - now_ms < pause)
            pause = due_ms - now_ms;
    }
    return pause < WAIT_MAX_MS ? pause : WAIT_MAX_MS;
}

static struct timespec mono_after(int64_t ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Up to GROUP_MAX jobs off the queue, under the lock. */
static struct store_job *take_jobs(struct store *store, size_t *count) {
    struct store_job *first = store->first, *last = NULL;
    *count = 0;
    for (struct store_job *job = first; job != NULL && *count < GROUP_MAX; job = job->next, ++*count)
        last = job;
    if (last == NULL)
        return NULL;
    store->first = last->next;
    if (store->first == NULL)
        store->end = &store->first;
    last->next = NULL;
    return first;
}

/* Waits for jobs, other flags, the end, or for time to pass. */
static struct store_job *wait_for_jobs(struct store *store, size_t *count, struct flag_set *old, bool *closing) {
    struct timespec until = mono_after(pause_ms(store));
    pthread_mutex_lock(&store->lock);
    int waited = 0;
    while (store->first == NULL && !store->has_next_flags && !store->is_closing && waited == 0)
        waited = pthread_cond_timedwait(&store->wake, &store->lock, &until);
    struct store_job *jobs = take_jobs(store, count);
    *old = (struct flag_set){0};
    if (store->has_next_flags) {
        *old = store->flags;
        store->flags = store->next_flags;
        store->has_next_flags = false;
        ledger_set_flags(store->ledger, store->flags.flags);
        store->sweep_us = 0;
    }
    *closing = store->is_closing;
    pthread_mutex_unlock(&store->lock);
    return jobs;
}

static void watch_clock(struct store *store) {
    int64_t now_ms = clock_wall_ms(), back_ms = store->wall_ms - now_ms;
    store->wall_ms = now_ms;
    if (back_ms < SET_BACK_MS)
        return;
    LOG(LOG_WARN, "the clock was set back", LOG_INT("by_ms", back_ms));
    ledger_clock_set_back(store->ledger);
    store->sweep_us = 0;
}

void *store_thread_main(void *arg) {
    struct store *store = arg;
    for (;;) {
        struct flag_set old;
        size_t count;
        bool closing;
        struct store_job *jobs = wait_for_jobs(store, &count, &old, &closing);
        store_release(old);
        if (jobs != NULL)
            serve(store, jobs, count);
        else if (closing)
            return NULL;
        watch_clock(store);
        int64_t now_us = clock_mono_us();
        if (now_us >= store->sweep_us && !closing)
            sweep(store);
        if (now_us >= store->probe_us)
            probe(store);
        tell_ready(store);
    }
}
